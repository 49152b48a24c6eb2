"""The exported encoder on LiteRT: photographs in, float32 (n, d) unit vectors out, without TensorFlow.

A bundle is a folder with `encoder.tflite` (uint8 (n, 128, 128, 2) -> float32 (n, k)), `encoder.json`
(fingerprint, shapes, weight of the types, preprocessing version, training data, scores) and `weights.npz` to
resume training from; with a segmenter of its own, also `segmenter.tflite`.
"""

import hashlib
import json
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from training.errors import EncoderMismatch, UnreadableEncoder
from training.photo.confidence import Calibration
from training.photo.garment import (
    WORKING_SIZE,
    Garment,
    encoder_input,
    isolate,
    luminance_and_mask,
    read_garment,
)
from training.photo.garment_types import TYPES
from training.photo.images import shrink
from training.photo.litert import LiteModel
from training.photo.segmenter import Segmenter, shipped

MODEL_FILE = "encoder.tflite"
DESCRIPTION_FILE = "encoder.json"
WEIGHTS_FILE = "weights.npz"
PRETRAINED = Path(__file__).parents[1] / "pretrained"

_BATCH = 32


def fingerprint(model: bytes) -> str:
    """Return the SHA-256 of an exported model as 64 hexadecimal digits."""
    return hashlib.sha256(model).hexdigest()


def _read(folder: Path) -> tuple[bytes, dict[str, Any]]:
    try:
        model = (folder / MODEL_FILE).read_bytes()
        description = json.loads((folder / DESCRIPTION_FILE).read_text())
    except FileNotFoundError as error:
        raise UnreadableEncoder(
            f"No encoder in '{folder}': {Path(error.filename).name} is missing. "
            "Train one with `python -m training fit`, or use training/pretrained."
        ) from error
    except (OSError, ValueError) as error:
        raise UnreadableEncoder(f"The encoder in '{folder}' can't be read: {error}.") from error
    return model, description


def _check_version(folder: Path, description: dict[str, Any], segmenter: Segmenter) -> None:
    stated = description.get("preprocessing")
    if stated != segmenter.preprocessing:
        whose = "that ships" if segmenter == shipped() else "of the bundle"
        raise EncoderMismatch(
            f"The encoder in '{folder}' was trained for preprocessing version {stated!r}; this code with the "
            f"segmenter {whose} has version {segmenter.preprocessing!r}. Where the bundle's segmenter.tflite "
            "is missing or was exchanged, copy the whole bundle again; else train it again, from its weights "
            f"(`python -m training fit --init '{folder}'`)."
        )


def _check_model(folder: Path, model: bytes, description: dict[str, Any]) -> None:
    actual, stated = fingerprint(model), str(description.get("fingerprint"))
    if actual != stated:
        raise EncoderMismatch(
            f"The encoder in '{folder}' is damaged: its model has the fingerprint {actual[:12]}, "
            f"its description says {stated[:12]}. Copy the whole bundle again."
        )


def _type_vector(garment: Garment) -> np.ndarray:
    """Return the unit vector of a garment's types, float (8,): zero for a sketch, which shows no type."""
    if not garment.type_shares:
        return np.zeros(len(TYPES))
    shares = np.array(garment.type_shares)
    return shares / np.linalg.norm(shares)


def with_types(shapes: np.ndarray, garments: Sequence[Garment], weight: float) -> np.ndarray:
    """Put the types of garments beside the vectors of their shapes.

    The inner product of two rows is the mean of the cosine of the shapes, which counts 1, and that of the
    probabilities of the types, which counts `weight`. A sketch has no type: its row is longer than 1, so that
    its inner products are the cosines of the shapes. Where no garment was found, all types are as likely.

    Parameters
    ----------
    shapes : float32 (n, k), unit rows
    garments : sequence of n Garment
    weight : float
        From 0; with 0 the rows are the shapes'.

    Returns
    -------
    float32 (n, k + 8), or (n, k) without a weight
        Unit rows, but for sketches.
    """
    if not weight:
        return shapes
    types = np.array([_type_vector(garment) for garment in garments]).reshape(-1, len(TYPES))
    norms = np.where(types.any(axis=1, keepdims=True), np.sqrt(1 + weight), 1 / np.sqrt(1 + weight))
    return np.asarray(np.hstack([shapes, np.sqrt(weight) * types]) / norms, np.float32)


