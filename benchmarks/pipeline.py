"""What a search costs: milliseconds per photograph of each stage, on drawn garments, in one process.

Run it with `make bench` or `python -m benchmarks.pipeline [--photos 100] [--encoder FOLDER]`. The garments
are drawn once, below the cache, and enlarged to JPEGs of 1200 x 1500 pixels; the index is flat and holds
`--items` random vectors.
"""

import os
import platform
import tempfile
from collections import defaultdict
from pathlib import Path
from statistics import median, quantiles
from time import perf_counter

import click
import numpy as np
from PIL import Image

from index.kinds.choice import kind_named
from training.catalogue import read_catalogue
from training.encoder import PRETRAINED, Encoder
from training.garment import WORKING_SIZE, isolate
from training.images import decode

SIZE = (1200, 1500)
WARM_UP = 3


def _save_photographs(folder: Path, count: int, cache: Path) -> list[bytes]:
    photographs = []
    for item in read_catalogue(f"drawn:{count}", cache=cache).items:
        path = folder / f"{item.item_id}.jpg"
        Image.open(item.path).convert("RGB").resize(SIZE, Image.Resampling.BICUBIC).save(path, quality=90)
        photographs.append(path.read_bytes())
    return photographs


def _unit_vectors(count: int, dimension: int) -> np.ndarray:
    vectors = np.random.default_rng(0).standard_normal((count, dimension)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def _measure(photographs: list[bytes], encoder: Encoder, items: int) -> dict[str, list[float]]:
    index = kind_named("flat").build(_unit_vectors(items, encoder.dimension))
    took: dict[str, list[float]] = defaultdict(list)
    for data in photographs:
        times = [perf_counter()]
        photo = decode(data, size=WORKING_SIZE)
        times.append(perf_counter())
        garment = isolate(photo)
        times.append(perf_counter())
        vector = encoder.embed_garments([garment])
        times.append(perf_counter())
        index.search(vector, 20)
        times.append(perf_counter())
        for stage, start, end in zip(
            ("decode", "isolate", "embed", "search"), times, times[1:], strict=False
        ):
            took[stage].append((end - start) * 1000)
        took["all"].append((times[-1] - times[0]) * 1000)
    return {stage: values[WARM_UP:] for stage, values in took.items()}


def _table(took: dict[str, list[float]]) -> str:
    rows = ["| stage | median ms | 95th percentile ms |", "|---|---:|---:|"]
    for stage, values in took.items():
        rows.append(f"| {stage} | {median(values):.2f} | {quantiles(values, n=20)[-1]:.2f} |")
    return "\n".join(rows)


@click.command()
@click.option("--photos", type=click.IntRange(min=10), default=100, show_default=True, help="Photographs.")
@click.option(
    "--items", type=click.IntRange(min=20), default=4000, show_default=True, help="Vectors searched."
)
@click.option("--encoder", type=click.Path(path_type=Path), default=PRETRAINED, help="Encoder bundle.")
@click.option("--cache", type=click.Path(path_type=Path), default=Path("cache"), envvar="SILHOUETTE_CACHE")
def main(photos: int, items: int, encoder: Path, cache: Path) -> None:
    """Print one Markdown table."""
    with tempfile.TemporaryDirectory() as folder:
        photographs = _save_photographs(Path(folder), photos + WARM_UP, cache)
        took = _measure(photographs, Encoder.load(encoder), items)
    click.echo(
        f"{photos} drawn photographs of {SIZE[0]} x {SIZE[1]} as JPEG, {items:,} items in a flat index; "
        f"one process, {os.cpu_count()} cores ({platform.machine()}), Python {platform.python_version()}\n"
    )
    click.echo(_table(took))


if __name__ == "__main__":
    main()
