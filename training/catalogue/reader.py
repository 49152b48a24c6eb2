"""A catalogue: items with an id, an image file and JSON metadata, read from any accepted source."""

import csv
import os
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from importlib import import_module
from itertools import chain
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qsl

import numpy as np

from training.addresses.fetching import Fetching, Meanwhile
from training.catalogue.by_address import NumberedRow, Trouble, is_address, listed, localised
from training.catalogue.downloaded import FOLDER as FEEDS
from training.catalogue.downloaded import download, resolved, shop_of
from training.catalogue.feeds import is_feed, read_feed
from training.catalogue.item_rules import (
    category_in,
    check_photographs,
    checked_id,
    checked_metadata,
    is_unicode,
)
from training.catalogue.packed import suffix_of
from training.catalogue.tables import READERS, REQUIRED, SEPARATOR, BadRow, CatalogueRows, read_table
from training.errors import CacheUnusable, InvalidItem, TooManyBadItems, UnreadableCatalogue
from training.photo import media_types
from training.stored_sequence import StoredSequence

DRAWN = "drawn:"
DRAWN_WORN = "drawn-worn:"
FASHION_MNIST = "fashion-mnist:"
ACCEPTED = (
    "Accepted: a folder of images, a .csv, .jsonl or .parquet file, a shop's feed, the address of a file, "
    "fashion-mnist:FOLDER, drawn:N, drawn:N:SEED or drawn-worn:N, each optionally followed by ?column=value, "
    "an address by #column=value."
)

NOTHING_LEFT = " Check the filter's values, or leave it out."

Filters = dict[str, set[str]]


class _PathOrText:
    """A path that is kept as it was given, and made of its text when it is asked for.

    To make it takes longer than all else of an item, and most that read a catalogue's items need no path.
    """

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = f"_{name}"

    def __get__(self, item: object, owner: type) -> Path:
        if item is None:
            raise AttributeError  # as of a field without a default
        path = vars(item)[self._name]
        if isinstance(path, str):
            path = vars(item)[self._name] = Path(path)
        return path

    def __set__(self, item: object, path: Path | str) -> None:
        vars(item)[self._name] = path


@dataclass(frozen=True)
class Item:
    """What a shop sells: an id, the absolute path of its photograph, metadata, and further photographs.

    The path may be given as the text of one. `content` is the digest of its photographs, in hex, where an
    index knows it.
    """

    item_id: str
    path: _PathOrText = _PathOrText()
    metadata: dict[str, Any] = field(default_factory=dict)
    further: Sequence[Path] = ()
    content: str | None = field(default=None, compare=False, kw_only=True)

    @property
    def photographs(self) -> tuple[Path, ...]:
        """All photographs, the first one first."""
        return (self.path, *self.further)

    @property
    def file_names(self) -> tuple[str, ...]:
        """The paths of all photographs, as text."""
        return (str(vars(self)["_path"]), *map(str, self.further))

    def showing(self, photographs: Sequence[Path]) -> Self:
        """Return the same item with other photographs, at least one."""
        return replace(self, path=photographs[0], further=tuple(photographs[1:]), content=None)

    @property
    def category(self) -> str | None:
        """The metadata's ``category`` as text; None where it is missing or empty."""
        return category_in(self.metadata)


def _packed(item: Item) -> tuple[Any, ...]:
    return item.item_id, item.file_names, item.metadata, item.content


def _unpacked(packed: tuple[Any, ...]) -> Item:
    item_id, (path, *further), metadata, content = packed
    return Item(item_id, path, metadata, tuple(map(Path, further)), content=content)


def stored_items(items: Iterable[Item], folder: Path | None) -> Sequence[Item]:
    """Return items that lie in a file on the disk of `folder`, or on that of temporary files."""
    return StoredSequence(items, folder, pack=_packed, unpack=_unpacked)


def count_photographs(items: Iterable[Item]) -> int:
    """Return how many photographs items have together."""
    return sum(1 + len(item.further) for item in items)


@dataclass(frozen=True)
class BadItem:
    """An item, or one photograph of it, that can't be used, and the reason."""

    item_id: str
    path: str
    reason: str


