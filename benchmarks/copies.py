"""Catalogues of any size, made of few pictures: each file has a content of its own, so all are embedded."""

from collections.abc import Sequence
from pathlib import Path

from training.catalogue.reader import Catalogue, Item

PER_FOLDER = 1000


def copy_paths(folder: Path, count: int) -> list[Path]:
    """Return where the copies lie."""
    return [folder / f"{number // PER_FOLDER:04d}" / f"{number}.jpg" for number in range(count)]


def write_copies(folder: Path, pictures: Sequence[bytes], count: int) -> list[Path]:
    """Write JPEGs with their number after the end of the picture, which decoders pass over."""
    paths = copy_paths(folder, count)
    for number, path in enumerate(paths):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(pictures[number % len(pictures)] + number.to_bytes(4, "little"))
    return paths


def read_copies(folder: Path, count: int) -> Catalogue:
    """Return a catalogue of the first of these files."""
    return Catalogue(str(folder), tuple(Item(path.stem, path) for path in copy_paths(folder, count)), ())
