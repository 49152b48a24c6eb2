"""What it costs to list items of several photographs once, and what is found of them, for each kind of index.

Run it with `python -m benchmarks.grouping [--quick]`. Items have 1 to 5 photographs. Their views lie about a
vector of the item as photographs of one garment do, and the vectors of items as the embeddings of a catalogue
(`benchmarks.vectors`). The same vectors, each an item of its own, are searched in turn with them. Times are
those of the thread, so that other programs disturb them less.
"""

import os
import platform
import tempfile
from pathlib import Path

import click
import faiss
import numpy as np

from benchmarks.search import medians_ms
from benchmarks.stock import publish_items, publish_views
from benchmarks.vectors import Likeness, embeddings
from index.pages import SearchOptions
from index.stores.folder.searcher import Searcher
from index.vectors.kinds import KINDS
from index.vectors.tuning import FIRST, best_of_items
from index.views import Views
from training.evaluation.score_table import Cell, Table, as_markdown
from training.options import cache_option, encoder_option
from training.photo.encoder import Encoder

MOST = 5
CLOSENESS = 0.85
"""The mean score of two views of one item."""

PAGE = 20
TIE = 1e-6
OVER_UNGROUPED, RECALL = 1.1, 0.98
DRAWN, QUICK = "drawn:300", 4000


def items_like(like: Likeness, count: int) -> list[Views]:
    """Return the views of items, `count` in all, one for each of 1 to 5 photographs."""
    rng = np.random.default_rng(3)
    sizes = rng.integers(1, MOST + 1, count)
    sizes = sizes[: np.searchsorted(sizes.cumsum(), count) + 1]
    centres = np.repeat(like.draw(len(sizes), seed=2), sizes, axis=0)[:count]
    steps = rng.standard_normal(centres.shape).astype(np.float32) / np.sqrt(centres.shape[1])
    vectors = np.sqrt(CLOSENESS) * centres + np.sqrt(1 - CLOSENESS) * steps
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    parts = np.split(vectors, sizes.cumsum()[:-1])
    return [Views(part, np.full((len(part), 4), 0.5, np.float32), np.arange(len(part))) for part in parts]


def recall(searcher: Searcher, views: list[Views], queries: np.ndarray) -> float:
    """Return the share of the true first ten items that are found; as good a score counts as found."""
    vectors = np.concatenate([each.vectors for each in views])
    owners = np.repeat(np.arange(len(views)), [len(each) for each in views])
    scores, rows = faiss.knn(queries, vectors, FIRST * MOST, metric=faiss.METRIC_INNER_PRODUCT)
    tenth = best_of_items(scores, rows, owners, FIRST)[:, -1:]
    pages = searcher.search(queries, SearchOptions(limit=FIRST))
    found = np.array([[hit.score for hit in page.hits] for page in pages])
    return float(np.mean(found >= np.minimum(tenth, 1.0) - TIE))


def _widths(searcher: Searcher) -> str:
    parameters = searcher.manifest.parameters.items()
    return ", ".join(f"{name} {value}" for name, value in parameters if name != "recall") or "all"


def _row(kind: str, views: list[Views], queries: np.ndarray, encoder: Encoder) -> tuple[Cell, ...]:
    with tempfile.TemporaryDirectory() as grouped, tempfile.TemporaryDirectory() as alone:
        faiss.omp_set_num_threads(os.cpu_count() or 1)
        publish_views(Path(grouped), views, encoder, kind=kind)
        publish_items(Path(alone), np.concatenate([each.vectors for each in views]), encoder, kind=kind)
        faiss.omp_set_num_threads(1)
        ours, plain = (Searcher.open(Path(folder), encoder=encoder) for folder in (grouped, alone))
        options = SearchOptions(limit=PAGE)
        ours_ms, plain_ms = medians_ms(
            queries,
            lambda query: ours.search(query[None], options),
            lambda query: plain.search(query[None], options),
        )
        widths = [_widths(searcher) for searcher in (ours, plain)]
        share, found = ours_ms / plain_ms, recall(ours, views, queries)
    return (
        *(kind, *widths, f"{ours_ms:.3f}", f"{plain_ms:.3f}", f"{share:.2f}"),
        *("reached" if share <= OVER_UNGROUPED else "missed", f"{found:.3f}"),
        "reached" if found >= RECALL else "missed",
    )


@click.command(epilog="Example: python -m benchmarks.grouping --size 100000")
@click.option("--catalogue", default=DRAWN, show_default=True, help="As whose embeddings the items lie.")
@click.option("--size", type=click.IntRange(min=1000), default=100_000, show_default=True, help="Vectors.")
@click.option("--queries", type=click.IntRange(min=10), default=200, show_default=True, help="Queries.")
@click.option("--kind", "kinds", multiple=True, type=click.Choice([*KINDS]), help="Kinds.  [default: all]")
@encoder_option
@cache_option
@click.option("--quick", is_flag=True, help="Few vectors, to see that everything runs.")
def main(
    catalogue: str, size: int, queries: int, kinds: tuple[str, ...], encoder: Path, cache: Path, quick: bool
) -> None:
    """Print a Markdown table: a page of items of several photographs, over one of as many vectors alone."""
    bundle = Encoder.load(encoder)
    like = Likeness(embeddings(catalogue, bundle, cache=cache))
    views = items_like(like, QUICK if quick else size)
    asked = like.draw(20 if quick else queries, seed=1)
    rows = []
    for kind in kinds or [*KINDS]:
        click.echo(f"{kind}", err=True)
        rows.append(_row(kind, views, asked, bundle))
    count = sum(map(len, views))
    columns = (
        *("kind", "width", "width ungrouped", f"page of {PAGE} items ms", "ungrouped ms", "over ungrouped"),
        *(f"goal {OVER_UNGROUPED}", f"recall@{FIRST} of items", f"goal {RECALL}"),
    )
    title = f"{count:,} vectors of {len(views):,} items"
    note = f"One thread ({platform.machine()}), FAISS {faiss.__version__}; items lie like `{catalogue}`."
    click.echo(as_markdown([Table("grouping", title, columns, tuple(rows), note)]).replace("## ", "### "))


if __name__ == "__main__":
    main(prog_name="python -m benchmarks.grouping")
