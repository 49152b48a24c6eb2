"""The photographs of a catalogue, each decoded and cut out once, shared by the parts of the examination."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from training.catalogue.reader import BadItem, Catalogue, Item
from training.errors import TooFewImages, UnreadableImage
from training.evaluation.baselines import Reading, read_all
from training.photo.garment import Garment


@dataclass(frozen=True)
class Photos:
    """A catalogue's readable photographs, row for row.

    Parameters
    ----------
    items : tuple of Item
    garments : tuple of Garment
        What was cut out of each.
    bad : tuple of BadItem
        What could not be used, and why.
    descriptors : dict
        Float32 (n, d) with unit rows by the name of a hand-made descriptor; empty unless asked for.
    thumbnails : uint8 (n, 64, 64)
        Each photograph in grey, squeezed into a square; none where photographs were not read.
    source : str
        The catalogue's name.
    """

    items: tuple[Item, ...]
    garments: tuple[Garment, ...]
    bad: tuple[BadItem, ...] = ()
    descriptors: dict[str, np.ndarray] = field(default_factory=dict)
    thumbnails: np.ndarray = field(default_factory=lambda: np.zeros((0, 64, 64), np.uint8))
    source: str = ""

    @property
    def ids(self) -> list[str]:
        """The items' ids."""
        return [item.item_id for item in self.items]

    @property
    def categories(self) -> list[str]:
        """The items' categories; "None" where there is none."""
        return [str(item.category) for item in self.items]

    @property
    def cutouts(self) -> np.ndarray:
        """Colour and mask of every garment, uint8 (n, 128, 128, 4)."""
        return np.stack([garment.cutout for garment in self.garments])

    def take(self, rows: Sequence[int]) -> "Photos":
        """Return some rows only; `bad` stays what it was."""
        return replace(
            self,
            items=tuple(self.items[row] for row in rows),
            garments=tuple(self.garments[row] for row in rows),
            descriptors={name: vectors[rows] for name, vectors in self.descriptors.items()},
            thumbnails=self.thumbnails[rows] if len(self.thumbnails) else self.thumbnails,
        )

    def labelled(self) -> "Photos":
        """Return those with a category only."""
        return self.take([row for row, item in enumerate(self.items) if item.category is not None])


def read_photos(
    catalogue: Catalogue,
    *,
    described: bool = False,
    processes: int | None = None,
    progress: str = "photographs",
) -> Photos:
    """Decode and cut out every photograph of a catalogue, once.

    Parameters
    ----------
    catalogue : Catalogue
    described : bool
        Whether to compute the hand-made descriptors, too.
    processes : int, optional
        Worker processes; as many as there are cores, unless given.
    progress : str
        Label of the progress bar on standard error.

    Raises
    ------
    TooFewImages
        None of them can be read.
    """
    items: list[Item] = []
    readings: list[Reading] = []
    bad = list(catalogue.bad)
    paths = [item.path for item in catalogue.items]
    results = read_all(paths, described=described, processes=processes, progress=progress)
    for item, reading in zip(catalogue.items, results, strict=True):
        if isinstance(reading, UnreadableImage):
            bad.append(BadItem(item.item_id, str(item.path), str(reading)))
        else:
            items.append(item)
            readings.append(reading)
    if not items:
        raise TooFewImages(
            f"None of the {len(paths)} photographs of {catalogue.source!r} can be read; the first: "
            f"{bad[-1].reason} Name another catalogue."
        )
    names = readings[0].descriptors
    return Photos(
        tuple(items),
        tuple(reading.garment for reading in readings),
        tuple(bad),
        {name: np.stack([reading.descriptors[name] for reading in readings]) for name in names},
        np.stack([reading.thumbnail for reading in readings]),
        catalogue.source,
    )
