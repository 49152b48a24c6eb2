"""How fast feeds are parsed, and in how much memory: products of each format, read once and counted.

Run it with `python -m benchmarks.feed_parsing --products 500000`; it prints a table. The memory is what the
process has grown by at most, while products are passed on one by one and when all are a catalogue's rows.
"""

import csv
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from time import process_time

import click

from training.catalogue.feeds import products, read_feed

WORDS = "A dress of soft washed linen with pockets and a tie at the waist, made for warm days. " * 4
Fields = dict[str, str]


def _fields(count: int) -> Iterator[Fields]:
    for number in range(count):
        picture = f"https://cdn.shop.example/{number}"
        yield {
            "id": f"SKU-{number:07d}",
            "title": f"Linen dress number {number}",
            "description": WORDS,
            "link": f"https://shop.example/p/{number}",
            "image_link": f"{picture}/1.jpg",
            "additional_image_link": f"{picture}/2.jpg,{picture}/3.jpg",
            "price": f"{20 + number % 180}.90 EUR",
            "availability": "in_stock",
            "brand": f"Brand {number % 50}",
            "product_type": "Women > Clothing > Dresses",
            "color": "Blue",
            "size": "M",
            "gtin": f"40{number:011d}",
        }


def _write_xml(path: Path, count: int) -> None:
    with path.open("w") as file:
        file.write('<rss version="2.0" xmlns:g="http://base.google.com/ns/1.0"><channel>')
        for fields in _fields(count):
            texts = (f"<g:{name}>{text.replace('>', '&gt;')}</g:{name}>" for name, text in fields.items())
            file.write(f"<item>{''.join(texts)}</item>\n")
        file.write("</channel></rss>")


def _write_table(path: Path, count: int) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, next(_fields(1)), delimiter="\t")
        writer.writeheader()
        writer.writerows(_fields(count))


def _write_json(path: Path, count: int) -> None:
    with path.open("w") as file:
        file.write('{"products": [')
        for number, fields in enumerate(_fields(count)):
            product = {
                "title": fields["title"],
                "handle": fields["id"].lower(),
                "body_html": f"<p>{WORDS}</p>",
                "vendor": fields["brand"],
                "product_type": "Dresses",
                "tags": ["linen", "summer"],
                "options": [{"name": "Size"}],
                "images": [{"id": n, "src": f"{fields['link']}/{n}.jpg"} for n in range(3)],
                "variants": [{"sku": fields["id"], "price": "29.90", "option1": "M", "available": True}],
            }
            file.write(f"{',' if number else ''}{json.dumps(product)}\n")
        file.write("]}")


FORMATS: dict[str, Callable[[Path, int], None]] = {
    "Merchant Center, XML": _write_xml,
    "Merchant Center, table": _write_table,
    "Shopify, products.json": _write_json,
}


def _peak() -> float:
    """Return the MB that this process has had at most (Linux)."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1000


def _measure(path: Path) -> None:
    """Print as JSON what reading a feed takes, in a process that has read nothing else."""
    next(products(path, []))  # loads the parser
    before, start = _peak(), process_time()
    count = sum(1 for _ in products(path, []))
    passed, seconds = _peak() - before, process_time() - start
    rows = read_feed(path).rows
    print(json.dumps({"rate": count / seconds, "flat": passed, "rows": len(rows), "all": _peak() - before}))


@click.command()
@click.option("--products", "count", type=click.IntRange(min=1), default=500_000, show_default=True)
@click.option("--quick", is_flag=True, help="Only see that all of it runs: 2,000 products.")
@click.option("--measure", type=click.Path(path_type=Path), hidden=True)
def main(count: int, quick: bool, measure: Path | None) -> None:
    """Measure how feeds are parsed, and print a table."""
    if measure is not None:
        _measure(measure)
        return
    count = 2_000 if quick else count
    print("| feed | file, MB | products a second of a core | memory of parsing, MB | with all rows, MB |")
    print("|---|---:|---:|---:|---:|")
    with tempfile.TemporaryDirectory() as folder:
        for name, write in FORMATS.items():
            path = Path(folder, "feed.txt")
            write(path, count)
            command = [sys.executable, "-m", "benchmarks.feed_parsing", "--measure", str(path)]
            found = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
            size = path.stat().st_size / 1e6
            cells = f"{size:,.0f} | {found['rate']:,.0f} | {found['flat']:.1f} | {found['all']:,.0f}"
            print(f"| {name} | {cells} |", flush=True)


if __name__ == "__main__":
    main(prog_name="python -m benchmarks.feed_parsing")
