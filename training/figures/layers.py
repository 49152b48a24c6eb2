"""What the layers of an encoder have learned: the kernels of the first, and feature maps."""

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from training.figures.sheet import CAPTION, CELL, CHANNELS, HEADER, MARGIN, SOFT, Box, Sheet, tiles


def _grid(start: tuple[float, float], count: int, columns: int, side: float) -> list[Box]:
    """Return `count` squares in reading order, close together."""
    step = side + 0.06
    cells = (divmod(number, columns) for number in range(count))
    return [Box(start[0] + column * step, start[1] + row * step, side, side) for row, column in cells]


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
    """Show a layer's activations for one garment, beside the garment's edges.

    Parameters
    ----------
    maps : float32 (h, w, c)
        Each shown from its own minimum to its own maximum.
    edges : float32 (h, w, 2) in [0, 1]
        The layer's garment.

    Returns
    -------
    Figure
    """
    count = maps.shape[-1]
    side, columns = 0.95, 8 if count > 8 else 4
    shown = edges.shape[-1]
    height = max(math.ceil(count / columns) * (side + 0.06), shown * (CELL + CAPTION))
    left = MARGIN + CELL + 0.4
    width = max(left + columns * (side + 0.06) + MARGIN, 6.0)
    sheet = Sheet(width, HEADER + 0.1 + height + MARGIN)
    sheet.heading(MARGIN, "Feature maps", f"A garment's edges and a layer's {count} activation maps")
    boxes = tiles((MARGIN, HEADER), (CELL, CELL), shown, 1)
    for channel, box in enumerate(boxes):
        high = max(float(np.percentile(edges[..., channel], 99.5)), 1e-6)
        sheet.map(box, edges[..., channel], colours="bone_r", low=0, high=high)
        middle = box.left + CELL / 2
        sheet.text(middle, box.top + CELL + 0.13, CHANNELS[channel], colour=SOFT, align="center")
    for number, box in enumerate(_grid((left, HEADER), count, columns, side)):
        values = maps[..., number]
        sheet.map(box, values, colours="magma", low=float(values.min()), high=float(values.max()))
    return sheet.figure
