"""The HTML pages, and the contract that one of them shows."""

from typing import Any

from flask import Blueprint, Response, current_app, jsonify, render_template

from index.thumbnails import WIDTHS
from service.api.current import config
from service.requests.openapi import contract
from service.requests.operation import Operation, describe
from training.photo import media_types

EMBED_SECONDS = 3600
"""How long a browser uses the web component before it asks whether there is a newer one."""

_KEPT = "silhouette.contract"

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


@blueprint.get("/")
def page() -> str:
    """Show the search page."""
    settings = config()
    return render_template(
        "index.html",
        max_upload_bytes=settings.max_upload_bytes,
        limit=settings.default_limit,
        widths=" ".join(map(str, WIDTHS)),
        accept=",".join(media_types.media_types()),
        accepted=media_types.sentence(),
    )


@blueprint.get("/embed.js")
def embed() -> Response:
    """Send the web component; it is the same for everyone, so that any page may load it."""
    response = current_app.send_static_file("embed.js")
    response.cache_control.no_cache = None
    response.cache_control.max_age = EMBED_SECONDS
    response.access_control_allow_origin = "*"
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response
