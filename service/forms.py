"""Requests with forms as they should be: every part has a name, and every file is closed in the end."""

from typing import IO, Any

from flask import Request


class FormRequest(Request):
    """Mends two things that Werkzeug makes of broken forms.

    It forgets a file that it has begun where the part has no end, and a part without a name is named None.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._begun: list[IO[bytes]] = []

    def _get_file_stream(self, *args: Any, **options: Any) -> IO[bytes]:
        stream = super()._get_file_stream(*args, **options)
        self._begun.append(stream)
        return stream

    def _load_form_data(self) -> None:
        super()._load_form_data()
        for kind in ("form", "files"):
            given = self.__dict__[kind]
            if None in given:
                named = [(name or "", value) for name, value in given.items(multi=True)]
                self.__dict__[kind] = type(given)(named)

    def close(self) -> None:
        """Close all files; Flask calls this at the end of each request."""
        super().close()
        for stream in self._begun:
            stream.close()
