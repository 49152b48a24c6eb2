"""The embeddings of a catalogue: float32 (m, d), unit rows, one or several for each item that can be read.

A photograph is known by its content, so that one which was embedded before, under whatever name, is only
read. Each is encoded by itself: what stands beside it in a batch can then not change a bit of its vector.
"""

import os
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path

import numpy as np

from index.embedding.cache import Embedding, EmbeddingCache, key_of
from index.embedding.embedder import Embedder, ItemPhoto, Outcome, Photo, embed_photo
from index.embedding.embedders import LocalEmbedder
from index.photographs import content_of
from index.views import ALL, ITEM, Views, arranged
from training.catalogue.reader import BadItem, Catalogue, Item
from training.errors import UnreadableImage
from training.parts.part_maps import PART_MAP
from training.photo.encoder import Encoder
from training.photo.garment_types import type_of
from training.photo.images import read_bytes
from training.progress import progress_bar

_READ_AT_ONCE = 64
_ALONE = 100  # photographs done before other processes would have started


@dataclass(frozen=True)
class Embedded:
    """Items with their embeddings, row by row, and the photographs that had to be left out.

    Parameters
    ----------
    items : tuple of Item
        With those of their photographs that can be read.
    vectors : float32 (m, d), unit rows
        The first n are the items', row by row; then come those of further garments and photographs.
    bad : tuple of BadItem
    pictures : uint64 (n,)
        Perceptual hashes of the first photographs.
    contents : uint8 (n, 32)
        `index.photographs.content_of` each item's photographs.
    cached : int
        Items whose embeddings had all been made by an earlier build.
    garments : str
        Which garments of a photograph have a vector, one of `index.views.GARMENTS`.
    owners : int64 (m,), optional
        The item of each vector; None where each has one.
    boxes : float32 (m, 4), optional
        Where the garment of each vector lies in its photograph; None where each item has one.
    photographs : int64 (m,), optional
        The number of that photograph among its item's; None where each item has one.
    maps : PART_MAP (m,), optional
        The part map of the garment of each vector.
    """

    items: tuple[Item, ...]
    vectors: np.ndarray
    bad: tuple[BadItem, ...]
    pictures: np.ndarray
    contents: np.ndarray
    cached: int = 0
    garments: str = ITEM
    owners: np.ndarray | None = None
    boxes: np.ndarray | None = None
    photographs: np.ndarray | None = None
    maps: np.ndarray | None = None

    def views(self, row: int) -> np.ndarray:
        """Return the vectors of the item in a row: int64 (k,), its own first."""
        return np.array([row]) if self.owners is None else np.flatnonzero(self.owners == row)


def item_photos(item: Item, garments: str) -> list[ItemPhoto]:
    """Return an item's photographs to embed, by a choice of `index.views.GARMENTS`."""
    kind = type_of(item.category)
    return [ItemPhoto(path, kind, garments) for path in item.photographs]


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
    """The state of one run: `contents[row]` is what a photograph holds, or why it is left out.

    `first` tells the row in which the embedding of a content and a type of garment lies, by `key_of`;
    `several` its views where there are more than one; `failed` why a content has none.
    """

    photos: list[ItemPhoto]
    contents: list[bytes | UnreadableImage]
    encoder: Encoder
    cache: EmbeddingCache | None
    vectors: np.ndarray = field(init=False)
    boxes: np.ndarray = field(init=False)
    pictures: np.ndarray = field(init=False)
    maps: np.ndarray = field(init=False)
    first: dict[bytes, int] = field(default_factory=dict)
    several: dict[bytes, Views] = field(default_factory=dict)
    failed: dict[bytes, UnreadableImage] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.vectors = np.zeros((len(self.photos), self.encoder.dimension), np.float32)
        self.boxes = np.zeros((len(self.photos), 4), np.float32)
        self.pictures = np.zeros(len(self.photos), np.uint64)
        self.maps = np.zeros(len(self.photos), PART_MAP)

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

    def look_up(self, ahead: Collection[bytes]) -> np.ndarray:
        """Take what the cache has; return which rows that serves from before this build: bool (n,)."""
        for row in self.missing() if self.cache is not None else ():
            key = self.key(row)
            if key is not None and self.cache and (kept := self._kept(row, key, self.cache)):
                self._take(row, key, kept)
        keys = map(self.key, range(len(self.photos)))
        return np.array([key in self.first and key not in ahead for key in keys], bool)

    def _kept(self, row: int, key: bytes, cache: EmbeddingCache) -> Embedding | None:
        """Return what the cache has; the item's garment also where all of its photograph were kept."""
        kept, every = cache.find(key), self.key(row, ALL)
        if kept is None and every not in (None, key) and (found := cache.find(every)):
            kept = Embedding(found.views.chosen(ITEM), found.picture)
            cache.add(key, kept)
        return kept

    def encode(self, embedder: Embedder, *, started: bool, progress: bool) -> None:
        """Encode what is missing; once more for copies of a photograph that was replaced meanwhile."""
        while rows := self.missing():
            chosen = embedder if started or len(rows) > _ALONE else LocalEmbedder(processes=1)
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
        self.pictures[row], self.maps[row] = embedding.picture, views.known_maps[0]
        if len(views) > 1:
            self.several[key] = views
        self.first[key] = row

    def views(self, row: int) -> Views:
        """Return the views of the photograph of a row that has not been left out."""
        key = self.key(row)
        assert key is not None, "it was read"
        if key in self.several:
            return self.several[key]
        place = slice(self.first[key], self.first[key] + 1)
        return Views(self.vectors[place], self.boxes[place], np.zeros(1, np.int64), self.maps[place])

    def content(self, rows: Sequence[int]) -> bytes:
        """Return the digest of the photographs of rows that have not been left out."""
        digests = [content for content in map(self.contents.__getitem__, rows) if isinstance(content, bytes)]
        return content_of(digests)

    def reason(self, row: int) -> UnreadableImage | None:
        """Return why the photograph of a row is left out; None where it is not."""
        content = self.contents[row]
        return content if isinstance(content, UnreadableImage) else self.failed.get(content)


