"""The photographs of items, known by the SHA-256 of their bytes; those of changes lie beside the log."""

import hashlib
import json
import time
from collections.abc import Collection, Sequence
from pathlib import Path

from index.errors import ChangeNotWritten
from training.errors import UnsupportedImageType
from training.files import write_atomically
from training.photo import media_types

PHOTOGRAPHS = "photographs"


def content_of(digests: Sequence[bytes]) -> bytes:
    """Return the digest of an item's photographs, from that of each: of a single one, its own."""
    return digests[0] if len(digests) == 1 else hashlib.sha256(b"".join(digests)).digest()


def content_of_names(names: Sequence[str]) -> str:
    """Return the digest in hex of photographs that `Photographs.store` has named."""
    return content_of([bytes.fromhex(name.partition(".")[0]) for name in names]).hex()


def paths_to_text(paths: Sequence[Path]) -> str:
    """Return absolute paths as a text: a single one as it is, several as a list in JSON."""
    return str(paths[0]) if len(paths) == 1 else json.dumps([str(path) for path in paths])


def paths_of_text(text: str) -> tuple[Path, ...]:
    """Return what `paths_to_text` has written; an absolute path does not begin as a list does."""
    return tuple(map(Path, json.loads(text))) if text.startswith("[") else (Path(text),)


class Photographs:
    """A folder of photographs; writers hold the write lock of the log, if it has one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()

    def path(self, name: str) -> Path:
        """Return the path of the photograph with that name."""
        return self.folder / name

    def store(self, photo: bytes) -> str:
        """Make a photograph durable and return its name, the same for the same bytes.

        It is written even where it exists: a writer may have been killed before the name was durable.

        Raises
        ------
        UnsupportedImageType
            By its first bytes it is of no accepted type.
        """
        found = media_types.detect(photo[: media_types.HEAD])
        if found is None:
            raise UnsupportedImageType(f"This is not a photograph. Supported: {media_types.names()}.")
        name = hashlib.sha256(photo).hexdigest() + found.suffixes[0]
        write_atomically(self.path(name), photo)
        return name

    def store_ahead(self, photo: bytes) -> str:
        """Store a photograph before the change that refers to it is made, without the write lock.

        A build may remove it until then; `keep` tells.

        Raises
        ------
        UnsupportedImageType, ChangeNotWritten
        """
        try:
            return self.store(photo)
        except OSError as error:
            raise ChangeNotWritten(
                f"A photograph could not be written to '{self.folder}' ({error.strerror}). Its item has not "
                "changed. Make room there or allow writing, and try again."
            ) from error

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
