"""The head of a figure: face, hair, beard and glasses, in centimetres from the middle of the head."""

from dataclasses import dataclass
from math import cos, sin

import cv2
import numpy as np
from numpy.random import Generator

from training.drawing.body import Body
from training.drawing.canvas import Canvas, Ink
from training.drawing.curves import Curve, Point, bow, join, line, ring, spline, symmetric
from training.drawing.fabric import Field

SKINS = (  # from the fairest to the darkest, RGB
    (0.95, 0.82, 0.75), (0.91, 0.75, 0.66), (0.87, 0.69, 0.57), (0.8, 0.6, 0.46), (0.71, 0.51, 0.37),
    (0.59, 0.41, 0.29), (0.46, 0.31, 0.22), (0.34, 0.22, 0.16), (0.24, 0.155, 0.12),
)  # fmt: skip
HAIRS = (
    (0.06, 0.05, 0.05), (0.1, 0.075, 0.06), (0.18, 0.11, 0.07), (0.3, 0.19, 0.11), (0.42, 0.28, 0.16),
    (0.66, 0.5, 0.3), (0.82, 0.69, 0.47), (0.5, 0.2, 0.1), (0.6, 0.58, 0.56), (0.88, 0.86, 0.82),
)  # fmt: skip
DYES = ((0.75, 0.3, 0.5), (0.2, 0.4, 0.65), (0.35, 0.5, 0.3), (0.5, 0.25, 0.55))
CUTS = ("bald", "cropped", "short", "quiff", "bob", "shoulder", "long", "bun", "tail", "curls")
CUT_SHARES = {True: (0.01, 0.04, 0.07, 0.04, 0.16, 0.18, 0.24, 0.1, 0.09, 0.07),
              False: (0.1, 0.2, 0.36, 0.18, 0.03, 0.03, 0.03, 0.03, 0.01, 0.03)}  # fmt: skip

TOP, CHIN, WIDE = -11.6, 11.3, 7.5  # of the skull, and its half width
CENTRE = -18.5  # height of its middle on the body


@dataclass(frozen=True)
class Face:
    """What makes a head that of one person; colours are RGB in [0, 1], lengths in centimetres."""

    skin: Field
    hair: Field
    lips: Field
    eyes: Field
    cut: str = "short"
    length: float = 0.0
    volume: float = 1.0
    parting: float = 0.0
    fringe: float = 0.0
    locks: tuple[bool, bool] = (False, False)
    glasses: str = ""
    beard: str = ""
    smile: float = 0.3
    jaw: float = 1.0
    gaze: float = 0.0


def sample_face(rng: Generator, *, woman: bool) -> Face:
    """Sample a person's face and hair."""
    tone = rng.uniform(0, len(SKINS) - 1)
    low, share = int(tone), tone % 1
    skins = np.array(SKINS, np.float32)
    skin = skins[low] + share * (skins[min(low + 1, len(SKINS) - 1)] - skins[low])
    skin = skin + rng.uniform(0, 0.25) * (skin.mean() - skin)
    skin = (skin * np.exp(rng.normal(0, 0.03, 3))).clip(0.08, 0.98).astype(np.float32)
    dark = 5 if tone > 4.5 and rng.random() < 0.9 else len(HAIRS)
    hair = np.array(HAIRS[rng.integers(dark)], np.float32)
    if rng.random() < 0.02:
        hair = np.array(DYES[rng.integers(len(DYES))], np.float32)
    hair = (hair * np.exp(rng.normal(0, 0.12)) + rng.normal(0, 0.015, 3)).clip(0.02, 0.95).astype(np.float32)
    cut = str(rng.choice(CUTS, p=CUT_SHARES[woman]))
    length = {"bob": (8, 13), "shoulder": (14, 22), "long": (24, 52), "tail": (20, 46)}.get(cut, (0, 0))
    red = np.array([0.62, 0.24, 0.25], np.float32)
    rouge = rng.uniform(0.3, 0.75) if woman and rng.random() < 0.5 else rng.uniform(0.1, 0.3)
    glasses = str(rng.choice(["", "sun", "thin", "thick"], p=[0.66, 0.16, 0.08, 0.1]))
    beard = str(rng.choice(["", "stubble", "short", "full", "moustache"], p=[0.45, 0.2, 0.15, 0.12, 0.08]))
    return Face(
        skin=skin,
        hair=hair,
        lips=skin * np.float32(0.82) * np.float32(1 - rouge) + red * np.float32(rouge),
        eyes=np.array([(0.25, 0.15, 0.08), (0.3, 0.4, 0.5), (0.3, 0.35, 0.22)][rng.integers(3)], np.float32),
        cut=cut,
        length=float(rng.uniform(*length)),
        volume=float(rng.uniform(0.85, 1.25)),
        parting=float(rng.choice([0.0, rng.uniform(-4.5, 4.5)])),
        fringe=float(rng.uniform(2, 5.5)) if woman and rng.random() < 0.28 else 0.0,
        locks=(bool(rng.random() < 0.6), bool(rng.random() < 0.6)),
        glasses=glasses,
        beard="" if woman else beard,
        smile=float(rng.uniform(-0.2, 1.0)),
        jaw=float(rng.uniform(0.92, 1.06)) * (0.96 if woman else 1.04),
        gaze=float(rng.normal(0, 0.3)),
    )


