"""Sketches as queries: outlines, as a person would draw them, must find garments of their category."""

from functools import partial
from math import radians
from zlib import crc32

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy.ndimage import gaussian_filter, gaussian_filter1d
from skimage.measure import approximate_polygon, find_contours

from training.catalogue.reader import Item
from training.errors import TooFewImages, UnreadableImage
from training.evaluation.baselines import HOG_MASK, hog_of_mask
from training.evaluation.photos import Photos
from training.evaluation.score_table import Cell, Table
from training.parallel import in_order
from training.photo.encoder import Encoder
from training.photo.garment import Garment, isolate
from training.photo.segmenter import Segmenter
from training.photo.sketch import read_sketch
from training.retrieval_metrics import score_queries

SIDE = 256  # of the drawing in pixels
FINE = 3  # drawn so many times larger, then reduced, for smooth strokes
POINTS = 600  # along an outline
BLUR = 1.5  # pixels of the cut-out: a person draws no fringes
TOLERANCE = 1.8  # pixels of the cut-out by which straight pieces may miss the outline
ROUNDING = 3.0  # points over which corners are rounded

# Deviations, lengths in shares of the paper's side
SIZE = 0.8  # of the paper that the cut-out takes
LEAN = 3.0  # degrees by which the drawing is turned
STRETCH = 0.05
SHEAR = 0.04
TREMBLE = 0.003
DRIFT = 0.010
MISS = 0.005  # by which a stroke starts beside the end of the last

STROKES = (3, 8)
GAP = (-0.012, 0.025)  # of the outline's length, left open (or overshot) at either end of a stroke
PEN = (1.6, 4.6)  # width in pixels
PRESSURE = 0.25  # how much the width varies

Points = NDArray[np.float64]  # (n, 2): x and y


def _longest_contour(mask: np.ndarray) -> Points:
    """Return the outline of a soft mask, uint8 (128, 128), closed, around 0 in shares of the mask's side."""
    soft = gaussian_filter(np.pad(mask, 1).astype(np.float64) / 255, BLUR)
    contour = max(find_contours(soft, soft.max() / 2), key=len)
    simple = approximate_polygon(contour, TOLERANCE)
    return (simple[:, ::-1] - (soft.shape[1] - 1) / 2) / len(mask)


def _resampled(polygon: Points) -> tuple[Points, NDArray[np.intp]]:
    """Return `POINTS` points evenly along a closed polygon, and the positions of its corners among them."""
    way = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(polygon, axis=0), axis=1))])
    at = np.linspace(0, way[-1], POINTS, endpoint=False)
    outline = np.stack([np.interp(at, way, axis) for axis in polygon.T], axis=1)
    return outline, (way[:-1] / way[-1] * POINTS).astype(np.intp)


def _wave(rng: Generator, sigma: float, axes: int) -> Points:
    """Return smooth noise along a closed outline, float (POINTS, axes), of deviation 1."""
    noise = gaussian_filter1d(rng.normal(size=(POINTS, axes)), sigma, axis=0, mode="wrap")
    return noise / noise.std()


def _by_hand(outline: Points, rng: Generator) -> Points:
    """Round the corners, let the hand tremble and drift, and misjudge the proportions."""
    rounded = gaussian_filter1d(outline, ROUNDING, axis=0, mode="wrap")
    wobbling = rounded + TREMBLE * _wave(rng, 5, 2) + DRIFT * _wave(rng, 40, 2)
    angle = radians(rng.normal(0, LEAN))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    wide, lean = rng.normal(0, (STRETCH, SHEAR))
    return wobbling @ (turn @ [[1 + wide, lean], [0, 1 - wide]]).T


def _strokes(corners: NDArray[np.intp], rng: Generator) -> list[NDArray[np.intp]]:
    """Part an outline at some of its corners: the positions of each stroke's points."""
    count = min(int(rng.integers(*STROKES)), len(corners))
    starts = np.sort(rng.choice(corners, count, replace=False))
    ends = np.append(starts[1:], starts[0] + POINTS)
    open_by = rng.uniform(*GAP, (count, 2)) * POINTS
    strokes = [
        np.arange(round(start + first), round(end - last)) % POINTS
        for start, end, (first, last) in zip(starts, ends, open_by, strict=True)
    ]
    return [stroke for stroke in strokes if len(stroke)]


def _draw(strokes: list[tuple[Points, NDArray[np.float64]]], rng: Generator) -> np.ndarray:
    """Draw lines of points in pixels and their widths with dark ink, uint8 (SIDE, SIDE, 3)."""
    paper, ink = rng.uniform(244, 255, 3), rng.uniform(0, 90, 3)
    cover = Image.new("L", (SIDE * FINE, SIDE * FINE))
    pen = ImageDraw.Draw(cover)
    for points, widths in strokes:
        for (x, y), radius in zip(points * FINE, widths * FINE / 2, strict=True):
            pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=255)
    weight = np.asarray(cover.reduce(FINE), dtype=np.float64)[..., None] / 255
    return np.rint(paper + weight * (ink - paper)).astype(np.uint8)


