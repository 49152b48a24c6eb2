"""What each kind of index finds, how fast, and what it takes, beside FAISS called directly.

Run it with `python -m benchmarks.search [--quick]`. The vectors are the embeddings of a catalogue and, for
larger sizes, vectors made to lie as they do (`benchmarks.vectors`); the queries are others of the same, so
that none is in the index or known to the tuning of the width. The rows that a filter allows are those nearest
to one vector, as a category's are. One thread; times are the processor's unless they are called the clock's,
and each is measured in turn with the one that it is compared with.
"""

import os
import platform
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from time import perf_counter, process_time, thread_time

import click
import faiss
import numpy as np

from benchmarks.confinement import CannotConfine, confined
from benchmarks.stock import publish_items
from benchmarks.vectors import Likeness, embeddings
from index.pages import SearchOptions
from index.stores.folder.gallery import Gallery
from index.stores.folder.overlay import lay_over
from index.stores.folder.publish import current_version
from index.stores.folder.searcher import Searcher
from index.stores.folder.version import VECTORS, open_version
from index.vectors.approximate import SHALLOWEST
from index.vectors.kinds import KINDS, choose_kind, kind_named
from index.vectors.tuning import FIRST
from index.vectors.vector_index import VectorIndex
from training.evaluation.score_table import Cell, Table, as_markdown
from training.options import cache_option, encoder_option
from training.photo.encoder import Encoder

SHARES = (1.0, 0.5, 0.05, 0.001)
BLOCK = 500_000
TIE = 1e-6
PAGE = 20
ROUNDS, SECONDS = 3, 3.0
ROOM = 2 * 2**30
DISK_SAMPLE = 256 * 2**20
SMALL_ENOUGH = 2_000_000
FIRST_ANSWER_MS, OVER_FAISS = 1000, 1.1
OVER_WHOLE = 2.5
"""How many times as long as a search among all rows one among allowed rows may take."""

FASHION_MNIST = "fashion-mnist:/usr/share/datasets/fashion-mnist"
DRAWN = "drawn:300"
QUICK = 5000

Call = Callable[[np.ndarray], object]
Parameters = dict[str, float | int | str]


@dataclass(frozen=True)
class Task:
    """Queries float32 (m, d), the rows that may be found, and the score of each query's tenth neighbour."""

    share: float
    allowed: np.ndarray | None
    queries: np.ndarray
    tenth: np.ndarray

    def recall(self, index: VectorIndex) -> float:
        """Return the share of the true first ten that an index finds; as good a score counts as found."""
        scores, _ = index.search(self.queries, FIRST, allowed=self.allowed)
        return float(np.mean(scores[:, : self.tenth.shape[1]] >= self.tenth[:, -1:] - TIE))


@dataclass(frozen=True)
class Measured:
    """What was measured of one kind at one size."""

    build: tuple[Cell, ...]
    filters: tuple[Cell, ...]
    confined: tuple[Cell, ...] | None


def _tenth(vectors: np.ndarray, queries: np.ndarray, allowed: np.ndarray | None) -> np.ndarray:
    """Return the scores of each query's true first ten, by brute force, block by block: float32 (m, 10)."""
    best = np.full((len(queries), FIRST), -np.inf, np.float32)
    for at in range(0, len(vectors), BLOCK):
        block = vectors[at : at + BLOCK]
        block = block if allowed is None else block[allowed[at : at + BLOCK]]
        if len(block):
            k = min(FIRST, len(block))
            scores, _ = faiss.knn(queries, block, k, metric=faiss.METRIC_INNER_PRODUCT)
            best = -np.sort(-np.concatenate([best, scores], axis=1), axis=1)[:, :FIRST]
    return best[:, np.isfinite(best).all(axis=0)]


def _tasks(vectors: np.ndarray, queries: np.ndarray) -> list[Task]:
    similarity = vectors @ vectors[0]
    masks = [None if share == 1 else similarity >= np.quantile(similarity, 1 - share) for share in SHARES]
    return [
        Task(share, mask, queries, _tenth(vectors, queries, mask))
        for share, mask in zip(SHARES, masks, strict=True)
    ]


