"""CPU time and memory of processes, with all that they have started, and of the machine (Linux)."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


def family(pid: int | None = None) -> Iterator[int]:
    """Yield a process, by default this one, and after it all that live of those that it has started."""
    pid = pid or os.getpid()
    yield pid
    with suppress(OSError):  # it may end meanwhile
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                yield from family(int(child))


def cpu_seconds(pid: int | None = None) -> float:
    """Return the CPU time of the family, that of members that have ended included."""
    ticks = 0
    for member in family(pid):
        with suppress(OSError):
            fields = Path(f"/proc/{member}/stat").read_text().rpartition(")")[2].split()
            ticks += sum(map(int, fields[11:15]))
    return ticks / _TICKS


def busy_seconds() -> float:
    """Return the CPU time that all programs of this machine have had, and what its host kept from it."""
    user, nice, system, _, _, *rest = map(int, Path("/proc/stat").read_text().split()[1:9])
    return (user + nice + system + sum(rest)) / _TICKS


def _status(pid: int, name: str) -> int:
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith(f"{name}:"):
                return int(line.split()[1]) * 1024
    return 0


def peak_memory(pid: int) -> int:
    """Return the most bytes of memory that a process has had (resident); 0 where it has ended."""
    return _status(pid, "VmHWM")


def own_memory() -> int:
    """Return the bytes of memory that this process has now (resident)."""
    return _status(os.getpid(), "VmRSS")


def held_memory() -> int:
    """Return the bytes of memory of this process that belong to no file (anonymous)."""
    return _status(os.getpid(), "RssAnon")


def shared_memory(pid: int) -> int:
    """Return the bytes of memory of the family, pages that several processes share counted once (PSS)."""
    total = 0
    for member in family(pid):
        lines = Path(f"/proc/{member}/smaps_rollup").read_text().splitlines()
        total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total * 1024