def sketch_of(mask: np.ndarray, *, item_id: str, seed: int) -> np.ndarray:
    """Draw a garment's outline as a person would: simplified, wobbling, open here and there, out of shape.

    Parameters
    ----------
    mask : uint8 (128, 128)
        Of the cut-out.
    item_id : str
    seed : int
        One item and one seed always give the same drawing.

    Returns
    -------
    uint8 (256, 256, 3)
        RGB, dark on near-white.
    """
    rng = np.random.default_rng([seed, crc32(item_id.encode())])
    outline, corners = _resampled(_longest_contour(mask))
    drawn = SIDE * (0.5 + SIZE * _by_hand(outline, rng))
    width = rng.uniform(*PEN) * np.clip(1 + PRESSURE * _wave(rng, 15, 1)[:, 0], 0.4, 1.6)
    strokes = [
        (drawn[at] + rng.normal(0, MISS * SIDE, 2), width[at]) for at in _strokes(np.unique(corners), rng)
    ]
    return _draw(strokes, rng)


KEY = "sketch"
TITLE = "Sketch: a drawn outline finds garments of its category"
COLUMNS = ("query", "P@10", "macro P@10", "mAP")


def _read(source: tuple[Item, Garment, int], *, segmenter: Segmenter) -> tuple[Garment, Garment]:
    """Draw a garment, and read the drawing as a sketch and as a photograph."""
    item, garment, seed = source
    drawing = sketch_of(garment.mask, item_id=item.item_id, seed=seed)
    return read_sketch(drawing), isolate(drawing, segmenter=segmenter)


def _readings(
    queries: Photos, segmenter: Segmenter, seed: int, processes: int | None
) -> tuple[list[Garment], list[Garment]]:
    sources = [(item, garment, seed) for item, garment in zip(queries.items, queries.garments, strict=True)]
    read, taken = [], []
    reads = partial(_read, segmenter=segmenter)
    for reading in in_order(reads, sources, processes=processes, progress="sketches", unit="sketch"):
        if isinstance(reading, UnreadableImage):
            raise reading
        read.append(reading[0])
        taken.append(reading[1])
    return read, taken


def _row(
    name: str,
    vectors: tuple[np.ndarray, np.ndarray],
    sides: tuple[Photos, Photos],
) -> tuple[Cell, ...]:
    queries, gallery = sides
    scores = score_queries(
        *vectors,
        query_labels=queries.categories,
        gallery_labels=gallery.categories,
        query_ids=queries.ids,
        gallery_ids=gallery.ids,
    ).scores()
    return name, scores.p_at_10, scores.macro_p_at_10, scores.map


def _drawable(queries: Photos) -> Photos:
    """Those with a category whose garment was found: of the others there is no outline to draw."""
    labelled = queries.labelled()
    found = [row for row, garment in enumerate(labelled.garments) if garment.found]
    if not found:
        raise TooFewImages(
            f"None of the {len(queries.items)} queries has a category and a garment that was found. "
            "Name a catalogue with a 'category' column and photographs of single garments."
        )
    return labelled.take(found)


def sketch(
    encoder: Encoder, gallery: Photos, queries: Photos, *, processes: int | None = None, seed: int = 0
) -> Table:
    """Draw the outline of every query by hand, as it were, and rank the photographs of the gallery for it.

    Parameters
    ----------
    encoder : Encoder
    gallery, queries : Photos
        Those without a category are left out, and queries whose garment was not found. An item is not the
        answer to its own sketch.
    processes : int, optional
        Processes that draw and read; as many as there are cores, unless given.
    seed : int
        Draws the hand's errors; the same seed gives the same table.

    Returns
    -------
    Table
        The encoder on sketches read as sketches, and on sketches read as if they were photographs; HOG of
        the masks; and the encoder on the photographs that were drawn, which says what drawing costs.
    """
    ranked, asked = gallery.labelled(), _drawable(queries)
    read, taken = _readings(asked, encoder.segmenter, seed, processes)
    known = encoder.embed_garments(ranked.garments)
    hogs, known_hogs = (
        np.stack([hog_of_mask(garment) for garment in garments]) for garments in (read, ranked.garments)
    )
    sides = asked, ranked
    rows = (
        _row(f"sketch, {HOG_MASK}", (hogs, known_hogs), sides),
        _row("sketch taken for a photograph, encoder", (encoder.embed_garments(taken), known), sides),
        _row("sketch, encoder", (encoder.embed_garments(read), known), sides),
        _row("its photograph, encoder", (encoder.embed_garments(asked.garments), known), sides),
    )
    note = (
        f"{len(asked.items):,} sketches made from the queries' masks, {len(ranked.items):,} photographs in "
        f"the gallery; left out: {len(queries.items) - len(asked.items):,} queries without a category or "
        "without a garment that was found."
    )
    return Table(KEY, TITLE, COLUMNS, rows, note)
