"""Other tones of a photograph, and poorer quality: float32 or uint8 (h, w, 3) in [0, 255] in."""

import numpy as np
from PIL import Image
from scipy import ndimage


def recoloured(picture: np.ndarray, rng: np.random.Generator, *, strength: float = 1.0) -> np.ndarray:
    """Vary contrast, brightness, white balance and saturation: float32 out, not yet clipped."""
    colours = (picture.astype(np.float32) - 128) * np.float32(np.exp(rng.normal(0, 0.25 * strength))) + 128
    colours = colours + np.float32(rng.normal(0, 20 * strength))
    colours = colours * np.exp(rng.normal(0, 0.08 * strength, 3)).astype(np.float32)
    grey = colours.mean(axis=-1, keepdims=True)
    return grey + (colours - grey) * np.float32(np.clip(1 + rng.normal(0, 0.4 * strength), 0, 2))


def _hue_turned(picture: np.ndarray, turn: float) -> np.ndarray:
    hsv = np.asarray(Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8)).convert("HSV")).copy()
    hsv[..., 0] = (hsv[..., 0].astype(np.int32) + round(256 * turn)) % 256
    return np.asarray(Image.fromarray(hsv, "HSV").convert("RGB"), np.float32)


def _grey(picture: np.ndarray) -> np.ndarray:
    weights = np.array([0.299, 0.587, 0.114], np.float32)
    return np.repeat((picture @ weights)[..., None], 3, axis=-1)


def _gamma(picture: np.ndarray, rng: np.random.Generator, strength: float) -> np.ndarray:
    return 255 * np.clip(picture / 255, 0, 1) ** np.exp(rng.normal(0, strength))


def toned(picture: np.ndarray, rng: np.random.Generator, *, mild: bool, with_skin: bool) -> np.ndarray:
    """Change the tones: a little, or strongly, and then less where skin is, whose colour tells it."""
    if mild:
        return picture if rng.random() < 0.4 else recoloured(picture, rng, strength=0.5)
    draw = rng.random()
    if with_skin:
        if draw < 0.2:
            return _hue_turned(picture, rng.uniform(-0.08, 0.08))
        if draw < 0.4:
            return _grey(picture)
        if draw < 0.44:
            return 255 - picture
    else:
        if draw < 0.3:
            return _hue_turned(picture, rng.uniform(0.05, 0.95))
        if draw < 0.55:
            return _grey(picture)
        if draw < 0.77:
            return 255 - picture
    return _gamma(picture, rng, 0.45) if draw < 0.86 else recoloured(picture, rng, strength=0.7)


def degraded(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Soften a picture a little, or add noise, or leave it: uint8 out."""
    if rng.random() < 0.2:
        picture = ndimage.gaussian_filter(picture, (0.6, 0.6, 0))
    if rng.random() < 0.2:
        picture = picture + rng.normal(0, rng.uniform(2, 9), picture.shape)
    return np.clip(picture, 0, 255).astype(np.uint8)
