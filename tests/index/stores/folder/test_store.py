import pytest

from index.stores.folder.publish import activate
from index.stores.folder.store import FolderStore


@pytest.fixture
def store(indexes):
    return FolderStore(indexes)


def test_what_was_before_is_the_version_in_use_or_else_the_newest_that_can_be_read(
    store, indexes, publish_version, unit_vectors
):
    assert store.previous() is None
    versions = [publish_version(unit_vectors(count), night=night) for night, count in enumerate((3, 4, 5))]
    activate(indexes, versions[1])
    seen = []
    for version in (versions[1], versions[2], versions[0]):
        seen.append(store.previous().items)
        (indexes / version / "manifest.json").write_text("{")
    assert seen == [4, 5, 3] and store.previous() is None


def test_where_no_version_is_in_use_the_newest_is_what_was_before(
    store, indexes, publish_version, unit_vectors
):
    for night, count in enumerate((3, 4)):
        publish_version(unit_vectors(count), night=night)
    (indexes / "current").unlink()
    assert store.previous().items == 4
    (indexes / "current").write_text("2020-01-01T00-00-00Z\n")
    assert store.previous().items == 4


@pytest.mark.parametrize("name", ["contents.npy", "items.sqlite"])
def test_without_its_photographs_sums_a_version_counts_by_its_number_of_items(
    store, indexes, publish_version, unit_vectors, name
):
    folder = indexes / publish_version(unit_vectors(3))
    before = store.previous()
    assert set(before.contents) == {"sku-0", "sku-1", "sku-2"} and before.catalogue == "catalogue.csv"
    assert before.contents["sku-2"] == bytes([2]).ljust(32, b"\0")
    (folder / name).write_bytes(b"nothing of the kind")
    assert (store.previous().items, store.previous().contents) == (3, {})


def test_an_item_is_held_by_the_version_in_use(store, publish_version, unit_vectors):
    publish_version(unit_vectors(3))
    assert list(store.items_of(["sku-2", "sku-3"])) == ["sku-2"]
