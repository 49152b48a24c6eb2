"""What facets, sort and boost add to a search of many items.

Run it with `python -m benchmarks.arranged [--quick]`; with `--store milvus:FILE.db --kind flat` for Milvus,
of which only its client's times count. The items are made up, and so are the vectors, at random: what is
added does not depend on where they lie. A search is `service.api.answers.rank`: the page of 20 items, the
guess of the category, the confidence and the fields that are not known. One thread; times are the
processor's, and all searches take turns.
"""

import tempfile
from pathlib import Path
from typing import Any

import click
import faiss

from benchmarks.search import medians_ms
from benchmarks.stock import LIMIT, publish_items, unit_vectors
from index.commands.store_options import store_address_option
from index.stores.address import open_store
from service.api.answers import rank
from service.requests.parameters import Ranked, check
from training.evaluation.score_table import Table, as_markdown
from training.options import encoder_option
from training.photo.encoder import Encoder

QUERIES = 50
GOAL_MS = 3.0
SORT = {"sort": {"field": "price", "order": "asc"}}
BOOST = {"boost": [{"filter": {"in_stock": True}, "add": 0.05}, {"filter": {"brand": "Brand 7"}, "add": 0.1}]}
FACETS = {"facets": ["category", "price"]}
SEARCHES: dict[str, dict[str, Any]] = {
    "plain": {},
    "facets category, price": FACETS,
    "six facets": {"facets": ["category", "colour", "brand", "title", "price", "in_stock"]},
    "sort by price": SORT,
    "boost, two rules": BOOST,
    "facets, sort and boost": {**FACETS, **SORT, **BOOST},
    "the same, page 40": {**FACETS, **SORT, **BOOST, "offset": 800},
}


def _measured(indexes: Path, count: int, encoder: Encoder, kind: str, store: str) -> list[tuple[str, ...]]:
    """Return a row for each search: its milliseconds, and how many more than those of the plain one."""
    dimension = encoder.dimension
    publish_items(indexes, unit_vectors(count, dimension), encoder, kind=kind, store=store)
    searcher = open_store(store, indexes).open(encoder=encoder)
    queries = unit_vectors(count + QUERIES, dimension)[-QUERIES:]
    asked = {name: check(Ranked, {"limit": LIMIT, **fields}) for name, fields in SEARCHES.items()}
    calls = [lambda query, fields=fields: rank(searcher, query[None], fields) for fields in asked.values()]
    times = medians_ms(queries, *calls)
    return [
        (f"{count:,} {kind}", name, f"{ms:.2f}", f"{ms - times[0]:+.2f}", f"{ms / times[0]:.2f}")
        for name, ms in zip(asked, times, strict=True)
    ]


@click.command(epilog="Example: python -m benchmarks.arranged --size 100000")
@click.option("--size", type=click.IntRange(min=1000), default=100_000, show_default=True, help="Items.")
@click.option("--kind", "kinds", multiple=True, default=("flat", "hnsw"), show_default=True, help="Of index.")
@store_address_option
@encoder_option
@click.option("--quick", is_flag=True, help="Few items, to see that everything runs.")
def main(size: int, kinds: tuple[str, ...], store: str, encoder: Path, quick: bool) -> None:
    """Print a Markdown table of what each addition costs."""
    bundle = Encoder.load(encoder)
    faiss.omp_set_num_threads(1)
    rows: list[tuple[str, ...]] = []
    for kind in kinds:
        with tempfile.TemporaryDirectory() as folder:
            rows += _measured(Path(folder), 2000 if quick else size, bundle, kind, store)
    columns = ("items", "search", "ms", "more ms", "times")
    note = f"The goal: at most {GOAL_MS:g} ms more. Values of fields were read before, at their first use."
    click.echo(as_markdown([Table("arranged", "Facets, sort and boost", columns, tuple(rows), note)]))


if __name__ == "__main__":
    main(prog_name="python -m benchmarks.arranged")
