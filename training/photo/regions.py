"""Where the garments of a photograph are: a parse in; type, mask and confidence of each garment out."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from training.photo.boxes import extent
from training.photo.components import components, main_parts
from training.photo.garment_types import TYPES
from training.photo.preprocessing import (
    MASK_THRESHOLD,
    MIN_AREA,
    SMALLEST_PART,
    SMALLEST_WORN,
    SURE_OF_TURN,
    SURE_SPLIT,
)
from training.photo.segmenter import Parse, turn

_SMALL_TYPES = ("shoes", "bag", "hat")
_OUTFITS = (("upper", "outer", "trousers"), ("upper", "outer", "skirt"), ("dress", "outer"))
"""What one person wears together, besides shoes, bags and hats."""

_WEARABLE = np.array([[kind in (*outfit, *_SMALL_TYPES) for kind in TYPES] for outfit in _OUTFITS])
"""Which types each outfit may have: bool (3, 8)."""

_DOUBT, _LEAST_CHANCE = 1e-3, 1e-9
_HALVES = tuple(tuple(map(TYPES.index, pair)) for pair in (("upper", "outer"), ("trousers", "skirt")))
"""Numbers of what is worn above, and of what is worn below."""

_LEAST_HALF = 0.25
"""Share of an area that each half of an outfit must take, likelier than all else there."""

ANY_WAY_UP = "shoes"
"""What is laid down and photographed from any side: how it lies does not tell how the photograph stands."""

_ZONES = (("upper", "outer", "dress"), ("trousers", "skirt"), ("shoes",), ("bag",), ("hat",))
_ZONE_OF = np.array([next(n for n, zone in enumerate(_ZONES) if kind in zone) for kind in TYPES])


@dataclass(frozen=True)
class Region:
    """A garment in a photograph.

    Parameters
    ----------
    type : str
        One of `TYPES`.
    mask : bool (128, 128)
        Rows and columns in proportion to the photograph's.
    confidence : float in [0, 1]
        The intersection over union with the true mask that the probabilities lead to expect.
    worn : bool
        Whether a person wears or holds it.
    type_shares : tuple of float in [0, 1]
        Probability of each of `TYPES`; none where it is not known.
    """

    type: str
    mask: np.ndarray
    confidence: float
    worn: bool
    type_shares: tuple[float, ...] = ()


def iou(first: np.ndarray, second: np.ndarray) -> float:
    """Intersection over union of two masks, bool (h, w); 0 where both are empty."""
    return float((first & second).sum() / max((first | second).sum(), 1))


def _expected_iou(mask: np.ndarray, probability: np.ndarray) -> float:
    """Return the expected intersection over union with the true mask, given the probabilities."""
    inside = float(probability[mask].sum())
    return inside / max(float(np.count_nonzero(mask)) + float(probability.sum()) - inside, 1e-9)


def _enlarged(types: np.ndarray) -> np.ndarray:
    """Repeat (64, 64, k) for every pixel of the mask: (128, 128, k)."""
    return types.repeat(2, axis=0).repeat(2, axis=1)


def type_in(mask: np.ndarray, parse: Parse) -> tuple[int, np.ndarray]:
    """Return the type of what a mask shows, and the shares of all types in it, float (8,)."""
    types, there = parse.types.reshape(-1, len(TYPES)), np.flatnonzero(mask[::2, ::2])
    shares = (types.take(there, axis=0) if len(there) else types).mean(axis=0)
    return int(shares.argmax()), shares


def _apart(mask: np.ndarray) -> list[np.ndarray]:
    """Split a mask into parts that lie beside each other; those whose boxes overlap are one garment's."""
    parts = components(mask)
    if len(parts) == 1:
        return parts
    groups: list[tuple[np.ndarray, tuple[slice, slice]]] = []
    for part in parts:
        bounds = box = extent(part)
        near = [group for group in groups if _overlap(group[1], box)]
        groups = [group for group in groups if not _overlap(group[1], box)]
        for other, around in near:
            part, bounds = part | other, _around(bounds, around)
        groups.append((part, bounds))
    return [part for part, _ in groups]


