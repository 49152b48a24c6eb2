"""The command line of the index: build (also every night), search, and the versions."""

import json
import logging
import sys
from collections.abc import Callable, Iterable
from dataclasses import asdict, replace
from datetime import datetime
from pathlib import Path
from time import perf_counter
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import click
from click.core import ParameterSource

from index.build import KEEP, LAST_GATE, build_index
from index.commands import change_commands, summary
from index.commands.store_options import json_option, store_address_option, store_options
from index.embedding.embedders import ENGINES, LOCAL, engine_named
from index.errors import GateFailed, IndexDamaged, NoIndex
from index.gate.checks import Limits
from index.manifest import Manifest
from index.pages import Page, SearchOptions
from index.retraining import retrain as train_on
from index.stores.address import open_store
from index.stores.store import LAST_REPORT, Store
from index.vectors.kinds import AUTO, KINDS
from training.catalogue.reader import read_catalogue
from training.command import SilhouetteGroup
from training.errors import TooManyBadItems
from training.options import cache_option, encoder_option, processes_option
from training.photo.encoder import Encoder


def _print_json(answer: Any) -> None:
    click.echo(json.dumps(answer, indent=1))


def _print_lines(lines: Iterable[str]) -> None:
    for line in lines:
        click.echo(line)


def _page_fields(page: Page) -> list[dict[str, Any]]:
    return [
        {
            "rank": hit.rank,
            "item_id": hit.item.item_id,
            "score": hit.score,
            "percentile": hit.percentile,
            "path": str(hit.item.path),
            "metadata": hit.item.metadata,
        }
        for hit in page.hits
    ]


def _print_page(page: Page) -> None:
    click.echo(f"{'rank':>4}  {'score':>6}  {'percentile':>10}  {'category':<12}  item")
    for hit in page.hits:
        category = hit.item.category or "-"
        click.echo(
            f"{hit.rank:>4}  {hit.score:>6.3f}  {hit.percentile:>10.3f}  {category:<12}  {hit.item.item_id}"
        )


def _listed_fields(store: Store, version: str) -> dict[str, Any]:
    """Return what the list of versions says of one; a damaged one says so."""
    try:
        manifest = store.manifest(version)
    except IndexDamaged as error:
        return {"version": version, "damaged": str(error)}
    names = ("version", "built_at", "items", "kind", "encoder", "catalogue")
    return {name: value for name, value in asdict(manifest).items() if name in names}


def _listed_line(fields: dict[str, Any]) -> str:
    if "damaged" in fields:
        return f"{fields['version']}  damaged: {fields['damaged']}"
    return (
        f"{fields['version']}  {fields['items']:>9,} items  {fields['kind']}  "
        f"encoder {fields['encoder'][:12]}  {fields['catalogue']}"
    )


def _counts(manifest: Manifest) -> str:
    files = (
        f", {sum(manifest.sizes.values()):,} bytes in {len(manifest.sizes)} files" if manifest.sizes else ""
    )
    return f"{manifest.items:,} items{files}"


def _print_in_use(manifest: Manifest, as_json: bool) -> None:
    if as_json:
        _print_json({"version": manifest.version, "items": manifest.items, "encoder": manifest.encoder})
    else:
        click.echo(f"{manifest.version} is in use: {_counts(manifest)}, encoder {manifest.encoder[:12]}")


def _in_use(store: Store) -> str | None:
    try:
        return store.current()
    except (NoIndex, IndexDamaged) as error:
        click.echo(f"Note: {error}", err=True)
        return None


@click.group(cls=SilhouetteGroup, epilog="Example: python -m index build --catalogue photographs/")
def main() -> None:
    """Build, publish, check and search an index of garments."""


