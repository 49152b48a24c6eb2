"""The summary of a build: counts, seconds by step and the gate's figures, as lines or as JSON."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from index.build import Built
from index.stores.store import Store
from index.views import ALL
from training.catalogue.reader import reasons, summary


def _counts(built: Built) -> dict[str, int]:
    return {**built.difference.counts, "cached": built.cached, "skipped": built.manifest.bad}


def _pairs(values: Mapping[str, float], form: str) -> str:
    return "  ".join(f"{name} {value:{form}}" for name, value in values.items())


def _kind(built: Built) -> Iterator[str]:
    manifest = built.manifest
    parameters = dict(manifest.parameters)
    why = parameters.pop("why", None)
    values = ", ".join(f"{name} {value}" for name, value in parameters.items())
    yield f"Kind      {manifest.kind}" + (f" ({values})" if values else "")
    if why:
        yield f"          {why}"


def lines(built: Built, *, store: Store, encoder: Path) -> Iterator[str]:
    """Yield the summary for a person.

    Parameters
    ----------
    built : Built
    store : Store
        Where the version is published.
    encoder : Path
        The bundle that it was built with.
    """
    manifest = built.manifest
    yield f"Published {manifest.version} in {store}"
    yield f"Catalogue {manifest.catalogue}" + (
        f", which replaces another one: {built.replaced}" if built.replaced else ""
    )
    yield f"Encoder   {manifest.encoder[:12]}, which the service is started with: --encoder {encoder}"
    yield from _kind(built)
    yield f"Items     {manifest.items:,}: {_pairs(_counts(built), ',')}"
    if manifest.photographs > manifest.items:
        yield f"          {manifest.photographs:,} photographs"
    if manifest.garments == ALL:
        yield f"Garments  {manifest.vectors:,}: all that were found in the photographs"
    if manifest.duplicates:
        repeated = f"{manifest.duplicates:,} of them repeat another one"
        yield f"          {repeated}; they are listed in {built.duplicates}"
    if manifest.changes:
        yield f"          changes up to number {manifest.changes} are folded in"
    yield from summary(built.bad, built.report)
    if built.outdated:
        yield f"Outdated  {len(built.outdated):,} photographs could not be fetched; earlier ones are used"
        yield from summary(built.outdated, built.report)
    if built.thumbnails is not None:
        count, size = built.thumbnails
        yield f"Thumbnails of {count:,} photographs, {size / 1e6:,.0f} MB"
    if built.removed:
        yield f"Removed   {', '.join(built.removed)}"
    yield f"Seconds   {_pairs(built.seconds, '.2f')}"
    yield f"Gate      {_pairs(manifest.gate, '.4g')}"


def fields(built: Built, *, encoder: Path) -> dict[str, Any]:
    """Return the summary for a program; parameters as for `lines`."""
    manifest = built.manifest
    return {
        "version": manifest.version,
        "catalogue": manifest.catalogue,
        "replaced_catalogue": built.replaced,
        "items": manifest.items,
        "photographs": manifest.photographs,
        "garments": manifest.garments,
        "vectors": manifest.vectors,
        **_counts(built),
        "duplicates": manifest.duplicates,
        "changes": manifest.changes,
        "kind": manifest.kind,
        "parameters": manifest.parameters,
        "encoder": {"fingerprint": manifest.encoder, "path": str(encoder)},
        "reasons": [{"example": reason, "count": count} for reason, count in reasons(built.bad)],
        "outdated": len(built.outdated),
        "report": str(built.report),
        "removed_versions": list(built.removed),
        "thumbnails": None if built.thumbnails is None else built.thumbnails[0],
        "seconds": built.seconds,
        "gate": manifest.gate,
    }
