"""What a learned encoder has to beat: hand-made descriptors of a photograph, float32 (d,) of unit norm."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image
from skimage.feature import hog
from skimage.filters import sobel

from training.errors import UnreadableImage
from training.parallel import in_order
from training.photo.garment import WORKING_SIZE, Garment, encoder_input, isolate
from training.photo.images import decode
from training.photo.segmenter import Segmenter

CHANCE = "chance"
SOBEL_PHOTO = "Sobel pixels of the photo"
HOG_PHOTO = "HOG of the photo"
HOG_CUTOUT = "HOG of the cut-out"
HOG_MASK = "HOG of the cut-out's mask"

SOBEL_SIDE = 32
HOG_SIDE = 128
HOG_CELL = 16
CHANCE_DIMENSION = 64
THUMBNAIL_SIDE = 64

_RESAMPLE = Image.Resampling.BILINEAR


@dataclass(frozen=True)
class Reading:
    """One photograph, read once.

    Parameters
    ----------
    garment : Garment
        What was cut out of it.
    descriptors : dict
        Float32 (d,) with unit norm by name; empty where none were asked for.
    thumbnail : uint8 (64, 64)
        The photograph in grey, squeezed into the square.
    """

    garment: Garment
    descriptors: dict[str, np.ndarray]
    thumbnail: np.ndarray


def _unit(vector: np.ndarray) -> np.ndarray:
    """Return the vector as float32 with norm 1; zeros, the descriptor of a featureless picture, stay."""
    norm = np.linalg.norm(vector)
    return (vector.ravel() / (norm if norm > 0 else 1.0)).astype(np.float32)


def _resized(gray: Image.Image, side: int) -> np.ndarray:
    return np.asarray(gray.resize((side, side), _RESAMPLE), dtype=np.float32) / 255


def _squared(gray: Image.Image) -> Image.Image:
    """Pad the shorter side by repeating the border, so that resizing to a square keeps the proportions."""
    pixels = np.asarray(gray)
    missing = max(pixels.shape) - np.array(pixels.shape)
    before = missing // 2
    return Image.fromarray(np.pad(pixels, np.stack([before, missing - before], axis=1), mode="edge"))


def _hog(gray: np.ndarray) -> np.ndarray:
    """Histogram of oriented gradients, Dalal and Triggs 2005, of float32 (128, 128) in [0, 1] -> (1764,)."""
    return _unit(hog(gray, orientations=9, pixels_per_cell=(HOG_CELL, HOG_CELL), cells_per_block=(2, 2)))


def hog_of_mask(garment: Garment) -> np.ndarray:
    """Describe a cut-out's outline alone: float32 (1764,) of unit norm."""
    return _hog(garment.mask.astype(np.float32) / 255)


def describe(photo: np.ndarray, garment: Garment) -> dict[str, np.ndarray]:
    """Compute every hand-made descriptor of one photograph.

    Parameters
    ----------
    photo : uint8 (h, w, 3)
        As decoded at `garment.WORKING_SIZE`.
    garment : Garment
        Isolated from it.

    Returns
    -------
    dict
        Float32 (d,) with unit norm by name. The Sobel magnitude is taken at 32 x 32, the photo squeezed
        into the square; HOG at 128 x 128 in cells of 16 pixels and blocks of 2 x 2 cells, the photo
        padded to a square. HOG of the cut-out sees its luminance times its mask.
    """
    gray = Image.fromarray(photo).convert("L")
    luminance, mask = np.moveaxis(encoder_input(garment.cutout[None])[0].astype(np.float32) / 255, -1, 0)
    return {
        SOBEL_PHOTO: _unit(sobel(_resized(gray, SOBEL_SIDE))),
        HOG_PHOTO: _hog(_resized(_squared(gray), HOG_SIDE)),
        HOG_CUTOUT: _hog(luminance * mask),
        HOG_MASK: hog_of_mask(garment),
    }


def read(
    asked: tuple[Path, str | None], *, segmenter: Segmenter | None = None, described: bool = True
) -> Reading:
    """Read one photograph for its cut-out, its thumbnail and, if wanted, all descriptors.

    Parameters
    ----------
    asked : (Path, str or None)
        The photograph, and the type of the garment that is cut out, as for `isolate`.
    segmenter : Segmenter, optional
    described : bool

    Raises
    ------
    UnreadableImage
        See `training.photo.images.decode`.
    """
    path, kind = asked
    photo = decode(path, size=WORKING_SIZE)
    garment = isolate(photo, kind, segmenter=segmenter)
    gray = Image.fromarray(photo).convert("L")
    thumbnail = np.asarray(gray.resize((THUMBNAIL_SIDE, THUMBNAIL_SIDE), _RESAMPLE))
    return Reading(garment, describe(photo, garment) if described else {}, thumbnail)


def read_all(
    paths: Sequence[Path],
    kinds: Sequence[str | None] | None = None,
    *,
    segmenter: Segmenter | None = None,
    described: bool = True,
    processes: int | None = None,
    progress: str | None = None,
) -> Iterator[Reading | UnreadableImage]:
    """Read photographs in parallel, each once for all that is asked of it.

    Parameters
    ----------
    paths : sequence of Path
    kinds : sequence of str or None, optional
        The type of each one's garment, as for `isolate`; without them, the main garments are cut out.
    segmenter : Segmenter, optional
        Which finds the garments; by default the one that ships.
    described : bool
        Whether to compute the descriptors, too.
    processes, progress
        As in `training.parallel.in_order`.

    Yields
    ------
    Reading or UnreadableImage
        One a path, in order; a photograph that cannot be read yields its error instead of raising it.
    """
    reads = partial(read, segmenter=segmenter, described=described)
    asked = list(zip(paths, kinds or [None] * len(paths), strict=True))
    return in_order(reads, asked, processes=processes, progress=progress)


def chance(count: int, *, seed: int) -> np.ndarray:
    """Draw unit vectors that know nothing: they rank any gallery at random, repeatably for a seed.

    Parameters
    ----------
    count : int
    seed : int
        Queries and gallery need different ones.

    Returns
    -------
    vectors : float32 (count, 64)
        Uniform on the sphere.
    """
    vectors = np.random.default_rng(seed).normal(size=(count, CHANCE_DIMENSION)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
