"""The HTML pages, the picture of a search that one of them shows, and the contract that another shows."""

from typing import Any

from flask import Blueprint, Response, current_app, jsonify, render_template

from index.thumbnails import WIDTHS, encode, scaled
from service.api.current import config, queries
from service.api.examples import EXAMPLES
from service.http.capacity import capacity_in_use
from service.page.card_fields import card_fields
from service.page.texts import TABLES, in_language
from service.picture.cut_out import TIMES_THE_LIMIT
from service.picture.decoders import decode_apart
from service.requests.openapi import contract
from service.requests.operation import Operation, describe
from training.photo import media_types

EMBED_SECONDS = 3600
"""How long a browser uses the web component before it asks whether there is a newer one."""

_KEPT = "silhouette.contract"

UPLOAD_WIDTH = 640
"""Pixels of the copy of an upload that a shared link shows."""

blueprint = Blueprint("pages", __name__)


def _contract() -> dict[str, Any]:
    """Return the contract, made at its first use."""
    kept = current_app.extensions
    if _KEPT not in kept:
        kept[_KEPT] = contract(current_app, config())
    return kept[_KEPT]


@blueprint.get("/openapi.json")
@describe(Operation("application/json"))
def openapi() -> Response:
    """Return this contract."""
    return jsonify(_contract())


@blueprint.get("/docs")
def docs() -> str:
    """Show the contract."""
    return render_template("docs.html", contract=_contract())


def _settings() -> dict[str, Any]:
    """Return what the page's script has to know of the service."""
    settings = config()
    return {
        "limit": settings.default_limit,
        "most": settings.max_limit,
        "bytes": settings.max_upload_bytes,
        "minutes": settings.query_seconds // 60 or 1,
        "widths": WIDTHS,
        "accepted": media_types.names(),
        "addresses": settings.image_urls,
        "fields": card_fields(settings.card_fields),
    }


@blueprint.get("/")
def page() -> Response:
    """Show the search page, in the language that the browser prefers."""
    accept = ",".join(media_types.media_types())
    return in_language("index.html", TABLES, settings=_settings(), examples=EXAMPLES, accept=accept)


@blueprint.get("/queries/<query_id>.jpg")
def upload(query_id: str) -> Response:
    """Show the picture of a search while it is kept: a small copy, without the camera's own data."""
    photo, seconds = queries().get(query_id), TIMES_THE_LIMIT * config().decode_ms / 1000
    with capacity_in_use().thumbnail(), capacity_in_use().slot():
        rgb = scaled(lambda size: decode_apart(photo, size=size, seconds=seconds), UPLOAD_WIDTH)
    response = Response(encode(rgb, "image/jpeg"), mimetype="image/jpeg")
    response.headers["Cache-Control"] = "no-store"
    return response


@blueprint.get("/embed.js")
def embed() -> Response:
    """Send the web component; it is the same for everyone, so that any page may load it."""
    response = current_app.send_static_file("embed.js")
    response.cache_control.no_cache = None
    response.cache_control.max_age = EMBED_SECONDS
    response.access_control_allow_origin = "*"
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response
