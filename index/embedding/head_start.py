"""Photographs embedded into the cache while others are still fetched, so that no core waits for servers."""

from collections import deque
from collections.abc import Sequence
from contextlib import ExitStack, closing
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import Self

from index.embedding.cache import Embedding, EmbeddingCache, key_of
from index.embedding.embedder import ItemPhoto, Photo
from index.embedding.embedders import LocalEmbedder
from training.errors import UnreadableImage
from training.parallel import BATCH
from training.photo.encoder import Encoder
from training.photo.garment_types import type_of
from training.photo.images import read_bytes

_BATCHES = 4
"""That each process takes in a round."""


class HeadStart:
    """Embeds what it is offered in rounds, and leaves what has not come to a round to the build.

    The build finds all of it in the cache: neither order nor anything else of its index depends on this. A
    context manager: the cache is open from the first round to the end.

    Parameters
    ----------
    folder : Path
        Of the cache.
    encoder : Encoder
    embedder : LocalEmbedder
        Best the build's own: its processes are then started once.
    garments : str
        Which garments of a photograph are embedded, one of `index.views.GARMENTS`.
    """

    def __init__(self, folder: Path, encoder: Encoder, *, embedder: LocalEmbedder, garments: str) -> None:
        self._folder = folder
        self._encoder = encoder
        self._embedder = embedder
        self._garments = garments
        self._waiting: deque[ItemPhoto] = deque()
        self._closing = ExitStack()
        self.done: set[bytes] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.close()

    @cached_property
    def _cache(self) -> EmbeddingCache:
        return self._closing.enter_context(EmbeddingCache(self._folder, self._encoder))

    def offer(self, path: Path, category: str | None) -> None:
        """Take a photograph of an item of a category."""
        self._waiting.append(ItemPhoto(path, type_of(category), self._garments))

    def work(self) -> int:
        """Embed a round, where one is full; return how many photographs were embedded so far."""
        size = _BATCHES * BATCH * self._embedder.processes
        if len(self._waiting) >= size:
            taken = [self._waiting.popleft() for _ in range(size)]
            self._embed([photo for photo in taken if not self._is_known(photo)])
        return len(self.done)

    def _is_known(self, photo: ItemPhoto) -> bool:
        """Return whether the cache has a photograph, or whether it can't be read, which the build tells."""
        try:
            content = sha256(read_bytes(photo.path)).digest()
        except UnreadableImage:
            return True
        return self._cache.find(key_of(content, photo.kind, photo.garments)) is not None

    def _embed(self, photos: Sequence[ItemPhoto]) -> None:
        self._embedder.expect_more(self._encoder)
        with closing(self._embedder.embed(photos, self._encoder)) as results:
            for place, outcome in results:
                if isinstance(outcome, Photo) and isinstance(outcome.embedding, Embedding):
                    key = key_of(outcome.content, photos[place].kind, self._garments)
                    self._cache.add(key, outcome.embedding)
                    self.done.add(key)
