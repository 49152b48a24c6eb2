"""Thumbnails: narrow copies of photographs in WebP or JPEG, made once, and kept by content within a limit."""

import fcntl
import io
import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from math import ceil
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from PIL import Image

from training.bounded_folder import BoundedFolder
from training.files import write_atomically
from training.photo.images import shrink

FOLDER = "thumbnails"
"""Name of their folder in the cache."""

MAX_BYTES = 2**32

Width = Literal[160, 320, 640, 1280]
WIDTHS: tuple[int, ...] = get_args(Width)

MEDIA_TYPES: dict[str, tuple[str, dict[str, Any]]] = {
    "image/jpeg": ("JPEG", {"quality": 80, "progressive": True}),
    "image/webp": ("WEBP", {"quality": 70, "method": 2}),
}
"""Pillow's encoder and its options for each media type; see docs/decisions/065."""

TALLEST = 4
"""How many times as high as wide a thumbnail is at most; that of a higher picture is narrower."""

_TALL = 1.5  # the ratio of height to width up to which the first decode is large enough
_TOUCHED_SECONDS = 86_400.0
_LOCKS = 16

log = logging.getLogger(__name__)


def scaled(decoded: Callable[[int], np.ndarray], width: int) -> np.ndarray:
    """Return a picture as uint8 (h, w, 3), `width` pixels wide, or as it is where it is narrower.

    Parameters
    ----------
    decoded : callable
        From the most pixels that the longer side may have to the picture, uint8 (h, w, 3).
    width : int
    """
    size = ceil(width * _TALL)
    rgb = decoded(size)
    height, found = rgb.shape[:2]
    if found < width and height == size:
        rgb = decoded(min(ceil(width * height / (found - 0.5)), TALLEST * width))
        height, found = rgb.shape[:2]
    return rgb if found <= width else shrink(rgb, size=max(width, round(height * width / found)))


def encode(rgb: np.ndarray, media_type: str) -> bytes:
    """Return the file of a picture, uint8 (h, w, 3); `media_type` is one of `MEDIA_TYPES`."""
    form, options = MEDIA_TYPES[media_type]
    file = io.BytesIO()
    Image.fromarray(rgb).save(file, form, **options)
    return file.getvalue()


def key_of(content: str, photo: int) -> str:
    """Return the name of a photograph: the digest of all of its item in hex, and its number among them."""
    return f"{content}-{photo}"


class Thumbnails:
    """A folder of thumbnails, shared by processes, of which the longest unused go above a limit.

    Where the folder can't be written to, thumbnails are made at each use, and that is logged once.

    Parameters
    ----------
    folder : Path
    max_bytes : int
    writers : int
        Processes that write into it.
    """

    def __init__(self, folder: Path, *, max_bytes: int = MAX_BYTES, writers: int = 1) -> None:
        self._folder = folder
        self._files = BoundedFolder(folder, max_bytes=max_bytes, writers=writers)
        self._complained = False

    def find(self, key: str, width: int, media_type: str) -> bytes | None:
        """Return the thumbnail of what `key_of` has named; None where there is none yet."""
        path = self._path(key, width, media_type)
        try:
            data = path.read_bytes()
            if time.time() - path.stat().st_mtime > _TOUCHED_SECONDS:
                with suppress(OSError):
                    os.utime(path)
        except OSError:
            return None
        return data or None  # an empty file is what a loss of power may leave

    def get(self, key: str, width: int, media_type: str, decoded: Callable[[int], np.ndarray]) -> bytes:
        """Return a thumbnail; where there is none yet, one of all processes makes it.

        Parameters
        ----------
        key : str
            What `key_of` names the photograph.
        width : int
        media_type : str
            One of `MEDIA_TYPES`.
        decoded : callable
            As for `scaled`; it is not called where there is a thumbnail.
        """
        with self._alone(key):
            if data := self.find(key, width, media_type):
                return data
            data = encode(scaled(decoded, width), media_type)
            self._keep(self._path(key, width, media_type), data)
        return data

    def sweep(self) -> None:
        """Remove the longest unused ones above the limit; raises `OSError`."""
        self._files.sweep()

    def touch(self, key: str, width: int, media_type: str, *, used: float | None = None) -> int:
        """Mark a thumbnail as used now, or in another second; return its bytes, 0 where there is none."""
        path = self._path(key, width, media_type)
        try:
            os.utime(path, None if used is None else (used, used))
            return path.stat().st_size
        except OSError:
            return 0

    def _path(self, key: str, width: int, media_type: str) -> Path:
        return self._folder / f"{key}-{width}.{MEDIA_TYPES[media_type][0].lower()}"

    @contextmanager
    def _alone(self, key: str) -> Iterator[None]:
        """Keep other processes from making the same; one of a few locks stands for many photographs."""
        lock = self._folder / f".lock-{int(key[:8], 16) % _LOCKS}"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            file = lock.open("a")
        except OSError as error:
            self._complain(error)
            yield
            return
        with file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _keep(self, path: Path, data: bytes) -> None:
        try:
            self._files.make_room(len(data))
            write_atomically(path, data)
        except OSError as error:
            self._complain(error)

    def _complain(self, error: OSError) -> None:
        if not self._complained:
            log.warning("Thumbnails can't be kept in '%s', and are made at each use: %s", self._folder, error)
        self._complained = True
