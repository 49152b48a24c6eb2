"""Forms, multipart/form-data: fields as text, files as bytes in memory, and why a form can't be read."""

import io
import re
from typing import NamedTuple, NoReturn, cast

from flask import Request
from werkzeug.datastructures import FileStorage, Headers, MultiDict
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.formparser import MultiPartParser
from werkzeug.sansio.multipart import Data, Epilogue, Field, File, MultipartDecoder, NeedData, State

from service.errors import RefusedRequest

MULTIPART = "multipart/form-data"
_PIECE = 64 * 1024
_HOW = "Let the HTTP library make the form and its Content-Type, or send JSON."

Part = Field | File


class _Delimiter(NamedTuple):
    """Where a delimiter lies, read as the match of an expression is: `tail` is its only group."""

    first: int
    tail: re.Match[bytes]

    def start(self) -> int:
        return self.first

    def end(self) -> int:
        return self.tail.end()

    def group(self, number: int) -> bytes:
        return self.tail[number]


class Delimiters:
    """Finds the delimiters of a form where the expression of Werkzeug's decoder does.

    To compile that for each boundary, and to try it at each byte of a photograph, takes longer than all else
    in reading a form.

    Parameters
    ----------
    boundary : bytes
    after_break : bool
        Whether only delimiters at the beginning of a line count.
    """

    _TAIL = re.compile(rb"(--[^\S\n\r]*(?:\r\n|\n|\r)?|[^\S\n\r]*(?:\r\n|\n|\r))")

    def __init__(self, boundary: bytes, *, after_break: bool) -> None:
        self._dashed = b"--" + boundary
        self._after_break = after_break

    def search(self, data: bytearray, position: int = 0) -> _Delimiter | None:
        """Return the first delimiter from a position on."""
        at = data.find(self._dashed, position)
        while at >= 0:
            tail = self._TAIL.match(data, at + len(self._dashed))
            before = data[max(at - 2, position) : at]
            breaks = 2 if before == b"\r\n" else int(before[-1:] in (b"\r", b"\n"))
            if tail and (breaks or not self._after_break):
                return _Delimiter(at - breaks, tail)
            at = data.find(self._dashed, at + 1)
        return None


class _Decoder(MultipartDecoder):
    """Werkzeug's decoder, quicker, and for which names of files need not be UTF-8: they are not used."""

    def __init__(self, boundary: bytes, most_text: int | None, *, most_parts: int | None) -> None:
        super().__init__(b"", most_text, max_parts=most_parts)
        self.boundary = boundary
        self.preamble_re = Delimiters(boundary, after_break=False)  # type: ignore[assignment]
        self.boundary_re = Delimiters(boundary, after_break=True)  # type: ignore[assignment]

    def _parse_headers(self, data: bytes | bytearray) -> Headers:
        return super()._parse_headers(bytes(data).decode(errors="replace").encode())


def _refuse(cause: str) -> NoReturn:
    raise RefusedRequest("invalid_parameter", f"The form can't be read: {cause}. {_HOW}")


def refuse_encoded(request: Request) -> None:
    """Raise `RefusedRequest` for a compressed body."""
    coding = request.headers.get("Content-Encoding", "identity").strip().lower()
    if coding not in ("", "identity"):
        detail = f"The body is encoded with {coding[:60]}. Send it as it is, without Content-Encoding."
        raise RefusedRequest("unsupported_type", detail)


def _why_unfinished(state: State, boundary: str, *, empty: bool) -> str:
    if empty:
        return "the body is empty"
    if state is State.PREAMBLE:
        return f"the boundary {boundary[:80]!r} that its Content-Type names does not occur in the body"
    if state is State.PART:
        return "it ends in the head of a part, before a blank line"
    return f"it ends without its last boundary, {f'--{boundary[:80]}--'!r}; send all of it"


class _Form:
    """Gathers the parts of a form in their order."""

    def __init__(self, *, most_text: int | None) -> None:
        self.fields: list[tuple[str, str]] = []
        self.files: list[tuple[str, FileStorage]] = []
        self._most_text = most_text
        self._part: Part | None = None
        self._content = io.BytesIO()

    def take(self, event: object) -> None:
        """Take what the decoder has found."""
        if isinstance(event, Field | File):
            self._part, self._content = event, io.BytesIO()
        elif isinstance(event, Data) and self._part is not None:
            self._content.write(event.data)
            is_text = isinstance(self._part, Field)
            if is_text and self._most_text is not None and self._content.tell() > self._most_text:
                raise RequestEntityTooLarge
            if not event.more_data:
                self._end(self._part, self._part.name or "")

    def _end(self, part: Part, name: str) -> None:
        if isinstance(part, File):
            self._content.seek(0)
            self.files.append((name, FileStorage(self._content, part.filename, name, headers=part.headers)))
            return
        charset = MultiPartParser().get_part_charset(part.headers)
        try:
            self.fields.append((name, self._content.getvalue().decode(charset)))
        except UnicodeDecodeError:
            _refuse(f"the field {name[:60]!r} is not {charset} text")


class FormRequest(Request):
    """A request whose forms stay in memory, and whose parts all have a name.

    Werkzeug would write larger files to disk, although no body is larger than the memory that its image
    needs anyway, name a part without a name None, and take a form that it can't read for an empty one.
    """

    def _load_form_data(self) -> None:
        if self.mimetype != MULTIPART or "form" in self.__dict__:
            super()._load_form_data()
            return
        refuse_encoded(self)
        form = self._read_form(self.mimetype_params.get("boundary", ""))
        self.__dict__["stream"] = io.BytesIO()
        self.__dict__["form"] = self.parameter_storage_class(form.fields)
        self.__dict__["files"] = cast(type[MultiDict], self.parameter_storage_class)(form.files)

    def _read_form(self, boundary: str) -> _Form:
        if not boundary:
            _refuse("its Content-Type names no boundary")
        if not boundary.isascii():
            _refuse("its boundary holds other signs than ASCII")
        decoder = _Decoder(boundary.encode(), self.max_form_memory_size, most_parts=self.max_form_parts)
        form, stream, size = _Form(most_text=self.max_form_memory_size), self._get_stream_for_parsing(), 0
        try:
            while data := stream.read(_PIECE):
                size += len(data)
                decoder.receive_data(data)
                while not isinstance(event := decoder.next_event(), Epilogue | NeedData):
                    form.take(event)
        except ValueError:  # a part's head
            _refuse("a part has no Content-Disposition")
        if decoder.state is not State.EPILOGUE:
            _refuse(_why_unfinished(decoder.state, boundary, empty=not size))
        return form
