"""The commands that change the catalogue during the day: put, patch, delete, apply, changes."""

import json
from pathlib import Path
from typing import Any

import click

from index.change import Change
from index.change_file import REPORT, apply_file
from index.commands.store_options import json_option, print_json, store_options
from index.editing import delete_item, forget_item, patch_item, put_item
from index.errors import NoIndex
from index.stores.store import Store
from training.catalogue.json_text import parse_json
from training.catalogue.tables import TEXT_COLUMNS
from training.options import allow_host_option, encoder_option
from training.photo.encoder import Encoder


def _object(_: click.Context, __: click.Parameter, text: str) -> dict[str, Any]:
    try:
        metadata = parse_json(text)
    except (ValueError, RecursionError) as error:
        raise click.BadParameter(f"{text!r} is not JSON ({error}).") from error
    if not isinstance(metadata, dict):
        raise click.BadParameter(f'{text!r} is not an object such as {{"category": "dress", "price": 49.9}}.')
    return metadata


def _value(name: str, text: str) -> Any:
    """Read a number, true, false or null as what it is, everything else and a category as text."""
    try:
        value = json.loads(text)
    except ValueError:
        return text
    scalar = value is None or isinstance(value, bool | int | float)
    return value if scalar and name not in TEXT_COLUMNS else text


def _pairs(_: click.Context, __: click.Parameter, texts: tuple[str, ...]) -> dict[str, Any]:
    pairs = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not (name and equals):
            raise click.BadParameter(f"{text!r} has no name and value. Write --set price=49.90.")
        pairs[name] = _value(name, value)
    return pairs


def _tell(item_id: str, seq: int, told: str, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({"item_id": item_id, "change": seq}))
    else:
        click.echo(f"Change {seq:,}: {told}")


@click.command(
    epilog="Example: python -m index put sku-7 red-dress.jpg --set category=dress --set price=49.90"
)
@click.argument("item_id")
@click.argument("photos", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="PHOTO...")
@click.option("--metadata", default="{}", callback=_object, help="A JSON object.  [default: {}]")
@click.option("--set", "fields", multiple=True, callback=_pairs, metavar="NAME=VALUE", help="A field of it.")
@store_options
@encoder_option
@json_option
def put(
    item_id: str,
    photos: tuple[Path, ...],
    metadata: dict[str, Any],
    fields: dict[str, Any],
    store: Store,
    encoder: Path,
    as_json: bool,
) -> None:
    """Add ITEM_ID with the photograph PHOTO, or with several, or replace it; no build is needed.

    The item is searched from now on, and stays so through rebuilds, until it is put or deleted again or left
    to the catalogue by `changes --forget`.
    """
    first, *further = photos
    stored = put_item(store, Encoder.load(encoder), item_id, first, metadata | fields, further=further)
    _tell(item_id, stored.change, f"put {item_id}; running services find it within a second", as_json)


@click.command(
    epilog="Example: python -m index patch sku-7 --set price=39.90 --set sale=true --set discount=null"
)
@click.argument("item_id")
@click.option("--metadata", default="{}", callback=_object, help="A JSON object.  [default: {}]")
@click.option("--set", "fields", multiple=True, callback=_pairs, metavar="NAME=VALUE", help="A field of it.")
@store_options
@json_option
def patch(
    item_id: str, metadata: dict[str, Any], fields: dict[str, Any], store: Store, as_json: bool
) -> None:
    """Set fields of the metadata of ITEM_ID, null to remove one; no photograph and no build is needed.

    What is set stays so through rebuilds, until the item is put or deleted, or left to the catalogue by
    `changes --forget`.
    """
    made = patch_item(store, item_id, metadata | fields)
    _tell(item_id, made.seq, f"patched {item_id}; running services show it within a second", as_json)


@click.command(epilog="Example: python -m index apply changes.jsonl")
@click.argument("file", type=click.Path(path_type=Path))
@store_options
@encoder_option
@allow_host_option
@json_option
@click.pass_context
def apply(
    context: click.Context,
    file: Path,
    store: Store,
    encoder: Path,
    allow_hosts: tuple[str, ...],
    as_json: bool,
) -> None:
    """Make the changes of FILE, a put, patch or delete in JSON on each line; no build is needed.

    They are made a thousand at a time. A run that was broken off goes on where it was when it is started
    again with the same file. Where lines were refused, the exit code is 1.
    """
    applied = apply_file(
        store, file, lambda: Encoder.load(encoder), allow_hosts=allow_hosts, progress=not as_json
    )
    report = store.changes.photographs.folder.parent / REPORT
    if as_json:
        print_json({"made": applied.made, "refused": applied.refused, "report": str(report)})
    else:
        refused = f", {applied.refused:,} refused: see {report}" if applied.refused else ""
        click.echo(f"{applied.made:,} changes made{refused}")
    context.exit(1 if applied.refused else 0)


@click.command(epilog="Example: python -m index delete sku-7")
@click.argument("item_id")
@store_options
@json_option
def delete(item_id: str, store: Store, as_json: bool) -> None:
    """Take ITEM_ID out of the search, also where the catalogue still holds it; no build is needed."""
    seq = delete_item(store, item_id)
    _tell(item_id, seq, f"deleted {item_id}; running services leave it out within a second", as_json)


def _folded(store: Store) -> int:
    """Return the last change that the version in use has folded in."""
    try:
        return store.manifest(store.current()).changes
    except NoIndex:
        return 0


def _fields(change: Change) -> dict[str, Any]:
    fields = {"change": change.seq, "at": change.at, "action": change.action, "item_id": change.item_id}
    if change.item is not None:
        paths = [str(path) for path in change.item.photographs]
        fields |= {"path": paths if len(paths) > 1 else paths[0], "metadata": change.item.metadata}
    return fields if change.fields is None else fields | {"metadata": change.fields}


@click.command(epilog="Example: python -m index changes --forget sku-7")
@click.option("--all", "everything", is_flag=True, help="Also those that are folded in.  [default: no]")
@click.option("--forget", multiple=True, metavar="ITEM_ID", help="Leave an item to the catalogue again.")
@store_options
@json_option
def changes(everything: bool, forget: tuple[str, ...], store: Store, as_json: bool) -> None:
    """List what was put, patched and deleted since the build of the version in use, in order.

    Each item is listed with its latest change, which goes on standing above the catalogue, build after build,
    until it is forgotten.
    """
    for item_id in forget:
        seq = forget_item(store, item_id)
        _tell(
            item_id, seq, f"forgot {item_id}; from the next build on it is what the catalogue says", as_json
        )
    if forget:
        return
    listed = store.changes.since(0 if everything else _folded(store))
    if as_json:
        click.echo(json.dumps([_fields(change) for change in listed], indent=1))
        return
    if not listed:
        click.echo("Nothing has changed since the build of the version in use.")
    for change in listed:
        shown = change.item.metadata if change.item else change.fields
        metadata = "" if shown is None else f"  {json.dumps(shown, ensure_ascii=False)}"
        click.echo(f"{change.seq:>6}  {change.at[:19]}  {change.action:<6}  {change.item_id}{metadata}")
