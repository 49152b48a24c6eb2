"""The result of a part of the evaluation: rows of scores, as Markdown or as JSON."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

Cell = str | float | int | None


@dataclass(frozen=True)
class Table:
    """The result of one part.

    Parameters
    ----------
    key : str
        Names the part on the command line and in JSON.
    title : str
        Its heading; none where it is empty.
    columns : tuple of str
        The first names the row.
    rows : tuple of tuple
        A cell a column; None where there is nothing to say.
    note : str
        The protocol, and what was left out, in a sentence or two.
    """

    key: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""

    def __post_init__(self) -> None:
        if len(set(self.columns)) < len(self.columns):
            raise ValueError(f"The columns of {self.key!r} have equal names: {', '.join(self.columns)}.")
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ValueError(f"A row of {self.key!r} has {len(row)} of {len(self.columns)} cells: {row}.")

    def column(self, name: str) -> dict[str, Cell]:
        """Return one column's cells by the name of their row."""
        position = self.columns.index(name)
        return {str(row[0]): row[position] for row in self.rows}


def _text(cell: Cell) -> str:
    if cell is None:
        return ""
    if isinstance(cell, float):
        return f"{cell:.3f}"
    return f"{cell:,}" if isinstance(cell, int) else cell


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _result(table: Table) -> dict[str, Any]:
    rows = [dict(zip(table.columns, row, strict=True)) for row in table.rows]
    return {"title": table.title, "note": table.note, "rows": rows}


def _grid(table: Table) -> str:
    """Return the columns and rows alone as a Markdown table, numbers with three decimals."""
    rule = ["---", *["---:"] * (len(table.columns) - 1)]
    return "\n".join([_line(table.columns), _line(rule), *(_line([*map(_text, row)]) for row in table.rows)])


def as_markdown(tables: Sequence[Table]) -> str:
    """Return tables in Markdown, each below its heading and above its note."""
    blocks = [
        [f"## {table.title}" if table.title else "", *([_grid(table)] if table.rows else []), table.note]
        for table in tables
    ]
    return "\n\n".join(block for part in blocks for block in part if block)


def as_json(tables: Sequence[Table]) -> str:
    """Return tables as one JSON object, by key, numbers at full precision."""
    return json.dumps({table.key: _result(table) for table in tables}, indent=2)
