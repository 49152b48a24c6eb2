"""Where a drawing lies in its picture: float64 (n, 2) points in centimetres to points in pixels."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.drawing.curves import Curve
from training.drawing.fabric import Field
from training.drawing.raster import Box


@dataclass(frozen=True)
class View:
    """The map from centimetres of a pattern or a figure to pixels: rotation, scale and shift."""

    matrix: NDArray[np.float64]
    shift: NDArray[np.float64]

    @property
    def zoom(self) -> float:
        """Pixels a centimetre."""
        return float(np.sqrt(abs(np.linalg.det(self.matrix))))

    def pixels(self, curve: Curve) -> Curve:
        """Map points, float64 (n, 2)."""
        return curve @ self.matrix.T + self.shift

    def centimetres(self, box: Box) -> tuple[Field, Field]:
        """Return x and y, each float32 (h, w), of every pixel of the box."""
        y, x = np.mgrid[box].astype(np.float32)
        back = np.linalg.inv(self.matrix).astype(np.float32)
        x, y = x + 0.5 - np.float32(self.shift[0]), y + 0.5 - np.float32(self.shift[1])
        return back[0, 0] * x + back[0, 1] * y, back[1, 0] * x + back[1, 1] * y
