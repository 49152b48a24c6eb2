"""What a build of photographs by address takes, the first time and with nothing changed.

Run it with `python -m benchmarks.addresses [--quick] [--count 1000] [--delay-ms 100]`. The photographs come
from a server on this machine, which answers each request after the delay; both builds are whole commands by
the clock, so nothing else should run.
"""

import asyncio
import hashlib
import json
import multiprocessing
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import click

from benchmarks.stock import photographs
from training.catalogue.reader import read_catalogue
from training.evaluation.score_table import Table, as_markdown
from training.options import cache_option

PICTURES = 24
GOALS = {"the first build": 15.0, "nothing changed": 3.0}
_END = b"\r\n\r\n"


class _Server:
    """Answers `/N.jpg` with a picture of its own after a delay, or with 304 to who has it; counts both."""

    def __init__(self, pictures: Sequence[bytes], delay: float) -> None:
        self._pictures = pictures
        self._delay = delay
        self.asked = self.sent = 0

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve a connection until it is closed."""
        try:
            while head := await reader.readuntil(_END):
                await asyncio.sleep(self._delay)
                writer.write(self._answer(head))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    def _answer(self, head: bytes) -> bytes:
        self.asked += 1
        number = int(head.split(b" ", 2)[1].strip(b"/").removesuffix(b".jpg"))
        body = self._pictures[number % len(self._pictures)] + number.to_bytes(4, "little")
        etag = f'"{hashlib.md5(body).hexdigest()}"'.encode()
        if etag in head:
            return b"HTTP/1.1 304 Not Modified\r\nETag: " + etag + _END
        self.sent += 1
        length = str(len(body)).encode()
        return b"HTTP/1.1 200 OK\r\nETag: " + etag + b"\r\nContent-Length: " + length + _END + body


def _serve(pictures: Sequence[bytes], delay: float, pipe: Connection) -> None:
    """Serve until the other end asks for the counts with None; they start again after each question."""
    served = _Server(pictures, delay)

    async def run() -> None:
        server = await asyncio.start_server(served.answer, "127.0.0.1", 0, backlog=512)
        pipe.send(server.sockets[0].getsockname()[1])
        while await asyncio.to_thread(pipe.recv):
            pipe.send((served.asked, served.sent))
            served.asked = served.sent = 0

    asyncio.run(run())


def _cpu() -> float:
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


def _build(folder: Path, catalogue: Path) -> tuple[float, float, dict[str, Any]]:
    """Run a build; return the seconds that the command takes, its CPU time, and what it prints."""
    places = ["--out", str(folder / "indexes"), "--cache", str(folder / "cache")]
    options = ["--allow-host", "127.0.0.1", "--catalogue", str(catalogue), "--json"]
    begun, had = time.perf_counter(), _cpu()
    command = [sys.executable, "-m", "index", "build", *places, *options]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    return time.perf_counter() - begun, _cpu() - had, json.loads(done.stdout)


def _rows(folder: Path, port: int, count: int, pipe: Connection) -> list[tuple[str, ...]]:
    catalogue = folder / "shop.jsonl"
    lines = [{"item_id": f"{n}", "path": f"http://127.0.0.1:{port}/{n}.jpg"} for n in range(count)]
    catalogue.write_text("\n".join(map(json.dumps, lines)))
    rows = []
    for name, goal in GOALS.items():
        seconds, spent, built = _build(folder, catalogue)
        pipe.send(True)
        asked, sent = pipe.recv()
        steps = built["seconds"]
        own = (f"{steps['catalogue']:.2f}", f"{steps['embed']:.2f}")
        reached = "reached" if seconds <= goal else "missed"
        rows.append(
            (name, f"{seconds:.1f}", f"{spent:.1f}", *own, f"{asked}", f"{sent}", f"<= {goal:g} s", reached)
        )
    return rows


@click.command(epilog="Example: python -m benchmarks.addresses --delay-ms 300")
@click.option("--count", type=click.IntRange(min=1), default=1000, show_default=True, help="Photographs.")
@click.option(
    "--delay-ms", type=click.IntRange(min=0), default=100, show_default=True, help="Before each answer."
)
@cache_option
@click.option("--quick", is_flag=True, help="Only see that all of it runs.")
def main(count: int, delay_ms: int, cache: Path, quick: bool) -> None:
    """Print the table as Markdown."""
    pictures = photographs(read_catalogue(f"drawn:{PICTURES}", cache=cache), (400, 533), count=PICTURES)
    ours, theirs = multiprocessing.Pipe()
    server = multiprocessing.Process(target=_serve, args=(pictures, delay_ms / 1000, theirs), daemon=True)
    server.start()
    try:
        with tempfile.TemporaryDirectory() as folder:
            rows = _rows(Path(folder), ours.recv(), 20 if quick else count, ours)
    finally:
        server.kill()
    head = (
        "build",
        "seconds",
        "CPU seconds",
        "fetching",
        "embedding",
        "requests",
        "pictures sent",
        "goal",
        "",
    )
    note = f"{count:,} JPEGs of 400 x 533 from a server that answers in {delay_ms} ms; whole commands."
    table = Table("addresses", "Photographs by address", head, tuple(rows), note)
    click.echo(f"{os.cpu_count()} cores ({platform.machine()}), Python {platform.python_version()}\n")
    click.echo(as_markdown([table]).replace("## ", "### "))


if __name__ == "__main__":
    main(prog_name="python -m benchmarks.addresses")
