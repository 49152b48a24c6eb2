"""The curve of risk against coverage: wrong items among the most confident answers, float in [0, 1]."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from training.figures.sheet import BLUE, GREEN, LINE, MARGIN, ORANGE, SOFT, Box, Sheet

WIDTH, HEIGHT = 7.0, 5.0


def risk_curve(series: Mapping[str, tuple[np.ndarray, np.ndarray]]) -> Figure:
    """Draw for each kind of query how the risk falls with the share of the queries that are answered.

    Parameters
    ----------
    series : mapping of str to two float (n,) arrays
        Each answer's confidence, and the share of it that is wrong.
    """
    sheet = Sheet(WIDTH, HEIGHT)
    sheet.heading(MARGIN, "Risk against coverage", "Wrong items among the most confident answers")
    axes = sheet.axes(Box(MARGIN + 0.4, 1.0, WIDTH - 2 * MARGIN - 0.4, HEIGHT - 1.7))
    axes.set_axis_on()
    axes.spines[:].set_visible(False)
    axes.grid(axis="y", color=LINE, linewidth=0.8)
    axes.tick_params(length=0, labelsize=8, labelcolor=SOFT)
    for (name, (confidence, wrong)), colour in zip(series.items(), (BLUE, ORANGE, GREEN), strict=False):
        order = np.argsort(-confidence, kind="stable")
        counts = np.arange(1, len(order) + 1)
        axes.plot(counts / len(order), wrong[order].cumsum() / counts, label=name, color=colour)
    axes.set(xlim=(0, 1), ylim=(0, None))
    axes.set_xlabel("coverage: share of the queries that are answered", size=8, color=SOFT)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.legend(frameon=False, fontsize=8, loc="upper left")
    return sheet.figure
