import pytest

from index.errors import VersionUnknown
from index.stores.version_names import is_version_name, newest_before

OLD, MIDDLE, NEW = (f"2026-11-{day}T02-00-00Z" for day in (20, 21, 22))


def test_the_newest_of_the_older_versions_is_the_one_before():
    assert newest_before(NEW, [OLD, MIDDLE, NEW], place="indexes") == MIDDLE
    assert newest_before(MIDDLE, [OLD, NEW], place="indexes") == OLD  # it works where it is gone itself


def test_where_only_newer_versions_are_left_the_newest_is_named():
    with pytest.raises(VersionUnknown, match=rf"no version older than .*python -m index activate {NEW}"):
        newest_before(OLD, [MIDDLE, NEW], place="indexes")


def test_where_there_is_no_other_none_is_named():
    with pytest.raises(VersionUnknown, match=r"published: none\)\.$"):
        newest_before(OLD, [], place="indexes")


@pytest.mark.parametrize("text", ["", "current", "2026-11-20", f"{OLD}x", f"x{OLD}", "2026-11-20T02-00-00z"])
def test_what_is_not_a_time_is_no_version(text):
    assert is_version_name(OLD) and not is_version_name(text)
