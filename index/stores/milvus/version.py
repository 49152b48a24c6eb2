"""A version's collection: vectors float32 (n, d) searched, items fetched, rows counted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from index.errors import ItemUnknown
from index.filters.predicates import Filter
from index.pages import Listing, Seen
from index.stores.milvus.connection import Hits, Server
from index.stores.milvus.filtering import contains, expression
from index.stores.milvus.index_types import DEEPEST, Parameters, request
from index.stores.milvus.items import ITEM as ITEM_FIELDS
from index.stores.milvus.items import ITEMS_ONLY, item_of, key_of
from index.stores.milvus.metadata_values import MetadataValues
from index.stores.milvus.table import parts
from index.stores.milvus.terms import has, has_many
from index.views import box_of
from training.catalogue.reader import Item


@dataclass(frozen=True)
class Found:
    """The nearest rows of a query, best first, equal scores by row.

    Parameters
    ----------
    scores : float32 (k,)
    labels : int64 (k,)
        The field that was asked for, of which equal ones belong together; else that of `Collection.label`.
    keys : object (k,), of str
    rows : int64 (k,)
    further : mapping of str to array (k,)
        Other fields that were asked for; none where nothing was found.
    """

    scores: np.ndarray
    labels: np.ndarray
    keys: np.ndarray
    rows: np.ndarray
    further: Mapping[str, np.ndarray]

    def __len__(self) -> int:
        return len(self.keys)

    def take(self, places: np.ndarray | slice) -> "Found":
        """Return a part of it."""
        further = {name: column[places] for name, column in self.further.items()}
        return Found(self.scores[places], self.labels[places], self.keys[places], self.rows[places], further)


def _found(hits: Hits, query: np.ndarray, limit: int, label: str, further: Sequence[str]) -> Found:
    """Return what Milvus has found, in order; its score counts unless there are vectors to score by."""
    fields = hits.fields
    scores = fields["vector"] @ query if "vector" in fields else hits.scores
    labels, rows = (np.array(fields.get(name, ()), np.int64) for name in (label, "row"))
    others = {name: np.array(fields[name], object) for name in further if name in fields}
    found = Found(scores, labels, np.array(hits.keys, object), rows, others)
    return found.take(np.lexsort((rows, -scores))[:limit])


def _seen(row: Mapping[str, Any]) -> Seen:
    return int(row.get("photograph", 0)), box_of(row.get("box", ()))


class Collection:
    """A version's rows.

    Parameters
    ----------
    server : Server
    name : str
    parameters : mapping
        What its index is searched with.
    consistency : str
        What a read waits for, in Milvus's words.
    view_fields : tuple of str
        Those that tell the views of an item apart, of `index.stores.milvus.items.VIEW_FIELDS`; none where an
        item has one row.
    views : float
        How many rows an item has on average.
    """

    def __init__(
        self,
        server: Server,
        name: str,
        parameters: Parameters,
        *,
        consistency: str,
        view_fields: tuple[str, ...] = (),
        views: float = 1.0,
    ) -> None:
        self.name = name
        self.parameters = parameters
        self.metadata_values = MetadataValues()
        self._server = server
        self.consistency = consistency
        self.several = bool(view_fields)
        self.views = views
        self._places = [name for name in view_fields if name in ("photograph", "box")]

    def nearest(
        self,
        queries: np.ndarray,
        limit: int,
        condition: str = "",
        *,
        widest: bool = False,
        label: str = "",
        further: Sequence[str] = (),
    ) -> list[Found]:
        """Return the `limit` nearest rows that fulfil a condition, for each of queries float32 (m, d)."""
        refine = int(self.parameters.get("refine", 0))
        asked = min(limit * max(refine, 1), DEEPEST)
        label = label or self.label
        answers = self._server.search(
            self.name,
            data=list(queries),
            limit=asked,
            filter=condition,
            output_fields=[*{"row", label, *further}, *(["vector"] if refine else [])],
            search_params={"metric_type": "IP", "params": request(self.parameters, asked, widest=widest)},
            consistency_level=self.consistency,
        )
        pairs = zip(answers, queries, strict=True)
        return [_found(hits, query, limit, label, further) for hits, query in pairs]

    @property
    def approximate(self) -> bool:
        """Whether a wider search may find more."""
        return bool({"ef_search", "nprobe"} & self.parameters.keys())

    def count(self, condition: str = "", *, consistency: str = "") -> int:
        """Return how many items fulfil a condition."""
        (answer,) = self.query(self.of_items(condition), ["count(*)"], consistency=consistency)
        return int(answer["count(*)"])

    @property
    def label(self) -> str:
        """The field that is equal for the rows of an item, and for no others."""
        return "owner" if self.several else "row"

    def of_items(self, condition: str) -> str:
        """Return a condition that only one row of each item fulfils."""
        if not self.several:
            return condition
        return f"({condition}) and {ITEMS_ONLY}" if condition else ITEMS_ONLY

    def query(
        self, condition: str, fields: Sequence[str], *, consistency: str = "", **options: Any
    ) -> list[dict[str, Any]]:
        """Return fields of the rows that fulfil a condition, in no order."""
        return self._server.ask(
            "query",
            self.name,
            filter=condition,
            output_fields=list(fields),
            consistency_level=consistency or self.consistency,
            **options,
        )

    def passing(self, where: Filter | None) -> str:
        """Return the condition that a filter is for these rows; empty without one."""
        return "" if where is None else expression(where, self._longest)

    def has_field(self, field: str) -> bool:
        """Return whether a row has a value of a metadata field."""
        return bool(self.query(contains(has(field)), ["key"], limit=1))

    def _longest(self, field: str) -> int:
        """Return a number, at least 1, that no row has more different values of a field than."""
        longest = 1
        while self.query(contains(has_many(field, longest)), ["key"], limit=1):
            longest *= 2
        return longest

    def items(self, keys: Sequence[str]) -> dict[str, tuple[Item, Seen]]:
        """Return the items of those keys that there are, and where the garments of the keys lie."""
        if not keys:
            return {}
        rows = self._server.ask(
            "get",
            self.name,
            ids=list(keys),
            output_fields=["key", *ITEM_FIELDS, *self._places],
            consistency_level=self.consistency,
        )
        return {row["key"]: (item_of(row), _seen(row)) for row in rows}

    def items_of(self, item_ids: Sequence[str]) -> dict[str, Item]:
        """Return the items of those ids that there are, by their ids."""
        found = self.items([key_of(item_id) for item_id in item_ids])
        return {item.item_id: item for item, _ in found.values()}

    def listing(self, after: str, limit: int, where: Filter | None) -> Listing:
        """Return items in the order of their keys, which no engine need sort: they are digests."""
        condition, start = self.passing(where), key_of(after) if after else ""
        total = self.count(condition)
        keys: list[str] = []
        for part in parts(total, start=start):
            within = f"({condition}) and {part}" if condition else part
            found = [row["key"] for row in self.query(self.of_items(within), ["key"])]
            keys += sorted(key for key in found if key > start)
            if len(keys) > limit:
                break
        known = self.items(keys[:limit])
        items = tuple(known[key][0] for key in keys[:limit] if key in known)
        return Listing(items, total, more=len(keys) > limit)

    def row_of(self, item_id: str, fields: Sequence[str]) -> dict[str, Any]:
        """Return fields of the row of an item; raises `ItemUnknown`."""
        rows = self.query(f'key == "{key_of(item_id)}"', fields)
        if not rows:
            raise ItemUnknown(f"The index holds no item '{item_id}'. It may have been deleted.")
        return dict(rows[0])
