"""Figures: drawn garments on drawn people, uint8 (h, w, 3), with the class of every pixel, uint8 (h, w)."""

from dataclasses import dataclass
from math import cos, radians, sin

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from training.drawing.appearance import Appearance, sample_appearance
from training.drawing.body import Body, sample_build, sample_pose
from training.drawing.canvas import Canvas
from training.drawing.curves import line
from training.drawing.fabric import Field
from training.drawing.head import sample_face
from training.drawing.outfit import Garment, sample_outfit, slot_of, worn
from training.drawing.person import Person
from training.drawing.scenery import scenery
from training.drawing.shape import Shape
from training.drawing.view import View

CROPS = {  # top and bottom, each from a range of heights of the body; share
    "whole": ((-46, -33), (143, 152), 0.36),
    "small": ((-110, -45), (150, 190), 0.14),
    "headless": ((-14, -2), (143, 152), 0.1),
    "upper": ((-44, -32), (52, 84), 0.17),
    "upper headless": ((-14, -4), (52, 84), 0.08),
    "lower": ((18, 34), (143, 152), 0.09),
    "close": ((-30, 60), (75, 90), 0.06),
}
LEAST = {"hat": 0.004, "shoes": 0.004, "bottom": 0.015, "top": 0.02, "outer": 0.02, "dress": 0.03}
"""The share of the picture that a garment shall fill; another person wears it where others hide it."""
TRIES = 6
BLURRED_FACES = 0.25  # share
CROPS_OF = {
    "hat": ("whole", "small", "upper"),
    "shoes": ("whole", "small", "headless", "lower"),
    "bottom": ("whole", "small", "headless", "lower"),
    "dress": ("whole", "small", "headless"),
    "top": ("whole", "small", "headless", "upper", "upper headless"),
    "outer": ("whole", "small", "headless"),
}


@dataclass(frozen=True)
class Worn:
    """A garment on a figure.

    Parameters
    ----------
    picture : uint8 (h, w, 3)
        RGB.
    classes : uint8 (h, w)
        Of each pixel, an index of `training.photo.garment_types.CLASSES`.
    mask : bool (h, w)
        Where the garment is seen.
    """

    picture: NDArray[np.uint8]
    classes: NDArray[np.uint8]
    mask: NDArray[np.bool_]


def _view(rng: Generator, crops: tuple[str, ...]) -> tuple[View, tuple[int, int]]:
    shares = np.array([CROPS[name][2] for name in crops])
    crop = crops[rng.choice(len(crops), p=shares / shares.sum())]
    tops, bottoms, _ = CROPS[crop]
    size = int(rng.integers(256, 305)), int(rng.integers(192, 241))
    top, bottom = rng.uniform(*tops), rng.uniform(*bottoms)
    if crop == "close":
        bottom = top + bottom
    zoom = size[0] / (bottom - top)
    angle = radians(float(rng.normal(0, 1.5)))
    matrix = np.array([[cos(angle), -sin(angle)], [sin(angle), cos(angle)]]) * zoom
    x = size[1] * (0.5 + float(rng.normal(0, 0.09 if crop == "small" else 0.04)))
    shift = np.array([x, -top * zoom]) - matrix @ (0.0, 50.0) + (0, 50.0 * zoom)
    return View(matrix, shift), size


def _developed(picture: Field, rng: Generator) -> NDArray[np.uint8]:
    """Give a picture the contrast, tint, softness and grain of a photograph."""
    if rng.random() < 0.6:
        picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), float(rng.uniform(0.4, 0.8))), np.float32)
    gain = np.exp(rng.normal(0, 0.1) + rng.normal(0, 0.03, 3))
    gamma = np.exp(rng.normal(0, 0.12))
    tones = np.arange(256)[:, None] / 255 * gain
    table = np.round(255 * np.clip(tones, 0, 1) ** gamma).astype(np.uint8)
    photo = cv2.convertScaleAbs(np.maximum(picture, 0), alpha=255)
    toned = cv2.LUT(photo, table[:, None])
    colourful = float(rng.uniform(0.55, 1.1))
    grey = cv2.cvtColor(cv2.cvtColor(toned, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    return np.asarray(cv2.addWeighted(toned, colourful, grey, 1 - colourful, 0), np.uint8)


def _draw(
    rng: Generator, wanted: Garment | None
) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.bool_]]:
    slot = slot_of(wanted.shape.type) if wanted else ""
    view, size = _view(rng, CROPS_OF.get(slot, tuple(CROPS)))
    look = sample_appearance(rng)
    floor = float(view.pixels(line((0, 140)))[0, 1])
    light = float(rng.uniform(-1, 1))
    contrast = float(rng.uniform(0.35, 1.2))
    canvas = Canvas(scenery(look, rng, size=size, floor=floor), view, light=light, contrast=contrast)
    build, pose = sample_build(rng), sample_pose(rng)
    ground = canvas.picture[size[0] // 3].mean(axis=0).clip(0.03, 0.97)
    face = sample_face(rng, woman=build.woman)
    colours = [(float(c[0]), float(c[1]), float(c[2])) for c in (face.skin, ground)]
    outfit = sample_outfit(rng, skin=colours[0], ground=colours[1], woman=build.woman, wanted=wanted)
    person = Person(canvas, Body(build, pose), face, outfit, rng)
    person.paint()
    person.shade_ground()
    if rng.random() < BLURRED_FACES and not pose.behind:
        person.head.blur(float(rng.uniform(0.4, 2.2)))
    classes = np.array(person.classes, np.uint8)[canvas.layers]
    mask = canvas.layers == person.layer_of.get(slot, 255)
    return _developed(canvas.picture, rng), classes, mask


def wear(shape: Shape, look: Appearance, rng: Generator) -> Worn:
    """Draw a garment worn by someone, with other garments, somewhere.

    Parameters
    ----------
    shape : Shape
        How the garment is cut.
    look : Appearance
        Its colours, print, logo and folds; its background and place in the frame do not matter.
    rng : Generator
        Decides all else: the same state gives the same picture.
    """
    garment = worn(shape, look, rng)
    for _ in range(TRIES):
        picture, classes, mask = _draw(rng, garment)
        if mask.mean() > LEAST[slot_of(shape.type)]:
            break
    return Worn(picture, classes, mask)


def figure(rng: Generator) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Draw someone in random clothes.

    Returns
    -------
    picture : uint8 (h, w, 3)
        RGB, 256 to 320 pixels high and 192 to 256 wide.
    classes : uint8 (h, w)
        Of each pixel, an index of `training.photo.garment_types.CLASSES`.
    """
    picture, classes, _ = _draw(rng, None)
    return picture, classes