_BUILD_OPTIONS = (
    click.option(
        "--catalogue", required=True, help="Folder, .csv, .jsonl, .parquet, fashion-mnist:FOLDER, drawn:N."
    ),
    encoder_option,
    click.option(
        "--out",
        "indexes",
        type=click.Path(path_type=Path),
        default=Path("indexes"),
        show_default=True,
        help="Folder in which the version is published.",
    ),
    store_address_option,
    click.option(
        "--kind",
        type=click.Choice([AUTO, *sorted(KINDS)]),
        default=AUTO,
        show_default=True,
        help="Kind of vector index; auto chooses by size and memory.",
    ),
    click.option(
        "--recall",
        type=click.FloatRange(0, 1, min_open=True),
        default=Limits.recall,
        show_default=True,
        help="Share of the true first ten that a search is tuned to find.",
    ),
    click.option(
        "--max-bad",
        type=click.FloatRange(0, 1),
        default=0.5,
        show_default=True,
        help="Highest share of items that may be skipped; above it nothing is published.",
    ),
    click.option(
        "--max-drop",
        type=click.FloatRange(0, 1),
        default=Limits.max_drop,
        show_default=True,
        help="How many fewer items than the version in use, as a share, may be published.",
    ),
    click.option(
        "--golden",
        type=click.Path(path_type=Path, dir_okay=False),
        help="CSV of queries that must be answered right: image, item_ids, k.  [default: none]",
    ),
    click.option(
        "--keep",
        type=click.IntRange(min=1),
        default=KEEP,
        show_default=True,
        help="Versions to keep; older ones are removed after publication.",
    ),
    click.option(
        "--retrain", is_flag=True, help="Train on from the encoder first, into models/.  [default: no]"
    ),
    click.option(
        "--retrain-options",
        default="",
        help="With --retrain: options of `python -m training fit`, in one text.  [default: none]",
    ),
    processes_option,
    click.option(
        "--engine",
        "engine_name",
        type=click.Choice(ENGINES),
        default=LOCAL,
        show_default=True,
        help="By processes of this machine, or by Ray (`make scale` installs it) on many, which must all see "
        "the photographs under the same paths.",
    ),
    click.option(
        "--address",
        help="With --engine ray: auto or HOST:PORT of a cluster to which this machine belongs.  "
        "[default: Ray is started here, and ended]",
    ),
    cache_option,
    json_option,
)