def _overlap(first: tuple[slice, slice], second: tuple[slice, slice]) -> bool:
    """Whether two boxes share more than a quarter of the smaller one."""
    common = 1
    for a, b in zip(first, second, strict=True):
        common *= max(0, min(a.stop, b.stop) - max(a.start, b.start))
    return common > 0.25 * min(_area(first), _area(second))


def _area(box: tuple[slice, slice]) -> int:
    return (box[0].stop - box[0].start) * (box[1].stop - box[1].start)


def _around(first: tuple[slice, slice], second: tuple[slice, slice]) -> tuple[slice, slice]:
    rows, columns = (
        slice(min(a.start, b.start), max(a.stop, b.stop)) for a, b in zip(first, second, strict=True)
    )
    return rows, columns


def _halves(parse: Parse, part: np.ndarray) -> list[np.ndarray]:
    """Split what is laid out as an outfit, a top that touches trousers or a skirt below it, in two."""
    top, bottom = (parse.types[..., one] + parse.types[..., other] for one, other in _HALVES)
    there = part[::2, ::2]
    sure = [there & (chance > 0.5) for chance in (top, bottom)]
    if min(map(np.count_nonzero, sure)) < max(_LEAST_HALF * np.count_nonzero(there), 1):
        return [part]
    heights = [np.nonzero(half)[0].mean() for half in sure]
    if heights[0] > heights[1]:
        return [part]
    above = _enlarged(top > bottom)
    return [main_parts(part & above), main_parts(part & ~above)]


def _laid_out(parse: Parse, mask: np.ndarray) -> list[Region]:
    """Return the garments of a photograph without a person: what lies apart, and the halves of outfits."""
    kept = main_parts(mask)
    kind, shares = type_in(kept, parse)
    zones = np.bincount(_ZONE_OF, shares, minlength=len(_ZONES))
    shoes = TYPES[kind] == "shoes" and zones[_ZONE_OF[kind]] > 0.8
    parts = [kept] if shoes else [half for part in _apart(kept) for half in _halves(parse, part)]
    told = [(kind, shares) if part is kept else type_in(part, parse) for part in parts]
    return [
        Region(
            TYPES[one], part, _expected_iou(part, _alone(parse, part, parts)), False, tuple(types.tolist())
        )
        for part, (one, types) in zip(parts, told, strict=True)
    ]


def _alone(parse: Parse, part: np.ndarray, parts: list[np.ndarray]) -> np.ndarray:
    """Return the probability of garment, without what belongs to other parts."""
    others = [other for other in parts if other is not part]
    return np.where(np.any(others, axis=0), 0, parse.garment) if others else parse.garment


def _as_one(types: np.ndarray, there: np.ndarray) -> np.ndarray:
    """Take a shirt and a coat for the likelier of them where they are hardly told apart.

    Else a coat, of which the network says half the time that it is a shirt, would be two garments.

    Parameters
    ----------
    types : float (64, 64, 8)
    there : bool (64, 64)
        Where garments are.
    """
    types, tops = types.copy(), [*_HALVES[0]]
    here = there & np.isin(types.argmax(axis=-1), tops)
    chances = types[here][:, tops]
    if len(chances) and np.mean(np.abs(np.diff(chances)[:, 0]) / chances.sum(axis=-1)) < SURE_SPLIT:
        likelier = int(chances.sum(axis=0).argmax())
        types[here, tops[likelier]] += chances[:, 1 - likelier]
        types[here, tops[1 - likelier]] = 0
    return types


def _as_outfit(types: np.ndarray, there: np.ndarray) -> np.ndarray:
    """Leave the types, float (64, 64, 8), of the likeliest outfit where bool (64, 64) is true; others are 0.

    Else parts of a dress would be taken for a shirt here, and for a skirt there.
    """
    seen = types[there]
    fit = [np.log(seen[:, outfit].max(axis=-1) + _DOUBT).mean() for outfit in _WEARABLE]
    return np.where(_WEARABLE[int(np.argmax(fit))], types, 0)


