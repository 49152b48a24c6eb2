"""The texts of the search page, a table for each language; its keys are the same in all of them."""

import json
from pathlib import Path
from typing import Any

from werkzeug.datastructures import LanguageAccept

DEFAULT = "en"

TABLES: dict[str, dict[str, Any]] = {
    path.stem: json.loads(path.read_text("utf-8")) for path in sorted(Path(__file__).parent.glob("*.json"))
}
"""By language. A text that depends on a number is an object with `one` and `other`."""


def language_of(accepted: LanguageAccept) -> str:
    """Return the language among `TABLES` that a browser prefers, whatever the country."""
    languages = LanguageAccept([(tag.partition("-")[0], quality) for tag, quality in accepted])
    return languages.best_match(TABLES, DEFAULT)
