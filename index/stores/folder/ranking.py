"""Pages of the ranking of a gallery by a query float32 (d,), cut from one order whatever the page."""

import math

import numpy as np

from index.arrangement import LENGTH
from index.pages import NEAREST, Page, SearchOptions, first_of_each, hits_of, ranked_by_part
from index.stores.folder.filtering import Allowed
from index.stores.folder.gallery import Gallery

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
    ranked = ranked_by_part(scores, options.part, lambda: gallery.maps(rows[:LENGTH]))
    head = rows[ranked.places[:LENGTH]]
    arranged = options.arrangement.arrange(ranked.by, lambda field: gallery.values(field, head))
    on_page = arranged.order[options.offset : options.end]
    places, nearest = ranked.places[on_page], rows[: NEAREST if options.reorders else 0]
    shown = rows[places]
    if len(nearest):
        shown = np.concatenate([shown, nearest])
    items, seen = gallery.by_rows(shown), gallery.seen(shown)
    count, manifest = len(on_page), gallery.version.manifest
    return Page(
        hits=hits_of(
            scores[places],
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