@dataclass(frozen=True)
class Catalogue:
    """The items of a catalogue in their order, and those that can't be used.

    `root` is its folder, links in it not followed: that of its pictures or file, or the cache of a virtual
    one. Items may name pictures elsewhere. None where a program has made the items.

    Photographs by address lie below `fetched`, and `addresses` has the address of each file. `outdated` are
    items whose address could not be fetched, so that an earlier photograph of it is used.

    The items that were read lie in a file on the disk of `scratch`, or on that of temporary files.
    """

    source: str
    items: Sequence[Item]
    bad: tuple[BadItem, ...]
    root: Path | None = None
    fetched: Path | None = None
    addresses: Mapping[str, str] = field(default_factory=dict, repr=False)
    outdated: tuple[BadItem, ...] = ()
    scratch: Path | None = None

    def listed(self, ids: Collection[str]) -> set[str]:
        """Return those of some ids that items have, bad ones included."""
        if not ids:
            return set()
        every: Iterable[Item | BadItem] = chain(self.items, self.bad)
        return {item.item_id for item in every if item.item_id in ids}

    def by_address(self, bad: Iterable[BadItem]) -> tuple[BadItem, ...]:
        """Return items that can't be used, with the addresses of their photographs in place of files."""
        return tuple(replace(item, path=self.addresses.get(item.path, item.path)) for item in bad)


def split_spec(spec: str) -> tuple[str, Filters]:
    """Split a spec into its source and its filters; an address and an existing path may contain a '?'."""
    if is_address(spec):
        address, _, query = spec.partition("#")
        return address, _filters(query, spec)
    marks = [at for at, sign in enumerate(spec) if sign == "?"]
    for end in [len(spec), *reversed(marks)]:
        place = spec[:end].removeprefix(FASHION_MNIST)
        if place and os.path.exists(place):
            return spec[:end], _filters(spec[end + 1 :], spec)
    base, _, query = spec.partition("?")
    return base, _filters(query, spec)


def _filters(query: str, spec: str) -> Filters:
    try:
        pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query))
    except ValueError as error:
        raise UnreadableCatalogue(
            f"The filter {query!r} of {spec} is not valid. Write ?column=value, several joined with &."
        ) from error
    filters: Filters = {}
    for column, value in pairs:
        filters.setdefault(column, set()).add(value)
    return filters


def _folder_row(folder: str, path: str, suffixes: tuple[str, ...], *, group: bool) -> dict[str, Any]:
    place = path[len(folder) :].strip(os.sep)
    parent, (stem, suffix) = os.path.dirname(place), os.path.splitext(place)
    if group and parent:
        place = parent
    elif suffix.lower() in suffixes:
        place = stem
    row = {"item_id": place, "path": path}
    *outer, category = place.split(os.sep)[:-1] or [""]
    if category:
        row["category"] = category
    if outer:
        row["split"] = "/".join(outer)
    return row


def visible(names: Iterable[str]) -> list[str]:
    """Return names in order, without those that begin with a dot."""
    return sorted(name for name in names if not name.startswith("."))


def _read_folder(folder: Path, *, group: bool) -> CatalogueRows:
    bad: list[BadRow] = []

    def unreadable(error: OSError) -> None:
        bad.append(BadRow(str(error.filename), f"folder could not be read: {error.strerror}"))

    paths, suffixes = [], media_types.suffixes()
    for parent, folders, files in os.walk(folder, onerror=unreadable):
        folders[:] = visible(folders)
        for name in visible(files):
            path = os.path.join(parent, name)
            is_image = name.lower().endswith(suffixes)
            head = b"" if is_image else _head(path)
            if is_image or media_types.detect(head):
                paths.append(path)
            elif kind := media_types.other_picture(head, name):
                bad.append(BadRow(path, f"{kind} is not supported; supported: {media_types.names()}"))
    if not paths and not bad:
        raise UnreadableCatalogue(f"No images ({' '.join(suffixes)}) below {folder}. {ACCEPTED}")
    rows = (_folder_row(str(folder), path, suffixes, group=group) for path in sorted(paths))
    return CatalogueRows(rows, bad)


def _head(path: str) -> bytes:
    """Return the start of a file; nothing where it is none, such as a pipe that would be waited for."""
    try:
        if os.path.isfile(path):
            with open(path, "rb") as file:
                return file.read(media_types.HEAD)
    except OSError:
        pass
    return b""


