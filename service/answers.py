"""The bodies of answers, as API.md gives them: what the index found becomes plain JSON values."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from flask import g, url_for

from index.guess import REACH, VOTERS, Guess, guess_category, voters
from index.manifest import Manifest
from index.searcher import Hit, Page, Searcher
from service.parameters import Box, Paging
from training.catalogue import Item

EXAMPLES = 8
_LOOKED_AT = 48


@dataclass(frozen=True)
class Ranking:
    """One page of a ranking, and the category that its first items speak for."""

    page: Page
    guess: Guess


def image_url(item_id: str) -> str:
    """Return the address of an item's picture, percent-encoded."""
    return url_for("views.item_image", item_id=item_id)


def index_json(manifest: Manifest) -> dict[str, Any]:
    """Return which index answered."""
    return {
        "version": manifest.version,
        "built_at": manifest.built_at,
        "encoder": manifest.encoder,
        "items": manifest.items,
    }


def item_json(item: Item) -> dict[str, Any]:
    """Return one item with its picture's address and its metadata."""
    return {"item_id": item.item_id, "image_url": image_url(item.item_id), "metadata": item.metadata}


def _hit_json(hit: Hit) -> dict[str, Any]:
    scores = {"rank": hit.rank, "score": round(hit.score, 6), "percentile": round(hit.percentile, 2)}
    return scores | item_json(hit.item)


def _varied(items: list[Item]) -> list[Item]:
    """Reorder items: the first of each category, then the second of each, and so on."""
    seen: Counter[str | None] = Counter()
    turns = []
    for item in items:
        turns.append(seen[item.category])
        seen[item.category] += 1
    return [items[at] for at in sorted(range(len(items)), key=turns.__getitem__)]


def query_json(ranking: Ranking, *, box: Box | None, found: bool) -> dict[str, Any]:
    """Return what was understood of the query."""
    confidence = ranking.guess.confidence
    return {
        "box": None if box is None else [round(corner, 4) for corner in box],
        "category": ranking.guess.category,
        "category_confidence": None if confidence is None else round(confidence, 3),
        "warnings": [] if found else ["garment_not_found"],
    }


def search_json(
    ranking: Ranking,
    *,
    manifest: Manifest,
    query_id: str | None,
    query: dict[str, Any],
    took_ms: dict[str, float],
) -> dict[str, Any]:
    """Return the answer to a search."""
    return {
        "request_id": g.request_id,
        "query_id": query_id,
        "index": index_json(manifest),
        "query": query,
        "results": [_hit_json(hit) for hit in ranking.page.hits],
        "total": ranking.page.total,
        "next_offset": ranking.page.next_offset,
        "took_ms": took_ms,
    }


def _guess(page: Page, nearest: Callable[..., Page]) -> Guess:
    """Guess from the page if it begins the ranking and holds all voters, else from a longer first page."""
    begins = page.hits and page.hits[0].rank == 1
    if not begins or len(voters(page.hits)) < VOTERS:
        page = nearest(limit=REACH)
    return guess_category(page.hits)


def rank(searcher: Searcher, vector: np.ndarray, paging: Paging) -> Ranking:
    """Rank the index by a query, float32 (1, d)."""
    (page,) = searcher.search(vector, limit=paging.limit, offset=paging.offset, min_score=paging.min_score)
    return Ranking(page, _guess(page, lambda limit: searcher.search(vector, limit=limit)[0]))


def rank_neighbours(searcher: Searcher, item: Item, paging: Paging) -> Ranking:
    """Rank the index by one of its items, without that item; its own category needs no guess."""
    similar = partial(searcher.similar, item.item_id)
    page = similar(limit=paging.limit, offset=paging.offset, min_score=paging.min_score)
    return Ranking(page, _guess(page, similar) if item.category is None else Guess(item.category, 1.0))


def examples_json(searcher: Searcher) -> list[dict[str, Any]]:
    """Return a few items to start from, spread over the index: the same ones every time.

    The ranking by an arbitrary fixed vector is cut into even steps and one item taken at each;
    different categories come first.
    """
    vector = np.random.default_rng(0).normal(size=(1, searcher.encoder.dimension)).astype(np.float32)
    vector /= np.linalg.norm(vector)
    steps = np.linspace(0, searcher.manifest.items, _LOOKED_AT, endpoint=False).astype(int)
    pages = [searcher.search(vector, limit=1, offset=int(step))[0] for step in dict.fromkeys(steps.tolist())]
    items = [hit.item for page in pages for hit in page.hits]
    return [item_json(item) for item in _varied(items)[:EXAMPLES]]
