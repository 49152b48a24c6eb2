"""The variants of the ablation: the recipe of the encoder that ships, with one of its parts left out."""

import functools
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from training.photo.garment_types import TYPES
from training.photo.preprocessing import SEGMENTER_SIDE
from training.photo.segmenter import HALF, Parse, Segmenter, look_twice, read_output, squeeze


class _OtherLook(Segmenter):
    """A segmenter that uses a network otherwise; its cut-outs are kept apart from that network's own."""

    def __init__(self, model: bytes) -> None:
        super().__init__(model)
        self.fingerprint = hashlib.sha256(f"{type(self).__name__} {self.fingerprint}".encode()).hexdigest()

    def __reduce__(self) -> tuple[Callable[..., Segmenter], tuple[Any, ...]]:
        """Pickle the class and the exported model; a process loads them once."""
        return _loaded, (type(self), self.exported)


@functools.cache
def _loaded(kind: type[_OtherLook], model: bytes) -> Segmenter:
    return kind(model)


class OneLook(_OtherLook):
    """A segmenter that looks at a photograph once, and not at its mirror image."""

    def parse(self, photo: np.ndarray) -> Parse:
        """Tell person, garments and background of a photograph, uint8 (h, w, 3), apart."""
        return read_output(self.model.run(squeeze(photo)[None])[0])


class NotCloser(_OtherLook):
    """A segmenter whose second look is at the whole photograph, too."""

    def parse(self, photo: np.ndarray) -> Parse:
        """Tell person, garments and background of a photograph, uint8 (h, w, 3), apart."""
        return look_twice(self.model, photo, closer=False)


class NoLook(_OtherLook):
    """A segmenter that finds nothing, so that the whole photograph is cut out."""

    def parse(self, photo: np.ndarray) -> Parse:
        """Return that there is nothing but background."""
        nothing = np.zeros((SEGMENTER_SIDE, SEGMENTER_SIDE), np.float32)
        return Parse(nothing, nothing, np.zeros((HALF, HALF, len(TYPES)), np.float32))


@dataclass(frozen=True)
class Variant:
    """The recipe with something left out.

    Parameters
    ----------
    name : str
        What is left out.
    changes : mapping
        Fields of `Config` that differ.
    head : bool
        Whether the last layer is one of discriminants, or the bottleneck.
    eight_bits : bool
        Whether the weights of the encoder that embeds have eight bits, or 32.
    types : bool
        Whether the types of garments stand beside their shapes.
    categories : bool
        Whether garments of one category are pulled together.
    again : bool
        Whether the views of photographs are disturbed and parsed again. Without it a photograph's cut-out is
        seen in all views, a worn garment is seen by its true mask and by the segmenter's, and the last layer
        is learned from cut-outs that are disturbed.
    worn, drawn : bool
        Whether worn photographs and drawn garments are learned from.
    look : type
        How the segmenter's network is used.
    beside : bool
        Whether another segmenter is in the place of the encoder's own.
    """

    name: str
    changes: Mapping[str, Any] = field(default_factory=dict)
    head: bool = True
    eight_bits: bool = True
    types: bool = True
    categories: bool = True
    again: bool = True
    worn: bool = True
    drawn: bool = True
    look: type[Segmenter] = Segmenter
    beside: bool = False

    @property
    def part(self) -> str:
        """The name as one word, for the command line."""
        return self.name.replace(" ", "-")


FULL = Variant("nothing")
VARIANTS = (
    FULL,
    Variant("mirror image", {"mirrored": False}),
    Variant("eight bits", eight_bits=False),
    Variant("discriminants", head=False),
    Variant("types", types=False),
    Variant("clean target", {"clean_target": False}),
    Variant("reconstruction", {"reconstruction_weight": 0.0}),
    Variant("invariance term", {"invariance_weight": 0.0}),
    Variant("categories", categories=False),
    Variant("outline", {"outline": False}),
    Variant("inner lines", {"inner_lines": False}),
    Variant("disturbances", {"disturbed": False}),
    Variant("views parsed again", again=False),
    Variant("worn photographs", worn=False),
    Variant("drawn garments", drawn=False),
    Variant("closer look", look=NotCloser),
    Variant("second look", look=OneLook),
    Variant("segmenter", beside=True),
    Variant("cut-out", look=NoLook),
)
"""Those that learn from the same cut-outs stand together; the first is what the others are compared with."""

ABLATION_PARTS = tuple(variant.part for variant in VARIANTS[1:])
NEW_PARTS = (
    "mirror-image", "eight-bits", "types", "clean-target", "views-parsed-again", "worn-photographs",
    "drawn-garments", "closer-look", "second-look", "segmenter",
)  # fmt: skip
"""What is left out in turn unless others are named."""


def choose(parts: tuple[str, ...], *, parsed: bool, beside: bool) -> tuple[Variant, ...]:
    """Return the full recipe, and the variants without the named parts.

    Parameters
    ----------
    parts : tuple of str
        Of `ABLATION_PARTS`; none for `NEW_PARTS`.
    parsed : bool
        Whether there are parsed photographs of people, without which no worn ones can be left out.
    beside : bool
        Whether there is another segmenter, without which the encoder's own can't be left out.
    """
    possible = [one for one in VARIANTS if (one.worn or parsed) and (beside or not one.beside)]
    return tuple(one for one in possible if one is FULL or one.part in (parts or NEW_PARTS))
