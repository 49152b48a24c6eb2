"""Our kinds of index as Milvus builds and searches them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from index.errors import KindUnknown
from index.vectors import hnsw
from index.vectors.flat import FlatIndex
from index.vectors.ivf import lists_for
from index.vectors.ivf_pq import codes_for
from index.vectors.kinds import AUTO, FLAT_UP_TO, KINDS
from index.vectors.refined import CANDIDATES
from index.vectors.tuning import ladder

Parameters = Mapping[str, float | int | str]

DEEPEST = 16_384
"""How many neighbours Milvus lists at most."""


def _ivf(count: int, dimension: int) -> dict[str, Any]:
    return {"nlist": lists_for(count)}


def _ivf_pq(count: int, dimension: int) -> dict[str, Any]:
    return {**_ivf(count, dimension), "m": codes_for(dimension), "nbits": 8}


def _probing(count: int) -> dict[str, Sequence[int]]:
    return {"nprobe": ladder(1, lists_for(count))}


def _refining(count: int) -> dict[str, Sequence[int]]:
    return {"refine": CANDIDATES, **_probing(count)}


@dataclass(frozen=True)
class MilvusKind:
    """A kind of index in Milvus.

    Parameters
    ----------
    index_type : str
        Milvus's name of it.
    build : callable
        Returns what Milvus builds it with, for so many vectors of so many numbers.
    ladders : callable
        Returns the ascending widths to try, by their names, for so many vectors. `refine` is how many
        candidates are fetched, and scored by their vectors, for each neighbour that is looked for.
    lite : bool
        Whether milvus-lite builds it; it accepts what it does not build, too.
    """

    index_type: str
    build: Callable[[int, int], dict[str, Any]]
    ladders: Callable[[int], dict[str, Sequence[int]]]
    lite: bool = True


MILVUS_KINDS = {
    "flat": MilvusKind("FLAT", lambda count, dimension: {}, lambda count: {}),
    "hnsw": MilvusKind(
        "HNSW",
        lambda count, dimension: {"M": hnsw.LINKS, "efConstruction": hnsw.EF_CONSTRUCTION},
        lambda count: {"ef_search": ladder(hnsw.SHALLOWEST, hnsw.WIDEST)},
    ),
    "ivf-flat": MilvusKind("IVF_FLAT", _ivf, _probing),
    "sq8": MilvusKind("IVF_SQ8", _ivf, _refining),
    "ivf-pq": MilvusKind("IVF_PQ", _ivf_pq, _refining, lite=False),
}


def choose(kind: str, count: int, dimension: int, *, lite: bool) -> tuple[str, str]:
    """Return the kind for that many vectors, and the reason where it was chosen automatically.

    The memory of a server isn't known, so that no kind is chosen for needing little of it.

    Raises
    ------
    KindUnknown
        There is none of that name, or milvus-lite does not build it.
    """
    if kind == AUTO:
        few = count * FlatIndex.bytes_per_vector(dimension) <= FLAT_UP_TO
        vectors = f"{count:,} vectors of {dimension} numbers"
        if few:
            return "flat", f"{vectors} are few enough to compare them all"
        return "hnsw", f"{vectors}; ivf-flat, sq8 and ivf-pq need less of the server's memory"
    if kind not in MILVUS_KINDS:
        raise KindUnknown(f"Unknown kind of index '{kind}'. Known: {', '.join(sorted(KINDS))}.")
    if lite and not MILVUS_KINDS[kind].lite:
        built = sorted(name for name, known in MILVUS_KINDS.items() if known.lite)
        raise KindUnknown(
            f"milvus-lite builds no index of kind '{kind}' ({MILVUS_KINDS[kind].index_type}). "
            f"Choose one of {', '.join(built)}, or a Milvus server."
        )
    return kind, ""


def request(parameters: Parameters, limit: int, *, widest: bool = False) -> dict[str, Any]:
    """Return the parameters of a search for `limit` neighbours, in Milvus's words.

    Parameters
    ----------
    parameters : mapping
        What the manifest says of the kind.
    limit : int
    widest : bool
        Search as widely as there is any use in.
    """
    if "ef_search" in parameters:
        return {"ef": DEEPEST if widest else max(int(parameters["ef_search"]), limit)}
    if "nprobe" in parameters:
        return {"nprobe": int(parameters["lists" if widest else "nprobe"])}
    return {}
