"""Search by a part: drawn garments of which only one part is the query's, so that a ranking can be judged.

Each query has a few garments of its type in the gallery that share the parameters of one part. All their
other parameters and their appearance are drawn anew. The rest of the gallery is drawn at random.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from training.drawing.appearance import sample_appearance
from training.drawing.bodice import cut_bodice
from training.drawing.shape import Shape, parameter_distance, sample_shape
from training.drawing.studio import HEIGHT, WIDTH, Studio
from training.evaluation.score_table import Table
from training.evaluation.true_shape import DEPTH, Sample, isolate_drawn, ndcg
from training.parts.part_maps import PART_MAP, part_map
from training.parts.part_matching import WEIGHT, Part, mixed
from training.photo.boxes import Box
from training.photo.encoder import Encoder
from training.photo.garment import Garment

KEY = "parts"
TITLE = "Search by a part of drawn garments"
QUERIES, TWINS, GALLERY, SEED = 40, 2, 640, 303
TOPS = ("t-shirt", "longsleeve", "shirt", "outwear", "dress")
SHORTEST = 0.1  # sleeve that is marked


def _neckline(shape: Shape, studio: Studio) -> np.ndarray:
    body = cut_bodice(shape)
    wide = body.neck[0] + 3
    points = np.concatenate([piece.outline for piece in studio.pattern.pieces])
    top = points[np.abs(points[:, 0]) < wide, 1].min()
    return np.array([(-wide, top), (wide, body.depth + 3)])


def _sleeve(shape: Shape, studio: Studio) -> np.ndarray:
    points = np.concatenate([piece.outline for piece in studio.pattern.pieces if piece.part == "sleeve"])
    return points[points[:, 0] > 0]


def _hem(shape: Shape, studio: Studio) -> np.ndarray:
    bottom = max(float(piece.outline[:, 1].max()) for piece in studio.pattern.pieces)
    assert studio.pattern.side is not None, "the garment has a side"
    wide = float(studio.pattern.side[:, 0].max())
    return np.array([(-wide, 0.55 * bottom), (wide, bottom)])


@dataclass(frozen=True)
class DrawnPart:
    """A part that is known by its parameters.

    Parameters
    ----------
    asked, had_by : tuple of str
        Types of garments that ask by it, and all that have it.
    parameters : tuple of str
    points : callable
        Returns points of the pattern, float (n, 2) in centimetres, around which the part is marked.
    """

    asked: tuple[str, ...]
    had_by: tuple[str, ...]
    parameters: tuple[str, ...]
    points: Callable[[Shape, Studio], np.ndarray]

    def gain(self, query: Shape, other: Shape) -> float:
        """Return what an answer is worth: 1 for the same part, falling to 0, and 0 where there is none."""
        return 1 - parameter_distance(query, other, self.parameters) if other.type in self.had_by else 0.0


PARTS = {
    "neckline": DrawnPart(TOPS, TOPS, ("neckline", "neckline_depth", "neck_width"), _neckline),
    "sleeve": DrawnPart(TOPS, TOPS, ("sleeve_length", "sleeve_width"), _sleeve),
    "hem": DrawnPart(("dress", "outwear", "skirt"), (*TOPS, "skirt"), ("flare", "hem_curve"), _hem),
}


def _box(part: DrawnPart, drawn: Sample) -> np.ndarray:
    """Return where a part lies in its picture, float (4,) in fractions."""
    shape, look = drawn
    studio = Studio(shape, look)
    points = part.points(shape, studio)
    corners = np.array(np.meshgrid(*np.stack([points.min(axis=0), points.max(axis=0)]).T)).reshape(2, -1).T
    seen = studio.placement.pixels(corners) / (WIDTH, HEIGHT)
    return np.concatenate([seen.min(axis=0), seen.max(axis=0)])


def marked(part: DrawnPart, drawn: Sample, garment: Garment) -> Box:
    """Return a part in fractions of the box in which the garment was found."""
    low, high = np.array(garment.box).reshape(2, 2)
    shares = (_box(part, drawn).reshape(2, 2) - low) / (high - low)
    left, top, right, bottom = np.clip(shares, 0, 1).ravel().tolist()
    return left, top, right, bottom


def _queries(
    part: DrawnPart, count: int, twins: int, rng: np.random.Generator
) -> tuple[list[Sample], list[Sample]]:
    """Draw queries, and after each other the garments that share its part."""
    asked: list[Sample] = []
    others: list[Sample] = []
    while len(asked) < count:
        shape = sample_shape(rng, part.asked[len(asked) % len(part.asked)])
        if part.points is _sleeve and shape.sleeve_length < SHORTEST:
            continue
        shared = {name: getattr(shape, name) for name in part.parameters}
        asked.append((shape, sample_appearance(rng)))
        others += [
            (replace(sample_shape(rng, shape.type), **shared), sample_appearance(rng)) for _ in range(twins)
        ]
    return asked, others


@dataclass(frozen=True)
class _Judged:
    """Of each query of a part, nDCG@10 and the share of the first ten of its type, by ranking: (r, n)."""

    ndcg: np.ndarray
    purity: np.ndarray

    def row(self, name: str) -> tuple[str | float, ...]:
        return name, *self.ndcg.mean(axis=1).tolist(), *self.purity.mean(axis=1).tolist()


def _judged(
    part: DrawnPart, asked: list[Sample], gallery: list[Sample], rankings: list[np.ndarray]
) -> _Judged:
    gains = np.array([[part.gain(one, other) for other, _ in gallery] for one, _ in asked])
    same = np.array([[one.type == other.type for other, _ in gallery] for one, _ in asked])
    first = [np.argsort(-scores, axis=1, kind="stable")[:, :DEPTH] for scores in rankings]
    purity = [np.take_along_axis(same, order, axis=1).mean(axis=1) for order in first]
    return _Judged(np.array([ndcg(gains, scores) for scores in rankings]), np.array(purity))


def part_search(
    encoder: Encoder,
    *,
    queries: int = QUERIES,
    twins: int = TWINS,
    gallery: int = GALLERY,
    processes: int | None = None,
) -> Table:
    """Evaluate whether garments with the part of the query are found by that part.

    Parameters
    ----------
    encoder : Encoder
    queries : int
        For each part.
    twins : int
        Garments of the gallery that share the part of each query.
    gallery : int
        How many garments it holds, twins included.
    processes : int, optional
        Worker processes; all cores without it.

    Returns
    -------
    Table
        Of each part nDCG@10 and the share of the first ten that are of the query's type: of the search by the
        whole, by the part alone, and by both as the service mixes them.
    """
    rng = np.random.default_rng(SEED)
    drawn = {name: _queries(part, queries, twins, rng) for name, part in PARTS.items()}
    known = [sample for _, others in drawn.values() for sample in others]
    known += [(sample_shape(rng), sample_appearance(rng)) for _ in range(gallery - len(known))]
    cut = partial(isolate_drawn, segmenter=encoder.segmenter, processes=processes)
    garments = cut(known, name="gallery")
    maps = np.array([part_map(garment) for garment in garments], PART_MAP)
    vectors = encoder.embed_garments(garments)
    judged = []
    for name, part in PARTS.items():
        asked = drawn[name][0]
        found = cut(asked, name=name)
        whole = encoder.embed_garments(found) @ vectors.T
        pairs = zip(asked, found, strict=True)
        fits = np.stack([Part(each, marked(part, one, each)).find(maps).scores for one, each in pairs])
        judged.append(_judged(part, asked, known, [whole, fits, mixed(whole, fits, WEIGHT)]))
    every = _Judged(
        *(np.concatenate([getattr(one, at) for one in judged], axis=1) for at in ("ndcg", "purity"))
    )
    rows = [one.row(name) for name, one in zip(PARTS, judged, strict=True)]
    columns = tuple(
        f"{score}, {ranking}" for score in ("nDCG@10", "type") for ranking in ("whole", "part", "both")
    )
    note = (
        f"{queries} drawn queries a part, {len(known):,} gallery garments, of which {twins} a query share "
        "the parameters of its part; all other parameters and the appearance are drawn anew. With d the mean "
        "difference of the part's parameters an answer gains 1 - d, and nothing where it has no such part. "
        "'type' is the share of the first ten that are of the query's type; 'both' is the service's default, "
        f"a weight of {WEIGHT}."
    )
    return Table(KEY, TITLE, ("part", *columns), (*rows, every.row("all")), note)
