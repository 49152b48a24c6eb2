"""A digest of a catalogue, by which it is told whether it has changed; no photograph is read or fetched."""

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from training.addresses.fetching import Fetching
from training.catalogue.by_address import is_address
from training.catalogue.downloaded import download, shop_of
from training.catalogue.feeds import all_products, is_feed
from training.catalogue.reader import split_spec, visible


def _listed(folder: str) -> Iterator[str]:
    """Yield a line for each file of a folder: its path, its size, and when it was last written."""
    for parent, folders, names in os.walk(folder):
        folders[:] = visible(folders)
        for path in (os.path.join(parent, name) for name in visible(names)):
            found = os.stat(path, follow_symlinks=False)
            yield f"{path!a} {found.st_size} {found.st_mtime_ns}\n"


def _digests(files: Sequence[Path]) -> Iterator[str]:
    for path in files:
        with path.open("rb") as file:
            yield hashlib.file_digest(file, "sha256").hexdigest()


def _told(base: str, *, cache: Path, fetching: Fetching) -> Iterator[str]:
    """Yield by what a catalogue is told from a changed one; nothing of one that is told by its name."""
    if os.path.isdir(base):
        yield from _listed(base)
    elif is_address(base) or os.path.isfile(base):
        files = download(base, cache=cache, fetching=fetching) if is_address(base) else [Path(base)]
        if is_feed(files[0]):
            yield from map(json.dumps, all_products(files, [], shop=shop_of(base)))
        else:
            yield from _digests(files)


def content_digest(spec: str, *, cache: Path, fetching: Fetching) -> str:
    """Return a digest of a catalogue: of a folder's list, of a file's bytes, or of the products of a feed.

    A file at an address is downloaded where it has changed. What else a feed says, such as when it was
    written, does not count.

    Parameters
    ----------
    spec : str
        As `read_catalogue` takes it; what is drawn is told by it alone.
    cache : Path
    fetching : Fetching

    Raises
    ------
    UnreadableCatalogue, NotInstalled
        It does not answer, is a malformed feed, or needs a package that is not there.
    OSError
    """
    base, _ = split_spec(spec)
    digest = hashlib.sha256(spec.encode())
    for line in _told(base, cache=cache, fetching=fetching):
        digest.update(line.encode())
    return digest.hexdigest()
