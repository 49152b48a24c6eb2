"""Training before a build: from the encoder in use, in a process of its own, into a folder of its own.

What was trained is compared with what it was trained from, before anything is built with it.
"""

import shlex
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from index.errors import RetrainingFailed
from training import child_process
from training.catalogue.reader import Catalogue
from training.options import group_words, host_words
from training.photo.encoder import PRETRAINED, Encoder

ENCODER, ALL = "encoder", "all"
RETRAINED = (ENCODER, ALL)
"""What is trained: the encoder, or the segmenter and then an encoder for it."""

COMPARED = 2000
"""Photographs on which encoders are compared, at most."""

TOLERANCE = 0.01
"""By how much P@10 may fall: about what chance does to it on so many photographs."""

Run = Callable[..., subprocess.CompletedProcess[bytes]]


def _train(words: list[str], out: Path, run: Run) -> None:
    answer = run([sys.executable, "-m", "training", *words], stdout=sys.stderr)
    if answer.returncode != 0:
        raise RetrainingFailed(
            f"Training failed with exit code {answer.returncode} (its last lines say why). The index and "
            f"the encoder in use are unchanged; what is unfinished is in '{out}'."
        )


def retrain(
    catalogue: str,
    encoder: Path,
    *,
    models: Path,
    cache: Path,
    allow_hosts: Sequence[str] = (),
    group: bool | None = None,
    what: str = ENCODER,
    options: str = "",
    segmenter_options: str = "",
    run: Run = child_process.run,
    now: datetime | None = None,
) -> Path:
    """Train an encoder on a catalogue, and its segmenter before it if asked; return the folder of its bundle.

    A segmenter is always trained from the one that ships, which also labels the photographs: from night to
    night, its own errors would else be learned again.

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
    allow_hosts : sequence of str
        As `python -m training fit` takes them.
    group : bool or None
        How the catalogue is read, as `read_catalogue` takes it.
    what : str
        One of `RETRAINED`.
    options, segmenter_options : str
        Further options of `python -m training fit` and `segmenter`, as in a shell.
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
    common = ["--catalogue", catalogue, "--cache", str(cache), *group_words(group)]
    common += host_words(allow_hosts)
    words = ["fit", *common, "--init", str(encoder), "--out", str(out)]
    if what == ALL:
        own = out / "segmenter"
        segmenter = ["segmenter", *common, "--init", str(PRETRAINED), "--out", str(own)]
        _train([*segmenter, *shlex.split(segmenter_options)], out, run)
        words += ["--segmenter", str(own)]
    _train([*words, *shlex.split(options)], out, run)
    return out


def _p_at_10(encoder: Encoder, catalogue: Catalogue, processes: int | None) -> float:
    from training.evaluation.retrieval import evaluate  # loads scikit-image, which no other build needs

    (judged,) = evaluate(encoder, catalogue, catalogue, baselines=False, processes=processes)
    return judged.scores.p_at_10


def require_as_good(
    catalogue: Catalogue, before: Encoder, after: Encoder, *, processes: int | None = None
) -> str:
    """Compare an encoder with the one it was trained from, each with its own segmenter.

    Parameters
    ----------
    catalogue : Catalogue
        Some of its photographs that have a category ask for all of these.
    before, after : Encoder
    processes : int, optional
        That read photographs; by default one a core.

    Returns
    -------
    str
        A line with what was found.

    Raises
    ------
    RetrainingFailed
        Fewer of the first ten answers have the category of the query than before, by more than `TOLERANCE`.
    TooFewImages
        No photograph can be read.
    """
    known = [item for item in catalogue.items if item.category is not None]
    if len({item.category for item in known}) < 2:
        return "Not compared with the encoder before: the catalogue has no two categories."
    some = sorted(np.random.default_rng(0).permutation(len(known))[:COMPARED].tolist())
    sample = replace(catalogue, items=tuple(known[place] for place in some))
    old, new = (_p_at_10(encoder, sample, processes) for encoder in (before, after))
    figures = f"P@10 by category on {len(some):,} photographs of the catalogue: {new:.3f}, before {old:.3f}"
    if new < old - TOLERANCE:
        raise RetrainingFailed(
            f"The encoder that was trained is worse ({figures}). The index and the encoder in use are "
            "unchanged. Train for longer, or on more photographs (docs/training.md)."
        )
    return f"The encoder that was trained is as good as the one before. {figures}."
