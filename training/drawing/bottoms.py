"""Patterns of garments that hang from the waist: skirt, pants and shorts."""

import numpy as np

from training.drawing.curves import between, bow, join, line, sag, spline, symmetric, whole
from training.drawing.pattern import Pattern
from training.drawing.shape import Shape

CROTCH = 27.0
BAND = 4.0


def _waistband(pattern: Pattern, half: float) -> None:
    """Add the band, and above it the inside of the back."""
    rim, low = sag(half, 0, 1.6), sag(half + 0.6, BAND, BAND + 1.6)
    pattern.piece(symmetric(join(sag(half, 0, -0.5), rim[::-1])), "inside")
    pattern.piece(symmetric(join(rim, low[::-1])), shade=0.94)
    pattern.seam(whole(low), 0.4)


def cut_skirt(shape: Shape) -> Pattern:
    """Cut a skirt."""
    pattern = Pattern(drape=0.4 + 0.6 * shape.flare)
    waist, length = 16.5 + 4 * shape.width, 36 + 62 * shape.body_length
    hip = waist + 5.5 + 5 * shape.flare
    hem = hip + shape.flare * (8 + 0.38 * length) - 2.5 * (1 - shape.flare)
    drop = 1.0 + (2 + 6 * shape.flare) * (0.4 + 0.6 * shape.hem_curve)
    side = spline((waist, 0.5), (waist + 0.72 * (hip - waist), 9), (hip, 20), (hem, length - drop))
    pattern.side = side
    bottom = sag(hem, length - drop, length)
    pattern.piece(symmetric(join(line((0, 1.6)), side, bottom[::-1])))
    for share in np.linspace(-0.78, 0.78, 4 + int(6 * shape.flare)):
        start, end = (waist * share, BAND + 1.5), (hem * share, length - 2.5 - drop * abs(share))
        pattern.seam(bow(start, between(start, end, 0.95), 0.01), 0.06 + 0.16 * shape.flare)
    pattern.seam(whole(bottom) - (0, 1.8), 0.25)
    _waistband(pattern, waist)
    return pattern


def _leg(shape: Shape) -> tuple[float, float, float, float, float]:
    """Return the waist's half width, the hip's, the length, and the hem's inner and outer end."""
    waist = 16.5 + 4.5 * shape.width
    hip = waist + 4.5 + 2.5 * shape.leg_width
    length = 27 + 79 * shape.body_length
    long = min(1.0, (length - CROTCH) / 70)
    thigh = hip - 1.2
    hem = thigh + (7.5 + 10.5 * shape.leg_width + 9 * shape.flare - thigh) * long**0.8 + 2 * (1 - long)
    inner = 0.8 + 4.5 * long * (1 - 0.5 * shape.leg_width)
    return waist, hip, length, inner, inner + hem


def cut_trousers(shape: Shape) -> Pattern:
    """Cut pants or shorts."""
    pattern = Pattern(drape=0.3)
    waist, hip, length, inner, outer = _leg(shape)
    knee_y = CROTCH + 0.5 * (length - CROTCH)
    pinch = 1.6 * shape.flare * min(1.0, (length - CROTCH) / 70)
    knee_out = between((hip, 20), (outer, length), 0.55)[0] - pinch
    knee_in = between((0.6, CROTCH), (inner, length), 0.5)[0] + pinch
    side = spline((waist, 0.5), (hip - 1.2, 11), (hip, 21), (knee_out, knee_y), (outer, length))
    hem = bow((outer, length), (inner, length + 0.8), 0.03)
    inseam = spline((inner, length + 0.8), (knee_in, knee_y), (0.5, CROTCH + 2), (0, CROTCH))
    pattern.piece(symmetric(join(line((0, 1.6)), side, hem, inseam)))
    pattern.side, pattern.inseam = side, inseam[::-1]
    pattern.seam_pair(hem - (0, 2.2), 0.3)
    pattern.seam_pair(spline((0.7, CROTCH + 2), (knee_in + 0.5, knee_y), (inner + 0.5, length)), 0.2)
    middle = (inner + outer) / 2
    crease = spline(
        (hip * 0.52, BAND + 8), (between((knee_in, 0), (knee_out, 0), 0.5)[0], knee_y), (middle, length)
    )
    pattern.seam_pair(crease, 0.1)
    pattern.part = "front"
    _front_of_trousers(pattern, waist, hip)
    return pattern


def _front_of_trousers(pattern: Pattern, waist: float, hip: float) -> None:
    pattern.seam(spline((0, BAND), (0.2, 16), (0, CROTCH)), 0.4)
    pattern.seam(spline((3.4, BAND + 1), (3.2, 14), (2.2, 18), (0.2, 20)), 0.25)
    pocket = spline((waist * 0.52, BAND + 1), (waist * 0.66, 9), (hip * 0.97, 14))
    pattern.seam_pair(pocket, 0.4)
    pattern.seam_pair(pocket + (0.4, -0.9), 0.18)
    _waistband(pattern, waist)
    for x in (waist * 0.38, waist * 0.8):
        pattern.pair(line((x, 0.6), (x + 1.3, 0.6), (x + 1.3, BAND + 1.6), (x, BAND + 1.6)), shade=0.85)
    pattern.buttons.append((0.0, BAND / 2 + 1.4))
