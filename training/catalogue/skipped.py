"""What had to be skipped, in words: bad items grouped by their reason, for the summary of a command."""

import re
from collections.abc import Iterable
from pathlib import Path

from training.catalogue.reader import BadItem

REASONS_SHOWN = 10
_FIGURES = re.compile(r"\d[\d,.]*|'[^']*'|\"[^\"]*\"|/\S+")


def reasons(bad: Iterable[BadItem]) -> list[tuple[str, int]]:
    """Return an example of each kind of reason with its count, the most frequent first."""
    groups: dict[str, list[str]] = {}
    for item in bad:
        groups.setdefault(_FIGURES.sub("…", item.reason), []).append(item.reason)
    return sorted(((alike[0], len(alike)) for alike in groups.values()), key=lambda group: -group[1])


def summary(bad: Iterable[BadItem], report: Path) -> list[str]:
    """Return the lines that tell what was skipped and where each item's reason stands; none for nothing."""
    groups = reasons(bad)
    lines = [f"  {count:>7,}  {reason}" for reason, count in groups[:REASONS_SHOWN]]
    if len(groups) > REASONS_SHOWN:
        lines.append(f"  and {len(groups) - REASONS_SHOWN} more kinds of reasons")
    return [*lines, f"  Each one with its reason: {report}"] if groups else []
