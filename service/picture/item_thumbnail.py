"""The thumbnail of an item's photograph, made at its first use; the digest of photographs is in hex."""

import hashlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import lru_cache
from pathlib import Path

import numpy as np

from index.photographs import content_of
from index.thumbnails import Thumbnails, key_of
from service.config import Config
from service.picture.cut_out import TIMES_THE_LIMIT
from service.picture.decoders import decode_apart
from training.catalogue.reader import Item
from training.photo.images import read_bytes


@lru_cache(maxsize=65_536)
def _digest(path: Path, _signature: tuple[int, ...]) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def _digest_of(path: Path) -> bytes:
    """Return the SHA-256 of a file, read again where it has changed; where it is gone, that of nothing."""
    try:
        stat = path.stat()
        return _digest(path, (stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns))
    except OSError:
        return hashlib.sha256().digest()


def current_content(item: Item) -> str:
    """Return the digest of an item's photographs as they are now, as `Item.content` has that of the index."""
    return content_of([_digest_of(path) for path in item.photographs]).hex()


def item_thumbnail(
    item: Item,
    path: Path,
    photo: int,
    width: int,
    media_type: str,
    *,
    indexed: bool,
    kept: Thumbnails,
    turn: AbstractContextManager[None],
    slot: Callable[[], AbstractContextManager[None]],
    config: Config,
) -> tuple[bytes, str]:
    """Return the thumbnail of a photograph, and the content of its item that it was made from.

    Parameters
    ----------
    item : Item
    path : Path
        Where the photograph lies.
    photo : int
        Its number among those of the item.
    width : int
    media_type : str
        One of `index.thumbnails.MEDIA_TYPES`.
    indexed : bool
        Whether the photograph of the index is meant: a thumbnail of it is sent though its file was replaced.
    kept : Thumbnails
    turn : context manager
        Entered to make one, where others may be at it.
    slot : callable
        Returns a context manager that is entered to decode.
    config : Config

    Raises
    ------
    RefusedRequest
        Too many wait for their turn.
    UnreadableImage
        Or a subclass: the file is no picture any more.
    """

    def decoded(size: int) -> np.ndarray:
        with slot():
            return decode_apart(data, size=size, seconds=TIMES_THE_LIMIT * config.decode_ms / 1000)

    content = item.content if indexed and item.content else current_content(item)
    if found := kept.find(key_of(content, photo), width, media_type):
        return found, content
    with turn:
        data = read_bytes(path)
        digests = [_digest_of(each) for each in item.photographs]
        digests[photo] = hashlib.sha256(data).digest()
        content = content_of(digests).hex()
        return kept.get(key_of(content, photo), width, media_type, decoded), content
