"""Pages of the ranking of a gallery by a query float32 (d,), cut from one order whatever the page."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from index.arrangement import LENGTH
from index.pages import NEAREST, Page, PartOptions, PartSeen, SearchOptions, first_of_each, hits_of
from index.stores.folder.filtering import Allowed
from index.stores.folder.gallery import Gallery
from index.views import box_of
from training.parts.part_matching import mixed

_SPARE = 16


def _ranking(
    gallery: Gallery, query: np.ndarray, k: int, allowed: Allowed, labels: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return scores and rows of the best `k`, certain of each; with `labels`, of each label only the best.

    A tie at the end is searched on until it is known in full.
    """
    several = 1.0 if labels is None else len(labels) / max(gallery.count, 1)
    asked = max(k + _SPARE, math.ceil(k * several))
    while True:
        found = gallery.search(query, asked, allowed)
        firsts = slice(None) if labels is None else first_of_each(labels[found.rows], k)
        scores, rows = found.scores[firsts], found.rows[firsts]
        if found.unseen == -math.inf or (len(rows) >= k and scores[k - 1] > found.unseen):
            return scores[:k], rows[:k]
        asked *= 2


def _total(
    gallery: Gallery, query: np.ndarray, min_score: float, allowed: Allowed, labels: np.ndarray | None
) -> int:
    """Return the length of the whole ranking."""
    if labels is None:
        return gallery.scoring(query, min_score, allowed)
    if min_score == -math.inf:
        return gallery.distinct(labels, allowed)
    count = gallery.scoring(query, min_score, allowed)
    return len(np.unique(labels[_ranking(gallery, query, count, allowed)[1]])) if count else 0


@dataclass(frozen=True)
class _Ranked:
    """A ranking: cosines float32 (n,), rows int64 (n,), and scores that it is ranked by, descending (n,)."""

    scores: np.ndarray
    rows: np.ndarray
    by: np.ndarray
    parts: Sequence[PartSeen] | None = None

    def told(self, places: np.ndarray) -> list[PartSeen] | None:
        """Return what is known of the part at some places."""
        return None if self.parts is None else [self.parts[place] for place in places.tolist()]


def _ranked(gallery: Gallery, scores: np.ndarray, rows: np.ndarray, asked: PartOptions | None) -> _Ranked:
    """Rank the head of a ranking by a part, if one was asked for; what lies behind keeps its order."""
    if asked is None:
        return _Ranked(scores, rows, scores)
    head = rows[:LENGTH]
    found = asked.part.find(gallery.maps(head))
    by = mixed(scores[:LENGTH], found.scores, asked.weight)
    order = np.argsort(-by, kind="stable")
    told = zip(found.scores[order].tolist(), map(box_of, found.boxes[order].tolist()), strict=True)
    return _Ranked(
        np.concatenate([scores[order], scores[LENGTH:]]),
        np.concatenate([head[order], rows[LENGTH:]]),
        np.concatenate([by[order], scores[LENGTH:]]),
        [*told, *[(None, None)] * len(rows[LENGTH:])],
    )


def cut_page(
    gallery: Gallery,
    query: np.ndarray,
    options: SearchOptions,
    *,
    allowed: Allowed,
    labels: np.ndarray | None = None,
) -> Page:
    """Return one page of the ranking of a gallery by a query.

    Parameters
    ----------
    gallery : Gallery
    query : float32 (d,), unit norm
    options : SearchOptions
    allowed : Allowed
        The gallery's rows that may be listed.
    labels : int64 (n + m,), optional
        Of an item, or of a group of duplicates; each is listed once, by its best row.
    """
    scores, rows = _ranking(gallery, query, options.depth, allowed, labels)
    if options.threshold > -math.inf:
        listed = scores >= options.threshold
        scores, rows = scores[listed], rows[listed]
    total = len(rows)
    if total == options.depth:  # the ranking may go on
        total = max(total, _total(gallery, query, options.threshold, allowed, labels))
    ranked = _ranked(gallery, scores, rows, options.part)
    head = ranked.rows[:LENGTH]
    arranged = options.arrangement.arrange(ranked.by, lambda field: gallery.values(field, head))
    on_page = arranged.order[options.offset : options.end]
    nearest = rows[: NEAREST if options.reorders else 0]
    shown = ranked.rows[on_page]
    if len(nearest):
        shown = np.concatenate([shown, nearest])
    items, seen = gallery.by_rows(shown), gallery.seen(shown)
    count, manifest = len(on_page), gallery.version.manifest
    return Page(
        hits=hits_of(
            ranked.scores[on_page],
            items[:count],
            seen[:count],
            manifest,
            first=options.offset + 1,
            parts=ranked.told(on_page),
        ),
        total=total,
        next_offset=options.end if options.end < total else None,
        facets=arranged.facets,
        unseen=arranged.unseen,
        nearest=hits_of(scores[: len(nearest)], items[count:], seen[count:], manifest, first=1)
        if options.reorders
        else None,
    )
