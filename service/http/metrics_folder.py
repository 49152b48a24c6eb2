"""The folder in which workers share their metrics, and the merging of those of a worker that has ended.

gunicorn's master imports this module, so it must bring along neither NumPy nor FAISS.
"""

import fcntl
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from prometheus_client.mmap_dict import MmapedDict
from prometheus_client.multiprocess import mark_process_dead

_LIVES_ON = re.compile(r"(counter|histogram)_\d+\.db")


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the lock under which the metrics of a folder are read and merged."""
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _add_up(file: Path, total: Path) -> None:
    figures = MmapedDict(str(total))
    for key, value, timestamp, _ in MmapedDict.read_all_values_from_file(str(file)):
        figures.write_value(key, figures.read_value(key)[0] + value, timestamp)
    figures.close()
    file.unlink()


def fold_worker(pid: int, folder: Path) -> None:
    """Merge the counts of a worker that has ended into those of all ended workers, and remove its files."""
    with locked(folder):
        mark_process_dead(pid, str(folder))
        for file in folder.glob(f"*_{pid}.db"):
            if _LIVES_ON.fullmatch(file.name):
                _add_up(file, file.with_name(f"{file.name.partition('_')[0]}_ended.db"))
