"""What every store does alike: each answer is held against the same one made by comparing everything."""

import os
from functools import partial
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from index.editing import change_items
from index.edits import Delete, Forget, Patch, Put
from index.errors import IndexDamaged, ItemUnknown, NoIndex, VersionUnknown
from index.filters.parse import parse_filter
from index.pages import SearchOptions
from index.views import Views
from training.catalogue.reader import Item
from training.errors import EncoderMismatch
from training.photo.confidence import FIRST

COLOURS = ("red", "grün", "")
RED, SAME, COPIES = 1, range(40, 50), range(50, 60)


def metadata(row):
    fields = {"category": COLOURS[row % 3] or None, "price": row - 5, "sale": row % 4 == 0}
    return (
        fields | {"sizes": [36, 38, 40][: row % 4]} | ({"day": f"2026-0{row % 9 + 1}-01"} if row % 2 else {})
    )


@pytest.fixture(scope="session")
def gallery(numbered):
    """60 items; rows 40 to 49 have one vector and 50 to 59 also one photograph."""
    items = [Item(f"sku {row}/ü", Path(f"/shop/{row}.jpg"), metadata(row)) for row in range(60)]
    vectors = np.stack([numbered(row if row < 40 else 100 + (row >= 50)) for row in range(60)])
    pictures = np.arange(60, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15) >> np.uint64(4)
    pictures[50:] = 0
    return items, vectors, pictures


@pytest.fixture(scope="module", params=["folder", "lite", "server"])
def filled(request, shop_at, gallery):
    """A shop with two versions: the first half of the gallery, and all of it, which is in use."""
    shop = shop_at(request.param)
    items, vectors, pictures = gallery
    shop.old = shop.publish(items[:30], vectors[:30], pictures[:30]).version
    shop.new = shop.publish(items, vectors, pictures).version
    shop.searcher = shop.open()
    return shop


def brute_force(gallery, query, *, where=None, without=()):
    """Rows by score, equal ones in their order."""
    items, vectors, _ = gallery
    scores = vectors @ query
    order = sorted(range(len(items)), key=lambda row: (-round(float(scores[row]), 5), row))
    passing = [row for row in order if where is None or where.matches(items[row].metadata)]
    return [row for row in passing if row not in without], scores


def rows(page):
    return [int(hit.item.item_id.split()[1].split("/")[0]) for hit in page.hits]


def test_the_ranking_is_that_of_comparing_all(filled, gallery, numbered):
    query = numbered(7) * 0.8 + numbered(9) * 0.6
    query /= np.linalg.norm(query)
    (page,) = filled.searcher.search(query[None], SearchOptions(limit=60))
    ranking, scores = brute_force(gallery, query)
    assert rows(page) == ranking and (page.total, page.next_offset) == (60, None)
    np.testing.assert_allclose([hit.score for hit in page.hits], scores[ranking], atol=1e-5)
    assert [hit.rank for hit in page.hits] == list(range(1, 61))
    assert [hit.item for hit in page.hits] == [gallery[0][row] for row in ranking]
    percentiles = [hit.percentile for hit in page.hits]
    assert percentiles == sorted(percentiles, reverse=True) and percentiles[0] > 90


def test_pages_are_cut_from_one_ranking_through_ties(filled, gallery, numbered):
    query = numbered(100)
    ranking, _ = brute_force(gallery, query)
    assert ranking[:10] == list(SAME)
    pages = [
        filled.searcher.search(query[None], SearchOptions(limit=7, offset=offset))[0]
        for offset in range(0, 60, 7)
    ]
    assert [row for page in pages for row in rows(page)] == ranking
    assert [page.next_offset for page in pages] == [*range(7, 60, 7), None]
    assert {page.total for page in pages} == {60}
    (beyond,) = filled.searcher.search(query[None], SearchOptions(limit=5, offset=60))
    assert beyond.hits == () and beyond.total == 60


