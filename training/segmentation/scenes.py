"""Scenes to learn parsing from: pictures, uint8 (128, 128, 3), and their classes, uint8 (128, 128).

Photographs of garments and of people wearing them, cropped and moved, and cut-outs of both pasted on other
grounds, often in the ground's own colour, so that edges and texture must decide where colour can't. Each
scene comes in two views, the second mirrored and in other tones, from which the same must be read.
"""

from collections.abc import Callable, Sequence

import numpy as np
from PIL import Image
from scipy import ndimage

from training.catalogue.parsed import UNKNOWN
from training.drawing.tones import degraded, recoloured, toned
from training.photo.boxes import bounds
from training.photo.preprocessing import SEGMENTER_SIDE as SIDE
from training.segmentation.labels import Label

SHARES = {
    "photograph": 0.13,
    "moved": 0.13,
    "pasted": 0.1,
    "packshot": 0.05,
    "several": 0.05,
    "worn": 0.33,
    "worn elsewhere": 0.1,
    "drawn": 0.02,
    "figure": 0.06,
    "empty": 0.03,
}
"""How often each kind of scene is made; kinds that there is no data for give way to the others."""

ALIKE_SHARE = 0.45
SHADOW_SHARE = 0.5
SHAVED_SHARE = 0.6
DYED_SHARE = 0.4
"""Of the pictures of people, those in which garments get tones of their own."""

_SMALLEST_STRIP = 20

Scene = tuple[np.ndarray, np.ndarray]
"""A picture, float32 (128, 128, 3), not yet clipped, and its classes, uint8 (128, 128)."""


