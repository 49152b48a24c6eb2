"""Drawn garments, laid out or worn: RGB pictures, uint8, of exactly known shape, reproducible from a seed."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.catalogue.pictures import missing, write_picture
from training.drawing import appearance as looks
from training.drawing import shape as shapes
from training.drawing.appearance import Appearance, sample_appearance
from training.drawing.background import background
from training.drawing.fabric import fold_light
from training.drawing.shape import Shape, sample_shape
from training.drawing.studio import HEIGHT, WIDTH, Studio
from training.parallel import in_order

VERSION = 1  # raise it whenever a picture changes
WORN_VERSION = 1  # likewise, of those that are worn
PER_FOLDER = 1000
PROCESSES = 2
FEW = 24  # up to this many pictures, drawing takes less time than starting processes


def render(shape: Shape, appearance: Appearance) -> NDArray[np.uint8]:
    """Draw a garment.

    Parameters
    ----------
    shape : Shape
        How it is cut.
    appearance : Appearance
        Its colours, background and pose.

    Returns
    -------
    uint8 (320, 256, 3)
        RGB. The same arguments give the same picture.
    """
    studio = Studio(shape, appearance)
    picture = background(appearance, studio.rng, size=(HEIGHT, WIDTH)).copy()
    studio.shadow(picture)
    studio.hang(picture)
    light = fold_light(appearance, studio.rng, shape=(HEIGHT, WIDTH), drape=studio.pattern.drape)
    studio.sew(picture, light)
    studio.logo(picture, light)
    studio.stitch(picture)
    studio.button(picture)
    return np.round(np.clip(picture, 0, 1) * 255).astype(np.uint8)


def render_mask(shape: Shape, appearance: Appearance) -> NDArray[np.bool_]:
    """Return the garment's mask, bool (320, 256); of the appearance only the pose matters."""
    return np.asarray(Studio(shape, appearance).mask >= 0.5)


def sample(index: int, *, seed: int = 0) -> tuple[Shape, Appearance]:
    """Return the parameters of garment `index` of a seed, independent of how many are drawn."""
    for_shape, for_looks = np.random.SeedSequence([seed, index]).spawn(2)
    return sample_shape(np.random.default_rng(for_shape)), sample_appearance(np.random.default_rng(for_looks))


def draw(index: int, *, seed: int = 0) -> tuple[Shape, Appearance, NDArray[np.uint8]]:
    """Return the parameters and the picture, uint8 (320, 256, 3), of garment `index` of a seed."""
    shape, appearance = sample(index, seed=seed)
    return shape, appearance, render(shape, appearance)


def draw_worn(index: int, *, seed: int = 0) -> tuple[Shape, Appearance, NDArray[np.uint8]]:
    """Return the same garment as `draw`, but its picture, uint8 (h, w, 3), as someone wears it."""
    from training.drawing.worn import wear  # needs OpenCV, which a service does not

    shape, appearance = sample(index, seed=seed)
    rng = np.random.default_rng(np.random.SeedSequence([seed, index]).spawn(3)[2])
    return shape, appearance, wear(shape, appearance, rng).picture


def _write(garment: tuple[int, Path], *, seed: int, worn: bool) -> None:
    index, path = garment
    write_picture(path, (draw_worn if worn else draw)(index, seed=seed)[2])


def _write_missing(paths: Sequence[Path], seed: int, worn: bool) -> None:
    todo = [(index, paths[index]) for index in missing(paths)]
    if todo:
        processes = PROCESSES if len(todo) > FEW else 1
        write = partial(_write, seed=seed, worn=worn)
        for _ in in_order(write, todo, processes=processes, progress="Drawing garments", unit="garment"):
            pass


def _describe(index: int, seed: int, path: Path) -> dict[str, Any]:
    shape, appearance = sample(index, seed=seed)
    return {
        "item_id": path.stem,
        "path": str(path),
        "category": shape.type,
        "shape": shapes.describe(shape),
        "appearance": looks.describe(appearance),
    }


def rows(count: int, *, seed: int, cache: Path, worn: bool = False) -> list[dict[str, Any]]:
    """Draw the garments 0 to `count` - 1 of a seed as WebP files below `cache`, unless they exist.

    Parameters
    ----------
    count : int
        How many garments.
    seed : int
        Another seed gives other garments.
    cache : Path
        Pictures are in ``drawn-<version>-<seed>``, a thousand to a folder; worn ones in ``drawn-worn-…``.
    worn : bool
        Draw them worn by people; their ids begin with ``drawn-worn``.

    Returns
    -------
    list of dict
        ``item_id`` (``drawn-<seed>-000000``), ``path``, ``category`` (the type) and the parameters,
        ``shape`` and ``appearance``.
    """
    name, version = ("drawn-worn", WORN_VERSION) if worn else ("drawn", VERSION)
    place = cache.absolute() / f"{name}-{version}-{seed}"
    paths = [
        place / f"{index // PER_FOLDER:03d}" / f"{name}-{seed}-{index:06d}.webp" for index in range(count)
    ]
    _write_missing(paths, seed, worn)
    return [_describe(index, seed, path) for index, path in enumerate(paths)]