def _read_drawn(base: str, cache: Path) -> CatalogueRows:
    from training.catalogue import drawn

    kind, _, numbers = base.partition(":")
    count, _, seed = numbers.partition(":")
    if not (count.isascii() and count.isdigit() and int(count)) or not (seed or "0").isdigit():
        raise UnreadableCatalogue(
            f"{base!r} gives no number of garments. Write {kind}:500 or {kind}:500:SEED."
        )
    worn = base.startswith(DRAWN_WORN)
    if worn:
        try:
            import_module("cv2")
        except ModuleNotFoundError as error:
            raise UnreadableCatalogue(
                f"{base!r} needs OpenCV, which is not installed. Run pip install -r requirements.txt, or "
                f"name {base.replace(DRAWN_WORN, DRAWN)!r}, the same garments laid out."
            ) from error
    return CatalogueRows(drawn.rows(int(count), seed=int(seed or 0), cache=cache, worn=worn), [])


def _read_fashion_mnist(base: str, cache: Path) -> CatalogueRows:
    from training.catalogue import fashion_mnist

    return CatalogueRows(fashion_mnist.rows(Path(base.removeprefix(FASHION_MNIST)), cache=cache), [])


def _read_files(paths: Sequence[Path], *, group: bool | None, shop: str = "") -> CatalogueRows:
    """Read a table or a feed; the pages of one are several files."""
    if is_feed(paths[0]):
        return read_feed(*paths, variants=group is False, shop=shop)
    if suffix_of(paths[0]) not in READERS:
        raise UnreadableCatalogue(f"{str(paths[0])!r} is not a catalogue file. {ACCEPTED}")
    return read_table(paths[0])


def _read_base(base: str, cache: Path, *, group: bool | None, fetching: Fetching) -> CatalogueRows:
    if is_address(base):
        files = download(base, cache=cache, fetching=fetching)
        return resolved(lambda: _read_files(files, group=group, shop=shop_of(base)), base)
    if base.startswith((DRAWN, DRAWN_WORN)):
        return _read_drawn(base, cache)
    if base.startswith(FASHION_MNIST):
        return _read_fashion_mnist(base, cache)
    path = Path(base)
    if path.is_dir():
        return _read_folder(path.absolute(), group=bool(group))
    if not path.is_file():
        raise UnreadableCatalogue(f"There is no catalogue at {base!r}. {ACCEPTED}")
    return _read_files([path], group=group)


def _root(base: str, cache: Path) -> Path:
    if base.startswith((DRAWN, DRAWN_WORN, FASHION_MNIST)):
        return cache.absolute()
    if is_address(base):
        return (cache / FEEDS).absolute()
    path = Path(base).absolute()
    return path if path.is_dir() else path.parent


def _matches(value: Any, wanted: set[str]) -> bool:
    """Compare as text: None is '', booleans are 'true' and 'false', a whole float may omit '.0'.

    Of a list, each value is compared.
    """
    if value is None:
        return "" in wanted
    if isinstance(value, list):
        return any(_matches(each, wanted) for each in value)
    if isinstance(value, bool):
        return str(value).lower() in wanted
    if isinstance(value, float) and value.is_integer() and str(int(value)) in wanted:
        return True
    return str(value) in wanted


def _grouped(rows: Iterable[NumberedRow]) -> list[NumberedRow]:
    """Make one row of those with the same id: the values of the first, with the photographs of all."""
    groups: dict[int | str, NumberedRow] = {}
    for number, row in rows:
        _, first = groups.setdefault(_text(row.get("item_id")) or number, (number, {**row, "path": []}))
        first["path"] += listed(row.get("path"))
    return [*groups.values()]


def _filter(rows: Iterable[NumberedRow], filters: Filters, spec: str) -> Iterator[NumberedRow]:
    """Yield each row that passes every filter; raise an error at the end where one names no column."""
    columns: dict[str, None] = {}
    for number, row in rows:
        columns.update(dict.fromkeys(row) if filters else {})
        if all(_matches(row.get(column), wanted) for column, wanted in filters.items()):
            yield number, row
    for column in filters:
        if column not in columns:
            known = ", ".join(columns) or "none"
            raise UnreadableCatalogue(
                f"{spec} filters by {column!r}, which is not a column. The columns are: {known}."
            )


