"""What it costs to embed a catalogue: the parts of the work, processes and Ray beside one core, the memory.

Run it with `python -m benchmarks.indexing [--quick] [--images 4000] [--catalogue drawn:24]`. JPEGs are made
of the catalogue's pictures, and many files of few (`benchmarks.copies`), about 1 GB in a temporary folder.
Rates are the clock's, so nothing else should run. 2 cores take a quarter of an hour.
"""

import platform
import tempfile
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import click
from joblib import cpu_count

from benchmarks.copies import write_copies
from benchmarks.embedding_memory import memory_table
from benchmarks.embedding_parts import SIZES, parts_table
from benchmarks.embedding_rates import rates_table
from benchmarks.stock import photographs
from index.embedding.embedders import FEW
from training.catalogue.reader import read_catalogue
from training.evaluation.score_table import as_markdown
from training.options import cache_option
from training.photo.encoder import PRETRAINED, Encoder

PICTURES = 24
COUNTS = (10_000, 100_000)
LIBRARIES = ("ai-edge-litert", "numpy", "pillow", "scipy", "joblib", "ray")


def _machine() -> str:
    versions = ", ".join(f"{name} {version(name)}" for name in LIBRARIES if name != "ray" or find_spec("ray"))
    return (
        f"Embedding measured on {cpu_count()} cores ({platform.machine()}), Python "
        f"{platform.python_version()}, {versions}."
    )


@click.command(epilog="Example: python -m benchmarks.indexing --images 8000")
@click.option(
    "--images", type=click.IntRange(min=1), default=4000, show_default=True, help="Photographs of a run."
)
@click.option(
    "--catalogue",
    default=f"drawn:{PICTURES}",
    show_default=True,
    help=f"Whose first {PICTURES} pictures are taken.",
)
@cache_option
@click.option("--quick", is_flag=True, help="Only see that all of it runs.")
def main(images: int, catalogue: str, cache: Path, quick: bool) -> None:
    """Print the tables as Markdown."""
    pictures, counts = (PICTURES, COUNTS) if not quick else (4, (FEW + 1, FEW + 20))
    encoder, listed = Encoder.load(PRETRAINED), read_catalogue(catalogue, cache=cache)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        count = min(images, FEW + 20) if quick else images
        write_copies(folder / "rates", photographs(listed, SIZES["400 x 533"], count=pictures), count)
        tables = [
            parts_table(folder / "parts", listed, encoder, pictures=pictures),
            rates_table(folder / "rates", encoder, count=count),
            memory_table(folder / "memory", listed, pictures=pictures, counts=counts),
        ]
    click.echo(f"{_machine()}\n\n{as_markdown(tables).replace('## ', '### ')}")


if __name__ == "__main__":
    main(prog_name="python -m benchmarks.indexing")
