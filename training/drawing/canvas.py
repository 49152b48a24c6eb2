"""The canvas of a figure: a picture, float32 (h, w, 3), and the layer that each pixel shows, uint8 (h, w).

Layers are painted back to front; a pixel belongs to the last that covered half of it. Outlines are in
centimetres.
"""

from collections.abc import Callable, Iterable
from math import ceil
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from training.drawing.curves import Curve
from training.drawing.fabric import Field
from training.drawing.raster import Box, fill, fill_box
from training.drawing.view import View

Ink = Field | Callable[[Box], Field]

_SHIFT = 4  # fractional bits of OpenCV's coordinates


def _float(field: NDArray[Any]) -> Field:
    return np.asarray(field, np.float32)


def _relief(alpha: Field, sigma: float) -> tuple[Field, Field]:
    """Return the coverage under a Gaussian, and its slope to the right."""
    height, width = alpha.shape
    step = max(1, int(sigma / 1.5))
    small = (max(1, -(-width // step)), max(1, -(-height // step)))
    soft = _float(cv2.resize(alpha, small, interpolation=cv2.INTER_AREA)) if step > 1 else alpha
    soft = _float(cv2.GaussianBlur(soft, (0, 0), sigma / step, borderType=cv2.BORDER_REPLICATE))
    slope = np.zeros_like(soft)
    slope[:, 1:-1] = (soft[:, 2:] - soft[:, :-2]) * np.float32(sigma / step)
    if step == 1:
        return soft, slope
    full = (width, height)
    return _float(cv2.resize(soft, full)), _float(cv2.resize(slope, full))


class Canvas:
    """A picture that is painted, with the light that falls on it.

    Parameters
    ----------
    picture : float32 (h, w, 3)
        The background; it is painted over.
    view : View
    light : float
        Where the light comes from, -1 for the left to 1 for the right.
    contrast : float
        Factor on how much pieces round off and darken what is beside them.
    """

    def __init__(self, picture: Field, view: View, *, light: float = 0.0, contrast: float = 1.0) -> None:
        self.picture, self.view, self.light, self.contrast = picture, view, light, contrast
        self.layers = np.zeros(picture.shape[:2], np.uint8)

    def _covered(self, outline: Curve) -> tuple[Box, Field]:
        height, width = self.picture.shape[:2]
        return fill_box(self.view.pixels(outline), height, width)

    def _clip(self, outline: Curve, box: Box) -> Field:
        rows, columns = box
        size = rows.stop - rows.start, columns.stop - columns.start
        moved = self.view.pixels(outline) - (columns.start, rows.start)
        return fill(moved, height=size[0], width=size[1])

    def lay(
        self,
        outline: Curve,
        ink: Ink,
        layer: int,
        *,
        texture: Field | None = None,
        shade: float = 1.0,
        round_off: float = 0.0,
        depth: float = 2.2,
        shadow: float = 0.0,
        within: Curve | None = None,
    ) -> None:
        """Paint a piece over all that was painted.

        Parameters
        ----------
        outline : float64 (n, 2)
        ink : float32 (3,), or a function of the box that gives float32 (h, w, 3)
        layer : int
            Above 0, the background.
        texture : float32, of the picture's height and width
            Factor on the ink, around 1.
        shade : float
            Factor on the ink.
        round_off : float
            How much darker the piece is towards its edges and away from the light.
        depth : float
            Centimetres from the edge over which it rounds off.
        shadow : float
            How much it darkens the figure beside it.
        within : float64 (m, 2), optional
            Another outline, beyond which nothing is painted.
        """
        box, alpha = self._covered(outline)
        if not alpha.size:
            return
        bright = (
            np.full(alpha.shape, shade, np.float32) if texture is None else texture[box] * np.float32(shade)
        )
        round_off, shadow = round_off * self.contrast, shadow * self.contrast
        there = self.picture[box]
        clip = 1.0 if within is None else self._clip(within, box)
        if round_off or shadow:
            soft, slope = _relief(alpha, max(0.6, depth * self.view.zoom))
            bright *= 1 - 0.85 * round_off + round_off * soft - 1.6 * round_off * self.light * slope
            if shadow:
                there *= (1 - shadow * clip * soft * (self.layers[box] > 0))[..., None]
        alpha = alpha * clip
        colour = ink(box) if callable(ink) else ink
        there *= (1 - alpha)[..., None]
        there += colour * (alpha * bright)[..., None]
        self.layers[box][alpha >= 0.5] = layer

    def _spread(self, box: Box, alpha: Field, sigma: float) -> tuple[Box, Field]:
        """Return the coverage under a Gaussian, in a box that has room for it."""
        margin = ceil(2.5 * sigma)
        height, width = self.picture.shape[:2]
        (rows, columns), pad = box, (margin, margin)
        top, left = max(rows.start - margin, 0), max(columns.start - margin, 0)
        wide = slice(top, min(rows.stop + margin, height)), slice(left, min(columns.stop + margin, width))
        soft = _float(cv2.GaussianBlur(np.pad(alpha, (pad, pad)), (0, 0), sigma))
        top, left = top - rows.start + margin, left - columns.start + margin
        return wide, soft[
            top : top + wide[0].stop - wide[0].start, left : left + wide[1].stop - wide[1].start
        ]

    def mark(self, outline: Curve, ink: Ink, layer: int, *, strength: float = 1.0, blur: float = 0.0) -> None:
        """Paint on what a layer shows, and nowhere else; `blur` is in centimetres."""
        box, alpha = self._covered(outline)
        if not alpha.size:
            return
        if blur * self.view.zoom > 0.3:
            box, alpha = self._spread(box, alpha, blur * self.view.zoom)
        alpha = (strength * alpha * (self.layers[box] == layer))[..., None]
        colour = ink(box) if callable(ink) else ink
        self.picture[box] += alpha * (colour - self.picture[box])

    def rule(self, seams: Iterable[tuple[Curve, float]], layer: int, *, gloss: float = 0.0) -> None:
        """Darken what a layer shows along curves, each by its own strength; `gloss` brightens it instead."""
        lines = [
            (np.round(self.view.pixels(curve)).clip(-4000, 4000), curve, strength)
            for curve, strength in seams
        ]
        if not lines:
            return
        points = np.concatenate([rounded for rounded, _, _ in lines])
        low = np.clip(points.min(axis=0).astype(int) - 2, 0, self.layers.shape[::-1])
        high = np.clip(points.max(axis=0).astype(int) + 3, 0, self.layers.shape[::-1])
        if (high <= low).any():
            return
        box = slice(low[1], high[1]), slice(low[0], high[0])
        dark = np.zeros((high[1] - low[1], high[0] - low[0]), np.uint8)
        for _, curve, strength in lines:
            exact = np.round((self.view.pixels(curve) - low).clip(-4000, 4000) * 2**_SHIFT).astype(np.int32)
            cv2.polylines(dark, [exact], False, min(255, int(strength * 255)), 1, cv2.LINE_AA, _SHIFT)
        weight = (dark * (self.layers[box] == layer) / np.float32(255))[..., None]
        self.picture[box] += weight * (gloss - self.picture[box])