def test_several_queries_are_answered_in_their_order(filled, numbered):
    pages = filled.searcher.search(np.stack([numbered(3), numbered(12)]), SearchOptions(limit=1))
    assert [rows(page) for page in pages] == [[3], [12]]


@pytest.mark.parametrize(
    "fields",
    [
        {"category": "red"},
        {"category": ["grün", None]},
        {"price": {"gte": 0, "lt": 7}},
        {"sizes": {"gt": 36, "lte": 38}},
        {"not": {"sizes": {"gt": 36}}},
        {"sale": True, "price": {"ne": 3}},
        {"day": {"gte": "2026-03", "lt": "2026-05"}},
        {"not": {"day": {"gte": "2026-03"}}},
        {"or": [{"price": 3.0}, {"and": [{"sizes": 40}, {"category": "red"}]}]},
        {"unknown": 1},
        {"not": {"unknown": {"lt": 1}}},
        {"category": []},
    ],
)
def test_a_filter_holds_for_what_is_listed_and_counted(filled, gallery, numbered, fields):
    where = parse_filter(fields)
    ranking, _ = brute_force(gallery, numbered(7), where=where)
    (page,) = filled.searcher.search(numbered(7)[None], SearchOptions(limit=60, where=where))
    assert rows(page) == ranking and page.total == len(ranking)
    (first,) = filled.searcher.search(numbered(7)[None], SearchOptions(limit=2, where=where))
    assert rows(first) == ranking[:2] and first.total == len(ranking)


@pytest.mark.parametrize(
    ("field", "known"),
    [("category", True), ("sizes", True), ("sale", True), ("day", True), ("colour", False), ("Price", False)],
)
def test_a_field_is_known_if_an_item_has_a_value_of_it(filled, field, known):
    assert filled.searcher.has_field(field) is known


def test_a_threshold_holds_for_what_is_listed_and_counted(filled, gallery, numbered):
    ranking, scores = brute_force(gallery, numbered(7))
    least = float(scores[ranking[20]] + scores[ranking[21]]) / 2
    (page,) = filled.searcher.search(numbered(7)[None], SearchOptions(limit=5, min_score=least))
    assert rows(page) == ranking[:5] and page.total == 21
    (none,) = filled.searcher.search(numbered(7)[None], SearchOptions(limit=5, offset=30, min_score=least))
    assert none.hits == () and none.total == 21


def test_what_scores_just_the_threshold_is_listed_and_counted(filled, numbered):
    (whole,) = filled.searcher.search(numbered(7)[None], SearchOptions(limit=60))
    least = whole.hits[20].score
    assert least != whole.hits[21].score
    for limit in (5, 21, 30):
        options = SearchOptions(limit=limit, min_score=least)
        (page,) = filled.searcher.search(numbered(7)[None], options)
        assert rows(page) == rows(whole)[: min(limit, 21)] and page.total == 21


def test_of_duplicates_only_the_best_is_listed_and_groups_are_counted(filled, gallery, numbered):
    ranking, _ = brute_force(gallery, numbered(101))
    (page,) = filled.searcher.search(numbered(101)[None], SearchOptions(limit=60, collapse=True))
    assert rows(page) == [row for row in ranking if row not in COPIES[1:]] and page.total == 51
    (first,) = filled.searcher.search(numbered(101)[None], SearchOptions(limit=3, collapse=True))
    assert rows(first) == rows(page)[:3] and first.total == 51
    where = parse_filter({"category": "red"})
    (red,) = filled.searcher.search(numbered(101)[None], SearchOptions(limit=2, collapse=True, where=where))
    assert rows(red)[0] == 51 and red.total == sum(row % 3 == 0 for row in range(50)) + 1
    (best,) = filled.searcher.search(
        numbered(101)[None], SearchOptions(limit=1, collapse=True, min_score=0.99)
    )
    assert best.total == 1
    least = (page.hits[11].score + page.hits[12].score) / 2
    for limit in (1, 12, 30):
        options = SearchOptions(limit=limit, collapse=True, min_score=least)
        (above,) = filled.searcher.search(numbered(101)[None], options)
        assert rows(above) == rows(page)[: min(limit, 12)] and above.total == 12
    assert filled.searcher.manifest.duplicates == 9


