"""The memory that embedding takes, for a small and a large catalogue, each in a fresh process."""

from collections.abc import Sequence
from pathlib import Path

from benchmarks.copies import write_copies
from benchmarks.embedding_run import embed_copies
from benchmarks.stock import photographs
from index.embedding.embedders import LOCAL
from training.catalogue.reader import Catalogue
from training.evaluation.score_table import Table

SIZE = (160, 213)
PROCESSES = 2
WORKER_GOAL = 1.1
"""By how much the memory of a worker may grow."""

KEPT_GOAL = 4.0
"""How many KB of a photograph may stay; a cut-out has 64."""

NOTE = (
    f"JPEGs of {SIZE[0]} x {SIZE[1]}; the most that each process ever had (VmHWM), a fresh one for each "
    "catalogue. What must grow: items (id and path; metadata come on top), vectors, contents and hashes."
)


def _mb(size: float) -> str:
    return f"{size / 1e6:.1f}"


def memory_table(folder: Path, catalogue: Catalogue, *, pictures: int, counts: Sequence[int]) -> Table:
    """Embed catalogues of `counts` photographs, a small one and a large one."""
    write_copies(folder, photographs(catalogue, SIZE, count=pictures), max(counts))
    small, large = (embed_copies(LOCAL, PROCESSES, folder, count) for count in counts)
    needed = (large.items + large.arrays - small.items - small.arrays) / (counts[1] - counts[0]) / 1e3
    kept = (large.peak - small.peak) / (counts[1] - counts[0]) / 1e3
    growth = large.worker / small.worker
    rows = (
        ("items", _mb(small.items), _mb(large.items), f"{large.items / counts[1] / 1e3:.2f} KB", None, None),
        (
            "vectors, contents, hashes",
            _mb(small.arrays),
            _mb(large.arrays),
            f"{needed:.2f} KB with the items",
            None,
            None,
        ),
        (
            "the process",
            _mb(small.peak),
            _mb(large.peak),
            f"{kept:.2f} KB",
            f"<= {KEPT_GOAL} KB",
            "yes" if kept <= KEPT_GOAL else "no",
        ),
        (
            "its largest worker",
            _mb(small.worker),
            _mb(large.worker),
            f"x {growth:.2f} in all",
            f"<= x {WORKER_GOAL}",
            "yes" if growth <= WORKER_GOAL else "no",
        ),
    )
    columns = (
        "MB",
        *(f"{count:,} photographs" for count in counts),
        "growth a photograph",
        "goal",
        "reached",
    )
    return Table("memory", f"Memory, {PROCESSES} processes", columns, rows, NOTE)
