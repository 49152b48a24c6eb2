"""Requests with forms as they should be: files stay in memory, and every part has a name."""

import io
from typing import IO, Any

from flask import Request


class FormRequest(Request):
    """Mends two things that Werkzeug makes of forms.

    It puts larger files on the disk, though no body is larger than the memory that its picture needs; and a
    part without a name is named None.
    """

    def _get_file_stream(self, *args: Any, **options: Any) -> IO[bytes]:
        return io.BytesIO()

    def _load_form_data(self) -> None:
        super()._load_form_data()
        for kind in ("form", "files"):
            given = self.__dict__[kind]
            if None in given:
                named = [(name or "", value) for name, value in given.items(multi=True)]
                self.__dict__[kind] = type(given)(named)