def test_an_item_is_not_its_own_neighbour_and_its_duplicates_are_not_where_they_are_collapsed(
    filled, gallery, numbered
):
    ranking, _ = brute_force(gallery, numbered(101), without={53})
    assert rows(filled.searcher.similar("sku 53/ü", SearchOptions(limit=60))) == ranking
    others, _ = brute_force(gallery, numbered(101), without=COPIES)
    page = filled.searcher.similar("sku 53/ü", SearchOptions(limit=60, collapse=True))
    assert rows(page) == others and page.total == 50
    where = parse_filter({"price": {"lt": 5}})
    cheap, _ = brute_force(gallery, numbered(3), where=where, without={3})
    assert rows(filled.searcher.similar("sku 3/ü", SearchOptions(limit=60, where=where))) == cheap


def test_items_are_found_by_id(filled, gallery, numbered):
    assert filled.searcher.item("sku 17/ü") == gallery[0][17]
    np.testing.assert_allclose(filled.searcher.vector("sku 17/ü"), numbered(17), atol=1e-7)
    for unknown in ("sku 17", 'x" or row >= 0 or key == "', ""):
        with pytest.raises(ItemUnknown):
            filled.searcher.item(unknown)
    for place in (filled.searcher, filled.store):
        found = place.items_of(["sku 17/ü", "sku 17", "sku 3/ü", ""])
        assert found == {f"sku {row}/ü": gallery[0][row] for row in (3, 17)} and place.items_of([]) == {}


@pytest.mark.parametrize("fields", [None, {"price": {"gte": 10}}, {"category": "red", "sale": False}])
def test_all_items_are_listed_once_page_by_page_and_counted(filled, gallery, fields):
    where = None if fields is None else parse_filter(fields)
    passing = {item.item_id for item in gallery[0] if where is None or where.matches(item.metadata)}
    listed, after, more = [], "", True
    while more:
        page = filled.searcher.listing(after=after, limit=7, where=where)
        assert page.total == len(passing) and 0 < len(page.items) <= 7
        listed += page.items
        after, more = listed[-1].item_id, page.more
    assert {item.item_id for item in listed} == passing and len(listed) == len(passing)
    assert list(filled.searcher.listing(limit=60, where=where).items) == listed
    gone = filled.searcher.listing(after=listed[1].item_id, limit=3, where=where)
    assert list(gone.items) == listed[2:5] and gone.more


def test_a_version_that_is_not_in_use_is_searched_as_it_was_built(filled, gallery, numbered, make_encoder):
    old = filled.store.open_as_built(filled.old, encoder=filled.encoder)
    (page,) = old.search(numbered(3)[None], SearchOptions(limit=60))
    assert (old.manifest.version, page.total, page.hits[0].item) == (filled.old, 30, gallery[0][3])
    assert filled.store.current() == filled.new
    found = filled.store.items_of(["sku 17/ü", "sku 47/ü"], version=filled.old)
    assert found == {"sku 17/ü": gallery[0][17]}
    assert filled.store.previous().version == filled.new
    with pytest.raises(EncoderMismatch):
        filled.store.open_as_built(filled.old, encoder=make_encoder("e" * 64))
    for read in (
        partial(filled.store.items_of, ["sku 17/ü"]),
        partial(filled.store.open_as_built, encoder=filled.encoder),
    ):
        with pytest.raises(VersionUnknown):
            read(version="2020-01-01T00-00-00Z")


