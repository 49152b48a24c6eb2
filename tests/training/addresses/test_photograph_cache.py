import os
from hashlib import sha256

import pytest

from training.addresses.download import Validators
from training.addresses.photograph_cache import _COMMIT_EVERY, KEPT_SECONDS, PhotographCache
from training.errors import CacheUnusable

JPEG = b"\xff\xd8\xff" + bytes(997)
PNG = b"\x89PNG\r\n\x1a\n" + bytes(492)
TAGGED = Validators('"7"', "Sat, 21 Nov 2026 02:00:00 GMT")
NIGHT = 1_795_226_400.0  # 2026-11-21T02:00:00Z


class Clock:
    now = NIGHT

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def opened(tmp_path, clock):
    return lambda: PhotographCache(tmp_path / "photographs", clock=clock)


def keep(cache, address, data, validators=TAGGED):
    path = cache.store(data)
    cache.record(address, path, validators)
    return path


def test_a_photograph_is_found_again_by_its_address_and_named_by_its_content(opened):
    with opened() as cache:
        path = keep(cache, "https://a.example/1", JPEG)
        assert path.name == sha256(JPEG).hexdigest() + ".jpg" and path.read_bytes() == JPEG
    with opened() as cache:
        found = cache.find(["https://a.example/1", "https://a.example/2"])
    assert [*found] == ["https://a.example/1"]
    kept = found["https://a.example/1"]
    assert (kept.path, kept.validators, kept.fetched) == (path, TAGGED, "2026-11-21")


def test_addresses_with_the_same_photograph_share_a_file(opened):
    with opened() as cache:
        assert keep(cache, "https://a.example/1", PNG) == keep(cache, "https://b.example/1", PNG)


def test_what_was_recorded_is_there_for_others_before_the_cache_is_closed(opened):
    addresses = [f"https://a.example/{number}" for number in range(2 * _COMMIT_EVERY)]
    with opened() as cache, opened() as other:
        path = cache.store(JPEG)
        for done, address in enumerate(addresses, start=1):
            cache.record(address, path, TAGGED)
            if done % _COMMIT_EVERY == 0:
                assert len(other.find(addresses)) == done


def test_a_file_that_is_gone_or_cut_is_not_found(opened):
    with opened() as cache:
        gone, cut = keep(cache, "gone", JPEG), keep(cache, "cut", PNG)
        gone.unlink()
        os.truncate(cut, 100)
        assert cache.find(["gone", "cut"]) == {}
        assert cache.store(PNG) == cut and cut.read_bytes() == PNG


def test_what_was_not_used_for_longest_goes_first_and_what_was_used_lately_stays(opened, clock):
    with opened() as cache:
        first = keep(cache, "first", JPEG)
        clock.now += 10
        second = keep(cache, "second", PNG)
        clock.now += KEPT_SECONDS + 20
        third = keep(cache, "third", JPEG + b"3")
    for limit, there in ((2501, 3), (2500, 2), (1501, 2), (0, 1)):  # 1000 + 500 + 1001 bytes
        with opened() as cache:
            cache.shrink(limit)
        assert [path.exists() for path in (first, second, third)] == [there == 3, there >= 2, True]
    with opened() as cache:
        assert [*cache.find(["first", "second", "third"])] == ["third"]


def test_being_asked_for_is_being_used(opened, clock):
    with opened() as cache:
        paths = [keep(cache, "first", JPEG), keep(cache, "second", PNG)]
    clock.now += KEPT_SECONDS + 1
    with opened() as cache:
        cache.find(["first"])
        assert cache.shrink(0) == 1
    assert [path.exists() for path in paths] == [True, False]


def test_a_photograph_stays_as_long_as_one_of_its_addresses_is_used(opened, clock):
    with opened() as cache:
        path = keep(cache, "old", JPEG)
        clock.now += KEPT_SECONDS + 1
        keep(cache, "new", JPEG)
        assert cache.shrink(0) == 0
    assert path.exists()


def test_what_a_killed_process_has_left_goes_once_it_is_old(opened, clock):
    with opened() as cache:
        stored, draft = cache.store(JPEG), cache.store(PNG).with_name(".a.draft")
        draft.write_bytes(b"half")
        for path in (stored, draft):
            os.utime(path, (NIGHT, NIGHT))
        clock.now += KEPT_SECONDS
        cache.shrink(10**9)
        assert stored.exists() and draft.exists()
        clock.now += 1
        cache.shrink(10**9)
    assert not stored.exists() and not draft.exists()


def test_nothing_is_removed_while_another_process_holds_the_cache(opened, clock):
    with opened() as other, opened() as cache:
        path = keep(other, "first", JPEG)
        clock.now += KEPT_SECONDS + 1
        assert cache.shrink(0) == 0 and path.exists()


def test_a_damaged_file_of_addresses_is_set_aside(opened, tmp_path, caplog):
    with opened() as cache:
        keep(cache, "first", JPEG)
    rows = tmp_path / "photographs" / "addresses.sqlite"
    rows.write_bytes(b"no database at all" * 100)
    with opened() as cache:
        assert cache.find(["first"]) == {}
        keep(cache, "first", JPEG)
        assert [*cache.find(["first"])] == ["first"]
    assert "is damaged" in caplog.text and rows.with_name("addresses.sqlite.damaged").exists()


def test_a_folder_that_can_t_be_written_is_told(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(CacheUnusable, match=r"Not a directory.*--cache"):
        PhotographCache(tmp_path / "file" / "photographs")