def _raw(index: faiss.Index, kind: str, parameters: Parameters) -> Call:
    """Return FAISS's own search, as wide as ours and as deep as ours looks for a page."""
    lists = faiss.SearchParametersIVF(nprobe=int(parameters.get("nprobe", 1)))
    refine = float(parameters.get("refine", 1))
    asked: dict[str, faiss.SearchParameters | None] = {
        "flat": None,
        "hnsw": faiss.SearchParametersHNSW(efSearch=int(parameters.get("ef_search", 16))),
        "ivf-flat": lists,
        "ivf-pq": faiss.IndexRefineSearchParameters(k_factor=refine, base_index_params=lists),
        "sq8": faiss.IndexRefineSearchParameters(k_factor=refine),
    }
    return lambda query: index.search(query[None], SHALLOWEST, params=asked[kind])


def medians_ms(queries: np.ndarray, *calls: Call) -> list[float]:
    """Return the median milliseconds of each of several calls.

    All queries go to one call, then to the next, and so on in rounds, of which the first brings what is read
    into memory: the same query twice in a row would find its way in the processor's caches. What is compared
    goes on for `SECONDS`: other programs disturb what is short.
    """
    took: list[list[float]] = [[] for _ in calls]
    end = perf_counter() + (SECONDS if len(calls) > 1 else 0)
    while len(took[0]) < ROUNDS * len(queries) or perf_counter() < end:
        for times, call in zip(took, calls, strict=True):
            for query in queries:
                start = thread_time()
                call(query)
                times.append((thread_time() - start) * 1000)
    return [median(times[len(queries) :]) for times in took]


def _first_answer_ms(path: Path, kind: str, parameters: Parameters, query: np.ndarray) -> float:
    """Return the clock's milliseconds until a file has been mapped and has answered."""
    start = perf_counter()
    kind_named(kind).load(path, parameters).search(query[None], FIRST)
    return (perf_counter() - start) * 1000


def _disk_speed(path: Path) -> float:
    """Return the megabytes a second at which a file that is not in memory is read from its beginning."""
    _forget(path)
    start, size = perf_counter(), 0
    with path.open("rb", buffering=0) as file:
        while size < DISK_SAMPLE and (part := file.read(2**20)):
            size += len(part)
    return size / 1e6 / (perf_counter() - start)


def _forget(path: Path) -> None:
    """Have the system drop its copy of a file from memory."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def _search_all(path: Path, kind: str, parameters: Parameters, queries: np.ndarray) -> tuple[float, float]:
    """Search in a process of its own; return the mean milliseconds of a search, the clock's and ours."""
    faiss.omp_set_num_threads(1)
    index = kind_named(kind).load(path, parameters)
    clock, ours = perf_counter(), thread_time()
    for query in queries:
        index.search(query[None], FIRST)
    return tuple(seconds * 1000 / len(queries) for seconds in (perf_counter() - clock, thread_time() - ours))


def _confined(path: Path, kind: str, parameters: Parameters, queries: np.ndarray) -> tuple[Cell, ...]:
    _forget(path)
    try:
        (clock, ours), peak = confined(ROOM, _search_all, path, kind, parameters, queries)
    except CannotConfine as error:
        return kind, "", None, None, f"not measured: {error}"
    except EOFError:
        return kind, "", None, None, "killed for want of memory: missed"
    return kind, f"{peak / 2**30:.2f}", f"{clock:.2f}", f"{ours:.2f}", "reached"


def _goal(value: float, most: float) -> str:
    return "reached" if value <= most else "missed"


def _build(kind: str, vectors: np.ndarray, path: Path) -> tuple[Parameters, float]:
    """Save an index of `vectors` at `path`; return its parameters, and the seconds of its build."""
    faiss.omp_set_num_threads(os.cpu_count() or 1)
    start = process_time()
    built = kind_named(kind).build(vectors)
    seconds = process_time() - start
    built.save(path)
    faiss.omp_set_num_threads(1)
    return built.parameters, seconds


