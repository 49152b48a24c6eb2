"""The pictures of docs/how_it_works.md, in this folder: a drawn garment on its way through the encoder.

Run it with `make figures`. Garments that were drawn before are taken from `cache/`.
"""

import io
from pathlib import Path

import click
from matplotlib.figure import Figure
from PIL import Image

from training.catalogue.drawn import draw_worn
from training.catalogue.reader import read_catalogue
from training.files import write_atomically
from training.fit.dataset import prepare
from training.fit.walk import walk
from training.options import cache_option
from training.photo.encoder import PRETRAINED
from training.photo.garment import WORKING_SIZE
from training.photo.images import shrink

HERE = Path(__file__).parent
SEED, GARMENT = 71, 15
"""A dress with a wide skirt, as someone wears it."""

GALLERY = "drawn:400"
COLOURS, RESOLUTIONS, LARGEST = 96, (110, 96, 84, 72), 60_000
"""Of the palette; dots an inch that are tried, and the bytes that a picture may have."""


def write(figure: Figure, path: Path) -> None:
    """Write a figure as a small PNG with a palette."""
    for dpi in RESOLUTIONS:
        drawn, small = io.BytesIO(), io.BytesIO()
        figure.savefig(drawn, format="png", dpi=dpi)
        picture = Image.open(drawn).convert("RGB")
        picture.quantize(COLOURS, dither=Image.Dither.NONE).save(small, "PNG", optimize=True)
        if len(small.getvalue()) < LARGEST:
            break
    write_atomically(path, small.getvalue())


@click.command()
@cache_option
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), default=HERE, help="Output folder.")
def main(cache: Path, out: Path) -> None:
    """Draw the pictures of docs/how_it_works.md."""
    gallery = prepare(read_catalogue(GALLERY, cache=cache), cache=cache)
    photo = shrink(draw_worn(GARMENT, seed=SEED)[2], size=WORKING_SIZE)
    for name, figure in walk(PRETRAINED, photo, gallery=gallery).items():
        write(figure, out / f"{name}.png")
        click.echo(out / f"{name}.png")


if __name__ == "__main__":
    main(prog_name="make figures")
