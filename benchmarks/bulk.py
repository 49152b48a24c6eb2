"""Changes in bulk over HTTP: how many a second of each kind, and how long searches wait meanwhile."""

import base64
import json
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPConnection
from itertools import count, islice
from pathlib import Path
from statistics import fmean, median

import click
from joblib import cpu_count

from benchmarks.load import without_pause
from benchmarks.processes import busy_seconds
from benchmarks.servers import Server, free_port, running
from benchmarks.stock import photographs, publish_items, unit_vectors
from index.embedding.embedder import ItemPhoto, embed_photo
from index.filters.parse import parse_filter
from index.pages import SearchOptions
from index.stores.folder.searcher import Searcher
from index.vectors.kinds import AUTO
from service.http.keys import add_key
from training.catalogue.reader import read_catalogue
from training.evaluation.score_table import Cell, Table, as_markdown
from training.options import cache_option
from training.photo.encoder import PRETRAINED, Encoder

WORKERS = 2
LINES, PUTS = 1000, 64
"""Lines of a request: of patches and deletions, and of items with photographs."""

RATE, SHARE, TAIL = 5000.0, 0.8, 2.0
Change = dict[str, dict[str, object]]

COLUMNS = (
    "changes",
    "a second, alone",
    "a second, beside searches",
    "goal",
    "cores left beside searches",
    "CPU ms of the service a change",
    "search p95 without, ms",
    "with, ms",
    f"ratio, goal <= {TAIL:g}",
)


def _patches(items: int) -> Iterator[Change]:
    """Yield a new price for each item in turn, without end."""
    for number in count():
        fields = {"price": 5 + number % 170, "sale": number % 3 == 0}
        yield {"patch": {"item_id": f"sku-{number % items:07d}", "metadata": fields}}


def _deletions(items: int) -> Iterator[Change]:
    """Yield the deletion of each item, from the last one on."""
    for number in reversed(range(items)):
        yield {"delete": {"item_id": f"sku-{number:07d}"}}


def _puts(pictures: Sequence[bytes]) -> Iterator[Change]:
    """Yield new items, without end; each file is another one by what stands behind its end."""
    for number in count():
        image = base64.b64encode(pictures[number % len(pictures)] + number.to_bytes(8)).decode()
        yield {"put": {"item_id": f"new-{number}", "image_base64": image, "metadata": {"price": number}}}


@dataclass(frozen=True)
class Sender:
    """Sends changes to a service, requests of so many lines, one after the other."""

    port: int
    key: str
    changes: Iterator[Change]
    lines: int

    def send(self, seconds: float) -> tuple[int, float]:
        """Send for some seconds; return how many changes were made, and how many a second.

        Raises
        ------
        click.ClickException
            One was refused.
        """
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/x-ndjson"}
        made, start = 0, time.perf_counter()
        with closing(HTTPConnection("127.0.0.1", self.port, timeout=600)) as connection:
            while time.perf_counter() < start + seconds and (part := [*islice(self.changes, self.lines)]):
                connection.request("POST", "/v1/items/bulk", "\n".join(map(json.dumps, part)), headers)
                answer = connection.getresponse().read().decode()
                if answer.count('"change"') != len(part):
                    raise click.ClickException(f"Not all changes were made: {answer[:300]}")
                made += len(part)
        return made, made / (time.perf_counter() - start)


@dataclass(frozen=True)
class Beside:
    """Changes beside searches: how many a second, and the cores that all else left them."""

    rate: float
    cores: float


def _row(
    name: str, server: Server, sender: Sender, picture: bytes, goal: float, seconds: float
) -> tuple[tuple[Cell, ...], Beside]:
    """Measure changes alone, searches alone, and both at once."""
    before = server.cpu_seconds()
    made, alone = sender.send(seconds / 2)
    cpu = (server.cpu_seconds() - before) / made
    before = server.cpu_seconds()
    quiet = without_pause(sender.port, [picture], connections=1, seconds=seconds / 2)
    search = (server.cpu_seconds() - before) / len(quiet.waits)
    others = busy_seconds() - server.cpu_seconds()
    with ThreadPoolExecutor(1) as threads:
        beside = threads.submit(sender.send, seconds)
        busy = without_pause(sender.port, [picture], connections=1, seconds=seconds)
        others = busy_seconds() - server.cpu_seconds() - others
        _, rate = beside.result()
    cores = cpu_count() - (others + search * len(busy.waits)) / busy.seconds
    figures = (f"{alone:.0f}", f"{rate:.0f}", f">= {goal:.0f}", f"{cores:.2f}", f"{cpu * 1000:.3g}")
    waits = quiet.wait_ms(95), busy.wait_ms(95)
    return (name, *figures, *(f"{ms:.0f}" for ms in waits), f"{waits[1] / waits[0]:.1f}"), Beside(rate, cores)


