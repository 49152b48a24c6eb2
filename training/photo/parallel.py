"""Photographs to garments in parallel: paths in, one garment or error for each, in order."""

import signal
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TypeVar

from joblib import Parallel, cpu_count, delayed

from training.errors import UnreadableImage
from training.photo.garment import Garment, read_garment
from training.progress import progress_bar

BATCH = 8  # sources a worker takes at a time

Source = TypeVar("Source")
Result = TypeVar("Result")


def _or_error(function: Callable[[Source], Result], source: Source) -> Result | UnreadableImage:
    try:
        return function(source)
    except UnreadableImage as error:
        return error


@contextmanager
def _ctrl_c_ignored() -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def leave_ctrl_c(start: Callable[[], None] | None = None) -> None:
    """Let the process that has started this one handle Ctrl-C, then call `start`."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if start is not None:
        start()


def in_order(
    function: Callable[[Source], Result],
    sources: Sequence[Source],
    *,
    processes: int | None = None,
    progress: str | None = None,
    unit: str = "photo",
    start: Callable[[], None] | None = None,
) -> Generator[Result | UnreadableImage, None, None]:
    """Apply a function to many sources in parallel, with a bounded number in memory.

    Parameters
    ----------
    function : function
        From a source to a result; other processes must be able to import it.
    sources : sequence
        Paths, for example.
    processes : int, optional
        Worker processes; one a core by default. With 1 no process is started.
    progress, unit : str
        Label and unit of a progress bar on standard error; without a label there is no bar.
    start : function, optional
        Called once in each worker process before its first source; not called with 1 process.

    Yields
    ------
    result or UnreadableImage
        One for each source, in order; an unreadable photograph yields its error instead of raising it.
    """
    run = Parallel(
        n_jobs=min(processes or cpu_count(), max(len(sources), 1)),
        return_as="generator",
        batch_size=BATCH,
        pre_dispatch="4*n_jobs",
        initializer=leave_ctrl_c if start is None else partial(leave_ctrl_c, start),
    )
    with _ctrl_c_ignored():  # as processes that are started here go on doing, from their first line on
        results = run(delayed(_or_error)(function, source) for source in sources)
    yield from progress_bar(results, total=len(sources), desc=progress, unit=unit, disable=progress is None)


def isolate_all(
    paths: Sequence[Path], *, processes: int | None = None, progress: str | None = None
) -> Iterator[Garment | UnreadableImage]:
    """Decode and isolate photographs in parallel; options and order as in `in_order`."""
    return in_order(read_garment, paths, processes=processes, progress=progress)
