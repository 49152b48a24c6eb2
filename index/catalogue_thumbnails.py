"""The thumbnails of a whole catalogue, made by a build: of all photographs, those that there are not yet."""

from collections.abc import Iterable, Sequence
from functools import cache, partial
from hashlib import sha256
from itertools import product
from pathlib import Path

import numpy as np

from index.photographs import content_of
from index.thumbnails import MAX_BYTES, WIDTHS, Thumbnails, key_of, scaled
from training.parallel import in_order
from training.photo.images import decode, read_bytes, shrink

BUILT = (WIDTHS[:3], "image/webp")
"""What a build makes: the widths that a page of results needs, for today's browsers."""

_NO_LIMIT = 2**62  # the build itself counts what its processes write


@cache
def _unbounded(folder: Path) -> Thumbnails:
    return Thumbnails(folder, max_bytes=_NO_LIMIT)


def _make(source: tuple[Sequence[Path], str], folder: Path) -> int:
    """Make what a build makes of an item's photographs, where there is none; return the bytes of all."""
    kept, (widths, media_type) = _unbounded(folder), BUILT
    paths, content = source
    keys = [key_of(content, photo) for photo in range(len(paths))]

    def touched() -> list[int]:
        return [kept.touch(key, width, media_type) for key in keys for width in widths]

    if all(sizes := touched()):
        return sum(sizes)
    files = list(map(read_bytes, paths))
    if content_of([sha256(data).digest() for data in files]).hex() != content:
        return sum(sizes)  # replaced since they were embedded; the next build makes them
    for key, data in zip(keys, files, strict=True):
        widest = scaled(partial(_decoded, data), max(widths))
        for width in widths:
            kept.get(key, width, media_type, partial(_shrunk, widest))
    return sum(touched())


def _decoded(data: bytes, size: int) -> np.ndarray:
    return decode(data, size=size)


def _shrunk(rgb: np.ndarray, size: int) -> np.ndarray:
    return shrink(rgb, size=size)


def make_thumbnails(
    items: Iterable[tuple[Sequence[Path], bytes]],
    folder: Path,
    *,
    max_bytes: int = MAX_BYTES,
    processes: int | None = None,
    progress: bool = False,
) -> tuple[int, int]:
    """Make the thumbnails of items that have none, in parallel processes, until the limit is reached.

    Parameters
    ----------
    items : iterable of (sequence of Path, bytes)
        The photographs of each item, and their digest.
    folder : Path
    max_bytes : int
        Of all thumbnails; those of other items make room.
    processes : int, optional
        By default one a core.
    progress : bool
        Show a bar with rate and time left on standard error.

    Returns
    -------
    photographs, bytes : int
        How many have thumbnails now, and how much these take.
    """
    sources = list({content: (paths, content.hex()) for paths, content in items}.values())
    kept, (widths, media_type) = Thumbnails(folder, max_bytes=max_bytes), BUILT
    done = taken = 0
    label = "Thumbnails" if progress else None
    results = in_order(partial(_make, folder=folder), sources, processes=processes, progress=label)
    for place, size in enumerate(results):
        made = size if isinstance(size, int) else 0
        if taken + made > max_bytes:
            results.close()
            for paths, content in sources[place:]:  # those go first
                for photo, width in product(range(len(paths)), widths):
                    kept.touch(key_of(content, photo), width, media_type, used=0.0)
            break
        done, taken = done + bool(made) * len(sources[place][0]), taken + made
    kept.sweep()
    return done, taken
