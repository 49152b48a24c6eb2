"""The garment in a sketch: strokes on paper, uint8 (h, w, 3), in; a cut-out as from a photograph out."""

import numpy as np
from PIL import Image
from scipy import ndimage
from skimage.filters import apply_hysteresis_threshold, threshold_otsu
from skimage.morphology import convex_hull_image, remove_small_objects
from skimage.segmentation import watershed

from training.photo.boxes import bounds
from training.photo.garment import LUMINANCE, Garment
from training.photo.images import shrink
from training.photo.preprocessing import (
    SKETCH_ALL,
    SKETCH_BLUR,
    SKETCH_GAP_RADII,
    SKETCH_MIN_CONTRAST,
    SKETCH_MOST,
    SKETCH_SPECK,
    SKETCH_WIDEST_PEN,
    WORKING_SIZE,
)
from training.photo.tilt import straight


def _paper(luminance: np.ndarray) -> np.ndarray:
    """Fit a plane, float (h, w), to the luminance of the border: the paper, possibly lit from one side."""
    height, width = luminance.shape
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    border = np.ones((height, width), bool)
    border[2:-2, 2:-2] = False
    terms = np.stack([np.ones_like(x), x, y], axis=-1)
    plane, *_ = np.linalg.lstsq(terms[border], luminance[border], rcond=None)
    return terms @ plane


def _strokes(rgb: np.ndarray) -> np.ndarray:
    """Find the pixels darker or brighter than the paper: bool (h, w)."""
    luminance = rgb @ LUMINANCE
    contrast = np.abs(luminance - _paper(luminance))
    if np.ptp(contrast) < SKETCH_MIN_CONTRAST:  # also where every pixel differs from the paper alike
        return np.zeros(contrast.shape, bool)
    high = threshold_otsu(contrast)
    return remove_small_objects(apply_hysteresis_threshold(contrast, high / 2, high), max_size=SKETCH_SPECK)


def _grown(mask: np.ndarray, radius: float) -> np.ndarray:
    """Dilate a mask by `radius` pixels."""
    return ndimage.distance_transform_edt(~mask) <= radius if mask.any() else mask


def _opened(mask: np.ndarray, radius: float) -> np.ndarray:
    """Remove parts thinner than twice the radius (a morphological opening)."""
    return mask & _grown(ndimage.distance_transform_edt(mask) > radius, radius)


def _enclosed(distance: np.ndarray, radius: int) -> np.ndarray:
    """Return the strokes and the area they enclose, with gaps of up to twice the radius closed.

    Regions farther than `radius` from all strokes, inside or outside, grow until they meet: on the strokes
    and, in a gap, at its narrowest place. Closing gaps this way does not fill corners of the outline.

    Parameters
    ----------
    distance : float (h, w)
        From the nearest stroke; no stroke is near the border.
    radius : int

    Returns
    -------
    bool (h, w)
        Only the strokes where nothing is enclosed.
    """
    regions, count = ndimage.label(distance > radius)
    if count < 2:
        return distance == 0
    sides = np.where(regions == regions[0, 0], 1, np.minimum(regions, 1) * 2)
    return (watershed(-distance, sides) == 2) | (distance == 0)


def _filled(strokes: np.ndarray, pen: float) -> np.ndarray:
    """Fill the outline, closing gaps with the smallest radius that leaves no stroke outside.

    If some always remain outside, the radius with the fewest is used; if those are most of the drawing, the
    convex hull is used.
    """
    padding = SKETCH_GAP_RADII[-1] + 2
    distance = ndimage.distance_transform_edt(~np.pad(strokes, padding))
    best, share, tried = convex_hull_image(strokes), SKETCH_MOST, 0
    for radius in SKETCH_GAP_RADII:
        enclosed = _enclosed(distance, radius)
        if enclosed.sum() == tried:
            continue
        tried = enclosed.sum()
        area = _opened(enclosed, pen)[padding:-padding, padding:-padding]
        belonging = (_grown(area, pen) & strokes).sum() / strokes.sum()
        if belonging > share:
            best, share = area, belonging
        if share >= SKETCH_ALL:
            break
    return best


def _inner_lines(rgb: np.ndarray, strokes: np.ndarray, area: np.ndarray, pen: float) -> np.ndarray:
    """Keep only the lines inside the outline, on paper of one colour: uint8 (h, w, 3)."""
    deep = ndimage.distance_transform_edt(np.pad(area, 1))[1:-1, 1:-1] > 2 * pen
    lines = deep & _grown(strokes & ~_opened(strokes, SKETCH_WIDEST_PEN), 1)
    return np.where(lines[..., None], rgb, np.median(rgb[~strokes], axis=0).astype(np.uint8))


def _cut(rgb: np.ndarray, area: np.ndarray, *, confidence: float) -> Garment:
    """Cut out what is drawn in an area, bool (h, w), with an edge as soft as a photograph's mask."""
    soft = ndimage.gaussian_filter(area.astype(np.float32), SKETCH_BLUR)
    matte = Image.fromarray(np.rint(soft * 255).astype(np.uint8))
    cut, mask, frame = straight(Image.fromarray(rgb), matte, area)
    return Garment(cut, mask, bounds(area), confidence, frame=frame)


def read_sketch(rgb: np.ndarray) -> Garment:
    """Cut out the garment that a sketch outlines.

    Parameters
    ----------
    rgb : uint8 (h, w, 3)
        Strokes on paper of another brightness; the outline may have gaps and inner lines.

    Returns
    -------
    Garment
        The mask is the filled outline, the picture the lines within it. On empty paper no garment is found:
        the cut-out is the whole drawing and the confidence 0.
    """
    rgb = shrink(rgb, size=WORKING_SIZE)
    strokes = _strokes(rgb)
    if not strokes.any() or strokes.all():
        return _cut(rgb, np.ones(strokes.shape, bool), confidence=0.0)
    pen = min(ndimage.distance_transform_edt(strokes).max(), SKETCH_WIDEST_PEN) + 1
    area = _filled(strokes, pen)
    return _cut(_inner_lines(rgb, strokes, area, pen), area, confidence=1.0)
