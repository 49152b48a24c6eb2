"""What the parts of embedding a photograph cost: CPU time in one process, for two sizes of JPEG."""

from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from time import thread_time

import click
import numpy as np

from benchmarks.copies import write_copies
from benchmarks.stock import photographs
from index.embedding.embedder import ItemPhoto, embed_photo
from training.catalogue.reader import Catalogue
from training.evaluation.score_table import Table
from training.photo.encoder import Encoder
from training.photo.garment import WORKING_SIZE, isolate
from training.photo.images import decode, read_bytes

SIZES = {"400 x 533": (400, 533), "12 megapixels": (3000, 4000)}
PARTS = ("read and hash", "decode", "cut out", "encode")
ROUNDS = 6
NOTE = (
    "One process, medians; the JPEGs have the grain of a camera. The rest is mostly the perceptual hash by "
    "which duplicates are found."
)


def _stages(path: Path, encoder: Encoder) -> Iterator[None]:
    """Do the parts of the work one by one."""
    data = read_bytes(path)
    sha256(data).digest()
    yield
    rgb = decode(data, size=WORKING_SIZE)
    yield
    garment = isolate(rgb, segmenter=encoder.segmenter)
    yield
    encoder.embed_garments([garment])
    yield


def _once(path: Path, encoder: Encoder) -> Iterator[None]:
    """Do all of it at once."""
    embed_photo(ItemPhoto(path), encoder)
    yield


def _costs(paths: Sequence[Path], encoder: Encoder) -> dict[str, float]:
    """Return the ms of CPU of each part, of what is left of `embed_photo`, and of all of it."""
    embed_photo(ItemPhoto(paths[0]), encoder)  # what is loaded once
    parts: list[np.ndarray] = []
    whole: list[np.ndarray] = []
    ways = [(parts, _stages), (whole, _once)]
    for _ in range(ROUNDS):
        ways.reverse()  # what comes second finds the photograph in the processor's caches
        for path in paths:
            for times, way in ways:
                moments = [thread_time(), *(thread_time() for _ in way(path, encoder))]
                times.append(np.diff(moments) * 1000)
    rest = np.sum(whole, axis=1) - np.sum(parts, axis=1)
    costs = (*np.median(parts, axis=0).tolist(), float(np.median(rest)), float(np.median(whole)))
    return dict(zip((*PARTS, "rest", "all"), costs, strict=True))


def parts_table(folder: Path, catalogue: Catalogue, encoder: Encoder, *, pictures: int) -> Table:
    """Measure photographs made of a catalogue's first pictures, and fewer of the large ones."""
    costs = {}
    for name, count in zip(SIZES, (pictures, max(1, pictures // 4)), strict=True):
        click.echo(f"The parts of the work for {name}", err=True)
        jpegs = photographs(catalogue, SIZES[name], count=count)
        costs[name] = _costs(write_copies(folder / name, jpegs, count), encoder)
    largest = [max(PARTS, key=cost.__getitem__) for cost in costs.values()]
    rows = [
        *((part, *(f"{cost[part]:.2f}" for cost in costs.values())) for part in (*PARTS, "rest", "all")),
        ("photographs a second and core", *(f"{1000 / cost['all']:.0f}" for cost in costs.values())),
        ("the largest part", *largest),
        (
            "goal, decoding is the largest: reached",
            *("yes" if part == "decode" else "no" for part in largest),
        ),
    ]
    title = "Parts of embedding a photograph, ms of CPU"
    return Table("parts", title, ("part", *costs), tuple(rows), NOTE)
