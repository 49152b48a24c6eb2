"""Pictures to judge an encoder by: NumPy arrays in, a Matplotlib `Figure` out, no global state."""

import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from skimage.measure import find_contours

from training.figures.sheet import (
    BLUE,
    BROWN,
    DPI,
    GREEN,
    INK,
    LINE,
    NEUTRAL,
    ORANGE,
    PURPLE,
    RED,
    SOFT,
    Box,
    Sheet,
)
from training.files import write_atomically
from training.metrics import SCORE_NAMES

MARGIN = 0.4
HEADER = 1.0
GAP = 0.12
PHOTO_RATIO = 4 / 3  # height of a result's tile over its width
CHANNELS = ("outline", "inner lines")
SERIES = (BLUE, ORANGE, PURPLE, GREEN, RED, BROWN)

_CELL = 1.42
_CAPTION = 0.3
_ONE_ROW = 6
_FEW = 12  # epochs up to which each is marked by a point
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
        An answer's cosine.
    right : bool, optional
        Whether an answer has the query's category; None where that is not known.
    """

    image: np.ndarray
    label: str = ""
    score: float | None = None
    right: bool | None = None


@dataclass(frozen=True)
class Answered:
    """A query and its answers, the nearest first."""

    query: Shown
    answers: tuple[Shown, ...]


def _on_neutral(cutout: np.ndarray) -> np.ndarray:
    """Lay RGBA, uint8 (h, w, 4), on the sheet's ground -> uint8 (h, w, 3)."""
    alpha = cutout[..., 3:].astype(np.float32) / 255
    ground = np.array(NEUTRAL, dtype=np.float32)
    return np.rint(cutout[..., :3] * alpha + ground * (1 - alpha)).astype(np.uint8)


def _faded(cutout: np.ndarray) -> np.ndarray:
    """Return the whole crop in pale grey, so that a line drawn on it stands out."""
    gray = cutout[..., :3].mean(axis=2, keepdims=True)
    return np.rint(np.repeat(160 + gray * 0.36, 3, axis=2)).astype(np.uint8)


def _draw_outline(axes: Axes, mask: np.ndarray, size: float) -> None:
    """Trace where the mask, uint8 (h, h), crosses one half, on axes that span `size` inches."""
    padded = np.pad(mask.astype(np.float32), 1)
    for contour in find_contours(padded, 127.5):
        down, across = (contour.T - 0.5) / mask.shape[0] * size
        axes.plot(across, down, color=RED, linewidth=1.4, solid_capstyle="round")


def _garment_columns(reconstructed: bool) -> list[str]:
    columns = ["photo", "cut-out", "mask's outline", *(f"edges: {name}" for name in CHANNELS)]
    return columns + [f"rebuilt: {name}" for name in CHANNELS] * reconstructed


def _draw_edges(sheet: Sheet, boxes: Sequence[Box], edges: np.ndarray, rebuilt: np.ndarray | None) -> None:
    """Show each channel, and what was rebuilt of it, on one scale, dark on light."""
    highs = [max(float(np.percentile(edges[..., channel], 99.5)), 1e-6) for channel in range(edges.shape[-1])]
    for maps, places in ((edges, boxes[:2]), (rebuilt, boxes[2:])):
        for channel, box in enumerate(places):
            if maps is not None:
                sheet.map(box, maps[..., channel], colours="bone_r", low=0, high=highs[channel])


def _tiled(start: tuple[float, float], size: tuple[float, float], count: int, columns: int) -> list[Box]:
    """Return `count` boxes of one size in reading order, with room for a caption below each."""
    (left, top), (width, height) = start, size
    steps = (width + GAP, height + _CAPTION)
    cells = (divmod(number, columns) for number in range(count))
    return [Box(left + column * steps[0], top + row * steps[1], width, height) for row, column in cells]


def _fitted(text: str, inches: float) -> str:
    """Shorten a text of size 8 to what fits, with an ellipsis."""
    most = max(int(inches / _LETTER), 1)
    return text if len(text) <= most else text[: most - 1].rstrip() + "\u2026"


