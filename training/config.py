"""The training configurations: frozen settings, each with its command, duration and expected score."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any


@dataclass(frozen=True)
class Config:
    """The hyperparameters of a training run.

    Parameters
    ----------
    epochs, batch : int
        Passes over the photographs, and batch size (each photograph is seen as two views).
    learning_rate, weight_decay : float
        Peak of the cosine schedule after one epoch of warm-up; AdamW's weight decay.
    widths, blocks : tuple of int
        Channels of each stage (each halves the side); residual blocks of all stages but the first.
    neck, dimension : int
        Channels of the last 8 x 8 map; length of the bottleneck, which is the embedding.
    decoder_widths : tuple of int
        Channels of the decoder from 8 x 8 to 64 x 64.
    temperature : float
        Of the invariance and the category term.
    reconstruction_weight, invariance_weight : float
        Weights of these terms of the loss; the category term has weight 1.
    outline, inner_lines, disturbed, clean_target : bool
        Whether the network sees that channel, whether its views are disturbed, and whether the decoder draws
        the garment as it is, whichever view of it the encoder sees, or that view; switched off only to
        measure what each contributes (`training.evaluation.ablation`).
    drop_lines : float
        Share of views without inner lines, so that the outline suffices.
    garment_norm : float
        With categories: mean norm of an embedding's components that tell single garments apart, as a share of
        those' that tell categories. More finds the very garment more often, less its category.
    mirrored : bool
        Whether a garment's features are the mean over it and its mirror image; that takes twice the time.
    views : int
        Views of each garment, besides itself, that are cut out anew from disturbed photographs.
    patience : int
        Validations without a better score before early stopping.
    validate_every : int
        Epochs between validations.
    seed : int
        Of the weights, the order of the photographs and the disturbances.
    """

    epochs: int
    batch: int = 96
    learning_rate: float = 2e-3
    weight_decay: float = 1e-2
    widths: tuple[int, ...] = (24, 48, 96, 192)
    blocks: tuple[int, ...] = (0, 1, 1)
    neck: int = 32
    dimension: int = 128
    decoder_widths: tuple[int, ...] = (48, 32, 24)
    temperature: float = 0.1
    reconstruction_weight: float = 0.5
    invariance_weight: float = 1.0
    outline: bool = True
    inner_lines: bool = True
    disturbed: bool = True
    clean_target: bool = True
    drop_lines: float = 0.5
    garment_norm: float = 0.7
    mirrored: bool = False
    views: int = 0
    patience: int = 8
    validate_every: int = 4
    seed: int = 20


DEFAULT = Config(epochs=32)
"""`python -m training fit --catalogue 'CLOTHING/catalogue.csv?split=train' --out models/default`

3,322 photographs, half an hour on 2 cores without a GPU; P@10 0.70 on photographs by other photographers.
docs/model_card.md has all scores.
"""

CATEGORY = replace(DEFAULT, epochs=32, drop_lines=0.25, garment_norm=0.8, mirrored=True, views=3)
"""`python -m training fit --catalogue 'CLOTHING/catalogue.csv?split=train' --out models/category \\
    --config category --supervise category --worn WORN/catalogue.csv --drawn 1200 --epochs 70`

The encoder that ships, from nothing: two minutes on one GPU, P@10 0.81 by the shape alone. Buttons and lapels
distinguish a shirt from a sweater, so inner lines are dropped less often.
"""

QUICK = Config(
    epochs=15,
    batch=32,
    widths=(8, 16, 24, 32),
    blocks=(0, 0, 0),
    neck=8,
    dimension=32,
    decoder_widths=(16, 12, 8),
    patience=15,
)
"""`python -m training fit --catalogue drawn:160 --out models/quick --config quick`

A smoke test: under a minute, every part runs, and the encoder is too small to be useful.
"""

CONFIGS = {"default": DEFAULT, "category": CATEGORY, "quick": QUICK}


def from_dict(values: Mapping[str, Any]) -> Config:
    """Return a configuration from its JSON object; lists become tuples again."""
    settings: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
    return Config(**settings)
