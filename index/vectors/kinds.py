"""The kinds of index by their names, and the choice among them by size and memory."""

from index.errors import KindUnknown
from index.vectors.flat import FlatIndex
from index.vectors.hnsw import HnswIndex
from index.vectors.ivf import IvfFlatIndex
from index.vectors.ivf_pq import IvfPqIndex
from index.vectors.sq8 import Sq8Index
from index.vectors.vector_index import VectorIndex

KINDS: dict[str, type[VectorIndex]] = {
    kind.kind: kind for kind in (FlatIndex, HnswIndex, IvfFlatIndex, IvfPqIndex, Sq8Index)
}
AUTO = "auto"
FLAT_UP_TO = 64 * 2**20
FLAT_MS = 0.5
MEMORY_SHARE = 0.5


def kind_named(name: str) -> type[VectorIndex]:
    """Return the kind of index registered as `name`.

    Raises
    ------
    KindUnknown
        No kind has that name.
    """
    if name not in KINDS:
        raise KindUnknown(f"Unknown kind of index '{name}'. Known: {', '.join(sorted(KINDS))}.")
    return KINDS[name]


def _size(count: float) -> str:
    return f"{count / 2**30:.1f} GiB" if count >= 2**30 else f"{count / 2**20:.1f} MiB"


def choose_kind(count: int, dimension: int, memory: int, *, flat_ms: float | None = None) -> tuple[str, str]:
    """Return the kind for `count` vectors of `dimension` numbers, and why, in one line.

    Flat as long as comparing all takes half a millisecond; else the quickest kind that fits into half of the
    memory; else the one that needs least.

    Parameters
    ----------
    count, dimension : int
    memory : int
        Bytes of memory of the machine that is to serve the index.
    flat_ms : float, optional
        Milliseconds that comparing all takes, where that was measured; else the size alone decides.
    """
    vectors = f"{count:,} vectors of {dimension} numbers"
    room = memory * MEMORY_SHARE
    is_small = count * FlatIndex.bytes_per_vector(dimension) <= FLAT_UP_TO
    if is_small and (flat_ms is None or flat_ms <= FLAT_MS):
        return FlatIndex.kind, f"{vectors} are few enough to compare them all"
    for kind in (HnswIndex, IvfFlatIndex):
        needed = count * kind.bytes_per_vector(dimension)
        if needed <= room:
            return kind.kind, f"{vectors} need {_size(needed)} of the {_size(memory)} of memory"
    needed = count * HnswIndex.bytes_per_vector(dimension)
    return IvfPqIndex.kind, (
        f"{vectors} would need {_size(needed)}, more than half of the {_size(memory)} of memory; "
        f"codes of them need {_size(count * IvfPqIndex.bytes_per_vector(dimension))}"
    )
