"""True shape: drawn garments whose shape is known to the number, so that a ranking can be judged exactly.

Shapes and appearances are drawn independently. Each gallery shape stands there in several appearances, and
each query is a gallery shape in yet another one, taken the whole way from the picture to the embedding.
"""

from dataclasses import dataclass
from functools import partial

import numpy as np
from scipy.stats import rankdata

from training.catalogue.drawn import sample
from training.drawing.drawn_parts import Sample
from training.drawing.shape import shape_distance
from training.drawing.worn import wear
from training.evaluation.baselines import CHANCE, HOG_MASK, chance, hog_of_mask
from training.evaluation.photos import ENCODER
from training.evaluation.score_table import Table
from training.fit.garment_views import drawn_garment, worn_garment
from training.parallel import in_order
from training.photo.encoder import Encoder
from training.photo.garment import Garment
from training.photo.segmenter import Segmenter

SHAPES, APPEARANCES, QUERIES = 300, 2, 150
SHAPE_SEED, APPEARANCE_SEED = 301, 302
DEPTH = 10


@dataclass(frozen=True)
class Rankings:
    """Scores of one descriptor's rankings, each the mean over the queries.

    Parameters
    ----------
    ndcg, strict_ndcg : float in [0, 1]
        At 10, with the gains of `gain` and of `strict_gain`.
    spearman, spearman_within : float in [-1, 1]
        Rank correlation of cosine and nearness of shape: over the gallery, and over the query's type.
    """

    ndcg: float
    strict_ndcg: float
    spearman: float
    spearman_within: float


def gain(distances: np.ndarray) -> np.ndarray:
    """Return what answers at distances in [0, 2] are worth: 1 for the same shape, falling evenly to 0."""
    return 1 - distances / 2


def strict_gain(distances: np.ndarray) -> np.ndarray:
    """Return the same, falling twice as fast: a garment of another type is worth nothing."""
    return np.maximum(1 - distances, 0)


def ndcg(gains: np.ndarray, similarities: np.ndarray, *, depth: int = DEPTH) -> np.ndarray:
    """Score rankings: float (n, m) gains and similarities -> float (n,) in [0, 1].

    Each answer's gain is divided by log2(1 + rank); the sum over the first `depth` is divided by the
    highest that any order reaches (K. Järvelin, J. Kekäläinen, "Cumulated gain-based evaluation of IR
    techniques", ACM TOIS 2002).
    """
    order = np.argsort(-similarities, axis=1, kind="stable")[:, :depth]
    discount = 1 / np.log2(2 + np.arange(order.shape[1]))
    reached = (np.take_along_axis(gains, order, axis=1) * discount).sum(axis=1)
    best = (-np.sort(-gains, axis=1)[:, :depth] * discount).sum(axis=1)
    return reached / np.maximum(best, 1e-12)


def spearman(nearness: np.ndarray, similarities: np.ndarray) -> float:
    """Return Spearman's rank correlation of two float (m,) arrays; 0 where either is constant."""
    ranks = np.stack([rankdata(nearness), rankdata(similarities)])
    ranks -= ranks.mean(axis=1, keepdims=True)
    norm = np.sqrt((ranks**2).sum(axis=1).prod())
    return float(ranks[0] @ ranks[1] / norm) if norm > 0 else 0.0


def rankings(distances: np.ndarray, similarities: np.ndarray) -> Rankings:
    """Score similarities, float (n, m), against true distances, float (n, m) in [0, 2]."""
    within = [
        spearman(-row[row <= 1], seen[row <= 1]) for row, seen in zip(distances, similarities, strict=True)
    ]
    pairs = zip(distances, similarities, strict=True)
    return Rankings(
        float(ndcg(gain(distances), similarities).mean()),
        float(ndcg(strict_gain(distances), similarities).mean()),
        float(np.mean([spearman(-row, seen) for row, seen in pairs])),
        float(np.mean(within)),
    )


