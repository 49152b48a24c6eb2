"""The demo: a catalogue found, an index of it built or reused, and the server started on it."""

import hashlib
import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np

from index.errors import IndexDamaged, NoIndex
from index.pages import SearchOptions
from index.stores.folder.searcher import Searcher
from service.run.server import Address, check_port_free
from training import child_process
from training.addresses.fetching import Fetching
from training.catalogue.content_digest import content_digest
from training.errors import EncoderMismatch, SilhouetteError
from training.files import write_atomically
from training.options import group_words, host_words
from training.photo.encoder import Encoder

REPOSITORY = "https://github.com/alexeygrigorev/clothing-dataset-small"
REACH_SECONDS = 4.0
DRAWN = "drawn:600"

LAST_DEMO = "last-demo.json"
"""Beside the versions: the one that the demo has built last, and the digest of what it was built from."""

Run = Callable[..., subprocess.CompletedProcess[Any]]


@dataclass(frozen=True)
class Demo:
    """What the demo works with.

    Parameters
    ----------
    catalogue : str or None
        The user's own, in any form that catalogues have; None to find one.
    encoder, indexes, cache, catalogues : Path
        The bundle, and the folders that are written to.
    address : Address
    workers : int
    allow_roots : tuple of Path
    allow_hosts : tuple of str
    group : bool or None
        As `python -m index build` takes them.
    """

    catalogue: str | None
    encoder: Path
    indexes: Path
    cache: Path
    catalogues: Path
    address: Address
    workers: int
    allow_roots: tuple[Path, ...] = ()
    allow_hosts: tuple[str, ...] = ()
    group: bool | None = None


def _say(text: str) -> None:
    click.echo(text, err=True)


