"""An item with its vector as a row of a collection, and back."""

import json
from collections.abc import Collection, Mapping
from hashlib import blake2b, sha256
from pathlib import Path
from typing import Any

import numpy as np
from pymilvus import CollectionSchema, DataType, FieldSchema

from index.change import Change
from index.embedding.embeddings import Embedded
from index.errors import InvalidChange
from index.manifest import Manifest
from index.photographs import content_of_names
from index.stores.milvus.terms import TERM_BYTES, sort_keys, terms_of
from index.views import ALL, Views, view_numbers
from training.catalogue.reader import Item

_TEXTS = ("item_id", "path", "metadata")

ITEM = (*_TEXTS, "content")
"""The fields that make an item."""

ITEMS_ONLY = "view == 0"
"""The condition that leaves one row of each item, where items may have several."""

_NUMBERED = ("owner", "view", "photograph")
VIEW_FIELDS = (*_NUMBERED, "box")
"""The fields that tell the views of an item apart."""

_KEY_BYTES = 16
_VIEW_DIGITS = 8
_MOST_TERMS = 4096
_LONGEST = {"item_id": 4096, "path": 65_535, "metadata": 65_535, "sort_keys": 65_535}


def key_of(item_id: str) -> str:
    """Return the primary key of an item: a digest, so that every id is plain and short."""
    return blake2b(item_id.encode("utf-8", "surrogatepass"), digest_size=_KEY_BYTES).hexdigest()


def view_key(item_id: str, view: int) -> str:
    """Return the primary key of a view of an item, the first being number 0."""
    return f"{key_of(item_id)}-{view}" if view else key_of(item_id)


def further_keys(item_id: str) -> str:
    """Return the condition for the rows of an item's further views."""
    return f'key like "{key_of(item_id)}-%"'


def view_fields(manifest: Manifest) -> tuple[str, ...]:
    """Return which of `VIEW_FIELDS` a version's collection has: fewer where an earlier release made it.

    Before items could have several photographs, they had several rows only in a version of all garments.
    """
    if manifest.photographs:
        return VIEW_FIELDS
    return ("owner", "view", "box") if manifest.garments == ALL else ()


def schema(dimension: int) -> CollectionSchema:
    """Return the fields of a version's collection, for vectors of `dimension` numbers.

    `row` is the place in the order of equal scores; `duplicates` is equal for items that repeat each other,
    and `shared` where there may be others with the same; `content` is the digest of the photographs. `owner`
    is equal for the views of an item, `view` numbers them from 0, and `photograph` and `box` say where each
    lies.
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
        *(FieldSchema(name, number) for name in _NUMBERED),
        FieldSchema("box", DataType.ARRAY, element_type=DataType.FLOAT, max_capacity=4),
    ]
    return CollectionSchema(fields)


def item_fields(item: Item) -> dict[str, Any]:
    """Return the fields that an item makes; raises `InvalidChange` where Milvus can't hold them."""
    paths = [*item.file_names]
    fields: dict[str, Any] = {
        "item_id": item.item_id,
        "path": json.dumps(paths) if item.further else paths[0],  # an absolute path begins with a slash
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
        Digest of its photographs.
    """
    return {
        **item_fields(item),
        "key": key_of(item.item_id),
        "row": row,
        "duplicates": first,
        "shared": shared,
        "content": content.hex(),
        "vector": vector,
        "owner": row,
        "view": 0,
        "photograph": 0,
        "box": [],
    }


def _box(corners: np.ndarray) -> list[float]:
    return [] if np.isnan(corners[0]) else corners.tolist()


def put_rows(change: Change, views: Views, fields: Collection[str]) -> list[dict]:
    """Return the rows of an item that was put, which come after all that were built.

    It is alone, unless another was put with the same first photograph, until the next build has compared all.

    Parameters
    ----------
    change : Change
    views : Views
        Those by which the version finds it.
    fields : collection of str
        Which of `VIEW_FIELDS` the collection has; where it lacks some, what it can't hold is left out until
        the next build.
    """
    assert change.item is not None
    first, *_ = change.photographs
    photograph = sha256(first.encode()).digest()
    row = {
        **item_fields(change.item),
        "key": key_of(change.item_id),
        "row": change.seq,
        "duplicates": -1 - int.from_bytes(photograph[:7]),
        "shared": True,
        "content": content_of_names(change.photographs),
        "vector": views.vectors[0],
    }
    if not fields:
        return [row]
    if "photograph" not in fields:
        views = views.take(views.photographs == 0)
    rows = []
    for view, (vector, box, number) in enumerate(
        zip(views.vectors, views.boxes, views.photographs.tolist(), strict=True)
    ):
        seen = {"owner": change.seq, "view": view, "photograph": number, "box": _box(box)}
        key = view_key(change.item_id, view)
        rows.append({**row, "key": key, "vector": vector, **{name: seen[name] for name in fields}})
    return rows


def item_of(row: Mapping[str, Any]) -> Item:
    """Return the item that a row holds."""
    first, *further = map(Path, json.loads(row["path"]) if row["path"].startswith("[") else [row["path"]])
    metadata = json.loads(row["metadata"])
    return Item(row["item_id"], first, metadata, tuple(further), content=row["content"])


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
    numbers = view_numbers(owners, items=len(groups), at=at, end=end).tolist()
    rows = []
    for place, (row, view) in enumerate(zip(owners[at:end].tolist(), numbers, strict=True), start=at):
        built = built_row(
            embedded.items[row],
            embedded.vectors[place],
            row=place,
            first=int(groups[row]),
            shared=bool(sizes[groups[row]] > 1),
            content=embedded.contents[row].tobytes(),
        )
        seen = {"key": view_key(embedded.items[row].item_id, view), "owner": row, "view": view}
        number = int(embedded.photographs[place]) if embedded.photographs is not None else 0
        box = _box(embedded.boxes[place]) if embedded.boxes is not None else []
        rows.append({**built, **seen, "photograph": number, "box": box})
    return rows
