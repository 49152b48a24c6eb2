"""Masks: whether they stay where a photograph is disturbed, and are right where the truth is known.

In a photograph's own frame and pixels, before anything is cut out: bool (h, w), longer side `WORKING_SIZE`.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import TypeVar

import click
import numpy as np

from training.catalogue.parsed import is_held_out, is_parsed, parsed_items
from training.catalogue.reader import Catalogue, Item
from training.errors import TooFewImages, UnreadableImage
from training.evaluation.disturbances import DISTURBANCES, Disturbance, disturb, undo
from training.evaluation.finder import Finder, overlap
from training.evaluation.mask_scenes import DARK, GROUNDS, LIGHT, Scene, cut_outs, packshots, pairs
from training.evaluation.score_table import Cell, Table
from training.evaluation.street import FOUND, Street, score_photo
from training.figures.mask_sheet import Outlined, Section
from training.fit.found_garments import COUNTED, LEAST_AREA, Parsed
from training.parallel import in_order
from training.photo.images import decode
from training.photo.preprocessing import WORKING_SIZE

MOVED = 0.9
"""IoU with the undisturbed photograph's mask below which a mask has moved."""

POOR = 0.8
"""IoU with the true mask below which the mask of a packshot is poor."""

SCENES = 200
"""Of each kind, at most."""

LOOKED_AT = 600
"""Photographs that are looked at for garments to paste."""

SHOWN = 16
"""Photographs in a section of the sheet."""

BESIDE = ", beside"
"""What follows a column's name where it is of the segmenter that is scored beside."""

Finders = tuple[Finder, ...]
Result = TypeVar("Result")


@dataclass(frozen=True)
class Measured:
    """What a measurement gives: a table, and pictures to look at."""

    table: Table
    sections: tuple[Section, ...] = ()


def _read_all(
    function: Callable[[Item], Result], items: Sequence[Item], *, processes: int | None, name: str
) -> tuple[list[Item], list[Result]]:
    """Apply a function to photographs; say on standard error how many can't be read, and leave them out.

    Raises
    ------
    TooFewImages
        None is left.
    """
    results = [*in_order(function, items, processes=processes, progress=name)]
    bad = [result for result in results if isinstance(result, UnreadableImage)]
    if len(bad) == len(results):
        first = f" The first problem: {bad[0]}" if bad else ""
        raise TooFewImages(f"No photograph can be read for {name}.{first} Name another catalogue.")
    if bad:
        click.echo(f"{name}: {len(bad):,} photographs can't be used; the first: {bad[0]}", err=True)
    good = [
        (item, result)
        for item, result in zip(items, results, strict=True)
        if not isinstance(result, UnreadableImage)
    ]
    return [item for item, _ in good], [result for _, result in good]


def _columns(first: str, names: Sequence[str], finders: Finders) -> tuple[str, ...]:
    return (first, *names, *(f"{name}{BESIDE}" for name in names if len(finders) > 1))


def _outlined(photo: np.ndarray, finder: Finder, label: str) -> Outlined:
    return Outlined(photo, tuple(found.mask for found in finder.garments(photo)), label)


def _chosen(values: np.ndarray) -> tuple[list[int], list[int]]:
    """Return the positions of the lowest values, the lowest first, and random ones, always the same."""
    some = np.random.default_rng(0).permutation(len(values))[:SHOWN]
    return np.argsort(values, kind="stable")[:SHOWN].tolist(), sorted(some.tolist())


def _disturbed(
    photo: np.ndarray, item: Item, disturbance: Disturbance, before: np.ndarray, seed: int
) -> np.ndarray:
    return disturb(photo, before.astype(np.float32), disturbance, item_id=item.item_id, seed=seed)


def _steadiness(item: Item, *, finders: Finders, seed: int) -> np.ndarray:
    """Return the IoU of the masks before and after each disturbance: float (finders, disturbances)."""
    photo = decode(item.path, size=WORKING_SIZE)
    rows = []
    for finder in finders:
        before, row = finder.main_mask(photo), []
        for each in DISTURBANCES:
            after = finder.main_mask(_disturbed(photo, item, each, before, seed))
            back, kept = undo(after, each, item_id=item.item_id, seed=seed)
            row.append(overlap(before, back, kept))
        rows.append(row)
    return np.array(rows)


def _most_moved(item: Item, ious: np.ndarray, finder: Finder, seed: int) -> Outlined:
    """Show a photograph in that disturbance that moves its mask most."""
    photo, worst = decode(item.path, size=WORKING_SIZE), DISTURBANCES[int(ious.argmin())]
    disturbed = _disturbed(photo, item, worst, finder.main_mask(photo), seed)
    return _outlined(disturbed, finder, f"{worst.name}: {ious.min():.2f}")


