"""An item with its vector as a row of a collection, and back."""

import json
from collections.abc import Mapping
from hashlib import blake2b, sha256
from pathlib import Path
from typing import Any

import numpy as np
from pymilvus import CollectionSchema, DataType, FieldSchema

from index.change import Change
from index.embedding.embeddings import Embedded
from index.errors import InvalidChange
from index.stores.milvus.terms import TERM_BYTES, sort_keys, terms_of
from index.views import ALL, Views, view_numbers
from index.views import ITEM as ITEM_ONLY
from training.catalogue.reader import Item

_TEXTS = ("item_id", "path", "metadata")

ITEM = (*_TEXTS, "content")
"""The fields that make an item."""

ITEMS_ONLY = "view == 0"
"""The condition that leaves one row of each item, in a collection of all garments."""

_KEY_BYTES = 16
_VIEW_DIGITS = 8
_MOST_TERMS = 4096
_LONGEST = {"item_id": 4096, "path": 4096, "metadata": 65_535, "sort_keys": 65_535}


def key_of(item_id: str) -> str:
    """Return the primary key of an item: a digest, so that every id is plain and short."""
    return blake2b(item_id.encode("utf-8", "surrogatepass"), digest_size=_KEY_BYTES).hexdigest()


def view_key(item_id: str, view: int) -> str:
    """Return the primary key of a garment of an item, its own being number 0."""
    return f"{key_of(item_id)}-{view}" if view else key_of(item_id)


def further_keys(item_id: str) -> str:
    """Return the condition for the rows of an item's further garments."""
    return f'key like "{key_of(item_id)}-%"'


def schema(dimension: int, garments: str = ITEM_ONLY) -> CollectionSchema:
    """Return the fields of a version's collection, for vectors of `dimension` numbers.

    `row` is the place in the order of equal scores; `duplicates` is equal for items that repeat each other,
    and `shared` where there may be others with the same; `content` is the SHA-256 of the photograph. In a
    version of all garments, `owner` is equal for those of an item, `view` numbers them from 0, the item's
    own, and `box` is where each lies.
    """
    text, number = DataType.VARCHAR, DataType.INT64
    terms = {"element_type": text, "max_capacity": _MOST_TERMS, "max_length": 2 * TERM_BYTES}
    fields = [
        FieldSchema("key", text, is_primary=True, max_length=2 * _KEY_BYTES + 1 + _VIEW_DIGITS),
        FieldSchema("row", number),
        *(FieldSchema(name, text, max_length=_LONGEST[name]) for name in _TEXTS),
        FieldSchema("terms", DataType.ARRAY, **terms),
        FieldSchema("sort_keys", DataType.JSON),
        FieldSchema("duplicates", number),
        FieldSchema("shared", DataType.BOOL),
        FieldSchema("content", text, max_length=64),
        FieldSchema("vector", DataType.FLOAT_VECTOR, dim=dimension),
    ]
    if garments == ALL:
        fields += [FieldSchema(name, number) for name in ("owner", "view")]
        fields.append(FieldSchema("box", DataType.ARRAY, element_type=DataType.FLOAT, max_capacity=4))
    return CollectionSchema(fields)


def item_fields(item: Item) -> dict[str, Any]:
    """Return the fields that an item makes; raises `InvalidChange` where Milvus can't hold them."""
    fields: dict[str, Any] = {
        "item_id": item.item_id,
        "path": str(item.path),
        "metadata": json.dumps(item.metadata),
        "terms": terms_of(item.metadata),
        "sort_keys": sort_keys(item.metadata),
    }
    try:
        sizes = {name: len(fields[name].encode()) for name in _TEXTS}
    except UnicodeEncodeError as error:
        raise InvalidChange(
            f"Item {item.item_id!r} can't be stored in Milvus: {error}. Rename it."
        ) from error
    sizes["sort_keys"] = len(json.dumps(fields["sort_keys"]))
    problems = [f"{sizes[name]:,} bytes of {name}; at most {_LONGEST[name]:,}" for name in sizes]
    problems = [text for name, text in zip(sizes, problems, strict=True) if sizes[name] > _LONGEST[name]]
    if len(fields["terms"]) > _MOST_TERMS:
        problems.append(f"{len(fields['terms']):,} values to filter by; at most about {_MOST_TERMS // 2:,}")
    if problems:
        raise InvalidChange(
            f"Item {item.item_id!r:.80} can't be stored in Milvus ({'; '.join(problems)}). Shorten it."
        )
    return fields


def built_row(item: Item, vector: np.ndarray, *, row: int, first: int, shared: bool, content: bytes) -> dict:
    """Return the row of an item of a build.

    Parameters
    ----------
    item : Item
    vector : float32 (d,)
    row, first : int
        Its place, and that of the first of its duplicates.
    shared : bool
        Whether there are duplicates of it.
    content : bytes
        SHA-256 of its photograph.
    """
    return {
        **item_fields(item),
        "key": key_of(item.item_id),
        "row": row,
        "duplicates": first,
        "shared": shared,
        "content": content.hex(),
        "vector": vector,
    }


def _seen(item_id: str, owner: int, view: int, box: np.ndarray) -> dict[str, Any]:
    """Return the fields of a garment in a version of all."""
    return {"key": view_key(item_id, view), "owner": owner, "view": view, "box": box.tolist()}


def put_rows(change: Change, vector: np.ndarray, garments: str) -> list[dict]:
    """Return the rows of an item that was put, which come after all that were built.

    It is alone, unless another was put with the same photograph, until the next build has compared them all.

    Parameters
    ----------
    change : Change
    vector : float32 (d,)
    garments : str
        Which garments the version has, one of `index.views.GARMENTS`.
    """
    assert change.item is not None
    photograph = sha256(change.item.path.name.encode()).digest()
    row = {
        **item_fields(change.item),
        "key": key_of(change.item_id),
        "row": change.seq,
        "duplicates": -1 - int.from_bytes(photograph[:7]),
        "shared": True,
        "content": change.item.path.stem,
        "vector": vector,
    }
    if garments != ALL:
        return [row]
    views = change.views or Views(vector[None], np.zeros((1, 0)))
    return [
        {**row, **_seen(change.item_id, change.seq, view, box), "vector": seen}
        for view, (seen, box) in enumerate(zip(views.vectors, views.boxes, strict=True))
    ]


def item_of(row: Mapping[str, Any]) -> Item:
    """Return the item that a row holds."""
    return Item(row["item_id"], Path(row["path"]), json.loads(row["metadata"]), contents=(row["content"],))


def rows_of(embedded: Embedded, groups: np.ndarray, *, at: int, end: int) -> list[dict]:
    """Return the rows of the vectors `at` to `end` - 1 of a build.

    Parameters
    ----------
    embedded : Embedded
    groups : int64 (n,)
        The first row of each item's duplicates.
    at, end : int
    """
    sizes = np.bincount(groups, minlength=len(groups))
    owners = np.arange(len(groups)) if embedded.owners is None else embedded.owners
    rows = [
        built_row(
            embedded.items[row],
            embedded.vectors[place],
            row=place,
            first=int(groups[row]),
            shared=bool(sizes[groups[row]] > 1),
            content=embedded.contents[row].tobytes(),
        )
        for place, row in enumerate(owners[at:end].tolist(), start=at)
    ]
    if embedded.boxes is None:
        return rows
    numbers, boxes = view_numbers(owners)[at:end].tolist(), embedded.boxes[at:end]
    return [
        {**row, **_seen(row["item_id"], owner, view, box)}
        for row, owner, view, box in zip(rows, owners[at:end].tolist(), numbers, boxes, strict=True)
    ]
