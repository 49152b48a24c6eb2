"""A digest of a catalogue, by which it is told whether it has changed; no photograph is read or fetched."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from training.addresses.fetching import Fetching
from training.catalogue.by_address import is_address
from training.catalogue.downloaded import download
from training.catalogue.reader import split_spec, visible


def _listed(folder: str) -> Iterator[str]:
    """Yield a line for each file of a folder: its path, its size, and when it was last written."""
    for parent, folders, names in os.walk(folder):
        folders[:] = visible(folders)
        for path in (os.path.join(parent, name) for name in visible(names)):
            found = os.stat(path, follow_symlinks=False)
            yield f"{path!a} {found.st_size} {found.st_mtime_ns}\n"


def content_digest(spec: str, *, cache: Path, fetching: Fetching) -> str:
    """Return a digest of a catalogue's file, which is downloaded where it has changed, or of a folder's list.

    Parameters
    ----------
    spec : str
        As `read_catalogue` takes it; what is drawn is told by it alone.
    cache : Path
    fetching : Fetching

    Raises
    ------
    UnreadableCatalogue, NotInstalled
        It does not answer, or needs a package that is not there.
    OSError
    """
    base, _ = split_spec(spec)
    digest = hashlib.sha256(spec.encode())
    if os.path.isdir(base):
        for line in _listed(base):
            digest.update(line.encode())
    elif is_address(base) or os.path.isfile(base):
        files = download(base, cache=cache, fetching=fetching) if is_address(base) else [Path(base)]
        for path in files:
            with path.open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()
