"""Search by a part: drawn garments of which only one part is the query's, so that a ranking can be judged.

Each query has a few garments of its type in the gallery that share the parameters of one part. All their
other parameters and their appearance are drawn anew. The rest of the gallery is drawn at random.
"""

from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from training.drawing.appearance import sample_appearance
from training.drawing.drawn_parts import PARTS, DrawnPart, Sample, marked
from training.drawing.shape import sample_shape
from training.evaluation.score_table import Table
from training.evaluation.true_shape import DEPTH, isolate_drawn, ndcg
from training.parts.part_maps import PART_MAP, part_map
from training.parts.part_matching import WEIGHT, Part, mixed
from training.photo.encoder import Encoder

KEY = "parts"
TITLE = "Search by a part of drawn garments"
QUERIES, TWINS, GALLERY, SEED = 40, 2, 640, 303


def _queries(
    part: DrawnPart, count: int, twins: int, rng: np.random.Generator
) -> tuple[list[Sample], list[Sample]]:
    """Draw queries, and after each other the garments that share its part."""
    asked: list[Sample] = []
    others: list[Sample] = []
    while len(asked) < count:
        shape = sample_shape(rng, part.asked[len(asked) % len(part.asked)])
        if not part.asked_by(shape):
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
        fits = np.stack([Part(each, marked(part, one, each.box)).find(maps).scores for one, each in pairs])
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
