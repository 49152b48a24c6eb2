"""The embeddings of a catalogue: float32 (m, d), unit rows, one for each item that can be read, or several.

A photograph is known by its content, so that one which was embedded before, under whatever name, is only
read. Each is encoded by itself: what stands beside it in a batch can then not change a bit of its vector.
"""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path

import numpy as np

from index.embedding.cache import Embedding, EmbeddingCache, key_of
from index.embedding.embedder import Embedder, ItemPhoto, Outcome, Photo, embed_photo
from index.embedding.embedders import LocalEmbedder
from index.views import ALL, ITEM, Views
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
    vectors : float32 (m, d), unit rows
        The first n are the items', row by row; then come those of further garments of their photographs.
    bad : tuple of BadItem
    pictures : uint64 (n,)
        Perceptual hashes.
    contents : uint8 (n, 32)
        SHA-256 of each photograph.
    cached : int
        Items whose embedding had been made by an earlier build.
    owners : int64 (m,), optional
        The item of each vector; None where each has one.
    boxes : float32 (m, 4), optional
        Where the garment of each vector lies in its photograph.
    """

    items: tuple[Item, ...]
    vectors: np.ndarray
    bad: tuple[BadItem, ...]
    pictures: np.ndarray
    contents: np.ndarray
    cached: int = 0
    owners: np.ndarray | None = None
    boxes: np.ndarray | None = None

    @property
    def garments(self) -> str:
        """Which garments of a photograph have a vector, one of `index.views.GARMENTS`."""
        return ITEM if self.owners is None else ALL

    def views(self, row: int) -> np.ndarray:
        """Return the vectors of the item in a row: int64 (k,), its own first."""
        return np.array([row]) if self.owners is None else np.flatnonzero(self.owners == row)


def _photo(item: Item, garments: str) -> ItemPhoto:
    return ItemPhoto(item.path, type_of(item.category), garments)


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
    `further` the views that it has beside; `failed` why a content has none.
    """

    photos: list[ItemPhoto]
    contents: list[bytes | UnreadableImage]
    encoder: Encoder
    cache: EmbeddingCache | None
    vectors: np.ndarray = field(init=False)
    boxes: np.ndarray = field(init=False)
    pictures: np.ndarray = field(init=False)
    first: dict[bytes, int] = field(default_factory=dict)
    further: dict[bytes, Views] = field(default_factory=dict)
    failed: dict[bytes, UnreadableImage] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.vectors = np.zeros((len(self.photos), self.encoder.dimension), np.float32)
        self.boxes = np.zeros((len(self.photos), 4), np.float32)
        self.pictures = np.zeros(len(self.photos), np.uint64)

    def key(self, row: int, garments: str | None = None) -> bytes | None:
        """Return what the embedding of a row is kept by; None where its file can't be read."""
        content, photo = self.contents[row], self.photos[row]
        return key_of(content, photo.kind, garments or photo.garments) if isinstance(content, bytes) else None

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
            if key is not None and (kept := self._kept(row, key, self.cache)):
                self._take(row, key, kept)
        return sum(self.key(row) in self.first for row in range(len(self.photos)))

    def _kept(self, row: int, key: bytes, cache: EmbeddingCache) -> Embedding | None:
        """Return what the cache has; the item's garment also where all of its photograph were kept."""
        kept, every = cache.find(key), self.key(row, ALL)
        if kept is None and every not in (None, key) and (found := cache.find(every)):
            kept = Embedding(Views(found.views.vectors[:1], found.views.boxes[:1]), found.picture)
            cache.add(key, kept)
        return kept

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
        key = key_of(outcome.content, self.photos[row].kind, self.photos[row].garments)
        if isinstance(outcome.embedding, UnreadableImage):
            self.failed[outcome.content] = outcome.embedding
        elif key not in self.first:
            self._take(row, key, outcome.embedding)
            if self.cache is not None:
                self.cache.add(key, outcome.embedding)

    def _take(self, row: int, key: bytes, embedding: Embedding) -> None:
        views = embedding.views
        self.vectors[row], self.boxes[row] = views.vectors[0], views.boxes[0]
        self.pictures[row] = embedding.picture
        if len(views) > 1:
            self.further[key] = Views(views.vectors[1:], views.boxes[1:])
        self.first[key] = row

    def reason(self, row: int) -> UnreadableImage | None:
        """Return why the item of a row is left out; None where it is not."""
        content = self.contents[row]
        return content if isinstance(content, UnreadableImage) else self.failed.get(content)


