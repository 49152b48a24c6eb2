"""One side of a search, gallery or queries: its items, and a float32 (n, d) array for each descriptor."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np

from training.catalogue.reader import Catalogue, Item
from training.errors import TooFewImages, UnreadableImage
from training.evaluation.baselines import CHANCE, Reading, chance, read_all
from training.evaluation.photos import Photos
from training.photo.encoder import Encoder

ENCODER = "encoder"
BATCH = 256  # cut-outs held at once before they are embedded


@dataclass(frozen=True)
class Side:
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

    items: tuple[Item, ...]
    vectors: dict[str, np.ndarray]
    uncategorised: int
    unreadable: int

    @property
    def ids(self) -> list[str]:
        """The items' ids."""
        return [item.item_id for item in self.items]

    @property
    def categories(self) -> list[str]:
        """The items' categories."""
        return [str(item.category) for item in self.items]


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
        At most `BATCH` of them are held at once.

    Returns
    -------
    dict
        Float32 (n, d) with unit rows by descriptor, the encoder's first; empty without readings.
    """
    columns: dict[str, list[np.ndarray]] = defaultdict(list)
    for batch in _batches(readings):
        columns[ENCODER].append(encoder.embed_garments([reading.garment for reading in batch]))
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
        "gallery" or "queries".
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
    paths = [item.path for item in labelled]
    results = read_all(paths, described=baselines, processes=processes, progress=name)
    kept: list[Item] = []

    def readable() -> Iterator[Reading]:
        for item, reading in zip(labelled, results, strict=True):
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
