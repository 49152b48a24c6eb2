"""Pages of a ranking in Milvus, cut from one order whatever the page, as `index.pages` cuts them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from index.arrangement import LENGTH
from index.errors import RankingTooDeep
from index.manifest import Manifest
from index.pages import NEAREST, Hit, Page, PartSeen, SearchOptions, first_of_each, hits_of, ranked_by_part
from index.stores.milvus.index_types import DEEPEST
from index.stores.milvus.map_files import VersionMaps
from index.stores.milvus.totals import Totals
from index.stores.milvus.version import Collection, Found
from index.vectors.approximate import depth_for
from training.parts.part_maps import PART_MAP

_SPARE = 16


def _depth(k: int) -> int:
    return min(depth_for(k), DEEPEST)


@dataclass(frozen=True)
class Ranking:
    """The rows of a collection that fulfil a condition, in the order of a query float32 (d,).

    Parameters
    ----------
    collection : Collection
    query : float32 (d,), unit norm
    condition : str
    totals : Totals
        Of the collection.
    collapse : bool
        List of each group of duplicates only the best.
    maps : VersionMaps, optional
        The part maps of the rows.
    """

    collection: Collection
    query: np.ndarray
    condition: str
    totals: Totals
    collapse: bool = False
    maps: VersionMaps | None = None

    def page(self, options: SearchOptions, manifest: Manifest) -> Page:
        """Return one page; raises `RankingTooDeep` where it lies beyond what Milvus lists."""
        if options.end > DEEPEST:
            raise RankingTooDeep(
                f"Hits {options.offset + 1:,} to {options.end:,} were asked for, and Milvus lists the first "
                f"{DEEPEST:,} of a ranking. Ask for an earlier page, or for fewer items by a filter."
            )
        asked = min(options.depth, DEEPEST)
        found = self._best(asked, self._further(options))
        found = found.take(found.scores >= options.threshold)
        total = len(found)
        if total == asked:  # the ranking may go on
            total = max(total, self._total(options.threshold))
        head = found.take(slice(LENGTH))
        ranked = ranked_by_part(found.scores, options.part, lambda: self._maps(head))
        texts = (
            head.further["metadata"][ranked.places[:LENGTH]].tolist() if "metadata" in head.further else []
        )
        arranged = options.arrangement.arrange(ranked.by, self.collection.metadata_values.of(texts))
        on_page = arranged.order[options.offset : options.end]
        shown = found.take(ranked.places[on_page])
        nearest = found.take(slice(NEAREST)) if options.reorders else None
        wanted = [*shown.keys, *(nearest.keys if nearest else ())]
        known = self.collection.items([*dict.fromkeys(wanted)])

        def hits(part: Found, first: int, parts: Sequence[PartSeen] | None = None) -> tuple[Hit, ...]:
            # an item that was deleted in this moment is left out
            listed = [known.get(key, (None, (0, None))) for key in part.keys]
            items, seen = [item for item, _ in listed], [places for _, places in listed]
            return hits_of(part.scores, items, seen, manifest, first=first, parts=parts)

        return Page(
            hits=hits(shown, options.offset + 1, ranked.told(on_page)),
            total=total,
            next_offset=options.end if options.end < min(total, DEEPEST) else None,
            facets=arranged.facets,
            unseen=arranged.unseen,
            nearest=None if nearest is None else hits(nearest, 1),
        )

    def _further(self, options: SearchOptions) -> list[str]:
        """Return the fields that a page needs of each row of the head."""
        numbered = options.part is not None and self.collection.several
        wanted = {"metadata": bool(options.arrangement), "view": numbered}
        return [name for name, is_wanted in wanted.items() if is_wanted]

    def _maps(self, head: Found) -> np.ndarray:
        """Return the part maps of rows: PART_MAP (k,), zero where none is known."""
        if self.maps is None:
            return np.zeros(len(head), PART_MAP)
        return self.maps.of(head.rows, head.further.get("view", np.zeros(len(head), np.int64)))

    def _nearest(self, depth: int, further: Sequence[str] = (), *, widest: bool = False) -> Found:
        """Return the nearest `depth` rows, searching more widely where fewer are found than there may be."""
        (found,) = self.collection.nearest(
            self.query[None],
            depth,
            self.condition,
            widest=widest,
            label="duplicates" if self.collapse else "",
            further=further,
        )
        if len(found) < depth and self.collection.approximate and not widest:
            return self._nearest(depth, further, widest=True)
        return found

    def _best(self, k: int, further: Sequence[str]) -> Found:
        """Return the first `k`, certain of each: a tie at the end is searched on until all of it is known."""
        depth = _depth(max(k + _SPARE, math.ceil(k * self.collection.views)))
        while True:
            found = self._nearest(depth, further)
            complete, last = len(found) < depth, found.scores[-1:]
            listed = self._listed(found)
            if complete or depth == DEEPEST or (len(listed) >= k and listed.scores[k - 1] > last):
                return listed.take(slice(k))
            depth = _depth(2 * depth)

    def _listed(self, found: Found) -> Found:
        if not (self.collapse or self.collection.several):
            return found
        return found.take(first_of_each(found.labels))

    def _total(self, min_score: float) -> int:
        """Return the length of the whole ranking; above a score, at most as many as Milvus lists."""
        if min_score > -math.inf:
            found = self._nearest(DEEPEST, widest=True)
            return len(self._listed(found.take(found.scores >= min_score)))
        return self.totals.of(self.condition, collapse=self.collapse)
