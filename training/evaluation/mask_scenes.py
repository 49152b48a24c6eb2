"""Photographs whose masks are known, for garments are cut out and pasted: on white, and two side by side.

Each scene is uint8 (h, w, 3), its longer side at most `WORKING_SIZE`, with a mask, bool (h, w), a garment.
"""

import colorsys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from zlib import crc32

import numpy as np
from numpy.random import Generator
from PIL import Image
from scipy import ndimage

from training.catalogue.reader import Catalogue, Item
from training.drawing.appearance import CONTRAST, PRINTS, Appearance, sample_appearance
from training.drawing.background import background
from training.drawing.fabric import Field, fold_light, noise, print_weight, rgb
from training.errors import UnreadableImage
from training.evaluation.finder import Finder, overlap
from training.parallel import in_order
from training.photo.garment import LUMINANCE
from training.photo.images import decode
from training.photo.preprocessing import WORKING_SIZE

LIGHT, DARK = 220.0, 100.0
"""Mean luminance above and below which a garment counts as light or dark."""

SURE = 0.93
"""IoU of a garment's mask with that of the mirrored photograph from which it is cut out."""

AREAS = (0.06, 0.7)
SHAVED = 2  # pixels of the outline, which could show the old background
GROUNDS = ("bedding", "wood", "carpet")
BED = 160.0  # centimetres across the picture of a bed
PAIR = (192, WORKING_SIZE)  # height and width


@dataclass(frozen=True)
class Scene:
    """A photograph and the garments in it.

    Parameters
    ----------
    photo : uint8 (h, w, 3)
    masks : tuple of bool (h, w)
        The true ones.
    """

    photo: np.ndarray
    masks: tuple[np.ndarray, ...]


def _cut_out(item: Item, *, finder: Finder) -> Scene | None:
    """Read a photograph and its garment; None where that is not sure enough, or in pieces."""
    photo = decode(item.path, size=WORKING_SIZE)
    mask = finder.main_mask(photo)
    if not AREAS[0] <= mask.mean() <= AREAS[1] or ndimage.label(mask)[1] != 1:
        return None
    mirrored = finder.main_mask(np.ascontiguousarray(photo[:, ::-1]))[:, ::-1]
    if overlap(mask, mirrored) < SURE:
        return None
    return Scene(photo, (ndimage.binary_erosion(mask, iterations=SHAVED),))


def cut_outs(catalogue: Catalogue, finder: Finder, *, most: int, processes: int | None = None) -> list[Scene]:
    """Find garments to paste, one a photograph, in an order that tells nothing of them.

    Parameters
    ----------
    catalogue : Catalogue
    finder : Finder
        Its masks are those of the garments once they are pasted, so they need not be right.
    most : int
        How many photographs are looked at.
    processes : int, optional
        Worker processes; all cores without it.
    """
    items = sorted(catalogue.items, key=lambda item: crc32(item.item_id.encode()))[:most]
    cut = in_order(partial(_cut_out, finder=finder), items, processes=processes, progress="cut-outs to paste")
    return [scene for scene in cut if scene is not None and not isinstance(scene, UnreadableImage)]


def _laid(colours: np.ndarray, mask: np.ndarray, ground: np.ndarray) -> np.ndarray:
    """Lay cloth, float (h, w, 3), on a ground with soft edges -> uint8 (h, w, 3)."""
    soft = ndimage.gaussian_filter(mask.astype(np.float32), 0.7)[..., None]
    return np.rint(np.clip(colours * soft + ground * (1 - soft), 0, 255)).astype(np.uint8)


def _shadow(mask: np.ndarray, rng: Generator, *, strongest: float) -> np.ndarray:
    """Return the light, float (h, w, 1) in [0, 1], that a garment leaves on its ground."""
    soft = ndimage.gaussian_filter(mask.astype(np.float32), rng.uniform(3, 9))
    moved = ndimage.shift(soft, rng.uniform((1, -4), (7, 4)), order=1)
    return (1 - rng.uniform(0, strongest) * moved)[..., None]


def _white(mask: np.ndarray, rng: Generator) -> np.ndarray:
    """Return a white or nearly white ground, float (h, w, 3), with a shadow."""
    colour = np.array(colorsys.hsv_to_rgb(rng.random(), rng.uniform(0, 0.02), rng.uniform(0.94, 1)))
    light = 1 + rng.uniform(0, 0.015) * noise(rng, shape=mask.shape, cells=(2, 2))
    return 255 * np.clip(colour * light[..., None] * _shadow(mask, rng, strongest=0.3), 0, 1)


def _dyed(cut: Scene, rng: Generator, *, light: bool) -> np.ndarray:
    """Return the cloth in a light or dark colour, float (h, w, 3), its folds and print strong or weak."""
    luminance = cut.photo @ LUMINANCE
    relative = luminance / max(float(luminance[cut.masks[0]].mean()), 1.0)
    pattern = 1 + rng.uniform(0.15, 1) * (np.clip(relative, 0.3, 1.5) - 1)
    level, saturation = (rng.uniform(225, 252), 0.04) if light else (rng.uniform(20, 95), 0.6)
    colour = np.array(colorsys.hsv_to_rgb(rng.random(), rng.uniform(0, saturation), 1.0))
    return np.clip(colour * level / (colour @ LUMINANCE) * pattern[..., None], 0, 255)


