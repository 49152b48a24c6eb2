"""The fields of a search beside its photograph: numbers and a box, checked, or an error naming the field."""

import json
import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Self

from service.config import Config
from service.errors import RefusedRequest

Box = tuple[float, float, float, float]
Fields = Mapping[str, Any]

SMALLEST_BOX = 0.02
_BOX_FORM = (
    "Accepted: four fractions of the picture, left, top, right, bottom, from 0 to 1 with left < right and "
    f"top < bottom, at least {SMALLEST_BOX} apart, such as [0.1, 0.2, 0.9, 0.95]."
)


def _invalid(name: str, value: Any, accepted: str) -> RefusedRequest:
    shown = json.dumps(value, default=str)
    shown = shown if len(shown) <= 60 else shown[:57] + "..."
    return RefusedRequest("invalid_parameter", f"`{name}` is {shown}. {accepted}", param=name)


def _number(name: str, value: Any, accepted: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise _invalid(name, value, accepted)
    try:
        number = float(value)
    except (ValueError, OverflowError):
        raise _invalid(name, value, accepted) from None
    if not math.isfinite(number):
        raise _invalid(name, str(value), accepted)
    return number


def _whole(fields: Fields, name: str, default: int, *, least: int, most: int) -> int:
    accepted = f"Accepted: a whole number from {least:,} to {most:,}."
    number = _number(name, fields.get(name, default), accepted)
    if number != int(number) or not least <= number <= most:
        raise _invalid(name, fields[name], accepted)
    return int(number)


def _score(fields: Fields) -> float:
    accepted = "Accepted: a number from -1 to 1."
    score = _number("min_score", fields.get("min_score", -1.0), accepted)
    if not -1 <= score <= 1:
        raise _invalid("min_score", fields["min_score"], accepted)
    return score


def _corners(value: Any) -> list[Any]:
    if isinstance(value, str):
        value = value.strip().removeprefix("[").removesuffix("]").split(",")
    if not isinstance(value, list) or len(value) != 4:
        raise _invalid("box", value, _BOX_FORM)
    return value


def parse_box(fields: Fields) -> Box | None:
    """Return the part of the picture to search with, or None where the request names none.

    Raises
    ------
    RefusedRequest
        With code `invalid_parameter` and param `box`.
    """
    if fields.get("box") is None:
        return None
    left, top, right, bottom = (_number("box", corner, _BOX_FORM) for corner in _corners(fields["box"]))
    inside = min(left, top) >= 0 and max(right, bottom) <= 1
    if not inside or min(right - left, bottom - top) < SMALLEST_BOX:
        raise _invalid("box", fields["box"], _BOX_FORM)
    return left, top, right, bottom


def refuse_unknown(fields: Collection[str], *, accepted: Collection[str]) -> None:
    """Raise `RefusedRequest` for the first field that is not accepted, naming those that are."""
    for name in fields:
        if name not in accepted:
            listed = ", ".join(sorted(accepted))
            detail = f"The field `{name[:60]}` is not accepted here. Accepted: {listed}. Leave it out."
            raise RefusedRequest("invalid_parameter", detail, param=name[:60])


@dataclass(frozen=True)
class Paging:
    """Which part of the ranking is asked for."""

    limit: int
    offset: int
    min_score: float

    @classmethod
    def parse(cls, fields: Fields, config: Config) -> Self:
        """Read `limit`, `offset` and `min_score`; an absent one takes its default.

        Raises
        ------
        RefusedRequest
            With code `invalid_parameter`, and the field in `param`.
        """
        limit = _whole(fields, "limit", config.default_limit, least=1, most=config.max_limit)
        offset = _whole(fields, "offset", 0, least=0, most=config.max_offset)
        return cls(limit, offset, _score(fields))
