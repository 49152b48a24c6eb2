"""The sheet of results: queries with their nearest neighbours by shape."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from training.figures.sheet import BLUE, CAPTION, GAP, GREEN, HEADER, INK, MARGIN, SOFT, Box, Sheet, tiles

PHOTO_RATIO = 4 / 3  # height of a result's tile over its width

_ONE_ROW = 6
_LETTER = 0.06  # mean width of a letter of size 8, in inches


@dataclass(frozen=True)
class Shown:
    """One photograph on a result sheet.

    Parameters
    ----------
    image : uint8 (h, w, 3)
    label : str
        Written below it, for instance its category.
    score : float, optional
        An answer's cosine similarity.
    right : bool, optional
        Whether an answer has the query's category; None where that is not known.
    mark : tuple of four float in [0, 1], optional
        A part of it that is framed: left, top, right and bottom, as fractions of the image's sides.
    """

    image: np.ndarray
    label: str = ""
    score: float | None = None
    right: bool | None = None
    mark: tuple[float, float, float, float] | None = None


@dataclass(frozen=True)
class Answered:
    """A query and its answers, the nearest first."""

    query: Shown
    answers: tuple[Shown, ...]


def _fitted(text: str, inches: float) -> str:
    """Shorten a text of size 8 to what fits, with an ellipsis."""
    most = max(int(inches / _LETTER), 1)
    return text if len(text) <= most else text[: most - 1].rstrip() + "\u2026"


def _caption(sheet: Sheet, box: Box, shown: Shown) -> None:
    """Write label and score below a tile, after a mark that says whether the category is right."""
    middle = box.top + box.height + 0.14
    left = box.left + 0.02
    if shown.right is not None:
        mark, colour = ("\u25cf", GREEN) if shown.right else ("\u25cb", SOFT)
        sheet.text(left, middle, mark, size=8, colour=colour)
        left += 0.15
    right = box.left + box.width - 0.02
    label = _fitted(shown.label, right - left - (0.0 if shown.score is None else 0.34))
    sheet.text(left, middle, label, size=8, colour=SOFT if shown.right is False else INK)
    if shown.score is not None:
        sheet.text(right, middle, f"{shown.score:.2f}", size=8, colour=SOFT, align="right")


def _draw_answered(
    sheet: Sheet, top: float, answered: Answered, columns: int, size: tuple[float, float]
) -> None:
    """Show the query in a heavy frame, as high as all rows of its answers, and the answers beside it."""
    width, height = size
    rows = math.ceil(len(answered.answers) / columns)
    tall = rows * height + (rows - 1) * CAPTION
    query = Box(MARGIN, top, tall * width / height, tall)
    sheet.tile(query, answered.query.image, frame=BLUE, mark=answered.query.mark)
    sheet.text(query.left + 0.02, top + tall + 0.14, "query", size=8, colour=BLUE, bold=True)
    right = query.left + query.width - 0.02
    label = _fitted(answered.query.label, query.width - 0.5)
    sheet.text(right, top + tall + 0.14, label, size=8, align="right")
    start = (query.left + query.width + 3 * GAP, top)
    boxes = tiles(start, (width, height), len(answered.answers), columns)
    for box, shown in zip(boxes, answered.answers, strict=True):
        sheet.tile(box, shown.image, mark=shown.mark)
        _caption(sheet, box, shown)


def result_sheet(
    answered: Sequence[Answered],
    *,
    title: str = "The nearest by shape",
    subtitle: str = "Each query, in a blue frame, with its nearest neighbours and their cosine similarities",
    ratio: float = PHOTO_RATIO,
) -> Figure:
    """Show queries with their nearest neighbours; up to six stand in one row, more in two.

    Parameters
    ----------
    answered : sequence of Answered
        Looks best with the same number of answers each.
    title, subtitle : str
    ratio : float
        Height of a tile over its width.

    Returns
    -------
    Figure

    Raises
    ------
    ValueError
        There is no query, or a query has no answer.
    """
    most = max((len(one.answers) for one in answered), default=0)
    if not all(one.answers for one in answered) or not most:
        raise ValueError("A result sheet needs queries with at least one answer each. Search first.")
    rows = 1 if most <= _ONE_ROW else 2
    columns, width = math.ceil(most / rows), 1.35 if rows == 1 else 1.16
    tall = rows * width * ratio + (rows - 1) * CAPTION
    step = tall + CAPTION + 0.28
    across = 2 * MARGIN + tall / ratio + 2 * GAP + columns * (width + GAP)
    sheet = Sheet(across, HEADER + len(answered) * step + 0.25)
    sheet.heading(MARGIN, title, subtitle)
    for number, one in enumerate(answered):
        _draw_answered(sheet, HEADER + number * step, one, columns, (width, width * ratio))
    if any(shown.right is not None for one in answered for shown in one.answers):
        foot = sheet.height - 0.25
        sheet.text(MARGIN, foot, "\u25cf", size=8, colour=GREEN)
        sheet.text(MARGIN + 0.15, foot, "the query's category", size=8, colour=SOFT)
        sheet.text(MARGIN + 1.65, foot, "\u25cb", size=8, colour=SOFT)
        sheet.text(MARGIN + 1.8, foot, "another category", size=8, colour=SOFT)
    return sheet.figure
