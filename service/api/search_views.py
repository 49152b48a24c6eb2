"""The search endpoints: by a picture, in a batch, and why a result was found."""

import logging
from functools import partial
from pathlib import Path
from time import perf_counter

from flask import Blueprint, Response, g, request

from index.pages import PartOptions
from index.stores.store import OpenIndex
from service.api.answers import Explained, RankedPage, explanation, nearest, rank, search_answer, understood
from service.api.current import config, counted_stages, live_index, metrics, queries, served_roots, usage
from service.errors import RefusedRequest, problem_of, refusing
from service.http.capacity import give_way
from service.http.usage_file import LooseQuery
from service.picture.cut_out import CutOut, cut_out
from service.picture.explanation import draw
from service.picture.image_url import fetch
from service.picture.item_file import item_file
from service.picture.stages import Stages
from service.requests.operation import BODY, JSON, PICTURE, READING, Operation, describe
from service.requests.parameters import (
    Batch,
    Explanation,
    Look,
    Search,
    SearchBody,
    bounded,
    refuse_unknown,
)
from service.requests.reading import SearchRequest, Source, read_address, read_json
from service.responses import BatchAnswer, ExplanationAnswer, Failure, SearchAnswer, reply
from training.alignment.agreement import agreement
from training.errors import PartEmpty, SilhouetteError
from training.parts.part_matching import Part
from training.photo.garment import Garment

SVG = "image/svg+xml"
_SOURCES = ("several_images", "item_unknown", "query_expired", "url_not_allowed", "image_url_unreachable")
_SEARCH = (*BODY, *PICTURE, *_SOURCES, "invalid_filter", *READING)

blueprint = Blueprint("search", __name__)

_log = logging.getLogger(__name__)


def _picture(source: Source, searcher: OpenIndex) -> tuple[bytes | Path, str | None, int | None]:
    """Return the picture of a search.

    Returns
    -------
    picture : bytes or Path
        Its file, or where an item's lies.
    category : str or None
        That item's.
    turned : int or None
        By how many degrees an earlier search has turned it clockwise.

    Raises
    ------
    RefusedRequest, ItemUnknown
        There is none, or none any more.
    """
    if source.item_id is not None:
        item = searcher.item(source.item_id)
        return item_file(item, served_roots(searcher))[0], item.category, None
    if source.query_id is not None:
        return queries().get(source.query_id), None, queries().turned(source.query_id)
    photo = fetch(source.image_url, config()) if source.image_url is not None else source.upload or b""
    return photo, None, None


def _cut_out(source: Source, look: Look, searcher: OpenIndex, stages: Stages) -> tuple[bytes | Path, CutOut]:
    """Return the picture of a search, and what was cut out of it; raises `SilhouetteError`."""
    with refusing(source.param):
        photo, category, turned = _picture(source, searcher)
        found = cut_out(
            photo,
            look,
            searcher.encoder.segmenter,
            category=category,
            turned=turned,
            nearest=None if isinstance(photo, Path) else partial(nearest, searcher, stages=stages),
            config=config(),
            stages=stages,
        )
    return photo, found


def _query_id(source: Source, photo: bytes | Path, found: CutOut) -> str | None:
    """Keep an uploaded photograph for later searches; None where it is an item's, or there is no room."""
    if source.query_id is not None or isinstance(photo, Path):
        return source.query_id
    whole = found.look.kind == "photo" and found.look.box is None
    try:
        return queries().put(photo, turned=found.garment.turned if whole else None)
    except OSError as error:
        _log.warning("The photo of a search can't be kept: %s", error)
        return None


def _part(asked: Search, garment: Garment, searcher: OpenIndex) -> PartOptions | None:
    """Return the part of the garment to rank by, if one was asked for; raises `RefusedRequest`."""
    if asked.part is None:
        if "weight" in asked.model_fields_set:
            detail = "`weight` says how much a part counts. Send it with `part`, or leave it out."
            raise RefusedRequest("invalid_parameter", detail, param="weight")
        return None
    if not searcher.has_parts:
        detail = (
            "The index holds no part maps: an earlier release built it, or it is in Milvus and this machine "
            "does not share the folder of who built it. Leave `part` out, or build the index again."
        )
        raise RefusedRequest("invalid_parameter", detail, param="part")
    try:
        return PartOptions(Part(garment, asked.part), asked.weight)
    except PartEmpty as error:
        raise RefusedRequest("invalid_parameter", str(error), param="part") from error


def _judge(asked: SearchRequest, ranking: RankedPage, query_id: str | None) -> None:
    """Count whether the first page of an answer to a picture is close."""
    if asked.fields.offset or asked.source.item_id is not None:
        return
    hits = ranking.page.hits
    query = LooseQuery(
        kind=asked.fields.kind,
        category=ranking.guess.category,
        confidence=ranking.confidence,
        percentile=hits[0].percentile if hits else None,
    )
    usage().judged(query, close=ranking.close, query_id=query_id)


