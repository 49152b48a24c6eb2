"""One run of `embed_catalogue` in a fresh process: its time, its CPU time, its memory, and what came out."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import closing, nullcontext
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from time import perf_counter

import click

from benchmarks.copies import read_copies
from benchmarks.processes import cpu_seconds, family, own_memory, peak_memory
from index.embedding.cache import EmbeddingCache
from index.embedding.embedder import Embedder, ItemPhoto, Results
from index.embedding.embedders import EMBEDDERS, RAY, embedder_named
from index.embedding.embeddings import embed_catalogue
from training.photo.encoder import PRETRAINED, Encoder

_LOOK_EVERY = 100


@dataclass(frozen=True)
class Run:
    """A catalogue that was embedded.

    Parameters
    ----------
    started : float
        Seconds until Ray had started.
    first, seconds : float
        Seconds from then on until the first result and until the end, by the clock.
    cpu : float
        Seconds of CPU of all processes, in the same time.
    items, arrays : int
        Bytes of memory of the catalogue's items, and of the arrays that embedding returned.
    peak, worker : int
        The most bytes of memory that the process had, and the largest of those that it had started.
    digest : str
        SHA-256 of the vectors.
    """

    started: float
    first: float
    seconds: float
    cpu: float
    items: int
    arrays: int
    peak: int
    worker: int
    digest: str


class _Watched:
    """An embedder that records when its first result came, and the peak memory of its processes."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self.first = 0.0
        self.worker = 0

    def embed(self, photos: Sequence[ItemPhoto], encoder: Encoder) -> Results:
        with closing(self._embedder.embed(photos, encoder)) as results:
            for seen, result in enumerate(results):
                self.first = self.first or perf_counter()
                if seen % _LOOK_EVERY == 0:
                    _, *workers = [peak_memory(pid) for pid in family()]
                    self.worker = max([self.worker, *workers])
                yield result


def _started(embedder: str, processes: int) -> object:
    """Return a context in which Ray runs, where it is asked for."""
    if embedder != RAY:
        return nullcontext()
    from index.embedding.ray_embedder import joined

    return joined(None, processes=processes)


def _embed(embedder: str, processes: int, folder: Path, count: int) -> Run:
    encoder = Encoder.load(PRETRAINED)
    before = own_memory()
    catalogue = read_copies(folder, count)
    items = own_memory() - before
    watched = _Watched(embedder_named(embedder, processes=processes))
    options = {"embedder": watched, "processes": processes, "progress": True}
    start = perf_counter()
    with tempfile.TemporaryDirectory() as place, _started(embedder, processes):
        begun, cpu = perf_counter(), cpu_seconds()
        with EmbeddingCache(Path(place), encoder) as cache:
            embedded = embed_catalogue(catalogue, encoder, cache=cache, **options)
        ended, cpu = perf_counter(), cpu_seconds() - cpu
        return Run(
            started=begun - start,
            first=watched.first - begun,
            seconds=ended - begun,
            cpu=cpu,
            items=items,
            arrays=embedded.vectors.nbytes + embedded.contents.nbytes + embedded.pictures.nbytes,
            peak=peak_memory(next(family())),
            worker=watched.worker,
            digest=sha256(embedded.vectors).hexdigest(),
        )


def embed_copies(embedder: str, processes: int, folder: Path, count: int) -> Run:
    """Embed the first `count` copies in a folder, see `benchmarks.copies`, with an empty cache."""
    command = [
        sys.executable,
        "-m",
        "benchmarks.embedding_run",
        embedder,
        str(processes),
        str(folder),
        str(count),
    ]
    click.echo(f"{count:,} photographs, {embedder}, {processes} at a time", err=True)
    return Run(**json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout))


@click.command()
@click.argument("embedder", type=click.Choice(EMBEDDERS))
@click.argument("processes", type=int)
@click.argument("folder", type=click.Path(path_type=Path))
@click.argument("count", type=int)
def main(embedder: str, processes: int, folder: Path, count: int) -> None:
    """Print a run as JSON; `benchmarks.indexing` starts this."""
    click.echo(json.dumps(asdict(_embed(embedder, processes, folder, count))))


if __name__ == "__main__":
    main()
