"""The thumbnail of an item's photograph, made at its first use; a content is a SHA-256, in hex."""

import hashlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import lru_cache
from pathlib import Path

import numpy as np

from index.thumbnails import Thumbnails
from service.config import Config
from service.picture.cut_out import TIMES_THE_LIMIT
from service.picture.decoders import decode_apart
from training.photo.images import read_bytes


@lru_cache(maxsize=16_384)
def _content(path: Path, _signature: tuple[int, ...]) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def content_of(path: Path) -> str:
    """Return the SHA-256 of a file, which is read again where it has changed; raises `OSError`."""
    stat = path.stat()
    return _content(path, (stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns))


def item_thumbnail(
    path: Path,
    expected: str | None,
    width: int,
    media_type: str,
    *,
    kept: Thumbnails,
    turn: AbstractContextManager[None],
    slot: Callable[[], AbstractContextManager[None]],
    config: Config,
) -> tuple[bytes, str]:
    """Return the thumbnail of a photograph, and the content that it was made from.

    Parameters
    ----------
    path : Path
    expected : str or None
        The content that is asked for: its thumbnail is sent even where the file has another one by now.
    width : int
    media_type : str
        One of `index.thumbnails.MEDIA_TYPES`.
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
            return decode_apart(photo, size=size, seconds=TIMES_THE_LIMIT * config.decode_ms / 1000)

    content = content_of(path) if expected is None else expected
    if data := kept.find(content, width, media_type):
        return data, content
    with turn:
        photo = read_bytes(path)
        content = hashlib.sha256(photo).hexdigest()
        return kept.get(content, width, media_type, decoded), content
