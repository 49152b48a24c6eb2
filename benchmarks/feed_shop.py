"""A shop that has a feed: products of 1 to 5 photographs, a Merchant Center feed of them, and its own server.

Run `python -m benchmarks.feed_shop --products 300` and leave it running; it says which `make demo` reads
the feed. Its log shows each picture that is fetched: a second start asks for none.
"""

import shutil
import xml.etree.ElementTree as ET
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice
from pathlib import Path
from urllib.parse import quote

import click
import numpy as np
from PIL import Image

from training.catalogue.drawn import render, sample
from training.catalogue.reader import read_catalogue
from training.options import cache_option
from training.parallel import in_order

NAMESPACE = "http://base.google.com/ns/1.0"
MOST = 5
"""Photographs of a product."""

BRANDS = ("Fjäll", "Lindqvist", "Norrsken", "Tuva & Co")
MATERIALS = ("Cotton", "Linen", "Silk", "Wool")


@dataclass(frozen=True)
class Product:
    """A product: what it is, and its photographs below the folder that is served."""

    number: int
    category: str
    photographs: tuple[Path, ...]


def counts(products: int) -> list[int]:
    """Return how many photographs each product has: 1 to `MOST`, the same ones each time."""
    return np.random.default_rng(16).integers(1, MOST + 1, products).tolist()


def _draw(photograph: tuple[Path, int, int]) -> None:
    """Draw a product's garment as its photograph of that number: the same cut in other clothes."""
    path, product, number = photograph
    shape, looks = sample(product)
    if number:
        looks = sample(product + number * 1_000_003)[1]
    Image.fromarray(render(shape, looks)).save(path, quality=90)


def drawn_products(folder: Path, products: int) -> Iterator[Product]:
    """Draw products, unless their pictures exist, each cut 1 to `MOST` times."""
    todo, made = [], []
    for number, count in enumerate(counts(products)):
        paths = tuple(folder / "pictures" / f"{number:04d}-{each}.jpg" for each in range(count))
        todo += [(path, number, each) for each, path in enumerate(paths) if not path.exists()]
        made.append(Product(number, sample(number)[0].type, paths))
    for _ in in_order(_draw, todo, progress="Drawing photographs", unit="photo"):
        pass
    yield from made


def products_of(spec: str, folder: Path, products: int, *, cache: Path) -> Iterator[Product]:
    """Make products of a catalogue's photographs: some of one category are taken for one product."""
    of_category = defaultdict(list)
    for item in read_catalogue(spec, cache=cache).items:
        of_category[item.category or "garment"].append(item.path)
    sources = {category: iter(paths) for category, paths in of_category.items()}
    for number, count in enumerate(counts(products)):
        left = [*sources]
        category = left[number % len(left)]
        found = [*islice(sources[category], count)]
        paths = tuple(folder / "pictures" / f"{number:04d}-{each}{p.suffix}" for each, p in enumerate(found))
        for source, path in zip(found, paths, strict=True):
            shutil.copyfile(source, path)
        if paths:
            yield Product(number, category, paths)
        if len(found) < count:
            del sources[category]
        if not sources:
            return


def page_of(product: Product) -> str:
    """Return the place of a product's page below the address of the shop."""
    return f"products/{product.number:04d}.html"


def _write_page(product: Product, folder: Path) -> None:
    pictures = "".join(f'<img src="/pictures/{quote(path.name)}" alt="">' for path in product.photographs)
    path = folder / page_of(product)
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"<!doctype html><title>{product.category}</title>{pictures}", encoding="utf-8")


def _fields(product: Product, folder: Path, address: str) -> Iterator[tuple[str, str]]:
    rng = np.random.default_rng(product.number)
    price = int(rng.integers(15, 250))
    first, *further = [f"{address}/{quote(str(path.relative_to(folder)))}" for path in product.photographs]
    yield "id", f"SKU-{product.number:04d}"
    yield "title", f"{product.category.capitalize()} no. {product.number}"
    yield "link", f"{address}/{page_of(product)}"
    yield "image_link", first
    yield from (("additional_image_link", each) for each in further)
    yield "price", f"{price}.90 EUR"
    if rng.random() < 0.3:
        yield "sale_price", f"{price * 0.7:.2f} EUR"
    yield "availability", "in_stock" if rng.random() < 0.9 else "out_of_stock"
    yield "brand", BRANDS[rng.integers(len(BRANDS))]
    yield "material", MATERIALS[rng.integers(len(MATERIALS))]
    yield "product_type", f"Clothing > {product.category.capitalize()}"


def write_feed(products: Sequence[Product], folder: Path, address: str) -> Path:
    """Write the feed and the pages of products whose pictures are served from `folder` at an address."""
    ET.register_namespace("g", NAMESPACE)
    root = ET.Element("rss", version="2.0")
    channel = ET.SubElement(root, "channel")
    ET.SubElement(channel, "title").text = "A shop for trying feeds"
    ET.SubElement(channel, "link").text = address
    for product in products:
        _write_page(product, folder)
        item = ET.SubElement(channel, "item")
        for name, text in _fields(product, folder, address):
            ET.SubElement(item, f"{{{NAMESPACE}}}{name}").text = text
    ET.indent(root)
    path = folder / "feed.xml"
    ET.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)
    return path


def make_shop(folder: Path, address: str, *, products: int, catalogue: str | None, cache: Path) -> Path:
    """Make a shop's pictures and their feed in a folder; return the feed."""
    (folder / "pictures").mkdir(parents=True, exist_ok=True)
    made = (
        drawn_products(folder, products)
        if catalogue is None
        else products_of(catalogue, folder, products, cache=cache)
    )
    return write_feed([*made], folder, address)


class _Server(ThreadingHTTPServer):
    request_queue_size = 512


class _Files(SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # connections are kept
    disable_nagle_algorithm = True


def server_of(folder: Path, port: int) -> ThreadingHTTPServer:
    """Return a server of a folder's files on this machine alone, port 0 for any that is free."""
    return _Server(("127.0.0.1", port), partial(_Files, directory=str(folder)))


@click.command(epilog="Example: python -m benchmarks.feed_shop --products 300 --catalogue photographs")
@click.option("--products", type=click.IntRange(min=1), default=300, show_default=True)
@click.option("--catalogue", help="Photographs to take; those of a category make products.  [default: drawn]")
@click.option("--port", type=click.IntRange(0, 65_535), default=8100, show_default=True)
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), default=Path("cache/feed-shop"))
@cache_option
def main(products: int, catalogue: str | None, port: int, out: Path, cache: Path) -> None:
    """Make a shop of products with 1 to 5 photographs, write its feed, and serve both until Ctrl-C."""
    with server_of(out.absolute(), port) as server:
        address = f"http://localhost:{server.server_port}"
        feed = make_shop(out.absolute(), address, products=products, catalogue=catalogue, cache=cache)
        click.echo("Serving the shop until Ctrl-C. In another shell:", err=True)
        click.echo(f"make demo CATALOGUE={feed} ARGS='--allow-host localhost'")
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            click.echo("Closed.", err=True)


if __name__ == "__main__":
    main(prog_name="python -m benchmarks.feed_shop")
