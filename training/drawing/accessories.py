"""Patterns of what is worn on the head and on the feet: hat and shoes."""

import numpy as np

from training.drawing.curves import Curve, bow, join, line, ring, sag, spline, symmetric, whole
from training.drawing.pattern import Pattern
from training.drawing.shape import Shape


def cut_hat(shape: Shape) -> Pattern:
    """Cut a brimmed hat, seen slightly from above: brim, crown with a dented top, ribbon."""
    pattern = Pattern(drape=0.1)
    base, height = 9.5 + 2.5 * shape.width, 8.5 + 8 * shape.crown
    reach = base + 2.5 + 13 * shape.brim
    brim = ring((0, 0.8), reach, 2.6 + 0.24 * reach)
    pattern.piece(brim, shade=0.93)
    pattern.seam(ring((0, 0.6), reach - 1.0, 1.9 + 0.24 * reach), 0.16)
    top = base * 0.84
    right = join(
        spline((0, -height + 1.0), (top * 0.5, -height - 0.9), (top * 0.9, -height + 0.6)),
        spline((top, -height + 2.4), (base * 0.95, -height * 0.45), (base, 0.5)),
        sag(base, 0.5, 3.6)[::-1],
    )
    pattern.piece(symmetric(right))
    low = whole(sag(base, 0.5, 3.6))
    pattern.piece(join(low, (low * (0.965, 1) - (0, 3.2))[::-1]), "trim")
    pattern.seam(spline((-top * 0.6, -height + 1.2), (0, -height + 3.4), (top * 0.6, -height + 1.2)), 0.25)
    return pattern


def _upper(shape: Shape, lift: float) -> Curve:
    """Return the outline above the sole of a shoe that points right, from the heel's foot clockwise."""
    opening = 9.0 + 22 * shape.shaft
    toe = 2.2 + 1.8 * (1 - shape.toe)
    tip = 15.0 + 2.5 * shape.toe
    tongue = (1.5 - 0.6 * shape.shaft, opening + 0.5 + lift * 0.7)
    back = spline((-13.2, lift), (-13.6, 4 + lift), (-12.2, opening * 0.6 + lift), (-12.6, opening + lift))
    rim = bow((-12.6, opening + lift), tongue, 0.08)
    instep = (2.8, 8.6 + 0.75 * lift)
    front = spline(tongue, instep, (8.6, 5.4 + 0.25 * lift), (tip - 1.6, toe), (tip, 0.6), (tip - 0.6, 0))
    arch = spline((tip - 0.6, 0), (5.0, 0), (-4.0, 0.55 * lift), (-13.2, lift))
    return join(back, rim, front, arch) * (1.0, -1.0)


def _sole(shape: Shape, lift: float) -> Curve:
    tip = 15.0 + 2.5 * shape.toe
    thick = 1.6
    top = spline((tip + 0.4, 0.7), (5.0, 0.4), (-4.0, 0.55 * lift + 0.4), (-13.6, lift + 0.4))
    heel = line(
        (-13.6, lift), (-13.0 + 0.1 * lift, -thick), (-8.6 - 0.22 * lift, -thick), (-6.5, 0.5 * lift - 0.6)
    )
    bottom = spline((-4.0, 0.4 * lift - 0.9), (4.0, -thick), (tip - 2.5, -thick), (tip + 0.4, 0.2))
    return join(top, heel, bottom) * (1.0, -1.0)


def _laces(pattern: Pattern, shape: Shape, lift: float) -> None:
    count = 4 + int(5 * shape.shaft)
    start = np.array([3.0, 7.6 + 0.7 * lift])
    end = np.array([1.0 - 0.6 * shape.shaft, 8.2 + 22 * shape.shaft + 0.7 * lift])
    for share in np.linspace(0, 1, count):
        x, y = start + share * (end - start)
        lace = line((x - 3.4, 1.1 - y), (x, -y - 0.2), (x, 0.6 - y), (x - 3.3, 1.9 - y))
        pattern.piece(lace, "trim", shade=0.8)


def cut_shoe(shape: Shape) -> Pattern:
    """Cut one shoe seen from its outer side, from a low trainer to a boot with a heel."""
    pattern = Pattern(drape=0.05)
    lift = 8.0 * shape.heel
    pattern.piece(_sole(shape, lift), "dark")
    pattern.piece(_upper(shape, lift))
    opening = 9.0 + 22 * shape.shaft + lift
    rim_end = (1.5 - 0.6 * shape.shaft, -(9.5 + 22 * shape.shaft + lift * 0.7))
    rim = bow((-12.6, -opening), rim_end, 0.08)
    pattern.piece(join(rim, bow(rim_end, (-12.6, -opening), 0.1)), "inside")
    pattern.seam(spline((8.4, -5.2 - 0.25 * lift), (9.4, -3.0), (8.6, -0.6)), 0.4)
    pattern.seam(spline((-4.5, -opening + 1.5), (-5.2, -5 - lift), (-1.5, -1 - 0.4 * lift)), 0.35)
    pattern.seam(spline((-13.2, -4.5 - lift), (-9.8, -5.4 - lift), (-8.4, -0.6 - 0.8 * lift)), 0.3)
    pattern.seam(rim + (0.2, 1.2), 0.25)
    if shape.heel < 0.45:
        _laces(pattern, shape, lift)
    return pattern
