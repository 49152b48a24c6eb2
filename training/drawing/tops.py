"""Patterns of garments that hang from the shoulders: t-shirt, longsleeve, shirt, outwear and dress."""

from dataclasses import replace
from math import atan2, cos, pi, sin

import numpy as np

from training.drawing.bodice import SLEEVELESS, Bodice, armhole, cut_bodice, front_edge, side
from training.drawing.curves import (
    Curve,
    between,
    bow,
    join,
    line,
    mirrored,
    sag,
    scoop,
    spline,
    strip,
    symmetric,
    whole,
)
from training.drawing.pattern import Cloth, Pattern, Sleeve
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


ARM = 60.0  # length of a whole sleeve


def _body(pattern: Pattern, shape: Shape, body: Bodice) -> None:
    hole = armhole(body)
    hem = sag(*body.hem, body.bottom)
    right = join(front_edge(body, shape.neckline), line(body.neck, body.tip), hole, side(body), hem[::-1])
    pattern.piece(symmetric(right))
    pattern.side = join(line(body.tip), side(body))
    pattern.seam_pair(hole, 0.28)
    pattern.seam(whole(hem) - (0, 1.8), 0.22)
    pattern.seam_pair(line(body.neck, body.tip) + (0, 0.9), 0.12)


def _sleeve(pattern: Pattern, shape: Shape, body: Bodice, arms: float) -> None:
    length = ARM * shape.sleeve_length
    if shape.sleeve_length < SLEEVELESS:
        return
    angle = (0.38 + 0.42 * arms) * (0.78 + 0.22 * shape.sleeve_length) * pi / 2
    along = np.array([cos(angle), sin(angle)])
    across = np.array([-sin(angle), cos(angle)])
    tip, armpit = np.array(body.tip), np.array(body.armpit)
    root = float(np.linalg.norm(armpit - tip))
    thick = (0.62 + 0.3 * shape.sleeve_width) * root
    cuff = max(thick + (8.5 + 9 * shape.sleeve_width - thick) * min(1.0, shape.sleeve_length * 1.05), 7.5)
    outer = tip + along * length
    inner = outer + across * cuff + along * (0.6 if length < 30 else 0.0)
    start = (float(tip[0]) - 0.4, float(tip[1]))
    elbow = tip + along * length * 0.5 - across * 1.3
    top = spline(start, tuple(tip + along * length * 0.12 - across * 0.5), tuple(elbow), tuple(outer))
    under_elbow = armpit + (inner - armpit) * 0.45 - across * 0.8
    under = spline(tuple(inner), tuple(under_elbow), (float(armpit[0]) - 0.2, float(armpit[1]) + 0.3))
    axis = atan2(along[1], along[0]) - pi / 2
    pattern.sleeve = Sleeve(tip, along, across, thick, cuff, length)
    pattern.pair(join(top, under, (armhole(body) - (0.5, 0))[::-1]), axis=axis, shade=0.97)
    _cuff(pattern, shape, outer, inner, along, axis)


def _cuff(pattern: Pattern, shape: Shape, outer: Curve, inner: Curve, along: Curve, axis: float) -> None:
    deep = {"shirt": 5.5, "longsleeve": 4.5, "outwear": 4.0}.get(shape.type, 1.8)
    if shape.sleeve_length < 0.6:
        deep = 1.8
    low, high = (outer, inner), (outer - along * deep, inner - along * deep)
    if deep > 3 and (shape.type != "outwear" or shape.neckline == "hood"):
        cloth: Cloth = "trim" if shape.type != "shirt" else "main"
        ends = (tuple(high[0]), tuple(low[0]), tuple(low[1]), tuple(high[1]))
        pattern.pair(line(*ends), cloth, axis=axis, shade=0.95)
    pattern.seam_pair(line(tuple(high[0]), tuple(high[1])), 0.35)


