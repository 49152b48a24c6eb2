"""Where two garments agree once one lies on the other: in outline, in each part, and in their inner lines.

What is said of the second garment, that its sleeves are longer or its hem is wider, is measured, and is
said only where it is sure: of drawn garments, whose parameters are known, it is true 95 times of 100.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import ndimage

from training.alignment.differences import Difference
from training.alignment.registration import Similarity, channels, register, smaller
from training.photo.garment import Garment, encoder_input

PARTS = ("upper", "middle", "lower", "left", "right")

ROOM = 32
"""Pixels around a cut-out: a garment that is laid on another may reach beyond its frame."""

_SLEEVED, _HEMMED = ("upper", "outer", "dress"), ("skirt", "trousers")
"""Types that may have sleeves, and those that have a length and a hem alone."""

_LIMB = 0.5
"""Half the width, as a share of the body's, up to which something is a limb and no part of the body."""

_LONGER, _WIDER = np.log(1.12), np.log(1.3)
"""Logarithms of the ratios, of lengths and of hems to widths, from which a difference is told."""

_SLEEVE, _ONE_SIDED, _SLEEVES_RATIO = 0.06, 10, 6
"""What sleeves must add on each side, as a share of half the body's area; how many times what they lack; and
how many times the area of the other's sleeves."""

_BLUR, _EDGE = 1.0, 2
"""In pixels of the halved cut-out: the standard deviation within which lines agree, and how far from the
outline lines are no longer the outline's."""

_PLAIN = 0.02
"""Standard deviation of blurred lines below which a garment counts as plain."""


@dataclass(frozen=True)
class PartAgreement:
    """How a part of two garments agrees.

    Parameters
    ----------
    overlap : float in [0, 1]
        Intersection over union of the masks.
    difference : float in [-1, 1]
        What the second garment has there beyond the first, less what it lacks, as a share of the union.
    """

    overlap: float
    difference: float


@dataclass(frozen=True)
class Agreement:
    """Two garments, the second laid on the first.

    Parameters
    ----------
    transform : Similarity
        Of the second cut-out.
    overlap : float in [0, 1]
        Intersection over union of the masks.
    parts : dict of PartAgreement
        By the names of `PARTS`: thirds of the height of both, and halves of their width, as seen.
    differences : tuple of str
        What is measured of the second garment beside the first, what differs most first.
    lines : float in [-1, 1] or None
        Correlation of the inner lines where both garments are; None where either has next to none.
    heat : float32 (96, 96) in [0, 1]
        Where inner lines of both agree, at half the side, with `ROOM` around the cut-out.
    """

    transform: Similarity
    overlap: float
    parts: dict[str, PartAgreement]
    differences: tuple[Difference, ...]
    lines: float | None
    heat: np.ndarray


def _shares(first: np.ndarray, second: np.ndarray) -> PartAgreement:
    """Compare two soft masks, float32 (h, w) in [0, 1]."""
    union = float(np.maximum(first, second).sum())
    if not union:
        return PartAgreement(1.0, 0.0)
    return PartAgreement(
        float(np.minimum(first, second).sum()) / union, float((second - first).sum()) / union
    )


def _parts(first: np.ndarray, second: np.ndarray) -> dict[str, PartAgreement]:
    """Compare the thirds and halves of two soft masks, by the bounds of both."""
    either = np.maximum(first, second) > 0.5
    rows, columns = (np.flatnonzero(either.any(axis=axis)) for axis in (1, 0))
    if not len(rows):
        return dict.fromkeys(PARTS, PartAgreement(1.0, 0.0))
    upper, lower = np.rint(rows[0] + np.array([1, 2]) / 3 * (rows[-1] + 1 - rows[0])).astype(int)
    middle = round((columns[0] + columns[-1] + 1) / 2)
    cuts: tuple[Any, ...] = (
        np.s_[:upper],
        np.s_[upper:lower],
        np.s_[lower:],
        np.s_[:, :middle],
        np.s_[:, middle:],
    )
    return {name: _shares(first[cut], second[cut]) for name, cut in zip(PARTS, cuts, strict=True)}


def _depth(mask: np.ndarray) -> np.ndarray:
    """Return how far each pixel of a mask, bool (h, w), lies from the background."""
    return np.asarray(ndimage.distance_transform_edt(mask))