def test_a_list_goes_on_behind_an_item_that_there_is_not(filled):
    whole = filled.searcher.listing(limit=60).items
    behind = filled.searcher.listing(after="no such item", limit=60).items
    assert behind == whole[len(whole) - len(behind) :]
    nothing = parse_filter({"unknown": 1})
    empty = filled.searcher.listing(limit=5, where=nothing)
    assert (empty.items, empty.total, empty.more) == ((), 0, False)


def test_a_sample_is_spread_over_the_index_and_the_same_every_time(filled):
    sample = filled.searcher.sample(12)
    assert len({item.item_id for item in sample}) == 12 and filled.searcher.sample(12) == sample
    assert len(filled.searcher.sample(1000)) == 60


def test_the_index_tells_what_it_holds(filled):
    searcher, manifest = filled.searcher, filled.store.manifest(filled.new)
    assert searcher.manifest == manifest and manifest.version == filled.new
    assert (searcher.count, searcher.pending, manifest.items, manifest.kind) == (60, 0, 60, "flat")
    facets = {facet.field: facet for facet in searcher.facets()}
    assert facets["category"].values == (("grün", 20), ("red", 20))
    assert facets["sale"].values == ((False, 45), (True, 15))
    assert (facets["price"].lowest, facets["price"].highest) == (-5, 54)
    assert [facet.field for facet in searcher.facets(("price", "nothing", "sale"))] == ["price", "sale"]
    assert manifest.gate["recall_at_10"] == 1.0


def test_how_near_answers_are_is_told_by_the_neighbours_of_the_items(filled, gallery):
    _, vectors, _ = gallery
    scores = vectors @ vectors.T
    np.fill_diagonal(scores, -np.inf)
    heads = np.sort(scores, axis=1)[:, ::-1][:, :FIRST].mean(axis=1)
    manifest = filled.searcher.manifest
    assert (manifest.nearness(heads.min() - 0.01), manifest.nearness(heads.max() + 0.01)) == (0.0, 1.0)
    for head in np.quantile(heads, [0.1, 0.35, 0.6]):
        assert manifest.nearness(float(head)) == pytest.approx((heads < head).mean(), abs=0.03)


def test_versions_are_listed_and_checked(filled):
    assert filled.store.versions() == [filled.old, filled.new]
    assert filled.store.current() == filled.new
    assert filled.store.verify().version == filled.new
    assert filled.store.verify(filled.old).items == 30
    for ask in (filled.store.verify, filled.store.activate):
        with pytest.raises(VersionUnknown, match=filled.old):
            ask("2020-01-01T00-00-00Z")


def test_what_was_built_before_is_known_to_the_next_build(filled):
    previous = filled.store.previous()
    assert previous.items == len(previous.contents) == 60
    assert previous.contents["sku 7/ü"] == bytes([7]) + bytes(31)
    assert previous.catalogue == filled.store.manifest(filled.store.current()).catalogue != ""


def test_an_index_of_another_encoder_is_not_opened(filled, make_encoder):
    with pytest.raises(EncoderMismatch, match="ffffffffffff, but eeeeeeeeeeee is loaded"):
        filled.store.open(encoder=make_encoder("e" * 64))


def test_another_version_is_switched_to_and_back_while_a_snapshot_stays(filled):
    searcher = filled.open()
    assert searcher.refresh() is False
    snapshot = searcher.snapshot()
    assert filled.store.rollback().version == filled.old
    assert searcher.refresh() is True
    assert (searcher.count, snapshot.count, searcher.manifest.version) == (30, 60, filled.old)
    assert filled.store.activate(filled.new).version == filled.new
    assert searcher.refresh() is True and searcher.count == 60


def ids(searcher, query, **options):
    return [
        hit.item.item_id for hit in searcher.search(query[None], SearchOptions(limit=50, **options))[0].hits
    ]


def first(searcher, query):
    searcher.refresh()
    return ids(searcher, query)[:1]


