"""The addresses of the service: each view reads a request, asks the index, and answers."""

import logging
from pathlib import Path
from typing import Any, cast

from flask import Blueprint, Response, current_app, g, jsonify, render_template, request, send_file

from index.errors import ItemUnknown
from index.searcher import Searcher
from service.answers import (
    examples_json,
    index_json,
    item_json,
    query_json,
    rank,
    rank_neighbours,
    search_json,
)
from service.config import Config
from service.engine import Engine
from service.parameters import Paging, refuse_unknown
from service.photos import Stages, encode, item_file
from service.queries import RecentQueries
from service.uploads import SearchRequest, Source

IMAGE_SECONDS = 3600
PAGING = frozenset({"limit", "min_score", "offset"})

blueprint = Blueprint("views", __name__)
_log = logging.getLogger(__name__)


def _config() -> Config:
    return cast(Config, current_app.extensions["silhouette.config"])


def _engine() -> Engine:
    return cast(Engine, current_app.extensions["silhouette.engine"])


def _queries() -> RecentQueries:
    return cast(RecentQueries, current_app.extensions["silhouette.queries"])


def _photo(source: Source, searcher: Searcher) -> bytes | Path:
    g.image_param = source.param
    if source.item_id is not None:
        return item_file(searcher.item(source.item_id))[0]
    if source.query_id is not None:
        return _queries().get(source.query_id)
    return source.upload or b""


def _query_id(source: Source, photo: bytes | Path) -> str | None:
    """Keep a photograph that was sent; null where it is an item's, or there is no room to keep it."""
    if source.query_id is not None or isinstance(photo, Path):
        return source.query_id
    try:
        return _queries().put(photo)
    except OSError as error:
        _log.warning("The photo of a search can't be kept: %s", error)
        return None


def _no_store(body: dict[str, Any]) -> Response:
    response = jsonify(body)
    response.headers["Cache-Control"] = "no-store"
    return response


def _item(searcher: Searcher, item_id: str) -> Response:
    return jsonify(item_json(searcher.item(item_id)) | {"request_id": g.request_id})


def _item_ending_so(searcher: Searcher, item_id: str, unknown: ItemUnknown) -> Response:
    """Answer the item whose id ends like the address of another view; else say what was unknown there."""
    try:
        return _item(searcher, item_id)
    except ItemUnknown:
        raise unknown from None


@blueprint.post("/v1/search")
def search() -> Response:
    """Answer the items nearest in shape to a photograph."""
    asked = SearchRequest.parse(request, _config())
    searcher, stages = _engine().searcher(), Stages()
    photo = _photo(asked.source, searcher)
    query = encode(photo, asked.box, encoder=searcher.encoder, config=_config(), stages=stages)
    with stages.measure("search"):
        ranking = rank(searcher, query.vector, asked.paging)
    body = search_json(
        ranking,
        manifest=searcher.manifest,
        query_id=_query_id(asked.source, photo),
        query=query_json(ranking, box=query.box, found=query.found),
        took_ms=stages.took_ms,
    )
    return _no_store(body)


@blueprint.get("/v1/items/<item:item_id>/similar")
def similar(item_id: str) -> Response:
    """Answer the items nearest in shape to one of the index."""
    searcher, stages = _engine().searcher(), Stages()
    try:
        asked = searcher.item(item_id)
    except ItemUnknown as unknown:
        return _item_ending_so(searcher, f"{item_id}/similar", unknown)
    fields = request.args.to_dict()
    refuse_unknown(fields, accepted=PAGING)
    paging = Paging.parse(fields, _config())
    with stages.measure("search"):
        ranking = rank_neighbours(searcher, asked, paging)
    query = {"item_id": item_id} | query_json(ranking, box=None, found=True)
    body = search_json(
        ranking, manifest=searcher.manifest, query_id=None, query=query, took_ms=stages.took_ms
    )
    return _no_store(body)


@blueprint.get("/v1/items/<item:item_id>/image")
def item_image(item_id: str) -> Response:
    """Send an item's picture, found by its id alone."""
    searcher = _engine().searcher()
    try:
        asked = searcher.item(item_id)
    except ItemUnknown as unknown:
        return _item_ending_so(searcher, f"{item_id}/image", unknown)
    path, mimetype = item_file(asked)
    return send_file(path, mimetype=mimetype, conditional=True, max_age=IMAGE_SECONDS)


@blueprint.get("/v1/items/<item:item_id>")
def item(item_id: str) -> Response:
    """Answer one item."""
    return _item(_engine().searcher(), item_id)


@blueprint.get("/v1/index")
def index() -> Response:
    """Answer what is served, and a few items to start from."""
    searcher = _engine().searcher()
    manifest = searcher.manifest
    body = index_json(manifest) | {"kind": manifest.kind, "examples": examples_json(searcher)}
    return _no_store(body | {"request_id": g.request_id})


@blueprint.get("/healthz")
def healthz() -> Response:
    """Answer that the process is alive."""
    return _no_store({"status": "alive", "request_id": g.request_id})


@blueprint.get("/readyz")
def readyz() -> Response:
    """Answer that searches can be answered, and with which versions."""
    body = {"status": "ready", "index": index_json(_engine().searcher().manifest)}
    return _no_store(body | {"request_id": g.request_id})


@blueprint.get("/")
def page() -> str:
    """Show the search page."""
    config = _config()
    return render_template("index.html", max_upload_bytes=config.max_upload_bytes, limit=config.default_limit)
