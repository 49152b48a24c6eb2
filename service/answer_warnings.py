"""The warnings of an answer, each with the rule that raises it; the page's texts are in static/query.js."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:  # loads native libraries, which must not happen before workers are forked
    from training.photo.garment import Garment

AnswerWarning = Literal["garment_not_found"]

_RULES: dict[AnswerWarning, Callable[["Garment"], bool]] = {
    "garment_not_found": lambda garment: not garment.found,
}


def warnings_of(garment: "Garment") -> list[AnswerWarning]:
    """Return the warnings that hold for a garment cut out of a picture."""
    return [warning for warning, applies in _RULES.items() if applies(garment)]