def test_items_carry_the_digest_of_their_photographs(filled, numbered):
    def digest(row):
        return row.to_bytes(8, "little").hex() + "00" * 24

    (page,) = filled.searcher.search(numbered(7)[None], SearchOptions(limit=60))
    assert [hit.item.content for hit in page.hits] == [digest(row) for row in rows(page)]
    assert filled.searcher.item("sku 7/ü").content == digest(7)
    assert {len(item.content) for item in filled.searcher.sample(5)} == {64}


@pytest.mark.parametrize("kind", ["folder", "lite"])
def test_what_was_put_carries_the_digest_of_its_photographs_too(shop_at, plain, numbered, kind):
    shop = shop_at(kind)
    shop.publish(*plain(*range(8)))
    vectors, unknown = np.stack([numbered(70), numbered(71)]), np.full((2, 4), np.nan, np.float32)
    shop.put("new", 70)
    shop.put_views("sku-3", Views(vectors, unknown, np.arange(2)))
    searcher = shop.open()
    for item_id in ("new", "sku-3"):
        item = searcher.item(item_id)
        digests = [sha256(path.read_bytes()).digest() for path in item.photographs]
        assert item.content == (digests[0] if len(digests) == 1 else sha256(b"".join(digests)).digest()).hex()
    assert len(digests) == 2
    assert searcher.item("sku-4").content not in (None, item.content)


@pytest.mark.parametrize("kind", ["folder", "lite", "server"])
def test_a_shop_changes_its_catalogue_and_its_index(shop_at, plain, numbered, kind):
    """The whole life: before the first build, changes at once, folded in, during a build, back, removed."""
    shop = shop_at(kind)
    for ask in (shop.store.current, shop.open, shop.store.rollback, lambda: shop.store.prune(keep=1)):
        with pytest.raises(NoIndex, match="index build"):
            ask()
    assert shop.store.versions() == [] and shop.store.previous() is None
    early = shop.put("early", 70)
    built = shop.publish(*plain(*range(8)))
    assert (built.changes, built.items) == (early, 9)

    here, there = shop.open(), shop.connect().open(encoder=shop.encoder)
    numbers = [
        shop.put("new", 71, sizes=[1, 2, 3]),
        shop.put("sku-3", 72),
        shop.store.changes.write_one(Delete("sku-4")).seq,
    ]
    assert numbers == sorted(numbers) and numbers[0] > early
    for searcher in (here, there):
        assert first(searcher, numbered(71)) == ["new"] and first(searcher, numbered(72)) == ["sku-3"]
        assert first(searcher, numbered(4)) != ["sku-4"] and first(searcher, numbered(3)) != ["sku-3"]
        assert (searcher.count, searcher.pending) == (9, 3)
        assert ids(searcher, numbered(71), where=parse_filter({"sizes": {"gt": 2}})) == ["new"]
        assert searcher.has_field("sizes") and not searcher.has_field("size")
        assert searcher.similar("new", SearchOptions(limit=50)).total == 8
        assert searcher.item("new").path.read_bytes().endswith(b"71")
        with pytest.raises(ItemUnknown):
            searcher.item("sku-4")
    assert [change.item_id for change in shop.store.changes.since(early)] == ["new", "sku-3", "sku-4"]

    again = shop.publish(*plain(*range(8)), during=lambda: (shop.put("late", 73), shop.put("new", 74)))
    assert again.changes == numbers[-1] and again.items == 9
    assert first(there, numbered(73)) == ["late"] and first(there, numbered(74)) == ["new"]
    assert (there.manifest.version, there.count, there.pending) == (again.version, 10, 2)

    (patched,) = shop.store.changes.write([Patch("sku-5", {"sizes": [7], "number": None})])
    for searcher in (here, there):
        searcher.refresh()
        assert searcher.item("sku-5").metadata == {"sizes": [7]}
        assert first(searcher, numbered(5)) == ["sku-5"]
        assert ids(searcher, numbered(5), where=parse_filter({"sizes": {"gt": 5}})) == ["sku-5"]
        assert "sku-5" not in ids(searcher, numbered(5), where=parse_filter({"number": {"gte": 0}}))
    assert shop.store.changes.state("sku-5") == patched

    shop.store.changes.write_one(Delete("early"))
    assert shop.store.rollback().version == built.version
    assert first(here, numbered(74)) == ["new"] and here.manifest.version == built.version
    assert sorted(ids(here, numbered(0))) == sorted(
        ["late", "new", *(f"sku-{number}" for number in range(8) if number != 4)]
    )

    shop.store.activate(again.version)
    assert shop.store.prune(keep=1) == [built.version] and shop.store.versions() == [again.version]
    assert first(here, numbered(73)) == ["late"] and here.item("late").path.exists()
    shop.store.changes.write_one(Forget("sku-3"))
    last = shop.publish(*plain(*range(8)))
    assert first(here, numbered(3)) == ["sku-3"] and here.manifest.version == last.version
    assert here.item("sku-5").metadata == {"sizes": [7]}
    assert here.count == 9 and first(here, numbered(74)) == ["new"]


