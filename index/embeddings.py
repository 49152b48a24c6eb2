"""The embeddings of a catalogue: float32 (n, d), unit rows, one for each item that can be read."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np

from training.catalogue import BadItem, Catalogue, Item
from training.cutouts import isolate_all
from training.encoder import Encoder
from training.errors import UnreadableImage
from training.garment import Garment

BATCH = 64


@dataclass(frozen=True)
class Embedded:
    """Items with their vectors, row by row, and the items that had to be left out.

    Parameters
    ----------
    items : tuple of Item
    vectors : float32 (n, d), unit rows
    bad : tuple of BadItem
    """

    items: tuple[Item, ...]
    vectors: np.ndarray
    bad: tuple[BadItem, ...]


def _readable(
    items: tuple[Item, ...], bad: list[BadItem], *, processes: int | None, progress: bool
) -> Iterator[tuple[Item, Garment]]:
    """Yield each item with its garment; append those without to `bad`."""
    isolated = isolate_all(
        [item.path for item in items], processes=processes, progress="Embedding" if progress else None
    )
    for item, result in zip(items, isolated, strict=True):
        if isinstance(result, UnreadableImage):
            bad.append(BadItem(item_id=item.item_id, path=str(item.path), reason=str(result)))
        else:
            yield item, result


def _batches(
    readable: Iterator[tuple[Item, Garment]], size: int
) -> Iterator[tuple[tuple[Item, ...], tuple[Garment, ...]]]:
    while batch := list(islice(readable, size)):
        items, garments = zip(*batch, strict=True)
        yield items, garments


def embed_catalogue(
    catalogue: Catalogue, encoder: Encoder, *, processes: int | None = None, progress: bool = False
) -> Embedded:
    """Return the embeddings of a catalogue's items, in its order.

    Photographs are read and cut out in parallel and embedded in batches as they come, so that only the
    vectors grow with the catalogue.

    Parameters
    ----------
    catalogue : Catalogue
    encoder : Encoder
    processes : int, optional
        Processes that cut out; by default one a core.
    progress : bool
        Show a bar with rate and time left on standard error.
    """
    vectors = np.empty((len(catalogue.items), encoder.dimension), np.float32)
    kept: list[Item] = []
    bad: list[BadItem] = []
    readable = _readable(catalogue.items, bad, processes=processes, progress=progress)
    for items, garments in _batches(readable, BATCH):
        vectors[len(kept) : len(kept) + len(items)] = encoder.embed_garments(garments)
        kept += items
    return Embedded(items=tuple(kept), vectors=vectors[: len(kept)], bad=tuple(bad))
