"""Decoding in processes of its own, which can be stopped: bytes in, uint8 (h, w, 3) out, or its embedding.

A thread in native code can't be stopped. So each concurrent decode has a process, forked from one that has
loaded the decoder and no more; it is kept for the next picture, and killed where it takes too long. A picture
that makes the decoder crash ends that process, and nothing else.

Of many pictures together, the processes that decode also embed: threads would wait for Python's lock.
"""

import multiprocessing
import os
import queue
import resource
import select
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from math import ceil
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from service.picture.stages import Stages
from training import child_process
from training.errors import ImageTooComplex, PartTooSmall, SilhouetteError, UnreadableImage
from training.photo import images

if TYPE_CHECKING:  # both load LiteRT
    from index.views import Views
    from training.photo.encoder import Encoder

CORES = os.cpu_count() or 1

LARGE_PIXELS = 16_000_000
"""Pictures above this are decoded one at a time, by a process that ends: they take up to 32 bytes a pixel."""

Box = tuple[float, float, float, float]  # as in training.photo.garment, which loads LiteRT

LOADING_SECONDS = 60.0
EMBEDDING_SECONDS = 20.0
"""For an encoder to be loaded, and for an embedding, whose cost does not depend on the picture."""

YIELDING = 3
"""By how much nicer than the service a process is that embeds many pictures, so that searches go first."""

TURN_SECONDS = 0.25
"""How long a picture waits until fewer are decoded than there are cores, before it gets another process."""

_READERS = tuple(f"PIL.{form}ImagePlugin" for form in ("Bmp", "Gif", "Jpeg", "Ppm", "Png", "WebP"))
"""What Pillow loads with its first picture; loaded before the fork, it is in memory once."""

_LARGE = "large"
_READY = "ready"
_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload([__name__, *_READERS])
_idle: queue.LifoQueue["_Decoder"] = queue.LifoQueue(CORES)
_idle_embedders: queue.LifoQueue["_Decoder"] = queue.LifoQueue()
_large = threading.Lock()
_turns = threading.Semaphore(CORES)


@dataclass(frozen=True)
class _Task:
    """A picture to decode, and with `embed` to embed; its bytes follow, if it has no path."""

    path: Path | None
    part: Box | None
    options: dict[str, int]
    seconds: float
    embed: "ItemGarments | None" = None


@dataclass(frozen=True)
class ItemGarments:
    """What is embedded of an item's photograph: type and `garments` as in `index.embedding.embedder`."""

    kind: str | None
    garments: str


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


def _embedded(task: _Task, connection: Connection, encoder: Any) -> "tuple[Views, Stages] | SilhouetteError":
    from index.embedding.embedder import cut_garments  # loads LiteRT, in processes that embed alone
    from index.views import Views

    assert task.embed is not None
    stages = Stages()
    with stages.measure("decode"):
        rgb = _decode(task, connection)
    if isinstance(rgb, SilhouetteError):
        return rgb
    with stages.measure("isolate"):
        garments = cut_garments(rgb, task.embed.kind, task.embed.garments, encoder.segmenter)
    with stages.measure("embed"):
        return Views.of(garments, encoder), stages


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
    encoder = None
    with suppress(EOFError, BrokenPipeError):
        while True:
            task = connection.recv()
            if not isinstance(task, _Task):
                if encoder is None:
                    os.nice(YIELDING)
                encoder = task
                connection.send(_READY)
                continue
            _limit_cpu(task.seconds)
            answer = _embedded(task, connection, encoder) if task.embed else _decode(task, connection)
            connection.send(answer)


