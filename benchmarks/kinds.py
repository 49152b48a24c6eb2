"""What each kind of index finds, how fast, and what it takes: one thread, vectors like those of an encoder.

Run it with `python -m benchmarks.kinds [--vectors 1000000] [--dimension 128] [--quick]`. The vectors are a
mixture of groups in few dimensions, pushed through a fixed map of two layers; the queries are other draws of
the same mixture, so that none is in the index or known to the tuning of the search width. The rows that a
filter allows are those nearest to one vector, as a category's are; most queries come from elsewhere. Times
are the processor's: the same as the clock's on a machine that does nothing else.
"""

import os
import platform
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from time import process_time, thread_time

import click
import faiss
import numpy as np

from index.kinds.choice import KINDS, kind_named
from index.kinds.tuning import FIRST, Search, Trial

QUERIES = 300
QUICK = 20_000
GROUPS, HIDDEN, LAYER = 500, 24, 96
SPREAD = 0.7
BATCH = 100_000
SHARES = (1.0, 0.5, 0.05)


@dataclass(frozen=True)
class Task:
    """Queries of which the answers are known, with the share of the rows that may be found."""

    share: float
    allowed: np.ndarray | None
    queries: np.ndarray
    truth: Trial


def _draw(count: int, dimension: int, *, seed: int) -> np.ndarray:
    """Return unit vectors float32 (count, dimension) of the mixture."""
    world = np.random.default_rng(0)
    centres = world.standard_normal((GROUPS, HIDDEN))
    first = world.standard_normal((HIDDEN, LAYER)).astype(np.float32) / np.float32(HIDDEN**0.5)
    second = world.standard_normal((LAYER, dimension)).astype(np.float32)
    rng = np.random.default_rng(seed)
    vectors = np.empty((count, dimension), np.float32)
    for start in range(0, count, BATCH):
        size = min(BATCH, count - start)
        points = centres[rng.integers(0, GROUPS, size)] + SPREAD * rng.standard_normal((size, HIDDEN))
        mapped = np.tanh(points.astype(np.float32) @ first) @ second
        vectors[start : start + size] = mapped / np.linalg.norm(mapped, axis=1, keepdims=True)
    return vectors


def _task(share: float, vectors: np.ndarray, queries: np.ndarray) -> Task:
    similarity = vectors @ vectors[0]
    allowed = None if share == 1 else similarity >= np.quantile(similarity, 1 - share)
    flat = faiss.IndexFlatIP(vectors.shape[1])
    flat.add(vectors)
    return Task(share, allowed, queries, Trial(flat, queries, allowed))


def _median_ms(search: Search, queries: np.ndarray) -> float:
    took = []
    for query in queries:
        start = thread_time()
        search(query[None], FIRST)
        took.append((thread_time() - start) * 1000)
    return median(took)


def _build(kind: str, vectors: np.ndarray, path: Path) -> tuple[dict[str, float | int | str], float]:
    """Save an index of `vectors` at `path`; return its parameters, and the seconds of its build."""
    start = process_time()
    built = kind_named(kind).build(vectors)
    seconds = process_time() - start
    built.save(path)
    return built.parameters, seconds


def _line(kind: str, vectors: np.ndarray, tasks: Sequence[Task], path: Path) -> str:
    """Build, load and search one kind; return its line of the table."""
    parameters, seconds = _build(kind, vectors, path)
    start = thread_time()
    index = kind_named(kind).load(path, parameters)
    index.search(tasks[0].queries[:1], FIRST)
    load_ms = (thread_time() - start) * 1000
    width = ", ".join(f"{name} {value}" for name, value in parameters.items() if name != "recall")
    size = path.stat().st_size / len(index)
    needed = index.bytes_per_vector(index.dimension)
    cells = [kind, width or "all", f"{seconds:.0f}", f"{size:.0f}", f"{needed}", f"{load_ms:.1f}"]
    for task in tasks:
        search = partial(index.search, allowed=task.allowed)
        cells += [f"{task.truth.recall(search):.4f}", f"{_median_ms(search, task.queries):.2f}"]
    return f"| {' | '.join(cells)} |"


def _head(tasks: Sequence[Task]) -> str:
    names = ["kind", "width", "build s", "bytes a vector", "of them in memory", "load ms"]
    for task in tasks:
        of = "" if task.share == 1 else f", {task.share:.0%} allowed"
        names += [f"recall@{FIRST}{of}", f"ms{of}"]
    return f"| {' | '.join(names)} |\n|---|---|{'---:|' * (len(names) - 2)}"


@click.command()
@click.option(
    "--vectors", "count", type=click.IntRange(min=1000), default=1_000_000, show_default=True, help="Vectors."
)
@click.option(
    "--dimension", type=click.IntRange(min=2), default=128, show_default=True, help="Numbers of a vector."
)
@click.option("--quick", is_flag=True, help=f"Take {QUICK:,} vectors, to see that everything runs.")
def main(count: int, dimension: int, quick: bool) -> None:
    """Print one Markdown table."""
    faiss.omp_set_num_threads(1)
    count = QUICK if quick else count
    click.echo(f"Drawing {count:,} vectors", err=True)
    vectors, queries = _draw(count, dimension, seed=1), _draw(QUERIES, dimension, seed=2)
    tasks = [_task(share, vectors, queries) for share in SHARES]
    click.echo(
        f"{count:,} vectors of {dimension} numbers, {QUERIES} queries that are not among them, one thread of "
        f"{os.cpu_count()} cores ({platform.machine()}), FAISS {faiss.__version__}; all times are the "
        "processor's, those of the build with the tuning of the width\n"
    )
    click.echo(_head(tasks))
    with tempfile.TemporaryDirectory() as folder:
        for kind in KINDS:
            click.echo(f"Building {kind}", err=True)
            click.echo(_line(kind, vectors, tasks, Path(folder) / "vectors.faiss"))


if __name__ == "__main__":
    main()
