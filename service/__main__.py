"""The command line of the service: `python -m service serve`, `demo` and `keys`."""

import os
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import click

from service.config import FILE, Config, settings_in_words
from service.errors import ServiceUnusable
from service.http.keys import add_key, read_keys, remove_key
from service.run.server import Address, usable
from service.run.server import serve as run_server
from training.command import SilhouetteGroup, when_interrupted

_FOLDER = click.Path(file_okay=False, path_type=Path)
_FILE = click.Path(dir_okay=False, path_type=Path)


def _help_of_settings() -> Iterator[str]:
    yield f"\b\nSettings, as variables; {FILE} names a TOML file that has them too, in lower case and without"
    yield "SILHOUETTE_. An option overrides a variable, and a variable the file."
    for name, default, accepted, about in settings_in_words():
        yield f"\n\b\n{name}={default if default != 'none' else ''}\n  {about}\n  Accepted: {accepted}."


_host = click.option("--host", help="Address to listen on.")
_port = click.option("--port", type=int, help="Port to listen on.")
_prefix = click.option("--prefix", help="Path under which a proxy passes the service on, such as /shop.")
_workers = click.option("--workers", type=int, help="Processes; each holds the encoder and the index.")
_encoder = click.option("--encoder", type=_FOLDER, help="Encoder bundle; by default the one that ships.")
_indexes = click.option(
    "--indexes", type=_FOLDER, help="Folder of the published indexes; by default indexes."
)
_allow_host = click.option(
    "--allow-host",
    "allow_hosts",
    multiple=True,
    help="Host beside the public internet from which pictures may be fetched; repeat it for several.",
)
_store = click.option("--store", help="Address of Milvus instead of the folder.")


def _config(**options: Any) -> Config:
    given = {name: value for name, value in options.items() if value is not None}
    port = os.environ.get("SILHOUETTE_PORT") or os.environ.get("PORT", "")
    return replace(Config.from_environment({**os.environ, "SILHOUETTE_PORT": port}), **given)


@click.group(cls=SilhouetteGroup)
def main() -> None:
    """Answer searches over HTTP."""


def _check(config: Config) -> None:
    """Say what would be served; raises `ServiceUnusable` where searches would not be answered."""
    found = usable(config)
    if found.not_ready:
        raise ServiceUnusable(found.not_ready)
    click.echo(f"Sound: index {found.version} with {found.items:,} items, encoder '{config.encoder}'")


@main.command(epilog="\n".join(_help_of_settings()))
@_host
@_port
@_prefix
@_workers
@_encoder
@_indexes
@_store
@_allow_host
@click.option("--check", is_flag=True, help="Open what would be served, say what is wrong, and end.")
@click.option("--example", type=_FILE, hidden=True)
def serve(check: bool, example: Path | None, allow_hosts: tuple[str, ...], **options: Any) -> None:
    """Serve the published index until Ctrl-C. SIGHUP reads the settings again without losing a request.

    With --check the exit status is 1 where searches would not be answered.
    """
    options["allowed_hosts"] = allow_hosts or None
    if check:
        _check(_config(**options))
    else:
        run_server(partial(_config, **options), example=example)


@when_interrupted("What was fetched and embedded is kept: the same command goes on from there.")
@main.command()
@click.option("--catalogue", help="Your own photographs; by default the clothing photographs are fetched.")
@_host
@_port
@_workers
@_encoder
@_indexes
@click.option(
    "--allow-root",
    "allow_roots",
    multiple=True,
    type=_FOLDER,
    help="As `python -m index build` takes it, where it has to build.",
)
@_allow_host
@click.option(
    "--group/--no-group", default=None, help="As `python -m index build` takes it, where it has to build."
)
@click.option("--cache", type=_FOLDER, default="cache", show_default=True, envvar="SILHOUETTE_CACHE")
@click.option("--catalogues", type=_FOLDER, default="catalogues", show_default=True)
def demo(
    catalogue: str | None,
    allow_roots: tuple[Path, ...],
    allow_hosts: tuple[str, ...],
    group: bool | None,
    cache: Path,
    catalogues: Path,
    **options: Any,
) -> None:
    """Find a catalogue, build its index unless there is one, and serve it."""
    from service.run.demo import Demo, prepare, start  # what `serve` must not load before it forks

    config = _config(**options)
    address = Address.of(config)
    places = config.encoder, config.indexes, cache, catalogues
    plan = Demo(catalogue or None, *places, address, config.workers, allow_roots, allow_hosts, group)
    start(plan, prepare(plan))


@main.group()
def keys() -> None:
    """Make, list and remove the keys that writing and the status page need; without any, there is neither."""


@keys.command()
@click.argument("name")
def add(name: str) -> None:
    """Make a key and print it, once: only its hash is kept."""
    click.echo(add_key(_config().keys, name))


@keys.command(name="list")
def list_() -> None:
    """List the names of the keys, and when each was made."""
    for name, key in sorted(read_keys(_config().keys).items()):
        click.echo(f"{key.created}  {name}")


@keys.command()
@click.argument("name")
def remove(name: str) -> None:
    """Remove a key; running services refuse it from the next write on."""
    remove_key(_config().keys, name)


if __name__ == "__main__":
    main()