def _crown(wide: float, top: float) -> tuple[Point, Point, Point, Point]:
    """Return points of the right half of a rounded top."""
    return (0, top), (wide * 0.3, top + 0.3), (wide * 0.64, top + 1.7), (wide * 0.9, top + 4.4)


class Head:
    """A head on a body, painted in steps, for clothes lie between them.

    Parameters
    ----------
    face : Face
    body : Body
    canvas : Canvas
    layer : int
        That of skin and hair.
    strands : function
        Gives the hair its texture: float32 (h, w, 1) around 1 for a box.
    """

    def __init__(self, face: Face, body: Body, canvas: Canvas, layer: int, strands: Field) -> None:
        self.face, self.body, self.canvas, self.layer, self.strands = face, body, canvas, layer, strands
        pose = body.pose
        self.turn = float(np.clip(pose.turn * 0.7 + 0.45 * face.gaze, -0.9, 0.9))
        self.angle, self.size = pose.nod, body.build.head
        self.centre = body.warp(line((0, -8)))[0] + (0, CENTRE + 8)
        self.behind = pose.behind

    def _placed(self, curve: Curve) -> Curve:
        c, s = cos(self.angle), sin(self.angle)
        lowered = curve - (0, 8)
        turned = np.stack(
            [lowered[:, 0] * c - lowered[:, 1] * s, lowered[:, 0] * s + lowered[:, 1] * c], axis=1
        )
        return (turned + (0, 8)) * self.size + self.centre

    def _on_face(self, curve: Curve) -> Curve:
        """Place a curve that is drawn on the front of a skull, turned."""
        x, y = curve.T
        deep = 6.5 * np.sqrt(np.maximum(1 - (x / 8.5) ** 2, 0))
        return self._placed(np.stack([x * cos(self.turn) + deep * sin(self.turn), y], axis=1))

    def _aside(self, x: float) -> float:
        """Shift what lies on the skull's outline a little with the turn."""
        return 1.3 * sin(self.turn) * x

    def _hair_ink(self, shade: float) -> Field:
        return self.face.hair * np.float32(shade)

    def _hair(
        self, outline: Curve, shade: float = 1.0, round_off: float = 0.35, shadow: float = 0.25
    ) -> None:
        self.canvas.lay(
            self._placed(outline),
            self.face.hair,
            self.layer,
            texture=self.strands,
            shade=shade,
            round_off=round_off,
            depth=1.8,
            shadow=shadow,
        )

    def _skull(self) -> Curve:
        j = self.face.jaw
        right = spline(
            *_crown(WIDE, TOP + 0.5), (WIDE - 0.2, -4), (WIDE - 0.2, 1.5), (6.5 * j, 6.6),
            (3.4 * j, CHIN - 1.2), (0, CHIN),
        )  # fmt: skip
        return symmetric(right)

    def _reach(self) -> tuple[float, float]:
        """Return half width and height of the hair around the skull."""
        v = self.face.volume
        thick = {
            "bald": 0.0,
            "cropped": 0.3,
            "short": 0.9,
            "quiff": 1.0,
            "bun": 0.7,
            "tail": 0.7,
            "curls": 4.5,
        }
        extra = thick.get(self.face.cut, 1.5) * v
        return WIDE + 0.1 + extra, TOP - extra * 0.9

    def back_hair(self) -> None:
        """Paint the hair that hangs behind neck and shoulders, seen from the front."""
        face = self.face
        wide, top = self._reach()
        if face.cut in ("bob", "shoulder", "long"):
            low = face.length
            flare = wide + (0.5 + 0.09 * low) * face.volume
            right = spline(
                *_crown(wide, top), (wide + 0.2, -2), (wide + 0.8, 5),
                (flare, min(low, 14.0)), (flare - 0.6, low), (flare * 0.55, low + 2.0), (0, low + 1),
            )  # fmt: skip
            self._hair(symmetric(right), 0.72)
        elif face.cut == "curls":
            self._hair(self._curls(wide, top), 0.8)
        elif face.cut == "bun":
            at = (self._aside(-3) + 1.0, top - 2.6) if face.parting >= 0 else (self._aside(-6), -7.0)
            self._hair(ring(at, 4.2 * face.volume, 3.6 * face.volume), 0.85)
        elif face.cut == "tail":
            side = 1 if face.parting > 0 else -1
            tail = spline(
                (side * 5, -4), (side * 9.5, 4), (side * 9, 0.5 * face.length), (side * 6, face.length)
            )
            self._hair(join(tail, line((side * 4, 0.5 * face.length), (side * 4, 2))), 0.75)

    def _curls(self, wide: float, top: float) -> Curve:
        turn = np.linspace(0, 2 * np.pi, 60, endpoint=False)
        radius = 1 + 0.05 * np.sin(7 * turn + 9 * self.face.volume) + 0.035 * np.sin(17 * turn)
        low = 7.0 if self.face.volume > 1 else 3.0
        middle, tall = (top + low) / 2, (low - top) / 2
        return np.stack([wide * radius * np.cos(turn), middle + tall * radius * np.sin(turn)], axis=1)

    def skull(self) -> None:
        """Paint ears and skull, and what is in the face, or the hair that covers it from behind."""
        skin, canvas, layer = self.face.skin, self.canvas, self.layer
        for side in (-1, 1):
            hidden = side * self.turn > 0.35
            if not hidden:
                ear = ring((side * (WIDE - 0.1) * (1 - 0.1 * abs(self.turn)), 1.8), 1.3, 2.9)
                canvas.lay(self._placed(ear), skin, layer, shade=0.86, round_off=0.3, depth=0.6)
        canvas.lay(self._placed(self._skull()), skin, layer, round_off=0.32, depth=2.6, shadow=0.3)
        if self.behind:
            self._hair_from_behind()
            return
        self._features()

    def _shape(self, outline: Curve, ink: Ink, strength: float = 1.0, blur: float = 0.0) -> None:
        self.canvas.mark(self._on_face(outline), ink, self.layer, strength=strength, blur=blur)

    def _features(self) -> None:
        face = self.face
        dark = face.skin * np.float32(0.55)
        warm = face.skin * np.array([0.97, 0.74, 0.72], np.float32)
        for side in (-1, 1):
            self._shape(ring((side * 3.3, 0.5), 2.3, 1.5), dark, 0.35, 0.5)
            self._shape(ring((side * 4.2, 4.2), 2.2, 1.7), warm, 0.3, 0.8)
            self._eye(side)
            inner, outer = (side * 1.5, -2.2), (side * 5.1, -2.0)
            brow = join(
                spline(inner, (side * 3.4, -3.1), outer),
                spline(outer, (side * 3.3, -2.4), (side * 1.4, -1.5)),
            )
            self._shape(brow, face.hair * np.float32(0.8), 0.8)
        self._shape(line((-0.2, 0), (0.9, 1), (1.6, 4.4), (0.3, 5.2)), dark, 0.3, 0.35)
        self._shape(spline((-1.7, 4.7), (-0.8, 5.3), (0, 5.6), (0.8, 5.3), (1.7, 4.7), (0, 5.1)), dark, 0.75)
        self._mouth()
        self._shape(ring((0, CHIN - 1.6), 2.5, 0.8), dark, 0.22, 0.5)
        self._beard()

    def _eye(self, side: int) -> None:
        at = side * 3.3
        lens = join(
            bow((at - 1.4, 0.7), (at + 1.4, 0.7), -0.21), bow((at + 1.4, 0.7), (at - 1.4, 0.7), -0.15)
        )
        self._shape(lens, np.float32(0.62) + np.float32(0.3) * self.face.skin)
        look = at + 0.5 * self.face.gaze
        self._shape(ring((look, 0.6), 0.72, 0.72), self.face.eyes)
        self._shape(ring((look, 0.6), 0.36, 0.36), np.full(3, 0.03, np.float32))
        lid = join(
            bow((at - 1.6, 0.75), (at + 1.6, 0.65), -0.26), bow((at + 1.6, 0.65), (at - 1.6, 0.75), 0.17)
        )
        self._shape(lid, self.face.skin * np.float32(0.25), 0.85)

    def _mouth(self) -> None:
        face, up = self.face, 0.7 * self.face.smile
        half = 2.3 + 0.5 * max(0.0, face.smile)
        ends: tuple[Point, Point] = ((-half, 7.4 - up * 0.5), (half, 7.4 - up * 0.5))
        upper = join(
            spline(ends[0], (-0.8, 6.7), (0, 6.95), (0.8, 6.7), ends[1]), bow(ends[1], ends[0], 0.05 * up)
        )
        lower = join(bow(ends[0], ends[1], 0.05 * up), bow(ends[1], ends[0], 0.13 + 0.1 * up))
        self._shape(upper, face.lips * np.float32(0.85))
        self._shape(lower, face.lips)
        gap = join(bow(ends[0], ends[1], 0.02 + 0.02 * up), bow(ends[1], ends[0], 0.06 * up + 0.02))
        teeth = face.smile > 0.7
        self._shape(gap, np.full(3, 0.9, np.float32) if teeth else face.lips * np.float32(0.4), 0.9)

    def _beard(self) -> None:
        face = self.face
        if not face.beard:
            return
        moustache = symmetric(spline((0, 5.7), (1.8, 5.9), (3.1, 7.6), (2.2, 7.0), (0, 6.7)))
        strength = {"stubble": 0.3, "short": 0.75}.get(face.beard, 0.95)
        if face.beard != "stubble":
            self._shape(moustache, self._hair_ink(0.9), strength, 0.15)
        if face.beard == "moustache":
            return
        long = {"full": 4.0}.get(face.beard, 0.3)
        outer = spline((7.6, 0.5), (7.2 * face.jaw, 6.5), (4.2, CHIN - 0.6 + long * 0.6), (0, CHIN + long))
        inner = spline((0, 8.9), (2.6, 8.6), (4.0, 6.6), (6.2, 4.5), (6.8, 0.5))
        outline = symmetric(join(inner, outer[::1]))
        if face.beard == "full":
            ragged = join(inner, outer)
            self.canvas.lay(
                self._on_face(symmetric(ragged)), self._hair_ink(0.9), self.layer, round_off=0.3, shadow=0.2
            )
        else:
            self._shape(outline, self._hair_ink(0.9), strength, 0.4)

    def _hair_from_behind(self) -> None:
        face = self.face
        wide, top = self._reach()
        if face.cut == "bald":
            return
        low = {"bob": face.length, "shoulder": face.length, "long": face.length, "curls": 8.0}.get(
            face.cut, 8.5
        )
        if face.cut == "curls":
            self._hair(self._curls(wide, top), shadow=0.3)
            return
        flare = wide + 0.05 * low * face.volume if low > 9 else wide * 0.8
        right = spline(
            *_crown(wide, top), (wide, -2), (wide, 3), (flare, low * 0.8),
            (flare * 0.8, low), (0, low + 1.5),
        )  # fmt: skip
        self._hair(symmetric(right), shadow=0.3)
        if face.cut == "bun":
            self._hair(ring((0, -6.0), 4.6, 4.2), 0.95, shadow=0.35)
        elif face.cut == "tail":
            tail = spline((1.8, -2), (3.4, 8), (3.2, face.length * 0.8), (0, face.length))
            self._hair(symmetric(join(line((0, -2)), tail)), 0.95, shadow=0.35)

    def front_hair(self) -> None:
        """Paint the hair over forehead and temples, and glasses."""
        if self.behind:
            return
        if self.face.cut != "bald":
            self._cap()
        self._glasses()

    def _cap(self) -> None:
        face = self.face
        wide, top = self._reach()
        lift = 2.4 * face.volume if face.cut == "quiff" else 0.0
        side = {"cropped": -1.5, "short": 0.5, "quiff": -0.5}.get(face.cut, 1.0)
        line_y = -7.2 + face.fringe * 1.15
        part = face.parting
        outer_right = spline(*_crown(wide, top - lift), (wide, -4.5), (wide - 0.2, side + 2.5))
        outer_left = outer_right * (-1, 1)
        shift = self._aside(5)
        if face.fringe:
            inner = spline((wide - 1.3, side), (5.6, -2.6), (4.8, line_y), (0, line_y + 0.5), (-4.8, line_y),
                           (-5.6, -2.6), (-wide + 1.3, side))  # fmt: skip
        elif face.cut in ("cropped", "short", "quiff", "curls"):
            inner = spline((wide - 1.0, side), (6.4, -4.2), (5.4, -7.0), (part * 0.3, -7.8), (-5.4, -7.0),
                           (-6.4, -4.2), (-wide + 1.0, side))  # fmt: skip
        else:
            inner = spline((wide - 1.4, side + 2), (6.3, -1.5), (4.6 + part * 0.2, -6.0), (part, -9.4),
                           (-4.6 + part * 0.2, -6.0), (-6.3, -1.5), (-wide + 1.4, side + 2))  # fmt: skip
        inner[:, 0] = (inner[:, 0] + shift).clip(0.7 - WIDE, WIDE - 0.7)
        cap = join(outer_left[::-1], outer_right, inner)
        strength = 0.7 if face.cut == "cropped" else 1.0
        self.canvas.lay(
            self._placed(cap),
            self._hair_ink(1.0)
            if strength == 1
            else face.hair * np.float32(0.6) + face.skin * np.float32(0.25),
            self.layer,
            texture=self.strands,
            round_off=0.3,
            depth=1.4,
            shadow=0.28,
        )
        if face.cut in ("bob", "shoulder", "long"):
            self._curtains(wide)

    def _curtains(self, wide: float) -> None:
        """Paint the strands beside the cheeks, down to the jaw or the collar bone."""
        low = min(self.face.length, 13.0)
        for side in (-1, 1):
            inner = 5.9 - 0.9 * side * self.turn
            strand = join(
                spline((wide - 0.2, -4), (wide + 0.6, 4), (wide + 0.7, low)),
                spline((wide - 1.5, low + 1), (inner + 0.7, 6), (inner, -1), (inner - 1, -6)),
            )
            self._hair(strand * (side, 1), 0.95, shadow=0.3)

    def blur(self, sigma: float) -> None:
        """Blur the face, as those who publish pictures of passers-by do; `sigma` is in centimetres."""
        view, picture = self.canvas.view, self.canvas.picture
        height, width = picture.shape[:2]
        x, y = view.pixels(self._placed(line((0, 1))))[0]
        reach = 9.5 * self.size * view.zoom
        top, bottom = (int(min(max(y + side * 1.2 * reach, 0), height)) for side in (-1, 1))
        left, right = (int(min(max(x + side * reach, 0), width)) for side in (-1, 1))
        if bottom - top < 4 or right - left < 4:
            return
        there = picture[top:bottom, left:right]
        rows, columns = np.ogrid[top:bottom, left:right]
        distance = np.hypot((columns - x) / reach, (rows - y) / (1.2 * reach))
        weight = np.clip(4 * (1 - distance), 0, 1).astype(np.float32)[..., None]
        there += weight * (cv2.GaussianBlur(there, (0, 0), max(0.3, sigma * view.zoom)) - there)

    def locks(self) -> None:
        """Paint long hair that falls over the front of the shoulders."""
        face = self.face
        if self.behind or face.cut not in ("long", "shoulder") or face.length < 18:
            return
        wide, _ = self._reach()
        low = face.length
        for side, falls in zip((-1, 1), face.locks, strict=True):
            if falls:
                lock = join(
                    spline((wide - 0.4, 2), (wide + 1.2, 11), (wide + 3.2, 0.6 * low), (wide + 1.0, low)),
                    spline(
                        (wide - 1.2, low + 2.5), (wide - 3.2, 0.75 * low), (wide - 2.2, 12), (wide - 1.6, 3)
                    ),
                )
                self._hair(lock * (side, 1), 0.95, shadow=0.4)

    def _glasses(self) -> None:
        kind = self.face.glasses
        if not kind:
            return
        dark = np.full(3, 0.06, np.float32)
        lenses = [ring((side * 3.4, 0.9), 2.7, 2.2 if kind == "sun" else 1.9) for side in (-1, 1)]
        for lens in lenses:
            if kind == "sun":
                self._shape(lens, dark, 0.93)
        frame = [join(lens, lens[:1]) for lens in lenses]
        frame += [
            bow((-0.8, 0.4), (0.8, 0.4), -0.2),
            line((6.0, 0.3), (8.4, 0.4)),
            line((-6.0, 0.3), (-8.4, 0.4)),
        ]
        strength = 0.5 if kind == "thin" else 0.9
        curves = [self._on_face(curve) for curve in frame]
        self.canvas.rule([(curve, strength) for curve in curves], self.layer)
        if kind != "thin":
            self.canvas.rule([(curve + (0, 0.25), 0.8) for curve in curves], self.layer)
