"""Worn garments among laid-out ones, and among worn ones: the category is right, cut out truly or by us."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from training.catalogue.reader import Catalogue, Item
from training.errors import TooFewImages
from training.evaluation.baselines import CHANCE, HOG_MASK, chance, hog_of_mask
from training.evaluation.photos import ENCODER, Photos, Side
from training.evaluation.retrieval import ABOUT, GALLERY_SEED, QUERY_SEED, Row, row, tabulate
from training.evaluation.score_table import Table
from training.fit.garment_views import worn_views
from training.fit.worn_garments import worn_garments
from training.parallel import in_order
from training.photo.encoder import Encoder
from training.photo.garment import Garment
from training.photo.segmenter import Segmenter

TRUE, OWN = "true mask", "own mask"
HOG_OWN, HOG_TRUE = f"{HOG_MASK}, {OWN}", f"{HOG_MASK}, {TRUE}"
ENCODER_OWN, ENCODER_TRUE = f"{ENCODER}, {OWN}", f"{ENCODER}, {TRUE}"
DESCRIPTORS = (CHANCE, HOG_OWN, HOG_TRUE, ENCODER_OWN, ENCODER_TRUE)


def _cut_out(garment: tuple[Item, int], *, root: Path, segmenter: Segmenter) -> list[Garment]:
    """Cut a garment out by its true mask, and by the segmenter's."""
    item, number = garment
    return worn_views(item, number, root, 1, segmenter=segmenter)


def cut_out_worn(
    parsed: Catalogue,
    categories: set[str],
    *,
    held_out: bool | None = True,
    segmenter: Segmenter,
    processes: int | None = None,
) -> tuple[tuple[Item, ...], list[Garment], list[Garment]]:
    """Cut out the garments of parsed photographs that have a category.

    Parameters
    ----------
    parsed : Catalogue
        Photographs of people, with pictures of labels.
    categories : set of str
        Those of the gallery; garments that none of them means are left out.
    held_out : bool or None
        Which photographs to take: those kept out of training, the others, or all of them.
    segmenter : Segmenter
    processes : int, optional
        Worker processes; as many as there are cores, unless given.

    Returns
    -------
    items : tuple of Item
        With their category.
    true, own : list of n Garment
        Cut out by their true masks, and by the segmenter's.

    Raises
    ------
    TooFewImages
        None of the garments has a category of the gallery.
    """
    found, _ = worn_garments(parsed, categories, held_out=held_out)
    garments = [(item, number) for item, number in found if item.category is not None]
    cut = partial(_cut_out, root=parsed.root or Path(), segmenter=segmenter)
    results = in_order(cut, garments, processes=processes, progress="worn garments", unit="garment")
    read = [
        (item, views) for (item, _), views in zip(garments, results, strict=True) if isinstance(views, list)
    ]
    if not read:
        raise TooFewImages(f"No garment of {parsed.source!r} that is held out has a category of the gallery.")
    true, own = ([views[place] for _, views in read] for place in (0, 1))
    return tuple(item for item, _ in read), true, own


def _hogs(garments: Sequence[Garment]) -> np.ndarray:
    return np.stack([hog_of_mask(garment) for garment in garments])


def _described(
    encoder: Encoder, true: Sequence[Garment], own: Sequence[Garment], *, seed: int
) -> dict[str, np.ndarray]:
    """Describe garments that are cut out by true and by own masks."""
    return {
        CHANCE: chance(len(own), seed=seed),
        HOG_OWN: _hogs(own),
        HOG_TRUE: _hogs(true),
        ENCODER_OWN: encoder.embed_garments(own),
        ENCODER_TRUE: encoder.embed_garments(true),
    }


def worn_rows(
    encoder: Encoder,
    gallery: Photos,
    parsed: Catalogue,
    *,
    held_out: bool | None = True,
    processes: int | None = None,
) -> tuple[list[Row], list[Row]]:
    """Score the search for the garments of parsed photographs, by each of `DESCRIPTORS`.

    Parameters
    ----------
    encoder : Encoder
    gallery : Photos
        Laid out; those without a category are left out.
    parsed : Catalogue
    held_out : bool or None
    processes : int, optional
        See `cut_out_worn`.

    Returns
    -------
    laid_out, worn : list of Row
        Among the gallery; among each other.

    Raises
    ------
    TooFewImages
        See `cut_out_worn`.
    """
    laid_out = gallery.labelled()
    items, true, own = cut_out_worn(
        parsed,
        set(laid_out.categories),
        held_out=held_out,
        segmenter=encoder.segmenter,
        processes=processes,
    )
    unknown = sum(item.category is None for item in gallery.items)
    ranked = Side(
        laid_out.items,
        _described(encoder, laid_out.garments, laid_out.garments, seed=GALLERY_SEED),
        unknown,
        len(gallery.bad),
    )
    asked = Side(items, _described(encoder, true, own, seed=QUERY_SEED), 0, 0)
    others = replace(asked, vectors=asked.vectors | {CHANCE: chance(len(items), seed=GALLERY_SEED)})
    among, each_other = ([row(name, side, asked) for name in DESCRIPTORS] for side in (ranked, others))
    return among, each_other


def worn_search(
    encoder: Encoder, gallery: Photos, parsed: Catalogue, *, processes: int | None = None
) -> list[Table]:
    """Search for the garments of parsed photographs that are kept out of training; see `worn_rows`.

    Returns
    -------
    list of Table
        Among the gallery; then among each other.
    """
    among, each_other = worn_rows(encoder, gallery, parsed, processes=processes)
    about = (
        f"{ABOUT}Worn garments of {Path(parsed.source).name}, kept out of training, cut out by their true "
        "masks and by the segmenter's. "
    )
    return [
        tabulate(among, key="worn", title="Worn garments among laid-out ones", about=about),
        tabulate(each_other, key="worn-worn", title="Worn garments among worn ones", about=about),
    ]
