"""Photographs embedded by Ray Data: long-lived actors with an encoder, one a core, in a cluster or here.

Loaded only where Ray is asked for: the package ray is not needed otherwise.
"""

import logging
import os
import pickle
import secrets
import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import ray
import ray.data

import index
import training
from index.embedding.cache import recipe
from index.embedding.embedder import ItemPhoto, Outcome, Results, embed_photo
from index.errors import EmbedderUnavailable
from training.errors import UnreadableImage
from training.parallel import cpu_count, in_order
from training.photo.encoder import Encoder

_QUIET = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_BACKEND_LOG_LEVEL": "fatal"}
_STORE = 256 * 2**20  # bytes for paths and vectors under way, where Ray is started here
_AUTO = "auto"
_PATIENCE = 10  # seconds


def _hush() -> None:
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = context.print_on_execution_start = False


def _package(module: Any) -> str:
    return str(Path(module.__file__).parent)


def _options(address: str | None, processes: int | None) -> dict[str, Any]:
    """Return the options of `ray.init`; a cluster gets our code, so that all machines run the same."""
    if address is not None:
        return {"address": address, "runtime_env": {"py_modules": [_package(index), _package(training)]}}
    cores = {"num_cpus": processes or cpu_count(), "object_store_memory": _STORE}
    return {"address": "local", "include_dashboard": False, **cores}


def _require_listener(address: str) -> None:
    """Raise `OSError` or `ValueError` where nothing listens; Ray itself would retry for 15 minutes."""
    host, _, port = address.rpartition(":")
    socket.create_connection((host, int(port)), _PATIENCE).close()


def _join(address: str | None, processes: int | None) -> None:
    try:
        if address is None:
            os.environ.setdefault(
                "RAY_AUTH_TOKEN", secrets.token_hex()
            )  # else Ray keeps one in the home folder
        elif address != _AUTO:
            _require_listener(address)
        ray.init(**_options(address, processes), log_to_driver=False, logging_level=logging.ERROR)
    except (OSError, RuntimeError, ValueError, OverflowError, ray.exceptions.RayError) as error:
        where = "start here" if address is None else f"answer at {address!r}"
        raise EmbedderUnavailable(
            f"Ray does not {where} ({str(error).splitlines()[0]}). Start it with `ray start --head`, on "
            "further machines with `ray start --address=HOST:6379` (docs/scale.md). Without --address no "
            "cluster is needed."
        ) from error


@contextmanager
def joined(address: str | None, *, processes: int | None = None) -> Iterator[None]:
    """Join a cluster for the block; a cluster that this process has already joined is used as it is.

    Parameters
    ----------
    address : str or None
        "auto" or HOST:PORT of a cluster to which this machine belongs; without it Ray is started here, and
        ended with the block. What Ray prints goes to standard error meanwhile.
    processes : int, optional
        Cores that a Ray which is started here may use; by default all.

    Raises
    ------
    EmbedderUnavailable
        Ray does not start, or does not answer.
    """
    _hush()
    before = ray.is_initialized()
    with redirect_stdout(sys.stderr):
        if not before:
            _join(address, processes)
        try:
            yield
        finally:
            if not before:
                ray.shutdown()


BATCH = 32
"""Photographs of one task, a third of a second's work: what is done again where a machine died over it."""

_CLIENT = "ray://"


@dataclass(frozen=True)
class _Report:
    """The result of a batch: the machine's name, its `recipe`, and the outcomes in order."""

    machine: str
    recipe: str
    outcomes: list[Outcome]


class _Worker:
    """Embeds batches in one process of the cluster, which gets the encoder once."""

    def __init__(self, encoder: Encoder) -> None:
        self._embed = partial(embed_photo, encoder=encoder)
        self._recipe = recipe(encoder)

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        packed = pickle.loads(row["photos"])
        photos = [ItemPhoto(Path(os.fsdecode(path)), kind, garments) for path, kind, garments in packed]
        outcomes = list(in_order(self._embed, photos, processes=1))
        report = _Report(socket.gethostname(), self._recipe, outcomes)
        return {"start": row["start"], "report": pickle.dumps(report)}


def _batches(photos: Sequence[ItemPhoto]) -> list[dict[str, Any]]:
    """Return the start and photographs of each batch, as rows for Ray; paths need not be Unicode."""
    packed = [(os.fsencode(photo.path), photo.kind, photo.garments) for photo in photos]
    return [
        {"start": start, "photos": pickle.dumps(packed[start : start + BATCH])}
        for start in range(0, len(packed), BATCH)
    ]


def _reports(
    photos: Sequence[ItemPhoto], encoder: Encoder, processes: int | None
) -> Iterator[tuple[int, _Report]]:
    """Yield the start of each batch and its report, in order of completion."""
    rows = _batches(photos)
    cores = int(ray.cluster_resources().get("CPU", 1))
    pool = ray.data.ActorPoolStrategy(
        min_size=1, initial_size=min(cores, processes or cores, len(rows)), max_size=processes
    )
    batches = ray.data.from_items(rows, override_num_blocks=len(rows))
    done = batches.map(_Worker, fn_constructor_args=(encoder,), compute=pool, num_cpus=1)
    for row in done.iter_rows():
        yield row["start"], pickle.loads(row["report"])


def _check_machine(report: _Report, wanted: str) -> None:
    if report.recipe != wanted:
        raise EmbedderUnavailable(
            f"The machine {report.machine!r} embeds with {report.recipe}, this one with {wanted}: the "
            "vectors would differ. Install the same requirements-serving.txt on all machines of the cluster."
        )


def _check_seen(path: Path, outcome: Outcome, machine: str) -> None:
    """Refuse a photograph that only that machine can't read: the catalogue is not to blame."""
    if isinstance(outcome, UnreadableImage) and path.is_file() and os.access(path, os.R_OK):
        raise EmbedderUnavailable(
            f"The machine {machine!r} can't read '{path}', which this one can: {outcome} All machines of the "
            "cluster must see the photographs under the same paths, as on a shared volume. Mount it, build "
            "again: what was embedded is kept."
        )


class RayEmbedder:
    """Actors of a Ray cluster; a batch whose machine dies is embedded by another.

    Parameters
    ----------
    processes : int, optional
        Actors at most; by default one a core of the cluster.
    address : str, optional
        As for `joined`.

    Raises
    ------
    EmbedderUnavailable
        The address is one of Ray's client, through which Ray Data does not run.
    """

    def __init__(self, *, processes: int | None = None, address: str | None = None) -> None:
        if address is not None and address.startswith(_CLIENT):
            raise EmbedderUnavailable(
                f"Ray Data does not run through Ray's client ({address}). Build on a machine of the cluster, "
                "which one becomes by `ray start --address=HOST:6379`, with --address auto."
            )
        self._processes, self._address = processes, address

    def embed(self, photos: Sequence[ItemPhoto], encoder: Encoder) -> Results:
        """Yield the outcomes, batch by batch, as they come.

        Raises
        ------
        EmbedderUnavailable
            There is no cluster, or it fails, or one of its machines does not see the photographs or has
            other libraries.
        """
        with joined(self._address, processes=self._processes):
            try:
                for start, report in _reports(photos, encoder, self._processes):
                    _check_machine(report, recipe(encoder))
                    for place, outcome in enumerate(report.outcomes, start):
                        _check_seen(photos[place].path, outcome, report.machine)
                        yield place, outcome
            except ray.exceptions.RayError as error:
                reason = str(error).strip().splitlines()[-1].strip()
                raise EmbedderUnavailable(
                    f"Ray could not embed the photographs ({reason}). Build again: what was embedded is kept."
                ) from error
