"""Fashion-MNIST's IDX files: images uint8 (n, 28, 28), light garments on black, and labels uint8 (n,)."""

import gzip
import hashlib
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.catalogue.pictures import missing, write_picture
from training.errors import UnreadableCatalogue
from training.progress import progress_bar

CLASSES = (
    "t-shirt",
    "trouser",
    "pullover",
    "dress",
    "coat",
    "sandal",
    "shirt",
    "sneaker",
    "bag",
    "ankle boot",
)
SPLITS = {"train": "train", "test": "t10k"}  # our name: the prefix of the files
IMAGES_MAGIC, LABELS_MAGIC = 2051, 2049
PER_FOLDER = 1000
NEEDED = (
    "The folder needs train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte and "
    "t10k-labels-idx1-ubyte, each plain or as .gz."
)


def _find(folder: Path, name: str) -> Path:
    for path in (folder / name, folder / f"{name}.gz"):
        if path.is_file():
            return path
    raise UnreadableCatalogue(f"Fashion-MNIST's {name} is not in {folder}. {NEEDED}")


def _unpacked(path: Path) -> bytes:
    try:
        data = path.read_bytes()
        return gzip.decompress(data) if path.suffix == ".gz" else data
    except (OSError, EOFError, zlib.error) as error:
        raise UnreadableCatalogue(f"{path} could not be read: {error}. Download the file again.") from error


def _read_idx(path: Path, *, magic: int, axes: int) -> NDArray[np.uint8]:
    """Read an IDX file of unsigned bytes: a magic number, each axis' length (big-endian), then the data."""
    data = _unpacked(path)
    head = 4 * (1 + axes)
    found, *shape = struct.unpack(f">{1 + axes}I", data[:head].ljust(head, b"\0"))
    if found != magic:
        raise UnreadableCatalogue(
            f"{path} is not the expected IDX file: it starts with {found}, not {magic}."
        )
    expected = head + int(np.prod(shape, dtype=np.int64))
    if len(data) != expected:
        raise UnreadableCatalogue(f"{path} has {len(data):,} of {expected:,} bytes. Download the file again.")
    return np.frombuffer(data, np.uint8, offset=head).reshape(shape)


def _check_labels(labels: NDArray[np.uint8], images: NDArray[np.uint8], path: Path) -> None:
    if len(labels) != len(images):
        raise UnreadableCatalogue(f"{path} has {len(labels):,} labels for {len(images):,} images.")
    if labels.size and labels.max() >= len(CLASSES):
        raise UnreadableCatalogue(
            f"{path} has the label {labels.max()}; the labels are 0 to {len(CLASSES) - 1}."
        )


def read_split(folder: Path, split: str) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Read one split.

    Parameters
    ----------
    folder : Path
        Folder with the four IDX files, plain or gzipped.
    split : str
        ``train`` or ``test``.

    Returns
    -------
    images : uint8 (n, 28, 28)
    labels : uint8 (n,) in 0..9, positions in `CLASSES`

    Raises
    ------
    UnreadableCatalogue
        A file is missing, truncated, or not the expected IDX file.
    """
    prefix = SPLITS[split]
    images = _read_idx(_find(folder, f"{prefix}-images-idx3-ubyte"), magic=IMAGES_MAGIC, axes=3)
    path = _find(folder, f"{prefix}-labels-idx1-ubyte")
    labels = _read_idx(path, magic=LABELS_MAGIC, axes=1)
    _check_labels(labels, images, path)
    return images, labels


def _write_missing(paths: list[Path], images: NDArray[np.uint8], split: str) -> None:
    todo = missing(paths)
    for position in progress_bar(todo, desc=f"Fashion-MNIST {split}", unit="picture", disable=not todo):
        write_picture(paths[position], images[position])


def rows(folder: Path, *, cache: Path) -> list[dict[str, Any]]:
    """Write every image as a PNG file below `cache`, unless it exists, and describe them.

    Parameters
    ----------
    folder : Path
        Folder with the four IDX files, plain or gzipped.
    cache : Path
        Pictures are in ``fashion-mnist/<digest of the images>/<split>``.

    Returns
    -------
    list of dict
        ``item_id`` (``train-00000``, ``test-00000``), ``path``, ``category`` and ``split``.

    Raises
    ------
    UnreadableCatalogue
        A file is missing, truncated, or not the expected IDX file.
    """
    splits = {split: read_split(folder, split) for split in SPLITS}
    table = []
    for split, (images, labels) in splits.items():
        digest = hashlib.sha256(images.tobytes()).hexdigest()[:12]
        place = cache.absolute() / "fashion-mnist" / digest / split
        ids = [f"{split}-{number:05d}" for number in range(len(images))]
        paths = [
            place / f"{number // PER_FOLDER:02d}" / f"{item_id}.png" for number, item_id in enumerate(ids)
        ]
        _write_missing(paths, images, split)
        for item_id, path, label in zip(ids, paths, labels, strict=True):
            table.append({"item_id": item_id, "path": str(path), "category": CLASSES[label], "split": split})
    return table
