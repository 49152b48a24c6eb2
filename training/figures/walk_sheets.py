"""The sheets of a walk through the encoder: how one photograph becomes a vector, step by step."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from training.figures.garment_sheet import on_background
from training.figures.mask_sheet import Outlined, trace
from training.figures.sheet import CHANNELS, HEADER, MARGIN, PAPER, RED, SOFT, Box, Sheet
from training.photo.garment_types import CLASSES

TINTS = (
    "#e6e9ec", "#c9a28a", "#b5495b", "#6b5b95", "#2b6c8f",
    "#2f9068", "#d9822b", "#4a4a4a", "#8c7a5b", "#c2a83e",
)  # fmt: skip
"""Colours of the classes of a parse: of background, person, and each type of garment."""

_SIDE, _STEP, _ROW = 1.6, 1.85, 2.05
_TOP = HEADER + 0.2
_LINES = "bone_r"


def _sheet(columns: float, rows: int = 1, *, below: float = 0.3) -> Sheet:
    return Sheet(2 * MARGIN + columns * _STEP + _SIDE - _STEP, _TOP + rows * _ROW + _SIDE - _ROW + below)


def _box(column: float, row: float = 0, side: float = _SIDE) -> Box:
    """Return a square in the middle of a cell of the grid."""
    rest = (_SIDE - side) / 2
    return Box(MARGIN + column * _STEP + rest, _TOP + row * _ROW + rest, side, side)


def _title(sheet: Sheet, box: Box, text: str) -> None:
    sheet.text(box.left + box.width / 2, box.top - 0.13, text, size=8.5, colour=SOFT, align="center")


def _legend(sheet: Sheet, box: Box, entries: Sequence[tuple[str, str]]) -> None:
    """Write names below a picture, each behind a dot of its colour, two in a row."""
    for number, (name, colour) in enumerate(entries):
        row, column = divmod(number, 2)
        left, middle = box.left + 0.03 + column * 0.8, box.top + box.height + 0.15 + 0.17 * row
        sheet.text(left, middle, "\u25cf", size=8, colour=colour)
        sheet.text(left + 0.11, middle, name, size=7, colour=SOFT)


def _signed(sheet: Sheet, box: Box, values: np.ndarray) -> None:
    """Show numbers on a scale symmetric about zero: blue is negative, red positive."""
    high = max(float(np.abs(values).max()), 1e-6)
    sheet.map(box, values, colours="RdBu_r", low=-high, high=high)


def _strokes(sheet: Sheet, box: Box, edges: np.ndarray, high: float | None = None) -> None:
    high = max(float(np.percentile(edges, 99.5)), 1e-6) if high is None else high
    sheet.map(box, edges, colours=_LINES, low=0, high=high)


@dataclass(frozen=True)
class Parsed:
    """A photograph and what was found in it.

    Parameters
    ----------
    outlined : Outlined
        The photograph and its garments, the main one first.
    types : tuple of str
        Of the garments.
    classes : uint8 (h, w)
        Of each place, an index of `training.photo.garment_types.CLASSES`.
    cutout : uint8 (128, 128, 4)
        Of the main garment.
    """

    outlined: Outlined
    types: tuple[str, ...]
    classes: np.ndarray
    cutout: np.ndarray


def found_sheet(parsed: Parsed) -> Figure:
    """Show a photograph, its parse, the garments that were found, and the main one cut out."""
    sheet = _sheet(4, below=0.75)
    sheet.heading(
        MARGIN,
        "Garments",
        "The segmenter tells what each place is; the main garment is cut out and stood straight",
    )
    boxes = [_box(column) for column in range(4)]
    for box, text in zip(boxes, ("photograph", "parse", "garments found", "cut-out"), strict=True):
        _title(sheet, box, text)
    photo = parsed.outlined.photo
    shape = zip(photo.shape, parsed.classes.shape, strict=False)
    rows, columns = (np.arange(size) * side // size for size, side in shape)
    tints = np.rint(np.array([to_rgb(tint) for tint in TINTS]) * 255).astype(np.uint8)
    sheet.tile(boxes[0], photo)
    sheet.tile(boxes[1], tints[parsed.classes[np.ix_(rows, columns)]])
    axes = sheet.tile(boxes[2], photo)
    for mask, kind in zip(parsed.outlined.masks, parsed.types, strict=True):
        trace(axes, mask, TINTS[CLASSES.index(kind)], _SIDE)
    sheet.tile(boxes[3], on_background(parsed.cutout))
    seen = np.unique(parsed.classes).tolist()
    _legend(sheet, boxes[1], [(CLASSES[number], TINTS[number]) for number in seen])
    return sheet.figure


def edge_sheet(
    pixels: np.ndarray, kernels: Sequence[np.ndarray], derivatives: np.ndarray, edges: np.ndarray
) -> Figure:
    """Show how two fixed kernels turn mask and luminance into edge maps, a row each.

    Parameters
    ----------
    pixels : float32 (2, h, w) in [0, 1]
        Mask and luminance.
    kernels : two of float (3, 3)
        They find what brightens to the right, and downwards.
    derivatives : float32 (2, 2, h, w)
        Of each row, by each kernel.
    edges : float32 (2, h, w) in [0, 1]
        Outline and inner lines.

    Returns
    -------
    Figure
    """
    sheet = _sheet(5.2, 2, below=0.3)
    sheet.heading(MARGIN, "Edges", "Sobel's two kernels, laid on every pixel; blue is negative, red positive")
    names = (("mask", "outline"), ("luminance", "inner lines"))
    for row, (before, after) in enumerate(names):
        boxes = [_box(column, row) for column in (0, 1.6, 3.2, 4.2)]
        sheet.map(boxes[0], pixels[row], colours="gray", low=0, high=1)
        for kernel, derivative, box in zip(kernels, derivatives[row], boxes[1:3], strict=True):
            small = Box(box.left - 0.8, box.top + _SIDE / 2 - 0.24, 0.48, 0.48)
            _signed(sheet, small, kernel)
            sheet.text(small.left - 0.13, small.top + 0.24, "\u22c6", size=15, align="center")
            sheet.text(small.left + 0.63, small.top + 0.24, "=", size=11, align="center")
            _signed(sheet, box, derivative)
        _strokes(sheet, boxes[3], edges[row])
        titles = (before, "to the right", "downwards", f"strength: {after}")
        for box, text in zip(boxes, titles, strict=True):
            _title(sheet, box, text)
    return sheet.figure


@dataclass(frozen=True)
class Correlated:
    """A part of one garment, looked for in another.

    Parameters
    ----------
    query, answer : float32 (s, s) in [0, 1]
        Edges of both.
    mark, found : tuple of four float in [0, 1]
        Where the part lies in the query, and where it fits best on the answer.
    part : float32 (k, l)
        The edges within the mark.
    plain, normalised : float (s + k - 1, s + l - 1)
        How well the part fits at each shift: the sum of products, and Pearson's correlation.
    """

    query: np.ndarray
    answer: np.ndarray
    mark: tuple[float, float, float, float]
    found: tuple[float, float, float, float]
    part: np.ndarray
    plain: np.ndarray
    normalised: np.ndarray


def _marked(sheet: Sheet, box: Box, edges: np.ndarray, mark: tuple[float, float, float, float]) -> None:
    axes = sheet.map(box, edges, colours=_LINES, low=0, high=max(float(edges.max()), 1e-6))
    left, top, right, bottom = np.array(mark) * edges.shape[0] - 0.5
    axes.add_patch(Rectangle((left, top), right - left, bottom - top, fill=False, edgecolor=RED, lw=1.6))


def _bright_spot(sheet: Sheet, box: Box, scores: np.ndarray) -> None:
    axes = sheet.map(box, scores, colours="magma", low=float(scores.min()), high=float(scores.max()))
    row, column = np.unravel_index(scores.argmax(), scores.shape)
    axes.plot(column, row, "o", markersize=9, mfc="none", mec=PAPER, mew=1.2)


def correlation_sheet(found: Correlated) -> Figure:
    """Show a part as a kernel, its correlation with another garment at every shift, and the bright spot."""
    sheet = _sheet(5.7, below=0.3)
    sheet.heading(
        MARGIN,
        "Where a part lies",
        "The query's part is laid on another garment at every shift; it lies where the spot is brightest",
    )
    boxes = [_box(column) for column in (0, 1.7, 2.7, 3.7, 4.7)]
    height, width = found.part.shape
    side = 0.75 / max(height, width)
    small = Box(
        boxes[0].left + _SIDE + 0.2, boxes[0].top + (_SIDE - side * height) / 2, side * width, side * height
    )
    _marked(sheet, boxes[0], found.query, found.mark)
    _strokes(sheet, small, found.part, 1.0)
    sheet.map(boxes[1], found.answer, colours=_LINES, low=0, high=1)
    _bright_spot(sheet, boxes[2], found.plain)
    _bright_spot(sheet, boxes[3], found.normalised)
    _marked(sheet, boxes[4], found.answer, found.found)
    titles = ("query", "another garment", "cross-correlation", "normalised", "found")
    for box, text in zip((*boxes[:1], *boxes[1:]), titles, strict=True):
        _title(sheet, box, text)
    _title(sheet, small, "part")
    return sheet.figure


def bottleneck_sheet(drawn: np.ndarray, bottleneck: np.ndarray, rebuilt: np.ndarray) -> Figure:
    """Show edges, the numbers that are left of them, and what the decoder draws from these alone.

    Parameters
    ----------
    drawn, rebuilt : float32 (h, w, 2) in [0, 1]
        What is to be drawn, and what is.
    bottleneck : float32 (d,)

    Returns
    -------
    Figure
    """
    sheet = _sheet(5, below=0.3)
    sheet.heading(
        MARGIN,
        "Bottleneck and reconstruction",
        f"{len(bottleneck)} numbers are what is left of a garment, and all that the decoder has to draw it",
    )
    boxes = [_box(column) for column in range(5)]
    for channel, name in enumerate(CHANNELS):
        high = max(float(np.percentile(drawn[..., channel], 99.5)), 1e-6)
        for box, edges, said in (
            (boxes[channel], drawn, name),
            (boxes[3 + channel], rebuilt, f"rebuilt: {name}"),
        ):
            _strokes(sheet, box, edges[..., channel], high)
            _title(sheet, box, said)
    columns = int(np.ceil(np.sqrt(len(bottleneck))))
    square = np.zeros(columns * -(-len(bottleneck) // columns), np.float32)
    square[: len(bottleneck)] = bottleneck
    _signed(sheet, boxes[2], square.reshape(-1, columns))
    _title(sheet, boxes[2], "bottleneck")
    return sheet.figure
