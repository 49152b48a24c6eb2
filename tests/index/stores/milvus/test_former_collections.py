"""Collections that were made when an item had one photograph: they are searched, and changes fit in."""

import numpy as np
import pytest

pytest.importorskip("pymilvus", reason="needs Milvus: pip install -r requirements-scale.txt")

from pymilvus import CollectionSchema

from index.edits import Delete
from index.embedding.embeddings import Embedded
from index.pages import SearchOptions
from index.stores.milvus import draft
from index.stores.milvus.items import VIEW_FIELDS, rows_of, schema
from index.views import ALL, ITEM, Views

FORMER = {ITEM: (), ALL: ("owner", "view", "box")}


@pytest.fixture(params=[ITEM, ALL])
def former(request, lite, plain, numbered, monkeypatch):
    """A shop whose version in use the release before has built, and one garment more of the first item."""
    missing = set(VIEW_FIELDS) - set(FORMER[request.param])

    def former_schema(dimension):
        return CollectionSchema([field for field in schema(dimension).fields if field.name not in missing])

    def former_rows(*values, **places):
        rows = rows_of(*values, **places)
        return [{name: value for name, value in row.items() if name not in missing} for row in rows]

    items, vectors = plain(0, 1, 2)
    if request.param == ALL:
        both = np.stack([numbered(0), numbered(9)])
        vectors = [Views(both, np.full((2, 4), 0.25, np.float32), np.zeros(2, np.int64)), *vectors[1:]]
    with monkeypatch.context() as patch:
        patch.setattr(draft, "schema", former_schema)
        patch.setattr(draft, "rows_of", former_rows)
        patch.setattr(Embedded, "counts", (0, 0))  # of photographs and categories
        lite.publish(items, vectors, garments=request.param)
    lite.built = items, vectors, request.param
    return lite


def first(shop, vector):
    searcher = shop.connect().open(encoder=shop.encoder)
    (page,) = searcher.search(vector[None], SearchOptions(10))
    return page.hits[0].item.item_id, page.hits[0].photograph, page.total


def test_what_is_put_with_several_photographs_is_found_by_the_first_and_after_a_build_by_all(
    former, numbered
):
    assert first(former, numbered(1)) == ("sku-1", 0, 3)
    if former.built[2] == ALL:
        assert first(former, numbered(9)) == ("sku-0", 0, 3)
    views = Views(
        np.stack([numbered(20), numbered(21), numbered(22)]),
        np.full((3, 4), 0.5, np.float32),
        np.array([0, 0, 1]),
    )
    former.put_views("coat", views)
    assert first(former, numbered(20)) == ("coat", 0, 4)
    assert first(former, numbered(22))[0] != "coat" or first(former, numbered(22))[1] == 0
    searcher = former.connect().open(encoder=former.encoder)
    assert len(searcher.item("coat").photographs) == 2 and searcher.count == 4
    former.publish(*former.built[:2], garments=former.built[2])
    assert first(former, numbered(22)) == ("coat", 1, 4)
    former.store.changes.write_one(Delete("coat"))
    assert first(former, numbered(1)) == ("sku-1", 0, 3)