def _readable(items: Sequence[Item], work: _Work) -> tuple[list[Item], list[list[int]], list[BadItem]]:
    """Return the items that have a photograph which can be read, the rows of these, and the others."""
    kept, rows, bad = [], [], list[BadItem]()
    start = 0
    for item in items:
        photographs = dict(enumerate(item.photographs, start))
        start += len(photographs)
        reasons = {row: reason for row in photographs if (reason := work.reason(row))}
        bad += [BadItem(item.item_id, str(photographs[row]), str(why)) for row, why in reasons.items()]
        if good := [row for row in photographs if row not in reasons]:
            kept.append(item.showing([photographs[row] for row in good]) if reasons else item)
            rows.append(good)
    return kept, rows, bad


def _gather(items: Sequence[Item], work: _Work, garments: str) -> Embedded:
    kept, rows, bad = _readable(items, work)
    firsts = [of_item[0] for of_item in rows]
    keys = [key for key in map(work.key, firsts) if key is not None]
    sources = np.array([work.first[key] for key in keys], np.int64)
    contents = b"".join(map(work.content, rows))
    embedded = Embedded(
        items=tuple(kept),
        vectors=work.vectors[sources],
        bad=tuple(bad),
        pictures=work.pictures[sources],
        contents=np.frombuffer(contents, np.uint8).reshape(-1, 32),
        garments=garments,
        maps=work.maps[sources],
    )
    if not kept or (garments == ITEM and all(len(of_item) == 1 for of_item in rows)):
        return embedded
    views = [Views.joined([work.views(row) for row in of_item]) for of_item in rows]
    owners, seen = arranged(views)
    return replace(
        embedded,
        vectors=seen.vectors,
        owners=owners,
        boxes=seen.boxes,
        photographs=seen.photographs,
        maps=seen.maps,
    )


def _count_whole(known: np.ndarray, items: Sequence[Item]) -> int:
    """Return how many items have photographs of which all are known, bool (n,) in the items' order."""
    starts = np.cumsum([0, *(len(item.photographs) for item in items)])[:-1]
    return int(np.logical_and.reduceat(known, starts).sum()) if len(known) else 0


def embed_catalogue(
    catalogue: Catalogue,
    encoder: Encoder,
    *,
    garments: str = ITEM,
    cache: EmbeddingCache | None = None,
    embedder: Embedder | None = None,
    processes: int | None = None,
    progress: bool = False,
    ahead: Collection[bytes] = (),
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
    ahead : collection of bytes
        What the cache knows from a `head_start` of this build, by `key_of`.
    """
    photos = [photo for item in catalogue.items for photo in item_photos(item, garments)]
    paths = [photo.path for photo in photos]
    contents = _contents(paths, processes=processes, progress=progress)
    work = _Work(photos, contents, encoder, cache)
    known = work.look_up(ahead)
    work.encode(embedder or LocalEmbedder(processes), started=bool(ahead), progress=progress)
    if cache is not None:
        cache.finish(work.first)
    return replace(_gather(catalogue.items, work, garments), cached=_count_whole(known, catalogue.items))


def reencode(
    embedded: Embedded, encoder: Encoder, *, sample: int = 5, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Encode the photographs of a few items once more, without the cache, to compare them with their vectors.

    Returns
    -------
    rows : int64 (m,)
        Of at most `sample` items; those with a file that has changed or gone meanwhile are left out.
    vectors : float32 (m, d)
    """
    count = len(embedded.items)
    rows, vectors = [], []
    for row in np.random.default_rng(seed).permutation(count)[:sample].tolist():
        photos = [_or_none(photo, encoder) for photo in item_photos(embedded.items[row], embedded.garments)]
        known = {
            photo.content: photo.embedding.views.vectors
            for photo in photos
            if photo and isinstance(photo.embedding, Embedding)
        }
        digests = [photo.content for photo in photos if photo and photo.content in known]
        if len(digests) == len(photos) and content_of(digests) == embedded.contents[row].tobytes():
            rows.append(embedded.views(row))
            vectors += [known[digest] for digest in digests]
    if not rows:
        return np.zeros(0, np.int64), np.zeros((0, encoder.dimension), np.float32)
    return np.concatenate(rows), np.concatenate(vectors)


def _or_none(photo: ItemPhoto, encoder: Encoder) -> Photo | None:
    try:
        return embed_photo(photo, encoder)
    except UnreadableImage:
        return None
