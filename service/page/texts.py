"""The texts of the search page and of the status page, a table for each language, all with the same keys."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flask import Response, make_response, render_template, request
from werkzeug.datastructures import LanguageAccept

DEFAULT = "en"


def _tables(folder: Path) -> dict[str, dict[str, Any]]:
    return {path.stem: json.loads(path.read_text("utf-8")) for path in sorted(folder.glob("*.json"))}


TABLES = _tables(Path(__file__).parent)
"""By language. A text that depends on a number is an object with `one` and `other`."""

STATUS_TABLES = _tables(Path(__file__).parent / "status")
"""The same for the status page."""


def language_of(accepted: LanguageAccept) -> str:
    """Return the language among `TABLES` that a browser prefers, whatever the country."""
    languages = LanguageAccept([(tag.partition("-")[0], quality) for tag, quality in accepted])
    return languages.best_match(TABLES, DEFAULT)


def in_language(template: str, tables: Mapping[str, Any], **values: Any) -> Response:
    """Return a page in the language that the browser prefers, with the table of its texts as `t`."""
    language = language_of(request.accept_languages)
    response = make_response(render_template(template, language=language, t=tables[language], **values))
    response.content_language.add(language)
    response.vary.add("Accept-Language")
    return response
