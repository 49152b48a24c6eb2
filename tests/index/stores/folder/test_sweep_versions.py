import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from index.errors import BuildRunning, IndexDamaged, NoIndex, VersionUnknown
from index.pages import SearchOptions
from index.stores.folder import publish
from index.stores.folder.publish import (
    activate,
    building,
    current_version,
    list_versions,
    remove_old,
    rollback,
)
from index.stores.folder.searcher import Searcher
from index.stores.folder.sweep import prune


@pytest.fixture
def versions(publish_version):
    """Four versions, the last one in use."""
    return [publish_version(seed=night, night=night) for night in range(4)]


def hidden(indexes):
    return [path.name for path in indexes.iterdir() if path.name.startswith((".building", ".removing"))]


def test_all_but_the_newest_are_removed(indexes, versions):
    assert prune(indexes, keep=3) == versions[:1]
    assert prune(indexes, keep=1) == versions[1:3]
    assert list_versions(indexes) == versions[3:] and current_version(indexes) == versions[3]
    assert hidden(indexes) == []


def test_the_version_in_use_stays_however_old_it_is(indexes, versions):
    activate(indexes, versions[0])
    assert prune(indexes, keep=2) == versions[1:2]
    assert list_versions(indexes) == [versions[0], *versions[2:]]


def test_keeping_more_than_there_are_removes_nothing(indexes, versions):
    assert prune(indexes, keep=10) == []


def test_without_a_version_in_use_nothing_is_removed(indexes, versions):
    with pytest.raises(NoIndex):
        prune(indexes.parent / "nowhere", keep=1)
    (indexes / versions[3]).rename(indexes / "elsewhere")
    with pytest.raises(IndexDamaged, match="rollback"):
        prune(indexes, keep=1)
    assert list_versions(indexes) == versions[:3]


def test_nothing_is_removed_beside_a_build(indexes, versions):
    with building(indexes), pytest.raises(BuildRunning):
        prune(indexes, keep=1)
    assert list_versions(indexes) == versions


def test_what_a_killed_removal_left_goes_with_the_next(indexes, versions):
    (indexes / f".removing-{versions[0]}").mkdir()
    prune(indexes, keep=10)
    assert hidden(indexes) == []


def test_a_version_that_is_removed_while_it_is_checked_is_not_activated(indexes, versions, monkeypatch):
    verify = publish.verify

    def verify_slowly(*arguments):
        checked = verify(*arguments)
        remove_old(indexes, keep=1)
        return checked

    monkeypatch.setattr(publish, "verify", verify_slowly)
    with pytest.raises(VersionUnknown, match=versions[0]):
        activate(indexes, versions[0])
    assert current_version(indexes) == versions[3]


def test_a_removed_version_goes_on_answering_whoever_has_opened_it(
    indexes, versions, encoder, unit_vectors, publish_version
):
    encoder.dimension = 16
    searcher = Searcher.open(indexes, encoder=encoder).snapshot()
    expected = searcher.search(unit_vectors(8, seed=3), SearchOptions(limit=5))
    publish_version(seed=4, night=4)
    assert prune(indexes, keep=1) == versions
    assert not (indexes / versions[3]).exists()
    together = threading.Barrier(6)

    def search(_):
        together.wait()
        return [searcher.search(unit_vectors(8, seed=3), SearchOptions(limit=5)) for _ in range(5)]

    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(search, range(6))) == [[expected] * 5] * 6


def test_rollback_goes_to_the_version_before_the_one_in_use(indexes, versions):
    assert rollback(indexes).manifest.version == versions[2]
    assert rollback(indexes).manifest.version == versions[1] == current_version(indexes)
    assert list_versions(indexes) == versions


def test_rollback_from_the_oldest_version_is_refused(indexes, versions):
    activate(indexes, versions[0])
    with pytest.raises(VersionUnknown, match="no version older"):
        rollback(indexes)
    assert current_version(indexes) == versions[0]


def test_rollback_works_where_the_version_in_use_was_deleted_by_hand(indexes, versions):
    (indexes / versions[3]).rename(indexes / "elsewhere")
    assert rollback(indexes).manifest.version == versions[2] == current_version(indexes)


def test_rollback_to_a_damaged_version_is_refused(indexes, versions, flip_a_bit):
    flip_a_bit(indexes / versions[2] / "vectors.faiss")
    with pytest.raises(IndexDamaged, match=r"vectors\.faiss"):
        rollback(indexes)
    assert current_version(indexes) == versions[3]


def test_removing_waits_for_an_activation_that_has_begun(indexes, versions):
    with publish._switching(indexes):
        removal = threading.Thread(target=lambda: prune(indexes, keep=1))
        removal.start()
        removal.join(0.2)
        assert list_versions(indexes) == versions
    removal.join()
    assert list_versions(indexes) == versions[3:]
