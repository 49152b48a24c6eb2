"""What one query costs over HTTP, beside the CPU time of its parts alone and a rival built in the usual way.

Run it with `python -m benchmarks.serving [--quick]`, on Linux. The service is that of `python -m service
serve`; its index holds made-up items with metadata, and vectors that lie as an encoder's do. The photographs
are drawn garments, which are not among those, with the grain of a camera. Parts, service and rival are
measured in turn, and each ratio is the median of the rounds'.
"""

import os
import platform
import tempfile
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path

import click
import faiss
import numpy as np

from benchmarks.servers import Server, free_port, running
from benchmarks.stock import LIMIT, RIVAL_FOLDER, photographs, publish_items, write_plain
from benchmarks.turns import CONNECTIONS, FULL, PARTS, QUICK, SHARE, WORKERS, Measured, Plan, Turns
from benchmarks.vectors import Likeness, embeddings
from index.stores.folder.publish import current_version
from index.stores.folder.version import open_version
from index.vectors.kinds import AUTO
from training.catalogue.reader import read_catalogue
from training.evaluation.score_table import Cell, Table, as_markdown
from training.options import cache_option
from training.photo.encoder import PRETRAINED, Encoder

SIZES = {"400 x 533": (400, 533), "3000 x 4000": (3000, 4000)}
CUT_OUT_MS, OVER_FLOOR, OF_CORES, TAIL, FASTER, MEMORY = 3.0, 1.5, 0.8, 4.0, 15.0, 0.25

Figure = Callable[[Measured], float]
Results = Mapping[str, Measured]


def _row(
    name: str, results: Results, figure: Figure, *, digits: int = 2, most: float = 0, least: float = 0
) -> tuple[Cell, ...]:
    """Return a line of a table: a figure for each size of photograph, its goal, and whether both reach it."""
    values = [figure(measured) for measured in results.values()]
    cells = [f"{value:.{digits}f}" for value in values]
    if not most and not least:
        return name, *cells, None, None
    reached = all((not most or value <= most) and value >= least for value in values)
    return name, *cells, f"<= {most:g}" if most else f">= {least:g}", "reached" if reached else "missed"


def _parts(results: Results) -> Table:
    def spent(part: int) -> Figure:
        return lambda measured: measured.typical(lambda turn: float(np.median(turn.parts[:, part])))

    goals = {"cut-out": CUT_OUT_MS}
    rows = [_row(part, results, spent(at), most=goals.get(part, 0)) for at, part in enumerate(PARTS)]
    rows.append(_row("all, mean", results, lambda measured: measured.typical(lambda turn: turn.floor)))
    note = (
        "Medians over the photographs, in one process with one thread: Pillow's decoder at the scale that is "
        "needed, the segmenter and the cut, LiteRT in float32, FAISS with the service's own index. Each "
        "once, while the service searches a photograph that may lie on its side several ways."
    )
    return Table(
        "parts", "The floor: CPU time of the parts, ms", ("part", *SIZES, "goal", ""), tuple(rows), note
    )


def _service(results: Results, kind: str, items: int, workers: int) -> Table:
    def row(name: str, figure: Callable, **options: float) -> tuple[Cell, ...]:
        return _row(name, results, lambda measured: measured.typical(figure), **options)

    def waits(percent: float) -> Figure:
        return lambda measured: measured.arrivals.wait_ms(percent)

    cores = os.cpu_count() or 1
    rows = (
        row("CPU time of a request, ms", lambda turn: turn.alone),
        row("the same over the floor", lambda turn: turn.alone / turn.floor, most=OVER_FLOOR),
        row("the same, of photographs searched one way", lambda turn: turn.one_way[0] / turn.one_way[1]),
        row("CPU time of a request under load, ms", lambda turn: turn.loaded),
        row("requests/s under load", lambda turn: turn.load.rate, digits=1),
        row("cores that the clients took", lambda turn: turn.load.cpu_seconds / turn.load.seconds),
        row("cores left by clients and other programs", lambda turn: turn.left),
        row("requests/s over all cores / CPU time", lambda turn: turn.load.rate * turn.alone / 1000 / cores),
        row(
            "requests/s over cores left / CPU time",
            lambda turn: turn.load.rate * turn.alone / 1000 / turn.left,
            least=OF_CORES,
        ),
        _row(f"at {SHARE:.0%} of that rate, at random: p50, ms", results, waits(50), digits=1),
        _row("p99, ms", results, waits(99), digits=1),
        _row("requests refused", results, lambda measured: measured.arrivals.refused, digits=0),
        _row("p99 over p50", results, lambda measured: waits(99)(measured) / waits(50)(measured), most=TAIL),
    )
    note = (
        f"{workers} workers, {items:,} items ({kind}), {LIMIT} results; connections are kept alive. The "
        f"first three rows are of one request after the other, load is of {CONNECTIONS} connections that "
        "never pause. CPU time is that of all processes of the service, the kernel's part included, without "
        "the clients', which run on the same cores. At random: Poisson; a request waits from when it was due."
    )
    return Table("service", "The service over HTTP", ("figure", *SIZES, "goal", ""), rows, note)


