"""Names of versions: times in UTC that sort in the order of publication, whatever the store."""

import re
from datetime import UTC, datetime, timedelta

from index.errors import VersionUnknown

_STAMP = "%Y-%m-%dT%H-%M-%SZ"
_PATTERN = re.compile(r"\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ")


def is_version_name(text: str) -> bool:
    """Return whether a text has the form of a version's name."""
    return _PATTERN.fullmatch(text) is not None


def new_version(versions: list[str], *, now: datetime) -> str:
    """Return a name for a new version: the time in UTC, or a second after the newest of `versions` if later.

    So names are unique and sort in the order of publication, even where two builds end in one second or the
    clock has gone back.
    """
    moment = now.astimezone(UTC).replace(microsecond=0, tzinfo=None)
    if versions:
        moment = max(moment, datetime.strptime(versions[-1], _STAMP) + timedelta(seconds=1))
    return moment.strftime(_STAMP)


def listed(versions: list[str]) -> str:
    """Return the published versions in words, for messages."""
    return f"published: {', '.join(versions) or 'none'}"


def require_known(version: str, versions: list[str], *, place: str) -> str:
    """Return `version`; raises `VersionUnknown` unless it is one of those published at `place`."""
    if version not in versions:
        raise VersionUnknown(f"'{place}' holds no version '{version}' ({listed(versions)}).")
    return version


def newest_before(version: str, versions: list[str], *, place: str) -> str:
    """Return the newest version older than `version`; raises `VersionUnknown` where there is none."""
    older = [name for name in versions if name < version]
    if not older:
        newer = [name for name in versions if name > version]
        advice = f" A newer one: python -m index activate {newer[-1]}" if newer else ""
        raise VersionUnknown(
            f"'{place}' holds no version older than '{version}' ({listed(versions)}).{advice}"
        )
    return older[-1]
