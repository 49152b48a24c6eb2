"""The picture files of a virtual catalogue: uint8 (h, w) or (h, w, 3), each complete or missing."""

import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from training.files import write_atomically

OPTIONS: dict[str, dict[str, Any]] = {
    ".png": {"format": "PNG"},
    ".webp": {"format": "WEBP", "quality": 90, "method": 2},
}


def write_picture(path: Path, pixels: NDArray[np.uint8]) -> None:
    """Write an image durably and atomically, so that a file that exists is complete.

    Parameters
    ----------
    path : Path
        Where to write; the suffix, ``.png`` or ``.webp``, names the format. Missing folders are made.
    pixels : uint8 (h, w) or (h, w, 3)
        Luminance or RGB.
    """
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, **OPTIONS[path.suffix])
    write_atomically(path, file.getvalue())


def missing(paths: Sequence[Path]) -> list[int]:
    """Return the positions of the paths that do not exist; each folder is listed once."""
    there: dict[Path, set[str]] = {}
    for folder in {path.parent for path in paths}:
        there[folder] = set(os.listdir(folder)) if folder.is_dir() else set()
    return [position for position, path in enumerate(paths) if path.name not in there[path.parent]]
