"""The studio: a pattern is placed on a picture, float32 (320, 256, 3), and painted back to front."""

from math import cos, radians, sin
from typing import Any

import numpy as np
from numpy.random import Generator
from skimage.filters import gaussian

from training.drawing.accessories import cut_hat, cut_shoe
from training.drawing.appearance import Appearance
from training.drawing.bottoms import cut_skirt, cut_trousers
from training.drawing.curves import Curve, bounds, line, ring, spline
from training.drawing.fabric import Field, printed, rgb
from training.drawing.pattern import Cloth, Pattern, Piece
from training.drawing.raster import Coverage, fill, stroke
from training.drawing.shape import Shape
from training.drawing.tops import cut_top
from training.drawing.view import View

HEIGHT, WIDTH = 320, 256
MARGIN = 0.97  # share of the frame that a garment of scale 1 fills

CUTTERS = {
    "skirt": cut_skirt,
    "pants": cut_trousers,
    "shorts": cut_trousers,
    "hat": cut_hat,
    "shoes": cut_shoe,
}


def _cut(shape: Shape, arms: float) -> Pattern:
    cutter = CUTTERS.get(shape.type)
    return cutter(shape) if cutter else cut_top(shape, arms=arms)


def _place(pattern: Pattern, appearance: Appearance) -> View:
    """Fit the rotated garment into the frame and shift it according to its pose."""
    angle = radians(appearance.rotation)
    turn = np.array([[cos(angle), -sin(angle)], [sin(angle), cos(angle)]])
    if appearance.mirrored:
        turn = turn * (-1, 1)
    left, top, right, bottom = bounds([piece.outline @ turn.T for piece in pattern.pieces])
    fit = min(WIDTH / (right - left), HEIGHT / (bottom - top))
    matrix = turn * fit * MARGIN * appearance.scale
    middle = np.array([left + right, top + bottom]) / 2 * fit * MARGIN * appearance.scale
    centre = np.array([WIDTH * (0.5 + appearance.shift_x), HEIGHT * (0.5 + appearance.shift_y)])
    return View(matrix, centre - middle)


def _fill(curve: Curve, placement: View) -> Coverage:
    return fill(placement.pixels(curve), height=HEIGHT, width=WIDTH)


def _stroke(curve: Curve, placement: View) -> Coverage:
    return stroke(placement.pixels(curve), height=HEIGHT, width=WIDTH)


def _box(coverage: Coverage) -> tuple[slice, slice]:
    """Return the bounding box of the coverage as rows and columns."""
    rows, columns = np.nonzero(coverage.any(axis=1))[0], np.nonzero(coverage.any(axis=0))[0]
    if rows.size == 0:
        return slice(0), slice(0)
    return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)


def _paint(picture: Field, coverage: Coverage, colour: Any) -> None:
    """Blend a colour, or a picture of colours, into the picture in place."""
    box = _box(coverage)
    ink = colour[box] if np.ndim(colour) == 3 else np.asarray(colour, np.float32)
    picture[box] += coverage[box][..., None] * (ink - picture[box])


def _logo_outlines(logo: str, half: float, rng: Generator) -> list[Curve]:
    if logo == "disc":
        return [ring((0, 2), 0.62 * half, 0.62 * half)]
    if logo == "rectangle":
        return [_rectangle(-0.8 * half, 0, 0.8 * half, half)]
    return [
        letter for row in range(int(rng.integers(1, 4))) for letter in _letters(3.2 * row + 2.3, half, rng)
    ]


def _rectangle(left: float, top: float, right: float, bottom: float) -> Curve:
    return line((left, top), (right, top), (right, bottom), (left, bottom))


def _letters(base: float, half: float, rng: Generator) -> list[Curve]:
    """Return a row of blocks that resemble a line of text."""
    letters, x = [], -0.9 * half
    while x < 0.75 * half:
        width, tall = float(rng.uniform(0.5, 1.6)), float(rng.uniform(1.3, 2.3))
        letters.append(_rectangle(x, base - tall, x + width, base))
        x += width + 0.5
    return letters


