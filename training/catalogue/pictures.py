"""The picture files of a virtual catalogue: uint8 (h, w) or (h, w, 3), each written whole or not at all."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

OPTIONS: dict[str, dict[str, Any]] = {".png": {}, ".webp": {"quality": 90, "method": 2}}


def write_picture(path: Path, pixels: NDArray[np.uint8]) -> None:
    """Write an image under a temporary name and rename it, so that a file that exists is complete.

    Parameters
    ----------
    path : Path
        Where to write; the suffix, ``.png`` or ``.webp``, names the format. Parents are made.
    pixels : uint8 (h, w) or (h, w, 3)
        Luminance or RGB.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.stem}.{os.getpid()}{path.suffix}")
    Image.fromarray(pixels).save(partial, **OPTIONS[path.suffix])
    partial.replace(path)


def missing(paths: Sequence[Path]) -> list[int]:
    """Return the positions of the paths that are not there yet; each folder is listed once."""
    there: dict[Path, set[str]] = {}
    for folder in {path.parent for path in paths}:
        there[folder] = set(os.listdir(folder)) if folder.is_dir() else set()
    return [position for position, path in enumerate(paths) if path.name not in there[path.parent]]
