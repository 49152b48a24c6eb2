"""Items to start from: clear garments of different categories, chosen once for each version."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import islice

from index.errors import ItemUnknown
from index.pages import SearchOptions
from index.stores.store import OpenIndex
from training.catalogue.reader import Item

EXAMPLES = 8
_LOOKED_AT = 48
_NEIGHBOURS = 10


def _clearness(searcher: OpenIndex, item: Item) -> tuple[int, float]:
    """Return how many of the nearest items are of an item's category, and the best score."""
    hits = searcher.similar(item.item_id, SearchOptions(limit=_NEIGHBOURS)).hits
    alike = sum(hit.item.category == item.category for hit in hits)
    return alike, max((hit.score for hit in hits), default=-1.0)


def _varied(items: Sequence[Item]) -> list[Item]:
    """Reorder items: the first of each category, then the second of each, and so on."""
    seen: Counter[str | None] = Counter()
    turns = []
    for item in items:
        turns.append(seen[item.category])
        seen[item.category] += 1
    return [items[at] for at in sorted(range(len(items)), key=turns.__getitem__)]


class Examples:
    """The items that a page offers to start from; which they are is kept for the version in use."""

    def __init__(self) -> None:
        self._chosen: tuple[str, list[str]] = ("", [])

    def of(self, searcher: OpenIndex) -> list[Item]:
        """Return a few items spread over the index, always the same ones.

        Different categories come first, in each the garments whose neighbours are of their category, too.
        """
        version = searcher.manifest.version
        if self._chosen[0] != version:
            sample = searcher.sample(_LOOKED_AT)
            clear = sorted(sample, key=lambda item: _clearness(searcher, item), reverse=True)
            self._chosen = (version, [item.item_id for item in _varied(clear)])
        return list(islice(self._there(searcher), EXAMPLES))

    def _there(self, searcher: OpenIndex) -> Iterator[Item]:
        for item_id in self._chosen[1]:
            with suppress(ItemUnknown):  # it was deleted since
                yield searcher.item(item_id)
