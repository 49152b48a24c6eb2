"""The click options that the commands of `training` and `index` share.

It loads the encoder's runtime, so nothing that `service` runs before it forks may import it.
"""

from collections.abc import Callable, Sequence
from functools import wraps
from pathlib import Path
from typing import Any

import click

from training.addresses.fetching import Fetching
from training.addresses.public_hosts import ALLOWED_HOSTS, HOST_NAME
from training.photo.encoder import PRETRAINED

cache_option = click.option(
    "--cache",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("cache"),
    envvar="SILHOUETTE_CACHE",
    show_default=True,
    show_envvar=True,
    help="Folder for files that can be recreated: fetched photographs, prepared cut-outs, drawn pictures.",
)
group_option = click.option(
    "--group/--no-group",
    default=None,
    help="Rows with the same item_id, the pictures of one folder, the variants of a feed's product are one "
    "item.  [default: the variants of a feed are, the others not]",
)


def group_words(group: bool | None) -> list[str]:
    """Return the words that pass the value of `group_option` on to another command."""
    return [] if group is None else ["--group" if group else "--no-group"]


processes_option = click.option(
    "--processes", type=click.IntRange(min=1), help="Worker processes.  [default: one a core]"
)
encoder_option = click.option(
    "--encoder",
    type=click.Path(path_type=Path),
    default=PRETRAINED,
    show_default="training/pretrained",
    help="Folder of the encoder bundle.",
)


def _names(context: click.Context, option: click.Parameter, given: tuple[str, ...]) -> tuple[str, ...]:
    names = tuple(name for text in given for name in text.replace(",", " ").split())
    for name in names:
        if not HOST_NAME.fullmatch(name):
            raise click.BadParameter(
                f"{name!r:.80} is not the name of a host. Name one such as images.internal, without a port."
            )
    return names


def host_words(hosts: Sequence[str]) -> list[str]:
    """Return the words that pass the value of `allow_host_option` on to another command."""
    return [word for host in hosts for word in ("--allow-host", host)]


allow_host_option = click.option(
    "--allow-host",
    "allow_hosts",
    multiple=True,
    envvar=ALLOWED_HOSTS,
    show_envvar=True,
    callback=_names,
    help="Host beside the public internet, or bucket, from which photographs may be fetched; repeat it for "
    "several.  [default: none]",
)


def fetching_options(function: Callable[..., None]) -> Callable[..., None]:
    """Add the options for photographs by address to a command, which receives `fetching`."""

    @allow_host_option
    @click.option(
        "--cache-bytes",
        type=click.IntRange(min=0),
        default=Fetching.cache_bytes,
        show_default=True,
        help="How much fetched photographs may take in the cache; those that were used within two days stay.",
    )
    @wraps(function)
    def command(*arguments: Any, allow_hosts: tuple[str, ...], cache_bytes: int, **options: Any) -> None:
        fetching = Fetching(allow_hosts, cache_bytes=cache_bytes, progress=True)
        function(*arguments, fetching=fetching, **options)

    return command
