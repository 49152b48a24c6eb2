"""Pages of the ranking of a gallery by a query float32 (d,), cut from one order whatever the page."""

import math

import numpy as np

from index.arrangement import LENGTH
from index.pages import NEAREST, Hit, Page, SearchOptions, first_of_each, hits_of
from index.stores.folder.filtering import Allowed
from index.stores.folder.gallery import Found, Gallery

_SPARE = 16


def _nearest(gallery: Gallery, query: np.ndarray, k: int, allowed: Allowed) -> Found:
    """Return the best `k`, certain of each: a tie at the end is searched on until it is known in full."""
    asked = k + _SPARE
    while True:
        found = gallery.search(query, asked, allowed)
        if found.unseen == -math.inf or found.scores[k - 1] > found.unseen:
            return Found(found.scores[:k], found.rows[:k], found.unseen)
        asked *= 2


def _ranking(
    gallery: Gallery, query: np.ndarray, k: int, allowed: Allowed, groups: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """Return scores and rows of the best `k`; with `groups`, of each group only the best."""
    found = _nearest(gallery, query, k, allowed)
    if groups is None:
        return found.scores, found.rows
    asked = k
    while len(firsts := first_of_each(groups[found.rows])) < k and len(found.rows) == asked:
        asked *= 2
        found = _nearest(gallery, query, asked, allowed)
    return found.scores[firsts[:k]], found.rows[firsts[:k]]


def _total(
    gallery: Gallery, query: np.ndarray, min_score: float, allowed: Allowed, groups: np.ndarray | None
) -> int:
    """Return the length of the whole ranking."""
    if groups is None:
        return gallery.scoring(query, min_score, allowed)
    if min_score == -math.inf:
        labels = groups[allowed.mask]
    else:
        count = gallery.scoring(query, min_score, allowed)
        labels = groups[_nearest(gallery, query, count, allowed).rows] if count else groups[:0]
    seen = np.zeros(len(groups), bool)
    seen[labels] = True
    return int(seen.sum())


def cut_page(
    gallery: Gallery,
    query: np.ndarray,
    options: SearchOptions,
    *,
    allowed: Allowed,
    groups: np.ndarray | None = None,
) -> Page:
    """Return one page of the ranking of a gallery by a query.

    Parameters
    ----------
    gallery : Gallery
    query : float32 (d,), unit norm
    options : SearchOptions
    allowed : Allowed
        The gallery's rows that may be listed.
    groups : int64 (n + m,), optional
        Labels, of which each is listed once, by its best row.
    """
    scores, rows = _ranking(gallery, query, options.depth, allowed, groups)
    listed = scores >= options.threshold
    scores, rows = scores[listed], rows[listed]
    total = len(rows)
    if total == options.depth:  # the ranking may go on
        total = max(total, _total(gallery, query, options.threshold, allowed, groups))
    head = rows[:LENGTH]
    arranged = options.arrangement.arrange(scores, lambda field: gallery.values(field, head))
    nearest = np.arange(min(total, NEAREST) if options.arrangement.reorders else 0)
    places = np.concatenate([arranged.order[options.offset : options.end], nearest])
    shown = rows[places].tolist()
    items, boxes = gallery.by_rows(shown), gallery.boxes(shown)

    def hits(part: slice, first: int) -> tuple[Hit, ...]:
        return hits_of(scores[places[part]], items[part], boxes[part], gallery.version.manifest, first=first)

    on_page = len(places) - len(nearest)
    return Page(
        hits=hits(slice(on_page), options.offset + 1),
        total=total,
        next_offset=options.end if options.end < total else None,
        facets=arranged.facets,
        unseen=arranged.unseen,
        nearest=hits(slice(on_page, None), 1) if options.arrangement.reorders else None,
    )
