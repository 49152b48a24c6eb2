"""The command line of the service: `python -m service serve` and `python -m service demo`."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from service.config import Config
from service.server import Address
from service.server import serve as run_server
from training.command import SilhouetteGroup

_FOLDER = click.Path(file_okay=False, path_type=Path)
_FILE = click.Path(dir_okay=False, path_type=Path)

_host = click.option("--host", default="127.0.0.1", show_default=True, envvar="SILHOUETTE_HOST")
_port = click.option(
    "--port",
    type=click.IntRange(1, 65535),
    default=8000,
    show_default=True,
    envvar=["SILHOUETTE_PORT", "PORT"],
)
_workers = click.option(
    "--workers",
    type=click.IntRange(1, 64),
    default=2,
    show_default=True,
    envvar="SILHOUETTE_WORKERS",
    help="Processes; each holds the encoder and the index and answers 4 requests at once.",
)
_encoder = click.option("--encoder", type=_FOLDER, help="Encoder bundle; by default the one that ships.")
_indexes = click.option(
    "--indexes", type=_FOLDER, help="Folder of the published indexes; by default indexes."
)


def _config(encoder: Path | None, indexes: Path | None) -> Config:
    given: dict[str, Any] = {"encoder": encoder, "indexes": indexes}
    chosen = {name: path for name, path in given.items() if path is not None}
    return replace(Config.from_environment(os.environ), **chosen)


@click.group(cls=SilhouetteGroup)
def main() -> None:
    """Answer searches over HTTP."""


@main.command()
@_host
@_port
@_workers
@_encoder
@_indexes
@click.option("--example", type=_FILE, hidden=True)
def serve(
    host: str, port: int, workers: int, encoder: Path | None, indexes: Path | None, example: Path | None
) -> None:
    """Serve the published index until Ctrl-C; SILHOUETTE_* variables hold the further settings."""
    run_server(_config(encoder, indexes), Address(host, port), workers=workers, example=example)


@main.command()
@click.option("--catalogue", help="Your own photographs; by default the clothing photographs are fetched.")
@_host
@_port
@_workers
@_encoder
@_indexes
@click.option("--cache", type=_FOLDER, default="cache", show_default=True, envvar="SILHOUETTE_CACHE")
@click.option("--catalogues", type=_FOLDER, default="catalogues", show_default=True)
def demo(
    catalogue: str | None,
    host: str,
    port: int,
    workers: int,
    encoder: Path | None,
    indexes: Path | None,
    cache: Path,
    catalogues: Path,
) -> None:
    """Find a catalogue, build its index unless there is one, and serve it."""
    from service.demo import Demo, prepare, start  # what `serve` must not load before it forks

    config = _config(encoder, indexes)
    address = Address(host, port)
    plan = Demo(catalogue or None, config.encoder, config.indexes, cache, catalogues, address, workers)
    start(plan, prepare(plan))


if __name__ == "__main__":
    main()
