"""What changes a photograph and not the garment's shape: uint8 (h, w, 3) RGB in, the same form out."""

import io
from collections.abc import Callable
from dataclasses import dataclass
from math import radians
from zlib import crc32

import numpy as np
from numpy.random import Generator
from PIL import Image
from scipy import ndimage
from skimage.color import hsv2rgb, rgb2hsv
from skimage.exposure import adjust_gamma
from skimage.transform import AffineTransform, warp
from skimage.util import random_noise

from training.evaluation.pasting import on_another_ground, pixels, with_logo, with_print

TURN = 10.0  # degrees
ZOOM = 0.8
SHIFT = 0.08  # of each side
QUALITY = 25
BLUR = 1.5  # pixels
NOISE = 0.06  # standard deviation, of the full range


@dataclass(frozen=True)
class Disturbance:
    """A disturbance and how often the disturbed photograph should find its twin.

    Parameters
    ----------
    name : str
    goal : float
        Share of the photographs whose first answer should be their undisturbed twin.
    change : function
        Of the photograph, uint8 (h, w, 3), the garment's mask in it, float32 (h, w) in [0, 1], and a
        random generator; it returns a new photograph of the same form.
    """

    name: str
    goal: float
    change: Callable[[np.ndarray, np.ndarray, Generator], np.ndarray]


def _hue(rgb: np.ndarray, mask: np.ndarray, rng: Generator) -> np.ndarray:
    """Turn all hues by a quarter to three quarters of the circle."""
    hsv = rgb2hsv(rgb)
    return pixels(hsv2rgb(np.dstack([(hsv[..., 0] + rng.uniform(0.25, 0.75)) % 1, hsv[..., 1:]])))


def _grey(rgb: np.ndarray, mask: np.ndarray, rng: Generator) -> np.ndarray:
    return np.asarray(Image.fromarray(rgb).convert("L").convert("RGB"))


def _gamma(exponent: float) -> Callable[[np.ndarray, np.ndarray, Generator], np.ndarray]:
    return lambda rgb, mask, rng: adjust_gamma(rgb, exponent)


def _negative(rgb: np.ndarray, mask: np.ndarray, rng: Generator) -> np.ndarray:
    return 255 - rgb


def _mirrored(rgb: np.ndarray, mask: np.ndarray, rng: Generator) -> np.ndarray:
    return rgb[:, ::-1].copy()


def _compressed(rgb: np.ndarray, mask: np.ndarray, rng: Generator) -> np.ndarray:
    file = io.BytesIO()
    Image.fromarray(rgb).save(file, "JPEG", quality=QUALITY)
    return np.asarray(Image.open(file))


def _blurred(rgb: np.ndarray, mask: np.ndarray, rng: Generator) -> np.ndarray:
    return ndimage.gaussian_filter(rgb, (BLUR, BLUR, 0))


def _noisy(rgb: np.ndarray, mask: np.ndarray, rng: Generator) -> np.ndarray:
    return pixels(random_noise(rgb, var=NOISE**2, rng=rng))


def _moved(
    rgb: np.ndarray, *, degrees: float = 0.0, scale: float = 1.0, shift: tuple[float, float] = (0.0, 0.0)
) -> np.ndarray:
    """Turn and scale about the centre, then shift by shares of width and height; the border is repeated."""
    size = np.array(rgb.shape[1::-1])
    centre = (size - 1) / 2
    about = AffineTransform(translation=-centre) + AffineTransform(scale=scale, rotation=radians(degrees))
    move = about + AffineTransform(translation=centre + size * shift)
    return pixels(warp(rgb, move.inverse, mode="edge"))


def _turned(degrees: float) -> Callable[[np.ndarray, np.ndarray, Generator], np.ndarray]:
    return lambda rgb, mask, rng: _moved(rgb, degrees=degrees)


def _zoomed_out(rgb: np.ndarray, mask: np.ndarray, rng: Generator) -> np.ndarray:
    return _moved(rgb, scale=ZOOM)


def _shifted(rgb: np.ndarray, mask: np.ndarray, rng: Generator) -> np.ndarray:
    """Shift to the left, right, top or bottom."""
    return _moved(rgb, shift=((SHIFT, 0), (-SHIFT, 0), (0, SHIFT), (0, -SHIFT))[rng.integers(4)])


DISTURBANCES = (
    Disturbance("hue turned", 0.98, _hue),
    Disturbance("grey", 0.98, _grey),
    Disturbance("gamma 0.5", 0.98, _gamma(0.5)),
    Disturbance("gamma 2", 0.98, _gamma(2.0)),
    Disturbance("negative", 0.98, _negative),
    Disturbance("mirrored", 0.98, _mirrored),
    Disturbance(f"JPEG quality {QUALITY}", 0.98, _compressed),
    Disturbance("blur", 0.95, _blurred),
    Disturbance("noise", 0.95, _noisy),
    Disturbance(f"zoomed out to {ZOOM}", 0.95, _zoomed_out),
    Disturbance(f"shifted {SHIFT:.0%}", 0.95, _shifted),
    Disturbance(f"turned +{TURN:.0f}°", 0.95, _turned(TURN)),
    Disturbance(f"turned -{TURN:.0f}°", 0.95, _turned(-TURN)),
    Disturbance("logo on the chest", 0.93, with_logo),
    Disturbance("all-over print", 0.80, with_print),
    Disturbance("another background", 0.85, on_another_ground),
)
"""All of them, with the goals that the project has set."""


def disturb(
    rgb: np.ndarray, mask: np.ndarray, disturbance: Disturbance, *, item_id: str, seed: int
) -> np.ndarray:
    """Disturb a photograph, always in the same way for one item and one seed.

    Parameters
    ----------
    rgb : uint8 (h, w, 3)
    mask : float32 (h, w) in [0, 1]
        Where the garment is.
    disturbance : Disturbance
    item_id : str
    seed : int

    Returns
    -------
    uint8 (h, w, 3)
    """
    rng = np.random.default_rng([seed, crc32(disturbance.name.encode()), crc32(item_id.encode())])
    return disturbance.change(rgb, mask, rng)
