"""The options that the commands of the index share, and how they print JSON."""

import json
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click

from index.stores.address import open_store

indexes_option = click.option(
    "--indexes",
    type=click.Path(path_type=Path),
    default=Path("indexes"),
    show_default=True,
    help="Folder of the published versions.",
)
store_address_option = click.option(
    "--store",
    default="",
    envvar="SILHOUETTE_STORE",
    show_envvar=True,
    help="Milvus instead of the folder: milvus://HOST:19530, or milvus:FILE.db.  [default: the folder]",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON. [default: text]")


def store_options(function: Callable[..., None]) -> Callable[..., None]:
    """Add the options that locate the index to a command, which receives the opened `store`."""

    @wraps(function)
    def command(*arguments: Any, indexes: Path, store: str, **options: Any) -> None:
        function(*arguments, store=open_store(store, indexes), **options)

    return indexes_option(store_address_option(command))


def print_json(answer: Any) -> None:
    """Print an answer for a program."""
    click.echo(json.dumps(answer, indent=1))
