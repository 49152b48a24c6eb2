"""The interface of embedders: photographs in, pairs of a photograph's position and its outcome out.

Every embedder handles a photograph by `embed_photo`, one at a time, so that neither the rest of a batch nor
the machine changes a bit of its vector.
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Protocol

import numpy as np

from index.embedding.cache import Embedding
from index.embedding.perceptual_hash import photo_hash
from index.views import ALL, ITEM, Views
from training.errors import UnreadableImage
from training.photo.encoder import Encoder
from training.photo.garment import WORKING_SIZE, Garment, isolate, item_garments
from training.photo.images import decode, read_bytes
from training.photo.segmenter import Segmenter


@dataclass(frozen=True)
class ItemPhoto:
    """An item's photograph to embed.

    Parameters
    ----------
    path : Path
    kind : str, optional
        The type of garment that the item's category names.
    garments : str
        Which of its garments are embedded, one of `index.views.GARMENTS`.
    """

    path: Path
    kind: str | None = None
    garments: str = ITEM


@dataclass(frozen=True)
class Photo:
    """A photograph that was read: the SHA-256 of its file, and its embedding or why there is none."""

    content: bytes
    embedding: Embedding | UnreadableImage


Outcome = Photo | UnreadableImage
"""What came of a path: a photograph, or why its file can't even be read."""

Results = Generator[tuple[int, Outcome], None, None]
"""Positions in the list of photographs, each once and in any order, with their outcomes."""


def cut_garments(rgb: np.ndarray, kind: str | None, garments: str, segmenter: Segmenter) -> Sequence[Garment]:
    """Cut the item's garment out of a photograph, uint8 (h, w, 3), and the others behind it if all count."""
    if garments == ALL:
        return item_garments(rgb, kind, segmenter)
    return [isolate(rgb, kind, segmenter=segmenter)]


def cut_views(rgb: np.ndarray, kind: str | None, garments: str, encoder: Encoder) -> Views:
    """Encode the garments of a photograph, as `cut_garments` takes them."""
    return Views.of(cut_garments(rgb, kind, garments, encoder.segmenter), encoder)


def embed_photo(photo: ItemPhoto, encoder: Encoder) -> Photo:
    """Read a photograph once, cut the item's garment out, or all garments, and encode them.

    Raises
    ------
    UnreadableImage
        The file can't be read. One that can, but holds no photograph, is a `Photo` that says so.
    """
    data = read_bytes(photo.path)
    content = sha256(data).digest()
    try:
        rgb = decode(data, size=WORKING_SIZE)
    except UnreadableImage as error:
        return Photo(content, error)
    views = cut_views(rgb, photo.kind, photo.garments, encoder)
    return Photo(content, Embedding(views, photo_hash(rgb)))


class Embedder(Protocol):
    """Embeds many photographs at a time."""

    def embed(self, photos: Sequence[ItemPhoto], encoder: Encoder) -> Results:
        """Yield the outcome of every photograph once, as they come, a bounded number of them in memory."""
        ...
