"""The only place that maps failures to HTTP statuses; each failure becomes application/problem+json."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from flask import Flask, Response, current_app, g, jsonify
from werkzeug.exceptions import ClientDisconnected, HTTPException

from index.errors import (
    ChangeNotConfirmed,
    ChangeNotWritten,
    ChangesDamaged,
    IndexDamaged,
    IndexNotWritten,
    InvalidFilter,
    ItemUnknown,
    NoIndex,
    RankingTooDeep,
    StoreFailed,
    StoreUnreachable,
)
from service.responses import Problem
from training.errors import (
    AddressRefused,
    AddressUnreachable,
    EncoderMismatch,
    FileTooLarge,
    ImageTooLarge,
    SilhouetteError,
    UnreadableImage,
    UnsupportedImageType,
)

RETRY_AFTER_SECONDS = 2

TITLES = {
    "no_image": (400, "No image was sent"),
    "several_images": (400, "More than one image was sent"),
    "invalid_parameter": (400, "A field has a value that is not accepted"),
    "invalid_filter": (400, "The filter is not valid"),
    "key_missing": (401, "A key is needed"),
    "key_wrong": (403, "The key does not allow this"),
    "url_not_allowed": (403, "Images from that address are not fetched"),
    "item_unknown": (404, "There is no such item"),
    "query_expired": (404, "The photo of that search is no longer kept"),
    "version_unknown": (404, "There is no such version"),
    "not_found": (404, "There is nothing at this address"),
    "method_not_allowed": (405, "This address does not take that method"),
    "upload_too_slow": (408, "The request did not arrive in time"),
    "version_unusable": (409, "That version can not be switched to"),
    "upload_too_large": (413, "The file is too large"),
    "image_too_large": (413, "The image has too many pixels"),
    "unsupported_type": (415, "This type of content is not supported"),
    "image_undecodable": (422, "The image could not be read"),
    "image_url_unreachable": (422, "The image could not be fetched"),
    "too_many_requests": (429, "Too many requests at the same time"),
    "internal_error": (500, "Something went wrong on our side"),
    "overloaded": (503, "The service is busy"),
    "index_not_ready": (503, "The catalogue is not ready yet"),
}

_PARAMS = {"invalid_filter": "filter", "invalid_parameter": "offset"}

_DOMAIN: dict[type[Exception], str] = {
    UnsupportedImageType: "unsupported_type",
    FileTooLarge: "upload_too_large",
    ImageTooLarge: "image_too_large",
    UnreadableImage: "image_undecodable",
    AddressRefused: "url_not_allowed",
    AddressUnreachable: "image_url_unreachable",
    ItemUnknown: "item_unknown",
    InvalidFilter: "invalid_filter",
    RankingTooDeep: "invalid_parameter",
}

_NOT_STORED = (
    "The change could not be stored, and nothing was changed. Retry; the log says what is in the way."
)

_NOT_CONFIRMED = "Whether the change was stored is not known. Repeat it: made twice, it is made once."
_NO_ANSWER = "The store of the index does not answer. Searches go on as soon as it does; retry shortly."

_NOT_READY: dict[type[Exception], str] = {
    NoIndex: "No index is published yet. It is taken up as soon as it appears; retry shortly.",
    IndexDamaged: "The published index is damaged. The next build replaces it; retry later.",
    ChangeNotWritten: _NOT_STORED,
    ChangeNotConfirmed: _NOT_CONFIRMED,
    StoreUnreachable: _NO_ANSWER,
    StoreFailed: _NO_ANSWER,
    ChangesDamaged: _NOT_STORED,
    IndexNotWritten: _NOT_STORED,
    EncoderMismatch: "The published index belongs to another encoder. The next build replaces it; retry.",
}

_HTTP = {
    400: ("invalid_parameter", "Malformed request. Check its syntax."),
    404: ("not_found", "The API starts at {prefix}/v1/search; the search page is at {prefix}/."),
    405: ("method_not_allowed", "Use one of the methods named in the header Allow."),
    413: ("upload_too_large", "The body has more bytes than are accepted. Send a smaller file."),
    415: ("unsupported_type", "Send multipart/form-data with one `file`, or application/json."),
}

_log = logging.getLogger(__name__)


class InvalidSetting(SilhouetteError):
    """A setting of the service has a value that is not accepted."""


class InvalidKeys(SilhouetteError):
    """The file of keys, or the name of a key, can't be used."""


