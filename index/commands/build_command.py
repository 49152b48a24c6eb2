"""The command that builds an index, and its options, which the nightly command passes on."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import Any

import click

from index.build import KEEP, MAX_BAD, BuildOptions, build_index, check_listed
from index.build_notes import noting
from index.commands import summary
from index.commands.store_options import json_option, print_json, store_address_option
from index.embedding.cache import FOLDER as EMBEDDINGS
from index.embedding.embedders import EMBEDDERS, LOCAL, LocalEmbedder, embedder_named
from index.embedding.head_start import HeadStart
from index.errors import GateFailed
from index.gate.checks import LAST_GATE, Limits
from index.retraining import ENCODER, RETRAINED, require_as_good
from index.retraining import retrain as train_on
from index.stores.address import open_store
from index.stores.store import LAST_REPORT
from index.thumbnails import FOLDER, MAX_BYTES
from index.vectors.kinds import AUTO, KINDS
from index.views import GARMENTS, ITEM
from training.addresses.fetching import Fetching
from training.catalogue.reader import read_catalogue
from training.command import when_interrupted
from training.errors import TooManyBadItems
from training.options import (
    cache_option,
    encoder_option,
    fetching_options,
    group_option,
    processes_option,
)
from training.photo.encoder import Encoder

_BUILD_OPTIONS = (
    click.option(
        "--catalogue",
        required=True,
        help="Folder, .csv, .jsonl, .parquet, a shop's feed, fashion-mnist:FOLDER, drawn:N.",
    ),
    group_option,
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
        "--garments",
        type=click.Choice(GARMENTS),
        default=ITEM,
        show_default=True,
        help="Of each photograph, index the item's garment, told by its category, or all that are found.",
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
        default=MAX_BAD,
        show_default=True,
        help="Highest share of photographs that may be skipped; above it nothing is published.",
    ),
    click.option(
        "--max-drop",
        type=click.FloatRange(0, 1),
        default=Limits.max_drop,
        show_default=True,
        help="How many fewer items than the version in use, as a share, may be published.",
    ),
    click.option(
        "--new-catalogue",
        is_flag=True,
        help="Replace an index of another catalogue, however many items that has.  [default: no]",
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
        "--allow-root",
        "allow_roots",
        multiple=True,
        type=click.Path(exists=True, file_okay=False, path_type=Path),
        help="Folder beside the catalogue's own whose pictures may be served, too; repeat it for several.  "
        "[default: none]",
    ),
    click.option(
        "--thumbnails",
        is_flag=True,
        help="After publication, make the thumbnails of all photographs, so that no visitor waits for them.  "
        "[default: no]",
    ),
    click.option(
        "--thumbnail-bytes",
        type=click.IntRange(min=2**20),
        default=MAX_BYTES,
        show_default=True,
        help="How much they may take on disk; as SILHOUETTE_THUMBNAIL_BYTES.",
    ),
    click.option(
        "--retrain",
        is_flag=False,
        flag_value=ENCODER,
        type=click.Choice(RETRAINED),
        help="Train on from the encoder first, into models/; with 'all', train a segmenter before it, from "
        "the one that ships.  [default: no; without a value: encoder]",
    ),
    click.option(
        "--retrain-options",
        default="",
        help="With --retrain: options of `python -m training fit`, in one text.  [default: none]",
    ),
    click.option(
        "--segmenter-options",
        default="",
        help="With --retrain all: options of `python -m training segmenter`, in one text.  [default: none]",
    ),
    click.option(
        "--rehash",
        is_flag=True,
        help="Read all photographs, also those whose files are, by size, times and inode, as they were."
        "  [default: no]",
    ),
    processes_option,
    click.option(
        "--embedder",
        "--engine",  # the former name, for one version
        "embedder_name",
        type=click.Choice(EMBEDDERS),
        default=LOCAL,
        show_default=True,
        help="By processes of this machine, or by Ray (`make scale` installs it) on many, which must all see "
        "the photographs under the same paths.",
    ),
    click.option(
        "--address",
        help="With --embedder ray: auto or HOST:PORT of a cluster to which this machine belongs.  "
        "[default: Ray is started here, and ended]",
    ),
    cache_option,
    fetching_options,
    json_option,
)


def build_options(function: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of a build."""
    for option in reversed(_BUILD_OPTIONS):
        function = option(function)
    return function


