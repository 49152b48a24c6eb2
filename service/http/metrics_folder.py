"""The folder in which workers share their metrics, and the merging of those of a worker that has ended.

prometheus_client maps a worker's counts from files. A disk without room under a mapped file ends the process
(SIGBUS), so a worker reserves its files whole before they are mapped; where it can't, it counts for itself.

gunicorn's master imports this module, so it must bring along neither NumPy nor FAISS.
"""

import fcntl
import logging
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from prometheus_client import values
from prometheus_client.mmap_dict import MmapedDict
from prometheus_client.multiprocess import mark_process_dead

from service.config import METRICS_FOLDER

RESERVED_BYTES = 2**20
"""Of a file: more than twice what all labels need, so that none grows while it is mapped."""

_KINDS = ("counter", "histogram", "gauge_livesum")
_LIVES_ON = re.compile(r"(counter|histogram)_\d+\.db")
_PREFIX = "service-"
_ALIVE = "alive"

_log = logging.getLogger(__name__)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the lock under which the metrics of a folder are read and merged."""
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _hold(folder: Path) -> int | None:
    """Return a descriptor that holds a service's folder until its last process ends; None where one does."""
    descriptor = os.open(folder / _ALIVE, os.O_CREAT | os.O_RDWR)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def _remove_abandoned(parent: Path) -> None:
    """Remove the folders of services that were killed."""
    for folder in parent.glob(f"{_PREFIX}*"):
        if (descriptor := _hold(folder)) is not None:
            shutil.rmtree(folder, ignore_errors=True)
            os.close(descriptor)


def share_metrics(parent: Path) -> None:
    """Make a folder for this service within `parent`, and let its workers share their metrics in it.

    Where none can be made, that is logged, and each worker counts for itself.
    """
    try:
        parent.mkdir(parents=True, exist_ok=True)
        with locked(parent):
            _remove_abandoned(parent)
            folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
            _hold(folder)  # the descriptor stays open in this process and in its workers
    except OSError as error:
        _log.warning("Each worker has metrics of its own: none can lie in '%s' (%s)", parent, error.strerror)
        return
    os.environ[METRICS_FOLDER] = str(folder.absolute())
    values.ValueClass = values.get_value_class()  # chosen again: it was before


def _reserve(folder: Path, owner: str, kinds: tuple[str, ...]) -> None:
    for kind in kinds:
        with (folder / f"{kind}_{owner}.db").open("ab") as file:
            file.write(bytes(max(RESERVED_BYTES - file.tell(), 0)))


def count_for_itself() -> None:
    """Let this process, which has made no metric yet, share none."""
    os.environ.pop(METRICS_FOLDER, None)
    values.ValueClass = values.MutexValue


def join_metrics() -> None:
    """Reserve the files of this worker, which has made no metric yet; without room it counts for itself."""
    if METRICS_FOLDER not in os.environ:
        return
    folder = Path(os.environ[METRICS_FOLDER])
    try:
        _reserve(folder, str(os.getpid()), _KINDS)
    except OSError as error:
        _log.warning(
            "The metrics of this worker can't be shared in '%s' (%s): make room, and restart the service",
            folder,
            error.strerror,
        )
        count_for_itself()


def _add_up(file: Path, total: Path) -> None:
    figures = MmapedDict(str(total))
    for key, value, timestamp, _ in MmapedDict.read_all_values_from_file(str(file)):
        figures.write_value(key, figures.read_value(key)[0] + value, timestamp)
    figures.close()
    file.unlink()


def fold_worker(pid: int, folder: Path) -> None:
    """Merge the counts of a worker that has ended into those of all ended workers, and remove its files.

    Where the folder is gone or the disk is full, that is logged, and counts are lost.
    """
    try:
        with locked(folder):
            mark_process_dead(pid, str(folder))
            _reserve(folder, "ended", ("counter", "histogram"))
            for file in folder.glob(f"*_{pid}.db"):
                if _LIVES_ON.fullmatch(file.name):
                    _add_up(file, file.with_name(f"{file.name.partition('_')[0]}_ended.db"))
    except (OSError, RuntimeError) as error:
        _log.warning("The metrics of worker %d are lost: %s", pid, error)


def remove_metrics() -> None:
    """Remove the folder of this service."""
    if METRICS_FOLDER in os.environ:
        shutil.rmtree(os.environ[METRICS_FOLDER], ignore_errors=True)