def _pipeline(folder: Path, pictures: Sequence[bytes], encoder: Encoder) -> tuple[float, float]:
    """Return photographs a second of the pipeline alone on all cores, and its CPU ms for one: means.

    Some photographs are looked at closer, and cost more than the median.
    """
    took, cpu = [], []
    for number, picture in enumerate([pictures[0], *pictures]):
        path = folder / f"{number}.jpg"
        path.write_bytes(picture)
        start, had = time.perf_counter(), time.process_time()
        embed_photo(ItemPhoto(path), encoder)
        took.append(time.perf_counter() - start)
        cpu.append(time.process_time() - had)
    return cpu_count() / fmean(took[1:]), fmean(cpu[1:]) * 1000


def _filtered(indexes: Path, encoder: Encoder) -> tuple[float, float, int]:
    """Return the ms of opening the index and of a filtered search, and how many items are changed."""
    start = time.perf_counter()
    searcher = Searcher.open(indexes, encoder=encoder)
    opened, took = time.perf_counter() - start, []
    where = parse_filter({"price": {"gte": 40, "lt": 60}, "in_stock": True})
    for vector in unit_vectors(20, encoder.dimension):
        start = time.perf_counter()
        searcher.search(vector[None], SearchOptions(limit=20, where=where))
        took.append(time.perf_counter() - start)
    return opened * 1000, median(took) * 1000, searcher.pending


def _measure(items: int, seconds: float, catalogue: str, cache: Path) -> Table:
    encoder = Encoder.load(PRETRAINED)
    pictures = photographs(read_catalogue(catalogue, cache=cache), (400, 533), count=12)
    rows: list[tuple[Cell, ...]] = []
    filtered: list[str] = []
    with tempfile.TemporaryDirectory() as name:
        folder, port = Path(name), free_port()
        indexes, keys = folder / "indexes", folder / "keys.json"
        publish_items(indexes, unit_vectors(items, encoder.dimension), encoder, kind=AUTO)

        def look() -> None:
            opened, took, pending = _filtered(indexes, encoder)
            filtered.append(f"{pending:,} changed: opened in {opened:.0f} ms, {took:.1f} ms")

        look()
        key = add_key(keys, "benchmark")
        serve = ["-m", "service", "serve", "--port", str(port), "--workers", str(WORKERS)]
        settings = {"SILHOUETTE_QUERY_FOLDER": str(folder / "queries"), "SILHOUETTE_KEYS": str(keys)}
        with running(
            [*serve, "--indexes", str(indexes)], port=port, settings=settings, log=folder / "log"
        ) as server:
            for kind, changes in (("patches", _patches(items)), ("deletions", _deletions(items))):
                sender = Sender(port, key, changes, LINES)
                rows.append(_row(kind, server, sender, pictures[0], RATE, seconds)[0])
                look()
            pipeline, cpu = _pipeline(folder, pictures, encoder)
            sender = Sender(port, key, _puts(pictures), PUTS)
            row, beside = _row("puts", server, sender, pictures[0], SHARE * pipeline, seconds)
            rows.append(row)
            look()
    fair = 1000 * beside.cores / cpu
    note = (
        f"{items:,} items, {WORKERS} workers, {cpu_count()} cores; {LINES:,} lines a request, {PUTS} of puts "
        "with a photograph of 400 x 533. One client changes, one searches by one photograph without pause, "
        "for photographs differ more than changes delay a search. The goal of puts is "
        f"{SHARE:.0%} of what the pipeline alone embeds on all cores, at {cpu:.1f} ms of CPU "
        "each. Cores left are what searches, clients and other programs do not take; there the pipeline "
        f"alone would embed {fair:.0f} a second, the fair share of puts, which made {beside.rate / fair:.0%} "
        f"of it. A search with a filter on price and stock, in one process: {'; '.join(filtered)}."
    )
    return Table("bulk", "Changes in bulk", COLUMNS, tuple(rows), note)


@click.command(epilog="Example: python -m benchmarks.bulk --items 100000")
@click.option("--items", default=100_000, show_default=True, help="Items of the index.")
@click.option(
    "--seconds", default=20.0, show_default=True, help="How long each kind is sent beside searches."
)
@click.option("--catalogue", default="drawn:12", show_default=True, help="Whose pictures are sent.")
@cache_option
@click.option("--quick", is_flag=True, help="Few items and seconds, to see that everything runs.")
def main(items: int, seconds: float, catalogue: str, cache: Path, quick: bool) -> None:
    """Measure patches, deletions and puts in bulk beside searches."""
    click.echo(as_markdown([_measure(2000 if quick else items, 2.0 if quick else seconds, catalogue, cache)]))


if __name__ == "__main__":
    main()
