"""Parts of drawn garments that are known by their parameters, and where each lies in its picture."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from training.drawing.appearance import Appearance
from training.drawing.bodice import cut_bodice
from training.drawing.shape import Shape, parameter_distance
from training.drawing.studio import HEIGHT, WIDTH, Studio
from training.photo.boxes import Box

Sample = tuple[Shape, Appearance]

TOPS = ("t-shirt", "longsleeve", "shirt", "outwear", "dress")
SHORTEST = 0.1  # sleeve that is marked


def _neckline(shape: Shape, studio: Studio) -> np.ndarray:
    body = cut_bodice(shape)
    wide = body.neck[0] + 3
    points = np.concatenate([piece.outline for piece in studio.pattern.pieces])
    top = points[np.abs(points[:, 0]) < wide, 1].min()
    return np.array([(-wide, top), (wide, body.depth + 3)])


def _sleeve(shape: Shape, studio: Studio) -> np.ndarray:
    points = np.concatenate([piece.outline for piece in studio.pattern.pieces if piece.part == "sleeve"])
    return points[points[:, 0] > 0]


def _hem(shape: Shape, studio: Studio) -> np.ndarray:
    bottom = max(float(piece.outline[:, 1].max()) for piece in studio.pattern.pieces)
    assert studio.pattern.side is not None, "the garment has a side"
    wide = float(studio.pattern.side[:, 0].max())
    return np.array([(-wide, 0.55 * bottom), (wide, bottom)])


@dataclass(frozen=True)
class DrawnPart:
    """A part that is known by its parameters.

    Parameters
    ----------
    asked, had_by : tuple of str
        Types of garments that ask by it, and all that have it.
    parameters : tuple of str
    points : callable
        Returns points of the pattern, float (n, 2) in centimetres, around which the part is marked.
    """

    asked: tuple[str, ...]
    had_by: tuple[str, ...]
    parameters: tuple[str, ...]
    points: Callable[[Shape, Studio], np.ndarray]

    def asked_by(self, shape: Shape) -> bool:
        """Whether a garment can ask by it: a sleeve is there to be marked."""
        return shape.type in self.asked and (self.points is not _sleeve or shape.sleeve_length >= SHORTEST)

    def gain(self, query: Shape, other: Shape) -> float:
        """Return what an answer is worth: 1 for the same part, falling to 0, and 0 where there is none."""
        return 1 - parameter_distance(query, other, self.parameters) if other.type in self.had_by else 0.0


PARTS = {
    "neckline": DrawnPart(TOPS, TOPS, ("neckline", "neckline_depth", "neck_width"), _neckline),
    "sleeve": DrawnPart(TOPS, TOPS, ("sleeve_length", "sleeve_width"), _sleeve),
    "hem": DrawnPart(("dress", "outwear", "skirt"), (*TOPS, "skirt"), ("flare", "hem_curve"), _hem),
}


def _box(part: DrawnPart, drawn: Sample) -> np.ndarray:
    """Return where a part lies in its picture, float (4,) in fractions."""
    shape, look = drawn
    studio = Studio(shape, look)
    points = part.points(shape, studio)
    corners = np.array(np.meshgrid(*np.stack([points.min(axis=0), points.max(axis=0)]).T)).reshape(2, -1).T
    seen = studio.placement.pixels(corners) / (WIDTH, HEIGHT)
    return np.concatenate([seen.min(axis=0), seen.max(axis=0)])


def marked(part: DrawnPart, drawn: Sample, found: Box) -> Box:
    """Return a part in fractions of the box in which the garment was found."""
    low, high = np.array(found).reshape(2, 2)
    shares = (_box(part, drawn).reshape(2, 2) - low) / (high - low)
    left, top, right, bottom = np.clip(shares, 0, 1).ravel().tolist()
    return left, top, right, bottom
