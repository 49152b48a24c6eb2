"""The embeddings of a catalogue: float32 (m, d), unit rows, one or several for each item that can be read.

A photograph is known by its content, so that one which was embedded before, under whatever name, is only
read. Each is encoded by itself: what stands beside it in a batch can then not change a bit of its vector.
"""

import os
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import chain, islice, pairwise, starmap
from pathlib import Path
from typing import Self, overload

import numpy as np

from index.embedding.cache import Embedding, EmbeddingCache, key_of
from index.embedding.embedder import Embedder, ItemPhoto, Outcome, Photo, embed_photo
from index.embedding.embedders import FEW, LocalEmbedder
from index.embedding.seen_files import File, read_file
from index.photographs import content_of
from index.scratch import taken, zeros
from index.views import ALL, ITEM, Views, arranged
from training.catalogue.reader import BadItem, Catalogue, Item, stored_items
from training.errors import UnreadableImage
from training.parts.part_maps import PART_MAP
from training.photo.encoder import Encoder
from training.photo.garment_types import type_of
from training.progress import progress_bar

_READ_AT_ONCE = 4096
_READ_BY_A_THREAD = 64
_ROWS_AT_ONCE = 2**18
_KEY = 33


@dataclass(frozen=True)
class Embedded:
    """Items with their embeddings, row by row, and the photographs that had to be left out.

    Parameters
    ----------
    items : sequence of Item
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

    items: Sequence[Item]
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

    @cached_property
    def counts(self) -> tuple[int, int]:
        """How many photographs and how many categories the items have."""
        photographs, categories = 0, set()
        for item in self.items:
            photographs += 1 + len(item.further)
            categories.add(item.category)
        return photographs, len(categories - {None})

    def views(self, row: int) -> np.ndarray:
        """Return the vectors of the item in a row: int64 (k,), its own first."""
        return np.array([row]) if self.owners is None else np.flatnonzero(self.owners == row)


def item_photos(item: Item, garments: str) -> list[ItemPhoto]:
    """Return an item's photographs to embed, by a choice of `index.views.GARMENTS`."""
    kind = type_of(item.category)
    return [ItemPhoto(path, kind, garments) for path in item.photographs]


class _Photos(Sequence[ItemPhoto]):
    """Photographs of items, or those of some rows, each made when it is asked for.

    Parameters
    ----------
    items : sequence of Item
    garments : str
    starts : int64 (n + 1,)
        The row of each item's first photograph, and the number of all.
    rows : int64 (k,), optional
    """

    def __init__(
        self, items: Sequence[Item], garments: str, starts: np.ndarray, rows: np.ndarray | None = None
    ) -> None:
        self._items, self._garments = items, garments
        self._starts, self._rows = starts, rows

    @classmethod
    def of(cls, items: Sequence[Item], garments: str) -> Self:
        """Return all photographs of items."""
        counts = np.fromiter((1 + len(item.further) for item in items), np.int64, len(items))
        return cls(items, garments, np.concatenate([[0], np.cumsum(counts)]))

    @property
    def starts(self) -> np.ndarray:
        """The row of each item's first photograph: int64 (n,)."""
        return self._starts[:-1]

    def of_rows(self, rows: np.ndarray) -> Self:
        """Return those of some rows, int64 (k,)."""
        return type(self)(self._items, self._garments, self._starts, rows)

    def __len__(self) -> int:
        return int(self._starts[-1]) if self._rows is None else len(self._rows)

    @overload
    def __getitem__(self, place: int) -> ItemPhoto: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[ItemPhoto]: ...
    def __getitem__(self, place: int | slice) -> ItemPhoto | Sequence[ItemPhoto]:
        if isinstance(place, slice):
            return [self[one] for one in range(*place.indices(len(self)))]
        row = range(len(self))[place] if self._rows is None else self._rows[place]
        owner = int(np.searchsorted(self._starts, row, side="right")) - 1
        item = self._items[owner]
        return ItemPhoto(item.photographs[row - self._starts[owner]], type_of(item.category), self._garments)

    def __iter__(self) -> Iterator[ItemPhoto]:
        if self._rows is not None:
            return super().__iter__()
        return (photo for item in self._items for photo in item_photos(item, self._garments))


