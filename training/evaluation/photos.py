"""The photographs of a catalogue, decoded and cut out once: kept for several parts, or described and let go.

`Photos` keeps the cut-outs of all photographs, `Side` only a float32 (n, d) array for each descriptor.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

import numpy as np

from training.catalogue.reader import BadItem, Catalogue, Item
from training.errors import TooFewImages, UnreadableImage
from training.evaluation.baselines import CHANCE, Reading, chance, read_all
from training.photo.encoder import Encoder
from training.photo.garment import Garment
from training.photo.garment_types import type_of
from training.photo.segmenter import Segmenter

ENCODER = "encoder"
SHIPPED = "encoder that ships"
GALLERY = "gallery"
BATCH = 256  # cut-outs held at once before they are embedded


@dataclass(frozen=True)
class _Labelled:
    """Items, one a row.

    Parameters
    ----------
    items : tuple of Item
    """

    items: tuple[Item, ...]

    @property
    def ids(self) -> list[str]:
        """The items' ids."""
        return [item.item_id for item in self.items]

    @property
    def categories(self) -> list[str]:
        """The items' categories; "None" where there is none."""
        return [str(item.category) for item in self.items]


def _readings(
    items: Sequence[Item], *, indexed: bool, **options: Any
) -> Iterator[tuple[Item, Reading | UnreadableImage]]:
    """Decode and cut out the photographs of some items, in their order, without keeping them.

    `indexed` ones are cut out as an index does it, which knows their categories; `options` as in `read_all`.
    """
    kinds = [type_of(item.category) if indexed else None for item in items]
    yield from zip(items, read_all([item.path for item in items], kinds, **options), strict=True)


@dataclass(frozen=True)
class Photos(_Labelled):
    """A catalogue's readable photographs, row for row.

    Parameters
    ----------
    items : tuple of Item
    garments : tuple of Garment
        What was cut out of each.
    bad : tuple of BadItem
        What could not be used, and why.
    descriptors : dict
        Float32 (n, d) with unit rows by the name of a hand-made descriptor; empty unless asked for.
    thumbnails : uint8 (n, 64, 64)
        Each photograph in grey, squeezed into a square; none where photographs were not read.
    source : str
        The catalogue's name.
    """

    garments: tuple[Garment, ...]
    bad: tuple[BadItem, ...] = ()
    descriptors: dict[str, np.ndarray] = field(default_factory=dict)
    thumbnails: np.ndarray = field(default_factory=lambda: np.zeros((0, 64, 64), np.uint8))
    source: str = ""

    @property
    def cutouts(self) -> np.ndarray:
        """Colour and mask of every garment, uint8 (n, 128, 128, 4)."""
        return np.stack([garment.cutout for garment in self.garments])

    def take(self, rows: Sequence[int]) -> "Photos":
        """Return some rows only; `bad` stays what it was."""
        return replace(
            self,
            items=tuple(self.items[row] for row in rows),
            garments=tuple(self.garments[row] for row in rows),
            descriptors={name: vectors[rows] for name, vectors in self.descriptors.items()},
            thumbnails=self.thumbnails[rows] if len(self.thumbnails) else self.thumbnails,
        )

    def labelled(self) -> "Photos":
        """Return those with a category only."""
        return self.take([row for row, item in enumerate(self.items) if item.category is not None])


def read_photos(
    catalogue: Catalogue,
    *,
    indexed: bool = False,
    segmenter: Segmenter | None = None,
    described: bool = False,
    processes: int | None = None,
    progress: str = "photographs",
) -> Photos:
    """Decode and cut out every photograph of a catalogue, once.

    Parameters
    ----------
    catalogue : Catalogue
    indexed : bool
        Whether the garment is the one that an index takes, which an item's category tells; else the main one.
    segmenter : Segmenter, optional
        That of the encoder which is evaluated; by default the one that ships.
    described : bool
        Whether to compute the hand-made descriptors, too.
    processes : int, optional
        Worker processes; as many as there are cores, unless given.
    progress : str
        Label of the progress bar on standard error.

    Raises
    ------
    TooFewImages
        None of them can be read.
    """
    items: list[Item] = []
    readings: list[Reading] = []
    bad = list(catalogue.bad)
    options = {"segmenter": segmenter, "described": described, "processes": processes, "progress": progress}
    for item, reading in _readings(catalogue.items, indexed=indexed, **options):
        if isinstance(reading, UnreadableImage):
            bad.append(BadItem(item.item_id, str(item.path), str(reading)))
        else:
            items.append(item)
            readings.append(reading)
    if not items:
        raise TooFewImages(
            f"None of the {len(catalogue.items)} photographs of {catalogue.source!r} can be read; the first: "
            f"{bad[-1].reason} Name another catalogue."
        )
    names = readings[0].descriptors
    return Photos(
        tuple(items),
        tuple(reading.garment for reading in readings),
        tuple(bad),
        {name: np.stack([reading.descriptors[name] for reading in readings]) for name in names},
        np.stack([reading.thumbnail for reading in readings]),
        catalogue.source,
    )