def _rival(results: Results, *, memory: tuple[float, float]) -> Table:
    def row(name: str, figure: Callable, **options: float) -> tuple[Cell, ...]:
        return _row(name, results, lambda measured: measured.typical(figure), **options)

    ours, its = memory
    share = "reached" if ours / its <= MEMORY else "missed"
    rows = (
        row("requests/s, service", lambda turn: turn.load.rate, digits=1),
        row("requests/s, rival", lambda turn: turn.rival.rate, digits=1),
        row("service over rival", lambda turn: turn.load.rate / turn.rival.rate, digits=1, least=FASTER),
        ("memory, service, MB", f"{ours:.0f}", None, None, None),
        ("memory, rival, MB", f"{its:.0f}", None, None, None),
        ("service over rival, memory", f"{ours / its:.2f}", None, f"<= {MEMORY:g}", share),
    )
    note = (
        f"The same photographs and items, {WORKERS} workers. The rival: Flask under gunicorn's plain "
        "workers, the whole photograph decoded and scaled by scikit-image to 128 x 128, Sobel edges, the "
        "same network by Keras's `model.predict`, FAISS flat. It looks for no garment and checks nothing. "
        "Memory is of all processes after the load, what they share counted once."
    )
    return Table("rival", "A rival built in the usual way", ("figure", *SIZES, "goal", ""), rows, note)


@contextmanager
def _servers(
    folder: Path, vectors: np.ndarray, encoder: Encoder, workers: int
) -> Iterator[tuple[Server, Server, str]]:
    """Run service and rival on the same vectors; yield both, and the kind of the service's index."""
    kind = publish_items(folder / "indexes", vectors, encoder, kind=AUTO)
    write_plain(folder, vectors)
    ours, its = free_port(), free_port()
    serve = ["-m", "service", "serve", "--port", str(ours), "--workers", str(workers)]
    serve += ["--indexes", str(folder / "indexes")]
    usual = ["-m", "gunicorn", "--bind", f"127.0.0.1:{its}", "--workers", str(WORKERS), "--timeout", "600"]
    settings = {"SILHOUETTE_QUERY_FOLDER": str(folder / "queries"), RIVAL_FOLDER: str(folder)}
    with (
        running(serve, port=ours, settings=settings, log=folder / "service.log") as service,
        running(
            [*usual, "benchmarks.rival:create_app()"], port=its, settings=settings, log=folder / "rival.log"
        ) as rival,
    ):
        yield service, rival, kind


def _vectors(plan: Plan, encoder: Encoder, cache: Path) -> np.ndarray:
    """Return vectors that lie as those of drawn garments do, without the garments that are sent."""
    known = embeddings(f"drawn:{plan.like}", encoder, cache=cache)[max(plan.photographs) :]
    return Likeness(known).draw(plan.items, seed=0)


def _measure(plan: Plan, catalogue: str, cache: Path, workers: int) -> list[Table]:
    encoder = Encoder.load(PRETRAINED)
    vectors = _vectors(plan, encoder, cache)
    source = read_catalogue(catalogue, cache=cache)
    clients = ProcessPoolExecutor(1, mp_context=get_context("spawn"))
    with tempfile.TemporaryDirectory() as folder, clients:
        click.echo(f"Publishing {plan.items:,} items, starting both servers", err=True)
        with _servers(Path(folder), vectors, encoder, workers) as (service, rival, kind):
            indexes = Path(folder) / "indexes"
            index = open_version(indexes / current_version(indexes)).vectors
            turns = Turns(plan, encoder, index, service=service, rival=rival, clients=clients)
            results = {}
            for (name, size), count in zip(SIZES.items(), plan.photographs, strict=True):
                click.echo(f"{count} photographs of {name}, {plan.rounds} rounds", err=True)
                results[name] = turns.measure(photographs(source, size, count=count))
            memory = service.memory(), rival.memory()
    return [_parts(results), _service(results, kind, plan.items, workers), _rival(results, memory=memory)]


@click.command(epilog="Example: python -m benchmarks.serving --catalogue 'photographs/items.csv'")
@click.option("--catalogue", default="drawn:12", show_default=True, help="Whose pictures are sent, enlarged.")
@cache_option
@click.option("--workers", default=WORKERS, show_default=True, help="Of the service.")
@click.option("--quick", is_flag=True, help="Few items and requests, to see that everything runs.")
def main(catalogue: str, cache: Path, workers: int, quick: bool) -> None:
    """Measure one query over HTTP: its CPU time beside its parts', throughput, waits, and a usual rival.

    Takes about four minutes; the machine should do nothing else.
    """
    faiss.omp_set_num_threads(1)
    tables = _measure(QUICK if quick else FULL, catalogue, cache, workers)
    click.echo(
        f"JPEGs of quality 90 sent as forms, {os.cpu_count()} cores ({platform.machine()}), "
        f"Python {platform.python_version()}, FAISS {faiss.__version__}\n"
    )
    click.echo(as_markdown(tables).replace("## ", "### "))


if __name__ == "__main__":
    main()
