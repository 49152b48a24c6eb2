"""The embeddings of a catalogue: float32 (n, d), unit rows, one for each item that can be read.

A photograph is known by its content, so that one which was embedded before, under whatever name, is only
read. Each is encoded by itself: what stands beside it in a batch can then not change a bit of its vector.
"""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

import numpy as np

from index.embedding.cache import Embedding, EmbeddingCache, key_of
from index.embedding.embedder import Embedder, ItemPhoto, Outcome, Photo, embed_photo
from index.embedding.embedders import LocalEmbedder
from training.catalogue.reader import BadItem, Catalogue, Item
from training.errors import UnreadableImage
from training.photo.encoder import Encoder
from training.photo.garment_types import type_of
from training.photo.images import read_bytes
from training.progress import progress_bar

_READ_AT_ONCE = 64
_ALONE = 100  # photographs done before other processes would have started


@dataclass(frozen=True)
class Embedded:
    """Items with their embeddings, row by row, and the items that had to be left out.

    Parameters
    ----------
    items : tuple of Item
    vectors : float32 (n, d), unit rows
    bad : tuple of BadItem
    pictures : uint64 (n,)
        Perceptual hashes.
    contents : uint8 (n, 32)
        SHA-256 of each photograph.
    cached : int
        Items whose embedding had been made by an earlier build.
    """

    items: tuple[Item, ...]
    vectors: np.ndarray
    bad: tuple[BadItem, ...]
    pictures: np.ndarray
    contents: np.ndarray
    cached: int = 0


def _photo(item: Item) -> ItemPhoto:
    return ItemPhoto(item.path, type_of(item.category))


def _content(path: Path) -> bytes | UnreadableImage:
    try:
        return sha256(read_bytes(path)).digest()
    except UnreadableImage as error:
        return error


def _contents_of(paths: Sequence[Path]) -> list[bytes | UnreadableImage]:
    return [_content(path) for path in paths]


def _contents(
    paths: Sequence[Path], *, processes: int | None, progress: bool
) -> list[bytes | UnreadableImage]:
    """Return the SHA-256 of each file, or why it can't be read."""
    found: list[bytes | UnreadableImage] = []
    bar = progress_bar(total=len(paths), desc="Reading", unit="photo", disable=not progress)
    with bar, ThreadPoolExecutor(processes or os.cpu_count()) as pool:
        parts = [paths[at : at + _READ_AT_ONCE] for at in range(0, len(paths), _READ_AT_ONCE)]
        for part in pool.map(_contents_of, parts):
            found += part
            bar.update(len(part))
    return found


@dataclass
class _Work:
    """The state of one run: `contents[row]` is what an item's photograph holds, or why it is left out.

    `first` tells the row in which the embedding of a content and a type of garment lies, by `key_of`;
    `failed` why a content has none.
    """

    photos: list[ItemPhoto]
    contents: list[bytes | UnreadableImage]
    encoder: Encoder
    cache: EmbeddingCache | None
    vectors: np.ndarray = field(init=False)
    pictures: np.ndarray = field(init=False)
    first: dict[bytes, int] = field(default_factory=dict)
    failed: dict[bytes, UnreadableImage] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.vectors = np.zeros((len(self.photos), self.encoder.dimension), np.float32)
        self.pictures = np.zeros(len(self.photos), np.uint64)

    def key(self, row: int) -> bytes | None:
        """Return what the embedding of a row is kept by; None where its file can't be read."""
        content = self.contents[row]
        return key_of(content, self.photos[row].kind) if isinstance(content, bytes) else None

    def missing(self) -> list[int]:
        """Return one row for each content and type of garment of which nothing is known."""
        rows: dict[bytes, int] = {}
        for row, content in enumerate(self.contents):
            key = self.key(row)
            if key is not None and key not in self.first and content not in self.failed:
                rows.setdefault(key, row)
        return list(rows.values())

    def look_up(self) -> int:
        """Take what the cache has; return how many items that serves."""
        if self.cache is None:
            return 0
        for row in self.missing():
            key = self.key(row)
            if key is not None and (kept := self.cache.find(key)):
                self._take(row, key, kept)
        return sum(self.key(row) in self.first for row in range(len(self.photos)))

    def encode(self, embedder: Embedder, *, progress: bool) -> None:
        """Encode what is missing; once more for copies of a photograph that was replaced meanwhile."""
        while rows := self.missing():
            chosen = embedder if len(rows) > _ALONE else LocalEmbedder(processes=1)
            bar = progress_bar(total=len(rows), desc="Embedding", unit="photo", disable=not progress)
            with bar, closing(chosen.embed([self.photos[row] for row in rows], self.encoder)) as results:
                for place, outcome in results:
                    self._keep(rows[place], outcome)
                    bar.update()

    def _keep(self, row: int, outcome: Outcome) -> None:
        if isinstance(outcome, UnreadableImage):
            self.contents[row] = outcome
            return
        self.contents[row] = outcome.content
        key = key_of(outcome.content, self.photos[row].kind)
        if isinstance(outcome.embedding, UnreadableImage):
            self.failed[outcome.content] = outcome.embedding
        elif key not in self.first:
            self._take(row, key, outcome.embedding)
            if self.cache is not None:
                self.cache.add(key, outcome.embedding)

    def _take(self, row: int, key: bytes, embedding: Embedding) -> None:
        self.vectors[row] = embedding.vector
        self.pictures[row] = embedding.picture
        self.first[key] = row

    def reason(self, row: int) -> UnreadableImage | None:
        """Return why the item of a row is left out; None where it is not."""
        content = self.contents[row]
        return content if isinstance(content, UnreadableImage) else self.failed.get(content)