def _caption(sheet: Sheet, box: Box, shown: Shown) -> None:
    """Write the label and score below a tile, after a mark that tells a right category from another."""
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


def _draw_answered(sheet: Sheet, top: float, answered: Answered, columns: int, width: float) -> None:
    """Show the query in a heavy rim as high as all its rows of answers, and the answers beside it."""
    height = width * PHOTO_RATIO
    rows = math.ceil(len(answered.answers) / columns)
    tall = rows * height + (rows - 1) * _CAPTION
    query = Box(MARGIN, top, tall / PHOTO_RATIO, tall)
    sheet.tile(query, answered.query.image, frame=BLUE)
    sheet.text(query.left + 0.02, top + tall + 0.14, "query", size=8, colour=BLUE, bold=True)
    right = query.left + query.width - 0.02
    label = _fitted(answered.query.label, query.width - 0.5)
    sheet.text(right, top + tall + 0.14, label, size=8, align="right")
    start = (query.left + query.width + 3 * GAP, top)
    boxes = _tiled(start, (width, height), len(answered.answers), columns)
    for box, shown in zip(boxes, answered.answers, strict=True):
        sheet.tile(box, shown.image)
        _caption(sheet, box, shown)


def _grid(start: tuple[float, float], count: int, columns: int, side: float) -> list[Box]:
    """Return `count` squares in reading order, close together."""
    step = side + 0.06
    cells = (divmod(number, columns) for number in range(count))
    return [Box(start[0] + column * step, start[1] + row * step, side, side) for row, column in cells]


def _panel(sheet: Sheet, box: Box, title: str) -> Axes:
    """Return axes for lines over epochs: pale horizontal rules, no frame, room for a legend above."""
    sheet.text(box.left, box.top - 0.66, title, size=10, bold=True)
    axes = sheet.axes(box)
    axes.set_axis_on()
    axes.spines[:].set_visible(False)
    axes.grid(axis="y", color=LINE, linewidth=0.8)
    axes.tick_params(length=0, labelsize=8, labelcolor=SOFT)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8))
    axes.margins(y=0.12)
    axes.set_xlabel("epoch", size=8, color=SOFT)
    return axes


def _line_name(name: str) -> str:
    bare = name.removeprefix("val_")
    readable = SCORE_NAMES.get(bare, bare.replace("_", " "))
    return f"validation {readable}" if bare != name and bare not in SCORE_NAMES else readable


def _plot(axes: Axes, series: Mapping[str, Sequence[float]]) -> None:
    """Draw each series; a validation series is dashed, in the colour of the one it belongs to."""
    stems = list(dict.fromkeys(name.removeprefix("val_") for name in series))
    for name, values in series.items():
        stem = name.removeprefix("val_")
        measured = np.flatnonzero(np.isfinite(values))
        axes.plot(
            measured + 1,
            np.asarray(values, dtype=float)[measured],
            label=_line_name(name),
            color=SERIES[stems.index(stem) % len(SERIES)],
            linewidth=1.8,
            linestyle="--" if stem != name and stem in series else "-",
            marker="o" if len(measured) <= _FEW else None,
            markersize=3.5,
        )
    longest = max(map(len, series.values()), default=1)
    axes.set_xlim(1 - 0.02 * longest, longest + 0.02 * longest)
    if series:
        axes.legend(
            loc="upper left",
            bbox_to_anchor=(-0.01, 1.2),
            ncols=3,
            frameon=False,
            fontsize=8,
            labelcolor=INK,
            handlelength=1.6,
            columnspacing=1.4,
            borderaxespad=0.2,
        )


def _mark_best(axes: Axes, epoch: int, value: float | None = None) -> None:
    axes.axvline(epoch, color=SOFT, linewidth=1, linestyle=":")
    if value is not None:
        axes.plot([epoch], [value], marker="o", color=INK, markersize=5)
        first, last = axes.get_xlim()
        late = epoch > (first + last) / 2
        axes.annotate(
            f"best {value:.3f}, epoch {epoch}",
            (epoch, value),
            xytext=(-6 if late else 6, 8),
            textcoords="offset points",
            ha="right" if late else "left",
            size=8,
            color=INK,
        )


