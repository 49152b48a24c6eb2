"""Rows whose photographs lie at addresses: each is fetched, and its place taken by that of the file."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from training.addresses.fetching import Fetched, Fetching, Meanwhile, fetch_all
from training.addresses.photograph_cache import FOLDER
from training.catalogue.item_rules import category_in, is_unicode

NumberedRow = tuple[int, dict[str, Any]]
"""The number of a row, from 1, and its values."""

_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")


@dataclass(frozen=True)
class Trouble:
    """An address that could not be fetched, the row that it stands in, and the reason."""

    row: dict[str, Any]
    address: str
    reason: str


@dataclass(frozen=True)
class LocalRows:
    """Rows whose photographs are files.

    Parameters
    ----------
    rows : sequence of (int, dict)
        Without those of which no photograph could be had.
    missing, outdated : list of Trouble
        Addresses that have never been fetched, and those whose last photograph stands in for the present one.
    addresses : dict
        The address of each file.
    folder : Path or None
        Below which these lie; None where there is none.
    """

    rows: Sequence[NumberedRow]
    missing: list[Trouble] = field(default_factory=list)
    outdated: list[Trouble] = field(default_factory=list)
    addresses: dict[str, str] = field(default_factory=dict)
    folder: Path | None = None


def is_address(path: Any) -> bool:
    """Return whether a path is an address, such as https://shop.example/1.jpg, and not that of a file."""
    return isinstance(path, str) and _ADDRESS.match(path) is not None and is_unicode(path)


def listed(value: Any) -> list[Any]:
    """Return the values of a field that holds one or a list of them."""
    return value if isinstance(value, list) else [value]


def _local(paths: Sequence[Any], found: dict[str, Fetched]) -> list[Any]:
    """Return paths with files in place of addresses; what could not be fetched is left out."""
    places = [found[path].path if is_address(path) else path for path in paths]
    return [str(place) if isinstance(place, Path) else place for place in places if place is not None]


def _offer_files(rows: Sequence[NumberedRow], folder: Path, meanwhile: Meanwhile) -> None:
    for _, row in rows:
        for path in listed(row.get("path")):
            if isinstance(path, str) and path and not is_address(path):
                meanwhile.offer(folder / path, category_in(row))


def localised(
    rows: Sequence[NumberedRow],
    *,
    folder: Path,
    cache: Path,
    fetching: Fetching,
    meanwhile: Meanwhile | None = None,
) -> LocalRows:
    """Fetch the photographs of rows whose `path` is an address, or a list with addresses.

    Parameters
    ----------
    rows : sequence of (int, dict)
    folder : Path
        At which relative paths start.
    cache : Path
        Folder below which photographs are kept.
    fetching : Fetching
    meanwhile : Meanwhile, optional
        It is offered the files of the rows, too, before all that is fetched.

    Raises
    ------
    CacheUnusable, NotInstalled
    """
    addresses: dict[str, str | None] = {}
    for _, row in rows:
        for path in filter(is_address, listed(row.get("path"))):
            addresses.setdefault(path, category_in(row))
    if not addresses:
        return LocalRows(rows)
    if meanwhile is not None:
        _offer_files(rows, folder, meanwhile)
    found = fetch_all(addresses, cache=cache, settings=fetching, meanwhile=meanwhile)
    files = {str(each.path): address for address, each in found.items() if each.path}
    kept: list[NumberedRow] = []
    local = LocalRows(kept, addresses=files, folder=(cache / FOLDER).absolute())
    for number, row in rows:
        paths = listed(row.get("path"))
        asked = [(path, found[path]) for path in paths if is_address(path)]
        for address, fetched in asked:
            if fetched.problem:
                kind = local.missing if fetched.path is None else local.outdated
                kind.append(Trouble(row, address, fetched.problem))
        if not asked:
            kept.append((number, row))
        elif places := _local(paths, found):
            kept.append((number, {**row, "path": places if len(places) > 1 else places[0]}))
    return local
