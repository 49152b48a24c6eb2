"""Summary of skipped items for a command's output: bad items grouped by their reason."""

import re
from collections.abc import Iterable
from pathlib import Path

from training.catalogue.reader import BadItem

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
