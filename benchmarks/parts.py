"""What a search by a part costs: the part's own map, and laying it on the maps of the first 1,000 items.

Run it with `OMP_NUM_THREADS=1 python -m benchmarks.parts [--quick]`, for so the service runs. The maps are
those of a few drawn garments, repeated in a file that is mapped into memory; each search reads other rows of
it. Times are the processor's.
"""

import tempfile
from pathlib import Path
from time import process_time_ns

import click
import numpy as np

from index.arrangement import LENGTH
from training.catalogue.drawn import draw
from training.evaluation.score_table import Table, as_markdown
from training.figures.part_sheet import FRAMES
from training.parts.part_maps import part_map
from training.parts.part_matching import Part
from training.photo.boxes import WHOLE
from training.photo.garment import isolate

GARMENTS, SEARCHES = 8, 40
GOAL_MS = 10.0
PARTS = {name: frame for name, (frame, _) in FRAMES.items()} | {"the whole": WHOLE}


def _ms(times: list[int]) -> float:
    return float(np.median(times)) / 1e6


@click.command(epilog="Example: python -m benchmarks.parts --size 100000")
@click.option("--size", type=click.IntRange(min=LENGTH), default=100_000, show_default=True, help="Maps.")
@click.option("--quick", is_flag=True, help="Few maps, to see that everything runs.")
def main(size: int, quick: bool) -> None:
    """Print a Markdown table of what each part costs."""
    size = 2 * LENGTH if quick else size
    rng = np.random.default_rng(0)
    garments = [isolate(draw(number, seed=1)[2]) for number in range(GARMENTS)]
    records = np.array([part_map(garment) for garment in garments])
    rows: list[tuple[str, ...]] = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "maps.npy"
        np.save(path, records[rng.integers(GARMENTS, size=size)])
        stored = np.asarray(np.load(path, mmap_mode="r"))
        for name, box in PARTS.items():
            marked, found = [], []
            for number in range(SEARCHES):
                head = rng.choice(size, LENGTH, replace=False)
                started = process_time_ns()
                part = Part(garments[number % GARMENTS], box)
                laid = process_time_ns()
                part.find(stored[head])
                found.append(process_time_ns() - laid)
                marked.append(laid - started)
            rows.append((name, f"{_ms(marked):.1f}", f"{_ms(found):.1f}", f"{_ms(marked) + _ms(found):.1f}"))
    columns = ("part", "its map, ms", "found in 1,000, ms", "together, ms")
    note = f"The goal: at most {GOAL_MS:g} ms. {size:,} maps in the file; medians of {SEARCHES} searches."
    click.echo(as_markdown([Table("parts", "Search by a part", columns, tuple(rows), note)]))


if __name__ == "__main__":
    main(prog_name="python -m benchmarks.parts")
