"""The commands of published versions: versions, verify, activate, rollback, prune."""

from dataclasses import asdict
from typing import Any

import click

from index.build import KEEP
from index.commands.store_options import json_option, print_json, store_options
from index.errors import ChangesDamaged, IndexDamaged, NoIndex
from index.manifest import Manifest
from index.stores.store import Store
from index.views import ALL


def _listed_fields(store: Store, version: str) -> dict[str, Any]:
    """Return the fields of a version for the list, or that it is damaged."""
    try:
        manifest = store.manifest(version)
    except IndexDamaged as error:
        return {"version": version, "damaged": str(error)}
    names = ("version", "built_at", "items", "kind", "encoder", "catalogue")
    fields = {name: value for name, value in asdict(manifest).items() if name in names}
    counts = {"photographs": manifest.photographs, "vectors": manifest.vectors}
    return {**fields, "garments": manifest.garments, **counts}


def _garments(fields: dict[str, Any]) -> str:
    """Return how many garments the items have, where all were indexed."""
    return f", {fields['vectors']:,} garments" if fields["garments"] == ALL else ""


def _listed_line(fields: dict[str, Any]) -> str:
    if "damaged" in fields:
        return f"{fields['version']}  damaged: {fields['damaged']}"
    return (
        f"{fields['version']}  {fields['items']:>9,} items{_garments(fields)}  {fields['kind']}  "
        f"encoder {fields['encoder'][:12]}  {fields['catalogue']}"
    )


def _counts(manifest: Manifest) -> str:
    files = (
        f", {sum(manifest.sizes.values()):,} bytes in {len(manifest.sizes)} files" if manifest.sizes else ""
    )
    garments = _garments({"vectors": manifest.vectors, "garments": manifest.garments})
    return f"{manifest.items:,} items{garments}{files}"


def _print_in_use(manifest: Manifest, as_json: bool) -> None:
    if as_json:
        print_json({"version": manifest.version, "items": manifest.items, "encoder": manifest.encoder})
    else:
        click.echo(f"{manifest.version} is in use: {_counts(manifest)}, encoder {manifest.encoder[:12]}")


def _in_use(store: Store) -> str | None:
    try:
        return store.current()
    except (NoIndex, IndexDamaged) as error:
        click.echo(f"Note: {error}", err=True)
        return None


@click.command(epilog="Example: python -m index versions")
@store_options
@json_option
def versions(store: Store, as_json: bool) -> None:
    """List the published versions, oldest first; a star marks the one in use."""
    listed = [_listed_fields(store, version) for version in store.versions()]
    current = _in_use(store)
    if as_json:
        print_json([{**line, "current": line["version"] == current} for line in listed])
        return
    for line in listed:
        click.echo(f"{'*' if line['version'] == current else ' '} {_listed_line(line)}")


@click.command(epilog="Example: python -m index verify")
@click.argument("version", required=False)
@store_options
@json_option
def verify(version: str | None, store: Store, as_json: bool) -> None:
    """Check VERSION, by default the one in use: all checksums, the counts and a real search.

    The log of changes and the photographs that were put are checked, too.
    """
    damage = store.changes.damage()
    for problem in damage:
        click.echo(problem, err=True)
    manifest = store.verify(version)
    if damage:
        raise ChangesDamaged(
            f"{manifest.version} is sound, but not what was put and deleted since ({len(damage):,} faults, "
            "above). Put a backup back: python -m index restore BACKUP"
        )
    changes = len(store.changes.since(0))
    if as_json:
        fields = {"version": manifest.version, "sound": True, "items": manifest.items, "changes": changes}
        print_json(fields)
    else:
        click.echo(f"{manifest.version} is sound: {_counts(manifest)}; so are {changes:,} logged changes")


@click.command(epilog="Example: python -m index activate 2026-11-21T02-00-00Z")
@click.argument("version")
@store_options
@json_option
def activate(version: str, store: Store, as_json: bool) -> None:
    """Make VERSION the one in use, after a full check; running services take it up."""
    _print_in_use(store.activate(version), as_json)


@click.command(epilog="Example: python -m index rollback")
@store_options
@json_option
def rollback(store: Store, as_json: bool) -> None:
    """Go back to the version before the one in use, after a full check; running services take it up."""
    _print_in_use(store.rollback(), as_json)


@click.command(epilog="Example: python -m index prune --keep 3")
@click.option(
    "--keep",
    type=click.IntRange(min=1),
    default=KEEP,
    show_default=True,
    help="How many of the newest versions to keep; the one in use always stays.",
)
@store_options
@json_option
def prune(keep: int, store: Store, as_json: bool) -> None:
    """Remove old versions."""
    removed = store.prune(keep=keep)
    if as_json:
        print_json({"removed": removed})
    else:
        for version in removed:
            click.echo(f"Removed {version}")
