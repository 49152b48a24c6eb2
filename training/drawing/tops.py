"""Patterns of garments that hang from the shoulders: t-shirt, longsleeve, shirt, outwear and dress."""

from math import atan2, cos, pi, sin

import numpy as np

from training.drawing.bodice import SLEEVELESS, Bodice, armhole, cut_bodice, front_edge, side
from training.drawing.collars import finish_neck, sew_back, sew_hood
from training.drawing.curves import Curve, between, bow, join, line, mirrored, sag, spline, symmetric, whole
from training.drawing.pattern import Cloth, Pattern
from training.drawing.shape import Shape

ARM = 60.0  # length of a whole sleeve


def _body(pattern: Pattern, shape: Shape, body: Bodice) -> None:
    hole = armhole(body)
    hem = sag(*body.hem, body.bottom)
    right = join(front_edge(body, shape.neckline), line(body.neck, body.tip), hole, side(body), hem[::-1])
    pattern.piece(symmetric(right))
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


def cut_top(shape: Shape, *, arms: float) -> Pattern:
    """Cut a garment that hangs from the shoulders; its sleeves are spread with `arms` 0 and hang with 1."""
    pattern = Pattern(drape=0.35 + 0.5 * shape.flare)
    body = cut_bodice(shape)
    if shape.neckline == "hood":
        sew_hood(pattern, body)
    else:
        sew_back(pattern, body)
    _body(pattern, shape, body)
    _sleeve(pattern, shape, body, arms)
    if shape.type == "dress":
        _skirt_folds(pattern, shape, body)
    if shape.type in ("shirt", "outwear") and shape.neckline != "lapels":
        _closure(pattern, body, zip_=shape.type == "outwear")
    finish_neck(pattern, shape, body)
    if shape.type == "outwear":
        _pockets(pattern, body)
    pattern.hanger = (mirrored(np.array([body.tip]))[0].tolist(), body.tip)
    pattern.logo = ((0.0, max(body.armpit[1], body.depth + 9)), 0.42 * body.waist[0])
    return pattern
