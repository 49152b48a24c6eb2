"""Work in parallel: sources in, one result or error for each, in order."""

import os
import signal
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from multiprocessing import resource_tracker
from typing import TypeVar

from training import child_process
from training.errors import UnreadableImage
from training.progress import progress_bar

BATCH = 8  # sources a worker takes at a time

Source = TypeVar("Source")
Result = TypeVar("Result")


def cpu_count() -> int:
    """Return how many cores this process may use."""
    from joblib import cpu_count  # here and below: most commands start no processes, and do without it

    return cpu_count()


def _or_error(function: Callable[[Source], Result], source: Source) -> Result | UnreadableImage:
    try:
        return function(source)
    except UnreadableImage as error:
        return error


@contextmanager
def _ctrl_c_held_back() -> Iterator[None]:
    """Keep Ctrl-C from processes that are started here; one that comes meanwhile reaches this one after.

    Python's resource tracker, which the first of them would start, lets Ctrl-C through once it has begun.
    """
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _begin(parent: int, start: Callable[[], None] | None) -> None:
    child_process.begin(parent)
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

    Call it in a thread that lives as long as the process: the workers end with the thread that starts them.

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
    from joblib import Parallel, delayed

    run = Parallel(
        n_jobs=min(processes or cpu_count(), max(len(sources), 1)),
        return_as="generator",
        batch_size=BATCH,
        pre_dispatch="4*n_jobs",
        initializer=_begin,
        initargs=(os.getpid(), start),
    )
    with _ctrl_c_held_back():
        results = run(delayed(_or_error)(function, source) for source in sources)
    yield from progress_bar(results, total=len(sources), desc=progress, unit=unit, disable=progress is None)


def in_threads(
    function: Callable[[Source], Result], sources: Sequence[Source], *, threads: int
) -> Generator[Result | UnreadableImage, None, None]:
    """Apply a function to a few sources by threads, which start at once and have Python's lock in turn.

    Parameters
    ----------
    function : function
        From a source to a result.
    sources : sequence
    threads : int

    Yields
    ------
    result or UnreadableImage
        As for `in_order`.
    """
    with ThreadPoolExecutor(threads) as pool:
        try:
            yield from pool.map(partial(_or_error, function), sources)
        finally:
            pool.shutdown(cancel_futures=True)
