"""Collars and other neck finishes: neckband, shirt collar, lapels, hood or stand-up collar."""

from training.drawing.bodice import Bodice, front_edge
from training.drawing.curves import bow, join, line, sag, scoop, spline, strip, symmetric, whole
from training.drawing.pattern import Pattern
from training.drawing.shape import Shape


def sew_back(pattern: Pattern, body: Bodice) -> None:
    """Add the inside of the back, which shows above the front neckline."""
    half = body.neck[0]
    back = sag(half, 0, 1.8)
    pattern.piece(symmetric(join(back, bow(body.neck, (0, body.depth + 0.6), 0.02))), "inside")
    pattern.piece(strip(whole(back), 1.6), "trim", shade=0.75)


def _neckband(pattern: Pattern, shape: Shape, body: Bodice) -> None:
    edge = whole(front_edge(body, shape.neckline))
    band = strip(edge, 2.0 if shape.type != "dress" else 1.1)
    pattern.piece(band, "trim")
    pattern.seam(band[len(edge) :], 0.3)


def _collar(pattern: Pattern, body: Bodice) -> None:
    """Add a shirt collar: the stand at the back and a leaf at each side."""
    half, depth = body.neck[0], body.depth
    pattern.piece(symmetric(join(sag(half + 0.5, 0.6, -2.6), sag(half, 1, 2.8)[::-1])), shade=0.8)
    leaf = join(
        spline((0.5, depth - 0.4), (half * 0.55, depth * 0.42), (half * 0.85, -1.8)),
        spline((half * 0.85, -1.8), (half + 1.6, 0.4), (half + 1.2, 3.2)),
        spline((half + 1.2, 3.2), (half * 0.85, depth * 0.75), (half * 0.62, depth + 3.6)),
    )
    pattern.pair(leaf, axis=0.5)
    pattern.seam_pair(leaf[-17:], 0.4)
    pattern.seam_pair(leaf[:17], 0.35)
    pattern.buttons.append((0.0, depth + 0.6))


def _lapels(pattern: Pattern, body: Bodice) -> None:
    half, depth = body.neck[0], body.depth
    notch = (half + 5.5, depth * 0.42)
    collar = join(
        spline((half * 0.3, -2.2), (half * 0.95, -1.8), (half + 2.8, 2.6)),
        line((half + 5.0, depth * 0.34), (half + 2.2, depth * 0.4)),
        bow((half * 0.75, depth * 0.36), (half * 0.3, 0.4), 0.06),
    )
    lapel = join(line((half * 0.55, depth * 0.32)), line(notch), bow(notch, (0.2, depth + 1.5), -0.06))
    pattern.pair(lapel, axis=0.35)
    pattern.pair(collar, axis=-0.6, shade=0.93)
    pattern.seam_pair(join(lapel, lapel[:1]), 0.35)
    pattern.seam_pair(join(collar, collar[:1]), 0.3)
    pattern.seam(line((0.0, depth + 1.5), (0.6, body.bottom)), 0.5)
    pattern.buttons += [(-1.6, depth + 4 + 9.0 * row) for row in range(2 + int(body.bottom > 85))]


def sew_hood(pattern: Pattern, body: Bodice) -> None:
    """Add a hood behind the neck; to be called before the body is added."""
    half, depth = body.neck[0], body.depth
    outer = spline(
        (half * 0.55, -16.2), (half + 2.0, -13), (half + 4.4, -7), (half + 3.4, 0.5), (half + 1.5, 4)
    )
    pattern.piece(symmetric(join(sag(half * 0.55, -16.2, -17), outer, scoop(half + 1.5, depth + 2)[::-1])))
    inner = spline((half * 0.5, -11.9), (half * 0.9, -8.6), (half + 0.4, -3.5), (half * 0.55, 4), (0, depth))
    inner = join(sag(half * 0.5, -11.9, -12.8), inner)
    pattern.piece(symmetric(inner), "inside")
    pattern.seam_pair(inner, 0.4)


def _stand(pattern: Pattern, body: Bodice, height: float) -> None:
    """Add a stand-up collar."""
    half, depth = body.neck[0], body.depth
    rim, top = sag(half - 0.3, -height, -height + 2.6), sag(half - 0.3, -height, -height - 0.6)
    outer = bow((half - 0.3, -height), (half + 0.9, 0.8), 0.04)
    low = scoop(half + 0.9, depth - 0.8) + (0, 0.8)
    pattern.piece(symmetric(join(rim, outer, low[::-1])), "trim")
    pattern.piece(join(whole(rim), whole(top)[::-1]), "inside")
    pattern.seam(whole(low), 0.35)


def finish_neck(pattern: Pattern, shape: Shape, body: Bodice) -> None:
    """Add the finish of the shape's neckline; a hood has already been added."""
    if shape.neckline == "collar":
        _collar(pattern, body)
    elif shape.neckline == "lapels":
        _lapels(pattern, body)
    elif shape.neckline in ("stand", "high"):
        _stand(pattern, body, 4.5 if shape.neckline == "stand" else 3.0 + 5 * shape.neckline_depth)
    elif shape.neckline != "hood":
        _neckband(pattern, shape, body)
