"""The command that searches an index with a photograph."""

from pathlib import Path
from time import perf_counter
from typing import Any

import click

from index.commands.store_options import json_option, print_json, store_options
from index.pages import Page, SearchOptions
from index.stores.store import Store
from training.options import encoder_option
from training.photo.encoder import Encoder


def _page_fields(page: Page) -> list[dict[str, Any]]:
    return [
        {
            "rank": hit.rank,
            "item_id": hit.item.item_id,
            "score": hit.score,
            "percentile": hit.percentile,
            "path": str(hit.item.photographs[hit.photograph]),
            "metadata": hit.item.metadata,
            **({} if hit.box is None else {"box": hit.box}),
        }
        for hit in page.hits
    ]


def _print_page(page: Page) -> None:
    click.echo(f"{'rank':>4}  {'score':>6}  {'percentile':>10}  {'category':<12}  item")
    for hit in page.hits:
        category = hit.item.category or "-"
        click.echo(
            f"{hit.rank:>4}  {hit.score:>6.3f}  {hit.percentile:>10.3f}  {category:<12}  {hit.item.item_id}"
        )


@click.command(epilog="Example: python -m index search some-garment.jpg --limit 20")
@click.argument("image", type=click.Path(path_type=Path))
@store_options
@encoder_option
@click.option("--limit", type=click.IntRange(min=1), default=10, show_default=True, help="Items to list.")
@json_option
def search(image: Path, store: Store, encoder: Path, limit: int, as_json: bool) -> None:
    """List the items whose shape is most like that of the garment in IMAGE."""
    searcher = store.open(encoder=Encoder.load(encoder))
    start = perf_counter()
    (page,) = searcher.search(searcher.encoder.embed([image]), SearchOptions(limit=limit))
    took_ms = round((perf_counter() - start) * 1000, 1)
    if as_json:
        print_json({"index": searcher.manifest.version, "results": _page_fields(page), "took_ms": took_ms})
    else:
        _print_page(page)