class _Decoder:
    """A process that decodes one picture at a time; between two it lies in `idle`."""

    def __init__(self, idle: "queue.LifoQueue[_Decoder]") -> None:
        self._idle = idle
        self._encoder = ""
        self._connection, theirs = _context.Pipe()
        with theirs:
            self._process = _context.Process(target=_work, args=(theirs,), daemon=True)
            self._process.start()
        self._readable = select.poll()  # kept, while `Connection.poll` makes a selector each time
        self._readable.register(self._connection, select.POLLIN)

    @staticmethod
    def take(idle: "queue.LifoQueue[_Decoder]") -> "_Decoder":
        """Return an idle one that still runs, or a new one."""
        with suppress(queue.Empty):
            while True:
                found = idle.get_nowait()
                if not found._readable.poll(0):  # the only thing to be read of an idle one is its end
                    return found
                found.end()
        return _Decoder(idle)

    def load(self, encoder: "Encoder") -> None:
        """Have an encoder there, loaded once."""
        if self._encoder != encoder.fingerprint:
            self._connection.send(encoder)
            self._answer(time.monotonic() + LOADING_SECONDS)
            self._encoder = encoder.fingerprint

    def _answer(self, until: float) -> Any:
        if not self._readable.poll(max(0.0, until - time.monotonic()) * 1000):
            raise TimeoutError
        return self._connection.recv()

    def decode(self, task: _Task, photo: bytes | Path) -> Any:
        """Return what came of a task, or a refusal; after any exception the process is of no more use."""
        self._connection.send(task)
        if isinstance(photo, bytes):
            self._connection.send_bytes(photo)
        answer = self._answer(time.monotonic() + task.seconds)
        if not isinstance(answer, str):
            self._lie_idle()
            return answer
        with _large:
            self._connection.send(None)
            answer = self._answer(time.monotonic() + task.seconds)
        self.end()
        return answer

    def _lie_idle(self) -> None:
        """Wait for the next task, unless as many as there are cores wait already."""
        try:
            self._idle.put_nowait(self)
        except queue.Full:
            self.end()

    def end(self) -> None:
        """Kill the process."""
        self._process.kill()
        self._connection.close()


@contextmanager
def _turn() -> Iterator[None]:
    """Wait until fewer are decoded than there are cores, but not long: a slow picture holds up no other."""
    in_turn = _turns.acquire(timeout=TURN_SECONDS)
    try:
        yield
    finally:
        if in_turn:
            _turns.release()


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
    path = photo if isinstance(photo, Path) else None
    with _turn():
        pixels: np.ndarray = _done(_Task(path, part, options, seconds), photo)
    return pixels


def embed_apart(
    photo: bytes, embed: ItemGarments, encoder: "Encoder", *, seconds: float, **options: int
) -> "tuple[Views, Stages]":
    """Decode a photograph of an item in another process, and embed it there.

    Parameters
    ----------
    photo : bytes
    embed : ItemGarments
    encoder : Encoder
        Which each process gets once.
    seconds, options
        As for `decode_apart`; embedding takes its own time.

    Returns
    -------
    views : Views
        Those of `index.embedding.embedder.cut_views`, to the bit.
    stages : Stages
        How long decoding, cutting out and embedding took.

    Raises
    ------
    UnreadableImage
        As for `decode_apart`.
    """
    task = _Task(None, None, options, seconds + EMBEDDING_SECONDS, embed)
    found: tuple[Views, Stages] = _done(task, photo, encoder)
    return found


def _done(task: _Task, photo: bytes | Path, encoder: "Encoder | None" = None) -> Any:
    decoder = _Decoder.take(_idle_embedders if encoder else _idle)
    try:
        if encoder:
            decoder.load(encoder)
        answer = decoder.decode(task, photo)
    except TimeoutError as error:
        decoder.end()
        detail = f"Decoding the image took more than {task.seconds:g} s. Save it as a plain JPEG and retry."
        raise ImageTooComplex(detail) from error
    except (EOFError, OSError) as error:  # the process has ended
        decoder.end()
        raise UnreadableImage("The image breaks its decoder. Save it as a plain JPEG and retry.") from error
    if isinstance(answer, SilhouetteError):
        raise answer
    return answer