class Encoder:
    """An encoder bundle in memory, safe to share between threads.

    Parameters
    ----------
    model : bytes
        The LiteRT model.
    description : dict
        The content of `encoder.json`. Where it has them, its `type_weight` is how much types count beside
        the shape, which is nothing by default, and its `confidence` makes the calibration of answers.
    segmenter : Segmenter, optional
        What the garments that it embeds are to be found by; by default the one that ships.
    """

    def __init__(self, model: bytes, description: dict[str, Any], segmenter: Segmenter | None = None) -> None:
        self.description = description
        self.segmenter = segmenter or shipped()
        self.type_weight = float(description.get("type_weight", 0.0))
        if not 0 <= self.type_weight < np.inf:
            raise ValueError(f"type_weight is {self.type_weight}")
        self._shape_dimension: int = description["output"]["shape"][-1]
        self.dimension = self._shape_dimension + (len(TYPES) if self.type_weight else 0)
        self.calibration = Calibration.of(description["confidence"]) if "confidence" in description else None
        self._exported = model
        self._model = LiteModel(model)

    def __reduce__(self) -> tuple[type["Encoder"], tuple[bytes, dict[str, Any], Segmenter]]:
        """Pickle the exported models alone; interpreters are created in the process that unpickles them."""
        return Encoder, (self._exported, self.description, self.segmenter)

    @classmethod
    def load(cls, folder: Path, *, of_any_version: bool = False) -> "Encoder":
        """Read and check a bundle.

        Parameters
        ----------
        folder : Path
        of_any_version : bool
            Whether it may be for another preprocessing: its weights are to be trained on.

        Raises
        ------
        UnreadableEncoder
            A file is missing or malformed.
        EncoderMismatch
            The fingerprint does not match the model, or the preprocessing version is another.
        """
        model, description = _read(Path(folder))
        segmenter = Segmenter.of_bundle(Path(folder))
        _check_model(Path(folder), model, description)
        if not of_any_version:
            _check_version(Path(folder), description, segmenter)
        try:
            return cls(model, description, segmenter)
        except (KeyError, TypeError, ValueError) as error:
            raise UnreadableEncoder(
                f"The description of the encoder in '{folder}' is malformed: {error!r}. "
                "Copy the whole bundle again."
            ) from error

    @property
    def preprocessing(self) -> str:
        """Version of the preprocessing, its segmenter's fingerprint in it."""
        return self.segmenter.preprocessing

    @cached_property
    def fingerprint(self) -> str:
        """The identity of its embeddings: SHA-256 of model, preprocessing version and weight of the types."""
        types = f" types {self.type_weight}" if self.type_weight else ""
        return fingerprint(f"{self.description['fingerprint']} {self.preprocessing}{types}".encode())

    def embed_cutouts(self, cutouts: np.ndarray) -> np.ndarray:
        """Embed the shapes of cut-outs, uint8 (n, 128, 128, 4), without types: float32 (n, k), unit rows."""
        return self._embed(encoder_input(cutouts))

    def _embed(self, inputs: np.ndarray) -> np.ndarray:
        parts = [self._model.run(inputs[i : i + _BATCH]) for i in range(0, len(inputs), _BATCH)]
        return np.concatenate(parts) if parts else np.zeros((0, self._shape_dimension), np.float32)

    def embed_garments(self, garments: Sequence[Garment]) -> np.ndarray:
        """Embed garments that are already cut out, shapes and types: float32 (n, d), see `with_types`."""
        if not garments:
            return np.zeros((0, self.dimension), np.float32)
        shapes = self._embed(np.stack([luminance_and_mask(one.rgb, one.mask) for one in garments]))
        return with_types(shapes, garments, self.type_weight)

    def embed(self, images: Sequence[np.ndarray | Path]) -> np.ndarray:
        """Embed photographs.

        Parameters
        ----------
        images : sequence of uint8 (h, w, 3) arrays or of paths

        Returns
        -------
        embeddings : float32 (n, d), rows of unit norm

        Raises
        ------
        UnreadableImage
            For the first path that can't be decoded.
        """
        garments = [
            isolate(shrink(image, size=WORKING_SIZE), segmenter=self.segmenter)
            if isinstance(image, np.ndarray)
            else read_garment(image, segmenter=self.segmenter)
            for image in images
        ]
        return self.embed_garments(garments)