def _bodies(masks: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Take the limbs off masks, bool (h, w): what is as wide as a sleeve of the slimmer one."""
    depths = [_depth(mask) for mask in masks]
    tops = [int(mask.any(axis=1).argmax()) for mask in masks]
    heights = [np.count_nonzero(mask.any(axis=1)) for mask in masks]
    chests = [
        depth[top : top + height * 6 // 10].max(initial=0.0)  # a skirt below it may be wider
        for depth, top, height in zip(depths, tops, heights, strict=True)
    ]
    width = _LIMB * min(chests)
    return [(_depth(depth <= width) <= width) & mask for depth, mask in zip(depths, masks, strict=True)]


def _proportions(body: np.ndarray) -> tuple[float, float, float]:
    """Return height, hem and chest of a body, bool (h, w), each as a share of its median width."""
    widths = body.sum(axis=1).astype(np.float64)
    widths = widths[np.flatnonzero(widths)[0] : np.flatnonzero(widths)[-1] + 1]
    height, median = len(widths), max(float(np.median(widths)), 1.0)
    hem, chest = (
        float(widths[int(low * height) : int(high * height) + 1].mean()) / median
        for low, high in ((0.84, 0.94), (0.25, 0.45))
    )
    return height / median, hem, chest


def _lengths(first: np.ndarray, second: np.ndarray) -> dict[Difference, float]:
    """Measure the bodies of two garments, bool (h, w): what is surely different, and by how much."""
    height, hem, chest = np.log(_proportions(second)) - np.log(_proportions(first))
    measures: tuple[tuple[Difference, float, float], ...] = (
        ("longer", min(height, height - chest), _LONGER),
        ("shorter", min(-height, chest - height), _LONGER),
        ("hem_wider", min(hem, hem - chest), _WIDER),
        ("hem_narrower", min(-hem, chest - hem), _WIDER),
    )
    return {name: float(ratio) for name, ratio, least in measures if ratio > least}


def _sides(limbs: np.ndarray, middle: int) -> int:
    """Return the smaller of the areas on both sides, without what is a pixel wide."""
    there = ndimage.binary_opening(limbs, np.ones((2, 2)))
    return int(min(np.count_nonzero(there[:, :middle]), np.count_nonzero(there[:, middle:])))


def _sleeves(masks: Sequence[np.ndarray], bodies: Sequence[np.ndarray]) -> dict[Difference, float]:
    """Compare sleeves, which may be cut off, hang or be spread, by what lies beside both bodies."""
    first, second = masks
    both = bodies[0] | bodies[1]
    middle = round(float(np.nonzero(both)[1].mean()))
    unit = np.count_nonzero(both) / 2
    more, less = (
        _sides(there & ~other & ~both, middle) / unit for there, other in ((second, first), (first, second))
    )
    ours, theirs = (_sides(mask & ~body, middle) for mask, body in zip(masks, bodies, strict=True))
    if more > _SLEEVE and more > _ONE_SIDED * less and theirs > _SLEEVES_RATIO * ours:
        return {"sleeves_longer": more}
    if less > _SLEEVE and less > _ONE_SIDED * more and ours > _SLEEVES_RATIO * theirs:
        return {"sleeves_shorter": less}
    return {}


def _differences(masks: Sequence[np.ndarray], types: Sequence[str]) -> tuple[Difference, ...]:
    """Return what two masks of garments of some types surely differ in, the largest difference first."""
    sleeved = all(kind in _SLEEVED for kind in types)
    if not sleeved and not (types[0] == types[1] and types[0] in _HEMMED):
        return ()
    bodies = _bodies(masks) if sleeved else masks
    if not all(body.any() for body in bodies):
        return ()
    found = _lengths(*bodies)
    if sleeved:
        found |= _sleeves(masks, bodies)
    return tuple(sorted(found, key=lambda name: -found[name]))


def _lines(first: np.ndarray, second: np.ndarray, both: np.ndarray) -> tuple[float | None, np.ndarray]:
    """Correlate inner lines, float32 (h, w), where both garments are; return also where they agree."""
    inside = _depth(both) > _EDGE
    blurred = [ndimage.gaussian_filter(lines * inside, _BLUR, truncate=2.5) for lines in (first, second)]
    heat = np.sqrt(blurred[0] * blurred[1]) * inside
    seen = np.stack([each[inside] for each in blurred])
    if not seen.size or seen.std(axis=1).min() < _PLAIN:
        return None, heat
    return float(np.corrcoef(seen)[0, 1]), heat


def _in_room(garment: Garment, lines: np.ndarray) -> np.ndarray:
    """Return mask and inner lines of a cut-out with room around: float32 (2, 192, 192) in [0, 1]."""
    layers = np.stack([garment.mask.astype(np.float32) / 255, lines])
    return np.pad(layers, [(0, 0), (ROOM, ROOM), (ROOM, ROOM)])


def agreement(first: Garment, second: Garment) -> Agreement:
    """Lay a garment on another, and measure where they agree."""
    garments = first, second
    maps = [channels(encoder_input(garment.cutout)) for garment in garments]
    transform = register(*maps)
    layers = [_in_room(garment, lines) for garment, (_, lines, _) in zip(garments, maps, strict=True)]
    layers[1] = np.stack([transform.of_picture(layer) for layer in layers[1]])
    masks = layers[0][0], layers[1][0]
    small = [smaller(each, each.shape[-1] // 2) for each in layers]
    lines, heat = _lines(small[0][1], small[1][1], np.minimum(small[0][0], small[1][0]) > 0.5)
    bodies = small[0][0] > 0.5, small[1][0] > 0.5
    return Agreement(
        transform,
        _shares(*masks).overlap,
        _parts(*masks),
        _differences(bodies, (first.type, second.type)),
        lines,
        heat,
    )