def garment_rows(
    photos: Sequence[np.ndarray],
    cutouts: np.ndarray,
    edges: np.ndarray,
    reconstructions: np.ndarray | None = None,
) -> Figure:
    """Show what the encoder sees of each garment, one row a garment.

    Parameters
    ----------
    photos : sequence of uint8 (h, w, 3)
    cutouts : uint8 (n, 128, 128, 4)
        RGB and mask.
    edges : float32 (n, 128, 128, 2) in [0, 1]
        Outline and inner lines.
    reconstructions : float32 (n, h, w, 2), optional
        What the decoder rebuilt of them, shown on the scale of the edges.

    Returns
    -------
    Figure
    """
    columns = _garment_columns(reconstructions is not None)
    step = _CELL + GAP
    sheet = Sheet(2 * MARGIN + len(columns) * step - GAP, HEADER + 0.3 + len(photos) * step + 0.2)
    sheet.heading(MARGIN, "What the encoder sees", "From the photograph to the edges that are encoded")
    for column, name in enumerate(columns):
        sheet.text(MARGIN + column * step + _CELL / 2, HEADER + 0.1, name, colour=SOFT, align="center")
    for row, photo in enumerate(photos):
        top = HEADER + 0.3 + row * step
        boxes = [Box(MARGIN + column * step, top, _CELL, _CELL) for column in range(len(columns))]
        sheet.tile(boxes[0], photo)
        sheet.tile(boxes[1], _on_neutral(cutouts[row]))
        _draw_outline(sheet.tile(boxes[2], _faded(cutouts[row])), cutouts[row, ..., 3], _CELL)
        _draw_edges(sheet, boxes[3:], edges[row], None if reconstructions is None else reconstructions[row])
    return sheet.figure