def _reachable(run: Run) -> bool:
    """Return whether git reaches the photographs' repository within `REACH_SECONDS`."""
    try:
        run(
            ["git", "ls-remote", "--heads", REPOSITORY],
            env={**os.environ, "GIT_TERMINAL_PROMPT": "0"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=True,
            timeout=REACH_SECONDS,
        )
    except (OSError, subprocess.SubprocessError):
        return False
    return True


def _clone(target: Path, run: Run) -> bool:
    """Clone to a temporary name and rename: an interrupted clone is never mistaken for a complete one."""
    partial = target.with_name(f".{target.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        run(["git", "clone", "--depth", "1", "--progress", REPOSITORY, str(partial)], check=True)
    except (OSError, subprocess.SubprocessError):
        shutil.rmtree(partial, ignore_errors=True)
        return False
    partial.rename(target)
    return True


def find_catalogue(catalogues: Path, *, run: Run = subprocess.run) -> str:
    """Return the clothing photographs where they are here or can be cloned, else garments to be drawn.

    Parameters
    ----------
    catalogues : Path
        Folder that the photographs are cloned into.
    run : callable
        Runs a program, like `subprocess.run`.
    """
    target = catalogues / REPOSITORY.rpartition("/")[2]
    if target.is_dir():
        return str(target)
    if not _reachable(run):
        _say(f"The clothing photographs at {REPOSITORY} can't be reached; drawing sample garments instead.")
        return DRAWN
    _say(f"Fetching the clothing photographs (CC0) from {REPOSITORY}")
    if _clone(target, run):
        return str(target)
    _say("The photographs could not be fetched; drawing sample garments instead.")
    return DRAWN


def _digest(demo: Demo, spec: str) -> str:
    """Return a digest of the catalogue, and of how it is read; an empty text where it can't be had."""
    try:
        content = content_digest(spec, cache=demo.cache, fetching=Fetching(demo.allow_hosts))
    except (SilhouetteError, OSError) as error:
        _say(f"Whether the catalogue has changed is not known: {error}")
        return ""
    how = (content, demo.group, [*map(str, demo.allow_roots)], demo.allow_hosts)
    return hashlib.sha256(repr(how).encode()).hexdigest()


def _built_from(demo: Demo, version: str) -> str:
    """Return the digest of what the demo has built a version from; empty where it has not built it."""
    try:
        noted = json.loads((demo.indexes / LAST_DEMO).read_bytes())
        return str(noted["digest"]) if noted["version"] == version else ""
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _described(searcher: Searcher) -> str:
    """Return how much an index holds, and since when."""
    manifest = searcher.manifest
    further = f" with {manifest.photographs:,} photographs" if manifest.photographs > manifest.items else ""
    return f"{searcher.count:,} items{further}, built {manifest.built_at}"


def _usable(demo: Demo, spec: str, encoder: Encoder, digest: str) -> Searcher | None:
    """Return the published index, where it was built from the same catalogue with the same encoder.

    Of one that the demo has not built, only the catalogue's name is known.
    """
    try:
        searcher = Searcher.open(demo.indexes, encoder=encoder)
    except (NoIndex, IndexDamaged, EncoderMismatch):
        return None
    if searcher.manifest.catalogue != spec:
        return None
    before = _built_from(demo, searcher.manifest.version)
    if before and digest and before != digest:
        _say("The catalogue has changed since the index was built, so it is built again.")
        return None
    _say(f"Using the index of {_described(searcher)}")
    if not (before and digest):
        command = ["python", "-m", "index", "build", "--catalogue", spec, "--out", str(demo.indexes)]
        _say(f"What has changed since is not shown. To build it again: {shlex.join(command)}")
    return searcher


def _build(demo: Demo, spec: str, run: Run) -> None:
    """Build in a process of its own, whose worker processes end with it."""
    options = {
        "--catalogue": spec,
        "--encoder": demo.encoder,
        "--out": demo.indexes,
        "--cache": demo.cache,
        "--max-drop": 1,  # whatever was found this time is what is shown
    }
    flags = [str(part) for option in options.items() for part in option]
    flags += [word for root in demo.allow_roots for word in ("--allow-root", str(root))]
    flags += host_words(demo.allow_hosts)
    flags += group_words(demo.group)
    command = [sys.executable, "-m", "index", "build", *flags]
    answer = run(command, stdout=sys.stderr)
    if answer.returncode != 0:
        sys.exit(answer.returncode)


def _first_photo(searcher: Searcher) -> Path:
    """Return the photograph at the head of the ranking by the first axis: the same one each time."""
    axis = [[1.0] + [0.0] * (searcher.encoder.dimension - 1)]
    (page,) = searcher.search(np.asarray(axis, np.float32), SearchOptions(limit=1))
    return page.hits[0].item.photographs[page.hits[0].photograph]


def prepare(demo: Demo, *, run: Run | None = None) -> Path:
    """Make sure that an index of the catalogue as it is now is published; return one of its photographs.

    A catalogue that can't be had now is taken for unchanged.

    Raises
    ------
    SilhouetteError
        The port is taken, or the catalogue, the encoder or the disk can't be used.
    """
    check_port_free(demo.address)
    spec = demo.catalogue or find_catalogue(demo.catalogues, run=run or subprocess.run)
    encoder = Encoder.load(demo.encoder)
    digest = _digest(demo, spec)
    searcher = _usable(demo, spec, encoder, digest)
    if searcher is None:
        _build(demo, spec, run or child_process.run)
        searcher = Searcher.open(demo.indexes, encoder=encoder)
        note = {"version": searcher.manifest.version, "digest": digest}
        write_atomically(demo.indexes / LAST_DEMO, (json.dumps(note) + "\n").encode())
    return _first_photo(searcher)


def start(demo: Demo, example: Path) -> None:
    """Become the server, as a fresh process: FAISS and LiteRT have threads that a fork would break."""
    options = {
        "--host": demo.address.host,
        "--port": demo.address.port,
        "--workers": demo.workers,
        "--encoder": demo.encoder,
        "--indexes": demo.indexes,
        "--example": example,
    }
    flags = [str(part) for option in options.items() for part in option]
    flags += host_words(demo.allow_hosts)
    os.execv(sys.executable, [sys.executable, "-m", "service", "serve", *flags])