def _measured(
    kind: str, vectors: np.ndarray, tasks: Sequence[Task], path: Path, *, confine: bool
) -> Measured:
    parameters, seconds = _build(kind, vectors, path)
    queries = tasks[0].queries
    first_ms = _first_answer_ms(path, kind, parameters, queries[0])
    disk = _disk_speed(path)
    _forget(path)
    cold_ms = _first_answer_ms(path, kind, parameters, queries[0])
    inside = _confined(path, kind, parameters, queries) if confine else None
    index, raw = kind_named(kind).load(path, parameters), faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC)
    ours_ms, raw_ms = medians_ms(queries, partial(_page, index), _raw(raw, kind, parameters))
    width = ", ".join(f"{name} {value}" for name, value in parameters.items() if name != "recall")
    build = (
        *(kind, width or "all", f"{seconds:,.0f}", f"{path.stat().st_size / len(index):.0f}"),
        *(index.bytes_per_vector(index.dimension), f"{first_ms:.0f}", _goal(first_ms, FIRST_ANSWER_MS)),
        *(f"{cold_ms:.0f}", f"{disk:.0f}"),
        *(tasks[0].recall(index), f"{1000 / ours_ms:,.0f}", f"{1000 / raw_ms:,.0f}"),
        *(f"{ours_ms / raw_ms:.2f}", _goal(ours_ms / raw_ms, OVER_FAISS)),
    )
    filtered = [task for task in tasks if task.allowed is not None]
    whole, *took = medians_ms(queries, *(partial(_page, index, allowed=task.allowed) for task in tasks))
    filters: list[Cell] = [kind, tasks[0].recall(index), f"{1000 / whole:,.0f}"]
    for task, ms in zip(filtered, took, strict=True):
        filters += [task.recall(index), f"{1000 / ms:,.0f}", f"{ms / whole:.2f}"]
    slowest = max(took) / whole
    return Measured(build, (*filters, _goal(slowest, OVER_WHOLE)), inside)


def _page(index: VectorIndex, query: np.ndarray, *, allowed: np.ndarray | None = None) -> None:
    index.search(query[None], PAGE, allowed=allowed)


def _kinds(asked: Sequence[str], count: int, dimension: int) -> Sequence[str]:
    """Return the kinds to measure: of many vectors only what is chosen for a machine of little memory."""
    return asked if count <= SMALL_ENOUGH else [choose_kind(count, dimension, ROOM)[0]]


def _at_size(
    vectors: np.ndarray, queries: np.ndarray, name: str, folder: Path, kinds: Sequence[str], *, confine: bool
) -> list[Table]:
    """Return the tables of one size."""
    title = f"{len(vectors):,} {name}"
    faiss.omp_set_num_threads(os.cpu_count() or 1)
    click.echo(f"{title}: brute force for {len(queries)} queries", err=True)
    tasks = _tasks(vectors, queries)
    faiss.omp_set_num_threads(1)
    found = []
    for kind in _kinds(kinds, *vectors.shape):
        click.echo(f"{title}: {kind}", err=True)
        found.append(_measured(kind, vectors, tasks, folder / "vectors.faiss", confine=confine))
    key = f"kinds-{len(vectors)}"
    measures = (f"recall@{FIRST}", "queries/s", "time over all's")
    shares = [
        f"{measure}, {share:.4g} pass"
        for share in SHARES
        for measure in (measures[:2] if share == 1 else measures)
    ]
    tables = [
        Table(
            key,
            title,
            (
                *("kind", "width", "build CPU s", "bytes a vector", "of them in memory", "first answer ms"),
                *(f"goal {FIRST_ANSWER_MS}", "file not in memory: ms", "disk MB/s"),
                *(f"recall@{FIRST}", "queries/s", "FAISS's queries/s"),
                *("time over FAISS's", f"goal {OVER_FAISS}"),
            ),
            tuple(one.build for one in found),
            "Queries a second of one core. The first answer is by the clock, load included, with the file in "
            "memory as a build or a copy leaves it, and without.",
        ),
        Table(
            f"{key}-filters",
            f"{title}, filtered",
            ("kind", *shares, f"goal {OVER_WHOLE}"),
            tuple(one.filters for one in found),
            "The rows that pass are those nearest to one vector, far from most queries.",
        ),
    ]
    inside = tuple(one.confined for one in found if one.confined)
    columns = ("kind", "most memory GiB", "clock ms", "CPU ms", "goal: searched within 2 GiB")
    note = (
        "A process that the system kills above 2 GiB, mapped pages of the file included; the file is not in "
        "memory when it starts."
    )
    return [*tables, *([Table(f"{key}-room", f"{title} in 2 GiB", columns, inside, note)] if inside else [])]


def _searcher_row(vectors: np.ndarray, queries: np.ndarray, encoder: Encoder, kind: str) -> tuple[Cell, ...]:
    """Publish an index with items and search it, by rows alone and as a page of items."""
    with tempfile.TemporaryDirectory() as folder:
        indexes = Path(folder)
        publish_items(indexes, vectors, encoder, kind=kind)
        version = open_version(indexes / current_version(indexes))
        gallery, searcher = Gallery(lay_over(version, {})), Searcher.open(indexes, encoder=encoder)
        mapped = faiss.read_index(str(indexes / version.manifest.version / VECTORS), faiss.IO_FLAG_MMAP_IFC)
        raw_ms, rows_ms, page_ms = medians_ms(
            queries,
            _raw(mapped, kind, version.vectors.parameters),
            partial(gallery.search, k=PAGE, allowed=gallery.allowed()),
            lambda query: searcher.search(query[None], SearchOptions(limit=PAGE)),
        )
    rows, page = rows_ms / raw_ms, page_ms / raw_ms
    return (
        *(f"{len(vectors):,} {kind}", f"{raw_ms:.3f}", f"{rows_ms:.3f}", f"{rows:.2f}"),
        *(_goal(rows, OVER_FAISS), f"{page_ms:.3f}", f"{page:.2f}", _goal(page, OVER_FAISS)),
    )