def build_options(function: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of a build."""
    for option in reversed(_BUILD_OPTIONS):
        function = option(function)
    return function


@main.command(epilog="Example: python -m index build --catalogue 'catalogue.csv?split=train'")
@build_options
def build(
    catalogue: str,
    encoder: Path,
    indexes: Path,
    store: str,
    retrain: bool,
    retrain_options: str,
    max_drop: float,
    engine_name: str,
    address: str | None,
    processes: int | None,
    cache: Path,
    as_json: bool,
    **options: Any,
) -> None:
    """Embed a catalogue and publish an index of it, if it passes its checks.

    Photographs that an earlier build has embedded are only read.
    """
    start = perf_counter()
    engine = engine_named(engine_name, processes=processes, address=address)
    place = open_store(store, indexes)
    Encoder.load(encoder)
    if retrain:
        encoder = train_on(catalogue, encoder, models=Path("models"), cache=cache, options=retrain_options)
    trained = perf_counter()
    listed = read_catalogue(catalogue, cache=cache)
    read = perf_counter()
    try:
        built = build_index(
            listed,
            Encoder.load(encoder),
            indexes=indexes,
            store=place,
            cache=cache,
            engine=engine,
            processes=processes,
            limits=Limits(max_drop=max_drop),
            progress=True,
            **options,
        )
    except TooManyBadItems:
        click.echo(f"Each skipped item with its reason: {indexes / LAST_REPORT}", err=True)
        raise
    except GateFailed:
        click.echo(f"All figures of the checks: {indexes / LAST_GATE}", err=True)
        raise
    before = {"train": round(trained - start, 3)} if retrain else {}
    built = replace(built, seconds=before | {"catalogue": round(read - trained, 3)} | built.seconds)
    if as_json:
        _print_json(summary.fields(built, encoder=encoder))
    else:
        _print_lines(summary.lines(built, store=place, encoder=encoder))


def _passed_on(context: click.Context) -> list[str]:
    """Return the options of a build that stand on the command line of another command."""
    words = []
    for option in build.params:
        if context.get_parameter_source(str(option.name)) is ParameterSource.COMMANDLINE:
            value = context.params[str(option.name)]
            words += [option.opts[0]] if value is True else [option.opts[0], str(value)]
    return words


def _timezone(context: click.Context, option: click.Parameter, name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise click.BadParameter(
            f"{name!r} is no time zone. Write one such as Europe/Berlin or UTC."
        ) from error


@main.command(
    epilog="Example: python -m index nightly --at 02:00 --timezone Europe/Berlin --catalogue photographs/"
)
@click.option(
    "--at",
    type=click.DateTime(["%H:%M"]),
    default="02:00",
    show_default=True,
    help="Time of the day.",
)
@click.option(
    "--timezone",
    default="UTC",
    show_default=True,
    callback=_timezone,
    help="In which the time is meant, such as Europe/Berlin.",
)
@click.option("--now", is_flag=True, help="Build at once, too.  [default: no]")
@build_options
@click.pass_context
def nightly(context: click.Context, at: datetime, timezone: ZoneInfo, now: bool, **_: Any) -> None:
    """Build every night until Ctrl-C or SIGTERM, each time in a process of its own.

    Takes the options of `build`. A build that fails leaves the index in use; each run is logged in a line.
    """
    from index.nightly import Nightly  # loads the scheduler, which no other command needs

    logging.basicConfig(format="%(asctime)s %(message)s", level=logging.INFO)
    logging.getLogger("apscheduler").setLevel(logging.WARNING)
    command = [sys.executable, "-m", "index", "build", *_passed_on(context)]
    Nightly(command, at=at.time(), timezone=timezone).start(now=now)


@main.command(epilog="Example: python -m index search some-garment.jpg --limit 20")
@click.argument("image", type=click.Path(path_type=Path))
@store_options
@encoder_option
@click.option("--limit", type=click.IntRange(min=1), default=10, show_default=True, help="Items to list.")
@json_option
def search(image: Path, store: Store, encoder: Path, limit: int, as_json: bool) -> None:
    """List the items whose shape is most like that of the garment in IMAGE."""
    searcher = store.open(encoder=Encoder.load(encoder))
    start = perf_counter()
    (page,) = searcher.search(searcher.encoder.embed([image]), SearchOptions(limit=limit))
    took_ms = round((perf_counter() - start) * 1000, 1)
    if as_json:
        _print_json({"index": searcher.manifest.version, "results": _page_fields(page), "took_ms": took_ms})
    else:
        _print_page(page)


@main.command(epilog="Example: python -m index versions")
@store_options
@json_option
def versions(store: Store, as_json: bool) -> None:
    """List the published versions, oldest first; a star marks the one in use."""
    listed = [_listed_fields(store, version) for version in store.versions()]
    current = _in_use(store)
    if as_json:
        _print_json([{**line, "current": line["version"] == current} for line in listed])
        return
    for line in listed:
        click.echo(f"{'*' if line['version'] == current else ' '} {_listed_line(line)}")


@main.command(name="verify", epilog="Example: python -m index verify")
@click.argument("version", required=False)
@store_options
@json_option
def verify_command(version: str | None, store: Store, as_json: bool) -> None:
    """Check VERSION, by default the one in use: all checksums, the counts and a real search."""
    manifest = store.verify(version)
    if as_json:
        _print_json({"version": manifest.version, "sound": True, "items": manifest.items})
    else:
        click.echo(f"{manifest.version} is sound: {_counts(manifest)}")


@main.command(name="activate", epilog="Example: python -m index activate 2026-11-21T02-00-00Z")
@click.argument("version")
@store_options
@json_option
def activate_command(version: str, store: Store, as_json: bool) -> None:
    """Make VERSION the one in use, after a full check; running services take it up."""
    _print_in_use(store.activate(version), as_json)


@main.command(name="rollback", epilog="Example: python -m index rollback")
@store_options
@json_option
def rollback_command(store: Store, as_json: bool) -> None:
    """Go back to the version before the one in use, after a full check; running services take it up."""
    _print_in_use(store.rollback(), as_json)


@main.command(name="prune", epilog="Example: python -m index prune --keep 3")
@click.option(
    "--keep",
    type=click.IntRange(min=1),
    default=KEEP,
    show_default=True,
    help="How many of the newest versions to keep; the one in use always stays.",
)
@store_options
@json_option
def prune_command(keep: int, store: Store, as_json: bool) -> None:
    """Remove old versions."""
    removed = store.prune(keep=keep)
    if as_json:
        _print_json({"removed": removed})
    else:
        _print_lines(f"Removed {version}" for version in removed)


for command in (change_commands.put, change_commands.delete, change_commands.changes):
    main.add_command(command)

if __name__ == "__main__":
    main(prog_name="python -m index")