def _worn(parse: Parse, mask: np.ndarray) -> list[Region]:
    """Return the garments of a person, one of each type."""
    there = mask[::2, ::2]
    types = _as_one(parse.types, there)
    if there.any():
        types = _as_outfit(types, there)
    while True:
        best = _enlarged(types.argmax(axis=-1))
        areas = np.bincount(best[mask], minlength=len(TYPES))
        most = {n: areas[_ZONE_OF == n].max() for n in range(len(_ZONES))}
        stray = [  # a patch of a coat that is taken for a shirt
            kind
            for kind in np.flatnonzero(areas)
            if types[..., kind].any() and areas[kind] < SMALLEST_PART * most[_ZONE_OF[kind]]
        ]
        if not stray:
            break
        types[..., stray] = 0
    regions = []
    for kind in np.flatnonzero(areas):
        part = main_parts(mask & (best == kind))
        least = SMALLEST_WORN if TYPES[kind] in _SMALL_TYPES else MIN_AREA / 2
        if part.sum() >= least * part.size:
            probability = np.where(best == kind, parse.garment, 0)
            shares = tuple(type_in(part, parse)[1].tolist())
            regions.append(Region(TYPES[kind], part, _expected_iou(part, probability), True, shares))
    return regions


def _weight(region: Region) -> float:
    """Return how likely a person means this garment: its area, less beside the middle or for a shoe."""
    rows, columns = np.nonzero(region.mask)
    height, width = region.mask.shape
    off = abs(columns.mean() / width - 0.5) + 0.5 * abs(rows.mean() / height - 0.5)
    small = 0.4 if region.worn and region.type in _SMALL_TYPES else 1.0
    return float(len(rows)) * (1 - 0.8 * off) * small


def find(parse: Parse) -> list[Region]:
    """Return the garments of a photograph, if there are any, the one that a person would mean first."""
    mask = parse.garment > MASK_THRESHOLD
    area = int(np.count_nonzero(mask))
    if area < SMALLEST_WORN * mask.size:
        return []
    regions = _worn(parse, mask) if parse.worn else _laid_out(parse, mask)
    least = MIN_AREA if not parse.worn else 0.0
    regions = [region for region in regions if np.count_nonzero(region.mask) >= least * mask.size]
    return sorted(regions, key=_weight, reverse=True) if len(regions) > 1 else regions


def find_upright(photo: np.ndarray, parse: Callable[[np.ndarray], Parse]) -> tuple[list[Region], int]:
    """Find the garments of a photograph that may lie on its side or its head.

    Where the parse says so, the photograph is turned and parsed again. It stays as it was where both looks
    together are not sure of it, and where the second one sees shoes: types are told from upright photographs.

    Parameters
    ----------
    photo : uint8 (h, w, 3)
    parse : function
        From a photograph to its `Parse`.

    Returns
    -------
    regions : list of Region
        As `find` tells them from the upright photograph; their masks are in the frame of `photo`.
    turned : int
        By how many degrees, 0, 90, 180 or 270, it was turned clockwise.
    """
    parsed = parse(photo)
    quarters = int(np.argmax(parsed.turns))
    if quarters:
        turned = 90 * quarters
        other = parse(turn(photo, turned))
        sure = turn_log_odds(log_turns(parsed), log_turns(other), quarters) >= SURE_OF_TURN
        if sure and TYPES[type_in(other.garment > MASK_THRESHOLD, other)[0]] != ANY_WAY_UP:
            return [replace(one, mask=turn(one.mask, -turned)) for one in find(other)], turned
    return find(parsed), 0


def turn_log_odds(before: np.ndarray, after: np.ndarray, quarters: int) -> float:
    """Return how much likelier it is that a photograph is to be turned than that it stands upright.

    Parameters
    ----------
    before, after : float (4,)
        Log probabilities of the four turns, of the photograph as it is and turned clockwise.
    quarters : int
        By how many quarters it was turned.
    """
    return float(before[quarters] - before[0] + after[0] - after[-quarters])


def log_turns(parse: Parse) -> np.ndarray:
    """Return the log probabilities of the four turns of a photograph, float (4,)."""
    return np.log(np.maximum(parse.turns, _LEAST_CHANCE))
