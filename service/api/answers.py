"""From the hits of the index to response bodies."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any
from urllib.parse import quote

import numpy as np
from flask import g, url_for

from index.arrangement import Arrangement, FacetCounts
from index.filters.facets import Facet
from index.filters.predicates import fields_of
from index.guess import REACH, Guess, guess_category, signals_of, voters
from index.pages import Hit, Page, PartOptions, SearchOptions
from index.stores.store import OpenIndex
from service import responses as bodies
from service.answer_warnings import Judged, warnings_of
from service.picture.cut_out import CutOut
from service.picture.explanation import sentence
from service.picture.outlines import polygons
from service.picture.stages import Stages
from service.requests.parameters import Look, Ranked
from training.alignment.agreement import Agreement
from training.catalogue.reader import Item
from training.photo.boxes import WHOLE, Box, bounds
from training.photo.confidence import FIRST, VOTERS
from training.photo.garment import Garment
from training.photo.regions import Region

DISTANT = 92.0
"""Percentile below which the best answer counts as distant, where the encoder tells no confidence."""

_VERSION_SIGNS = 16
_IN_PATH = "!$&'()*+,/:;=@"
"""Signs that stand for themselves in a path, as Werkzeug builds it."""


@dataclass(frozen=True)
class Explained:
    """The query of an explanation: which picture, read in which way.

    Parameters
    ----------
    query_id, query_item : str or None
        The picture that was sent, or the item that was searched with.
    """

    look: Look
    query_id: str | None = None
    query_item: str | None = None

    def address(self, item_id: str, photo: int) -> str | None:
        """Return the URL of a result's explanation; None where the query's picture was not kept."""
        if self.query_id is None and self.query_item is None:
            return None
        box = None if self.look.box is None else ",".join(f"{corner:.6g}" for corner in self.look.box)
        kind = None if self.look.kind == "photo" else self.look.kind
        query = {"query_id": self.query_id, "query_item": self.query_item, "box": box, "kind": kind}
        query["garment"] = None if self.look.garment is None else str(self.look.garment)
        query["photo"] = str(photo) if photo else None
        given: dict[str, Any] = {name: text for name, text in query.items() if text}
        return url_for("search.explain", item_id=item_id, **given)


@dataclass(frozen=True)
class RankedPage:
    """One page of a ranking, and what is known of the whole of it.

    Parameters
    ----------
    page : Page
    guess : Guess
        The category that the first items speak for.
    fields_known : bool
        Whether each field that was asked for is one that items have.
    confidence : float in [0, 1] or None
        The share of the first `FIRST` items of the ranking expected to have the query's shape.
    close : bool
        Whether that is enough to rely on them.
    """

    page: Page
    guess: Guess
    fields_known: bool = True
    confidence: float | None = None
    close: bool = True


def version_of(content: str) -> str:
    """Return what the address of a picture carries of its item's content, which is in hex."""
    return content[:_VERSION_SIGNS]


def _around_item() -> tuple[str, str]:
    """Return what stands around an item's id in the URL paths of photographs, built once a request."""
    if "around_item" not in g:
        before, _, behind = url_for("items.image", item_id="\0").partition("%00")
        g.around_item = before, behind
    around: tuple[str, str] = g.around_item
    return around


def image_url(item_id: str, photo: int = 0, *, content: str | None = None) -> str:
    """Return the URL path of an item's photograph of a number, percent-encoded; it changes with `content`."""
    before, behind = _around_item()
    number = [f"photo={photo}"] if photo else []
    version = [] if content is None else [f"v={version_of(content)}"]
    query = "&".join(number + version)
    return f"{before}{quote(item_id, _IN_PATH)}{behind}{query and '?'}{query}"


def image_urls(item: Item) -> list[str]:
    """Return the URL paths of all photographs of an item."""
    numbers = range(1 + len(item.further))
    return [image_url(item.item_id, photo, content=item.content) for photo in numbers]


def index_in_use(searcher: OpenIndex) -> bodies.IndexInUse:
    """Return which index answered, and how many items it holds with all changes."""
    return bodies.IndexInUse(
        version=searcher.manifest.version,
        built_at=searcher.manifest.built_at,
        encoder=searcher.manifest.encoder,
        items=searcher.count,
    )


def item_fields(item: Item, photo: int = 0, *, chosen: Sequence[str] | None = None) -> dict[str, Any]:
    """Return the fields of `bodies.Item`: id, address of a photograph, metadata, all or what is chosen."""
    metadata, address = item.metadata, image_url(item.item_id, photo, content=item.content)
    if chosen is not None:
        metadata = {name: metadata[name] for name in chosen if name in metadata}
    return {"item_id": item.item_id, "image_url": address, "metadata": metadata}


