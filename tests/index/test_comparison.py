import numpy as np

from index.comparison import Difference, Previous, compare
from index.stores.folder.store import read_previous
from training.catalogue.reader import Item


def contents(*numbers):
    return np.repeat(np.array(numbers, np.uint8)[:, None], 32, axis=1)


def items(tmp_path, *ids):
    return [Item(item_id, tmp_path / item_id) for item_id in ids]


def test_items_are_new_changed_or_removed(tmp_path):
    previous = Previous(3, {"a": bytes([1]) * 32, "b": bytes([2]) * 32, "c": bytes([3]) * 32})
    found = compare(previous, items(tmp_path, "a", "b", "d", "e"), contents(1, 9, 3, 4))
    assert found == Difference(new=2, changed=1, removed=1)


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
    assert read_previous(indexes) == Previous(40, {})
