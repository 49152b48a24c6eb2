"""The manifest of a published index: what it holds, what it was made from, and the checksums of its files."""

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from index.errors import IndexDamaged
from index.gate.percentiles import percentiles
from index.views import ALL, ITEM
from training.photo.confidence import nearness

MANIFEST = "manifest.json"
FORMAT = 7
HASHED_AT_OPEN = 64 * 2**20
"""Files of more bytes are compared by their size alone when an index is opened."""

_UPGRADES: dict[int, Callable[[dict[str, Any]], dict[str, Any]]] = {
    2: lambda fields: {"roots": None, **fields},
    3: lambda fields: {"garments": ITEM, "further": 0, **fields},
    4: lambda fields: {"neighbour_quantiles": [], **fields},
    5: lambda fields: {"photographs": 0, **fields},
    6: lambda fields: {"categories": None, **fields},
}
"""What makes the fields of the next format from those of an earlier one, by the earlier one's number."""


@dataclass(frozen=True)
class Manifest:
    """The contents of `manifest.json`.

    Parameters
    ----------
    version, built_at : str
        The version's name, and the time its files were checked (UTC, ISO 8601).
    items, bad : int
        Items in the index, and items of the catalogue that were skipped.
    catalogue : str
        The catalogue as it was named to the build.
    encoder : str
        Fingerprint of the encoder that made the vectors.
    dimension : int
        Components of a vector.
    kind : str
        Kind of vector index, as in `index.vectors.kinds.KINDS`.
    checksums, sizes : dict
        SHA-256 and bytes of every other file of the version, by its name.
    gate : dict
        Figures of the checks before publication.
    score_quantiles : tuple of float
        Scores of random pairs at `index.gate.percentiles.SHARES`, ascending; empty for a single item.
    neighbour_quantiles : tuple of float
        How near items' own neighbours are, as `training.photo.confidence.neighbour_quantiles` tells it; empty
        for a single item, and in versions from before it was noted.
    parameters : dict
        What the kind of index was built with and is searched with, such as its tuned width; where the kind
        was chosen by size and memory, `why` says so.
    changes : int
        Highest sequence number of the change log that is folded in; 0 for none.
    duplicates : int
        Items that repeat an earlier one.
    garments : str
        Which garments of a photograph are indexed, one of `index.views.GARMENTS`.
    further : int
        Vectors beyond one for each item.
    photographs : int
        Photographs of all items; 0 in versions from before an item could have several.
    categories : int, optional
        How many categories the items have; None in versions from before it was noted.
    roots : tuple of str, optional
        The folders whose pictures may be served; None for any, in versions from before there was a rule.
    """

    version: str
    built_at: str
    items: int
    bad: int
    catalogue: str
    encoder: str
    dimension: int
    kind: str
    checksums: dict[str, str]
    sizes: dict[str, int]
    gate: dict[str, float]
    score_quantiles: tuple[float, ...]
    neighbour_quantiles: tuple[float, ...] = ()
    parameters: dict[str, float | int | str] = field(default_factory=dict)
    changes: int = 0
    duplicates: int = 0
    garments: str = ITEM
    further: int = 0
    photographs: int = 0
    categories: int | None = None
    roots: tuple[str, ...] | None = None

    @property
    def vectors(self) -> int:
        """Vectors in the index."""
        return self.items + self.further

    @property
    def several(self) -> bool:
        """Whether an item may have several vectors."""
        return self.garments == ALL or self.further > 0

    def percentiles(self, scores: np.ndarray) -> np.ndarray:
        """Return the share of random pairs of the index that score less, in percent, for each of `scores`."""
        return percentiles(scores, self._quantiles)

    @cached_property
    def _quantiles(self) -> np.ndarray:
        """The same as an array, which a search would else make each time."""
        return np.array(self.score_quantiles)

    def nearness(self, head: float) -> float | None:
        """Return the share of items whose neighbours are less near than a mean score; None if not noted."""
        return nearness(head, self.neighbour_quantiles)


def _digest(fields: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()


def _checksum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _problem(path: Path, manifest: Manifest, *, hash_up_to: float) -> str | None:
    if not path.is_file():
        return f"{path.name} is missing"
    size, expected = path.stat().st_size, manifest.sizes[path.name]
    if size != expected:
        return f"{path.name} has {size:,} of {expected:,} bytes"
    if size <= hash_up_to and _checksum(path) != manifest.checksums[path.name]:
        return f"{path.name} is not the file that was published (its SHA-256 differs)"
    return None


def manifest_text(manifest: Manifest) -> str:
    """Return a manifest as JSON, with a checksum of its own."""
    fields = {"format": FORMAT, **asdict(manifest)}
    return json.dumps({**fields, "manifest_sha256": _digest(fields)}, indent=1) + "\n"


def _upgraded(fields: dict[str, Any], found: int) -> dict[str, Any]:
    """Return the fields of a manifest of any known format as this release has them."""
    if found > FORMAT:
        raise ValueError(f"a newer release wrote it, in format {found}; this one reads up to {FORMAT}")
    for number in range(found, FORMAT):
        fields = _UPGRADES[number](fields)
    return fields


def parse_manifest(text: str, *, name: str) -> Manifest:
    """Parse a manifest; `name` says in messages where the text came from.

    Raises
    ------
    IndexDamaged
        It was changed since it was written, or is of another format.
    """
    try:
        fields = json.loads(text)
        if fields.pop("manifest_sha256") != _digest(fields):
            raise ValueError("it was changed since it was written")
        fields = _upgraded(fields, fields.pop("format"))
        if fields["roots"] is not None:
            fields["roots"] = tuple(fields["roots"])
        quantiles = {name: tuple(fields[name]) for name in ("score_quantiles", "neighbour_quantiles")}
        return Manifest(**{**fields, **quantiles})
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _unusable(name, error) from error


def _unusable(name: str, error: Exception | str) -> IndexDamaged:
    return IndexDamaged(
        f"The manifest '{name}' can't be used: {error}. Activate another version, or build the index again."
    )


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write `manifest.json` into `folder`."""
    (folder / MANIFEST).write_text(manifest_text(manifest), encoding="utf-8")


def read_manifest(folder: Path) -> Manifest:
    """Return the manifest of the version in `folder`; raises `IndexDamaged` where there is no usable one."""
    path = folder / MANIFEST
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise _unusable(str(path), "it is missing") from error
    except OSError as error:
        raise _unusable(str(path), error.strerror or "it can't be read") from error
    except UnicodeDecodeError as error:
        raise _unusable(str(path), "it is not UTF-8") from error
    return parse_manifest(text, name=str(path))


def file_sums(files: Iterable[Path]) -> tuple[dict[str, str], dict[str, int]]:
    """Return the SHA-256 and the bytes of files but a manifest, by name."""
    summed = sorted(path for path in files if path.name != MANIFEST)
    return {path.name: _checksum(path) for path in summed}, {
        path.name: path.stat().st_size for path in summed
    }


def damage(folder: Path, manifest: Manifest, *, hash_up_to: float = float("inf")) -> list[str]:
    """Return what is wrong with the files of a version, one line each; nothing where all is well.

    Parameters
    ----------
    folder : Path
    manifest : Manifest
    hash_up_to : float
        Files of more bytes are compared by their size only.
    """
    found = (_problem(folder / name, manifest, hash_up_to=hash_up_to) for name in sorted(manifest.checksums))
    return [problem for problem in found if problem]
