"""The photographs of items, known by the SHA-256 of their bytes; those of changes lie beside the log.

So do those that were fetched from addresses, of the items of all versions.
"""

import hashlib
import json
import os
import shutil
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from index.errors import ChangeNotWritten
from training.errors import UnsupportedImageType
from training.files import replacing, sync, write_atomically
from training.photo import media_types

PHOTOGRAPHS = "photographs"
UNREFERRED_SECONDS = 3600.0
"""How old a photograph must be that is removed because nothing refers to it: one may be just about to."""


def content_of(digests: Sequence[bytes]) -> bytes:
    """Return the digest of an item's photographs, from that of each: of a single one, its own."""
    return digests[0] if len(digests) == 1 else hashlib.sha256(b"".join(digests)).digest()


def content_of_names(names: Sequence[str]) -> str:
    """Return the digest in hex of photographs that `Photographs.store` has named."""
    return content_of([bytes.fromhex(name.partition(".")[0]) for name in names]).hex()


class StoredPaths(Sequence[Path]):
    """Paths as a list in JSON that is read once somebody asks for one: results of a search need none."""

    __slots__ = ("_known", "_text")

    def __init__(self, text: str) -> None:
        self._text = text
        self._known: tuple[Path, ...] | None = None

    @property
    def _paths(self) -> tuple[Path, ...]:
        if self._known is None:
            self._known = tuple(map(Path, json.loads(self._text)))
        return self._known

    def __getitem__(self, place: Any) -> Any:
        return self._paths[place]

    def __len__(self) -> int:
        return len(self._paths)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and self._paths == tuple(other)

    def __hash__(self) -> int:
        return hash(self._paths)

    def __repr__(self) -> str:
        return repr(self._paths)


class Photographs:
    """A folder of photographs; writers hold the write lock of the log, if it has one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()

    def path(self, name: str) -> Path:
        """Return the path of the photograph with that name."""
        return self.folder / name

    def store(self, photo: bytes, *, sync_name: bool = True) -> str:
        """Make a photograph durable and return its name, the same for the same bytes.

        It is written even where it exists: a writer may have been killed before the name was durable.

        Parameters
        ----------
        photo : bytes
        sync_name : bool
            See `training.files.replacing`.

        Raises
        ------
        UnsupportedImageType
            By its first bytes it is of no accepted type.
        """
        found = media_types.detect(photo[: media_types.HEAD])
        if found is None:
            raise UnsupportedImageType(f"This is not a photograph. Supported: {media_types.names()}.")
        name = hashlib.sha256(photo).hexdigest() + found.suffixes[0]
        write_atomically(self.path(name), photo, sync_name=sync_name)
        return name

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise ChangeNotWritten(
                f"A photograph could not be written to '{self.folder}' ({error.strerror}). Its item has not "
                "changed. Make room there or allow writing, and try again."
            ) from error

    def store_ahead(self, photo: bytes) -> str:
        """Store a photograph before the change that refers to it is made, without the write lock.

        A build may remove it until then; `keep` tells. Its name is durable once `sync_names` has returned.

        Raises
        ------
        UnsupportedImageType, ChangeNotWritten
        """
        with self._writing():
            return self.store(photo, sync_name=False)

    def sync_names(self) -> None:
        """Make the names of all that was stored ahead durable; raises `ChangeNotWritten`."""
        with self._writing():
            sync(self.folder)

    def keep(self, photo: bytes | str) -> str:
        """Return the name of a photograph that is durable, under the write lock: bytes are stored now.

        Raises
        ------
        ChangeNotWritten
            It was stored ahead, under that name, and a build has removed it, for nothing referred to it yet.
        """
        if isinstance(photo, bytes):
            return self.store(photo)
        if not self.path(photo).exists():
            raise ChangeNotWritten(
                f"The photograph '{self.path(photo)}' was removed by a build that has just ended. "
                "Nothing was changed. Try again."
            )
        return photo

    def adopt(self, photograph: Path) -> Path:
        """Keep a photograph that is named by its bytes already, as a link if possible; return its path."""
        path = self.path(photograph.name)
        if not path.exists():
            self.folder.mkdir(parents=True, exist_ok=True)
            try:
                os.link(photograph, path)
            except OSError:  # on another disk, or of one that has no links
                with replacing(path) as file, photograph.open("rb") as source:
                    shutil.copyfileobj(source, file)
        return path

    def problem(self, name: str) -> str | None:
        """Return what is wrong with a photograph, None where it is what was stored."""
        path = self.path(name)
        try:
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            return f"The photograph '{path}' can't be read ({error.strerror})."
        return None if digest == path.stem else f"The photograph '{path}' is not the one that was stored."

    def remove_all_but(self, names: Collection[str], *, older_than: float = 0.0) -> int:
        """Remove the photographs of other names, and what killed writers have left; return how many.

        Parameters
        ----------
        names : collection of str
        older_than : float
            Seconds since a file was written, up to which it stays: for where writers hold no lock.
        """
        newest = time.time() - older_than
        others = [path for path in self.folder.glob("*") if path.name not in names]
        if older_than:
            others = [path for path in others if path.stat().st_mtime < newest]
        for path in others:
            path.unlink(missing_ok=True)
        return len(others)
