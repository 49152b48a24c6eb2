"""Notes of builds: how each ended, how long its steps took and what it changed.

A note is a JSON file of its own in `builds/`, beside `last-gate.json`. A build holds the lock of its note, so
that one that was killed is told from one that runs.
"""

import csv
import fcntl
import json
import logging
import os
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any, Literal

from index.comparison import LISTED
from index.errors import BuildUnknown
from index.gate.checks import LAST_GATE
from index.stores.store import LAST_REPORT
from training.catalogue.reader import BadItem
from training.errors import SilhouetteError
from training.files import write_atomically

if TYPE_CHECKING:  # the service reads notes, and builds nothing
    from index.build import Built

BUILDS = "builds"
KEPT = 60
"""Notes that are kept; the oldest go first."""

_NAME = re.compile(r"\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d-\d{6}Z")
_TICK_SECONDS = 0.02  # by which the time of a file may lag behind the clock
_YOUNG_SECONDS = 2.0  # for which a note may not be locked yet, or just have been replaced
_KILLED = "It ended without a result: its process was killed."

Outcome = Literal["running", "published", "refused", "interrupted"]

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class BuildNote:
    """What is noted of a build.

    Parameters
    ----------
    name : str
        When it began, as in the name of its file.
    begun : str
        The same (UTC, ISO 8601).
    catalogue, encoder : str
        The catalogue as it was named, and the folder of the encoder's bundle.
    outcome : str
        "running" until its end; "interrupted" where it was ended or killed.
    took : float
        Seconds from its begin to its end; 0 where it was killed.
    problem : str
        Why nothing was published.
    version, since : str or None
        What was published, and the version that was in use before.
    seconds : dict
        How long each step took; known of what was published.
    counts : dict
        How many items it has, how many are new, changed, removed, skipped and cached.
    figures : dict
        What the gate has measured.
    failures : tuple of str
        A line for each check that failed.
    new, changed, removed : tuple of str
        The ids of the first items of each.
    skipped : tuple of BadItem
        The first items that were skipped, or whose earlier photograph is used, with the reason.
    golden : tuple of dict
        The golden queries that were asked, as `index.gate.golden.GoldenAnswer.fields` has them.
    """

    name: str
    begun: str
    catalogue: str
    encoder: str
    outcome: Outcome = "running"
    took: float = 0.0
    problem: str = ""
    version: str | None = None
    since: str | None = None
    seconds: dict[str, float] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    figures: dict[str, float] = field(default_factory=dict)
    failures: tuple[str, ...] = ()
    new: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    skipped: tuple[BadItem, ...] = ()
    golden: tuple[dict[str, Any], ...] = ()


def _published(note: BuildNote, built: "Built", encoder: Path) -> BuildNote:
    difference, manifest = built.difference, built.manifest
    counts = {"items": manifest.items, "skipped": manifest.bad, "cached": built.cached, **difference.counts}
    return replace(
        note,
        outcome="published",
        version=manifest.version,
        since=difference.since,
        encoder=str(encoder.absolute()),
        seconds=built.seconds,
        counts=counts,
        new=difference.first["new"],
        changed=difference.first["changed"],
        removed=difference.first["removed"],
    )


def _written_since(path: Path, begun: float) -> bool:
    try:
        return path.stat().st_mtime >= begun - _TICK_SECONDS
    except OSError:
        return False


def _skipped(indexes: Path, begun: float) -> tuple[BadItem, ...]:
    """Return the first lines of the report, where this build has written it."""
    if not _written_since(indexes / LAST_REPORT, begun):
        return ()
    with suppress(OSError, ValueError, TypeError, csv.Error):
        with (indexes / LAST_REPORT).open(encoding="utf-8", newline="") as file:
            return tuple(BadItem(**row) for row in islice(csv.DictReader(file), LISTED))
    return ()


def _verdict(indexes: Path, begun: float) -> dict[str, Any]:
    """Return the verdict of the gate, where this build has come to one."""
    if not _written_since(indexes / LAST_GATE, begun):
        return {}
    found = json.loads((indexes / LAST_GATE).read_text("utf-8"))
    return {name: found[name] for name in ("figures", "failures", "golden")}


