"""A sequence in a file without a name: what grows with a catalogue takes 8 bytes an element of memory."""

import mmap
import pickle
import tempfile
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from operator import eq
from pathlib import Path
from typing import IO, Any, TypeVar, overload

Element = TypeVar("Element")


def _temporary_file(folder: Path | None) -> IO[bytes]:
    if folder is not None:
        with suppress(OSError):
            return tempfile.TemporaryFile(dir=folder)
    return tempfile.TemporaryFile()


class StoredSequence(Sequence[Element]):
    """Elements that are packed in a file, each unpacked when it is asked for; the file goes with the process.

    Parameters
    ----------
    elements : iterable
        Read once.
    folder : Path, optional
        On whose disk they are written; where nothing can be written to it, on that of temporary files.
    pack, unpack : function
        From an element to what `pickle` keeps quickly, and back; by default the element itself.

    Raises
    ------
    OSError
        The disk has no room for them.
    """

    def __init__(
        self,
        elements: Iterable[Element],
        folder: Path | None = None,
        *,
        pack: Callable[[Element], Any] | None = None,
        unpack: Callable[[Any], Element] | None = None,
    ) -> None:
        self._unpack = unpack
        self._starts = array("Q")
        dumps, at = pickle.dumps, 0
        with _temporary_file(folder) as file:
            for element in elements:
                self._starts.append(at)
                at += file.write(dumps(pack(element) if pack else element, pickle.HIGHEST_PROTOCOL))
            file.flush()
            self._file = memoryview(mmap.mmap(file.fileno(), at, access=mmap.ACCESS_READ) if at else b"")

    def __len__(self) -> int:
        return len(self._starts)

    @overload
    def __getitem__(self, place: int) -> Element: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Element]: ...
    def __getitem__(self, place: int | slice) -> Element | Sequence[Element]:
        if isinstance(place, slice):
            return tuple(map(self._read, self._starts[place]))
        return self._read(self._starts[place])

    def __iter__(self) -> Iterator[Element]:
        return map(self._read, self._starts)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and len(self) == len(other) and all(map(eq, self, other))

    __hash__ = None  # type: ignore[assignment]

    def _read(self, start: int) -> Element:
        kept: Any = pickle.loads(self._file[start:])
        return self._unpack(kept) if self._unpack else kept
