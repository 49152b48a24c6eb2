"""Changes in bulk over HTTP: how many a second of each kind, and how long searches wait meanwhile."""

import base64
import json
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.client import HTTPConnection
from itertools import count, islice
from pathlib import Path
from statistics import median

import click
from joblib import cpu_count

from benchmarks.load import Load, without_pause
from benchmarks.servers import free_port, running
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

RATE, SHARE, TAIL = 5000, 0.8, 2.0
Change = dict[str, dict[str, object]]


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
        file = pictures[number % len(pictures)] + number.to_bytes(8)
        image = base64.b64encode(file).decode()
        yield {"put": {"item_id": f"new-{number}", "image_base64": image, "metadata": {"price": number}}}


def _send(port: int, key: str, changes: Iterator[Change], lines: int, until: float) -> tuple[int, float]:
    """Send requests of so many lines until a moment; return the lines that were made, and the seconds it took."""
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/x-ndjson"}
    made, start = 0, time.perf_counter()
    with closing(HTTPConnection("127.0.0.1", port, timeout=600)) as connection:
        while time.perf_counter() < until and (part := list(islice(changes, lines))):
            body = "\n".join(map(json.dumps, part)).encode()
            connection.request("POST", "/v1/items/bulk", body, headers)
            answer = connection.getresponse().read().decode()
            if answer.count('"change"') != len(part):
                raise click.ClickException(f"Not all changes were made: {answer[:300]}")
            made += len(part)
    return made, time.perf_counter() - start


def _beside(
    port: int, pictures: Sequence[bytes], seconds: float, send: Callable[[float], tuple[int, float]]
) -> tuple[float, Load]:
    """Send changes and searches for some seconds; return changes a second, and what the searches saw."""
    with ThreadPoolExecutor(1) as threads:
        sent = threads.submit(send, time.perf_counter() + seconds)
        load = without_pause(port, pictures, connections=1, seconds=seconds)
        made, took = sent.result()
    return made / took, load


def _alone(folder: Path, pictures: Sequence[bytes], encoder: Encoder) -> float:
    """Return how many photographs a second the pipeline alone embeds on all cores."""
    paths = [folder / f"{number}.jpg" for number in range(len(pictures))]
    for path, picture in zip(paths, pictures, strict=True):
        path.write_bytes(picture)
    took = []
    for path in paths:
        start = time.perf_counter()
        embed_photo(ItemPhoto(path), encoder)
        took.append(time.perf_counter() - start)
    return cpu_count() / median(took)


def _filtered(indexes: Path, encoder: Encoder) -> tuple[float, float, int]:
    """Return the milliseconds of opening the index and of a filtered search, and how many items are changed."""
    start = time.perf_counter()
    searcher = Searcher.open(indexes, encoder=encoder)
    opened, took = time.perf_counter() - start, []
    where = parse_filter({"price": {"gte": 40, "lt": 60}, "in_stock": True})
    for vector in unit_vectors(20, encoder.dimension):
        start = time.perf_counter()
        searcher.search(vector[None], SearchOptions(limit=20, where=where))
        took.append(time.perf_counter() - start)
    return opened * 1000, median(took) * 1000, searcher.pending


def _measure(items: int, seconds: float, catalogue: str, cache: Path) -> list[Table]:
    encoder = Encoder.load(PRETRAINED)
    pictures = photographs(read_catalogue(catalogue, cache=cache), (400, 533), count=12)
    rows: list[tuple[Cell, ...]] = []
    with tempfile.TemporaryDirectory() as name:
        folder, port = Path(name), free_port()
        indexes = folder / "indexes"
        publish_items(indexes, unit_vectors(items, encoder.dimension), encoder, kind=AUTO)
        _, before, _ = _filtered(indexes, encoder)
        key = add_key(folder / "keys.json", "benchmark")
        serve = ["-m", "service", "serve", "--port", str(port), "--workers", str(WORKERS)]
        settings = {
            "SILHOUETTE_QUERY_FOLDER": str(folder / "queries"),
            "SILHOUETTE_KEYS": str(folder / "keys.json"),
        }
        kinds = [
            ("patches", _patches(items), LINES, RATE),
            ("deletions", _deletions(items), LINES, RATE),
            ("puts", _puts(pictures), PUTS, 0),
        ]
        with running([*serve, "--indexes", str(indexes)], port=port, settings=settings, log=folder / "log"):
            for kind, changes, lines, goal in kinds:
                least = goal or SHARE * _alone(folder, pictures, encoder)
                quiet = without_pause(port, pictures, connections=1, seconds=seconds / 2)
                unloaded, _ = _send(port, key, changes, lines, time.perf_counter() + seconds / 4), None
                rate, load = _beside(
                    port, pictures, seconds, lambda until: _send(port, key, changes, lines, until)
                )
                tail = load.wait_ms(95) / quiet.wait_ms(95)
                alone = unloaded[0] / unloaded[1]
                rows.append(
                    (
                        kind,
                        f"{alone:.0f}",
                        f"{rate:.0f}",
                        f"{least:.0f}",
                        f"{quiet.wait_ms(95):.0f}",
                        f"{load.wait_ms(95):.0f}",
                        f"{tail:.1f}",
                    )
                )
        opened, after, pending = _filtered(indexes, encoder)
    columns = (
        "changes",
        "a second, alone",
        "a second, while searches go on",
        "goal",
        "search p95 without, ms",
        "with, ms",
        f"ratio (goal <= {TAIL:g})",
    )
    note = (
        f"{items:,} items, {WORKERS} workers, {LINES:,} lines a request ({PUTS} of items with photographs of 400 x 533), one client that changes and one "
        f"that searches by photographs without a pause. The goal of puts is {SHARE:.0%} of what the pipeline alone embeds on {cpu_count()} cores. "
        f"With {pending:,} items changed, opening the index takes {opened:.0f} ms and a filtered search {after:.1f} ms ({before:.1f} ms before)."
    )
    return [Table("changes", "Changes in bulk", columns, tuple(rows), note)]


@click.command(epilog="Example: python -m benchmarks.bulk --items 100000")
@click.option("--items", default=100_000, show_default=True, help="Items of the index.")
@click.option("--seconds", default=20.0, show_default=True, help="How long each kind of change is sent.")
@click.option("--catalogue", default="drawn:12", show_default=True, help="Whose pictures are sent.")
@cache_option
@click.option("--quick", is_flag=True, help="Few items and seconds, to see that everything runs.")
def main(items: int, seconds: float, catalogue: str, cache: Path, quick: bool) -> None:
    """Measure patches, deletions and puts in bulk beside searches."""
    click.echo(as_markdown(_measure(2000 if quick else items, 2.0 if quick else seconds, catalogue, cache)))


if __name__ == "__main__":
    main()