class Scenes:
    """An endless supply of scenes.

    Parameters
    ----------
    laid_out : sequence of Label
        Squeezed photographs of one garment each.
    worn : sequence of Label
        Photographs of people.
    drawn, figures : sequence of Label
        Drawn garments, and drawn people.
    grounds : sequence of uint8 (h, w, 3)
        Pictures of grounds, beside those that are cut from the photographs.
    """

    def __init__(
        self,
        laid_out: Sequence[Label],
        worn: Sequence[Label] = (),
        drawn: Sequence[Label] = (),
        figures: Sequence[Label] = (),
        grounds: Sequence[np.ndarray] = (),
    ) -> None:
        self.laid_out, self.worn, self.drawn, self.figures = laid_out, worn, drawn, figures
        strips = [strip for label in [*laid_out, *worn] if (strip := _strip(label)) is not None]
        self.grounds = [*strips, *grounds]
        makers: dict[str, tuple[Callable[[np.random.Generator], Scene], Sequence[Label]]] = {
            "photograph": (self._photograph, laid_out),
            "moved": (self._moved, laid_out),
            "pasted": (self._pasted, laid_out),
            "packshot": (self._packshot, laid_out),
            "several": (self._several, laid_out),
            "worn": (self._worn, worn),
            "worn elsewhere": (self._worn_elsewhere, worn),
            "drawn": (self._drawn, drawn),
            "figure": (self._figure, figures),
            "empty": (self._empty, [*laid_out, *worn]),
        }
        self.kinds = [name for name, (_, data) in makers.items() if data]
        self.makers = {name: makers[name][0] for name in self.kinds}
        shares = np.array([SHARES[name] for name in self.kinds])
        self.shares = shares / shares.sum()

    def views(self, rng: np.random.Generator, kind: str | None = None) -> tuple[Scene, Scene]:
        """Return two views of a scene as uint8, the second mirrored; the same for the same state of `rng`.

        Where there is no data for a `kind`, the scene is of any.
        """
        if kind not in self.kinds:
            kind = self.kinds[rng.choice(len(self.kinds), p=self.shares)]
        picture, classes = self.makers[kind](rng)
        with_skin = kind.startswith("worn") or kind == "figure"
        first = degraded(toned(picture, rng, mild=True, with_skin=with_skin), rng)
        second = degraded(toned(picture, rng, mild=False, with_skin=with_skin), rng)
        return (first, classes), (second[:, ::-1], classes[:, ::-1])

    def _photograph(self, rng: np.random.Generator) -> Scene:
        label = _one(self.laid_out, rng)
        return _crop(label, rng.uniform(0, 0.06, 4))

    def _moved(self, rng: np.random.Generator) -> Scene:
        """Turn, zoom and shift a photograph; the border is repeated."""
        return _moved(*_crop(_one(self.laid_out, rng), np.zeros(4)), rng)

    def _pasted(self, rng: np.random.Generator) -> Scene:
        label = _one(self.laid_out, rng)
        colours, alpha = _warped(label, label.garment, rng, share=rng.uniform(0.45, 0.98))
        ground = self._ground(rng)
        colours = recoloured(colours, rng)
        if rng.random() < ALIKE_SHARE:
            mean = np.average(colours.reshape(-1, 3), axis=0, weights=alpha.ravel() + 1e-6)
            colours = colours + rng.uniform(0.5, 1) * (ground.mean((0, 1)) - mean) + rng.normal(0, 12)
        return _laid(ground, colours, alpha, label, rng)

    def _packshot(self, rng: np.random.Generator) -> Scene:
        """Lay a garment on a plain, bright ground, mostly one that is nearly as bright as the ground is."""
        label = _one(self.laid_out, rng)
        colours, alpha = _warped(label, label.garment, rng, share=rng.uniform(0.6, 0.98))
        white = rng.uniform(232, 255)
        fall = rng.normal(0, 4) * np.linspace(-1, 1, SIDE)[:, None, None]
        ground = np.full((SIDE, SIDE, 3), white) + fall + rng.normal(0, 1.5, 3)
        if rng.random() < 0.7:
            light = colours.mean(axis=-1, keepdims=True)
            mean = np.average(light.ravel(), weights=alpha.ravel() + 1e-6)
            tint = rng.normal(0, 4, 3)
            colours = rng.uniform(205, 250) + (light - mean) * rng.uniform(0.1, 0.5) + tint
        return _laid(np.asarray(ground, np.float32), colours, alpha, label, rng, faint=True)

    def _several(self, rng: np.random.Generator) -> Scene:
        """Lay two or three garments beside each other on one ground."""
        count = 2 if rng.random() < 0.8 else 3
        picture, classes = self._ground(rng), np.zeros((SIDE, SIDE), np.uint8)
        beside = rng.random() < 0.75
        for number in range(count):
            label = _one(self.laid_out, rng)
            middle = (number + 0.5) / count - 0.5
            shift = (middle, rng.normal(0, 0.06)) if beside else (rng.normal(0, 0.06), middle)
            colours, alpha = _warped(
                label, label.garment, rng, share=rng.uniform(0.7, 1) / count, shift=shift
            )
            alpha = alpha * (classes == 0)
            picture, found = _laid(picture, recoloured(colours, rng), alpha, label, rng)
            classes = np.where(found, found, classes)
        return picture, classes

    def _worn(self, rng: np.random.Generator) -> Scene:
        label = _one(self.worn, rng)
        return _dyed(*_with_detail(*_crop(label, _person_margins(label, rng)), rng), rng)

    def _worn_elsewhere(self, rng: np.random.Generator) -> Scene:
        """Paste a person on another ground, as shops crop."""
        label = _one(self.worn, rng)
        left, top, right, bottom = _person_margins(label, rng, close=True)
        picture, classes = _crop(label, (left, top, right, bottom))
        alpha = (classes != 0).astype(np.float32)
        alpha = ndimage.gaussian_filter(ndimage.minimum_filter(alpha, 3), 0.6)
        picture, _ = _dyed(*_with_detail(picture, classes, rng), rng)
        ground = self._studio(rng) if rng.random() < 0.6 else self._ground(rng)
        if rng.random() < SHADOW_SHARE:
            ground = _shaded(ground, alpha, rng)
        matte = alpha[..., None]
        return picture * matte + ground * (1 - matte), np.where(alpha > 0.5, classes, 0).astype(np.uint8)

    def _drawn(self, rng: np.random.Generator) -> Scene:
        return _moved(*_crop(_one(self.drawn, rng), np.zeros(4)), rng)

    def _figure(self, rng: np.random.Generator) -> Scene:
        picture, classes = _crop(_one(self.figures, rng), rng.uniform(0, 0.05, 4))
        return (picture, classes) if rng.random() < 0.5 else _moved(picture, classes, rng)

    def _empty(self, rng: np.random.Generator) -> Scene:
        return self._ground(rng), np.zeros((SIDE, SIDE), np.uint8)

    def _studio(self, rng: np.random.Generator) -> np.ndarray:
        """Return a plain or evenly shaded ground."""
        colour = np.full(3, rng.uniform(150, 255)) + rng.normal(0, 6, 3)
        ramp = np.linspace(-1, 1, SIDE)
        shade = rng.normal(0, 14) * ramp[:, None] + rng.normal(0, 6) * ramp[None]
        return np.asarray(colour + shade[..., None], np.float32)

    def _ground(self, rng: np.random.Generator) -> np.ndarray:
        """Return a ground, float32 (128, 128, 3): a photograph's, a drawn or a plain one."""
        if not self.grounds or rng.random() < 0.12:
            colour = rng.uniform(0, 255, 3) if rng.random() < 0.5 else np.full(3, rng.choice([0, 250]))
            return np.broadcast_to(colour, (SIDE, SIDE, 3)).astype(np.float32)
        strip = self.grounds[int(rng.integers(len(self.grounds)))]
        side = int(rng.uniform(0.6, 1.1) * SIDE)
        missing = [(0, max(0, side - length)) for length in strip.shape[:2]]
        tiled = np.pad(strip, [*missing, (0, 0)], mode="symmetric")
        top, left = (int(rng.integers(length - side + 1)) for length in tiled.shape[:2])
        part = tiled[top : top + side, left : left + side]
        part = part.transpose(1, 0, 2) if rng.random() < 0.3 else part
        scaled = Image.fromarray(np.ascontiguousarray(part[:, :: rng.choice([-1, 1])]))
        return recoloured(
            np.asarray(scaled.resize((SIDE, SIDE), Image.Resampling.BILINEAR)), rng, strength=0.8
        )