def test_a_version_that_fails_its_checks_leaves_nothing(shop, plain, numbered):
    shop.publish(*plain(1, 2, 3))
    items, vectors = plain(4, 5, 6)
    vectors[1] *= 2
    with pytest.raises(Exception, match="unit norm"):
        shop.publish(items, vectors)
    assert len(shop.store.versions()) == 1 and first(shop.open(), numbered(1)) == ["sku-1"]
    shop.publish(*plain(4, 5, 6))
    assert len(shop.store.versions()) == 2


def test_a_record_that_is_gone_is_damage_that_another_version_mends(shop, plain):
    built = shop.publish(*plain(1, 2, 3))
    with pytest.raises(IndexDamaged):
        shop.store.manifest("2020-01-01T00-00-00Z")
    assert shop.store.manifest(built.version) == built


def test_changes_of_several_items_are_made_together_and_each_refusal_is_told(shop, plain, numbered):
    shop.publish(*plain(*range(4)))
    searcher = shop.open()
    photo, fingerprint = b"\xff\xd8\xff picture 9", shop.encoder.fingerprint
    edits = [
        Patch("sku-0", {"price": 5}),
        Put("new", (photo,), {"price": 9}, numbered(9), fingerprint),
        Patch("unknown", {"price": 1}),
        Patch("new", {"price": 8, "sold": True}),
        Delete("sku-1"),
        Patch("sku-1", {"price": 1}),
        Delete("sku-1"),
        Put("bad\n", (photo,), {}, numbered(9), fingerprint),
        Put("text", (photo, b"no photograph"), {}, numbered(9), fingerprint),
        Patch("sku-0", {"sold": False, "number": None}),
        Patch("sku-2", {"x" * 200: "y" * 33_000}),
    ]
    made = change_items(shop.store, edits, index=searcher)
    assert [type(each).__name__ for each in made] == [
        *("Change", "Change", "ItemUnknown", "Change", "Change", "ItemUnknown", "ItemUnknown"),
        *("InvalidChange", "UnsupportedImageType", "Change", "InvalidChange"),
    ]
    numbers = [each.seq for each in made if not isinstance(each, Exception)]
    assert numbers == sorted(set(numbers))
    searcher.refresh()
    metadata = {item.item_id: item.metadata for item in searcher.listing(limit=9).items}
    assert metadata == {
        "sku-0": {"price": 5, "sold": False},
        "new": {"price": 8, "sold": True},
        "sku-2": {"number": 2},
        "sku-3": {"number": 3},
    }
    assert first(searcher, numbered(9)) == ["new"] and searcher.pending == 3
    (again,) = change_items(shop.store, [Delete("sku-1")], index=searcher)
    assert "deleted" in str(again)
    assert shop.store.changes.write([]) == []


STEPS = ("put", "put", "patch", "patch", "delete", "build", "activate", "restart")


