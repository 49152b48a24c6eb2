"""The application factory: settings, encoder and index in, a WSGI application out."""

import os
import re
import secrets

from flask import Flask, Response, g, request
from werkzeug.routing import PathConverter

from index.searcher import Searcher
from service.config import Config
from service.engine import Engine
from service.errors import install_error_handlers
from service.queries import RecentQueries
from service.views import blueprint
from training.encoder import Encoder

FORM_BYTES = 64 * 1024

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class ItemIdConverter(PathConverter):
    """An item id in an address: any text, slashes included, even in front."""

    regex = ".+?"
    part_isolating = False


_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


def _name_request() -> None:
    given = request.headers.get("X-Request-Id", "")
    g.request_id = given if _REQUEST_ID.fullmatch(given) else "r_" + secrets.token_urlsafe(9)


def _add_headers(response: Response) -> Response:
    response.headers["X-Request-Id"] = g.request_id
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    return response


def _most_body_bytes(config: Config) -> int:
    """Bytes of the largest body: a photograph in base64, and the fields beside it."""
    return config.max_upload_bytes * 4 // 3 + FORM_BYTES


def _engine(config: Config, searcher: Searcher | None) -> Engine:
    encoder = Encoder.load(config.encoder) if searcher is None else searcher.encoder
    return Engine(config.indexes, encoder, searcher=searcher)


def create_app(config: Config | None = None, searcher: Searcher | None = None) -> Flask:
    """Make the application.

    Parameters
    ----------
    config : Config, optional
        By default it is read from the environment.
    searcher : Searcher, optional
        By default the encoder and the index that `config` names are opened. Where no index can be used
        yet, searches answer 503 until one can.

    Raises
    ------
    InvalidSetting, UnreadableEncoder, EncoderMismatch
        The environment or the encoder is at fault; the text says what to do.
    """
    config = config or Config.from_environment(os.environ)
    app = Flask("service")
    app.config["MAX_CONTENT_LENGTH"] = _most_body_bytes(config)
    app.config["MAX_FORM_MEMORY_SIZE"] = FORM_BYTES
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.url_map.merge_slashes = False
    app.url_map.converters["item"] = ItemIdConverter
    app.extensions["silhouette.config"] = config
    app.extensions["silhouette.engine"] = _engine(config, searcher)
    app.extensions["silhouette.queries"] = RecentQueries(
        config.query_folder, seconds=config.query_seconds, max_bytes=config.query_bytes
    )
    app.before_request(_name_request)
    app.after_request(_add_headers)
    app.register_blueprint(blueprint)
    install_error_handlers(app)
    return app