def rounded(box: Box) -> Box:
    """Round a box for a response, to a ten-thousandth of the picture."""
    left, top, right, bottom = (round(corner, 4) for corner in box)
    return left, top, right, bottom


def _hit(hit: Hit, asked: Ranked, explained: Explained | None) -> bodies.Hit:
    fields = item_fields(hit.item, hit.photograph, chosen=asked.fields)
    if explained is not None:
        fields["explain_url"] = explained.address(hit.item.item_id, hit.photograph)
    score, percentile = round(hit.score, 6), round(hit.percentile, 2)
    if hit.box is not None:
        fields["box"] = rounded(hit.box)
    if hit.part_score is not None:
        fields["part_score"] = round(hit.part_score, 6)
    if hit.part_box is not None:
        fields["part_box"] = rounded(hit.part_box)
    return bodies.Hit(rank=hit.rank, score=score, percentile=percentile, photo=hit.photograph, **fields)


def _garment(found: CutOut, region: Region) -> bodies.FoundGarment:
    left, top, right, bottom = found.in_picture(WHOLE)
    lines = [line * (right - left, bottom - top) + (left, top) for line in polygons(region.mask)]
    return bodies.FoundGarment(
        type=region.type,
        box=rounded(found.in_picture(bounds(region.mask))),
        confidence=round(region.confidence, 3),
        worn=region.worn,
        outline=[line.round(4).tolist() for line in lines],
    )


def understood(ranking: RankedPage, found: CutOut | None = None) -> bodies.Understood:
    """Return what was understood of the query; `found` is None where no picture was read."""
    sure = ranking.guess.confidence
    judged = Judged(
        found.garment if found else None,
        len(found.regions) if found else 0,
        ranking.fields_known,
        ranking.close,
    )
    known = {} if ranking.confidence is None else {"confidence": round(ranking.confidence, 3)}
    return bodies.Understood(
        garment=None if found is None else found.chosen,
        box=None if found is None else rounded(found.box),
        category=ranking.guess.category,
        category_confidence=None if sure is None else round(sure, 3),
        garments=[_garment(found, region) for region in found.regions] if found is not None else [],
        turned=0 if found is None else found.garment.turned,
        warnings=warnings_of(judged),
        **known,
    )


def _counts(facet: FacetCounts) -> bodies.CountedFacet:
    values = [bodies.Counted(value=value, items=items) for value, items in facet.values]
    span = {} if facet.lowest is None else {"lowest": facet.lowest, "highest": facet.highest}
    return bodies.CountedFacet(field=facet.field, values=values, missing=facet.missing, **span)


def _page(
    ranking: RankedPage,
    asked: Ranked,
    searcher: OpenIndex,
    explained: Explained | None,
    took_ms: dict[str, float],
) -> dict[str, Any]:
    facets = {"facets": list(map(_counts, ranking.page.facets))} if asked.facets else {}
    return {
        "request_id": g.request_id,
        "index": index_in_use(searcher),
        "results": [_hit(hit, asked, explained) for hit in ranking.page.hits],
        "total": ranking.page.total,
        "next_offset": ranking.page.next_offset,
        "took_ms": took_ms,
        **facets,
    }


def search_answer(
    ranking: RankedPage,
    asked: Ranked,
    *,
    searcher: OpenIndex,
    query_id: str | None,
    query: bodies.Understood,
    explained: Explained | None,
    took_ms: dict[str, float],
) -> bodies.SearchAnswer:
    """Return the answer to a search; with `explained`, each result has the URL of its explanation."""
    page = _page(ranking, asked, searcher, explained, took_ms)
    return bodies.SearchAnswer(query_id=query_id, query=query, **page)


def similar_answer(
    ranking: RankedPage,
    asked: Ranked,
    item_id: str,
    *,
    searcher: OpenIndex,
    explained: Explained | None,
    took_ms: dict[str, float],
) -> bodies.SimilarAnswer:
    """Return the answer to a search for the neighbours of an item."""
    query = understood(ranking).model_dump(exclude_unset=True)
    page = _page(ranking, asked, searcher, explained, took_ms)
    return bodies.SimilarAnswer(query_id=None, query=bodies.UnderstoodItem(item_id=item_id, **query), **page)


def explanation(found: Agreement) -> bodies.ExplanationAnswer:
    """Return the answer that says how two garments agree."""
    parts = {
        name: bodies.AgreementOfPart(overlap=round(part.overlap, 4), difference=round(part.difference, 4))
        for name, part in found.parts.items()
    }
    return bodies.ExplanationAnswer(
        request_id=g.request_id,
        sentence=sentence(found),
        overlap=round(found.overlap, 4),
        parts=bodies.Parts(**parts),
        differences=list(found.differences),
        lines=None if found.lines is None else round(found.lines, 4),
    )