def _searchers(samples: Sequence[np.ndarray], queries: np.ndarray, encoder: Encoder) -> Table:
    rows = []
    for vectors in samples:
        for kind in ("flat", "hnsw"):
            click.echo(f"A searcher of {len(vectors):,} items, {kind}", err=True)
            rows.append(_searcher_row(vectors, queries, encoder, kind))
    columns = (
        *("items", "FAISS ms", "ours: rows ms", "over FAISS's", f"goal {OVER_FAISS}"),
        *(f"ours: page of {PAGE} items ms", "over FAISS's ", f"goal {OVER_FAISS} "),
    )
    note = (
        "Rows are what FAISS answers, too, here with changes laid over them and equal scores in order; a "
        "page adds the items, read from SQLite, their percentiles and the total."
    )
    return Table("searcher", "The searcher", columns, tuple(rows), note)


def _introduction(like: Likeness, source: str, base: np.ndarray, queries: int) -> str:
    real, made = like.compared(queries)
    return (
        f"{len(base):,} embeddings of `{source}`, float32 of {base.shape[1]} numbers; larger sizes are made "
        f"to lie as these do (mean score of a tenth neighbour: {real:.3f}, of as many made ones {made:.3f}), "
        f"and so are the {queries} queries. One thread of {os.cpu_count()} cores ({platform.machine()}), "
        f"FAISS {faiss.__version__}, Python {platform.python_version()}."
    )


def _markdown(tables: Sequence[Table]) -> str:
    return as_markdown(tables).replace("## ", "### ")


def _print(text: str) -> None:
    click.echo(f"{text}\n")


@click.command(epilog="Example: python -m benchmarks.search --size 1000000 --queries 100")
@click.option("--catalogue", default=FASHION_MNIST, show_default=True, help="Whose embeddings are searched.")
@click.option(
    "--size",
    "sizes",
    type=click.IntRange(min=1000),
    multiple=True,
    default=(1_000_000, 10_000_000),
    show_default=True,
    help="Vectors to make beside the real ones; give it several times.",
)
@click.option(
    "--kind",
    "kinds",
    type=click.Choice(list(KINDS)),
    multiple=True,
    default=list(KINDS),
    help="Kinds of index up to 2,000,000 vectors.  [default: all]",
)
@click.option("--queries", type=click.IntRange(min=10), default=200, show_default=True, help="Queries.")
@encoder_option
@cache_option
@click.option("--quick", is_flag=True, help="Few vectors of drawn garments, to see that everything runs.")
def main(
    catalogue: str,
    sizes: tuple[int, ...],
    kinds: tuple[str, ...],
    queries: int,
    encoder: Path,
    cache: Path,
    quick: bool,
) -> None:
    """Print Markdown tables: each kind at each size, with filters, in little memory, and as a searcher."""
    if quick:
        catalogue, sizes, queries = DRAWN, (QUICK,), 20
    elif catalogue == FASHION_MNIST and not Path(catalogue.partition(":")[2]).is_dir():
        click.echo(f"{catalogue} is not here, so garments are drawn instead", err=True)
        catalogue = DRAWN
    bundle = Encoder.load(encoder)
    base = embeddings(catalogue, bundle, cache=cache)
    faiss.omp_set_num_threads(os.cpu_count() or 1)
    like = Likeness(base)
    _print(_introduction(like, catalogue, base, queries))
    asked, samples = like.draw(queries, seed=1), [base]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _print(_markdown(_at_size(base, asked, "embeddings", folder, kinds, confine=False)))
        for size in sizes:
            made = like.draw(size, seed=2)
            confine = size == max(sizes)
            _print(_markdown(_at_size(made, asked, "made vectors", folder, kinds, confine=confine)))
            samples += [made] if size <= SMALL_ENOUGH else []
    faiss.omp_set_num_threads(1)
    _print(_markdown([_searchers(samples, asked, bundle)]))


if __name__ == "__main__":
    main(prog_name="python -m benchmarks.search")
