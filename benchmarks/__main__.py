"""All benchmarks, one after the other: `make bench`. Their tables become sections of docs/performance.md."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import click

PAGE = Path(__file__).parents[1] / "docs" / "performance.md"
NAMES = ("serving", "indexing", "search", "training")


def _measure(name: str, *, quick: bool) -> str:
    """Run one benchmark in a process of its own; return what it prints."""
    command = [sys.executable, "-m", f"benchmarks.{name}", *(["--quick"] if quick else [])]
    click.echo(f"\n== {' '.join(command[1:])}", err=True)
    try:
        return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
    except subprocess.CalledProcessError as error:
        raise click.ClickException(f"The benchmark '{name}' failed; its message stands above.") from error


def replaced(page: str, name: str, text: str) -> str:
    """Return a page with `text` between the two comments that mark the section of a benchmark.

    Raises
    ------
    click.ClickException
        The page has no such section.
    """
    opening, closing = f"<!-- {name} -->", f"<!-- end of {name} -->"
    before, found, rest = page.partition(opening)
    _, ended, after = rest.partition(closing)
    if not found or not ended:
        raise click.ClickException(f"{PAGE} has no section between '{opening}' and '{closing}'. Add them.")
    return f"{before}{opening}\n\n{text}\n\n{closing}{after}"


@click.command(epilog="Example: python -m benchmarks search serving")
@click.argument("names", nargs=-1, type=click.Choice(NAMES))
@click.option("--quick", is_flag=True, help="Only see that all of it runs, side by side; nothing is written.")
def main(names: tuple[str, ...], quick: bool) -> None:
    """Measure, all or NAMES only, print the tables and write them into docs/performance.md."""
    names = names or NAMES
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        texts = (pool.map if quick else map)(partial(_measure, quick=quick), names)
        for name, text in zip(names, texts, strict=True):
            click.echo(text)
            if not quick:
                PAGE.write_text(replaced(PAGE.read_text(encoding="utf-8"), name, text), encoding="utf-8")


if __name__ == "__main__":
    main(prog_name="python -m benchmarks")