@contextmanager
def _naming_reports(indexes: Path) -> Iterator[None]:
    """Name the file with the details of a build that was refused."""
    try:
        yield
    except TooManyBadItems:
        click.echo(f"Each skipped item with its reason: {indexes / LAST_REPORT}", err=True)
        raise
    except GateFailed:
        click.echo(f"All figures of the checks: {indexes / LAST_GATE}", err=True)
        raise


def _head_start(options: BuildOptions, encoder: Encoder) -> HeadStart | None:
    """Return what embeds photographs while others are fetched, where this machine embeds."""
    if options.cache is None or not isinstance(options.embedder, LocalEmbedder):
        return None
    folder = options.cache / EMBEDDINGS
    return HeadStart(folder, encoder, embedder=options.embedder, garments=options.garments)


@when_interrupted(
    "The index in use stays, and what was embedded is kept: the same command goes on from there."
)
@click.command(epilog="Example: python -m index build --catalogue 'catalogue.csv?split=train'")
@build_options
def build(
    catalogue: str,
    group: bool | None,
    encoder: Path,
    indexes: Path,
    store: str,
    retrain: str | None,
    retrain_options: str,
    segmenter_options: str,
    max_drop: float,
    embedder_name: str,
    address: str | None,
    processes: int | None,
    cache: Path,
    fetching: Fetching,
    as_json: bool,
    recall: float,
    thumbnails: bool,
    **options: Any,
) -> None:
    """Embed a catalogue and publish an index of it, if it passes its checks.

    Photographs that an earlier build has embedded are not embedded again, nor read where their files are as
    they were.
    """
    place = open_store(store, indexes)
    with noting(indexes, catalogue=catalogue, encoder=encoder) as note, _naming_reports(indexes):
        loaded = Encoder.load(encoder)
        chosen = BuildOptions(
            limits=Limits(max_drop=max_drop, recall=recall),
            cache=cache,
            thumbnails=cache / FOLDER if thumbnails else None,
            embedder=embedder_named(embedder_name, processes=processes, address=address),
            processes=processes,
            progress=True,
            **options,
        )
        with suppress(OSError):  # without it the catalogue lies among the temporary files, which may be few
            cache.mkdir(parents=True, exist_ok=True)
        start = perf_counter()
        ahead = None if retrain else _head_start(chosen, loaded)
        with ahead or nullcontext():
            listed = read_catalogue(catalogue, cache=cache, group=group, fetching=fetching, meanwhile=ahead)
        chosen = replace(chosen, ahead=ahead.done if ahead else ())
        steps = {"catalogue": perf_counter() - start}
        if retrain:
            check_listed(listed, indexes=indexes, options=chosen)
            encoder = train_on(
                catalogue,
                encoder,
                models=Path("models"),
                cache=cache,
                allow_hosts=fetching.allowed_hosts,
                group=group,
                what=retrain,
                options=retrain_options,
                segmenter_options=segmenter_options,
            )
            before, loaded = loaded, Encoder.load(encoder)
            click.echo(require_as_good(listed, before, loaded, processes=processes), err=True)
            steps["train"] = perf_counter() - start - steps["catalogue"]
        built = build_index(listed, loaded, indexes=indexes, store=place, options=chosen)
        rounded = {name: round(seconds, 3) for name, seconds in steps.items()}
        built = replace(built, seconds=rounded | built.seconds)
        note.published(built, encoder)
    if as_json:
        print_json(summary.fields(built, encoder=encoder))
    else:
        click.echo("\n".join(summary.lines(built, store=place, encoder=encoder)))