def stability(
    catalogue: Catalogue, finders: Finders, *, processes: int | None = None, seed: int = 0
) -> Measured:
    """Disturb photographs in every way, and compare the main garment's masks.

    Parameters
    ----------
    catalogue : Catalogue
    finders : tuple of Finder
        The one that is measured, and one to have beside it. A print, logo or other background follows the
        mask that each has found itself.
    processes : int, optional
        Worker processes; all cores without it.
    seed : int
        Draws the disturbances.

    Returns
    -------
    Measured
        A row for each disturbance, and their mean: the share of masks that move.

    Raises
    ------
    TooFewImages
        No photograph can be read.
    """
    measure = partial(_steadiness, finders=finders, seed=seed)
    items, results = _read_all(measure, catalogue.items, processes=processes, name="disturbed masks")
    ious = np.array(results)
    shares = (ious < MOVED).mean(axis=0).T
    names = [each.name for each in DISTURBANCES]
    by_name = zip([*names, "mean"], [*shares, shares.mean(axis=0)], strict=True)
    rows: list[tuple[Cell, ...]] = [(name, *map(float, row)) for name, row in by_name]
    note = (
        f"{len(items):,} photographs. Share whose main garment's mask has an intersection over union below "
        f"{MOVED} with that of the undisturbed photograph, in the latter's own frame and pixels. What is "
        "turned, zoomed, shifted or mirrored is moved back, and what has left the picture is left out."
    )
    table = Table("masks", "Masks that move", _columns("disturbance", ("moved",), finders), tuple(rows), note)
    worst, some = _chosen(ious[:, 0].min(axis=1))
    moved = [_most_moved(items[at], ious[at, 0], finders[0], seed) for at in worst]
    plain = [_outlined(decode(items[at].path, size=WORKING_SIZE), finders[0], "") for at in some]
    return Measured(
        table, (Section("Queries, most moved", tuple(moved)), Section("Queries, at random", tuple(plain)))
    )


def _street_cells(scores: Sequence[Street]) -> tuple[Cell, ...]:
    """Return the figures of one finder on some photographs."""
    clothes, main = ([getattr(one, name) for one in scores] for name in ("clothes", "main"))
    garments = sum(one.garments for one in scores)
    worn = [one.worn for one in scores if one.worn is not None]
    return (
        len(scores),
        float(np.nanmean(clothes)) if np.isfinite(clothes).any() else None,
        float(np.nanmean(main)) if np.isfinite(main).any() else None,
        sum(one.found for one in scores) / garments if garments else None,
        sum(one.typed for one in scores) / garments if garments else None,
        sum(worn) / len(worn) if worn else None,
    )


def street(catalogue: Catalogue, finders: Finders, *, processes: int | None = None) -> Measured:
    """Compare what is found in parsed photographs with the truth.

    Parameters
    ----------
    catalogue : Catalogue
        Its parsed photographs.
    finders : tuple of Finder
        The one that is measured, and one to have beside it.
    processes : int, optional
        Worker processes; all cores without it.

    Returns
    -------
    Measured
        A row for all photographs and one for those that are held out of training, a finder.

    Raises
    ------
    UnreadableCatalogue
        Nothing says what its labels mean.
    TooFewImages
        No photograph can be read.
    """
    parsed = Parsed.of(catalogue)
    measure = partial(score_photo, parsed=parsed, finders=finders)
    items, results = _read_all(
        measure, parsed_items(catalogue), processes=processes, name="parsed photographs"
    )
    kept = [is_held_out(item) for item in items]
    rows: list[tuple[Cell, ...]] = []
    for number in range(len(finders)):
        scores = [result[number] for result in results]
        apart = [one for one, out in zip(scores, kept, strict=True) if out]
        for name, chosen in (("all", scores), ("held out", apart)):
            rows.append((f"{name}{BESIDE * number}", *_street_cells(chosen)))
    columns = (
        "photographs", "number", "all clothes, IoU", "main garment, IoU", "garments found",
        "found with their type", "main one is worn",
    )  # fmt: skip
    note = (
        f"{catalogue.source}. All that is found against all clothes; the first garment found against the "
        f"largest by area of {', '.join(COUNTED)}; garments of these types, at least {LEAST_AREA:.0%} of the "
        f"picture, found with an intersection over union of at least {FOUND}; pictures with a person whose "
        "main garment is said to be worn. Pixels of no class are left out. Training keeps off those held out."
    )
    main = np.array([result[0].main for result in results])
    worst, some = _chosen(np.nan_to_num(main, nan=1.0))

    def shown(at: int) -> Outlined:
        return _outlined(parsed.read(items[at])[0], finders[0], f"main garment: {main[at]:.2f}")

    sections = [
        Section(f"People, {name}", tuple(shown(at) for at in positions))
        for name, positions in (("main garment worst", worst), ("at random", some))
    ]
    return Measured(
        Table("masks-street", "Masks of people's clothes", columns, tuple(rows), note), tuple(sections)
    )