def answer(asked: SearchRequest, searcher: OpenIndex, stages: Stages) -> SearchAnswer:
    """Search the index with a picture.

    Raises
    ------
    SilhouetteError
        The picture can't be had, or not be used.
    """
    photo, found = _cut_out(asked.source, asked.fields, searcher, stages)
    vector = found.vector
    if vector is None:
        with stages.measure("embed"):
            vector = searcher.encoder.embed_garments([found.garment])
    with stages.measure("search"):
        part = _part(asked.fields, found.garment, searcher)
        ranking = rank(searcher, vector, asked.fields, garment=found.garment, part=part)
    if ranking.confidence is not None:
        metrics().confidence.observe(ranking.confidence)
    query_id = _query_id(asked.source, photo, found)
    _judge(asked, ranking, query_id)
    explained = Explained(asked.fields, query_id=query_id, query_item=asked.source.item_id)
    return search_answer(
        ranking,
        asked.fields,
        searcher=searcher,
        query_id=query_id,
        query=understood(ranking, found),
        explained=explained if asked.fields.explain else None,
        took_ms=stages.took_ms,
    )


@blueprint.post("/v1/search")
@describe(Operation(SearchAnswer, query=Search, body=SearchBody, form=Search, codes=_SEARCH, sheds=True))
def search() -> Response:
    """Find the items nearest in shape to a picture."""
    asked = SearchRequest.parse(request, config())
    with counted_stages() as stages:
        return reply(answer(asked, live_index().searcher(), stages))


@blueprint.post("/v1/search/batch")
@describe(Operation(BatchAnswer, body=Batch, codes=(*BODY, *READING), sheds=True, several=True))
def batch() -> Response:
    """Answer several searches in order; one that fails has an error in its position."""
    model = bounded(Batch, config())
    searches = read_json(request, model).searches
    searcher = live_index().searcher()

    def one(fields: object, total: Stages) -> SearchAnswer | Failure:
        stages, begun = Stages(), perf_counter()
        try:
            found = answer(SearchRequest.of_body(fields, config()), searcher, stages)
            usage().answered(perf_counter() - begun)
            return found
        except SilhouetteError as error:
            problem = problem_of(error)
            usage().refused(problem.code)
            return Failure(error=problem)
        finally:
            total.add(stages)

    answers = []
    with counted_stages() as total:
        for place, fields in enumerate(searches):
            if place > 0:
                give_way()
            answers.append(one(fields, total))
    return reply(BatchAnswer(request_id=g.request_id, answers=answers))


@blueprint.delete("/v1/queries/<query_id>")
@describe(Operation(None, codes=("query_expired", "invalid_parameter"), statuses=(204,)))
def forget(query_id: str) -> Response:
    """Delete a picture that was sent, at once; its `query_id`, which can't be guessed, is all it takes."""
    refuse_unknown(request.args, accepted=())
    queries().delete(query_id)
    usage().forget(query_id)
    return Response(status=204)


def _source(asked: Explanation) -> Source:
    if (asked.query_id is None) == (asked.query_item is None):
        detail = "An explanation is of one search. Send exactly one of query_id, query_item."
        raise RefusedRequest("invalid_parameter", detail, param="query_id")
    if asked.query_id is None:
        return Source(item_id=asked.query_item, param="query_item")
    return Source(query_id=asked.query_id, param="query_id")


@blueprint.get("/v1/explain")
@describe(
    Operation(
        ExplanationAnswer,
        query=Explanation,
        codes=(
            "invalid_parameter",
            "item_unknown",
            "not_found",
            "query_expired",
            "image_undecodable",
            *READING,
        ),
        sheds=True,
        picture=SVG,
    )
)
def explain() -> Response:
    """Explain a result: how its garment agrees with the query's once one is laid on the other."""
    asked = read_address(request, Explanation)
    searcher, source = live_index().searcher(), _source(asked)
    with refusing("item_id"):
        item = searcher.item(asked.item_id)
        path, _ = item_file(item, served_roots(searcher), photo=asked.photo)
        segmenter = searcher.encoder.segmenter
        found = cut_out(path, Look(), segmenter, category=item.category, config=config(), stages=Stages())
    _, query = _cut_out(source, asked, searcher, Stages())
    compared = agreement(query.garment, found.garment)
    if request.accept_mimetypes.best_match((SVG, JSON), SVG) == JSON:
        response = reply(explanation(compared))
    else:
        drawing = draw(query.garment.mask, found.garment.mask, compared)
        response = Response(drawing, mimetype=SVG)
        response.headers["Cache-Control"] = "no-store"
    response.vary.add("Accept")
    return response
