"""The application factory: settings, encoder and index in, a WSGI application out."""

import os
import re
import secrets
from time import perf_counter

from flask import Flask, Response, g, request
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.routing import PathConverter

from index.stores.address import open_store
from index.stores.store import OpenIndex, Store
from index.thumbnails import Thumbnails
from service.api.bulk_views import blueprint as bulk
from service.api.examples import Examples
from service.api.index_views import blueprint as index
from service.api.item_views import blueprint as items
from service.api.search_views import blueprint as searches
from service.api.site import blueprint as pages
from service.api.status_views import blueprint as status
from service.config import Config
from service.errors import install_error_handlers
from service.http.capacity import install_capacity
from service.http.cors import install_cors
from service.http.keys import Keyring, install_keys
from service.http.logs import install_request_log
from service.http.metrics import install_metrics
from service.http.prefix import install_prefix
from service.http.usage import Usage, install_usage
from service.live_index import LiveIndex
from service.page.static_files import Site
from service.picture.query_thumbnail import QueryThumbnails
from service.picture.recent_uploads import RecentQueries
from service.requests.forms import FormRequest
from training.photo.encoder import Encoder

FORM_BYTES = 128 * 1024
"""Room for the fields beside a photograph; Werkzeug's parser counts its own buffer of 64 KiB, too."""

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors"
)
HEADERS = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


class ItemIdConverter(PathConverter):
    """An item id in a URL path: any text, slashes and line breaks included, even leading ones."""

    regex = r"[\s\S]+?"
    part_isolating = False


_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


def _begin_request() -> None:
    g.began = perf_counter()
    given = request.headers.get("X-Request-Id", "")
    g.request_id = given if _REQUEST_ID.fullmatch(given) else "r_" + secrets.token_urlsafe(9)


def _framing(ancestors: tuple[str, ...]) -> dict[str, str]:
    """Return the headers that let pages of `ancestors` frame a response; without any, none may."""
    if ancestors:
        return {"Content-Security-Policy": f"{POLICY} {' '.join(ancestors)}"}
    return {"Content-Security-Policy": f"{POLICY} 'none'", "X-Frame-Options": "DENY"}


def _add_headers(response: Response, ancestors: tuple[str, ...]) -> Response:
    response.headers["X-Request-Id"] = g.request_id
    framing = _framing(ancestors if request.endpoint == "pages.page" else ())
    for name, value in (HEADERS | framing).items():
        response.headers.setdefault(name, value)
    return response


def _most_body_bytes(config: Config) -> int:
    """Return the largest body in bytes: a photograph in base64, and the fields beside it."""
    return config.max_upload_bytes * 4 // 3 + FORM_BYTES


def _live_index(config: Config, store: Store, searcher: OpenIndex | None) -> LiveIndex:
    encoder = Encoder.load(config.encoder) if searcher is None else searcher.encoder
    return LiveIndex(store, encoder, searcher=searcher)


def _install_hooks(app: Flask, config: Config) -> None:
    """Install what surrounds the views; the first one installed sees the response last."""
    live_index: LiveIndex = app.extensions["silhouette.live_index"]
    app.before_request(_begin_request)
    install_request_log(app)
    install_metrics(app, live_index.searcher)
    thumbnails = QueryThumbnails(app.extensions["silhouette.queries"], config)
    usage = Usage(config.usage_file, thumbnails=thumbnails if config.loose_pictures else None)
    install_usage(app, usage)
    app.after_request(lambda response: _add_headers(response, config.frame_ancestors))
    install_prefix(app, config.prefix)
    install_cors(app, config.cors_origins)
    install_keys(app, Keyring(config.keys))
    install_capacity(app, config)
    if config.proxies:
        count = config.proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=count, x_proto=count, x_host=0)  # type: ignore[method-assign]


def create_app(config: Config | None = None, searcher: OpenIndex | None = None) -> Flask:
    """Make the application.

    Parameters
    ----------
    config : Config, optional
        By default it is read from the environment.
    searcher : OpenIndex, optional
        By default the encoder and the index that `config` names are opened. Where no index can be used
        yet, searches answer 503 until one can.

    Raises
    ------
    InvalidSetting, InvalidStore, InvalidKeys, UnreadableEncoder, EncoderMismatch
        The settings, the file of keys or the encoder is at fault; the text says what to do.
    """
    config = config or Config.from_environment(os.environ)
    app = Site("service")
    app.request_class = FormRequest
    app.config["MAX_CONTENT_LENGTH"] = _most_body_bytes(config)
    app.config["MAX_FORM_MEMORY_SIZE"] = FORM_BYTES
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.url_map.merge_slashes = False
    app.url_map.converters["item"] = ItemIdConverter
    app.extensions["silhouette.config"] = config
    app.extensions["silhouette.store"] = store = open_store(config.store, config.indexes)
    app.extensions["silhouette.live_index"] = _live_index(config, store, searcher)
    app.extensions["silhouette.queries"] = RecentQueries(
        config.query_folder,
        seconds=config.query_seconds,
        max_bytes=config.query_bytes,
        workers=config.workers,
    )
    app.extensions["silhouette.examples"] = Examples()
    app.extensions["silhouette.thumbnails"] = Thumbnails(
        config.thumbnail_folder, max_bytes=config.thumbnail_bytes, writers=config.workers
    )
    _install_hooks(app, config)
    for blueprint in (searches, items, bulk, index, status, pages):
        app.register_blueprint(blueprint)
    install_error_handlers(app)
    return app
