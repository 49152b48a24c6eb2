"""The sheets of searches by a part: where it is marked in queries, and where it is found in answers."""

import numpy as np
from matplotlib.figure import Figure

from training.figures.garment_sheet import on_background
from training.figures.result_sheet import Answered, Shown, result_sheet
from training.parts.part_maps import PART_MAP, as_garment, part_map
from training.parts.part_matching import WEIGHT, Part, mixed
from training.photo.boxes import Box

FRAMES: dict[str, tuple[Box, tuple[str, ...]]] = {
    "neckline": ((0.28, 0.0, 0.72, 0.25), ("upper", "outer", "dress")),
    "sleeve": ((0.0, 0.0, 0.35, 0.6), ("upper", "outer", "dress")),
    "hem": ((0.0, 0.55, 1.0, 1.0), ("dress", "skirt", "outer")),
}
"""Where each part lies in most garments, in fractions of a garment's bounds, and the types that have it."""

ANSWERS = 6


def marked_in(box: Box, frame: Box) -> Box:
    """Return a frame, given in fractions of a box, in those of the picture."""
    left, top, right, bottom = box
    across, down = right - left, bottom - top
    return left + frame[0] * across, top + frame[1] * down, left + frame[2] * across, top + frame[3] * down


def part_sheet(name: str, cutouts: np.ndarray, vectors: np.ndarray, queries: list[int]) -> Figure:
    """Show garments with a part marked, and those in which it is found, framed where it lies.

    Parameters
    ----------
    name : str
        One of `FRAMES`.
    cutouts : uint8 (n, 128, 128, 4)
        All that is searched.
    vectors : float32 (n, d)
        Their embeddings.
    queries : list of int
        Rows of those whose part is searched for; they are not their own answers.

    Returns
    -------
    Figure
    """
    frame, _ = FRAMES[name]
    garments = [as_garment(cutout) for cutout in cutouts]
    maps = np.array([part_map(garment) for garment in garments], PART_MAP)
    answered = []
    for row in queries:
        found = Part(garments[row], frame).find(maps)
        scores = mixed(vectors @ vectors[row], found.scores, WEIGHT)
        scores[row] = -np.inf
        best = np.argsort(-scores, kind="stable")[:ANSWERS]
        answers = tuple(
            Shown(on_background(cutouts[at]), score=float(scores[at]), mark=tuple(box))
            for at, box in zip(best, found.boxes(best).tolist(), strict=True)
        )
        query = Shown(on_background(cutouts[row]), mark=marked_in(garments[row].box, frame))
        answered.append(Answered(query, answers))
    return result_sheet(
        answered,
        title=f"By the {name}",
        subtitle="The frame marks the part of each query, and where it was found in the answers",
        ratio=1.0,
    )
