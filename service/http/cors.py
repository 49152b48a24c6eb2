"""CORS: the origins in the settings may call the API from a browser."""

from flask import Flask, Response, request
from flask.globals import request_ctx
from werkzeug.datastructures import HeaderSet

SENT = ("Authorization", "Content-Type", "X-Api-Key", "X-Request-Id")
SHOWN = ("Retry-After", "X-Request-Id")
PREFLIGHT_SECONDS = 600


def _allowed(origins: tuple[str, ...]) -> str | None:
    """Return the request's origin if it is among `origins`."""
    origin = request.headers.get("Origin")
    if origin is None or not request.path.startswith("/v1/"):
        return None
    if "*" in origins:
        return "*"
    return origin if origin in origins else None


def _preflight(origins: tuple[str, ...]) -> Response | None:
    """Answer a browser's preflight request."""
    wanted = request.headers.get("Access-Control-Request-Method")
    addresses = request_ctx.url_adapter
    if request.method != "OPTIONS" or wanted is None or _allowed(origins) is None or addresses is None:
        return None
    response = Response(status=204)
    response.access_control_allow_methods = HeaderSet(sorted(addresses.allowed_methods()))
    response.access_control_allow_headers = HeaderSet(SENT)
    response.access_control_max_age = PREFLIGHT_SECONDS
    return response


def _share(response: Response, origins: tuple[str, ...]) -> Response:
    if "*" not in origins:
        response.vary.add("Origin")
    if origin := _allowed(origins):
        response.access_control_allow_origin = origin
        response.access_control_expose_headers = HeaderSet(SHOWN)
    return response


def install_cors(app: Flask, origins: tuple[str, ...]) -> None:
    """Let pages of `origins` read responses under /v1/; browsers block all others by themselves.

    No answer allows credentials: keys travel in a header that the calling page sets itself.
    """
    if origins:
        app.before_request(lambda: _preflight(origins))
        app.after_request(lambda response: _share(response, origins))
