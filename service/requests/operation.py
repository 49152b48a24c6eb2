"""What an endpoint takes and answers: the description that contract, capacity and keys are driven by."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from flask import current_app, request
from pydantic import BaseModel

if TYPE_CHECKING:  # it loads NumPy, which may not be loaded before the workers fork
    from service.requests.parameters import Fields

READING = ("index_not_ready",)
BODY = ("invalid_parameter", "upload_too_slow", "upload_too_large", "unsupported_type")
DECODED = ("image_too_large", "image_undecodable")
PICTURE = ("no_image", *DECODED)
_WHEN_SHED = ("too_many_requests", "overloaded")
_WHEN_KEYED = ("key_missing", "key_wrong")

JSON, LINES = "application/json", "application/x-ndjson"

View = TypeVar("View", bound=Callable[..., Any])


@dataclass(frozen=True)
class Operation:
    """What a view takes and answers.

    Parameters
    ----------
    answer : type of BaseModel or str or None
        The body, or the media type of one that is not JSON; None for no body.
    query, body, form : type of Fields, optional
        Fields in the address, in JSON, and in multipart beside the `file`.
    files : int
        How many files may be sent in multipart, at most.
    codes : tuple of str
        The failures of its own, keys of `service.errors.TITLES`.
    statuses : tuple of int
        Those of success.
    key : bool
        Whether it needs a key; `service.http.keys` asks for it before the body is read.
    sheds : bool
        Whether it is heavy, so that `service.http.capacity` queues it and refuses what is too much.
    several : bool
        Whether it is several searches or changes in one, which leave queue slots for others.
    lines : bool
        Whether body and answer are lines of JSON, of these models each.
    picture : str or None
        The media type that is answered unless JSON is preferred.
    """

    answer: type[BaseModel] | str | None
    query: "type[Fields] | None" = None
    body: "type[Fields] | None" = None
    form: "type[Fields] | None" = None
    files: int = 1
    codes: tuple[str, ...] = ()
    statuses: tuple[int, ...] = (200,)
    key: bool = False
    sheds: bool = False
    several: bool = False
    lines: bool = False
    picture: str | None = None

    @property
    def failures(self) -> tuple[str, ...]:
        """The codes of all failures that it may answer, those of shedding and of keys included."""
        shed, keyed = _WHEN_SHED if self.sheds else (), _WHEN_KEYED if self.key else ()
        return (*self.codes, *shed, *keyed)

    @property
    def media_type(self) -> str:
        """The media type of body and answer, where they are of models."""
        return LINES if self.lines else JSON

    @property
    def takes(self) -> "list[type[Fields]]":
        """The models of what it takes."""
        return [model for model in (self.query, self.body, self.form) if model is not None]


def describe(operation: Operation) -> Callable[[View], View]:
    """Describe what a view takes and answers; its docstring is the summary."""

    def mark(view: View) -> View:
        view.operation = operation  # type: ignore[attr-defined]
        return view

    return mark


def requested_operation() -> Operation | None:
    """Return the operation that the request asks for; None for a preflight, and where none is described."""
    if request.method == "OPTIONS":
        return None
    view = current_app.view_functions.get(request.endpoint or "")
    return getattr(view, "operation", None)
