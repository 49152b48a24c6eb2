"""The course of a training run as curves: losses and retrieval scores by epoch."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from training.figures.sheet import (
    BLUE,
    BROWN,
    GREEN,
    INK,
    LINE,
    MARGIN,
    ORANGE,
    PURPLE,
    RED,
    SOFT,
    Box,
    Sheet,
)
from training.retrieval_metrics import SCORE_NAMES

SERIES = (BLUE, ORANGE, PURPLE, GREEN, RED, BROWN)

_FEW = 12  # epochs up to which each is marked by a point


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