@dataclass
class _Work:
    """The state of one run: `keys[row]` is what a photograph holds, and the type of garment.

    A key is the SHA-256 of a file and a byte for the type of its item's garment; empty where the file can't
    be read, and `unread` has the reason. The embedding of a key lies in the first row that has it, `firsts`;
    where it has several views, so do these; `failed` tells of the rows of which none could be made.
    """

    photos: _Photos
    garments: str
    encoder: Encoder
    cache: EmbeddingCache | None
    scratch: Path | None
    unread: dict[int, UnreadableImage] = field(default_factory=dict)
    several: dict[int, Views] = field(default_factory=dict)
    failed: dict[int, UnreadableImage] = field(default_factory=dict)
    _kinds: list[str | None] = field(default_factory=list)

    def __post_init__(self) -> None:
        count = len(self.photos)
        self.keys = zeros((count, _KEY), np.uint8, self.scratch)
        self.vectors = zeros((count, self.encoder.dimension), np.float32, self.scratch)
        self.boxes = zeros((count, 4), np.float32, self.scratch)
        self.pictures = zeros((count,), np.uint64, self.scratch)
        self.maps: np.ndarray | None = None
        self.done, self.known = np.zeros(count, bool), np.zeros(count, bool)

    def set_content(self, row: int, kind: str | None, content: bytes) -> None:
        """Note what the file of a row holds."""
        if kind not in self._kinds:
            self._kinds.append(kind)
        self.keys[row] = np.frombuffer(content + bytes([1 + self._kinds.index(kind)]), np.uint8)

    def content(self, row: int) -> bytes:
        """Return the SHA-256 of the file of a row, which was read."""
        return self.keys[row, :-1].tobytes()

    def key(self, row: int, garments: str) -> bytes:
        """Return what the embedding of a row is kept by."""
        return key_of(self.content(row), self._kind(row), garments)

    def _kind(self, row: int) -> str | None:
        return self._kinds[self.keys[row, -1] - 1]

    def sort(self) -> None:
        """Find the first row of each key again."""
        self.order, self.firsts = _first_rows(self.keys.view(f"S{_KEY}").reshape(-1))

    def missing(self) -> np.ndarray:
        """Return the first row of each key of which nothing is known: int64 (k,)."""
        own = self.firsts == np.arange(len(self.firsts))
        own[self.done] = own[[*self.unread]] = own[[*self.failed]] = False
        return np.flatnonzero(own)

    def look_up(self, cache: EmbeddingCache, ahead: Collection[bytes]) -> None:
        """Take what the cache has, and note what it had before this build."""
        for row in map(int, self.missing()):
            key = self.key(row, self.garments)
            if kept := self._kept(row, key, cache):
                self._take(row, kept)
                self.known[row] = key not in ahead

    def _kept(self, row: int, key: bytes, cache: EmbeddingCache) -> Embedding | None:
        """Return what the cache has; the item's garment also where all of its photograph were kept."""
        kept = cache.find(key)
        if kept is None and self.garments != ALL and (found := cache.find(self.key(row, ALL))):
            kept = Embedding(found.views.chosen(ITEM), found.picture)
            cache.add(key, kept)
        return kept

    def encode(self, embedder: Embedder, local: LocalEmbedder, *, progress: bool) -> None:
        """Encode what is missing; once more for copies of a photograph that was replaced meanwhile."""
        while len(rows := self.missing()):
            chosen = embedder if len(rows) > FEW else local
            photos = self.photos.of_rows(rows)
            bar = progress_bar(total=len(rows), desc="Embedding", unit="photo", disable=not progress)
            with bar, closing(chosen.embed(photos, self.encoder)) as results:
                for place, outcome in results:
                    row = int(rows[place])
                    self._keep(row, self._kind(row), outcome)
                    bar.update()
            self.sort()

    def _keep(self, row: int, kind: str | None, outcome: Outcome) -> None:
        if isinstance(outcome, UnreadableImage):
            self.unread[row] = outcome
            self.keys[row] = 0
            return
        self.set_content(row, kind, outcome.content)
        if isinstance(outcome.embedding, UnreadableImage):
            self.failed[row] = outcome.embedding
        else:
            self._take(row, outcome.embedding)
            if self.cache is not None:
                self.cache.add(self.key(row, self.garments), outcome.embedding)

    def _take(self, row: int, embedding: Embedding) -> None:
        views = embedding.views
        self.vectors[row], self.boxes[row] = views.vectors[0], views.boxes[0]
        self.pictures[row] = embedding.picture
        if views.maps is not None:
            if self.maps is None:
                self.maps = zeros((len(self.done),), PART_MAP, self.scratch)
            self.maps[row] = views.maps[0]
        if len(views) > 1:
            self.several[row] = views
        self.done[row] = True

    def used(self) -> Iterator[bytes]:
        """Yield what the embeddings of all photographs are kept by, in order."""
        made = self.order[self.done[self.order]]
        return (self.key(int(row), self.garments) for row in made)

    def views(self, row: int) -> Views:
        """Return the views of the photograph of a row that has not been left out."""
        first = int(self.firsts[row])
        if first in self.several:
            return self.several[first]
        place = slice(first, first + 1)
        maps = None if self.maps is None else self.maps[place]
        return Views(self.vectors[place], self.boxes[place], np.zeros(1, np.int64), maps)

    def reason(self, row: int) -> UnreadableImage | None:
        """Return why the photograph of a row is left out; None where it is not."""
        return self.unread.get(row) or self.failed.get(int(self.firsts[row]))