class Model:
    """A catalogue, what was changed of it by hand, and what every version was built with."""

    def __init__(self, shop, plain):
        self.shop, self._plain, self.number = shop, plain, 100
        self.states, self.fields, self.versions = {}, {}, {}
        self.build("")
        self.searcher = shop.open()

    def put(self, item_id):
        self.number += 1
        self.shop.put(item_id, self.number, number=self.number)
        self.states[item_id], self.fields[item_id] = self.number, {}

    def patch(self, item_id):
        """Set two fields, which no build takes away, and sometimes remove one of them again."""
        self.number += 1
        self.searcher.refresh()
        fields = {f"field-{self.number % 2}": self.number, "odd": None if self.number % 3 else self.number}
        (made,) = change_items(self.shop.store, [Patch(item_id, fields)], index=self.searcher)
        assert isinstance(made, ItemUnknown) is (item_id not in self.truth())
        self.fields[item_id] = {**self.fields.get(item_id, {}), **fields}

    def delete(self, item_id):
        self.shop.store.changes.write_one(Delete(item_id))
        self.states[item_id] = None

    def build(self, _):
        built = self.shop.publish(*self._plain(0, 1, 2)).version
        self.versions[built] = self.now({f"sku-{number}": number for number in range(3)})

    def activate(self, item_id):
        versions = self.shop.store.versions()
        self.shop.store.activate(versions[hash(item_id) % len(versions)])

    def restart(self, _):
        self.shop.store = self.shop.connect()
        self.searcher = self.shop.open()

    def now(self, built):
        return {item_id: number for item_id, number in (built | self.states).items() if number is not None}

    def truth(self):
        return self.now(self.versions[self.searcher.manifest.version])

    def metadata(self, item_id):
        fields = {"number": self.truth()[item_id], **self.fields.get(item_id, {})}
        return {name: value for name, value in fields.items() if value is not None}

    def check(self, numbered):
        self.searcher.refresh()
        truth = self.truth()
        (page,) = self.searcher.search(numbered(7)[None], SearchOptions(limit=50))
        order = sorted(truth, key=lambda item_id: -float(numbered(truth[item_id]) @ numbered(7)))
        assert [hit.item.item_id for hit in page.hits] == order
        assert page.total == self.searcher.count == len(truth)
        assert [hit.item.metadata for hit in page.hits] == [self.metadata(item_id) for item_id in order]
        where = parse_filter({"or": [{"field-0": {"gte": 103}}, {"not": {"odd": None}}]})
        passing = {item_id for item_id in order if where.matches(self.metadata(item_id))}
        assert set(ids(self.searcher, numbered(7), where=where)) == passing
        assert {item.item_id for item in self.searcher.listing(limit=9, where=where).items} == passing


@pytest.mark.parametrize("kind", ["folder", "lite"])
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    steps=st.lists(st.tuples(st.sampled_from(STEPS), st.sampled_from(["sku-0", "sku-1", "new"])), max_size=10)
)
def test_whatever_happens_the_search_finds_what_a_model_holds(shop_at, plain, numbered, kind, steps):
    model = Model(shop_at(kind), plain)
    for step, item_id in steps:
        getattr(model, step)(item_id)
        model.check(numbered)


def test_a_photograph_that_was_fetched_stays_as_long_as_a_version_shows_it(shop, tmp_path, numbered):
    (tmp_path / "0ab.jpg").write_bytes(b"picture")
    os.utime(tmp_path / "0ab.jpg", (0, 0))
    kept = shop.store.changes.photographs.adopt(tmp_path / "0ab.jpg")
    items = [Item("far", kept), Item("near", Path("/shop/1.jpg"))]
    vectors = [numbered(1), numbered(2)]
    shop.publish(items, vectors)
    shop.publish(items[1:], vectors[1:])
    shop.store.prune(keep=2)
    assert kept.read_bytes() == b"picture"
    shop.store.prune(keep=1)
    assert not kept.exists()
