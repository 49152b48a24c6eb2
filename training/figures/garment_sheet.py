"""The sheet of garments: the photograph, cut-out, edges and reconstruction of each, one row a garment."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from skimage.measure import find_contours

from training.figures.sheet import CELL, CHANNELS, GAP, HEADER, MARGIN, NEUTRAL, RED, SOFT, Box, Sheet


def on_background(cutout: np.ndarray) -> np.ndarray:
    """Lay a cut-out, uint8 (h, w, 4), on the sheet's background: uint8 (h, w, 3)."""
    alpha = cutout[..., 3:].astype(np.float32) / 255
    background = np.array(NEUTRAL, dtype=np.float32)
    return np.rint(cutout[..., :3] * alpha + background * (1 - alpha)).astype(np.uint8)


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
    step = CELL + GAP
    sheet = Sheet(2 * MARGIN + len(columns) * step - GAP, HEADER + 0.3 + len(photos) * step + 0.2)
    sheet.heading(MARGIN, "What the encoder sees", "From the photograph to the edges that are encoded")
    for column, name in enumerate(columns):
        sheet.text(MARGIN + column * step + CELL / 2, HEADER + 0.1, name, colour=SOFT, align="center")
    for row, photo in enumerate(photos):
        top = HEADER + 0.3 + row * step
        boxes = [Box(MARGIN + column * step, top, CELL, CELL) for column in range(len(columns))]
        sheet.tile(boxes[0], photo)
        sheet.tile(boxes[1], on_background(cutouts[row]))
        _draw_outline(sheet.tile(boxes[2], _faded(cutouts[row])), cutouts[row, ..., 3], CELL)
        _draw_edges(sheet, boxes[3:], edges[row], None if reconstructions is None else reconstructions[row])
    return sheet.figure