def _first_rows(keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the order of keys, bytes (n,), and the first row that has the key of each: both int64 (n,)."""
    order, firsts = np.argsort(keys, kind="stable"), np.arange(len(keys))
    last, first = b"", 0
    for at in range(0, len(keys), _ROWS_AT_ONCE):
        rows = order[at : at + _ROWS_AT_ONCE]
        part = keys[rows]
        starts = np.append(at == 0 or part[0] != last, part[1:] != part[:-1])
        first_of = np.maximum.accumulate(np.where(starts, np.arange(len(rows)), -1))
        firsts[rows] = np.where(first_of < 0, first, rows[first_of])
        last, first = part[-1], int(firsts[rows[-1]])
    return order, firsts


def _read_files(share: Sequence[tuple[Path, File | None]]) -> list[File | UnreadableImage]:
    return list(starmap(read_file, share))


def _read_all(work: _Work, *, processes: int | None, progress: bool, rehash: bool) -> None:
    """Note the SHA-256 of each file, or why it can't be read.

    A file that is as the cache has last seen it is not read again, unless `rehash`.
    """
    bar = progress_bar(total=len(work.photos), desc="Reading", unit="photo", disable=not progress)
    with bar, ThreadPoolExecutor(processes or os.cpu_count()) as pool:
        photos = enumerate(work.photos)
        while part := list(islice(photos, _READ_AT_ONCE)):
            paths = [photo.path for _, photo in part]
            seen = [None] * len(paths) if work.cache is None or rehash else work.cache.files(paths)
            pairs = [*zip(paths, seen, strict=True)]
            shares = (pairs[at : at + _READ_BY_A_THREAD] for at in range(0, len(pairs), _READ_BY_A_THREAD))
            found = [*chain.from_iterable(pool.map(_read_files, shares))]
            for (row, photo), file in zip(part, found, strict=True):
                if isinstance(file, UnreadableImage):
                    work.unread[row] = file
                else:
                    work.set_content(row, photo.kind, file.content)
            if work.cache is not None:
                work.cache.keep_files(zip(paths, found, strict=True))
            bar.update(len(part))
    work.sort()


def _readable(items: Sequence[Item], work: _Work) -> tuple[Sequence[Item], np.ndarray, list[BadItem]]:
    """Return the items that have a photograph which can be read, which rows can be, and the others."""
    good, bad = np.ones(len(work.photos), bool), list[BadItem]()
    if not work.unread and not work.failed:
        return items, good, bad

    def kept() -> Iterator[Item]:
        for item, start in zip(items, map(int, work.photos.starts), strict=True):
            photographs = dict(enumerate(item.photographs, start))
            reasons = {row: reason for row in photographs if (reason := work.reason(row))}
            bad.extend(BadItem(item.item_id, str(photographs[row]), str(why)) for row, why in reasons.items())
            good[[*reasons]] = False
            if len(reasons) < len(photographs):
                shown = [path for row, path in photographs.items() if row not in reasons]
                yield item.showing(shown) if reasons else item

    return stored_items(kept(), work.scratch), good, bad


def _gather(items: Sequence[Item], work: _Work, garments: str) -> Embedded:
    kept, good, bad = _readable(items, work)
    firsts, contents, starts = work.firsts, work.keys, work.photos.starts
    if bad:
        firsts, contents = firsts[good], taken(contents, np.flatnonzero(good), work.scratch)
        counts = np.add.reduceat(good, starts, dtype=np.int64)
        starts = np.cumsum(counts[counts > 0]) - counts[counts > 0]
    single = len(kept) == len(firsts)
    sources = firsts if single else firsts[starts]
    embedded = Embedded(
        items=kept,
        vectors=taken(work.vectors, sources, work.scratch),
        bad=tuple(bad),
        pictures=taken(work.pictures, sources, work.scratch),
        contents=contents[:, :-1] if single else _contents_of_items(contents[:, :-1], starts, work.scratch),
        garments=garments,
        maps=None if work.maps is None else taken(work.maps, sources, work.scratch),
    )
    if not kept or (garments == ITEM and single):
        return embedded
    views = [Views.joined([work.views(row) for row in each]) for each in _split(firsts, starts)]
    owners, seen = arranged(views)
    return replace(
        embedded,
        vectors=seen.vectors,
        owners=owners,
        boxes=seen.boxes,
        photographs=seen.photographs,
        maps=seen.maps,
    )


def _split(rows: np.ndarray, starts: np.ndarray) -> Iterator[np.ndarray]:
    """Yield the rows of each item, from those of all."""
    return (rows[at:end] for at, end in pairwise(chain(starts, [len(rows)])))


def _contents_of_items(contents: np.ndarray, starts: np.ndarray, scratch: Path | None) -> np.ndarray:
    """Return the digest of each item's photographs, from those of all: uint8 (n, 32)."""
    found = zeros((len(starts), contents.shape[1]), np.uint8, scratch)
    for place, rows in enumerate(_split(contents, starts)):
        found[place] = np.frombuffer(content_of([row.tobytes() for row in rows]), np.uint8)
    return found


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
    rehash: bool = False,
    scratch: Path | None = None,
) -> Embedded:
    """Return the embeddings of a catalogue's items, in its order.

    Photographs that are as the cache has last seen them are not read; those whose content it does not know
    are embedded, a few by threads of this process, more by the embedder. One content is encoded once for each
    type of garment, however many items have it.

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
    rehash : bool
        Read all photographs, whatever the cache has seen of their files.
    scratch : Path, optional
        Folder on whose disk what is made lies (see `index.scratch`); by default it lies in memory.
    """
    photos = _Photos.of(catalogue.items, garments)
    work = _Work(photos, garments, encoder, cache, scratch)
    _read_all(work, processes=processes, progress=progress, rehash=rehash)
    if cache is not None and not cache.empty:
        work.look_up(cache, ahead)
    known = work.known[work.firsts]
    local = embedder if isinstance(embedder, LocalEmbedder) else LocalEmbedder(processes)
    work.encode(embedder or local, local, progress=progress)
    if cache is not None:
        cache.finish(work.used())
    whole = int(np.logical_and.reduceat(known, photos.starts).sum()) if len(known) else 0
    return replace(_gather(catalogue.items, work, garments), cached=whole)


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
