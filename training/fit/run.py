"""A training run's settings and its folder: which host writes there, and what a resumed run must match."""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from training.catalogue.reader import Item
from training.config import Config, from_dict
from training.errors import EncoderMismatch, HostsDisagree, RunExists, UnreadableEncoder
from training.files import write_atomically
from training.fit.dataset import Dataset, check_space
from training.photo.segmenter import Segmenter, shipped

RUN_FILE = "run.json"
HISTORY_FILE = "history.json"
METRICS_FILE = "metrics.json"
CHECKPOINT = "checkpoint"

_RUN_BYTES = 300 * 2**20


@dataclass(frozen=True)
class Run:
    """The settings of a training run, as they stand in `run.json`; a resumed run must have the same.

    Parameters
    ----------
    catalogue : str
        What is trained on.
    validation : str or None
        What chooses the best epoch; without it a tenth of the catalogue is held out.
    init : str or None
        Encoder bundle whose weights the run starts from.
    supervise : str or None
        "category" to also pull garments of one category together.
    config : Config
    segmenter : Segmenter
        Which makes the cut-outs; `run.json` has its fingerprint.
    worn : str or None
        Catalogue of parsed photographs of people, whose garments are learned from, too.
    drawn : int
        How many drawn garments are learned from, too, laid out and worn.
    """

    catalogue: str
    validation: str | None
    init: str | None
    supervise: str | None
    config: Config
    segmenter: Segmenter = field(default_factory=shipped)
    worn: str | None = None
    drawn: int = 0

    def as_json(self) -> str:
        """Return what stands in `run.json`."""
        fields = {**vars(self), "config": asdict(self.config), "segmenter": self.segmenter.fingerprint}
        return json.dumps(fields, indent=2) + "\n"

    def categories(self, data: Dataset) -> np.ndarray:
        """Return the category numbers that supervise, int32 (n,); all -1 without supervision."""
        return data.categories() if self.supervise == "category" else np.full(len(data.items), -1, np.int32)


def check_run(run: Run, out: Path, *, resume: bool) -> None:
    """Raise `RunExists` where `out` holds a run that must not be overwritten, or one with other settings."""
    path = out / RUN_FILE
    if not path.exists():
        check_space(out, _RUN_BYTES)
    elif not resume:
        raise RunExists(
            f"'{out}' holds a training run already. Resume it with --resume, or name another --out."
        )
    elif path.read_text() != run.as_json():
        raise RunExists(
            f"The run in '{out}' was started with other settings (see {path}). "
            "Resume with the same catalogue and options, or name another --out."
        )


def claim(out: Path, settings: Mapping[str, Any]) -> None:
    """Write to `out` what a training that always goes on is made with.

    One that ended before it had learned anything, for want of photographs, leaves the folder to others.

    Raises
    ------
    RunExists
        It holds a training with other settings.
    """
    text, path = json.dumps(settings, indent=2) + "\n", out / RUN_FILE
    if path.exists() and path.read_text() != text and len(os.listdir(out)) > 1:
        raise RunExists(
            f"'{out}' holds a training with another catalogue or configuration (see {path}). "
            "Name another --out."
        )
    write_atomically(path, text.encode())


def read_finished(out: Path) -> tuple[Config, Segmenter, dict[str, Any]]:
    """Return what a finished run is exported from: its configuration, its segmenter and its `metrics.json`.

    Raises
    ------
    UnreadableEncoder
        The folder holds no finished run.
    EncoderMismatch
        The segmenter is not the run's.
    """
    try:
        settings = json.loads((out / RUN_FILE).read_text())
        description = json.loads((out / METRICS_FILE).read_text())
    except OSError as error:
        raise UnreadableEncoder(
            f"'{out}' holds no finished training run: {error.filename} is missing."
        ) from error
    config, segmenter = from_dict(settings["config"]), Segmenter.of_bundle(out)
    if segmenter.fingerprint != (stated := settings.get("segmenter", segmenter.fingerprint)):
        raise EncoderMismatch(
            f"The run in '{out}' was made with the segmenter {stated[:12]}; {segmenter.fingerprint[:12]} is "
            "there now. Copy the whole folder again, or train again."
        )
    return config, segmenter, description


@contextmanager
def own_folder(out: Path, *, resume: bool) -> Iterator[Path]:
    """Yield `out` on the first host, on the others a temporary folder with what a resumed run reads."""
    from training import device  # loads TensorFlow, which a folder that is refused does without

    if device.is_first():
        yield out
        return
    with tempfile.TemporaryDirectory() as name:
        own = Path(name)
        if resume and (out / HISTORY_FILE).exists():
            shutil.copy(out / HISTORY_FILE, own)
            shutil.copytree(out / CHECKPOINT, own / CHECKPOINT)
        yield own


def check_hosts(run: Run, items: Sequence[Item], *, epoch: int) -> None:
    """Raise `HostsDisagree` where a host was started with another run, other photographs or checkpoints."""
    from training import device

    for what, facts in (
        ("settings", run.as_json()),
        ("photographs", "\n".join(item.item_id for item in items)),
        ("checkpoints (is --out on a disk that all hosts share?)", str(epoch)),
    ):
        digests = device.gather(np.frombuffer(hashlib.sha256(facts.encode()).digest(), np.uint8))
        if (digests != digests[0]).any():
            raise HostsDisagree(
                f"The hosts do not have the same {what}. Start the same command on each, with its own --host."
            )
