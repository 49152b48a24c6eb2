"""Training of the network of part features, from drawn and photographed garments to `features.tflite`."""

from collections.abc import Sized
from dataclasses import asdict, dataclass
from pathlib import Path

import keras
import numpy as np

from training import device
from training.catalogue.reader import Catalogue
from training.config import CATEGORY
from training.errors import TooFewImages
from training.files import write_atomically
from training.fit.dataset import MIN_IMAGES, joined, prepare
from training.fit.loop import checkpoint, cosine_adamw
from training.fit.monitor import Progress
from training.fit.run import claim
from training.fit.worn_garments import prepare_worn
from training.model.bundle import eight_bits
from training.part_network.feature_network import PartNetwork, listwise
from training.part_network.looks import Looks, drawn_looks, photograph_looks
from training.part_network.part_batches import PartBatches
from training.parts.part_maps import NETWORK_FILE
from training.photo.litert import LiteModel
from training.photo.segmenter import shipped


@dataclass(frozen=True)
class FeatureConfig:
    """The hyperparameters of the training.

    Parameters
    ----------
    drawn : int
        Garments that are drawn, in two looks.
    epochs, steps : int
        How many epochs, of how many batches.
    learning_rate, weight_decay : float
        Peak of the cosine schedule after one epoch of warm-up; AdamW's weight decay.
    seed : int
    """

    drawn: int = 10_000
    epochs: int = 40
    steps: int = 100
    learning_rate: float = 3e-3
    weight_decay: float = 1e-3
    seed: int = 1


def _require(garments: Sized, what: str) -> None:
    if len(garments) < MIN_IMAGES:
        raise TooFewImages(
            f"There are {len(garments)} {what} to learn from; at least {MIN_IMAGES} are needed."
        )


def learn(
    catalogue: Catalogue,
    out: Path,
    *,
    cache: Path,
    worn: Catalogue | None = None,
    config: FeatureConfig = FeatureConfig(),  # noqa: B008 (frozen)
    processes: int | None = None,
) -> float:
    """Cut photographs out, draw garments, and learn from both (see `fit_features`).

    Parameters
    ----------
    catalogue : Catalogue
        Photographs of one garment each.
    out, config
        See `fit_features`.
    cache : Path
        Where cut-outs are kept.
    worn : Catalogue, optional
        Parsed photographs of people.
    processes : int, optional
        Worker processes for cutting out and drawing.

    Raises
    ------
    RunExists
        `out` holds a training with other settings.
    TooFewImages, UnreadableCatalogue
    """
    sources = {"catalogue": catalogue.source, "worn": worn.source if worn else None}
    claim(out, {**sources, "segmenter": shipped().fingerprint[:12], "config": asdict(config)})
    sets = [prepare(catalogue, views=CATEGORY.views, cache=cache, processes=processes)]
    if worn is not None:
        sets.append(prepare_worn(worn, set(), views=CATEGORY.views, cache=cache, processes=processes))
    photographs = photograph_looks(joined(sets).views, processes=processes)
    _require(photographs, "photographs")
    drawn = drawn_looks(config.drawn, segmenter=shipped(), processes=processes)
    return fit_features(drawn, photographs, out, config)


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
        There are fewer than `MIN_IMAGES` drawn garments.
    """
    _require(drawn, "drawn garments")
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
