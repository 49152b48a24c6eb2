"""Weights that training goes on from: float16, numbered in the model's order, in a file `.npz`."""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from training.errors import EncoderMismatch, UnreadableEncoder
from training.files import write_atomically

if TYPE_CHECKING:
    import keras


def save(
    weights: "Sequence[keras.Variable]", file: Path, named: Mapping[str, np.ndarray] | None = None
) -> None:
    """Write weights, and arrays that have names, as float16, atomically."""
    arrays = {f"{i:03d}": np.asarray(weight) for i, weight in enumerate(weights)} | dict(named or {})
    halves: dict[str, Any] = {name: array.astype(np.float16) for name, array in arrays.items()}
    content = io.BytesIO()
    np.savez_compressed(content, **halves)
    write_atomically(file, content.getvalue())


def read(file: Path) -> dict[str, np.ndarray]:
    """Return arrays as float32 by their names, in order.

    Raises
    ------
    UnreadableEncoder
        There are no weights, or they can't be read.
    """
    try:
        with np.load(file) as stored:
            return {name: stored[name].astype(np.float32) for name in sorted(stored)}
    except (OSError, ValueError) as error:
        raise UnreadableEncoder(
            f"No weights can be read from '{file.parent}' ({error}). Name a folder with {file.name}."
        ) from error


def assign(weights: "Sequence[keras.Variable]", arrays: Sequence[np.ndarray], file: Path) -> None:
    """Set weights to arrays of the same shapes.

    Raises
    ------
    EncoderMismatch
        They belong to another architecture.
    """
    if [array.shape for array in arrays] != [tuple(weight.shape) for weight in weights]:
        raise EncoderMismatch(
            f"The network of '{file}' has another architecture than this configuration. "
            "Use the configuration it was trained with, or train without --init."
        )
    for weight, array in zip(weights, arrays, strict=True):
        weight.assign(array)
