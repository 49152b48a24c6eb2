"""The validation split: which garments train the encoder, and which choose its best epoch."""

import numpy as np

from training import device
from training.errors import TooFewImages
from training.fit.dataset import Dataset

MIN_IMAGES = 40
HELD_OUT = 0.1


def split(dataset: Dataset, validation: Dataset | None = None, *, seed: int) -> tuple[Dataset, Dataset]:
    """Return the training set and the validation set.

    Parameters
    ----------
    dataset : Dataset
        What is trained on.
    validation : Dataset, optional
        Without it a random share `HELD_OUT` of `dataset` is held out.
    seed : int
        Of the random split.

    Raises
    ------
    TooFewImages
        There are fewer than `MIN_IMAGES` images to train on, or fewer than devices.
    """
    if validation is None:
        order = np.random.default_rng(seed).permutation(len(dataset.items))
        cut = max(1, round(HELD_OUT * len(order)))
        dataset, validation = dataset.take(np.sort(order[cut:])), dataset.take(np.sort(order[:cut]))
    needed = max(MIN_IMAGES, device.count())
    if len(dataset.items) < needed:
        raise TooFewImages(
            f"There are {len(dataset.items)} readable images to train on "
            f"(and {len(validation.items)} held out); at least {needed} are needed. "
            "Name a larger catalogue."
        )
    return dataset, validation