class BuildInProgress:
    """The note of a build that runs."""

    def __init__(self, indexes: Path, note: BuildNote) -> None:
        self._indexes = indexes
        self._began, self._begun_at = perf_counter(), time.time()
        self.note = note

    def published(self, built: "Built", encoder: Path) -> None:
        """Note what was published, and the bundle of the encoder that it was built with."""
        self.note = _published(self.note, built, encoder)

    def ended(self, outcome: Outcome, problem: str) -> None:
        """Note how a build ended that published nothing."""
        self.note = replace(self.note, outcome=outcome, problem=problem)

    def write(self) -> None:
        """Write the note; what can't be written is logged, for no build fails by that."""
        try:
            found = _verdict(self._indexes, self._begun_at)
            skipped = _skipped(self._indexes, self._begun_at)
            took = round(perf_counter() - self._began, 3)
            note = replace(self.note, took=took, skipped=skipped, **found)
            folder = self._indexes / BUILDS
            folder.mkdir(parents=True, exist_ok=True)
            text = json.dumps(asdict(note), indent=1) + "\n"
            write_atomically(folder / f"{note.name}.json", text.encode())
            for name in _names(self._indexes)[KEPT:]:
                (folder / f"{name}.json").unlink(missing_ok=True)
        except (OSError, ValueError, KeyError) as error:
            _log.warning("This build can't be noted in '%s': %s", self._indexes / BUILDS, error)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold the lock of a note, if there is one; the system releases it even where the process is killed."""
    with ExitStack() as files:
        with suppress(OSError):
            fcntl.flock(files.enter_context(path.open("r+")), fcntl.LOCK_EX)
        yield


def _is_abandoned(path: Path) -> bool:
    """Whether no build holds the lock of a note that is not quite new."""
    with path.open() as file:
        if time.time() - os.fstat(file.fileno()).st_mtime < _YOUNG_SECONDS:
            return False
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return False
    return True


@contextmanager
def noting(indexes: Path, *, catalogue: str, encoder: Path) -> Iterator[BuildInProgress]:
    """Note a build: that it runs, and at the end of the block how it ended."""
    now = datetime.now(UTC)
    name = f"{now:%Y-%m-%dT%H-%M-%S-%fZ}"
    begun = now.isoformat(timespec="seconds")
    build = BuildInProgress(indexes, BuildNote(name, begun, catalogue, str(encoder.absolute())))
    build.write()
    with _locked(indexes / BUILDS / f"{name}.json"):
        try:
            yield build
        except SilhouetteError as error:
            build.ended("refused", str(error))
            raise
        except BaseException as error:
            build.ended("interrupted", f"It was ended by {type(error).__name__}.")
            raise
        finally:
            build.write()


def _names(indexes: Path) -> list[str]:
    """Return the names of all notes, newest first."""
    found = (path.stem for path in (indexes / BUILDS).glob("*.json"))
    return sorted(filter(_NAME.fullmatch, found), reverse=True)


def _read(indexes: Path, name: str) -> BuildNote:
    path = indexes / BUILDS / f"{name}.json"
    try:
        fields = json.loads(path.read_text("utf-8"))
        lists = {each: tuple(fields[each]) for each in ("failures", "new", "changed", "removed", "golden")}
        skipped = tuple(BadItem(**line) for line in fields["skipped"])
        note = BuildNote(**{**fields, **lists, "skipped": skipped})
        if note.outcome == "running" and _is_abandoned(path):
            return replace(note, outcome="interrupted", took=0.0, problem=_KILLED)
        return note
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BuildUnknown(f"There is no note of a build '{name:.80}', or it can't be read.") from error


def build_note(indexes: Path, name: str) -> BuildNote:
    """Return the note of that name; raises `BuildUnknown`."""
    if not _NAME.fullmatch(name):
        raise BuildUnknown(f"'{name:.80}' is not the name of a build.")
    return _read(indexes, name)


def build_notes(indexes: Path) -> Sequence[BuildNote]:
    """Return the notes of all builds that can be read, newest first."""
    notes = []
    for name in _names(indexes):
        with suppress(BuildUnknown):
            notes.append(_read(indexes, name))
    return notes
