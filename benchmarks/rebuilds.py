"""A build of a catalogue of which little has changed, beside one from nothing, by the command line.

Run it with `python -m benchmarks.rebuilds [--photographs 10000]`. Files settle for some seconds before each
build, so that one is believed to be as it was.
"""

import json
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage

import click

from benchmarks.copies import copy_paths, write_copies
from benchmarks.embedding_parts import SIZES
from benchmarks.stock import photographs
from index.embedding.seen_files import RESOLUTION_NS
from training.catalogue.reader import read_catalogue
from training.evaluation.score_table import Cell, Table, as_markdown
from training.options import cache_option

PICTURES = 12
GOAL, START_GOAL = 30, 0.5
CHANGED = 100
"""Of so many photographs, one is changed."""


@dataclass(frozen=True)
class _Run:
    """Seconds of a build, by the clock and of CPU of all its processes, and of each step by the clock."""

    clock: float
    cpu: float
    steps: dict[str, float]


def _cpu() -> float:
    used = getrusage(RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _run(*arguments: str) -> tuple[float, float, str]:
    clock, cpu = time.perf_counter(), _cpu()
    done = subprocess.run([sys.executable, "-m", "index", *arguments], stdout=subprocess.PIPE, check=True)
    return time.perf_counter() - clock, _cpu() - cpu, done.stdout.decode()


def _build(folder: Path, *more: str) -> _Run:
    time.sleep(1.5 * RESOLUTION_NS / 1e9)
    places = ["--catalogue", folder / "photographs", "--out", folder / "indexes", "--cache", folder / "cache"]
    clock, cpu, printed = _run("build", *map(str, places), "--json", *more)
    return _Run(clock, cpu, json.loads(printed)["seconds"])


def _change(folder: Path, count: int) -> None:
    """Give every hundredth photograph another content, its size kept."""
    for path in copy_paths(folder, count)[::CHANGED]:
        data = path.read_bytes()
        path.write_bytes(data[:-1] + bytes([data[-1] ^ 0x80]))


def _row(name: str, run: _Run, whole: _Run) -> tuple[Cell, ...]:
    ratios = whole.clock / run.clock, whole.cpu / run.cpu
    reached = "reached" if min(ratios) >= GOAL else "missed"
    return (
        *(name, f"{run.clock:.1f}", f"{run.cpu:.1f}", f"{ratios[0]:.1f}", f"{ratios[1]:.1f}"),
        *(f">= {GOAL}: {reached}" if name.startswith("1 %") else None, json.dumps(run.steps)),
    )


def _measure(count: int, catalogue: str, cache: Path) -> Table:
    listed = read_catalogue(catalogue, cache=cache)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_copies(folder / "photographs", photographs(listed, SIZES["400 x 533"], count=PICTURES), count)
        whole = _build(folder)
        runs = {"from nothing": whole, "nothing changed": _build(folder)}
        _change(folder / "photographs", count)
        runs["1 % changed"] = _build(folder)
        runs["nothing changed, --rehash"] = _build(folder, "--rehash")
    start = _run("--help")[1]
    columns = (
        "build",
        "clock s",
        "CPU s",
        "times as fast, clock",
        "times as fast, CPU",
        "goal",
        "steps, clock s",
    )
    rows = tuple(_row(name, run, whole) for name, run in runs.items())
    note = (
        f"{count:,} JPEGs of 400 x 533. Loading all modules takes {start:.2f} s of "
        f"CPU; goal < {START_GOAL} s: {'reached' if start < START_GOAL else 'missed'}."
    )
    return Table("rebuilds", "Builds of a catalogue that is known", columns, rows, note)


@click.command(epilog="Example: python -m benchmarks.rebuilds --photographs 20000")
@click.option("--photographs", "count", type=click.IntRange(min=100), default=10_000, show_default=True)
@click.option(
    "--catalogue", default=f"drawn:{PICTURES}", show_default=True, help="Whose pictures are copied."
)
@cache_option
@click.option("--quick", is_flag=True, help="Few photographs, to see that everything runs.")
def main(count: int, catalogue: str, cache: Path, quick: bool) -> None:
    """Print a Markdown table of builds from nothing, of a known catalogue, and with 1 % changed."""
    click.echo(as_markdown([_measure(200 if quick else count, catalogue, cache)]))


if __name__ == "__main__":
    main(prog_name="python -m benchmarks.rebuilds")
