"""Decoding in processes of its own, which can be stopped: bytes in, uint8 (h, w, 3) out.

A thread in native code can't be stopped. So each concurrent decode has a process, forked from one that has
loaded the decoder and no more; it is kept for the next picture, and killed where it takes too long. A picture
that makes the decoder crash ends that process, and nothing else.
"""

import multiprocessing
import queue
import resource
import threading
import time
import warnings
from contextlib import suppress
from dataclasses import dataclass
from math import ceil
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

from training import child_process
from training.errors import ImageTooComplex, PartTooSmall, SilhouetteError, UnreadableImage
from training.photo import images

LARGE_PIXELS = 16_000_000
"""Pictures above this are decoded one at a time, by a process that ends: they take up to 32 bytes a pixel."""

Box = tuple[float, float, float, float]  # as in training.photo.garment, which loads LiteRT

_LARGE = "large"
_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload([images.__name__])
_idle: queue.LifoQueue["_Decoder"] = queue.LifoQueue()
_large = threading.Lock()


@dataclass(frozen=True)
class _Task:
    """A picture to decode; its bytes follow, if it has no path."""

    path: Path | None
    part: Box | None
    options: dict[str, int]
    seconds: float


def crop(rgb: np.ndarray, box: Box, *, longer: int) -> np.ndarray:
    """Return the part of a picture within a box.

    Parameters
    ----------
    rgb : uint8 (h, w, 3)
    box : Box
    longer : int
        The longer side of the picture as it was sent, of which `rgb` may be a smaller copy.

    Raises
    ------
    PartTooSmall
        Fewer pixels of what was sent lie in it than a picture needs.
    """
    height, width = rgb.shape[:2]
    left, top, right, bottom = box
    x, y = min(round(left * width), width - 1), min(round(top * height), height - 1)
    part = rgb[y : max(round(bottom * height), y + 1), x : max(round(right * width), x + 1)]
    across, down = (round(side * longer / max(height, width)) for side in (part.shape[1], part.shape[0]))
    if min(across, down) < images.MIN_SIDE:
        raise PartTooSmall(
            f"The box holds {across} x {down} pixels; each side needs at least {images.MIN_SIDE}. "
            "Draw it larger."
        )
    return part


def _decode(task: _Task, connection: Connection) -> np.ndarray | SilhouetteError:
    longer = 0

    def admit(width: int, height: int) -> None:
        nonlocal longer
        longer = max(width, height)
        if width * height > LARGE_PIXELS:
            connection.send(_LARGE)
            connection.recv()

    try:
        rgb = images.decode(task.path or connection.recv_bytes(), **task.options, admit=admit)
        return rgb if task.part is None else crop(rgb, task.part, longer=longer)
    except SilhouetteError as error:
        return error


def _limit_cpu(seconds: float) -> None:
    """Let the kernel end this process after so many seconds more of a core."""
    _, most = resource.getrlimit(resource.RLIMIT_CPU)
    limit = ceil(time.process_time() + seconds) + 1
    if most == resource.RLIM_INFINITY or limit < most:
        resource.setrlimit(resource.RLIMIT_CPU, (limit, most))


def _work(connection: Connection) -> None:
    """Decode what arrives until the connection is closed; the kernel ends a decode that nobody waits for."""
    child_process.begin()
    warnings.simplefilter("ignore")  # what a hostile head makes Pillow say is for no log
    with suppress(EOFError, BrokenPipeError):
        while True:
            task = connection.recv()
            _limit_cpu(task.seconds)
            connection.send(_decode(task, connection))


class _Decoder:
    """A process that decodes one picture at a time."""

    def __init__(self) -> None:
        self._connection, theirs = _context.Pipe()
        with theirs:
            self._process = _context.Process(target=_work, args=(theirs,), daemon=True)
            self._process.start()

    @staticmethod
    def take() -> "_Decoder":
        """Return an idle one that still runs, or a new one."""
        with suppress(queue.Empty):
            while True:
                found = _idle.get_nowait()
                if found._process.is_alive():
                    return found
                found.end()
        return _Decoder()

    def _answer(self, until: float) -> Any:
        if not self._connection.poll(max(0.0, until - time.monotonic())):
            raise TimeoutError
        return self._connection.recv()

    def decode(self, task: _Task, photo: bytes | Path) -> np.ndarray | SilhouetteError:
        """Return the pixels, or why there are none; after any exception the process is of no more use."""
        self._connection.send(task)
        if isinstance(photo, bytes):
            self._connection.send_bytes(photo)
        answer = self._answer(time.monotonic() + task.seconds)
        if not isinstance(answer, str):
            _idle.put(self)
            return answer
        with _large:
            self._connection.send(None)
            answer = self._answer(time.monotonic() + task.seconds)
        self.end()
        return answer

    def end(self) -> None:
        """Kill the process."""
        self._process.kill()
        self._connection.close()


def decode_apart(
    photo: bytes | Path, *, part: Box | None = None, seconds: float, **options: int
) -> np.ndarray:
    """Decode one picture in another process; other options and result as for `training.photo.images.decode`.

    Parameters
    ----------
    photo : bytes or Path
    part : Box, optional
        The part of the picture to return.
    seconds : float
        How long it may really take; the limits of `decode` are on an estimate.

    Raises
    ------
    PartTooSmall
        See `crop`.
    UnreadableImage
        Or a subclass: `ImageTooComplex` where it takes longer.
    """
    decoder = _Decoder.take()
    try:
        path = photo if isinstance(photo, Path) else None
        answer = decoder.decode(_Task(path, part, options, seconds), photo)
    except TimeoutError as error:
        decoder.end()
        detail = f"Decoding the image took more than {seconds:g} s. Save it as a plain JPEG and retry."
        raise ImageTooComplex(detail) from error
    except (EOFError, OSError) as error:  # the process has ended
        decoder.end()
        raise UnreadableImage("The image breaks its decoder. Save it as a plain JPEG and retry.") from error
    if isinstance(answer, SilhouetteError):
        raise answer
    return answer
