"""Training of the network of part features, from drawn and photographed garments to `features.tflite`."""

from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from training import device
from training.errors import TooFewImages
from training.files import write_atomically
from training.fit.dataset import MIN_IMAGES
from training.fit.loop import checkpoint, cosine_adamw
from training.fit.monitor import Progress
from training.model.bundle import eight_bits
from training.part_network.feature_network import PartNetwork, listwise
from training.part_network.looks import Looks
from training.part_network.part_batches import PartBatches
from training.parts.part_maps import NETWORK_FILE
from training.photo.litert import LiteModel


@dataclass(frozen=True)
class FeatureConfig:
    """The hyperparameters of the training.

    Parameters
    ----------
    epochs, steps : int
        How many epochs, of how many batches.
    learning_rate, weight_decay : float
        Peak of the cosine schedule after one epoch of warm-up; AdamW's weight decay.
    seed : int
    """

    epochs: int = 25
    steps: int = 100
    learning_rate: float = 3e-3
    weight_decay: float = 1e-3
    seed: int = 1


def fit_features(
    drawn: Looks,
    photographs: Looks,
    out: Path,
    config: FeatureConfig = FeatureConfig(),  # noqa: B008 (frozen)
) -> float:
    """Train the network, and export it.

    Parameters
    ----------
    drawn, photographs : Looks
    out : Path
        Folder for `features.tflite`; a killed run resumes from its last epoch there.
    config : FeatureConfig

    Returns
    -------
    float
        The mean difference between the features, in [-1, 1], of the exported and the trained network.

    Raises
    ------
    TooFewImages
        There are fewer than `MIN_IMAGES` garments of either kind.
    """
    for looks, what in ((drawn, "drawn garments"), (photographs, "photographs")):
        if len(looks) < MIN_IMAGES:
            raise TooFewImages(
                f"There are {len(looks)} {what} to learn from; at least {MIN_IMAGES} are needed."
            )
    out.mkdir(parents=True, exist_ok=True)
    keras.utils.set_random_seed(config.seed)
    model = PartNetwork()
    batches = PartBatches(drawn, photographs, steps=config.steps, seed=config.seed)
    model.build([(None, *each.shape[1:]) for each in batches[0][0]])
    optimizer = cosine_adamw(
        model,
        config.steps,
        epochs=config.epochs,
        learning_rate=config.learning_rate,
        weight_decay=config.weight_decay,
    )
    model.compile(optimizer, loss=listwise, jit_compile=device.compiles())
    watching = [checkpoint(out / "checkpoint"), Progress(config.steps)]
    model.fit(batches, epochs=config.epochs, verbose=0, callbacks=watching)
    exported = eight_bits(model.features)
    write_atomically(out / NETWORK_FILE, exported)
    cells = drawn.cells[:MIN_IMAGES, 0]
    exact = model.features.predict(cells, verbose=0)
    return float(np.abs(LiteModel(exported).run(cells) - exact).mean())
