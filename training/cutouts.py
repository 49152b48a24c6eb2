"""Photographs to garments, many at a time: paths in, one garment (or the reason why not) a path, in order."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from joblib import Parallel, cpu_count, delayed
from tqdm import tqdm

from training.errors import UnreadableImage
from training.garment import Garment, read_garment


def _read_or_explain(path: Path) -> Garment | UnreadableImage:
    try:
        return read_garment(path)
    except UnreadableImage as error:
        return error


def isolate_all(
    paths: Sequence[Path], *, processes: int | None = None, progress: str | None = None
) -> Iterator[Garment | UnreadableImage]:
    """Decode and isolate photographs in parallel, a bounded number of them in memory.

    Parameters
    ----------
    paths : sequence of Path
    processes : int, optional
        Worker processes; all cores without it. With 1 nothing is started.
    progress : str, optional
        Label of a progress bar on standard error (rate and time left); no bar without it.

    Yields
    ------
    Garment or UnreadableImage
        One for each path, in the order of `paths`; an unreadable photograph yields its error.
    """
    run = Parallel(
        n_jobs=min(processes or cpu_count(), max(len(paths), 1)),
        return_as="generator",
        batch_size=8,
        pre_dispatch="4*n_jobs",
    )
    results = run(delayed(_read_or_explain)(path) for path in paths)
    yield from tqdm(results, total=len(paths), desc=progress, unit="photo", disable=progress is None)
