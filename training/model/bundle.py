"""Weights and export of an encoder bundle: the trained model is rounded to float16 and exported to LiteRT.

In `encoder.tflite` weights have eight bits, which computes faster and is four times smaller; `weights.npz`
holds what training goes on from.
"""

import json
import warnings
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np

from training.config import Config
from training.errors import EncoderMismatch, UnreadableEncoder
from training.files import write_atomically
from training.model import weights
from training.model.autoencoder import Autoencoder
from training.photo.encoder import DESCRIPTION_FILE, MODEL_FILE, WEIGHTS_FILE, Encoder, fingerprint
from training.photo.garment import SIDE, encoder_input
from training.photo.segmenter import MODEL_FILE as SEGMENTER_FILE
from training.photo.segmenter import Segmenter, shipped

AGREEMENT = 0.99
"""Least accepted cosine between the embeddings of a garment by Keras and by LiteRT."""

TYPE_WEIGHT = 0.3
"""How much the types of garments count in new bundles, beside their shapes, which count 1."""

SAME = 1e-5
"""Most by which a number of two embeddings may differ, where an encoder is the same as another."""

_HEAD = ("head_kernel", "head_bias")


def _weights(model: Autoencoder) -> list[keras.Variable]:
    parts = (model.trunk, model.bottleneck, model.projector, model.decoder)
    return [weight for part in parts for weight in part.weights]


def save_weights(model: Autoencoder, folder: Path) -> None:
    """Write the encoder's and decoder's weights to `weights.npz`."""
    head = {} if model.head is None else dict(zip(_HEAD, model.head, strict=True))
    weights.save(_weights(model), folder / WEIGHTS_FILE, head)


def _assign(model: Autoencoder, stored: dict[str, np.ndarray], folder: Path) -> None:
    arrays = [array for name, array in stored.items() if name not in _HEAD]
    weights.assign(_weights(model), arrays, folder / WEIGHTS_FILE)


def load_weights(model: Autoencoder, folder: Path) -> None:
    """Read `weights.npz` into a model to train, without the head, which each run learns itself.

    Raises
    ------
    UnreadableEncoder, EncoderMismatch
        See `training.model.weights`.
    """
    _assign(model, weights.read(folder / WEIGHTS_FILE), folder)


def restore(folder: Path, config: Config) -> Autoencoder:
    """Return the autoencoder of a bundle, with its head if it has one; raises as `load_weights`."""
    model, stored = Autoencoder(config), weights.read(folder / WEIGHTS_FILE)
    _assign(model, stored, folder)
    if _HEAD[0] in stored:
        model.head = stored[_HEAD[0]], stored[_HEAD[1]]
    return model


def embed(model: keras.Model, cutouts: np.ndarray) -> np.ndarray:
    """Embed cut-outs, uint8 (n, 128, 128, 4), by a Keras encoder, float32 (n, d)."""
    return np.asarray(model.predict(encoder_input(cutouts), batch_size=256, verbose=0))


def _rounded(array: np.ndarray) -> np.ndarray:
    return array.astype(np.float16).astype(np.float32)


def round_weights(model: Autoencoder) -> None:
    """Round every weight to the nearest float16."""
    for weight in _weights(model):
        weight.assign(_rounded(np.asarray(weight)))
    if model.head is not None:
        kernel, bias = model.head
        model.head = _rounded(kernel), _rounded(bias)


def litert(model: keras.Model, **options: Any) -> bytes:
    """Return a model as a LiteRT flatbuffer (needs TensorFlow as Keras's backend).

    Parameters
    ----------
    model : keras.Model
    **options
        Attributes of TensorFlow's converter, such as `optimizations`.
    """
    import tensorflow as tf  # not with other backends

    inputs = [tf.TensorSpec(one.shape, one.dtype) for one in model.inputs]
    function = tf.function(partial(model, training=False), input_signature=inputs, autograph=False)
    # Keras's own export writes a SavedModel and reads it again, which takes three times as long.
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function.get_concrete_function()], function)
    for name, value in options.items():
        setattr(converter, name, value)
    with warnings.catch_warnings():  # the converter's first version wanted them; photographs give them
        warnings.filterwarnings("ignore", "Statistics for quantized inputs")
        return bytes(converter.convert())


def eight_bits(model: keras.Model) -> bytes:
    """Return a model as `litert` does, its weights in eight bits, which are scaled back as it computes."""
    import tensorflow as tf

    return litert(model, optimizations=[tf.lite.Optimize.DEFAULT])


def _check_agreement(exported: Encoder, model: keras.Model, cutouts: np.ndarray) -> None:
    cosine = (exported.embed_cutouts(cutouts) * embed(model, cutouts)).sum(axis=1).min()
    if not cosine >= AGREEMENT:
        raise EncoderMismatch(
            f"The exported encoder differs from the trained one: their cosine is {cosine:.3f} for a garment. "
            "Check that TensorFlow and ai-edge-litert are the pinned versions."
        )


def _calibrated(folder: Path, exported: Encoder, cutouts: np.ndarray) -> dict[str, Any]:
    """Return the calibration of the bundle in a folder, if its encoder embeds as the new one does."""
    try:
        before = Encoder.load(folder)
    except (UnreadableEncoder, EncoderMismatch):
        return {}
    if before.calibration is None:
        return {}
    if (before.dimension, before.type_weight) != (exported.dimension, exported.type_weight):
        return {}
    embeddings = before.embed_cutouts(cutouts), exported.embed_cutouts(cutouts)
    same = np.allclose(*embeddings, rtol=0, atol=SAME)
    return {"confidence": before.calibration.as_dict()} if same else {}


def save_segmenter(segmenter: Segmenter, folder: Path) -> None:
    """Write a segmenter into a bundle; the one that ships needs no copy."""
    if segmenter != shipped():
        write_atomically(folder / SEGMENTER_FILE, segmenter.exported)


def export(model: Autoencoder, folder: Path, *, sample: np.ndarray, description: dict[str, Any]) -> Encoder:
    """Write `encoder.tflite`, then `encoder.json` with its fingerprint (needs TensorFlow as Keras's backend).

    The encoder is for the segmenter in the folder, or where there is none, for the one that ships. It keeps
    the calibration of an encoder in the folder that embeds as it does.

    Parameters
    ----------
    model : Autoencoder
    folder : Path
    sample : uint8 (n, 128, 128, 4)
        Cut-outs on which the exported encoder must agree with the trained one, and by which it is told
        whether an earlier one is the same.
    description : dict
        Training data and scores, written to `encoder.json` beside the shapes.

    Raises
    ------
    EncoderMismatch
        The exported model's embeddings differ from the trained one's.
    """
    segmenter = Segmenter.of_bundle(folder)
    data = eight_bits(model.encoder())
    full = {
        "fingerprint": fingerprint(data),
        "preprocessing": segmenter.preprocessing,
        "input": {"shape": ["n", SIDE, SIDE, 2], "dtype": "uint8", "channels": ["luminance", "mask"]},
        "output": {"shape": ["n", model.config.dimension], "dtype": "float32", "norm": 1.0},
        "type_weight": TYPE_WEIGHT,
        "config": asdict(model.config),
        **description,
    }
    exported = Encoder(data, full, segmenter)
    _check_agreement(exported, model.encoder(), sample)
    full |= _calibrated(folder, exported, sample)
    write_atomically(folder / MODEL_FILE, data)
    write_atomically(folder / DESCRIPTION_FILE, (json.dumps(full, indent=2) + "\n").encode())
    return Encoder(data, full, segmenter)
