"""The status page of who runs the service, and what it asks for; nothing of it is told without a key."""

import logging
import sqlite3
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask import Blueprint, Response, g, request

from index.build_notes import BuildNote, build_notes
from index.errors import IndexDamaged
from index.manifest import Manifest
from service.api.current import config, keyring, live_index, store, usage
from service.api.index_views import version_fields
from service.api.side_by_side import Wanted, comparison, sides
from service.api.status_bodies import (
    BuildAnswer,
    ChangedItem,
    ComparisonAnswer,
    GoldenQuery,
    LooseSearch,
    SkippedItem,
    StatusAnswer,
    StatusBuild,
    StatusVersion,
    UsageOfPeriod,
    UsageOfSpan,
)
from service.api.status_pictures import (
    golden_queries,
    golden_query,
    noted,
    picture_url,
    skipped_photograph,
    status_picture,
    version_in_use,
)
from service.errors import RefusedRequest, refusing
from service.http.usage_file import HOUR, Period
from service.page.texts import STATUS_TABLES, in_language
from service.requests.operation import BODY, DECODED, READING, Operation, describe
from service.requests.parameters import Comparison, StatusPicture
from service.requests.reading import from_base64, read_address, read_json
from service.responses import reply
from training.errors import SilhouetteError

BUILDS_SHOWN = 30
LOOSE_SHOWN = 60

blueprint = Blueprint("status", __name__)

_log = logging.getLogger(__name__)


@blueprint.get("/status")
def page() -> tuple[Response, int]:
    """Show the status page, which asks for a key; where there is none at all, say how to make one."""
    off = not keyring()
    return in_language("status.html", STATUS_TABLES, off=off), 404 if off else 200


def _version(manifest: Manifest, notes: dict[str | None, BuildNote], current: str | None) -> StatusVersion:
    note = notes.get(manifest.version)
    return StatusVersion(
        **version_fields(manifest, current=current),
        catalogue=manifest.catalogue,
        photographs=manifest.photographs,
        duplicates=manifest.duplicates,
        skipped=manifest.bad,
        gate=manifest.gate,
        bundle=note.encoder if note else None,
        build=note.name if note else None,
    )


def _build(note: BuildNote) -> StatusBuild:
    return StatusBuild(
        build=note.name,
        begun=note.begun,
        outcome=note.outcome,
        took=note.took,
        version=note.version,
        since=note.since,
        catalogue=note.catalogue,
        problem=note.problem,
        seconds=note.seconds,
        counts=note.counts,
        figures=note.figures,
        failures=list(note.failures),
    )


def _period(period: Period) -> UsageOfPeriod:
    latencies = period.percentiles_ms
    return UsageOfPeriod(
        at=period.at,
        searches=period.searches,
        answered=period.answered,
        refused=period.refused,
        busy=period.busy,
        judged=period.judged,
        loose=period.loose,
        p50_ms=latencies.get(50),
        p95_ms=latencies.get(95),
        p99_ms=latencies.get(99),
    )


