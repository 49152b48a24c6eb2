"""Disturbances of a photograph that leave the garment's shape alone: uint8 (h, w, 3) RGB in and out.

Those that move the garment say where to, so that a mask found in the disturbed photograph can be moved back.
"""

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

from training.drawing.on_photographs import on_another_background, pixels, with_logo, with_print

TURN = 10.0  # degrees
ZOOM = 0.8
SHIFT = 0.08  # of each side
QUALITY = 25
BLUR = 1.5  # pixels
NOISE = 0.06  # standard deviation, of the full range


@dataclass(frozen=True)
class Disturbance:
    """A change of a photograph that leaves the garment's shape alone.

    Parameters
    ----------
    name : str
    change : function
        Of the photograph, uint8 (h, w, 3), the garment's mask in it, float32 (h, w) in [0, 1], and a
        random generator; it returns a new photograph of the same form.
    move : function, optional
        Of the photograph's width and height, and a generator in the state that `change` gets it in; it
        returns where `change` moves each pixel. None where everything stays in its place.
    """

    name: str
    change: Callable[[np.ndarray, np.ndarray, Generator], np.ndarray]
    move: Callable[[np.ndarray, Generator], AffineTransform] | None = None


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


def _mirroring(size: np.ndarray, rng: Generator) -> AffineTransform:
    return AffineTransform(scale=(-1, 1), translation=(size[0] - 1, 0))


def _compressed(rgb: np.ndarray, mask: np.ndarray, rng: Generator) -> np.ndarray:
    file = io.BytesIO()
    Image.fromarray(rgb).save(file, "JPEG", quality=QUALITY)
    return np.asarray(Image.open(file))


def _blurred(rgb: np.ndarray, mask: np.ndarray, rng: Generator) -> np.ndarray:
    return ndimage.gaussian_filter(rgb, (BLUR, BLUR, 0))


def _noisy(rgb: np.ndarray, mask: np.ndarray, rng: Generator) -> np.ndarray:
    return pixels(random_noise(rgb, var=NOISE**2, rng=rng))


def _about_centre(
    size: np.ndarray, *, degrees: float = 0.0, scale: float = 1.0, shift: tuple[float, float] = (0.0, 0.0)
) -> AffineTransform:
    """Turn and scale about the centre, then shift by shares of width and height."""
    centre = (size - 1) / 2
    about = AffineTransform(translation=-centre) + AffineTransform(scale=scale, rotation=radians(degrees))
    return about + AffineTransform(translation=centre + size * shift)


def _turning(degrees: float) -> Callable[[np.ndarray, Generator], AffineTransform]:
    return lambda size, rng: _about_centre(size, degrees=degrees)


def _zooming_out(size: np.ndarray, rng: Generator) -> AffineTransform:
    return _about_centre(size, scale=ZOOM)


def _shifting(size: np.ndarray, rng: Generator) -> AffineTransform:
    """Shift to the left, right, top or bottom."""
    return _about_centre(size, shift=((SHIFT, 0), (-SHIFT, 0), (0, SHIFT), (0, -SHIFT))[rng.integers(4)])


def _moving(name: str, move: Callable[[np.ndarray, Generator], AffineTransform]) -> Disturbance:
    """Move the whole photograph; its border is repeated."""

    def change(rgb: np.ndarray, mask: np.ndarray, rng: Generator) -> np.ndarray:
        return pixels(warp(rgb, move(np.array(rgb.shape[1::-1]), rng).inverse, mode="edge"))

    return Disturbance(name, change, move)


DISTURBANCES = (
    Disturbance("hue turned", _hue),
    Disturbance("grey", _grey),
    Disturbance("gamma 0.5", _gamma(0.5)),
    Disturbance("gamma 2", _gamma(2.0)),
    Disturbance("negative", _negative),
    Disturbance("mirrored", _mirrored, _mirroring),
    Disturbance(f"JPEG quality {QUALITY}", _compressed),
    Disturbance("blur", _blurred),
    Disturbance("noise", _noisy),
    _moving(f"zoomed out to {ZOOM}", _zooming_out),
    _moving(f"shifted {SHIFT:.0%}", _shifting),
    _moving(f"turned +{TURN:.0f}°", _turning(TURN)),
    _moving(f"turned -{TURN:.0f}°", _turning(-TURN)),
    Disturbance("logo on the chest", with_logo),
    Disturbance("all-over print", with_print),
    Disturbance("another background", on_another_background),
)


def _generator(disturbance: Disturbance, item_id: str, seed: int) -> Generator:
    return np.random.default_rng([seed, crc32(disturbance.name.encode()), crc32(item_id.encode())])


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
    return disturbance.change(rgb, mask, _generator(disturbance, item_id, seed))


def undo(
    found: np.ndarray, disturbance: Disturbance, *, item_id: str, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Move a mask that was found in a disturbed photograph back to where it lies in the undisturbed one.

    Parameters
    ----------
    found : bool (h, w)
    disturbance : Disturbance
    item_id : str
    seed : int
        As in `disturb`.

    Returns
    -------
    mask : bool (h, w)
    kept : bool (h, w)
        What of the undisturbed photograph is in the disturbed one; nothing can be said of the rest.
    """
    if disturbance.move is None:
        return found, np.ones_like(found)
    size = np.array(found.shape[::-1])
    move = disturbance.move(size, _generator(disturbance, item_id, seed))
    layers = np.dstack([found, np.ones_like(found)]).astype(np.float32)
    back = warp(layers, move, mode="constant", cval=0) > 0.5
    return back[..., 0], back[..., 1]
