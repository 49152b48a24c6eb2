"""Photographs a second by embedder, beside cores times the pipeline alone in one process."""

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter, thread_time

import click
import numpy as np
from joblib import cpu_count

from benchmarks.copies import copy_paths
from benchmarks.embedding_run import Run, embed_copies
from index.embedding.embedder import ItemPhoto, embed_photo
from index.embedding.embedders import LOCAL, RAY
from training.evaluation.score_table import Table
from training.photo.encoder import Encoder

GOAL = 0.85
BESIDE = 300
"""Photographs of the pipeline alone before each run, and after it."""

COLUMNS = (
    "embedder",
    "photographs/s, start of its processes included",
    "cores x pipeline alone",
    "share",
    "goal",
    "reached",
    "first result after s",
    "photographs/s from then on",
    "CPU ms a photograph, of all processes",
    "of the pipeline alone",
    "MB of the largest worker",
)
NOTE = (
    "Whole runs of `embed_catalogue` with an empty cache, by the clock; the pipeline alone was measured "
    "before and after each. The vectors of all runs were equal to the bit. Ray's own start is no part of it."
)


def _alone(paths: Sequence[Path], encoder: Encoder) -> tuple[float, float]:
    """Return the seconds of the clock and of CPU that a photograph takes in this process."""
    start, cpu = perf_counter(), thread_time()
    for path in paths:
        embed_photo(ItemPhoto(path), encoder)
    return (perf_counter() - start) / len(paths), (thread_time() - cpu) / len(paths)


def _row(name: str, processes: int, run: Run, count: int, alone: Sequence[float]) -> tuple[str | None, ...]:
    clock, cpu = alone
    floor = min(processes, cpu_count()) / clock
    share = count / run.seconds / floor
    goal = (f"{GOAL:.2f}", "yes" if share >= GOAL else "no") if name != RAY else (None, None)
    started = f" (itself started in {run.started:.1f} s)" if name == RAY else ""
    return (
        f"{name}, {processes}{started}",
        f"{count / run.seconds:.1f}",
        f"{floor:.1f}",
        f"{share:.2f}",
        *goal,
        f"{run.first:.1f}",
        f"{count / (run.seconds - run.first):.1f}",
        f"{run.cpu / count * 1000:.1f}",
        f"{cpu * 1000:.1f}",
        f"{run.worker / 1e6:.0f}" if run.worker else None,
    )


def rates_table(folder: Path, encoder: Encoder, *, count: int) -> Table:
    """Embed the first `count` copies in a folder by every embedder.

    Raises
    ------
    click.ClickException
        Two embedders made different vectors.
    """
    paths = copy_paths(folder, min(count, BESIDE))
    _alone(paths[:1], encoder)  # what is loaded once
    embedders = [(LOCAL, processes) for processes in sorted({1, 2, cpu_count()})]
    rows, digests = [], set()
    for name, processes in [*embedders, *([(RAY, 2)] if find_spec(RAY) else [])]:
        before = _alone(paths, encoder)
        run = embed_copies(name, processes, folder, count)
        alone = np.mean([before, _alone(paths, encoder)], axis=0).tolist()
        rows.append(_row(name, processes, run, count, alone))
        digests.add(run.digest)
    if len(digests) > 1:
        raise click.ClickException("The embedders have made different vectors of the same photographs.")
    return Table("rates", f"Photographs a second, {count:,} of 400 x 533", COLUMNS, tuple(rows), NOTE)