def _one(labels: Sequence[Label], rng: np.random.Generator) -> Label:
    return labels[int(rng.integers(len(labels)))]


def _strip(label: Label) -> np.ndarray | None:
    """Return the largest strip of ground beside what a photograph shows, or None where it is too small."""
    around = ndimage.binary_dilation(label.classes != 0, iterations=8)
    rows, columns = np.flatnonzero(around.any(1)), np.flatnonzero(around.any(0))
    if not len(rows):
        return label.photo
    photo = label.photo
    sides = [photo[: rows[0]], photo[rows[-1] + 1 :], photo[:, : columns[0]], photo[:, columns[-1] + 1 :]]
    largest = max(sides, key=lambda side: min(side.shape[:2]))
    return largest if min(largest.shape[:2]) >= _SMALLEST_STRIP else None


def _crop(label: Label, margins: Sequence[float] | np.ndarray) -> Scene:
    """Cut shares of left, top, right and bottom off, and squeeze the rest, as the product does."""
    height, width = label.classes.shape
    left, top, right, bottom = margins
    box = (left * width, top * height, (1 - right) * width, (1 - bottom) * height)
    photo = Image.fromarray(label.photo).resize((SIDE, SIDE), Image.Resampling.BOX, box=box)
    classes = Image.fromarray(label.classes).resize((SIDE, SIDE), Image.Resampling.NEAREST, box=box)
    return np.asarray(photo, np.float32), np.asarray(classes)


