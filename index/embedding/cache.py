"""Embeddings that outlive a build: a photograph's SHA-256 and type of garment to views and picture hash."""

import logging
import os
import platform
import sqlite3
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from time import monotonic
from types import TracebackType
from typing import Self, TypeVar

from index.embedding.perceptual_hash import HASH_VERSION
from index.embedding.seen_files import File
from index.views import ALL, ITEM, Views
from training.errors import UnreadableImage
from training.parts.part_maps import VERSION as PART_VERSION
from training.photo.encoder import Encoder

log = logging.getLogger(__name__)

FOLDER = "embeddings"
KEPT_BUILDS = 7
KEPT_ENCODERS = 3
COMMIT_SECONDS = 1.0
_WAIT_SECONDS = 60
_COMPUTED_BY = ("ai-edge-litert", "numpy", "pillow", "scikit-image", "scipy")
_BESIDE = ("", "-wal", "-shm", ".damaged")
_PAGE = 8192
"""Bytes of a page of the file: three rows with a part map fit, where pages of 4,096 hold one."""
_SCHEMA = """
CREATE TABLE IF NOT EXISTS about (name TEXT PRIMARY KEY, value NOT NULL);
CREATE TABLE IF NOT EXISTS embeddings (
    number INTEGER PRIMARY KEY,
    views BLOB NOT NULL,
    picture BLOB NOT NULL,
    checksum INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS kept (
    content BLOB PRIMARY KEY,
    number INTEGER NOT NULL,
    used INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS files (
    path BLOB PRIMARY KEY,
    stamp BLOB NOT NULL,
    content BLOB NOT NULL,
    used INTEGER NOT NULL
) WITHOUT ROWID;
"""

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Embedding:
    """The cached record of a photograph.

    Parameters
    ----------
    views : Views
        Its item's garment, or all that were found.
    picture : int
        Its perceptual hash, 64 bits.
    """

    views: Views
    picture: int


@cache
def _libraries() -> list[str]:
    return [f"{name} {version(name)}" for name in _COMPUTED_BY]


def recipe(encoder: Encoder) -> str:
    """Return what vectors depend on besides photograph and model: only like ones are equal to the bit."""
    ours = [
        f"preprocessing {encoder.preprocessing}",
        f"photo hash {HASH_VERSION}",
        f"part map {PART_VERSION}",
    ]
    return ", ".join([*ours, *_libraries(), platform.machine()])


def key_of(content: bytes, kind: str | None, garments: str = ITEM) -> bytes:
    """Return what an embedding is kept by.

    The photograph's SHA-256, the type of its item's garment, and a sign where all garments are embedded.
    """
    return content + (kind or "").encode() + (b"+" if garments == ALL else b"")


def _remove(path: Path) -> None:
    for end in _BESIDE:
        path.with_name(path.name + end).unlink(missing_ok=True)


def _packed(embedding: Embedding) -> tuple[bytes, bytes]:
    return embedding.views.to_bytes(), embedding.picture.to_bytes(8, "little")


def _checksum(content: bytes, views: bytes, picture: bytes) -> int:
    return zlib.crc32(content + views + picture)


