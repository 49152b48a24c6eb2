"""What searches and `/healthz` go through beside slow clients, and what the server costs without any.

Run it with `python -m benchmarks.slow_clients [--quick]`, on Linux. One worker is attacked by connections
that drip bodies or heads, or that ask for large pictures and never read them; searches arrive at random.
"""

import os
import platform
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from http.client import HTTPConnection
from pathlib import Path

import click
import numpy as np

from benchmarks.load import at_random, without_pause
from benchmarks.servers import Server, free_port, running
from benchmarks.stock import photographs, unit_vectors
from index.build import BuildOptions, BuildRun, publish_embedded
from index.embedding.embeddings import Embedded
from index.stores.folder.store import FolderStore
from training.catalogue.reader import Item, read_catalogue
from training.evaluation.score_table import Cell, Table, as_markdown
from training.options import cache_option
from training.photo.encoder import PRETRAINED, Encoder

ITEMS = 1000
PICTURE_BYTES = 24 * 2**20
RATE = 8.0
"""Searches a second."""

_DRIP = b"X-Drip: " + b"x" * 2000


def _publish(indexes: Path, encoder: Encoder, photo: bytes) -> None:
    """Publish items that share one large picture: a photograph with zeros behind it."""
    picture = indexes.parent / "picture.jpg"
    picture.write_bytes(photo.ljust(PICTURE_BYTES, b"\0"))
    items = tuple(Item(f"sku-{row}", picture, {}) for row in range(ITEMS))
    contents = np.zeros((ITEMS, 32), np.uint8)
    contents[:, :8] = np.arange(ITEMS)[:, None].view(np.uint8)
    pictures = np.random.default_rng(1).integers(0, 2**60, ITEMS, np.uint64)
    with FolderStore(indexes).building() as draft:
        embedded = Embedded(items, unit_vectors(ITEMS, encoder.dimension), (), pictures, contents)
        publish_embedded(
            BuildRun(draft, "made up", encoder.fingerprint), embedded, options=BuildOptions("flat")
        )


def _connect(port: int) -> socket.socket:
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.connect(("127.0.0.1", port))
    return connection


@contextmanager
def _slow(port: int, opening: bytes, drops: bytes, *, count: int) -> Iterator[None]:
    """Hold connections that send `opening`, then two bytes of `drops` a second, and return when cut."""
    stop = threading.Event()

    def drip(at: int) -> None:
        while not stop.is_set():
            with suppress(OSError), _connect(port) as connection:
                connection.sendall(opening)
                for start in range(0, len(drops) or 10**6, 2):
                    if stop.wait(1.0 + at / 1000):
                        return
                    connection.sendall(drops[start : start + 2])

    with ThreadPoolExecutor(count) as threads:
        for at in range(count):
            threads.submit(drip, at)
        time.sleep(1.0)
        try:
            yield
        finally:
            stop.set()


def _attacks(port: int) -> dict[str, Callable[[], object]]:
    search = b"POST /v1/search HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    bodies = search + b"Content-Length: 100000\r\n\r\n"
    picture = b"GET /v1/items/sku-1/image HTTP/1.1\r\nHost: x\r\n\r\n"
    return {
        "none": ExitStack,
        "50 slow bodies": partial(_slow, port, bodies, b"x" * 2000, count=50),
        "50 slow chunked bodies": partial(
            _slow, port, search + b"Transfer-Encoding: chunked\r\n\r\nFFFF\r\n", b"x" * 2000, count=50
        ),
        "100 slow heads": partial(_slow, port, b"GET / HTTP/1.1\r\n", _DRIP, count=100),
        "90 that never read": partial(_slow, port, picture, b"", count=90),
    }


def _health(port: int, until: float) -> list[float]:
    """Ask `/healthz` over a new connection ten times a second; return how long each took, in seconds."""
    waits = []
    while time.monotonic() < until:
        began = time.perf_counter()
        connection = HTTPConnection("127.0.0.1", port, timeout=60)
        with suppress(OSError):
            connection.request("GET", "/healthz")
            connection.getresponse().read()
        connection.close()
        waits.append(time.perf_counter() - began)
        time.sleep(0.1)
    return waits


def _beside(server: Server, photos: Sequence[bytes], seconds: float) -> tuple[Cell, ...]:
    with ThreadPoolExecutor(1) as threads:
        health = threads.submit(_health, server.port, time.monotonic() + seconds)
        load = at_random(server.port, photos, rate=RATE, seconds=seconds)
        waits = np.array(health.result()) * 1000
    p50, p99 = (f"{load.wait_ms(percent):.0f}" if load.waits else "-" for percent in (50, 99))
    shed = f"{load.refused} of {load.refused + len(load.waits)}"
    return shed, p50, p99, f"{np.median(waits):.0f}", f"{waits.max():.0f}"


def _costs(server: Server, photos: Sequence[bytes], seconds: float) -> Table:
    had = server.cpu_seconds()
    load = without_pause(server.port, photos, connections=8, seconds=seconds)
    spent = (server.cpu_seconds() - had) / (len(load.waits) + load.refused) * 1000
    row = (f"{spent:.1f}", f"{load.rate:.1f}", f"{server.memory():.0f}")
    return Table("costs", "Without attack", ("CPU of a search, ms", "searches/s", "memory, MB"), (row,), "")


@click.command(epilog="Example: python -m benchmarks.slow_clients --server my_server.py")
@click.option("--server", help="A script that serves on the port in PORT instead, to compare it.")
@cache_option
@click.option("--quick", is_flag=True, help="A second of each, to see that everything runs.")
def main(server: str | None, cache: Path, quick: bool) -> None:
    """Measure searches beside slow clients, and CPU time, throughput and memory without them."""
    encoder, seconds = Encoder.load(PRETRAINED), 1.0 if quick else 10.0
    photos = photographs(read_catalogue("drawn:12", cache=cache), (400, 533), count=12)
    with tempfile.TemporaryDirectory() as name:
        folder, port = Path(name), free_port()
        _publish(folder / "indexes", encoder, photos[0])
        settings = {
            "PORT": str(port),
            "SILHOUETTE_WORKERS": "1",
            "SILHOUETTE_INDEXES": str(folder / "indexes"),
            "SILHOUETTE_QUERY_FOLDER": str(folder / "queries"),
        }
        arguments = [server] if server else ["-m", "service", "serve"]
        with running(arguments, port=port, settings=settings, log=folder / "log") as served:
            without_pause(port, photos, connections=4, seconds=seconds / 5)
            costs = _costs(served, photos, seconds)
            rows = []
            for attack, begin in _attacks(port).items():
                with begin():
                    rows.append((attack, *_beside(served, photos, seconds)))
                click.echo(rows[-1], err=True)
    head = ("slow clients", "searches shed", "p50, ms", "p99, ms", "/healthz p50, ms", "most, ms")
    note = f"One worker; {RATE:g} searches a second at random, for {seconds:g} s. Who is cut connects again."
    click.echo(
        f"JPEGs of 400 x 533, {os.cpu_count()} cores ({platform.machine()}), "
        f"Python {platform.python_version()}\n"
    )
    tables = [costs, Table("beside", "Beside slow clients", head, tuple(rows), note)]
    click.echo(as_markdown(tables).replace("## ", "### "))


if __name__ == "__main__":
    main()