def packshots(cuts: Sequence[Scene], *, light: bool, seed: int = 0) -> Iterator[Scene]:
    """Lay garments, light or dark, on white grounds with soft shadows.

    Parameters
    ----------
    cuts : sequence of Scene
        Garments to paste.
    light : bool
        Whether they are dyed to a mean luminance above `LIGHT`, or below `DARK`.
    seed : int

    Yields
    ------
    Scene
        Those of the garments that came out so.
    """
    for index, cut in enumerate(cuts):
        rng = np.random.default_rng([seed, light, index])
        mask = cut.masks[0]
        photo = _laid(_dyed(cut, rng, light=light), mask, _white(mask, rng))
        brightness = float((photo[mask] @ LUMINANCE).mean())
        if brightness > LIGHT if light else brightness < DARK:
            yield Scene(photo, (mask,))


def _bed(look: Appearance, rng: Generator, size: tuple[int, int]) -> Field:
    """Return printed, creased bedding, float32 (h, w, 3)."""
    look = replace(look, print=str(rng.choice(PRINTS)), print_size=float(rng.uniform(3, 14)), folds=1.0)
    y, x = np.mgrid[: size[0], : size[1]].astype(np.float32) * np.float32(BED / size[1])
    weight = np.broadcast_to(np.asarray(print_weight(look, x, y), np.float32), size)[..., None]
    cloth = rgb(look.ground) + weight * (rgb(look.ground_second) - rgb(look.ground))
    return cloth * fold_light(look, rng, shape=size, drape=0.3)[..., None]


def _apart(ground: Field, colours: Sequence[np.ndarray]) -> bool:
    mean = ground.mean(axis=(0, 1))
    return all(np.linalg.norm(mean - colour) >= CONTRAST for colour in colours)


def _ground(kind: str, colours: Sequence[np.ndarray], rng: Generator) -> np.ndarray:
    """Draw a ground, float (h, w, 3), that can be told from colours in [0, 1] if one is found."""
    for _ in range(30):
        look = replace(sample_appearance(rng), background=kind if kind != "bedding" else "plain")
        ground = _bed(look, rng, PAIR) if kind == "bedding" else background(look, rng, size=PAIR)
        if _apart(ground, colours):
            break
    return 255 * ground


def _placed(cut: Scene, half: int, rng: Generator) -> tuple[np.ndarray, np.ndarray]:
    """Scale a garment into a half of a pair's picture: colours, uint8 (h, w, 3), and mask, bool (h, w)."""
    rows, columns = (np.flatnonzero(cut.masks[0].any(axis)) for axis in (1, 0))
    box = (int(columns[0]) - 3, int(rows[0]) - 3, int(columns[-1]) + 4, int(rows[-1]) + 4)
    room = np.array([PAIR[1] / 2, PAIR[0]])
    extent = np.array([box[2] - box[0], box[3] - box[1]])
    size = np.maximum(extent * min(room / extent) * rng.uniform(0.7, 0.96), 1).astype(int)
    corner = ((room - size) * rng.uniform(0.2, 0.8, 2)).astype(int) + (half * PAIR[1] // 2, 0)
    layers = []
    for picture in (cut.photo, cut.masks[0].astype(np.uint8) * 255):
        canvas = Image.new("RGB" if picture.ndim == 3 else "L", PAIR[::-1])
        part = Image.fromarray(picture).crop(box)
        canvas.paste(part.resize(tuple(size), Image.Resampling.BILINEAR), tuple(corner))
        layers.append(np.asarray(canvas))
    return layers[0], layers[1] > 127


def pair(cuts: tuple[Scene, Scene], *, kind: str, rng: Generator) -> Scene:
    """Lay two garments side by side.

    Parameters
    ----------
    cuts : two of Scene
        Garments to paste.
    kind : str
        One of `GROUNDS`.
    rng : Generator

    Returns
    -------
    Scene
        With two masks that do not meet.
    """
    colours = [cut.photo[cut.masks[0]].mean(axis=0) / 255 for cut in cuts]
    picture = _ground(kind, colours, rng)
    masks = []
    for half, cut in enumerate(cuts):
        cloth, mask = _placed(cut, half, rng)
        picture = _laid(cloth, mask, picture * _shadow(mask, rng, strongest=0.5))
        masks.append(mask)
    return Scene(np.asarray(picture), tuple(masks))


def pairs(cuts: Sequence[Scene], *, seed: int = 0) -> Iterator[Scene]:
    """Lay garments side by side, two and two, on one kind of ground after the other."""
    for index in range(len(cuts) // 2):
        rng = np.random.default_rng([seed, 2, index])
        both = cuts[2 * index], cuts[2 * index + 1]
        yield pair(both, kind=GROUNDS[index % len(GROUNDS)], rng=rng)