@dataclass(frozen=True)
class Side(_Labelled):
    """The gallery's or the queries' items that take part, described.

    Parameters
    ----------
    items : tuple of Item
        Those with a category and a readable photograph.
    vectors : dict
        Float32 (n, d) with unit rows by descriptor, one row an item.
    uncategorised, unreadable : int
        Items left out because they have no category, or no readable photograph.
    """

    vectors: dict[str, np.ndarray]
    uncategorised: int
    unreadable: int


def _check(kept: int, of: int, source: str, *, name: str, wanted: str) -> None:
    if not kept:
        raise TooFewImages(
            f"None of the {of} items of the {name} {source!r} has {wanted}. "
            "Name a catalogue with a 'category' column, or a folder with one subfolder a category."
        )


def _batches(readings: Iterable[Reading]) -> Iterator[list[Reading]]:
    stream = iter(readings)
    while batch := list(islice(stream, BATCH)):
        yield batch


def embed_readings(encoder: Encoder, readings: Iterable[Reading]) -> dict[str, np.ndarray]:
    """Embed what was read, a batch of cut-outs at a time, and stack its other descriptors beside it.

    Parameters
    ----------
    encoder : Encoder
    readings : iterable of Reading
        Cut out by the encoder's segmenter; at most `BATCH` of them are held at once.

    Returns
    -------
    dict
        Float32 (n, d) with unit rows by descriptor, the encoder's first; empty without readings.
    """
    columns: dict[str, list[np.ndarray]] = defaultdict(list)
    for batch in _batches(readings):
        garments = [reading.garment for reading in batch]
        columns[ENCODER].append(encoder.embed_garments(garments))
        for name in batch[0].descriptors:
            columns[name].append(np.stack([reading.descriptors[name] for reading in batch]))
    return {name: np.concatenate(columns.pop(name)) for name in [*columns]}


def read_side(
    encoder: Encoder,
    catalogue: Catalogue,
    *,
    name: str,
    seed: int,
    baselines: bool,
    processes: int | None = None,
) -> Side:
    """Read and describe a catalogue's labelled items without keeping their photographs.

    Parameters
    ----------
    encoder : Encoder
    catalogue : Catalogue
    name : str
        "queries", or `GALLERY`, whose garments are those that an index takes.
    seed : int
        Of chance's vectors; the two sides need different ones.
    baselines : bool
        Whether to have chance and the hand-made descriptors beside the encoder.
    processes : int, optional
        Worker processes; all cores without it.

    Raises
    ------
    TooFewImages
        No item takes part.
    """
    labelled = [item for item in catalogue.items if item.category is not None]
    _check(len(labelled), len(catalogue.items), catalogue.source, name=name, wanted="a category")
    kept: list[Item] = []
    options = {
        "segmenter": encoder.segmenter,
        "described": baselines,
        "processes": processes,
        "progress": name,
    }

    def readable() -> Iterator[Reading]:
        for item, reading in _readings(labelled, indexed=name == GALLERY, **options):
            if not isinstance(reading, UnreadableImage):
                kept.append(item)
                yield reading

    vectors = embed_readings(encoder, readable())
    wanted = "a category and a readable photograph"
    _check(len(kept), len(catalogue.items), catalogue.source, name=name, wanted=wanted)
    known = {CHANCE: chance(len(kept), seed=seed)} if baselines else {}
    return Side(tuple(kept), known | vectors, len(catalogue.items) - len(labelled), len(labelled) - len(kept))


def side_of(encoder: Encoder, photos: Photos, *, name: str, seed: int) -> Side:
    """Describe photographs that are cut out already; options and errors as in `read_side`."""
    labelled = photos.labelled()
    _check(len(labelled.items), len(photos.items), photos.source, name=name, wanted="a category")
    garments = labelled.garments
    parts = [encoder.embed_garments(garments[at : at + BATCH]) for at in range(0, len(garments), BATCH)]
    vectors = {CHANCE: chance(len(garments), seed=seed), ENCODER: np.concatenate(parts)}
    left_out = len(photos.items) - len(garments)
    return Side(labelled.items, vectors | labelled.descriptors, left_out, len(photos.bad))
