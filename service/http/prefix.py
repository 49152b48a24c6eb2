"""The path prefix under which a proxy passes the service on, from the settings and never from a header."""

from flask import Flask, request
from werkzeug.exceptions import NotFound
from werkzeug.middleware.dispatcher import DispatcherMiddleware

PROBED = ("/healthz", "/readyz", "/metrics")
"""What health checks and Prometheus, which ask this machine directly, find without the prefix, too."""


def _refuse_without(prefix: str) -> None:
    if request.script_root != prefix and request.path not in PROBED:
        raise NotFound


def install_prefix(app: Flask, prefix: str) -> None:
    """Answer below `prefix` alone, such as /shop, and begin all addresses in answers with it.

    The prefix is cut off before routing, so that all else in the service is the same with and without one.
    """
    if prefix:
        app.before_request(lambda: _refuse_without(prefix))
        app.wsgi_app = DispatcherMiddleware(app.wsgi_app, {prefix: app.wsgi_app})  # type: ignore[method-assign]