def _bad(item: Item, reason: UnreadableImage) -> BadItem:
    return BadItem(item_id=item.item_id, path=str(item.path), reason=str(reason))


def _with_further(embedded: Embedded, boxes: np.ndarray, further: Sequence[Views | None]) -> Embedded:
    """Put the vectors of further garments behind those of the items.

    Parameters
    ----------
    embedded : Embedded
    boxes : float32 (n, 4)
    further : sequence of Views or None
        What each item has beside its garment.
    """
    owners = np.repeat(np.arange(len(further)), [len(views) if views else 0 for views in further])
    others = [views for views in further if views]
    return replace(
        embedded,
        vectors=np.concatenate([embedded.vectors, *(views.vectors for views in others)]),
        owners=np.concatenate([np.arange(len(further)), owners]),
        boxes=np.concatenate([boxes, *(views.boxes for views in others)]),
    )


def _gather(items: Sequence[Item], work: _Work, cached: int, garments: str) -> Embedded:
    reasons = [work.reason(row) for row in range(len(items))]
    kept = [row for row, reason in enumerate(reasons) if reason is None]
    contents = [content for content in map(work.contents.__getitem__, kept) if isinstance(content, bytes)]
    keys = [key for key in map(work.key, kept) if key is not None]
    sources = np.array([work.first[key] for key in keys], np.int64)
    embedded = Embedded(
        items=tuple(items[row] for row in kept),
        vectors=work.vectors[sources],
        bad=tuple(_bad(item, reason) for item, reason in zip(items, reasons, strict=True) if reason),
        pictures=work.pictures[sources],
        contents=np.frombuffer(b"".join(contents), np.uint8).reshape(-1, 32),
        cached=cached,
    )
    if garments == ITEM:
        return embedded
    return _with_further(embedded, work.boxes[sources], [work.further.get(key) for key in keys])


def embed_catalogue(
    catalogue: Catalogue,
    encoder: Encoder,
    *,
    garments: str = ITEM,
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
    garments : str
        Which garments of a photograph are embedded, one of `index.views.GARMENTS`.
    cache : EmbeddingCache, optional
        Of this encoder; it learns what is encoded.
    embedder : Embedder, optional
        By default processes of this machine.
    processes : int, optional
        Files read at a time, and processes of the default embedder; by default one a core.
    progress : bool
        Show bars with rate and time left on standard error.
    """
    photos = [_photo(item, garments) for item in catalogue.items]
    paths = [photo.path for photo in photos]
    contents = _contents(paths, processes=processes, progress=progress)
    work = _Work(photos, contents, encoder, cache)
    cached = work.look_up()
    work.encode(embedder or LocalEmbedder(processes), progress=progress)
    if cache is not None:
        cache.finish(work.first)
    return _gather(catalogue.items, work, cached, garments)


def reencode(
    embedded: Embedded, encoder: Encoder, *, sample: int = 5, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Encode a few photographs once more, without the cache, to compare them with their vectors.

    Returns
    -------
    rows : int64 (m,)
        Of at most `sample` items; those whose file has changed or gone meanwhile are left out.
    vectors : float32 (m, d)
    """
    count = len(embedded.items)
    rows, vectors = [], []
    for row in np.random.default_rng(seed).permutation(count)[:sample].tolist():
        photo = _or_none(_photo(embedded.items[row], embedded.garments), encoder)
        if photo and photo.content == embedded.contents[row].tobytes():
            assert isinstance(photo.embedding, Embedding), "these bytes were a photograph before"
            rows.append(embedded.views(row))
            vectors.append(photo.embedding.views.vectors)
    if not rows:
        return np.zeros(0, np.int64), np.zeros((0, encoder.dimension), np.float32)
    return np.concatenate(rows), np.concatenate(vectors)


def _or_none(photo: ItemPhoto, encoder: Encoder) -> Photo | None:
    try:
        return embed_photo(photo, encoder)
    except UnreadableImage:
        return None
