"""The sheet of masks: photographs with the outlines of the garments that were found in them, by section."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from skimage.measure import find_contours

from training.figures.sheet import (
    BLUE,
    BROWN,
    CAPTION,
    GAP,
    GREEN,
    HEADER,
    MARGIN,
    ORANGE,
    PURPLE,
    RED,
    SOFT,
    Box,
    Sheet,
    tiles,
)

COLOURS = (RED, BLUE, GREEN, ORANGE, PURPLE, BROWN)
"""Of the outlines: the main garment's first, then over again."""

_COLUMNS, _SIDE, _TITLE = 8, 1.5, 0.42


@dataclass(frozen=True)
class Outlined:
    """A photograph and the garments that were found in it.

    Parameters
    ----------
    photo : uint8 (h, w, 3)
    masks : tuple of bool (h, w)
        The main garment's first.
    label : str
        Written below it.
    """

    photo: np.ndarray
    masks: tuple[np.ndarray, ...]
    label: str = ""


@dataclass(frozen=True)
class Section:
    """Photographs under one title."""

    title: str
    shown: tuple[Outlined, ...]

    @property
    def rows(self) -> int:
        """How many rows of the sheet they take."""
        return math.ceil(len(self.shown) / _COLUMNS)


def trace(axes: Axes, mask: np.ndarray, colour: str, side: float) -> None:
    """Trace the outline of a mask, bool (h, w), on the axes of a square tile that shows its photograph.

    The tile has a `side` in inches, and its photograph lies in the middle.
    """
    height, width = mask.shape
    scale = side / max(height, width)
    left, top = (side - width * scale) / 2, (side - height * scale) / 2
    for contour in find_contours(np.pad(mask, 1).astype(np.float32), 0.5):
        down, across = (contour.T - 0.5) * scale
        for shade, thick in (("white", 2.2), (colour, 1.1)):
            axes.plot(left + across, top + down, color=shade, linewidth=thick, solid_capstyle="round")


def _draw_section(sheet: Sheet, top: float, section: Section) -> None:
    sheet.text(MARGIN, top + 0.2, section.title, size=10, bold=True)
    boxes = tiles((MARGIN, top + _TITLE), (_SIDE, _SIDE), len(section.shown), _COLUMNS)
    for box, shown in zip(boxes, section.shown, strict=True):
        axes = sheet.tile(box, shown.photo)
        for number, mask in enumerate(shown.masks):
            trace(axes, mask, COLOURS[number % len(COLOURS)], _SIDE)
        _caption(sheet, box, shown.label)


def _caption(sheet: Sheet, box: Box, label: str) -> None:
    sheet.text(box.left + 0.02, box.top + box.height + 0.14, label, size=7.5, colour=SOFT)


def mask_sheet(sections: Sequence[Section]) -> Figure:
    """Show photographs with what was found in them.

    Parameters
    ----------
    sections : sequence of Section
        Those without photographs are left out.

    Returns
    -------
    Figure
    """
    filled = [section for section in sections if section.shown]
    heights = [_TITLE + section.rows * (_SIDE + CAPTION) for section in filled]
    sheet = Sheet(2 * MARGIN + _COLUMNS * (_SIDE + GAP) - GAP, HEADER + sum(heights) + MARGIN)
    sheet.heading(MARGIN, "Masks", "Outlines of the garments that were found, the main one in red")
    top = HEADER
    for section, height in zip(filled, heights, strict=True):
        _draw_section(sheet, top, section)
        top += height
    return sheet.figure
