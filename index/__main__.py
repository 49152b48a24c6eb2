"""The command line of the index: build, search, versions, activate, verify."""

import json
from collections.abc import Iterable
from dataclasses import asdict, replace
from pathlib import Path
from time import perf_counter
from typing import Any

import click

from index.build import LAST_REPORT, Built, build_index
from index.errors import IndexDamaged, NoIndex
from index.manifest import Manifest, read_manifest
from index.publish import activate, current_version, list_versions, verify
from index.searcher import Page, Searcher
from index.vectors import KINDS
from training.catalogue import read_catalogue
from training.command import SilhouetteGroup
from training.encoder import Encoder
from training.errors import TooManyBadItems
from training.options import cache_option, encoder_option, processes_option
from training.skipped import reasons, summary

indexes_option = click.option(
    "--indexes",
    type=click.Path(path_type=Path),
    default=Path("indexes"),
    show_default=True,
    help="Folder of the published versions.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON. [default: text]")


def _print_json(answer: Any) -> None:
    click.echo(json.dumps(answer, indent=1))


def _print_lines(lines: Iterable[str]) -> None:
    for line in lines:
        click.echo(line)


def _print_built(built: Built, indexes: Path) -> None:
    manifest = built.manifest
    click.echo(f"Published {manifest.version} in {indexes}")
    click.echo(f"Items     {manifest.items:,} ({manifest.kind}, {manifest.dimension} numbers each)")
    click.echo(f"Skipped   {manifest.bad:,}")
    _print_lines(summary(built.bad, built.report))
    click.echo("Seconds   " + "  ".join(f"{step} {seconds:.2f}" for step, seconds in built.seconds.items()))
    click.echo("Gate      " + "  ".join(f"{name} {figure:.4g}" for name, figure in manifest.gate.items()))


def _built_fields(built: Built) -> dict[str, Any]:
    manifest = built.manifest
    return {
        "version": manifest.version,
        "items": manifest.items,
        "skipped": manifest.bad,
        "reasons": [{"example": reason, "count": count} for reason, count in reasons(built.bad)],
        "report": str(built.report),
        "seconds": built.seconds,
        "gate": manifest.gate,
    }


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
            f"{hit.rank:>4}  {hit.score:>6.3f}  {hit.percentile:>10.2f}  {category:<12}  {hit.item.item_id}"
        )


def _listed_fields(indexes: Path, version: str) -> dict[str, Any]:
    """Return what the list of versions says of one; a damaged one says so."""
    try:
        manifest = read_manifest(indexes / version)
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
    return f"{manifest.items:,} items, {sum(manifest.sizes.values()):,} bytes in {len(manifest.sizes)} files"


def _in_use(indexes: Path) -> str | None:
    try:
        return current_version(indexes)
    except (NoIndex, IndexDamaged) as error:
        click.echo(f"Note: {error}", err=True)
        return None


@click.group(cls=SilhouetteGroup, epilog="Example: python -m index build --catalogue photographs/")
def main() -> None:
    """Build, publish, check and search an index of garments."""


@main.command(epilog="Example: python -m index build --catalogue 'catalogue.csv?split=train'")
@click.option(
    "--catalogue", required=True, help="Folder, .csv, .jsonl, .parquet, fashion-mnist:FOLDER, drawn:N."
)
@encoder_option
@click.option(
    "--out",
    "indexes",
    type=click.Path(path_type=Path),
    default=Path("indexes"),
    show_default=True,
    help="Folder in which the version is published.",
)
@click.option(
    "--kind",
    type=click.Choice(sorted(KINDS)),
    default="flat",
    show_default=True,
    help="Kind of vector index.",
)
@click.option(
    "--max-bad",
    type=click.FloatRange(0, 1),
    default=0.5,
    show_default=True,
    help="Highest share of items that may be skipped; above it nothing is published.",
)
@processes_option
@cache_option
@json_option
def build(
    catalogue: str,
    encoder: Path,
    indexes: Path,
    kind: str,
    max_bad: float,
    processes: int | None,
    cache: Path,
    as_json: bool,
) -> None:
    """Embed a catalogue and publish an index of it, if it passes its checks."""
    loaded = Encoder.load(encoder)
    start = perf_counter()
    listed = read_catalogue(catalogue, cache=cache)
    read = {"catalogue": round(perf_counter() - start, 3)}
    try:
        built = build_index(
            listed,
            loaded,
            indexes=indexes,
            kind=kind,
            max_bad=max_bad,
            processes=processes,
            progress=True,
        )
    except TooManyBadItems:
        click.echo(f"Each skipped item with its reason: {indexes / LAST_REPORT}", err=True)
        raise
    built = replace(built, seconds=read | built.seconds)
    if as_json:
        _print_json(_built_fields(built))
    else:
        _print_built(built, indexes)


@main.command(epilog="Example: python -m index search some-garment.jpg --limit 20")
@click.argument("image", type=click.Path(path_type=Path))
@indexes_option
@encoder_option
@click.option("--limit", type=click.IntRange(min=1), default=10, show_default=True, help="Items to list.")
@json_option
def search(image: Path, indexes: Path, encoder: Path, limit: int, as_json: bool) -> None:
    """List the items whose shape is most like that of the garment in IMAGE."""
    searcher = Searcher.open(indexes, encoder=Encoder.load(encoder))
    start = perf_counter()
    (page,) = searcher.search(searcher.encoder.embed([image]), limit=limit)
    took_ms = round((perf_counter() - start) * 1000, 1)
    if as_json:
        _print_json({"index": searcher.manifest.version, "results": _page_fields(page), "took_ms": took_ms})
    else:
        _print_page(page)


@main.command(epilog="Example: python -m index versions")
@indexes_option
@json_option
def versions(indexes: Path, as_json: bool) -> None:
    """List the published versions, oldest first; a star marks the one in use."""
    listed = [_listed_fields(indexes, version) for version in list_versions(indexes)]
    current = _in_use(indexes)
    if as_json:
        _print_json([{**line, "current": line["version"] == current} for line in listed])
        return
    for line in listed:
        click.echo(f"{'*' if line['version'] == current else ' '} {_listed_line(line)}")


@main.command(name="verify", epilog="Example: python -m index verify")
@click.argument("version", required=False)
@indexes_option
@json_option
def verify_command(version: str | None, indexes: Path, as_json: bool) -> None:
    """Check VERSION, by default the one in use: all checksums, the counts and a real search."""
    manifest = verify(indexes, version).manifest
    if as_json:
        _print_json({"version": manifest.version, "sound": True, "items": manifest.items})
    else:
        click.echo(f"{manifest.version} is sound: {_counts(manifest)}")


@main.command(name="activate", epilog="Example: python -m index activate 2026-11-21T02-00-00Z")
@click.argument("version")
@indexes_option
@json_option
def activate_command(version: str, indexes: Path, as_json: bool) -> None:
    """Make VERSION the one in use, after a full check; running services take it up."""
    manifest = activate(indexes, version).manifest
    if as_json:
        _print_json({"version": manifest.version, "items": manifest.items})
    else:
        click.echo(f"{manifest.version} is in use: {_counts(manifest)}")


if __name__ == "__main__":
    main(prog_name="python -m index")
