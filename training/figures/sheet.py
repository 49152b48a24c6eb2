"""The sheet that figures are laid out on, in inches from its upper left corner, with layout and colours."""

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch, Rectangle

from training.files import write_atomically

DPI = 144
MARGIN = 0.4
HEADER = 1.0
GAP = 0.12
CELL = 1.42
CAPTION = 0.3
ROUNDING = 0.06
CHANNELS = ("outline", "inner lines")
INK, SOFT, LINE, PAPER, BACKGROUND = "#1f2933", "#66727f", "#d9dee3", "#ffffff", "#f3f4f6"
BLUE, ORANGE, PURPLE, GREEN, RED, BROWN = "#2b6c8f", "#d9822b", "#6b5b95", "#2f9068", "#b5495b", "#8c7a5b"
NEUTRAL = (243, 244, 246)  # BACKGROUND as RGB


@dataclass(frozen=True)
class Box:
    """A rectangle on a sheet: its upper left corner and its size, in inches."""

    left: float
    top: float
    width: float
    height: float


def _rounded(box: Box) -> FancyBboxPatch:
    style = f"round,pad=0,rounding_size={ROUNDING}"
    return FancyBboxPatch((0, 0), box.width, box.height, boxstyle=style)


class Sheet:
    """A Matplotlib figure of a given size in inches, filled with pictures and text at exact places."""

    def __init__(self, width: float, height: float) -> None:
        self.width, self.height = width, height
        self.figure = Figure(figsize=(width, height), dpi=DPI, facecolor=PAPER)

    def axes(self, box: Box) -> Axes:
        """Add empty axes without ticks or frame."""
        place = (
            box.left / self.width,
            1 - (box.top + box.height) / self.height,
            box.width / self.width,
            box.height / self.height,
        )
        axes = self.figure.add_axes(place)
        axes.set_axis_off()
        return axes

    def text(
        self,
        left: float,
        top: float,
        text: str,
        *,
        size: float = 9,
        colour: str = INK,
        bold: bool = False,
        align: str = "left",
    ) -> None:
        """Write a line whose vertical middle is at `top` inches."""
        self.figure.text(
            left / self.width,
            1 - top / self.height,
            text,
            size=size,
            color=colour,
            weight="bold" if bold else "normal",
            ha=align,
            va="center",
        )

    def heading(self, left: float, title: str, subtitle: str) -> None:
        """Write a title, and a quieter line below it, at the top of the sheet."""
        self.text(left, 0.34, title, size=15, bold=True)
        self.text(left, 0.64, subtitle, size=9, colour=SOFT)

    def tile(
        self,
        box: Box,
        picture: np.ndarray,
        *,
        frame: str | None = None,
        mark: tuple[float, float, float, float] | None = None,
    ) -> Axes:
        """Show a whole RGB picture, centred on a rounded background; `frame` colours a heavier frame.

        Parameters
        ----------
        box : Box
        picture : uint8 (h, w, 3)
        frame : str, optional
        mark : tuple of four float in [0, 1], optional
            Left, top, right and bottom of a frame within the picture, as fractions of its sides.

        Returns
        -------
        Axes
            Spanning the box in inches, downwards, for lines to be drawn upon the picture.
        """
        axes = self.axes(box)
        background, rim = _rounded(box), _rounded(box)
        background.set(facecolor=BACKGROUND, edgecolor="none", zorder=0)
        rim.set(facecolor="none", edgecolor=frame or LINE, linewidth=2.2 if frame else 0.8, clip_on=False)
        scale = min(box.width / picture.shape[1], box.height / picture.shape[0])
        width, height = picture.shape[1] * scale, picture.shape[0] * scale
        left, top = (box.width - width) / 2, (box.height - height) / 2
        axes.add_patch(background)
        image = axes.imshow(picture, extent=(left, left + width, top + height, top), zorder=1)
        image.set_clip_path(background)
        rim.set_zorder(2)
        axes.add_patch(rim)
        if mark is not None:
            low, high = np.array(mark).reshape(2, 2) * (width, height) + (left, top)
            for colour, thick in ((PAPER, 2.6), (RED, 1.4)):
                axes.add_patch(
                    Rectangle(low, *(high - low), fill=False, edgecolor=colour, lw=thick, zorder=3)
                )
        axes.set(xlim=(0, box.width), ylim=(box.height, 0))
        return axes

    def map(self, box: Box, values: np.ndarray, *, colours: str, low: float, high: float) -> Axes:
        """Show numbers as colours with a thin frame.

        Parameters
        ----------
        box : Box
        values : float (h, w)
        colours : str
            Name of a Matplotlib colour map.
        low, high : float
            Values of the map's two ends.
        """
        axes = self.axes(box)
        axes.imshow(values, cmap=colours, vmin=low, vmax=high, aspect="auto", interpolation="nearest")
        axes.set_axis_on()
        axes.set(xticks=[], yticks=[])
        for spine in axes.spines.values():
            spine.set(color=LINE, linewidth=0.8)
        return axes


def tiles(start: tuple[float, float], size: tuple[float, float], count: int, columns: int) -> list[Box]:
    """Return `count` boxes of one size in reading order, with room for a caption below each."""
    (left, top), (width, height) = start, size
    steps = (width + GAP, height + CAPTION)
    cells = (divmod(number, columns) for number in range(count))
    return [Box(left + column * steps[0], top + row * steps[1], width, height) for row, column in cells]


def save(figure: Figure, path: Path) -> None:
    """Write a figure atomically, in the format of the path's suffix.

    Parameters
    ----------
    figure : Figure
    path : Path
        Missing folders are made; an existing file is replaced.
    """
    file = io.BytesIO()
    figure.savefig(file, format=path.suffix.removeprefix(".") or "png", dpi=DPI)
    write_atomically(path, file.getvalue())