class Studio:
    """Everything that is needed to paint one garment into a picture."""

    def __init__(self, shape: Shape, look: Appearance) -> None:
        self.look = look
        self.rng = np.random.default_rng(look.seed)
        self.pattern = _cut(shape, look.arms)
        self.placement = _place(self.pattern, look)
        self.coverages = [_fill(piece.outline, self.placement) for piece in self.pattern.pieces]
        self.mask: Coverage = np.max(self.coverages, axis=0)

    def cloth(self, cloth: Cloth, axis: float, box: tuple[slice, slice]) -> Any:
        """Return the colour of cloth rotated by `axis`, or a colour for each pixel of the box."""
        look = self.look
        main, trim = rgb(look.colour), rgb(look.trim)
        if cloth == "main":
            return printed(look, *self.placement.centimetres(box), axis)
        plain = {"trim": trim, "inside": main * 0.5, "dark": main * 0.3 + 0.08, "metal": trim * 0.35 + 0.3}
        return plain[cloth]

    def sew(self, picture: Field, light: Field) -> None:
        """Paint the pieces back to front, each slightly darker towards its edges."""
        for piece, coverage in zip(self.pattern.pieces, self.coverages, strict=True):
            self._lay(picture, piece, coverage, light)

    def _lay(self, picture: Field, piece: Piece, coverage: Coverage, light: Field) -> None:
        box = _box(coverage)
        alpha = coverage[box]
        if alpha.size == 0:
            return
        round_off = 0.78 + 0.22 * gaussian(alpha, sigma=3.5, mode="constant", preserve_range=True)
        colour = self.cloth(piece.cloth, piece.axis, box)
        ink = colour * (light[box] * round_off * piece.shade)[..., None]
        picture[box] += alpha[..., None] * (ink - picture[box])

    def stitch(self, picture: Field) -> None:
        """Darken the cloth along its seams."""
        dark = np.zeros((HEIGHT, WIDTH), np.float32)
        for seam in self.pattern.seams:
            np.maximum(dark, seam.strength * _stroke(seam.curve, self.placement), out=dark)
        picture *= (1 - dark * self.mask)[..., None]
        shine = 0.12 if sum(self.look.colour) < 0.9 else 0.0  # seams of black cloth reflect the light
        picture += (shine * dark * self.mask)[..., None]

    def button(self, picture: Field) -> None:
        """Paint the buttons, dark on bright cloth and bright on dark."""
        rim, middle = (0.25, 0.4) if np.mean(self.look.colour) > 0.45 else (0.85, 0.7)
        for place in self.pattern.buttons:
            _paint(picture, _fill(ring(place, 0.95, 0.95), self.placement), (rim,) * 3)
            _paint(picture, _fill(ring(place, 0.5, 0.5), self.placement), (middle,) * 3)

    def logo(self, picture: Field, light: Field) -> None:
        """Paint the logo, if the pattern has a place for one."""
        if self.pattern.logo is None or self.look.logo == "none":
            return
        (x, y), half = self.pattern.logo
        ink = rgb(self.look.second) * light[..., None]
        for outline in _logo_outlines(self.look.logo, half, self.rng):
            _paint(picture, _fill(outline + (x, y), self.placement) * self.mask, ink)

    def shadow(self, picture: Field) -> None:
        """Darken the background beside the garment, on the side away from the light."""
        soft = gaussian(self.mask[::2, ::2], sigma=3.0, mode="constant", preserve_range=True)
        soft = np.roll(soft.repeat(2, 0).repeat(2, 1), (4, int(6 * self.look.light - 3)), axis=(0, 1))
        picture *= (1 - 0.38 * soft)[..., None]

    def hang(self, picture: Field) -> None:
        """Paint a wooden hanger and its hook behind the garment."""
        if self.look.background != "hanger" or self.pattern.hanger is None:
            return
        (left, low), (right, _) = self.pattern.hanger
        x = min(right, 21.0)
        arms = spline((-x, low + 1.0), (-x * 0.5, -0.2), (0, -3.4), (x * 0.5, -0.2), (x, low + 1.0))
        wood = np.concatenate([arms, (arms + (0, 2.2))[::-1]])
        hook = spline((0, -3.2), (0, -8), (2.8, -9.6), (3.4, -12.4), (0.8, -14.6), (-2.4, -13.2))
        for offset in (0, 0.5):
            _paint(picture, _stroke(hook + (offset, 0), self.placement), (0.5, 0.5, 0.52))
        _paint(picture, _fill(wood, self.placement), (0.52, 0.36, 0.22))