class EmbeddingCache:
    """The embeddings that one encoder has made, in `<folder>/<fingerprint>.sqlite`.

    Nothing that befalls it stops a build: a damaged file is set aside and a new one begun, and a build goes
    on without it where it can't be written. What was added is committed every second, so that a build that
    was killed is taken up where it was. A context manager: it is closed at the end.

    Parameters
    ----------
    folder : Path
        Made where it does not exist.
    encoder : Encoder
        Whose fingerprint and dimension count.
    """

    def __init__(self, folder: Path, encoder: Encoder) -> None:
        self.path = folder / f"{encoder.fingerprint}.sqlite"
        self._dimension = encoder.dimension
        self._recipe = recipe(encoder)
        self._committed = monotonic()
        self._build = 1
        self._connection: sqlite3.Connection | None = None
        self._open()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def empty(self) -> bool:
        """Whether nothing can be found."""
        return not self._try(lambda connection: connection.execute("SELECT 1 FROM kept LIMIT 1").fetchone())

    def find(self, content: bytes) -> Embedding | None:
        """Return the record that is kept by `content`, a key of `key_of`; None where there is none."""
        return self._try(lambda connection: self._read(connection, content))

    def add(self, content: bytes, embedding: Embedding) -> None:
        """Keep an embedding by `content`, a key of `key_of`."""
        self._try(lambda connection: self._write(connection, content, embedding))

    def files(self, paths: Sequence[Path]) -> list[File | None]:
        """Return what builds have last seen of each of some files, None where that is nothing."""
        return self._try(lambda connection: self._seen(connection, paths)) or [None] * len(paths)

    def keep_files(self, found: Iterable[tuple[Path, File | UnreadableImage]]) -> None:
        """Note what this build has seen of files; of one that may still change without a trace, nothing."""
        self._try(lambda connection: self._note(connection, found))

    def finish(self, used: Iterable[bytes]) -> None:
        """End a build that used the photographs `used`; what the last `KEPT_BUILDS` did not use is dropped.

        So are the files of all but the `KEPT_ENCODERS` encoders that built last.
        """
        self._try(lambda connection: self._mark(connection, used))
        self._try(lambda _: self._forget_encoders())

    def close(self) -> None:
        """Commit and close."""
        self._try(lambda connection: connection.commit())
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _try(self, work: Callable[[sqlite3.Connection], Answer]) -> Answer | None:
        """Do some work with the file; where that fails, go on without it or with a new one."""
        if self._connection is None:
            return None
        try:
            return work(self._connection)
        except (OSError, sqlite3.OperationalError) as error:
            self._give_up(error)
        except sqlite3.DatabaseError as error:
            self._set_aside(error)
        return None

    def _open(self) -> None:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(self.path, timeout=_WAIT_SECONDS)
        except (OSError, sqlite3.Error) as error:
            self._give_up(error)
        self._try(self._prepare)

    def _prepare(self, connection: sqlite3.Connection) -> None:
        connection.execute(f"PRAGMA page_size = {_PAGE}")  # of a new file
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        names = [name for _, name, *_ in connection.execute("PRAGMA table_info(embeddings)")]
        if names and "number" not in names:  # an earlier release had them in the order of their contents
            connection.execute("DROP TABLE embeddings")
        connection.executescript(_SCHEMA)
        about = dict(connection.execute("SELECT name, value FROM about"))
        if about.get("recipe", self._recipe) != self._recipe:
            log.warning(
                "The embeddings kept in '%s' were made with %s; with %s all photographs are encoded again.",
                *(self.path, about["recipe"], self._recipe),
            )
            connection.execute("DELETE FROM embeddings")
            connection.execute("DELETE FROM kept")
        self._build = int(about.get("builds", 0)) + 1
        connection.execute("INSERT OR REPLACE INTO about VALUES ('recipe', ?)", (self._recipe,))
        connection.commit()

    def _read(self, connection: sqlite3.Connection, content: bytes) -> Embedding | None:
        row = connection.execute(
            "SELECT views, picture, checksum FROM kept JOIN embeddings USING (number) WHERE content = ?",
            (content,),
        ).fetchone()
        if row is None:
            return None
        packed, picture, checksum = row
        if _checksum(content, packed, picture) != checksum:
            raise sqlite3.DatabaseError("an entry does not have its checksum")
        try:
            return Embedding(Views.from_bytes(packed, self._dimension), int.from_bytes(picture, "little"))
        except ValueError as error:
            raise sqlite3.DatabaseError("an entry is not of this encoder") from error

    def _write(self, connection: sqlite3.Connection, content: bytes, embedding: Embedding) -> None:
        packed = _packed(embedding)
        former = "DELETE FROM embeddings WHERE number = (SELECT number FROM kept WHERE content = ?)"
        connection.execute(former, (content,))
        number = connection.execute(
            "INSERT INTO embeddings (views, picture, checksum) VALUES (?, ?, ?)",
            (*packed, _checksum(content, *packed)),
        ).lastrowid
        connection.execute("INSERT OR REPLACE INTO kept VALUES (?, ?, ?)", (content, number, self._build))
        if monotonic() - self._committed >= COMMIT_SECONDS:
            connection.commit()
            self._committed = monotonic()

    def _seen(self, connection: sqlite3.Connection, paths: Sequence[Path]) -> list[File | None]:
        query = "SELECT content, stamp FROM files WHERE path = ?"
        rows = (connection.execute(query, (os.fsencode(path),)).fetchone() for path in paths)
        return [row and File(*row) for row in rows]

    def _note(
        self, connection: sqlite3.Connection, found: Iterable[tuple[Path, File | UnreadableImage]]
    ) -> None:
        connection.executemany(
            "INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?)",
            (
                (os.fsencode(path), file.stamp, file.content, self._build)
                for path, file in found
                if isinstance(file, File) and file.stamp is not None
            ),
        )
        connection.commit()

    def _mark(self, connection: sqlite3.Connection, used: Iterable[bytes]) -> None:
        connection.executemany(
            "UPDATE kept SET used = ? WHERE content = ?", ((self._build, key) for key in used)
        )
        for which in (
            "embeddings WHERE number IN (SELECT number FROM kept WHERE used <= ?)",
            "kept WHERE used <= ?",
            "files WHERE used <= ?",
        ):
            connection.execute(f"DELETE FROM {which}", (self._build - KEPT_BUILDS,))
        connection.execute("INSERT OR REPLACE INTO about VALUES ('builds', ?)", (self._build,))
        connection.commit()

    def _forget_encoders(self) -> None:
        others = [path for path in self.path.parent.glob("*.sqlite") if path != self.path]
        others.sort(key=lambda path: path.stat().st_mtime, reverse=True)
        for path in others[KEPT_ENCODERS - 1 :]:
            _remove(path)

    def _give_up(self, error: Exception) -> None:
        log.warning("The build goes on without the embeddings in '%s': %s.", self.path, error)
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _set_aside(self, error: Exception) -> None:
        """Go on with a new file; nothing of a damaged one is believed."""
        assert self._connection is not None
        self._connection.close()
        self._connection = None
        aside = self.path.with_name(f"{self.path.name}.damaged")
        log.warning(
            "'%s' is damaged (%s): set aside as %s, and a new cache is started.", self.path, error, aside.name
        )
        try:
            os.replace(self.path, aside)
            for end in ("-wal", "-shm"):
                self.path.with_name(self.path.name + end).unlink(missing_ok=True)
        except OSError as problem:
            log.warning("The build goes on without the embeddings kept: %s.", problem)
        else:
            self._open()