def _main_iou(scene: Scene, finder: Finder) -> float:
    return overlap(finder.main_mask(scene.photo), scene.masks[0])


def _least_iou(scene: Scene, finder: Finder) -> float:
    """Return the IoU of that garment of a scene that is found worst."""
    found = finder.garments(scene.photo)
    return min(max((overlap(one.mask, mask) for one in found), default=0.0) for mask in scene.masks)


def _judged(
    name: str,
    scenes: Sequence[Scene],
    finders: Finders,
    iou: Callable[[Scene, Finder], float],
    right: Callable[[np.ndarray], np.ndarray],
) -> tuple[tuple[Cell, ...], tuple[Section, Section]]:
    """Score scenes: their row, and those that came out worst and some at random."""
    ious = np.array([[iou(scene, finder) for finder in finders] for scene in scenes])
    ious = ious.reshape(len(scenes), len(finders))
    cells = [float(share) for share in right(ious).mean(axis=0)] if scenes else [None] * len(finders)

    def shown(at: int) -> Outlined:
        return _outlined(scenes[at].photo, finders[0], f"{ious[at, 0]:.2f}")

    worst, some = ([shown(at) for at in positions] for positions in _chosen(ious[:, 0]))
    kind = name.partition(":")[0].capitalize()
    sections = Section(f"{kind}, worst", tuple(worst)), Section(f"{kind}, at random", tuple(some))
    return (name, len(scenes), *cells), sections


def pasted(
    catalogue: Catalogue, finders: Finders, *, processes: int | None = None, seed: int = 0
) -> Measured:
    """Paste garments of a catalogue on white, and two side by side, and compare the masks with theirs.

    Parameters
    ----------
    catalogue : Catalogue
        Photographs of one garment each, which the last finder cuts out: with one beside, whatever is measured
        is measured on the same pictures.
    finders : tuple of Finder
        The one that is measured, and one to have beside it.
    processes : int, optional
        Worker processes; all cores without it.
    seed : int
        Draws colours, grounds and places.

    Returns
    -------
    Measured
        A row for light and for dark garments on white, and one for pairs.
    """
    cuts = cut_outs(catalogue, finders[-1], most=LOOKED_AT, processes=processes)
    light, dark = ([*islice(packshots(cuts, light=value, seed=seed), SCENES)] for value in (True, False))
    both = [*islice(pairs(cuts, seed=seed), SCENES)]
    parts = (
        _judged("light garments on white: poor", light, finders, _main_iou, lambda ious: ious < POOR),
        _judged("dark garments on white: poor", dark, finders, _main_iou, lambda ious: ious < POOR),
        _judged("two side by side: both found", both, finders, _least_iou, lambda ious: ious >= FOUND),
    )
    note = (
        f"Garments cut out of {catalogue.source} and pasted, so that their masks are known; light: mean "
        f"luminance over {LIGHT:.0f}, dark: under {DARK:.0f}. Poor: the main garment's intersection over "
        f"union is below {POOR}; found: that of some garment is at least {FOUND}. Pairs lie on "
        f"{', '.join(GROUNDS)}."
    )
    columns = ("pictures", "number", *_columns("", ("share",), finders)[1:])
    table = Table("masks-pasted", "Masks of pasted garments", columns, tuple(row for row, _ in parts), note)
    return Measured(table, tuple(section for _, sections in parts for section in sections))


def masks(
    gallery: Catalogue,
    queries: Catalogue,
    finders: Finders,
    *,
    parsed: Catalogue | None = None,
    processes: int | None = None,
    seed: int = 0,
) -> Iterator[Measured]:
    """Measure the masks: steady on the queries, right on parsed photographs and on pasted garments.

    Parameters
    ----------
    gallery : Catalogue
        Its garments are pasted, unless it is parsed: then those of the queries.
    queries : Catalogue
    finders : tuple of Finder
        The one that is measured, and one to have beside it.
    parsed : Catalogue, optional
        Parsed photographs; else the gallery or the queries, where they are.
    processes : int, optional
        Worker processes; all cores without it.
    seed : int

    Yields
    ------
    Measured
        As soon as it is done.
    """
    yield stability(queries, finders, processes=processes, seed=seed)
    named = [catalogue for catalogue in (parsed, gallery, queries) if catalogue is not None]
    for people in [catalogue for catalogue in named if is_parsed(catalogue)][:1]:
        yield street(people, finders, processes=processes)
    for laid_out in [catalogue for catalogue in (gallery, queries) if not is_parsed(catalogue)][:1]:
        yield pasted(laid_out, finders, processes=processes, seed=seed)