def result_sheet(
    answered: Sequence[Answered],
    *,
    title: str = "The nearest by shape",
    subtitle: str = "Each query, in a blue rim, with its nearest neighbours and their cosines",
) -> Figure:
    """Show queries with their nearest neighbours; up to six stand in one row, more in two.

    Parameters
    ----------
    answered : sequence of Answered
        The same number of answers each looks best.
    title, subtitle : str

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
    tall = rows * width * PHOTO_RATIO + (rows - 1) * _CAPTION
    step = tall + _CAPTION + 0.28
    across = 2 * MARGIN + tall / PHOTO_RATIO + 2 * GAP + columns * (width + GAP)
    sheet = Sheet(across, HEADER + len(answered) * step + 0.25)
    sheet.heading(MARGIN, title, subtitle)
    for number, one in enumerate(answered):
        _draw_answered(sheet, HEADER + number * step, one, columns, width)
    if any(shown.right is not None for one in answered for shown in one.answers):
        foot = sheet.height - 0.25
        sheet.text(MARGIN, foot, "\u25cf", size=8, colour=GREEN)
        sheet.text(MARGIN + 0.15, foot, "the query's category", size=8, colour=SOFT)
        sheet.text(MARGIN + 1.65, foot, "\u25cb", size=8, colour=SOFT)
        sheet.text(MARGIN + 1.8, foot, "another category", size=8, colour=SOFT)
    return sheet.figure


def kernels(weights: np.ndarray, *, channels: Sequence[str] = CHANNELS) -> Figure:
    """Show the kernels of a first convolution, a block of squares for each input channel.

    Parameters
    ----------
    weights : float32 (kh, kw, cin, cout)
        Shown on one scale, symmetric about zero: blue is negative, red positive.
    channels : sequence of str
        Names of the input channels.

    Returns
    -------
    Figure
    """
    inputs, outputs = weights.shape[2:]
    side, columns = 0.5, min(8, outputs)
    high = max(float(np.abs(weights).max()), 1e-6)
    block = columns * (side + 0.06) + 0.4
    rows = math.ceil(outputs / columns)
    width = max(2 * MARGIN + inputs * block - 0.4, 6.0)
    sheet = Sheet(width, HEADER + 0.35 + rows * (side + 0.06) + MARGIN)
    height, across = weights.shape[:2]
    subtitle = f"{outputs} kernels of {height} x {across}; blue is negative, red positive, one scale"
    sheet.heading(MARGIN, "First-layer kernels", subtitle)
    for channel in range(inputs):
        name = channels[channel] if channel < len(channels) else f"channel {channel + 1}"
        left = MARGIN + channel * block
        sheet.text(left, HEADER + 0.1, f"on the {name}", colour=SOFT)
        boxes = _grid((left, HEADER + 0.3), outputs, columns, side)
        for number, box in enumerate(boxes):
            sheet.map(box, weights[:, :, channel, number], colours="RdBu_r", low=-high, high=high)
    return sheet.figure


def feature_maps(maps: np.ndarray, edges: np.ndarray) -> Figure:
    """Show what a layer answers to one garment, beside the garment's edges.

    Parameters
    ----------
    maps : float32 (h, w, c)
        Each shown from its own least to its own largest value.
    edges : float32 (h, w, 2) in [0, 1]
        The layer's garment.

    Returns
    -------
    Figure
    """
    count = maps.shape[-1]
    side, columns = 0.95, 8 if count > 8 else 4
    shown = edges.shape[-1]
    height = max(math.ceil(count / columns) * (side + 0.06), shown * (_CELL + _CAPTION))
    left = MARGIN + _CELL + 0.4
    width = max(left + columns * (side + 0.06) + MARGIN, 6.0)
    sheet = Sheet(width, HEADER + 0.1 + height + MARGIN)
    sheet.heading(MARGIN, "Feature maps", f"A garment's edges and the {count} maps a layer makes of them")
    boxes = _tiled((MARGIN, HEADER), (_CELL, _CELL), shown, 1)
    for channel, box in enumerate(boxes):
        high = max(float(np.percentile(edges[..., channel], 99.5)), 1e-6)
        sheet.map(box, edges[..., channel], colours="bone_r", low=0, high=high)
        middle = box.left + _CELL / 2
        sheet.text(middle, box.top + _CELL + 0.13, CHANNELS[channel], colour=SOFT, align="center")
    for number, box in enumerate(_grid((left, HEADER), count, columns, side)):
        values = maps[..., number]
        sheet.map(box, values, colours="magma", low=float(values.min()), high=float(values.max()))
    return sheet.figure


def curves(history: Mapping[str, Sequence[float]], *, best: str = "p_at_10") -> Figure:
    """Plot a training run: losses on the left, retrieval scores on the right, the best epoch marked.

    Parameters
    ----------
    history : mapping of str to sequences of float
        One value an epoch, NaN where nothing was measured. Names that contain "loss" are losses, all
        others scores; "val_" marks what was measured on the validation images.
    best : str
        The score, with or without "val_", whose highest value marks the best epoch; the first one where
        the history lacks it.

    Returns
    -------
    Figure
    """
    losses = {name: values for name, values in history.items() if "loss" in name}
    scores = {name: values for name, values in history.items() if "loss" not in name}
    sheet = Sheet(10.6, 4.9)
    sheet.heading(MARGIN, "Training", "Losses and retrieval scores by epoch")
    panels = [_panel(sheet, Box(left, 1.9, 4.3, 2.4), name) for left, name in ((0.8, "loss"), (5.9, "score"))]
    for axes, series in zip(panels, (losses, scores), strict=True):
        _plot(axes, series)
    name = next((name for name in (best, f"val_{best}") if name in scores), next(iter(scores), None))
    values = np.asarray(scores[name] if name else [], dtype=float)
    if np.isfinite(values).any():
        epoch = int(np.nanargmax(values)) + 1
        _mark_best(panels[0], epoch)
        _mark_best(panels[1], epoch, float(values[epoch - 1]))
    return sheet.figure


def save(figure: Figure, path: Path) -> None:
    """Write a figure, in the format of the path's suffix, so that a reader never sees half a file.

    Parameters
    ----------
    figure : Figure
    path : Path
        Its folder is made where it is missing; a file that is there is replaced.
    """
    file = io.BytesIO()
    figure.savefig(file, format=path.suffix.removeprefix(".") or "png", dpi=DPI)
    write_atomically(path, file.getvalue())
