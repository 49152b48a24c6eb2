"""The datasets of a training run: a catalogue's cut-outs, uint8 (n, 128, 128, 4), cached, and their split."""

import hashlib
import io
import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from training import device
from training.catalogue.reader import BadItem, Catalogue, Item
from training.errors import NotEnoughSpace, TooFewImages, UnreadableImage
from training.parallel import in_order
from training.photo.garment import Garment, read_garment
from training.photo.garment_types import type_of
from training.photo.preprocessing import SIDE
from training.photo.segmenter import Segmenter, shipped
from training.progress import progress_bar

MIN_IMAGES = 40
HELD_OUT = 0.1

_BYTES_A_CUTOUT = 40_000
_SPARE_BYTES = 64 * 2**20


@dataclass(frozen=True)
class Dataset:
    """Cut-outs of a catalogue's readable items, row for row.

    Parameters
    ----------
    cutouts : uint8 (n, 128, 128, 4)
        Colour and mask.
    items : tuple of Item
    bad : tuple of BadItem
        The skipped items and the reason for each.
    """

    cutouts: np.ndarray
    items: tuple[Item, ...]
    bad: tuple[BadItem, ...]

    def take(self, rows: np.ndarray) -> "Dataset":
        """Return the dataset of these rows."""
        return replace(self, cutouts=self.cutouts[rows], items=tuple(self.items[row] for row in rows))

    def categories(self) -> np.ndarray:
        """Return each row's category as a number in order of name, int32 (n,); -1 where there is none."""
        names = sorted({item.category for item in self.items if item.category is not None})
        numbers = {name: number for number, name in enumerate(names)}
        return np.array(
            [-1 if item.category is None else numbers[item.category] for item in self.items], np.int32
        )


def check_space(folder: Path, needed: int) -> None:
    """Raise `NotEnoughSpace` where the disk of `folder` has less than `needed` bytes and a reserve free."""
    existing = next(parent for parent in [folder, *folder.absolute().parents] if parent.exists())
    free = shutil.disk_usage(existing).free
    if free < needed + _SPARE_BYTES:
        raise NotEnoughSpace(
            f"'{folder}' needs about {(needed + _SPARE_BYTES) // 2**20:,} MB; "
            f"its disk has {free // 2**20:,} MB free. Make room, or name another folder."
        )


def _digest(item: Item) -> str | None:
    """Return what a cut-out is kept by: the file's SHA-256, then the type of garment that is cut out."""
    try:
        with item.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() + (type_of(item.category) or "")
    except OSError:
        return None


def _packed(cutout: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(cutout).save(file, "PNG", compress_level=1)
    return file.getvalue()


def _unpacked(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)))


def _open_cache(cache: Path, preprocessing: str) -> sqlite3.Connection:
    cache.mkdir(parents=True, exist_ok=True)
    database = sqlite3.connect(cache / f"cutouts-{preprocessing}.sqlite", isolation_level=None, timeout=60)
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("PRAGMA synchronous=NORMAL")
    database.execute("CREATE TABLE IF NOT EXISTS cutouts (sha256 TEXT PRIMARY KEY, png BLOB NOT NULL) STRICT")
    return database


def _known(database: sqlite3.Connection, digests: Sequence[str | None]) -> set[str]:
    stored = {row[0] for row in database.execute("SELECT sha256 FROM cutouts")}
    return stored.intersection(digest for digest in digests if digest is not None)


def _garment(item: Item, *, segmenter: Segmenter) -> Garment:
    return read_garment(item.path, item.category, segmenter=segmenter)


def _prepare(
    database: sqlite3.Connection,
    missing: dict[str | None, Item],
    segmenter: Segmenter,
    processes: int | None,
) -> dict[str | None, str]:
    """Cut out what the cache lacks, one commit each, so that a killed run goes on; return the failures."""
    reasons: dict[str | None, str] = {}
    cut = partial(_garment, segmenter=segmenter)
    results = in_order(cut, list(missing.values()), processes=processes, progress="cutting out")
    for digest, garment in zip(missing, results, strict=True):
        if isinstance(garment, UnreadableImage):
            reasons[digest] = str(garment)
        else:
            row = (digest, _packed(garment.cutout))
            database.execute("INSERT OR IGNORE INTO cutouts VALUES (?, ?)", row)
    return reasons


def _load(database: sqlite3.Connection, digests: Sequence[str]) -> Iterator[np.ndarray]:
    for digest in digests:
        (data,) = database.execute("SELECT png FROM cutouts WHERE sha256 = ?", (digest,)).fetchone()
        yield _unpacked(data)


def prepare(
    catalogue: Catalogue,
    *,
    segmenter: Segmenter | None = None,
    cache: Path = Path("cache"),
    processes: int | None = None,
) -> Dataset:
    """Cut out every photograph of a catalogue, or take it from the cache.

    The cache is keyed by the file's SHA-256 and the type that the category names; each preprocessing version
    has a database of its own.

    Parameters
    ----------
    catalogue : Catalogue
    segmenter : Segmenter, optional
        That of the encoder which sees the cut-outs; by default the one that ships.
    cache : Path
        Folder of the cache; created if missing.
    processes : int, optional
        Worker processes; one a core by default.

    Raises
    ------
    NotEnoughSpace
        The cache's disk can't hold the cut-outs.
    """
    check_space(cache, _BYTES_A_CUTOUT * len(catalogue.items))
    items = progress_bar(catalogue.items, desc="reading", unit="photo", leave=False)
    digests = [_digest(item) for item in items]
    segmenter = segmenter or shipped()
    with closing(_open_cache(cache, segmenter.preprocessing)) as database:
        known = _known(database, digests)
        missing = {d: item for d, item in zip(digests, catalogue.items, strict=True) if d not in known}
        reasons = _prepare(database, missing, segmenter, processes) if missing else {}
        good = [row for row, digest in enumerate(digests) if digest not in reasons]
        cutouts = np.empty((len(good), SIDE, SIDE, 4), np.uint8)
        for i, cutout in enumerate(_load(database, [str(digests[row]) for row in good])):
            cutouts[i] = cutout
    bad = [
        BadItem(item.item_id, str(item.path), reasons[digest])
        for item, digest in zip(catalogue.items, digests, strict=True)
        if digest in reasons
    ]
    items = tuple(catalogue.items[row] for row in good)
    return Dataset(cutouts, items, (*catalogue.bad, *bad))


def split(dataset: Dataset, validation: Dataset | None = None, *, seed: int) -> tuple[Dataset, Dataset]:
    """Return the training set and the validation set.

    Parameters
    ----------
    dataset : Dataset
        What is trained on.
    validation : Dataset, optional
        Without it a random share `HELD_OUT` of `dataset` is held out.
    seed : int
        Of the random split.

    Raises
    ------
    TooFewImages
        There are fewer than `MIN_IMAGES` images to train on, or fewer than devices.
    """
    if validation is None:
        order = np.random.default_rng(seed).permutation(len(dataset.items))
        cut = max(1, round(HELD_OUT * len(order)))
        dataset, validation = dataset.take(np.sort(order[cut:])), dataset.take(np.sort(order[:cut]))
    needed = max(MIN_IMAGES, device.count())
    if len(dataset.items) < needed:
        raise TooFewImages(
            f"There are {len(dataset.items)} readable images to train on "
            f"(and {len(validation.items)} held out); at least {needed} are needed. "
            "Name a larger catalogue."
        )
    return dataset, validation
