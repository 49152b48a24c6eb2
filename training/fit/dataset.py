"""Datasets of a training run: views of garments, uint8 (n, 1 + v, 128, 128, 4), cached, and their split."""

import hashlib
import io
import shutil
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from training.catalogue.reader import BadItem, Catalogue, Item
from training.errors import NotEnoughSpace, TooFewImages, UnreadableImage
from training.fit.garment_views import VERSION, of_drawn, of_item
from training.parallel import in_order
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
    """Cut-outs of garments, row for row.

    Parameters
    ----------
    views : uint8 (n, 1 + v, 128, 128, 4)
        Colour and mask of each garment as it is, and in v other views (see `training.fit.garment_views`).
    items : tuple of Item
    bad : tuple of BadItem
        The skipped items and the reason for each.
    """

    views: np.ndarray
    items: tuple[Item, ...]
    bad: tuple[BadItem, ...]

    @property
    def cutouts(self) -> np.ndarray:
        """The garments as they are: uint8 (n, 128, 128, 4)."""
        return self.views[:, 0]

    def take(self, rows: np.ndarray) -> "Dataset":
        """Return the dataset of these rows."""
        return replace(self, views=self.views[rows], items=tuple(self.items[row] for row in rows))

    def category_names(self) -> set[str]:
        """Return the names of all categories."""
        return {item.category for item in self.items if item.category is not None}

    def categories(self) -> np.ndarray:
        """Return each row's category as a number in order of name, int32 (n,); -1 where there is none."""
        numbers = {name: number for number, name in enumerate(sorted(self.category_names()))}
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


@dataclass(frozen=True)
class Source:
    """What a garment's views are made from.

    Parameters
    ----------
    item : Item
    make : function
        From a `segmenter` to its views, uint8 (1 + v, 128, 128, 4), or raises `UnreadableImage`; other
        processes must be able to import it.
    kind : str
        What is made of the item's file, as the cache tells it.
    """

    item: Item
    make: Callable[..., np.ndarray]
    kind: str


def _digest(source: Source) -> str | None:
    """Return what views are kept by: the file's SHA-256 and what is made of it."""
    try:
        with source.item.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() + source.kind
    except OSError:
        return None


def _packed(views: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(views.reshape(-1, SIDE, 4)).save(file, "PNG", compress_level=1)
    return file.getvalue()


def _unpacked(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data))).reshape(-1, SIDE, SIDE, 4)


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


def _made(source: Source, *, segmenter: Segmenter) -> np.ndarray:
    return source.make(segmenter=segmenter)


def _prepare(
    database: sqlite3.Connection,
    missing: dict[str | None, Source],
    segmenter: Segmenter,
    processes: int | None,
) -> dict[str | None, str]:
    """Cut out what the cache lacks, one commit each, so that a killed run goes on; return the failures."""
    reasons: dict[str | None, str] = {}
    make = partial(_made, segmenter=segmenter)
    results = in_order(make, list(missing.values()), processes=processes, progress="cutting out")
    for digest, views in zip(missing, results, strict=True):
        if isinstance(views, UnreadableImage):
            reasons[digest] = str(views)
        else:
            database.execute("INSERT OR IGNORE INTO cutouts VALUES (?, ?)", (digest, _packed(views)))
    return reasons


def _load(database: sqlite3.Connection, digests: Sequence[str]) -> Iterator[np.ndarray]:
    for digest in digests:
        (data,) = database.execute("SELECT png FROM cutouts WHERE sha256 = ?", (digest,)).fetchone()
        yield _unpacked(data)


def cut(
    sources: Sequence[Source],
    *,
    views: int = 0,
    segmenter: Segmenter | None = None,
    cache: Path = Path("cache"),
    processes: int | None = None,
) -> Dataset:
    """Make the views of garments, or take them from the cache.

    The cache is keyed by the file's SHA-256 and what is made of it; each preprocessing version has a database
    of its own.

    Parameters
    ----------
    sources : sequence of Source
    views : int
        How many others each has beside itself.
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
    check_space(cache, _BYTES_A_CUTOUT * (1 + views) * len(sources))
    digests = [_digest(source) for source in progress_bar(sources, desc="reading", unit="photo", leave=False)]
    segmenter = segmenter or shipped()
    with closing(_open_cache(cache, segmenter.preprocessing)) as database:
        known = _known(database, digests)
        missing = {d: source for d, source in zip(digests, sources, strict=True) if d not in known}
        reasons = _prepare(database, missing, segmenter, processes) if missing else {}
        good = [row for row, digest in enumerate(digests) if digest not in reasons]
        found = np.empty((len(good), 1 + views, SIDE, SIDE, 4), np.uint8)
        for i, cutouts in enumerate(_load(database, [str(digests[row]) for row in good])):
            found[i] = cutouts
    bad = [
        BadItem(source.item.item_id, str(source.item.path), reasons[digest])
        for source, digest in zip(sources, digests, strict=True)
        if digest in reasons
    ]
    return Dataset(found, tuple(sources[row].item for row in good), tuple(bad))


def prepare(catalogue: Catalogue, *, views: int = 0, **options: Any) -> Dataset:
    """Cut out every photograph of a catalogue; `options` as `cut` takes them."""
    made = f"+{views}.{VERSION}" if views else ""
    sources = [
        Source(item, partial(of_item, item, views), f"{type_of(item.category) or ''}{made}")
        for item in catalogue.items
    ]
    data = cut(sources, views=views, **options)
    return replace(data, bad=(*catalogue.bad, *data.bad))


def prepare_drawn(catalogue: Catalogue, *, views: int, **options: Any) -> Dataset:
    """Cut out drawn garments, laid out, and as others wear them in the other views; see `cut`."""
    sources = [
        Source(item, partial(of_drawn, item, views), f" drawn+{views}.{VERSION}") for item in catalogue.items
    ]
    return cut(sources, views=views, **options)


def joined(sets: Sequence[Dataset]) -> Dataset:
    """Return the rows of several datasets, of equally many views, as one."""
    if len(sets) == 1:
        return sets[0]  # not copied, which may take gigabytes
    return Dataset(
        np.concatenate([part.views for part in sets]),
        tuple(item for part in sets for item in part.items),
        tuple(item for part in sets for item in part.bad),
    )


def held_out(count: int, *, seed: int) -> np.ndarray:
    """Return which of so many photographs, int64 (m,), are held out: a random share `HELD_OUT`, ascending."""
    return np.sort(np.random.default_rng(seed).permutation(count)[: max(1, round(HELD_OUT * count))])


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
    from training import device  # loads TensorFlow, which the processes that cut out do without

    if validation is None:
        every = np.arange(len(dataset.items))
        apart = held_out(len(every), seed=seed)
        dataset, validation = dataset.take(np.setdiff1d(every, apart)), dataset.take(apart)
    needed = max(MIN_IMAGES, device.count())
    if len(dataset.items) < needed:
        raise TooFewImages(
            f"There are {len(dataset.items)} readable images to train on "
            f"(and {len(validation.items)} held out); at least {needed} are needed. "
            "Name a larger catalogue."
        )
    return dataset, validation
