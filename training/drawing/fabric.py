"""Fabric: print weights, float32 in [0, 1], over positions in centimetres, and the noise that makes folds."""

from math import cos, sin

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from training.drawing.appearance import Appearance, Colour

Field = NDArray[np.float32]

TILE = 96  # side in pixels of the repeating tile of flowers
SOFT = 0.25  # centimetres of transition between the colours of a print


def rgb(colour: Colour) -> Field:
    """Return a colour as float32 (3,)."""
    return np.array(colour, np.float32)


def _steps(cells: int, size: int) -> Field:
    """Return the weights (size, cells + 1) that blend between grid lines with a smooth step."""
    at = np.linspace(0, cells, size, endpoint=False, dtype=np.float32)
    share = at % 1
    share = share * share * (3 - 2 * share)
    weights = np.zeros((size, cells + 1), np.float32)
    rows, left = np.arange(size), at.astype(int)
    weights[rows, left] = 1 - share
    weights[rows, left + 1] = share
    return weights


def noise(rng: Generator, *, shape: tuple[int, int], cells: tuple[int, int]) -> Field:
    """Return smooth noise of mean 0 and deviation about 0.5, with `cells` bumps down and across."""
    values = rng.normal(0, 0.7, (cells[0] + 1, cells[1] + 1)).astype(np.float32)
    return np.asarray(_steps(cells[0], shape[0]) @ values @ _steps(cells[1], shape[1]).T, np.float32)


def _wave(at: Field, period: float, *, share: float) -> Field:
    """Return 1 in the first `share` of every period and 0 in the rest, with soft sides."""
    distance = np.abs((at / period) % 1 - 0.5) * period
    return np.clip((share * period / 2 - distance) / SOFT + 0.5, 0, 1)


def _dots(u: Field, v: Field, period: float) -> Field:
    odd = np.floor(v / period) % 2
    x = ((u / period + odd / 2) % 1 - 0.5) * period
    y = ((v / period) % 1 - 0.5) * period
    return np.clip((0.26 * period - np.hypot(x, y)) / SOFT + 0.5, 0, 1)


def _flowers(rng: Generator) -> Field:
    """Return a tile of flowers that repeats seamlessly."""
    grid = (np.arange(TILE, dtype=np.float32) + 0.5) / TILE
    tile = np.zeros((TILE, TILE), np.float32)
    for x, y, size, turn in rng.uniform((0, 0, 0.09, 0), (1, 1, 0.19, 6), (7, 4)).astype(np.float32):
        dx = ((grid - x + 0.5) % 1 - 0.5)[None, :]
        dy = ((grid - y + 0.5) % 1 - 0.5)[:, None]
        radius, angle = np.hypot(dx, dy), np.arctan2(dy, dx)
        petals = size * (0.68 + 0.32 * np.cos(5 * angle + turn))
        flower = np.clip((petals - radius) * TILE / 2 + 0.5, 0, 1)
        heart = np.clip((size * 0.25 - radius) * TILE / 2 + 0.5, 0, 1)
        tile = np.maximum(tile, flower) * (1 - 0.8 * heart)
    return tile


def print_weight(appearance: Appearance, u: Field, v: Field) -> Field | float:
    """Return the weight of the second colour at each point of the fabric.

    Parameters
    ----------
    appearance : Appearance
        Names the print and its size.
    u, v : float32 (h, w)
        Across and down the fabric, in centimetres.

    Returns
    -------
    float32 (h, w) in [0, 1], or 0.0 for plain fabric
    """
    size = appearance.print_size
    if appearance.print_upright:
        u, v = v, u
    if appearance.print == "stripes":
        return _wave(v, size, share=0.45)
    if appearance.print == "checks":
        return 0.4 * _wave(u, size, share=0.5) + 0.4 * _wave(v, size, share=0.5)
    if appearance.print == "dots":
        return _dots(u, v, size * 0.8)
    if appearance.print == "gradient":
        return np.clip(v / (12 * size) + 0.2, 0, 1)
    if appearance.print == "floral":
        tile = _flowers(np.random.default_rng(appearance.seed))
        scale = TILE / (4 * size)
        return tile[(v * scale).astype(int) % TILE, (u * scale).astype(int) % TILE]
    return 0.0


def printed(appearance: Appearance, x: Field, y: Field, axis: float) -> Field:
    """Return the colours of printed cloth, turned by `axis` radians: float32 (h, w, 3), or (3,) if plain.

    Parameters
    ----------
    appearance : Appearance
    x, y : float32 (h, w)
        Where, in centimetres.
    axis : float
    """
    main, second = rgb(appearance.colour), rgb(appearance.second)
    u = np.float32(cos(axis)) * x + np.float32(sin(axis)) * y
    v = np.float32(cos(axis)) * y - np.float32(sin(axis)) * x
    weight = print_weight(appearance, u, v)
    return main if isinstance(weight, float) else main + weight[..., None] * (second - main)


def fold_light(appearance: Appearance, rng: Generator, *, shape: tuple[int, int], drape: float) -> Field:
    """Return the light on folded fabric, float32 `shape` around 1: creases, falling folds, weave."""
    creases = noise(rng, shape=shape, cells=(11, 8))
    falling = noise(rng, shape=shape, cells=(2, 17))
    slanted = noise(rng, shape=shape, cells=(22, 13))
    weave = rng.normal(0, 1, shape).astype(np.float32)
    strength = appearance.folds
    return (
        1 + strength * (0.05 * creases + 0.025 * slanted) + strength * drape * 0.09 * falling + 0.012 * weave
    ).astype(np.float32)
