import json
import logging
from pathlib import Path

import numpy as np
import pytest

from index.edits import Delete, Forget, Patch, Put
from index.filters.parse import parse_filter
from index.stores.folder.changes import Changes
from index.stores.folder.items import Items
from index.stores.folder.overlay import lay_over, read_overlay
from index.stores.folder.publish import current_version
from index.stores.folder.version import open_version
from index.views import Views
from training.catalogue.reader import Item


@pytest.fixture
def version(indexes, publish_version, unit_vectors):
    publish_version(unit_vectors(40, 128))
    return open_version(indexes / current_version(indexes))


@pytest.fixture
def changes(indexes):
    return Changes(indexes)


@pytest.fixture
def put(changes, unit_vectors, encode_image, photo):
    picture = encode_image(photo)

    def put(item_id, seed=0, encoder="f" * 64, views=1, **metadata):
        vectors = unit_vectors(views, 128, seed=seed)
        seen = Views(vectors, np.full((views, 4), 0.5, np.float32), np.arange(views))
        return changes.write_one(
            Put(item_id, (picture,) * views, metadata, vectors[0], encoder, seen if views > 1 else None)
        ).seq

    return put


@pytest.fixture
def read(changes, version, make_encoder):
    """Read the overlay, by default anew."""

    def read(before=None, *, over=version, encoder="f" * 64):
        before = lay_over(over, {}) if before is None else before
        return read_overlay(changes, over, make_encoder(encoder), before=before)

    return read


def hidden(overlay):
    return np.flatnonzero(overlay.hidden).tolist()


def ids(overlay):
    return [item.item_id for item in overlay.items]


def passing(overlay, fields='{"or": [{"step": {"gte": 0}}, {"price": {"lt": 3}}]}'):
    """The rows of the version that pass a filter."""
    return overlay.version.items.matching(parse_filter(json.loads(fields)), overlay.columns.lay).tolist()


def same(one, other):
    return (
        (one.position, set(one.states), dict(one.rows), ids(one), dict(one.places))
        == (other.position, set(other.states), dict(other.rows), ids(other), dict(other.places))
        and (hidden(one), passing(one)) == (hidden(other), passing(other))
        and all(
            (one.vectors.vector(row) == other.vectors.vector(row)).all() for row in range(len(one.owners))
        )
        and np.array_equal(one.owners, other.owners)
        and one.views.to_bytes() == other.views.to_bytes()
    )


def test_without_changes_nothing_is_hidden_or_added(read):
    overlay = read()
    assert hidden(overlay) == [] and ids(overlay) == [] and overlay.vectors is None


def test_replaced_and_deleted_rows_are_hidden_and_what_was_put_is_added(read, changes, put, unit_vectors):
    put("sku-3", 1, price=5)
    put("new", 2)
    changes.write_one(Delete("sku-0"))
    changes.write_one(Delete("unheard-of"))
    overlay = read()
    assert hidden(overlay) == [0, 3] and ids(overlay) == ["sku-3", "new"]
    assert overlay.items[0].metadata == {"price": 5}
    np.testing.assert_array_equal(overlay.vectors.vector(1), unit_vectors(1, 128, seed=2)[0])


def test_what_was_put_and_deleted_again_is_gone(read, changes, put):
    put("new")
    changes.write_one(Delete("new"))
    assert ids(read()) == []


def test_what_is_forgotten_is_as_it_was_built(read, changes, put):
    put("sku-3")
    changes.write_one(Delete("sku-4"))
    changes.write_one(Forget("sku-3"))
    changes.write_one(Forget("sku-4"))
    overlay = read()
    assert hidden(overlay) == [] and ids(overlay) == []


def test_a_patch_keeps_the_row_and_its_vector_and_changes_what_passes(read, changes, version):
    changes.write([Patch("sku-1", {"step": 1}), Patch("sku-2", {"price": None}), Patch("gone", {"step": 1})])
    overlay = read()
    assert hidden(overlay) == [] and ids(overlay) == [] and passing(overlay) == [0, 1]
    assert overlay.item(version.items.by_rows([2])[0]).metadata == {"category": ""}
    changes.write_one(Delete("sku-1"))
    changes.write([Patch("sku-2", {"price": 1})])
    assert passing(read(overlay)) == passing(read()) == [0, 1, 2] and hidden(read(overlay)) == [1]