def _closure(pattern: Pattern, body: Bodice, *, zip_: bool) -> None:
    """Add the front edge from the neck to the hem: a zip, or a placket with buttons."""
    top, bottom = body.depth, body.bottom
    if zip_:
        pattern.piece(line((-0.7, top), (0.7, top), (0.7, bottom), (-0.7, bottom)), "metal")
        pattern.seam_pair(line((1.3, top), (1.3, bottom)), 0.22)
        return
    pattern.seam(line((-1.8, top + 1), (-1.8, bottom)), 0.25)
    pattern.seam(line((1.8, top), (1.8, bottom)), 0.32)
    pattern.buttons += [(0.0, float(y)) for y in np.arange(top + 4, bottom - 5, 9.0)]


def _pockets(pattern: Pattern, body: Bodice) -> None:
    y = min(body.bottom - 16, 62.0)
    x = body.waist[0] * 0.45
    if y > body.armpit[1] + 8:
        pattern.seam_pair(line((x, y), (x + 5.5, y + 11)), 0.45)
        pattern.seam_pair(line((x + 1.2, y - 0.5), (x + 6.7, y + 10.5)), 0.2)


def _skirt_folds(pattern: Pattern, shape: Shape, body: Bodice) -> None:
    """Add the waist seam of a dress and the folds that fall from it."""
    x, y = body.waist
    pattern.seam(spline((-x, y), (0, y + 1.2), (x, y)), 0.3)
    for share in np.linspace(-0.7, 0.7, 5 + int(4 * shape.flare)):
        end = (body.hem[0] * share * 1.05, body.bottom - 3 - 5 * abs(share))
        pattern.seam(
            bow((x * share, y + 2), between((x * share, y), end, 0.94), 0.02), 0.07 + 0.12 * shape.flare
        )


def _sew_back_of_neck(pattern: Pattern, shape: Shape, body: Bodice) -> None:
    """Add what is seen of the neck's finish from behind: a hood that hangs down, a collar, or a band."""
    half, depth = body.neck[0], body.depth
    if shape.neckline == "hood":
        hood = spline((half + 1.5, -1), (half + 3.5, 7), (half * 0.6, 19), (0, 22))
        pattern.piece(symmetric(join(sag(half + 1.5, -1, -3), hood)), shade=0.96)
        pattern.seam(spline((0, -2), (0.3, 10), (0, 21)), 0.25)
    elif shape.neckline in ("collar", "lapels"):
        pattern.piece(
            symmetric(join(sag(half + 0.3, -1, -3), sag(half + 1.2, 3, depth + 3.5)[::-1])), shade=0.97
        )
        pattern.seam(whole(sag(half + 1.2, 3, depth + 3.5)), 0.35)
    elif shape.neckline in ("stand", "high"):
        pattern.piece(symmetric(join(sag(half - 0.3, -5, -4), sag(half + 0.8, 0.8, depth)[::-1])), "trim")
    else:
        pattern.piece(strip(whole(front_edge(body, "round")), 1.6), "trim")


def cut_top(shape: Shape, *, arms: float, behind: bool = False) -> Pattern:
    """Cut a garment that hangs from the shoulders; its sleeves are spread with `arms` 0 and hang with 1.

    With `behind`, it is seen from behind: without closure, pockets and logo, the neck high.
    """
    pattern = Pattern(drape=0.35 + 0.5 * shape.flare)
    body = cut_bodice(shape)
    if behind:
        body = replace(body, depth=2.2)
    pattern.part = "back"
    if shape.neckline == "hood" and not behind:
        sew_hood(pattern, body)
    elif not behind:
        sew_back(pattern, body)
    pattern.part = "body"
    _body(pattern, replace(shape, neckline="round") if behind else shape, body)
    pattern.part = "sleeve"
    _sleeve(pattern, shape, body, arms)
    pattern.part = "body"
    if shape.type == "dress":
        _skirt_folds(pattern, shape, body)
    pattern.part = "front"
    if behind:
        _sew_back_of_neck(pattern, shape, body)
        return pattern
    if shape.type in ("shirt", "outwear") and shape.neckline != "lapels":
        _closure(pattern, body, zip_=shape.type == "outwear")
    finish_neck(pattern, shape, body)
    if shape.type == "outwear":
        _pockets(pattern, body)
    pattern.hanger = (mirrored(np.array([body.tip]))[0].tolist(), body.tip)
    pattern.logo = ((0.0, max(body.armpit[1], body.depth + 9)), 0.42 * body.waist[0])
    return pattern
