"""The warnings of an answer, each with the rule that raises it; the page's texts are in service/page."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:  # loads native libraries, which must not happen before workers are forked
    from training.photo.garment import Garment

AnswerWarning = Literal[
    "garment_not_found", "several_garments", "cutout_uncertain", "nothing_close", "filter_field_unknown"
]


@dataclass(frozen=True)
class Judged:
    """What an answer is warned about.

    Parameters
    ----------
    garment : Garment or None
        What was cut out of the picture; None where no picture was read.
    garments : int
        How many were found there.
    fields_known : bool
        Whether each field that was asked for is one that items have.
    close : bool
        Whether the first answers are close enough to be relied on.
    """

    garment: "Garment | None" = None
    garments: int = 0
    fields_known: bool = True
    close: bool = True


_RULES: dict[AnswerWarning, Callable[[Judged], bool]] = {
    "garment_not_found": lambda judged: judged.garment is not None and not judged.garment.found,
    "several_garments": lambda judged: judged.garments > 1,
    "cutout_uncertain": lambda judged: judged.garment is not None and judged.garment.uncertain,
    "nothing_close": lambda judged: not judged.close,
    "filter_field_unknown": lambda judged: not judged.fields_known,
}


def warnings_of(judged: Judged) -> list[AnswerWarning]:
    """Return the warnings that hold for an answer."""
    return [warning for warning, applies in _RULES.items() if applies(judged)]
