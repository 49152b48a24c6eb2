"""The quarter turns of photographs, told from the trained network's deepest maps; no labels are needed.

Every scene is turned four ways. That it stood upright before is taken for granted.
"""

import itertools
from collections.abc import Callable, Sequence

import keras
import numpy as np
from scipy.special import log_softmax

from training.fit.loop import cosine_adamw
from training.photo.garment_types import CLASSES
from training.photo.preprocessing import SURE_OF_TURN
from training.photo.regions import turn_log_odds
from training.photo.segmenter import MIRRORED, other_view, squeeze
from training.segmentation.network import turn_head
from training.segmentation.scenes import Scenes

TURNS = 4
PICTURES = 9000
"""Views of scenes that the head learns from, each turned four ways."""

EPOCHS, BATCH, LEARNING_RATE, WEIGHT_DECAY = 6, 256, 2e-3, 1e-2
SMOOTHING = 0.05
"""Of the labels: some photographs did not stand upright."""

WRONGLY_TURNED = 0.004
"""Share of upright photographs, held out, that the head may take for turned."""

LEAST_ODDS = 2.0
"""Log odds below which no photograph is turned, however few are held out."""

KINDS = ("photograph", "photograph", "worn", None)
"""Of the scenes that turns are learned from, in turn: mostly photographs as they are; None is any kind."""

RUN = 64
"""Pictures whose maps are computed at a time."""

Deepest = Callable[[np.ndarray], np.ndarray]
"""From pictures, uint8 (n, 128, 128, 3), to their deepest maps, float32 (n, m), see `network.deepest`."""


def tells(classes: np.ndarray) -> bool:
    """Whether anything in a class map, uint8 (h, w), shows which way is up: shoes lie any way."""
    return bool(((classes > 0) & (classes != CLASSES.index("shoes"))).any())


def upright(scenes: Scenes, count: int, seed: int) -> np.ndarray:
    """Return views of scenes that tell which way is up: uint8 (count, 128, 128, 3)."""
    rng = np.random.default_rng((seed, TURNS))
    pictures: list[np.ndarray] = []
    for kind in itertools.cycle(KINDS):
        if len(pictures) >= count:
            break
        pictures += [picture for picture, classes in scenes.views(rng, kind) if tells(classes)]
    return np.stack(pictures[:count])


def features(deepest: Deepest, pictures: np.ndarray) -> np.ndarray:
    """Return the deepest maps of pictures turned by 0 to 3 quarters to the left: float16 (n, 4, m)."""
    parts = [
        [
            deepest(np.ascontiguousarray(np.rot90(pictures[at : at + RUN], quarters, axes=(1, 2))))
            for quarters in range(TURNS)
        ]
        for at in range(0, len(pictures), RUN)
    ]
    return np.concatenate([np.stack(maps, axis=1).astype(np.float16) for maps in parts])


def fit(known: np.ndarray, seed: int = 1) -> keras.Model:
    """Fit a `turn_head` to `features`.

    With h quarters to the left, a picture needs h to the right: its class is h.
    """
    keras.utils.set_random_seed(seed)
    head = turn_head()
    truth = np.tile(np.eye(TURNS, dtype=np.float32), (len(known), 1))
    steps = -(-len(truth) // BATCH)
    optimizer = cosine_adamw(
        head, steps, epochs=EPOCHS, learning_rate=LEARNING_RATE, weight_decay=WEIGHT_DECAY
    )
    loss = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=SMOOTHING)
    head.compile(optimizer, loss)
    head.fit(known.reshape(len(truth), -1), truth, batch_size=BATCH, epochs=EPOCHS, verbose=0)
    return head


def looked_twice(deepest: Deepest, head: keras.Model, photos: Sequence[np.ndarray]) -> np.ndarray:
    """Return what two looks, as `training.photo.segmenter.look_twice` takes them, tell of turned photographs.

    Parameters
    ----------
    deepest : function
    head : keras.Model
    photos : sequence of uint8 (h, w, 3)

    Returns
    -------
    float32 (n, 4, 4)
        For photographs turned by 0 to 3 quarters to the left, the log probability of each turn.
    """
    small = [squeeze(photo) for photo in photos]
    first, other = (
        log_softmax(head.predict(maps.reshape(TURNS * len(photos), -1), verbose=0), axis=-1)
        for views in (small, [other_view(one) for one in small])
        for maps in [features(deepest, np.stack(views))]
    )
    other = other.reshape(-1, TURNS, TURNS)[:, MIRRORED][..., MIRRORED]
    return np.asarray((first.reshape(-1, TURNS, TURNS) + other) / 2)


def _odds(logs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the likeliest turn of each turned photograph, and its log odds after another look."""
    likeliest = logs.argmax(axis=-1)
    odds = [
        [turn_log_odds(one[at], one[(at - quarters) % TURNS], quarters) for at, quarters in enumerate(turns)]
        for one, turns in zip(logs, likeliest.tolist(), strict=True)
    ]
    return likeliest, np.array(odds).reshape(-1, TURNS)


def scale(logs: np.ndarray) -> float:
    """Return what to multiply logits by, so that few enough upright photographs are taken for turned.

    Parameters
    ----------
    logs : float32 (n, 4, 4)
        What is told of photographs that the head was not fitted to, see `looked_twice`.

    Returns
    -------
    float
        It turns log odds of which enough are wrong, or of `LEAST_ODDS`, into those that are acted on.
    """
    upright_odds = np.sort(_odds(logs)[1][:, 0])
    if not len(upright_odds):
        return 1.0
    highest = float(upright_odds[len(upright_odds) - 1 - int(WRONGLY_TURNED * len(upright_odds))])
    return SURE_OF_TURN / max(highest + 1e-2, LEAST_ODDS)


def rescale(head: keras.Model, factor: float) -> None:
    """Multiply the logits of a head."""
    last = head.layers[-1]
    last.set_weights([factor * one for one in last.get_weights()])


def told(logs: np.ndarray) -> np.ndarray:
    """Return by how many quarters each turned photograph would be turned: int (n, 4)."""
    likeliest, odds = _odds(logs)
    return np.where(odds >= SURE_OF_TURN, likeliest, 0)
