"""What the layers of an encoder have learned: the kernels of the first, and feature maps."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from training.figures.sheet import CAPTION, CELL, CHANNELS, HEADER, MARGIN, SOFT, Box, Sheet, tiles

_SHOWN = 8
"""How many maps of a layer are shown."""


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


@dataclass(frozen=True)
class Activations:
    """What a layer makes of one garment.

    Parameters
    ----------
    maps : float32 (h, w, c)
    sees : int
        Side, in pixels of the cut-out, of the square that each number is computed from.
    """

    maps: np.ndarray
    sees: int

    def strongest(self, count: int) -> np.ndarray:
        """Return the maps that vary most, float32 (h, w, count or c), in their order."""
        varying = np.argsort(-self.maps.std(axis=(0, 1)), kind="stable")[:count]
        return self.maps[..., np.sort(varying)]


def feature_maps(layers: Sequence[Activations], edges: np.ndarray) -> Figure:
    """Show what layers make of one garment, a row a layer, beside the garment's edges.

    Parameters
    ----------
    layers : sequence of Activations
        Of each, the eight maps that vary most, each shown from its own minimum to its own maximum.
    edges : float32 (h, w, 2) in [0, 1]
        The layers' garment.

    Returns
    -------
    Figure
    """
    side, step = 0.86, 1.14
    left = MARGIN + CELL + 0.4
    body = max(len(layers) * step, edges.shape[-1] * (CELL + CAPTION))
    sheet = Sheet(left + _SHOWN * (side + 0.06) + MARGIN, HEADER + body + 0.25)
    sheet.heading(
        MARGIN,
        "Feature maps",
        "A garment's edges, and where the kernels of each layer answer to them",
    )
    for channel, box in enumerate(tiles((MARGIN, HEADER), (CELL, CELL), edges.shape[-1], 1)):
        high = max(float(np.percentile(edges[..., channel], 99.5)), 1e-6)
        sheet.map(box, edges[..., channel], colours="bone_r", low=0, high=high)
        middle = box.left + CELL / 2
        sheet.text(middle, box.top + CELL + 0.13, CHANNELS[channel], colour=SOFT, align="center")
    for row, layer in enumerate(layers):
        top = HEADER + row * step
        pixels, _, count = layer.maps.shape
        shown = layer.strongest(_SHOWN)
        for number, box in enumerate(_grid((left, top), shown.shape[-1], _SHOWN, side)):
            values = shown[..., number]
            sheet.map(box, values, colours="magma", low=float(values.min()), high=float(values.max()))
        told = f"{shown.shape[-1]} of {count} maps, {pixels} x {pixels}"
        seen = f"each number sees {layer.sees} x {layer.sees} pixels"
        sheet.text(left, top + side + 0.12, f"{told}; {seen}", size=8, colour=SOFT)
    return sheet.figure