def _matrix(angle: float, scale: float, aspect: float, mirror: int) -> np.ndarray:
    """Return the 2 x 2 matrix from places in the result to places in the source."""
    cosine, sine = np.cos(angle) / scale, np.sin(angle) / scale
    matrix = np.array([[cosine * aspect, sine * aspect], [-sine / aspect, cosine / aspect]])
    matrix[0] *= mirror
    return matrix


def _affine(
    picture: Image.Image, matrix: np.ndarray, to: np.ndarray, at: np.ndarray, sampling: int
) -> np.ndarray:
    """Transform a picture to the network's side, so that `at` of the source comes to `to`."""
    offset = at - matrix @ to
    data = [*matrix[0], offset[0], *matrix[1], offset[1]]
    return np.asarray(
        picture.transform((SIDE, SIDE), Image.Transform.AFFINE, data, Image.Resampling(sampling))
    )


def _moved(picture: np.ndarray, classes: np.ndarray, rng: np.random.Generator) -> Scene:
    """Turn, scale, stretch, mirror and shift a scene; the border is repeated."""
    border = SIDE // 2
    padding = [(border, border), (border, border)]
    photo = Image.fromarray(np.pad(picture, [*padding, (0, 0)], mode="edge").astype(np.uint8))
    labels = Image.fromarray(np.pad(classes, padding, mode="edge"))
    matrix = _matrix(
        rng.normal(0, 0.13), np.exp(rng.uniform(-0.4, 0.2)), np.exp(rng.normal(0, 0.06)), rng.choice([-1, 1])
    )
    to = np.full(2, SIDE / 2) + rng.uniform(-0.1, 0.1, 2) * SIDE
    at = np.full(2, SIDE / 2 + border)
    moved = _affine(photo, matrix, to, at, Image.Resampling.BILINEAR)
    return moved.astype(np.float32), _affine(labels, matrix, to, at, Image.Resampling.NEAREST)


