"""The memory that a build holds for each view: made catalogues, read and published at two sizes (Linux).

Run it with `python -m benchmarks.build_memory [--views 10000000]`. A catalogue of items with four fields is
read, embedded, cached, written, checked and published, as `python -m index build` does. Only what its
photographs hold is made up: their files are names of one, and their vectors lie in a file as those of
`benchmarks.search` do. What is held is the anonymous memory of a process of its own, for pages of files leave
when others need the room. The largest size is built once more in a process that the system kills above 4 GiB,
such pages included.
"""

import csv
import multiprocessing
import shutil
import tempfile
import threading
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from time import perf_counter, process_time
from typing import Any
from unittest.mock import patch

import click
import numpy as np

from benchmarks.confinement import CannotConfine, confined
from benchmarks.processes import held_memory
from benchmarks.stock import CATEGORIES, COLOURS
from benchmarks.vectors import BATCH, Likeness, embeddings
from index.build import BuildOptions, build_index
from index.embedding.cache import Embedding
from index.embedding.embedder import ItemPhoto, Photo, Results
from index.embedding.seen_files import File
from index.views import Views
from training.catalogue.reader import read_catalogue
from training.evaluation.score_table import Cell, Table, as_markdown
from training.options import cache_option
from training.photo.encoder import PRETRAINED, Encoder

ROOM = 4 * 2**30
GOAL = 64
KIND = "ivf-pq"
DRAWN = "drawn:300"
NAMES = 1000
"""Of the photograph in its folder, and photographs in each folder."""

_LOOK_SECONDS = 0.01


def _content(path: Path) -> bytes:
    return sha256(str(path).encode()).digest()


def _made_file(path: Path, _: File | None) -> File:
    """Return what a file would hold that has a content of its own, and has long been as it is."""
    return File(_content(path), b"as it was")


class MadeEmbedder:
    """Embeds made photographs: each gets the next of some vectors.

    Parameters
    ----------
    vectors : float32 (n, d), unit rows
    """

    def __init__(self, vectors: np.ndarray) -> None:
        self._vectors = vectors
        self._boxes, self._firsts = np.array([[0, 0, 1, 1]], np.float32), np.zeros(1, np.int64)

    def embed(self, photos: Sequence[ItemPhoto], encoder: Encoder) -> Results:
        """Yield the outcomes in the order of the photographs."""
        pictures = np.random.default_rng(1)
        for row, photo in enumerate(photos):
            views = Views(self._vectors[row : row + 1], self._boxes, self._firsts)
            picture = int(pictures.integers(0, 2**60))
            yield row, Photo(_content(photo.path), Embedding(views, picture))


