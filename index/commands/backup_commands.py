"""The commands that save and restore what was put and deleted: backup, restore."""

from dataclasses import asdict
from pathlib import Path

import click

from index.backup import Backup, restore_backup, write_backup
from index.commands.store_options import json_option, print_json, store_options
from index.stores.store import Store


def _report(done: Backup, text: str, as_json: bool) -> None:
    """Print what was done; exit status 1 where photographs are missing."""
    if as_json:
        print_json(asdict(done))
    else:
        click.echo(f"{text} {done.changes:,} changes, {done.photographs:,} photographs")
    for problem in done.missing:
        click.echo(problem, err=True)
    if done.missing:
        raise SystemExit(1)


@click.command(epilog="Example: python -m index backup /backup/changes.zip")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@store_options
@json_option
def backup(file: Path, store: Store, as_json: bool) -> None:
    """Write what was put and deleted, with the photographs put, to FILE, a ZIP file.

    These can't be built from the catalogue again. Services and writers go on meanwhile; a FILE that exists is
    replaced once the new one is complete. Where photographs are missing or damaged, the rest is saved, and
    the exit status is 1.
    """
    _report(write_backup(store, file), f"Wrote '{file}':", as_json)


@click.command(epilog="Example: python -m index restore /backup/changes.zip")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@store_options
@json_option
def restore(file: Path, store: Store, as_json: bool) -> None:
    """Go back to what was put and deleted when FILE was written; running services follow within a second.

    Later changes are left to the catalogue again. Build afterwards: until then, what the version in use has
    folded in since the backup stays. A damaged log is set aside, and FILE checked before anything is changed.
    """
    _report(restore_backup(store, file), f"Restored '{file}':", as_json)