def test_what_was_put_is_patched_in_its_row_once_it_is_folded_in(
    read, changes, put, indexes, publish_version, unit_vectors
):
    seq = put("sku-0", price=5, step=1, old=True)
    publish_version(
        unit_vectors(40, 128),
        items=[Item(f"sku-{row}", Path("x.jpg"), {"price": 5, "step": 1, "old": 1}) for row in range(40)],
        changes=seq,
        night=1,
    )
    later = open_version(indexes / current_version(indexes))
    changes.write([Patch("sku-0", {"step": None, "price": 1})])
    overlay = read(over=later)
    assert hidden(overlay) == [] and ids(overlay) == [] and overlay.vectors is None
    assert overlay.item(later.items.by_rows([0])[0]).metadata == {"price": 1, "old": True}
    assert passing(overlay, '{"price": 1}') == [0] and 0 not in passing(overlay, '{"step": 1}')
    assert passing(overlay, '{"old": true}') == [0] and 0 not in passing(overlay, '{"old": 1}')
    put("sku-0", 2, price=7)
    again = read(overlay, over=later)
    assert hidden(again) == [0] and ids(again) == ["sku-0"] and passing(again, '{"price": 1}') == []


def test_what_was_put_and_a_build_has_left_out_is_found_again_once_it_is_patched(
    read, changes, put, indexes, publish_version, unit_vectors
):
    publish_version(unit_vectors(40, 128), changes=put("new", price=5), night=1)
    later = open_version(indexes / current_version(indexes))
    assert ids(read(over=later)) == []
    changes.write([Patch("new", {"price": 1})])
    overlay = read(over=later)
    assert ids(overlay) == ["new"] and overlay.items[0].metadata == {"price": 1}


def test_a_patch_gathers_nothing_that_was_put_again(read, changes, put, monkeypatch):
    put("new")
    overlay = read()
    monkeypatch.setattr("index.stores.folder.overlay._gathered", lambda *_: pytest.fail("gathered again"))
    changes.write([Patch("sku-1", {"price": 1}), Delete("sku-2")])
    assert hidden(after := read(overlay)) == [2] and after.vectors is overlay.vectors


def test_only_what_is_not_folded_in_counts(changes, put, indexes, publish_version, read, unit_vectors):
    put("sku-3")
    seq = changes.write_one(Delete("sku-4")).seq
    changes.write_one(Delete("sku-5"))
    publish_version(unit_vectors(40, 128), changes=seq, night=1)
    before, later = read(), open_version(indexes / current_version(indexes))
    for overlay in read(over=later), lay_over(later, before.states):
        assert hidden(overlay) == [5] and ids(overlay) == []


def test_without_news_the_overlay_stays_the_same_object(read, put):
    put("new")
    overlay = read()
    assert read(overlay) is overlay


def test_reading_on_gives_what_reading_anew_gives(read, changes, put):
    overlay = read()
    for step in range(30):
        item_id = f"sku-{step * 7 % 5}" if step % 2 else f"new-{step % 3}"
        if step % 4 == 3:
            changes.write_one(Delete(item_id))
        elif step % 11 == 10:
            changes.write_one(Forget(item_id))
        elif step % 5 == 2:
            changes.write([Patch(item_id, {"step": step, "price": None}), Patch("sku-9", {"step": None})])
        else:
            put(item_id, step, views=step % 3 + 1)
        overlay = read(overlay)
        assert same(overlay, read())


def test_reading_on_looks_up_new_ids_only(read, put, monkeypatch):
    put("sku-1")
    put("new")
    overlay = read()
    put("sku-1", 2)
    put("sku-2")
    asked = []
    monkeypatch.setattr(Items, "rows_of", lambda _, item_ids: asked.extend(item_ids) or {"sku-2": 2})
    assert hidden(read(overlay)) == [1, 2] and asked == ["sku-2"]


