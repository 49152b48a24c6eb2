import numpy as np
import pytest

from index.comparison import LISTED, Difference, Digests, Previous, compare, replaced
from index.stores.folder.store import read_previous
from training.catalogue.reader import Item


def contents(*numbers):
    return np.repeat(np.array(numbers, np.uint8)[:, None], 32, axis=1)


def items(tmp_path, *ids):
    return [Item(item_id, tmp_path / item_id) for item_id in ids]


def test_items_are_new_changed_or_removed(tmp_path):
    contents_before = {"a": bytes([1]) * 32, "b": bytes([2]) * 32, "c": bytes([3]) * 32}
    previous = Previous(3, contents_before, "shop.csv", "2026-11-20T02-00-00Z")
    found = compare(previous, items(tmp_path, "a", "b", "d", "e"), contents(1, 9, 3, 4))
    assert found == Difference(new=2, changed=1, removed=1)
    assert found.first == {"new": ("d", "e"), "changed": ("b",), "removed": ("c",)}
    assert found.since == previous.version and found.counts == {"new": 2, "changed": 1, "removed": 1}


def test_of_many_items_the_first_are_named(tmp_path):
    ids = [str(number) for number in range(LISTED + 5)]
    found = compare(None, items(tmp_path, *ids), contents(*range(LISTED + 5)))
    assert found.new == LISTED + 5 and found.first["new"] == tuple(ids[:LISTED])


@pytest.mark.parametrize(
    ("name", "ids", "other"),
    [
        ("shop.csv", "xyz", None),  # the same name is the same catalogue, whatever it holds now
        ("drawn:60", "xyz", "shop.csv"),
        ("drawn:60", "axyz", "shop.csv"),
        ("shop.csv?split=train", "ab", None),
        ("shop-2026-11-26.csv", "abxy", None),
        ("shop-2026-11-26.csv", "abxyz", "shop.csv"),
    ],
)
def test_a_catalogue_of_another_name_is_another_one_if_most_of_its_items_are(tmp_path, name, ids, other):
    previous = Previous(3, dict.fromkeys("abc", bytes(32)), "shop.csv")
    assert replaced(previous, name, items(tmp_path, *ids)) == other


def test_a_first_catalogue_replaces_none(tmp_path):
    assert replaced(None, "shop.csv", items(tmp_path, "a")) is None


def test_without_a_previous_version_all_items_are_new(tmp_path):
    assert compare(None, items(tmp_path, "a", "b"), contents(1, 2)) == Difference(2, 0, 0)


def test_the_previous_version_is_the_one_in_use(indexes, publish_version):
    assert read_previous(indexes) is None
    publish_version()
    previous = read_previous(indexes)
    assert previous.items == 40 and len(previous.contents) == 40
    assert previous.contents["sku-7"] == bytes([7]) + bytes(31)


def test_where_the_version_in_use_can_not_be_read_the_newest_other_one_is_compared(indexes, publish_version):
    publish_version(night=0)
    publish_version(np.eye(16, dtype=np.float32), night=1)
    (indexes / publish_version(night=2) / "manifest.json").unlink()
    assert read_previous(indexes).items == 16


def test_without_its_digests_a_version_still_counts_its_items(indexes, publish_version):
    (indexes / publish_version() / "contents.npy").write_bytes(b"nothing")
    assert read_previous(indexes) == Previous(40, {}, "catalogue.csv")


def test_the_digests_of_a_stored_version_are_looked_up_some_at_a_time(tmp_path):
    asked = []

    class Stored(Digests):
        def find(self, item_ids):
            asked.append(len(item_ids))
            return {item_id: bytes(32) for item_id in item_ids if int(item_id) >= 2}

        def __iter__(self):
            return map(str, range(2, 10_005))

        def __len__(self):
            return 10_003

    ids = [str(number) for number in range(10_000)]
    found = compare(
        Previous(10_003, Stored(), "shop.csv"), items(tmp_path, *ids), np.zeros((10_000, 32), "u1")
    )
    assert found == Difference(new=2, changed=0, removed=5) and max(asked) < 5000
    assert found.first == {
        "new": ("0", "1"),
        "changed": (),
        "removed": tuple(map(str, range(10_000, 10_005))),
    }