def _isolated_worn(drawn: Sample, *, segmenter: Segmenter) -> Garment:
    """Draw a garment on someone, and cut out what the segmenter takes for it."""
    shape, look = drawn
    worn = wear(shape, look, np.random.default_rng(look.seed))
    return worn_garment(worn.picture, worn.mask.astype(np.float32), segmenter)


def _samples(shapes: int, appearances: int, queries: int) -> tuple[list[Sample], list[Sample]]:
    """Return gallery and queries; no appearance is there twice."""
    cuts = [sample(index, seed=SHAPE_SEED)[0] for index in range(shapes)]
    looks = [sample(index, seed=APPEARANCE_SEED)[1] for index in range(shapes * appearances + queries)]
    gallery = [(cuts[at % shapes], look) for at, look in enumerate(looks[: shapes * appearances])]
    return gallery, list(zip(cuts, looks[shapes * appearances :], strict=False))


def isolate_drawn(
    samples: list[Sample], segmenter: Segmenter, *, name: str, processes: int | None, worn: bool = False
) -> list[Garment]:
    """Draw garments, and cut them out of their pictures; `name` is shown with the progress."""
    label, isolated = (
        f"drawing {name}",
        partial(_isolated_worn if worn else drawn_garment, segmenter=segmenter),
    )
    results = in_order(isolated, samples, processes=processes, progress=label, unit="garment")
    return [result for result in results if isinstance(result, Garment)]


def _vectors(encoder: Encoder, garments: list[Garment], *, seed: int) -> dict[str, np.ndarray]:
    return {
        CHANCE: chance(len(garments), seed=seed),
        HOG_MASK: np.stack([hog_of_mask(garment) for garment in garments]),
        ENCODER: encoder.embed_garments(garments),
    }


def true_shape(
    encoder: Encoder,
    *,
    shapes: int = SHAPES,
    appearances: int = APPEARANCES,
    queries: int = QUERIES,
    worn: bool = False,
    processes: int | None = None,
) -> Table:
    """Evaluate whether the ranking of drawn garments follows the true distance of their shapes.

    Parameters
    ----------
    encoder : Encoder
    shapes, appearances : int
        The gallery holds each shape in so many appearances.
    queries : int
        At most `shapes`: each of the first so many shapes asks in a new appearance.
    worn : bool
        Whether someone wears the queries' garments, of which the one that meets the true mask is cut out.
    processes : int, optional
        Worker processes; all cores without it.

    Returns
    -------
    Table
        nDCG@10 and Spearman's rank correlation, means over the queries, of chance, HOG and encoder.
    """
    gallery, asked = _samples(shapes, appearances, queries)
    distances = np.array([[shape_distance(one, other) for other, _ in gallery] for one, _ in asked])
    cut = partial(isolate_drawn, segmenter=encoder.segmenter, processes=processes)
    ranked = _vectors(encoder, cut(gallery, name="gallery"), seed=1)
    vectors = _vectors(encoder, cut(asked, name="queries", worn=worn), seed=2)
    rows = []
    for name, queried in vectors.items():
        found = rankings(distances, queried @ ranked[name].T)
        rows.append((name, found.ndcg, found.strict_ndcg, found.spearman, found.spearman_within))
    columns = ("descriptor", "nDCG@10", "strict nDCG@10", "Spearman", "Spearman in type")
    note = (
        f"{len(asked):,} drawn queries, {len(gallery):,} gallery garments: {shapes:,} shapes, each in "
        f"{appearances} appearances drawn independently of it; a query is one of these shapes in another "
        "appearance. With d the distance of the shape parameters (0 to 1 within a type, 1 to 2 between "
        "types) an answer gains 1 - d/2; in strict nDCG max(0, 1 - d), so that other types gain nothing. "
        "Spearman's rank correlation is that of cosine and -d over the gallery, and over the query's type."
    )
    if not worn:
        return Table("true-shape", "True shape of drawn garments", columns, tuple(rows), note)
    note = f"Someone wears the queries' garments; that is cut out which meets the true mask best. {note}"
    return Table("true-shape-worn", "True shape of drawn garments that are worn", columns, tuple(rows), note)
