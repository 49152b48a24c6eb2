"""Training before a build: from the encoder in use, in a process of its own, into a folder of its own."""

import shlex
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path

from index.errors import RetrainingFailed
from training import child_process

Run = Callable[..., subprocess.CompletedProcess[bytes]]


def retrain(
    catalogue: str,
    encoder: Path,
    *,
    models: Path,
    cache: Path,
    options: str = "",
    run: Run = child_process.run,
    now: datetime | None = None,
) -> Path:
    """Train an encoder on a catalogue and return the folder of its bundle.

    Parameters
    ----------
    catalogue : str
        As it was named.
    encoder : Path
        The bundle whose weights training starts from.
    models : Path
        The new bundle gets a folder in it, named by the time.
    cache : Path
        Folder for what can be made again.
    options : str
        Further options of `python -m training fit`, as in a shell.
    run : callable
        Runs a program, like `training.child_process.run`.
    now : datetime, optional
        By default, the clock's.

    Raises
    ------
    RetrainingFailed
        TensorFlow is not installed, or the training has ended with an error.
    """
    if find_spec("tensorflow") is None:
        raise RetrainingFailed(
            "Training needs TensorFlow, which is not installed here. Install requirements.txt, or build "
            "without --retrain."
        )
    out = models / f"{now or datetime.now(UTC):%Y-%m-%dT%H-%M-%SZ}"
    command = ["--catalogue", catalogue, "--init", str(encoder), "--out", str(out), "--cache", str(cache)]
    command = [sys.executable, "-m", "training", "fit", *command, *shlex.split(options)]
    answer = run(command, stdout=sys.stderr)
    if answer.returncode != 0:
        raise RetrainingFailed(
            f"Training failed with exit code {answer.returncode} (its last lines say why). The index and "
            f"the encoder in use are unchanged; the unfinished encoder is in '{out}'."
        )
    return out