def _bad(item: Item, reason: UnreadableImage) -> BadItem:
    return BadItem(item_id=item.item_id, path=str(item.path), reason=str(reason))


def _gather(items: Sequence[Item], work: _Work, cached: int) -> Embedded:
    reasons = [work.reason(row) for row in range(len(items))]
    kept = [row for row, reason in enumerate(reasons) if reason is None]
    contents = [content for content in map(work.contents.__getitem__, kept) if isinstance(content, bytes)]
    keys = [key for key in map(work.key, kept) if key is not None]
    sources = np.array([work.first[key] for key in keys], np.int64)
    return Embedded(
        items=tuple(items[row] for row in kept),
        vectors=work.vectors[sources],
        bad=tuple(_bad(item, reason) for item, reason in zip(items, reasons, strict=True) if reason),
        pictures=work.pictures[sources],
        contents=np.frombuffer(b"".join(contents), np.uint8).reshape(-1, 32),
        cached=cached,
    )


def embed_catalogue(
    catalogue: Catalogue,
    encoder: Encoder,
    *,
    cache: EmbeddingCache | None = None,
    embedder: Embedder | None = None,
    processes: int | None = None,
    progress: bool = False,
) -> Embedded:
    """Return the embeddings of a catalogue's items, in its order.

    All photographs are read; those that the cache does not know are embedded, a few at once in this process,
    more by the embedder. One content is encoded once for each type of garment, however many items have it.

    Parameters
    ----------
    catalogue : Catalogue
    encoder : Encoder
    cache : EmbeddingCache, optional
        Of this encoder; it learns what is encoded.
    embedder : Embedder, optional
        By default processes of this machine.
    processes : int, optional
        Files read at a time, and processes of the default embedder; by default one a core.
    progress : bool
        Show bars with rate and time left on standard error.
    """
    photos = [_photo(item) for item in catalogue.items]
    paths = [photo.path for photo in photos]
    contents = _contents(paths, processes=processes, progress=progress)
    work = _Work(photos, contents, encoder, cache)
    cached = work.look_up()
    work.encode(embedder or LocalEmbedder(processes), progress=progress)
    if cache is not None:
        cache.finish(work.first)
    return _gather(catalogue.items, work, cached)


def reencode(
    embedded: Embedded, encoder: Encoder, *, sample: int = 5, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Encode a few photographs once more, without the cache, to compare them with their vectors.

    Returns
    -------
    rows : int64 (m,)
        At most `sample`; those whose file has changed or gone meanwhile are left out.
    vectors : float32 (m, d)
    """
    count = len(embedded.items)
    rows, vectors = [], []
    for row in np.random.default_rng(seed).permutation(count)[:sample].tolist():
        photo = _or_none(_photo(embedded.items[row]), encoder)
        if photo and photo.content == embedded.contents[row].tobytes():
            assert isinstance(photo.embedding, Embedding), "these bytes were a photograph before"
            rows.append(row)
            vectors.append(photo.embedding.vector)
    return np.array(rows, np.int64), np.array(vectors, np.float32).reshape(-1, encoder.dimension)


def _or_none(photo: ItemPhoto, encoder: Encoder) -> Photo | None:
    try:
        return embed_photo(photo, encoder)
    except UnreadableImage:
        return None
