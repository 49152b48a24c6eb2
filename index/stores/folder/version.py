"""A published version, opened: its manifest, its vectors float32 (n, d) and its items, row by row."""

import math
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from index.embedding.embeddings import Embedded
from index.errors import IndexDamaged
from index.manifest import HASHED_AT_OPEN, Manifest, damage, read_manifest
from index.stores.folder.items import Items
from index.stores.self_search import failed_searches, sampled_rows
from index.vectors.kinds import kind_named
from index.vectors.vector_index import VectorIndex
from training.parts.part_maps import PART_MAP

VECTORS = "vectors.faiss"
ITEMS = "items.sqlite"
CONTENTS = "contents.npy"
VIEWS = "views.npz"
MAPS = "maps.npy"
DUPLICATES = "duplicates.csv"
REPORT = "report.csv"


@dataclass(frozen=True)
class Version:
    """An open version; immutable, so that threads can finish with it after a switch.

    Parameters
    ----------
    manifest : Manifest
    vectors : VectorIndex
        The first rows are those of the items.
    items : Items
    owners : int64 (m,), optional
        The row of the item of each vector; None where each has one.
    boxes : float32 (m, 4), optional
        Where the garment of each vector lies in its photograph.
    photographs : int64 (m,), optional
        The number of that photograph among its item's.
    maps : PART_MAP (m,), optional
        The part map of the garment of each vector, read where it is used; earlier releases wrote none.
    """

    manifest: Manifest
    vectors: VectorIndex
    items: Items
    owners: np.ndarray | None = None
    boxes: np.ndarray | None = None
    photographs: np.ndarray | None = None
    maps: np.ndarray | None = None


def write_views(folder: Path, embedded: Embedded) -> None:
    """Write which item each vector is of, and where its garment lies, unless each item has one vector."""
    if embedded.owners is None or embedded.boxes is None:
        return
    owners, photographs = embedded.owners, embedded.photographs
    photographs = np.zeros(len(owners), np.int64) if photographs is None else photographs
    np.savez(folder / VIEWS, owners=owners, boxes=embedded.boxes, photographs=photographs)


def _read_views(folder: Path, manifest: Manifest) -> dict[str, np.ndarray]:
    """Return what `write_views` has written; nothing for a version of one vector an item.

    The releases in which an item had one photograph wrote no numbers of photographs.
    """
    if not manifest.several:
        return {}
    try:
        with np.load(folder / VIEWS) as views:
            owners = views["owners"]
            first = np.zeros(len(owners), np.int64)
            photographs = views.get("photographs", first)
            return {"owners": owners, "boxes": views["boxes"], "photographs": photographs}
    except (OSError, ValueError, KeyError, BadZipFile) as error:
        raise IndexDamaged(
            f"The views in '{folder / VIEWS}' can't be read ({error}). Activate another version, or build "
            "the index again."
        ) from error


def _mapped(path: Path) -> np.ndarray:
    """Return the array in a file, its rows read where they are used."""
    try:
        # a plain view of the map, for `memmap` takes long to hand out a row
        return np.asarray(np.load(path, mmap_mode="r"))
    except (OSError, ValueError) as error:
        raise IndexDamaged(
            f"The {path.stem} in '{path}' can't be read ({error}). Activate another version, or "
            "build the index again."
        ) from error


def _part_maps(folder: Path, manifest: Manifest) -> np.ndarray | None:
    """Return the part maps of a version; None where an earlier release has written none, or others."""
    if MAPS not in manifest.checksums:
        return None
    maps = _mapped(folder / MAPS)
    return maps if maps.dtype == PART_MAP else None


def _refuse(folder: Path, problems: list[str]) -> None:
    if problems:
        raise IndexDamaged(
            f"Version '{folder.name}' in '{folder.parent}' is damaged: {'; '.join(problems)}. "
            "Activate another version, or build the index again."
        )


def _miscounts(version: Version) -> list[str]:
    manifest = version.manifest
    counts = {
        "vectors": (len(version.vectors), manifest.vectors),
        "items": (len(version.items), manifest.items),
    }
    if version.maps is not None:
        counts["part maps"] = (len(version.maps), manifest.vectors)
    if version.owners is not None:
        counts["views"] = (len(version.owners), manifest.vectors)
    problems = [
        f"{count:,} {name} where the manifest says {expected:,}"
        for name, (count, expected) in counts.items()
        if count != expected
    ]
    if version.vectors.dimension != version.manifest.dimension:
        problems.append(f"vectors of {version.vectors.dimension}, not {version.manifest.dimension} numbers")
    return problems


def _failed_searches(version: Version) -> list[str]:
    queries = np.stack([version.vectors.vector(row) for row in sampled_rows(len(version.vectors))])
    scores, found = version.vectors.search(queries, 10)
    owners = np.arange(len(version.items)) if version.owners is None else version.owners
    version.items.by_rows(owners[found[0][found[0] >= 0]].tolist())
    return failed_searches(scores[:, 0])


def open_version(folder: Path, *, hash_up_to: float = HASHED_AT_OPEN) -> Version:
    """Return the version in `folder`, ready to be searched.

    Every file's size is compared with the manifest, and the SHA-256 of files of up to `hash_up_to` bytes:
    by default 64 MiB, which takes well under a second. `check_version` hashes all.

    Raises
    ------
    IndexDamaged
        A file is missing or is not the one that was published, or the counts differ.
    """
    manifest = read_manifest(folder)
    _refuse(folder, damage(folder, manifest, hash_up_to=hash_up_to))
    version = Version(
        manifest=manifest,
        vectors=kind_named(manifest.kind).load(folder / VECTORS, manifest.parameters),
        items=Items.open(folder / ITEMS, contents=_mapped(folder / CONTENTS)),
        maps=_part_maps(folder, manifest),
        **_read_views(folder, manifest),
    )
    _refuse(folder, _miscounts(version))
    return version


def check_version(folder: Path) -> Version:
    """Return the version in `folder` after a full check: all checksums, the counts and a real search.

    Raises
    ------
    IndexDamaged
        Naming all that is wrong.
    """
    version = open_version(folder, hash_up_to=math.inf)
    _refuse(folder, _failed_searches(version))
    return version