def _leading(found: Sequence[Hit], asked: Ranked, nearest: Callable[[SearchOptions], Page]) -> Sequence[Hit]:
    """Return the hits if they start the whole ranking and hold all voters, else more that do."""
    if not _is_whole(asked) or not _begins(found) or len(voters(found)) < VOTERS:
        return nearest(SearchOptions(limit=REACH)).hits
    return found


def _is_whole(asked: Ranked) -> bool:
    """Whether all items are ranked, each by itself."""
    return asked.filter is None and not asked.collapse_duplicates


def _begins(found: Sequence[Hit]) -> bool:
    return bool(found) and found[0].rank == 1


def _first(
    found: Sequence[Hit], leading: Sequence[Hit], asked: Ranked, nearest: Callable[[SearchOptions], Page]
) -> Sequence[Hit]:
    """Return the nearest hits of the ranking that was asked for, whatever page, order and score."""
    if _is_whole(asked):
        return leading
    if _begins(found) and len(found) >= FIRST:
        return found
    plain = replace(asked.options, limit=FIRST, offset=0, min_score=-1.0, arrangement=Arrangement())
    return nearest(plain).hits


def _ranked_page(
    searcher: OpenIndex,
    page: Page,
    asked: Ranked,
    nearest: Callable[[SearchOptions], Page],
    garment: Garment | None = None,
) -> RankedPage:
    """Return a page with what the neighbours say of it."""
    found = page.hits if page.nearest is None else page.nearest
    leading = _leading(found, asked, nearest)
    guess, first = guess_category(leading), _first(found, leading, asked, nearest)
    calibration, confidence = searcher.encoder.calibration, None
    types = garment.type_shares if garment else ()
    if calibration is not None and first:
        calibration = calibration.of_garment(worn=garment is not None and garment.worn)
        confidence = calibration.confidence(signals_of(first, guess, searcher.manifest, types=types))
    if calibration is None or confidence is None:
        close = not first or first[0].percentile >= DISTANT
    else:
        close = confidence >= calibration.unsure_below
    doubtful = page.unseen | (fields_of(asked.filter) if asked.filter else set())
    known = all(map(searcher.has_field, doubtful))
    return RankedPage(page, guess, known, confidence, close)


def nearest(
    searcher: OpenIndex, garments: Sequence[Garment], *, stages: Stages
) -> tuple[np.ndarray, np.ndarray]:
    """Return garments' vectors, float32 (n, d), and the score of the item nearest to each, -1 without one.

    Each is embedded by itself, so that its vector is equal to the bit where it comes alone.
    """
    with stages.measure("embed"):
        vectors = np.concatenate([searcher.encoder.embed_garments([garment]) for garment in garments])
    with stages.measure("search"):
        pages = searcher.search(vectors, SearchOptions(limit=1))
    return vectors, np.array([page.hits[0].score if page.hits else -1.0 for page in pages])


def rank(
    searcher: OpenIndex,
    vector: np.ndarray,
    asked: Ranked,
    *,
    garment: Garment | None = None,
    part: PartOptions | None = None,
) -> RankedPage:
    """Rank the index by a query, float32 (1, d), which is that of `garment`, and by a part."""

    def search(options: SearchOptions) -> Page:
        return searcher.search(vector, options)[0]

    options = replace(asked.options, part=part)
    return _ranked_page(searcher, search(options), asked, search, garment)


def rank_neighbours(searcher: OpenIndex, item: Item, asked: Ranked) -> RankedPage:
    """Rank the index by one of its items, without that item; its own category needs no guess."""
    similar = partial(searcher.similar, item.item_id)
    ranking = _ranked_page(searcher, similar(asked.options), asked, similar)
    if item.category is None:
        return ranking
    return replace(ranking, guess=replace(ranking.guess, category=item.category, confidence=1.0))


def _filter(facet: Facet) -> bodies.Facet:
    if not facet.values:
        return bodies.Facet(field=facet.field, lowest=facet.lowest, highest=facet.highest)
    values = [bodies.FacetValue(value=value, items=items) for value, items in facet.values]
    return bodies.Facet(field=facet.field, values=values)


def filters(searcher: OpenIndex, fields: Sequence[str]) -> list[bodies.Facet]:
    """Return the facets that a page can offer: of the given fields, or of those likely to help."""
    return [_filter(facet) for facet in searcher.facets(fields)]
