"""The rows of a catalogue file (CSV, JSON Lines or Parquet), each a dict of JSON-able Python values."""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from training.catalogue.json_text import parse_json
from training.catalogue.packed import open_plain, open_text, suffix_of
from training.errors import UnreadableCatalogue

REQUIRED = ("item_id", "path")
TEXT_COLUMNS = ("item_id", "path", "category")  # never turned into numbers, so that 007 stays 007
NEEDED = "A catalogue needs the columns item_id and path; all others are kept as metadata."
SEPARATOR = "|"
"""Between several paths in a cell of a CSV file."""

BLOCK = 4 * 2**20
"""Bytes of CSV that are read at a time, and at least looked at to infer the columns' types."""

_LARGEST_BLOCK = 2**31 - 1

NOT_UTF8 = "{path} is not UTF-8 text. Save it as UTF-8 and retry."


Row = dict[str, Any]


@dataclass(frozen=True)
class BadRow:
    """A row that could not be read: its place in the file, and the reason."""

    place: str
    reason: str


@dataclass(frozen=True)
class CatalogueRows:
    """The rows that can be read, in order, each read when it is asked for; `bad` grows meanwhile."""

    rows: Iterable[Row]
    bad: list[BadRow]


def _json_value(value: Any) -> Any:
    """Convert a cell to a JSON value; numbers that are not finite become None."""
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float | Decimal):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, date | time):  # a datetime is a date too
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, dict):
        return {str(key): _json_value(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_json_value(inner) for inner in value]
    return str(value)


def _other_separator(columns: list[str]) -> str:
    found = {";": "semicolons", "\t": "tabs"}
    names = [name for sign, name in found.items() if len(columns) == 1 and sign in columns[0]]
    return f" It has {names[0]} between its columns: save it with commas." if names else ""


def _check_columns(path: Path, columns: list[str]) -> None:
    missing = [name for name in REQUIRED if name not in columns]
    if missing:
        raise UnreadableCatalogue(
            f"{path} has no column {' and no column '.join(missing)}; it has: {', '.join(columns)}. {NEEDED}"
            f"{_other_separator(columns)}"
        )
    repeated = [name for name, count in Counter(columns).items() if count > 1]
    if repeated:
        raise UnreadableCatalogue(
            f"{path} has the column {repeated[0]!r} more than once. Rename one of them."
        )


def _rows(columns: dict[str, list[Any]]) -> Iterator[Row]:
    names = list(columns)
    for cells in zip(*columns.values(), strict=True):
        yield {name: _json_value(cell) for name, cell in zip(names, cells, strict=True)}


def _paths(cell: str | None) -> str | list[str] | None:
    """Return the path in a cell of CSV, or a list of several."""
    return [part.strip() for part in cell.split(SEPARATOR)] if cell and SEPARATOR in cell else cell


@contextmanager
def _opened_csv(path: Path, block: int, bad: list[BadRow]) -> Iterator[Any]:
    """Open a CSV file as batches; the columns' types are those of the first `block` bytes."""
    import pyarrow as pa
    from pyarrow import csv

    def skip(row: csv.InvalidRow) -> str:
        reason = f"{row.actual_columns} cells where the header has {row.expected_columns}"
        bad.append(BadRow(f"{path} line {row.number}", f"malformed row, {reason}: {row.text[:80]!r}"))
        return "skip"

    with (
        open_plain(path) as file,
        csv.open_csv(
            file,
            # row numbers are known in order only
            read_options=csv.ReadOptions(use_threads=False, block_size=block),
            parse_options=csv.ParseOptions(newlines_in_values=True, invalid_row_handler=skip),
            convert_options=csv.ConvertOptions(column_types=dict.fromkeys(TEXT_COLUMNS, pa.string())),
        ) as batches,
    ):
        yield batches


def _fitting_block(path: Path) -> int:
    """Return a number of bytes at the beginning that tell the types of all cells."""
    import pyarrow as pa

    block, seen = BLOCK, 0
    while True:
        try:
            with _opened_csv(path, block, []) as batches:
                _check_columns(path, batches.schema.names)
                for _ in batches:
                    seen += 1
            return block
        except pa.ArrowInvalid:
            if not seen or block == _LARGEST_BLOCK:
                raise
            block, seen = min(8 * block, _LARGEST_BLOCK), 0


def _read_csv(path: Path, bad: list[BadRow]) -> Iterator[Row]:
    import pyarrow as pa

    with _opened_csv(path, _fitting_block(path), bad) as batches:
        if any(pa.types.is_binary(column) for column in batches.schema.types):
            raise UnreadableCatalogue(NOT_UTF8.format(path=path))
        for batch in batches:
            columns = {name: batch[name].to_pylist() for name in batch.schema.names}
            columns["path"] = [*map(_paths, columns["path"])]
            yield from _rows(columns)


def _json_row(line: str) -> Row:
    values = parse_json(line)
    if not isinstance(values, dict):
        raise ValueError("not a JSON object")
    return {name: _json_value(value) for name, value in values.items()}


def _read_json_lines(path: Path, bad: list[BadRow]) -> Iterator[Row]:
    columns: dict[str, None] = {}
    with open_text(path, encoding="utf-8-sig") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                row = _json_row(line)
            except (ValueError, RecursionError) as error:
                bad.append(BadRow(f"{path} line {number}", f"not a JSON object: {error}"))
                continue
            columns.update(dict.fromkeys(row))
            yield row
    if columns:
        _check_columns(path, list(columns))


def _read_parquet(path: Path, bad: list[BadRow]) -> Iterator[Row]:
    import pyarrow as pa
    from pyarrow import parquet

    with parquet.ParquetFile(path) as file:
        schema = file.schema_arrow
        _check_columns(path, schema.names)
        kept = [field.name for field in schema if not _is_bytes(field.type)]
        for batch in file.iter_batches(columns=kept):
            batch = pa.Table.from_batches([batch])
            yield from _rows({name: _cells(batch[name]) for name in kept})


def _is_bytes(column_type: Any) -> bool:
    import pyarrow as pa

    return bool(
        pa.types.is_binary(column_type)
        or pa.types.is_large_binary(column_type)
        or pa.types.is_fixed_size_binary(column_type)
    )


def _cells(column: Any) -> list[Any]:
    """Return a column's cells; timestamps are truncated to microseconds, as Python's datetime has no more."""
    import pyarrow as pa

    if pa.types.is_timestamp(column.type) and column.type.unit == "ns":
        column = column.cast(pa.timestamp("us", column.type.tz), safe=False)
    cells: list[Any] = column.to_pylist()
    return cells


READERS: dict[str, Callable[[Path, list[BadRow]], Iterator[Row]]] = {
    ".csv": _read_csv,
    ".jsonl": _read_json_lines,
    ".ndjson": _read_json_lines,
    ".parquet": _read_parquet,
}


def _read(path: Path, bad: list[BadRow]) -> Iterator[Row]:
    try:
        if path.stat().st_size == 0:
            raise UnreadableCatalogue(f"{path} is empty. {NEEDED}")
        yield from READERS[suffix_of(path)](path, bad)
    except (OSError, ValueError, NotImplementedError) as error:  # pyarrow's errors are ValueErrors too
        if isinstance(error, UnicodeDecodeError) or "invalid UTF8" in str(error):
            raise UnreadableCatalogue(NOT_UTF8.format(path=path)) from error
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UnreadableCatalogue(f"{path} could not be read: {reason}. {NEEDED}") from error


def read_table(path: Path) -> CatalogueRows:
    """Return the rows of a catalogue file; its suffix names the format.

    Parameters
    ----------
    path : Path
        A ``.csv``, ``.jsonl``, ``.ndjson`` or ``.parquet`` file; the former may be packed, such as
        ``.csv.gz``. CSV has a header, commas and UTF-8;
        its types are inferred, except that ids, paths and categories stay text. Parquet columns
        of bytes are left out.

    Returns
    -------
    CatalogueRows
        Rows as dicts; dates as ISO strings, decimals as floats, NaN and infinity as None.
        Malformed CSV rows and JSON lines are among the bad ones.

    Raises
    ------
    UnreadableCatalogue
        As rows are read: the file is empty, not of its format, not UTF-8, or lacks ``item_id`` or ``path``.
    """
    bad: list[BadRow] = []
    return CatalogueRows(_read(path, bad), bad)
