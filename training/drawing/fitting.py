"""Fitting: the pieces of a sewing pattern, laid flat, to where they lie on a body that wears them."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from training.drawing.bodice import cut_bodice
from training.drawing.body import CROTCH, WAIST, Body, Tube
from training.drawing.bottoms import CROTCH as RISE
from training.drawing.bottoms import cut_skirt, cut_trousers
from training.drawing.curves import Curve, mirrored
from training.drawing.pattern import Pattern, Piece, Seam
from training.drawing.shape import Shape
from training.drawing.tops import cut_top

ROUND = 0.74  # half width of cloth around a body, as a share of its half width laid flat
HIPS_END = 60.0  # below this height a narrow skirt may be narrower than the hips
EASE = 0.7  # centimetres between the body's side and the tightest cloth

Map = Callable[[Curve], Curve]


@dataclass(frozen=True)
class Fitted:
    """The parts of a garment on a body, each back to front: pieces and seams, in centimetres of the body."""

    back: list[Piece]
    body: list[Piece]
    sleeves: tuple[list[Piece], list[Piece]]
    front: list[Piece]
    seams: list[Seam]
    sleeve_seams: tuple[list[Seam], list[Seam]]
    buttons: list[Curve]
    place: Map
    pattern: Pattern
    open: bool = False

    @property
    def covers(self) -> float:
        """The share of the arms that sleeves cover."""
        return self.pattern.sleeve.length / 60 if self.pattern.sleeve else 0.0


def _side(curve: Curve) -> int:
    return int(curve[:, 0].mean() > 0)


def _width_at(side: Curve, y: Curve | float) -> Curve:
    order = np.argsort(side[:, 1], kind="stable")
    return np.interp(y, side[order, 1], side[order, 0])


def _top_map(shape: Shape, pattern: Pattern, body: Body, gap: float, ease: float, under: bool) -> Map:
    """Return the map of a garment that hangs from the shoulders; an open one parts by `gap` on each side."""
    assert pattern.side is not None
    bodice = cut_bodice(shape)
    tip_x, tip_y = bodice.tip
    armpit_y = bodice.armpit[1]
    bare = pattern.sleeve is None
    tip = 0.86 * tip_x if bare else body.build.shoulder + 0.6 + ease + 0.35 * max(tip_x - 20, 0)
    at_tip = min(tip, body.build.shoulder - 2.0) / tip_x if bare else tip / tip_x
    heights = np.linspace(armpit_y, max(bodice.bottom, armpit_y + 1), 24)
    flat = _width_at(pattern.side, heights)
    snug = body.half(heights) + EASE + ease
    worn = np.maximum(ROUND * flat, snug)
    if under:
        worn = np.minimum(worn, snug + 0.15 * np.maximum(heights - 56, 0))
        tip, at_tip = body.build.shoulder - 2.5, (body.build.shoulder - 2.5) / tip_x
    heights = np.concatenate([[-20.0, 0.0, tip_y], heights])
    factors = np.concatenate([[0.93, 0.93, at_tip], worn / flat])

    def place(curve: Curve) -> Curve:
        x, y = curve.T
        factor = np.interp(y, heights, factors)
        if gap:
            sign = np.sign(x.mean()) or 1.0
            wide = np.maximum(np.interp(y, heights[2:], worn_at), 8.0)
            part = gap * np.clip(y / max(bodice.depth, 14.0), 0, 1)
            x = sign * (part + np.abs(x * factor) * np.maximum(1 - part / wide, 0))
            return body.warp(np.stack([x, y], axis=1))
        return body.warp(np.stack([x * factor, y], axis=1))

    worn_at = np.concatenate([[at_tip * tip_x], worn])
    return place


def _sleeve_map(pattern: Pattern, body: Body, index: int, ease: float) -> Map:
    sleeve, arm = pattern.sleeve, body.arms[index]
    assert sleeve is not None
    shoulder = 3.4 + ease + 0.35 * max(float(sleeve.tip[0]) - 20, 0.0)

    def place(curve: Curve) -> Curve:
        flat = (curve if index else mirrored(curve)) - sleeve.tip
        s, t = flat @ sleeve.along, flat @ sleeve.across
        width = np.interp(s, [0, sleeve.length], [sleeve.thick, sleeve.cuff])
        half = np.maximum(ROUND * width / 2, arm.half(s) + EASE + ease)
        half = np.minimum(half, shoulder + np.maximum(s, 0) * 0.45) / (width / 2)
        return arm.place(s * min(1.0, (arm.length + 3) / 58) - 1.0, (width / 2 - t) * half)

    return place


def _crumpled(place: Map, phase: float) -> Map:
    """Return the map, with an outline that folds make uneven; with phase 0 it stays smooth."""
    if not phase:
        return place

    def crumple(curve: Curve) -> Curve:
        points = place(curve)
        x, y = points.T
        across = 0.3 * np.sin(0.5 * y + 0.2 * x + phase) + 0.2 * np.sin(1.15 * y + 2.3 * phase)
        down = 0.25 * np.sin(0.55 * x + 1.7 * phase) + 0.15 * np.sin(1.2 * x + 0.3 * y + 3.1 * phase)
        return points + (0.3 + phase % 1) * np.stack([across, down], axis=1)

    return crumple


def _skirt_map(pattern: Pattern, body: Body, waist: float) -> Map:
    side = pattern.side
    assert side is not None
    heights = np.linspace(-2, side[:, 1].max(), 30)
    flat = _width_at(side, heights)
    low = np.clip((heights + waist - HIPS_END) / 20, 0, 1)
    least = (body.half(heights + waist) + EASE) * (1 - 0.25 * low)
    factors = np.maximum(ROUND * flat, least) / flat

    def place(curve: Curve) -> Curve:
        x, y = curve.T
        return body.warp(np.stack([x * np.interp(y, heights, factors), y + waist], axis=1))

    return place


def _trouser_map(pattern: Pattern, body: Body, waist: float) -> Map:
    side, inseam = pattern.side, pattern.inseam
    assert side is not None and inseam is not None
    above = np.linspace(-2, RISE + 8, 14)
    flat_above = _width_at(side, above)
    stretch = (CROTCH + 1.5 - waist) / RISE
    hips = np.maximum(ROUND * flat_above, body.half(above * stretch + waist) + EASE) / flat_above

    def place(curve: Curve) -> Curve:
        x, y = curve.T
        leg = body.legs[_side(curve)]
        torso = body.warp(np.stack([x * np.interp(y, above, hips), y * stretch + waist], axis=1))
        out, inner = _width_at(side, y), _width_at(inseam, y)
        half, middle = np.maximum((out - inner) / 2, 1.0), (out + inner) / 2
        s = np.maximum(y - RISE, 0) * 0.97 + CROTCH + 1.5 - leg.path[0, 1] + body.pose.tilt
        wide = np.maximum(ROUND * half, leg.half(s) + EASE) / half
        on_leg = leg.place(s, (np.abs(x) - middle) * wide)
        share = np.clip((y - RISE + 6) / 14, 0, 1)[:, None]
        share = share * share * (3 - 2 * share)
        return torso + share * (on_leg - torso)

    return place


def _cap(arm: Tube, end: float, ease: float) -> Curve:
    """Return the outline of the top of a sleeve, which rounds the shoulder between sleeve and body."""
    at = np.linspace(0.5, end, 6)
    half = (arm.half(at) + ease) * (0.45, 0.8, 0.95, 1.0, 1.0, 0.95)
    return np.concatenate([arm.place(at, half), arm.place(at, -half)[::-1]])


def _halves(outline: Curve) -> list[Curve]:
    """Split a symmetric outline into its right and left half; leave others whole."""
    half = len(outline) // 2
    right, left = outline[:half], outline[half:]
    if len(right) == len(left) and np.allclose(mirrored(right)[::-1], left):
        return [right, left]
    return [outline]


def _closed(curve: Curve) -> Curve:
    """Return the outline with points added on its long edges, so that it can bend."""
    following = np.roll(curve, -1, axis=0)
    counts = np.maximum(1, np.ceil(np.linalg.norm(following - curve, axis=1) / 5).astype(int))
    start, step = np.repeat(curve, counts, axis=0), np.repeat(following - curve, counts, axis=0)
    number = np.arange(len(start)) - np.repeat(np.cumsum(counts) - counts, counts)
    return start + (number / np.repeat(counts, counts))[:, None] * step


def _bent(curve: Curve) -> Curve:
    """Return an open curve with points added on its long segments."""
    if len(curve) > 6:
        return curve
    at = np.linspace(0, len(curve) - 1, 9)
    return np.stack([np.interp(at, np.arange(len(curve)), axis) for axis in curve.T], axis=1)


def _tucked(piece: Piece, end: float | None) -> Piece:
    if end is None:
        return piece
    return replace(piece, outline=np.minimum(piece.outline, (np.inf, end)))


def _placed(curves: list[Curve], place: Map) -> list[Curve]:
    """Map curves, all those of one side of the body at once."""
    placed = list(curves)
    for side in (0, 1):
        chosen = [number for number, curve in enumerate(curves) if _side(curve) == side]
        if chosen:
            points = place(np.concatenate([curves[number] for number in chosen]))
            ends = np.cumsum([len(curves[number]) for number in chosen])[:-1]
            for number, curve in zip(chosen, np.split(points, ends), strict=True):
                placed[number] = curve
    return placed


def _pieces(pieces: list[Piece], place: Map, gap: float = 0.0, split: bool = False) -> list[Piece]:
    parts = [
        replace(piece, outline=_closed(outline))
        for piece in pieces
        for outline in (_halves(piece.outline) if split or gap else [piece.outline])
    ]
    outlines = _placed([part.outline for part in parts], place)
    return [replace(part, outline=outline) for part, outline in zip(parts, outlines, strict=True)]


def _seams(seams: list[Seam], place: Map) -> list[Seam]:
    curves = _placed([_bent(seam.curve) for seam in seams], place)
    return [replace(seam, curve=curve) for seam, curve in zip(seams, curves, strict=True)]


def fit_top(
    shape: Shape,
    body: Body,
    *,
    gap: float = 0.0,
    ease: float = 0.0,
    end: float | None = None,
    under: bool = False,
    phase: float = 0.0,
) -> Fitted:
    """Put a garment on that hangs from the shoulders.

    Parameters
    ----------
    shape : Shape
    body : Body
    gap : float
        Half the width, in centimetres, by which it stands open; 0 is closed.
    ease : float
        Centimetres that it lies further outside, over other garments.
    end : float, optional
        Height of the body at which it is tucked into a waistband.
    under : bool
        Another garment presses it to the body.
    phase : float
        Another number makes the outline uneven in another way; 0 leaves it smooth.
    """
    pattern = cut_top(shape, arms=0.6, behind=body.pose.behind)
    place = _crumpled(_top_map(shape, pattern, body, gap, ease, under), phase)
    plain = _crumpled(_top_map(shape, pattern, body, 0.0, ease, under), phase)
    parts = {
        name: [p for p in pattern.pieces if p.part == name] for name in ("back", "body", "sleeve", "front")
    }
    front = [_tucked(p, end) for p in parts["front"] if not (gap and p.cloth == "metal")]
    sleeves: list[list[Piece]] = [[], []]
    sleeve_seams: list[list[Seam]] = [[], []]
    for index in range(2):
        if pattern.sleeve is not None:
            on_arm = _crumpled(_sleeve_map(pattern, body, index, ease), phase)
            mine = [p for p in parts["sleeve"] if _side(p.outline) == index]
            cap = _cap(body.arms[index], min(15.0, 4.0 + 0.8 * pattern.sleeve.length), EASE + ease - 0.3)
            sleeves[index] = [replace(mine[0], outline=cap), *_pieces(mine, on_arm)]
            sleeve_seams[index] = _seams(
                [s for s in pattern.seams if s.part == "sleeve" and _side(s.curve) == index], on_arm
            )
    seams = [s for s in pattern.seams if s.part in ("body", "front")]
    if gap:
        seams = [s for s in seams if abs(s.curve[:, 0].mean()) > 1.5]
    buttons = [] if gap else [place(np.array([button])) for button in pattern.buttons]
    return Fitted(
        back=_pieces(parts["back"], plain),
        body=_pieces([_tucked(piece, end) for piece in parts["body"]], place, gap),
        sleeves=(sleeves[0], sleeves[1]),
        front=_pieces(front, place, gap),
        seams=_seams(seams, place),
        sleeve_seams=(sleeve_seams[0], sleeve_seams[1]),
        buttons=buttons,
        place=plain,
        pattern=pattern,
        open=bool(gap),
    )


def fit_bottom(shape: Shape, body: Body, *, waist: float = WAIST, phase: float = 0.0) -> Fitted:
    """Put a skirt or trousers on, with the waistband at a height of the body."""
    behind = body.pose.behind
    if shape.type == "skirt":
        pattern = cut_skirt(shape)
        place = _crumpled(_skirt_map(pattern, body, waist), phase)
    else:
        pattern = cut_trousers(shape)
        place = _crumpled(_trouser_map(pattern, body, waist), phase)
    legs = shape.type != "skirt"
    visible = [p for p in pattern.pieces if p.cloth != "inside"]
    seams = [s for s in pattern.seams if not (behind and s.part == "front")]
    return Fitted(
        back=[],
        body=_pieces([p for p in visible if p.part == "body"], place, split=legs),
        sleeves=([], []),
        front=_pieces([p for p in visible if p.part == "front" and not behind], place),
        seams=_seams(seams, place),
        sleeve_seams=([], []),
        buttons=[] if behind else [place(np.array([button])) for button in pattern.buttons],
        place=place,
        pattern=pattern,
    )