def _warped(
    label: Label,
    mask: np.ndarray,
    rng: np.random.Generator,
    *,
    share: float,
    shift: tuple[float, float] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Cut what a mask shows out, so that its longer side takes a share of the picture, somewhat turned.

    Returns
    -------
    colours : float32 (128, 128, 3)
    alpha : float32 (128, 128) in [0, 1]
    """
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    height, width = rows[-1] + 1 - rows[0], columns[-1] + 1 - columns[0]
    at = np.array([columns[0] + width / 2, rows[0] + height / 2])
    scale = share * SIDE / max(height, width)
    picture = Image.fromarray(np.dstack([label.photo, mask.astype(np.uint8) * 255]))
    if scale < 0.6:  # else every other pixel would be lost
        picture, at, scale = picture.reduce(2), at / 2, scale * 2
    matrix = _matrix(rng.normal(0, 0.125), scale, np.exp(rng.uniform(-0.15, 0.15)), rng.choice([-1, 1]))
    moved = rng.uniform(-0.5, 0.5, 2) * max(0.05, 1 - share) * 0.8 if shift is None else np.array(shift)
    rgba = _affine(picture, matrix, SIDE * (0.5 + moved), at, Image.Resampling.BILINEAR)
    return rgba[..., :3].astype(np.float32), rgba[..., 3] / np.float32(255)


def _shaded(
    ground: np.ndarray, alpha: np.ndarray, rng: np.random.Generator, *, most: float = 0.5
) -> np.ndarray:
    """Darken the ground beside what lies on it."""
    soft = ndimage.gaussian_filter(alpha, rng.uniform(1, 4))
    shadow = ndimage.shift(soft, rng.normal(0, 3, 2), order=1)
    return ground * (1 - rng.uniform(0.1 * most, most) * shadow[..., None])


def _laid(
    ground: np.ndarray,
    colours: np.ndarray,
    alpha: np.ndarray,
    label: Label,
    rng: np.random.Generator,
    *,
    faint: bool = False,
) -> Scene:
    """Lay a garment on a ground."""
    truth = alpha
    if rng.random() < SHAVED_SHARE:  # remains of the old ground at the outline would give it away
        alpha = truth = ndimage.minimum_filter(alpha, 3)
    if rng.random() < SHADOW_SHARE:
        ground = _shaded(ground, alpha, rng, most=0.25 if faint else 0.5)
    matte = alpha[..., None]
    number = label.classes[label.garment][0]
    return colours * matte + ground * (1 - matte), np.where(truth > 0.5, number, 0).astype(np.uint8)


def _person_margins(label: Label, rng: np.random.Generator, *, close: bool = False) -> np.ndarray:
    """Draw what is cut off a photograph of a person: nothing, or what shops cut off."""
    draw = rng.random()
    if draw < 0.25 and not close:
        return rng.uniform(0, 0.06, 4)
    height, width = label.classes.shape
    there = (label.classes != 0) & (label.classes != UNKNOWN)
    left, top, right, bottom = bounds(there)
    tall = bottom - top
    if draw < 0.45:  # the person alone, however narrow: what a second look sees
        beside = rng.uniform(0, 0.35, 4) * np.array([right - left, tall] * 2)
        return np.clip(np.array([left, top, 1 - right, 1 - bottom]) - beside, 0, 0.9)
    if draw < 0.6:
        top, bottom = top - rng.uniform(-0.02, 0.2) * tall, bottom + rng.uniform(-0.02, 0.2) * tall
    elif draw < 0.74:  # the upper half
        bottom = top + rng.uniform(0.4, 0.7) * tall
        top = top + rng.uniform(-0.1, 0.15) * tall
    elif draw < 0.87:  # without the head
        top = top + rng.uniform(0.1, 0.2) * tall
        bottom = bottom + rng.uniform(-0.3, 0.1) * tall
    else:  # the lower half
        top = top + rng.uniform(0.3, 0.55) * tall
        bottom = bottom + rng.uniform(-0.05, 0.1) * tall
    high = (bottom - top) * height
    wide = max((right - left) * width * rng.uniform(0.95, 1.3), high * rng.uniform(0.45, 1.0)) / width
    middle = (left + right) / 2 + rng.normal(0, 0.05) * wide
    edges = np.array([middle - wide / 2, top, 1 - middle - wide / 2, 1 - bottom])
    return np.clip(edges, 0, 0.9)


def _with_detail(picture: np.ndarray, classes: np.ndarray, rng: np.random.Generator) -> Scene:
    """Make skin and hair sharper or grainier at random: in our photographs faces are blurred."""
    if rng.random() < 0.35:
        person = (classes == 1)[..., None]
        grain = ndimage.gaussian_filter(rng.normal(0, 1, picture.shape[:2]), rng.uniform(0, 1.2))
        soft = ndimage.gaussian_filter(picture, (1, 1, 0))
        sharper = picture + rng.uniform(0, 1.5) * (picture - soft)
        sharper = sharper + (rng.uniform(3, 14) * grain / max(grain.std(), 1e-6))[..., None]
        picture = np.where(person, sharper, picture).astype(np.float32)
    return picture, classes


def _dyed(picture: np.ndarray, classes: np.ndarray, rng: np.random.Generator) -> Scene:
    """Give garments of a person tones of their own at random: colours do not tell what a garment is."""
    if rng.random() < DYED_SHARE:
        for number in np.unique(classes[(classes > 1) & (classes < UNKNOWN)]):
            if rng.random() < 0.6:
                matte = ndimage.gaussian_filter((classes == number).astype(np.float32), 0.6)[..., None]
                picture = picture * (1 - matte) + recoloured(picture, rng, strength=1.2) * matte
    return picture, classes
