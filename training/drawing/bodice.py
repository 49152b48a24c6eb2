"""The body of a garment that hangs from the shoulders: measures and edges, right half, in centimetres."""

from dataclasses import dataclass

from training.drawing.curves import Curve, Point, between, bow, join, line, scoop, spline
from training.drawing.shape import Shape

SLEEVELESS = 0.06  # below this there is no sleeve


@dataclass(frozen=True)
class Bodice:
    """The points of the right half (neck, shoulder tip, armpit, waist, hem) and the depth of the neck."""

    neck: Point
    tip: Point
    armpit: Point
    waist: Point
    hem: Point
    depth: float
    drop: float  # of the hem's middle below its sides

    @property
    def bottom(self) -> float:
        """The height of the hem at the middle."""
        return self.hem[1] + self.drop


def _neck(shape: Shape) -> tuple[float, float]:
    """Return half the neck's width and the depth of its front."""
    wide, deep = shape.neck_width, shape.neckline_depth
    sizes = {
        "round": (7.5 + 4 * wide, 6 + 8 * deep),
        "v": (7.5 + 3.5 * wide, 13 + 12 * deep),
        "boat": (11 + 3 * wide, 3 + 2.5 * deep),
        "square": (9 + 4 * wide, 8 + 7 * deep),
        "high": (7 + 1.5 * wide, 4 + deep),
        "collar": (7 + 1.5 * wide, 7 + 6 * deep),
        "hood": (9 + 2 * wide, 9 + 6 * deep),
        "lapels": (8 + 2 * wide, 20 + 16 * deep),
        "stand": (8 + 1.5 * wide, 6 + 5 * deep),
    }
    return sizes[shape.neckline]


def cut_bodice(shape: Shape) -> Bodice:
    """Return the measures of a garment's body."""
    wide = shape.width + (0.35 if shape.type == "outwear" else 0.0)
    half, depth = _neck(shape)
    chest = 22.5 + 8.5 * wide
    bare = shape.sleeve_length < SLEEVELESS
    tip = max(half + 3.5, (15.5 if bare else 19.0) + 4.5 * wide)
    length = 42 + 98 * shape.body_length
    waist = chest * (1 - 0.3 * shape.waist)
    long = max(length - 42, 0) / 98
    hem = chest * (1 - 0.12 * shape.waist * (1 - long)) + shape.flare * (6 + 52 * long)
    return Bodice(
        neck=(half, 0.0),
        tip=(tip, 3.0 + 0.12 * tip),
        armpit=(chest, 23 + 4 * wide),
        waist=(waist, 26 + 0.5 * (min(length, 74) - 26)),
        hem=(hem, length - (2 + 5 * shape.hem_curve) * (0.4 + shape.flare)),
        depth=depth,
        drop=(2 + 5 * shape.hem_curve) * (0.4 + shape.flare),
    )


def front_edge(body: Bodice, neckline: str) -> Curve:
    """Return the front neckline from the middle to the right shoulder."""
    half, depth = body.neck[0], body.depth
    if neckline in ("v", "lapels", "collar"):
        return bow((0, depth), body.neck, 0.04)
    if neckline == "square":
        return join(line((0, depth)), spline((half * 0.6, depth), (half * 0.84, depth - 0.7), body.neck))
    return scoop(half, depth)


def side(body: Bodice) -> Curve:
    """Return the side from armpit to hem."""
    below = between(body.waist, body.hem, 0.35)
    hip = (max(below[0], body.waist[0] + 0.55 * (body.armpit[0] - body.waist[0])), below[1])
    return spline(body.armpit, body.waist, hip, body.hem)


def armhole(body: Bodice) -> Curve:
    """Return the armhole from the shoulder tip to the armpit; it curves towards the middle."""
    return spline(body.tip, between(body.tip, (body.tip[0] - 1.6, body.armpit[1]), 0.55), body.armpit)