def _text(value: Any) -> str:
    """Return an id or path as text; integers are accepted, also as floats, as which pandas writes them."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return value if isinstance(value, str) else str(value) if is_number else ""


def _paths(value: Any) -> list[str]:
    """Return the paths that a row names, each once; raises `InvalidItem` for what is none."""
    paths = [_text(each) for each in listed(value) if each not in (None, "")]
    if not all(paths):
        raise InvalidItem("no path: a path is a text, and several are a list of texts")
    return list(dict.fromkeys(paths))


def _repeated(rows: Iterable[NumberedRow]) -> set[int]:
    """Return the hashes of the ids that several rows have."""
    hashes = np.sort(np.fromiter((hash(_text(row.get("item_id"))) for _, row in rows), np.int64))
    return set(hashes[1:][hashes[1:] == hashes[:-1]].tolist())


def _check_row(item_id: str, paths: Sequence[str], seen: set[str]) -> None:
    """Raise `InvalidItem` for an item without an id or a path, and for the second one of an id."""
    if not item_id:
        raise InvalidItem("no item_id")
    if not paths:
        raise InvalidItem("no path")
    if not (is_unicode(item_id) and all(map(is_unicode, paths))):
        raise InvalidItem("the id or the file name is not valid Unicode; rename it")
    if item_id in seen:
        raise InvalidItem("duplicate item_id; the first one is used")
    check_photographs(len(paths))


def _missing(item_id: str, paths: Sequence[str], folder: Path) -> list[BadItem]:
    full = [(path, os.path.join(folder, path)) for path in paths]
    return [
        BadItem(item_id, path, f"file not found: {file}")
        for path, file in full
        if "\0" in file or not os.path.isfile(file)
    ]


def _metadata(row: dict[str, Any]) -> dict[str, Any]:
    return checked_metadata({name: value for name, value in row.items() if name not in REQUIRED})


def _usable(rows: Sequence[NumberedRow], folder: Path, bad: list[BadItem]) -> Iterator[Item]:
    """Yield the items of rows, and put what can't be used among the bad; relative paths start at `folder`.

    An item stays as long as one of its photographs is there.
    """
    repeated, seen = _repeated(rows), set[str]()
    for number, row in rows:
        item_id, paths = _text(row.get("item_id")), []
        try:
            paths = _paths(row.get("path"))
            _check_row(item_id, paths, seen)
            missing = _missing(item_id, paths, folder)
            gone = {photograph.path for photograph in missing}
            there = [Path(folder, path) for path in paths if path not in gone]
            if there:
                yield Item(checked_id(item_id), there[0], _metadata(row), tuple(there[1:]))
                if hash(item_id) in repeated:
                    seen.add(item_id)
            bad += missing
        except InvalidItem as problem:
            place = "" if item_id else f" in row {number}"
            bad.append(BadItem(item_id, SEPARATOR.join(paths), f"{problem}{place}"))


def _troubled(troubles: Iterable[Trouble]) -> tuple[BadItem, ...]:
    return tuple(BadItem(_text(each.row.get("item_id")), each.address, each.reason) for each in troubles)


@contextmanager
def _keeping(cache: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise CacheUnusable(
            f"The catalogue can't be kept in a file while it is worked on ({error.strerror}). Make room on "
            f"the disk of '{cache}'."
        ) from error


def read_catalogue(
    spec: str,
    *,
    cache: Path = Path("cache"),
    group: bool | None = None,
    fetching: Fetching | None = None,
    meanwhile: Meanwhile | None = None,
) -> Catalogue:
    """Read a catalogue from any accepted source.

    Parameters
    ----------
    spec : str
        A folder of images (a file's folder is its category), a ``.csv``, ``.jsonl`` or ``.parquet`` file
        with ``item_id`` and ``path`` (relative to that file, or an address; one or several), a shop's feed
        (`feeds.products` lists the formats), ``fashion-mnist:FOLDER``, ``drawn:N[:SEED]`` or
        ``drawn-worn:N[:SEED]``. A following ``?column=value[&column=value]`` keeps the rows where every named
        column has that value as text; a column named twice may have either value. A file may be at an address
        over http or https, or in an object store; its filters follow a ``#``.
    cache : Path
        Folder below which the pictures of virtual catalogues (the last three) are written once, and what was
        fetched is kept.
    group : bool or None
        Take rows with the same id for one item, whose further photographs they name, and each folder of a
        folder of images for an item. Else an id that comes twice is reported. The variants of a product in a
        feed are one item unless this is False.
    fetching : Fetching, optional
        How addresses are fetched.
    meanwhile : Meanwhile, optional
        What is done meanwhile with those photographs that have come.

    Returns
    -------
    Catalogue
        Items in the catalogue's order, with the photographs whose files exist; the others with their reasons.

    Raises
    ------
    UnreadableCatalogue
        It doesn't exist, its format is unknown, a filter names an unknown column, or no item is left.
    CacheUnusable, NotInstalled
        It or photographs by address can't be kept, or these need a package that is not there.
    """
    base, filters = split_spec(spec)
    fetching = fetching or Fetching()
    table = _read_base(base, cache, group=group, fetching=fetching)
    numbered = enumerate(table.rows, start=1)
    with _keeping(cache):
        rows = StoredSequence(_filter(_grouped(numbered) if group else numbered, filters, spec), cache)
    folder = Path(base).absolute().parent
    local = localised(rows, folder=folder, cache=cache, fetching=fetching, meanwhile=meanwhile)
    unusable: list[BadItem] = []
    with _keeping(cache):
        items = stored_items(_usable(local.rows, folder, unusable), cache)
    bad = [*(BadItem("", row.place, row.reason) for row in table.bad), *_troubled(local.missing), *unusable]
    if not items:
        first = f" The first problem: {bad[0].path} {bad[0].reason}." if bad else ""
        raise UnreadableCatalogue(f"No item of {spec} can be used.{first}{NOTHING_LEFT if filters else ''}")
    return Catalogue(
        spec,
        items,
        tuple(bad),
        root=_root(base, cache),
        fetched=local.folder,
        addresses=local.addresses,
        outdated=_troubled(local.outdated),
        scratch=cache,
    )


def write_report(path: Path, bad: Iterable[BadItem]) -> None:
    """Write the bad items as a CSV file with the columns item_id, path and reason; folders are created."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("item_id", "path", "reason"))
        writer.writerows((item.item_id, item.path, item.reason) for item in bad)


def check_bad_share(bad: int, total: int, *, max_bad: float) -> None:
    """Raise `TooManyBadItems` where more than the share `max_bad` of all photographs is bad.

    Parameters
    ----------
    bad : int
        Lines of the report: photographs, and items that can't be used whatever their photographs.
    total : int
        These, and the photographs that are used.
    max_bad : float
    """
    if total and bad / total > max_bad:
        raise TooManyBadItems(
            f"{bad:,} of {total:,} photographs ({bad / total:.1%}) can't be used; at most {max_bad:.1%} may "
            "be bad. Fix them (the report gives the reason for each) or raise --max-bad."
        )


REASONS_SHOWN = 10
_VARIABLE_PARTS = re.compile(r"\d[\d,.]*|'[^']*'|\"[^\"]*\"|/\S+")


def reasons(bad: Iterable[BadItem]) -> list[tuple[str, int]]:
    """Return an example of each group of similar reasons with its count, the most frequent first."""
    groups: dict[str, list[str]] = {}
    for item in bad:
        groups.setdefault(_VARIABLE_PARTS.sub("…", item.reason), []).append(item.reason)
    return sorted(((alike[0], len(alike)) for alike in groups.values()), key=lambda group: -group[1])


def summary(bad: Iterable[BadItem], report: Path) -> list[str]:
    """Return lines that summarise the reasons and name the full report; none where nothing was skipped."""
    groups = reasons(bad)
    lines = [f"  {count:>7,}  {reason}" for reason, count in groups[:REASONS_SHOWN]]
    if len(groups) > REASONS_SHOWN:
        lines.append(f"  and {len(groups) - REASONS_SHOWN} more reasons")
    return [*lines, f"  All items with their reasons: {report}"] if groups else []