def _span(now: float, *, hours: int, count: int) -> UsageOfSpan:
    last = int(now // HOUR)
    if hours == 24:
        last += 23 - last % 24  # days begin at midnight (UTC)
    parts, total = usage().file.periods(last=last, hours=hours, count=count)
    return UsageOfSpan(parts=list(map(_period, parts)), total=_period(total))


@dataclass(frozen=True)
class _Figures:
    """Of the file with what was counted; nothing where that can't be read."""

    day: UsageOfSpan | None = None
    month: UsageOfSpan | None = None
    loose: tuple[LooseSearch, ...] = ()


def _figures(now: float) -> _Figures:
    usage().keep()
    try:
        found = usage().file.loose()[:LOOSE_SHOWN]
        day, month = _span(now, hours=1, count=24), _span(now, hours=24, count=30)
    except (sqlite3.Error, OSError) as error:
        _log.warning("How the service is used can't be read from '%s': %s", usage().file.path, error)
        return _Figures()
    loose = [
        LooseSearch(
            at=query.at,
            kind=query.kind,
            category=query.category,
            confidence=query.confidence,
            percentile=query.percentile,
            image_url=picture_url(loose=query.number) if query.has_picture else None,
        )
        for query in found
    ]
    return _Figures(day, month, tuple(loose))


def _golden() -> list[GoldenQuery]:
    """Return the golden queries, with what their last build has found missing."""
    return [
        GoldenQuery(
            golden=number,
            name=Path(query["image"]).name,
            k=query["k"],
            item_ids=query["item_ids"],
            missing=query["missing"],
            image_url=picture_url(golden=number),
        )
        for number, query in enumerate(golden_queries())
    ]


def _served() -> dict[str, Any]:
    """Return which version answers, how many items it has and how many have changed; null without one."""
    try:
        searcher = live_index().searcher()
    except SilhouetteError:
        return {"served": None, "items": None, "changes": None}
    return {"served": searcher.manifest.version, "items": searcher.count, "changes": searcher.pending}


@blueprint.get("/v1/status")
@describe(Operation(StatusAnswer, codes=READING, key=True))
def status() -> Response:
    """Tell how the service is doing: versions, builds, searches, and queries that found nothing close."""
    now, notes, current = time.time(), build_notes(config().indexes), version_in_use()
    by_version = {note.version: note for note in reversed(notes)}
    versions, damaged = [], []
    for name in reversed(store().versions()):
        try:
            versions.append(_version(store().manifest(name), by_version, current))
        except IndexDamaged:
            damaged.append(name)
    figures = _figures(now)
    return reply(
        StatusAnswer(
            request_id=g.request_id,
            now=now,
            current=current,
            encoder=live_index().fingerprint,
            **_served(),
            versions=versions,
            damaged=damaged,
            builds=[_build(note) for note in notes[:BUILDS_SHOWN]],
            day=figures.day,
            month=figures.month,
            loose=list(figures.loose),
            pictures_kept=usage().keeps_pictures,
            golden=_golden(),
        )
    )


@blueprint.get("/v1/status/builds/<build>")
@describe(Operation(BuildAnswer, codes=("not_found",), key=True))
def changed_by(build: str) -> Response:
    """Tell what a build has changed: the first items that are new, changed, gone or skipped."""
    note, kept = noted(build), set(store().versions())

    def items(ids: tuple[str, ...], version: str | None) -> list[ChangedItem]:
        there = version in kept
        return [
            ChangedItem(
                item_id=item_id, image_url=picture_url(version=version, item_id=item_id) if there else None
            )
            for item_id in ids
        ]

    skipped = [
        SkippedItem(
            item_id=bad.item_id,
            path=bad.path,
            reason=bad.reason,
            image_url=picture_url(build=note.name, skipped=number)
            if skipped_photograph(note, number)
            else None,
        )
        for number, bad in enumerate(note.skipped)
    ]
    return reply(
        BuildAnswer(
            request_id=g.request_id,
            **_build(note).model_dump(),
            new=items(note.new, note.version),
            changed=items(note.changed, note.version),
            removed=items(note.removed, note.since),
            skipped=skipped,
        )
    )


@blueprint.get("/v1/status/image")
@describe(
    Operation(
        "image/*",
        query=StatusPicture,
        codes=("invalid_parameter", "item_unknown", "version_unknown", "version_unusable", "not_found")
        + (*DECODED, "overloaded", *READING),
        key=True,
    )
)
def image() -> Response:
    """Send a small picture: of an item of any version, of what was skipped, or of a query."""
    return status_picture(read_address(request, StatusPicture))


def _query(asked: Comparison) -> tuple[bytes | Path, Wanted]:
    """Return the picture of a comparison, and what a golden query asks for; raises `RefusedRequest`."""
    if (asked.image_base64 is None) == (asked.golden is None):
        detail = "Send exactly one of image_base64, golden."
        raise RefusedRequest("invalid_parameter", detail, param="golden")
    if asked.image_base64 is not None:
        return from_base64(asked.image_base64), Wanted()
    query = golden_query(asked.golden or 0)
    return Path(query["image"]), Wanted(query["item_ids"], query["k"])


@blueprint.post("/v1/status/compare")
@describe(
    Operation(
        ComparisonAnswer,
        body=Comparison,
        codes=(*BODY, *DECODED, "not_found", "version_unknown", "version_unusable", *READING),
        key=True,
        sheds=True,
    )
)
def compare() -> Response:
    """Search two versions with one picture, so that a new one can be judged before it is activated."""
    asked = read_json(request, Comparison)
    photo, wanted = _query(asked)
    with refusing("image_base64"):
        before, after = sides(photo, before=asked.before, after=asked.after)
    return reply(comparison(before, after, wanted, limit=asked.limit))