def test_an_overlay_that_was_handed_out_never_changes(read, changes, put):
    put("new", 1)
    overlay = read()
    changes.write_one(Delete("sku-1"))
    put("new", 2)
    read(overlay)
    assert hidden(overlay) == [] and ids(overlay) == ["new"] and list(overlay.states) == ["new"]


def test_a_log_that_was_replaced_is_read_anew(read, changes, put, indexes):
    put("sku-1")
    put("sku-2")
    overlay = read()
    for file in indexes.glob("changes.sqlite*"):
        file.rename(file.with_name(f"old-{file.name}"))
    assert hidden(read(overlay)) == []
    put("sku-3")
    assert hidden(read(overlay)) == [3]


def test_a_photograph_embedded_by_another_encoder_is_embedded_again(read, put, make_encoder, indexes):
    put("new", encoder="a" * 64)
    overlay = read()
    (expected,) = make_encoder().embed([overlay.items[0].path])
    np.testing.assert_array_equal(overlay.vectors.vector(0), expected)


def test_a_vector_of_the_wrong_size_is_made_again(read, changes, put, encode_image, photo, unit_vectors):
    changes.write_one(Put("new", (encode_image(photo),), {}, unit_vectors(1, 7)[0], "f" * 64))
    assert read().vectors.dimension == 128


def test_it_is_embedded_again_once_whatever_is_put_or_published_later(
    read, put, monkeypatch, indexes, publish_version, unit_vectors
):
    put("new", encoder="a" * 64)
    overlay = read()
    monkeypatch.setattr("index.stores.folder.overlay.embed_photo", lambda *_: pytest.fail("embedded again"))
    put("other")
    assert ids(read(overlay)) == ["new", "other"]
    publish_version(unit_vectors(40, 128), night=1)
    later = read(overlay, over=open_version(indexes / current_version(indexes)))
    assert ids(later) == ["new", "other"]
    np.testing.assert_array_equal(later.vectors.vector(0), overlay.vectors.vector(0))


def test_by_its_first_photograph_an_item_is_embedded_again(
    read, changes, encode_image, make_photo, make_encoder, unit_vectors
):
    first, second = encode_image(make_photo()), encode_image(make_photo()[:, ::-1, :][:200])
    changes.write_one(Put("new", (first, second), {}, unit_vectors(1, 128)[0], "a" * 64))
    overlay = read()
    paths = overlay.items[0].photographs
    embedded = make_encoder().embed(paths)
    assert len(paths) == 2 and np.abs(embedded[0] - embedded[1]).max() > 0.01
    np.testing.assert_array_equal(overlay.states["new"].vector, embedded[0])


def _move(folder, *, to):
    """Move a log, which keeps its inode, and what lies beside it."""
    to.mkdir(exist_ok=True)
    for file in folder.glob("changes.sqlite*"):
        file.rename(to / file.name)


def test_what_another_log_has_put_under_the_same_number_is_embedded_by_itself(
    read, changes, put, encode_image, make_photo, make_encoder, unit_vectors, indexes
):
    put("new", encoder="a" * 64)
    overlay = read()
    _move(indexes, to=indexes / "former")
    changes.write_one(Put("new", (encode_image(make_photo()[:200]),), {}, unit_vectors(1, 128)[0], "a" * 64))
    again = read(overlay)
    assert again.position.seq == overlay.position.seq
    (expected,) = make_encoder().embed([again.items[0].path])
    np.testing.assert_array_equal(again.vectors.vector(0), expected)
    assert np.abs(expected - overlay.vectors.vector(0)).max() > 0.01
    _move(indexes, to=indexes / "later")
    _move(indexes / "former", to=indexes)
    np.testing.assert_array_equal(read(again).vectors.vector(0), overlay.vectors.vector(0))


def test_an_item_whose_photograph_is_gone_is_left_out_and_logged_once(read, put, indexes, caplog):
    put("sku-3", encoder="a" * 64)
    put("new", encoder="f" * 64)
    for photograph in (indexes / "photographs").iterdir():
        photograph.unlink()
    with caplog.at_level(logging.ERROR):
        overlay = read()
        put("other")
        overlay = read(overlay)
    assert hidden(overlay) == [3] and ids(overlay) == ["new", "other"]
    assert caplog.text.count("'sku-3'") == 1
