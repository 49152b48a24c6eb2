"""The background that a garment lies on or hangs in front of: float32 (h, w, 3) in [0, 1]."""

import numpy as np
from numpy.random import Generator

from training.drawing.appearance import Appearance
from training.drawing.fabric import Field, noise, rgb

Size = tuple[int, int]


def _blend(appearance: Appearance, weight: Field) -> Field:
    ground, second = rgb(appearance.ground), rgb(appearance.ground_second)
    return np.asarray(ground + weight[..., None] * (second - ground), np.float32)


def _wall(appearance: Appearance, rng: Generator, size: Size) -> Field:
    """Return one colour in uneven light."""
    light = 1 + 0.04 * noise(rng, shape=size, cells=(2, 2))
    return rgb(appearance.ground) * light[..., None]


def _gradient(appearance: Appearance, rng: Generator, size: Size) -> Field:
    down = np.linspace(0, 0.7, size[0], dtype=np.float32)[:, None]
    return _blend(appearance, np.broadcast_to(down, size))


def _carpet(appearance: Appearance, rng: Generator, size: Size) -> Field:
    pile = rng.normal(0, 0.055, size).astype(np.float32)
    loops = 0.08 * noise(rng, shape=size, cells=(size[0] // 3, size[1] // 3))
    worn = 0.05 * noise(rng, shape=size, cells=(6, 5))
    return rgb(appearance.ground) * (0.9 + pile + loops + worn)[..., None]


def _wood(appearance: Appearance, rng: Generator, size: Size) -> Field:
    """Return vertical planks, each with its own tone and grain."""
    width = int(rng.integers(38, 66))
    plank = (np.arange(size[1]) + int(rng.integers(width))) // width
    tone = rng.normal(0, 0.07, plank.max() + 1).astype(np.float32)[plank]
    grain = 0.1 * noise(rng, shape=size, cells=(5, size[1] // 3)) + 0.04 * noise(
        rng, shape=size, cells=(9, size[1] // 2)
    )
    gap = np.where(np.diff(plank, prepend=plank[0]) > 0, np.float32(-0.3), np.float32(0))
    wood = rgb((0.66, 0.49, 0.34)) * 0.6 + rgb(appearance.ground) * 0.4
    return wood * (1 + tone + gap + grain)[..., None]


def _tiles(appearance: Appearance, rng: Generator, size: Size) -> Field:
    side = int(rng.integers(54, 90))
    row = (np.arange(size[0]) + int(rng.integers(side)))[:, None]
    column = (np.arange(size[1]) + int(rng.integers(side)))[None, :]
    tone = rng.normal(0, 0.025, (row.max() // side + 1, column.max() // side + 1)).astype(np.float32)
    joint = (row % side < 2) | (column % side < 2)
    light = 1 + tone[row // side, column // side] + 0.03 * noise(rng, shape=size, cells=(20, 16))
    return rgb(appearance.ground) * np.where(joint, np.float32(0.78), light)[..., None]


PAINTERS = {
    "plain": _wall,
    "gradient": _gradient,
    "carpet": _carpet,
    "wood": _wood,
    "tiles": _tiles,
    "hanger": _wall,
}


def background(appearance: Appearance, rng: Generator, *, size: Size) -> Field:
    """Return the background, float32 (h, w, 3); values may slightly exceed [0, 1]."""
    return PAINTERS[appearance.background](appearance, rng, size)