class PortInUse(SilhouetteError):
    """Another program listens on the port that the service was to use."""


class ServiceUnusable(SilhouetteError):
    """Workers can't start with these settings."""


class RefusedRequest(SilhouetteError):
    """A request that can't be answered, with the error code of the API.

    Parameters
    ----------
    code : str
        A key of `TITLES`.
    detail : str
        What was received, what is accepted and what to do next.
    param : str, optional
        The field at fault.
    """

    def __init__(self, code: str, detail: str, *, param: str | None = None) -> None:
        super().__init__(detail)
        self.code = code
        self.param = param


def _problem(code: str, detail: str, param: str | None = None) -> Problem:
    status, title = TITLES[code]
    named = {} if param is None else {"param": param}
    request_id = g.get("request_id", "")
    return Problem(
        type=f"/errors/{code}",
        title=title,
        status=status,
        code=code,
        detail=detail,
        request_id=request_id,
        **named,
    )


def _respond(problem: Problem) -> Response:
    response = jsonify(problem.model_dump(exclude_unset=True))
    response.status_code = problem.status
    response.mimetype = "application/problem+json"
    if problem.status in (429, 503):
        response.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    if problem.status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def _nearest(table: dict[type[Exception], str], error: SilhouetteError) -> str | None:
    return next((table[kind] for kind in type(error).__mro__ if kind in table), None)


def problem_of(error: SilhouetteError) -> Problem:
    """Return the problem that describes a failure; an unexpected one is logged."""
    if isinstance(error, RefusedRequest):
        return _problem(error.code, str(error), error.param)
    if not_ready := _nearest(_NOT_READY, error):  # the error's own text names folders: it is for the log
        if not_ready in (_NOT_STORED, _NOT_CONFIRMED, _NO_ANSWER):
            _log.error("request %s was not answered: %s", g.get("request_id", ""), error)
        return _problem("index_not_ready", not_ready)
    if code := _nearest(_DOMAIN, error):
        return _problem(code, str(error), _PARAMS.get(code))
    return _unforeseen(error)


@contextmanager
def refusing(param: str) -> Iterator[None]:
    """Let failures within the block that are the client's name the field `param` as the one at fault.

    Raises
    ------
    RefusedRequest
        In place of such a failure, which is its cause.
    """
    try:
        yield
    except SilhouetteError as error:
        code = None if isinstance(error, RefusedRequest) else _nearest(_DOMAIN, error)
        if code is None:
            raise
        raise RefusedRequest(code, str(error), param=_PARAMS.get(code, param)) from error


def _answer_domain(error: SilhouetteError) -> Response:
    return _respond(problem_of(error))


def _answer_http(error: HTTPException) -> Response:
    if error.code is None or error.code >= 500:
        return _answer_unforeseen(error)
    if isinstance(error, ClientDisconnected):
        return _respond(
            _problem("upload_too_slow", "The body stopped before it was whole. Send all of it again.")
        )
    code, detail = _HTTP.get(error.code, _HTTP[400])
    prefix = current_app.extensions["silhouette.config"].prefix
    response = _respond(_problem(code, detail.format(prefix=prefix)))
    for name, value in error.get_headers():
        if name == "Allow":
            response.headers[name] = value
    return response


def _unforeseen(error: Exception) -> Problem:
    _log.error("request %s failed", g.get("request_id", ""), exc_info=error)
    return _problem("internal_error", "Retry; if it happens again, report it with the request_id.")


def _answer_unforeseen(error: Exception) -> Response:
    return _respond(_unforeseen(error))


def install_error_handlers(app: Flask) -> None:
    """Give all failures of `app` one shape: our own, Flask's, and unexpected exceptions."""
    app.register_error_handler(SilhouetteError, _answer_domain)
    app.register_error_handler(HTTPException, _answer_http)
    app.register_error_handler(Exception, _answer_unforeseen)