def write_catalogue(folder: Path, count: int) -> Path:
    """Write a CSV file of `count` items with four fields, and photographs under as many names.

    There is one file. It has `NAMES` names in its folder, and the folder has links to itself.
    """
    pictures = folder / "pictures"
    pictures.mkdir(parents=True)
    (first := pictures / "0.jpg").touch()
    for number in range(1, NAMES):
        (pictures / f"{number}.jpg").hardlink_to(first)
    for number in range(-(-count // NAMES)):
        (pictures / str(number)).symlink_to(".")
    path = folder / "catalogue.csv"
    with path.open("w", newline="") as file:
        lines = csv.writer(file)
        lines.writerow(("item_id", "path", "category", "colour", "brand", "price"))
        for row in range(count):
            place = f"pictures/{row // NAMES}/{row % NAMES}.jpg"
            colour, brand = COLOURS[row // 3 % len(COLOURS)], f"Brand {row % 211}"
            item = CATEGORIES[row % len(CATEGORIES)], colour, brand, 9.9 + row % 190
            lines.writerow((f"sku-{row:07d}", place, *item))
    return path


def build_made(vectors: np.ndarray, folder: Path, encoder: Encoder, *, kind: str) -> None:
    """Build a catalogue of made photographs with these vectors, float32 (n, d), into `folder`."""
    path, cache = write_catalogue(folder, len(vectors)), folder / "cache"
    cache.mkdir()
    options = BuildOptions(kind, cache=cache, embedder=MadeEmbedder(vectors))
    with patch("index.embedding.embeddings.read_file", _made_file):
        catalogue = read_catalogue(str(path), cache=cache)
        build_index(catalogue, encoder, indexes=folder / "indexes", options=options)


class _Watch(threading.Thread):
    """Looks at what the process holds until it is told to end."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self._end = threading.Event()
        self.most = 0

    def run(self) -> None:
        while not self._end.wait(_LOOK_SECONDS):
            self.most = max(self.most, held_memory())

    def end(self) -> int:
        self._end.set()
        self.join()
        return self.most


def _build(vectors: Path, folder: Path, count: int, kind: str) -> tuple[int, float, float]:
    """Build with the first `count` vectors; return the most bytes held, the clock's seconds and the CPU's."""
    encoder = Encoder.load(PRETRAINED)
    shape = (count, encoder.dimension)
    rows = np.asarray(np.memmap(vectors, np.float32, mode="r", shape=shape))
    watch, clock, cpu = _Watch(), perf_counter(), process_time()
    watch.start()
    build_made(rows, folder, encoder, kind=kind)
    shutil.rmtree(folder)
    return watch.end(), perf_counter() - clock, process_time() - cpu


def _apart(pipe: Any, *arguments: Any) -> None:
    pipe.send(_build(*arguments))


def measured(vectors: Path, count: int, kind: str, folder: Path) -> tuple[int, float, float]:
    """Return what `_build` does in a fresh process."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_apart, args=(theirs, vectors, folder / str(count), count, kind))
    process.start()
    theirs.close()
    try:
        found: tuple[int, float, float] = ours.recv()
    finally:
        process.join()
    return found


def write_vectors(path: Path, like: Likeness, count: int) -> None:
    """Write `count` made vectors, float32, one after the other."""
    with path.open("wb") as file:
        for at in range(0, count, BATCH):
            file.write(like.draw(min(BATCH, count - at), seed=2 + at).tobytes())


def _row(count: int, held: int, clock: float, cpu: float) -> tuple[Cell, ...]:
    return f"{count:,}", f"{held / 1e6:,.0f}", f"{clock:,.1f}", f"{cpu:,.1f}", f"{1e6 * cpu / count:.0f}"


def _inside(vectors: Path, count: int, kind: str, folder: Path) -> tuple[str, tuple[Cell, ...] | None]:
    """Build within `ROOM`; return what came of it, and its row of the table where there is one."""
    try:
        found, peak = confined(ROOM, _build, vectors, folder / "confined", count, kind)
    except CannotConfine as error:
        return f"not measured: {error}", None
    except EOFError:
        return "killed for want of memory: missed", None
    return f"{peak / 2**30:.2f} GiB at most, pages of files included: reached", _row(count, *found)


@click.command(epilog="Example: python -m benchmarks.build_memory --views 10000000")
@click.option(
    "--views",
    "counts",
    type=click.IntRange(min=1000),
    multiple=True,
    default=(300_000, 1_000_000),
    show_default=True,
    help="Sizes, ascending; the first and the last tell what a view adds. One alone is built in 4 GiB only.",
)
@click.option("--kind", default=KIND, show_default=True, help="Kind of vector index.")
@click.option("--catalogue", default=DRAWN, show_default=True, help="Whose embeddings made vectors lie like.")
@click.option("--confine/--no-confine", default=True, show_default=True, help="Build the last in 4 GiB, too.")
@click.option("--folder", type=click.Path(path_type=Path), help="Where to write.  [default: a temporary one]")
@cache_option
def main(
    counts: tuple[int, ...], kind: str, catalogue: str, confine: bool, folder: Path | None, cache: Path
) -> None:
    """Print a Markdown table of what builds of made views hold and take."""
    like = Likeness(embeddings(catalogue, Encoder.load(PRETRAINED), cache=cache))
    with tempfile.TemporaryDirectory(dir=folder) as name:
        place = Path(name)
        write_vectors(place / "vectors", like, counts[-1])
        apart = counts if len(counts) > 1 or not confine else ()
        found = [measured(place / "vectors", count, kind, place) for count in apart]
        rows, notes = [_row(count, *each) for count, each in zip(apart, found, strict=True)], []
        if len(found) > 1:
            held = (found[-1][0] - found[0][0]) / (counts[-1] - counts[0])
            verdict = "reached" if held <= GOAL else "missed"
            notes.append(f"A view adds {held:.0f} bytes to what is held; goal <= {GOAL}: {verdict}.")
        if confine:
            inside, row = _inside(place / "vectors", counts[-1], kind, place)
            rows += [row] if row else []
            notes.append(f"{counts[-1]:,} views in {ROOM // 2**30} GiB: {inside}.")
    columns = ("views", "held, MB", "clock s", "CPU s", "CPU us a view")
    table = Table("build-memory", f"Memory of a build, {kind}", columns, tuple(rows), " ".join(notes))
    click.echo(as_markdown([table]))


if __name__ == "__main__":
    main()
