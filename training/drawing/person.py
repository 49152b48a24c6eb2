"""A dressed person, painted on a canvas back to front: skin, hair, garments and bags."""

from dataclasses import replace
from math import cos, sin

import cv2
import numpy as np
from numpy.random import Generator

from training.drawing.accessories import cut_hat, cut_shoe
from training.drawing.appearance import Appearance
from training.drawing.body import HIP, Body, Tube
from training.drawing.canvas import Canvas, Ink
from training.drawing.curves import Curve, bow, join, line, ring, sag, spline, strip, symmetric, whole
from training.drawing.fabric import Field, printed, rgb
from training.drawing.fitting import Fitted, Map, fit_bottom, fit_top
from training.drawing.head import Face, Head
from training.drawing.outfit import Bag, Garment, Outfit
from training.drawing.pattern import Piece, Seam
from training.drawing.scenery import clouds
from training.drawing.shape import Shape
from training.photo.garment_types import BACKGROUND, CLASSES, PERSON, type_of

SKIN = 1  # the layer of skin and hair
SPARE = 48  # pixels that the field of folds is larger than a picture


class _Fabric:
    """The colours of one garment on a canvas."""

    def __init__(self, look: Appearance, canvas: Canvas, folds: Field, rng: Generator) -> None:
        self.look, self.canvas = look, canvas
        down, right = (int(shift) for shift in rng.integers(SPARE, size=2))
        height, width = canvas.picture.shape[:2]
        strength = np.float32(0.5 + look.folds)
        self.light = 1 + strength * folds[down : down + height, right : right + width]

    def ink(self, cloth: str, axis: float = 0.0) -> Ink:
        look = self.look
        main, trim = rgb(look.colour), rgb(look.trim)
        plain = {
            "main": main,
            "trim": trim,
            "inside": main * 0.45,
            "dark": main * 0.3 + 0.05,
            "metal": trim * 0.35 + 0.3,
        }

        if cloth != "main" or look.print == "plain":
            return np.asarray(plain[cloth], np.float32)

        return lambda box: printed(look, *self.canvas.view.centimetres(box), axis)


class Person:
    """A person who is painted on a canvas, back to front."""

    def __init__(self, canvas: Canvas, body: Body, face: Face, outfit: Outfit, rng: Generator) -> None:
        self.canvas, self.body, self.face, self.outfit, self.rng = canvas, body, face, outfit, rng
        height, width = canvas.picture.shape[:2]
        size = (height + SPARE, width + SPARE)
        self.folds = self._folds(size)
        self.strands = (1 + 0.22 * clouds(rng, shape=(height, width), cells=(5, width // 3))).astype(
            np.float32
        )
        self.head = Head(face, body, canvas, SKIN, self.strands)
        self.classes = [CLASSES.index(BACKGROUND), CLASSES.index(PERSON)]
        self.layer_of: dict[str, int] = {}
        self.fabrics: dict[str, _Fabric] = {}
        for name in ("bottom", "top", "dress", "outer", "shoes", "hat", "bag"):
            part = getattr(outfit, name)
            if part is not None:
                kind = "bag" if name == "bag" else type_of(part.shape.type)
                self.layer_of[name] = len(self.classes)
                self.classes.append(CLASSES.index(str(kind)))
                self.fabrics[name] = _Fabric(part.look, canvas, self.folds, rng)
        white = np.full(3, 0.92, np.float32)
        self.sole = white if outfit.shoes and outfit.shoes.shape.heel < 0.3 and rng.random() < 0.5 else None
        self.fitted: dict[str, Fitted] = {}
        self._fit()

    def _folds(self, size: tuple[int, int]) -> Field:
        rng = self.rng
        zoom = max(0.6, self.canvas.view.zoom / 1.7)
        down, across = (max(3, int(side / 16 / zoom)) for side in size)
        half = size[0] // 2, size[1] // 2
        creases = np.abs(clouds(rng, shape=half, cells=(down, across)))
        pulled = np.abs(clouds(rng, shape=half, cells=(max(2, down // 2), across)))
        falling = clouds(rng, shape=half, cells=(max(2, down // 4), across * 2))
        soft = clouds(rng, shape=half, cells=(max(2, down // 3), max(2, across // 3)))
        field = 0.13 * (np.minimum(creases, 0.5) - 0.35) + 0.1 * (np.minimum(pulled, 0.5) - 0.35)
        return np.asarray(cv2.resize(field + 0.035 * falling + 0.06 * soft, size[::-1]), np.float32)

    def _fit(self) -> None:
        outfit, body, phase = self.outfit, self.body, float(self.rng.uniform(1, 7))
        if outfit.bottom:
            waist = outfit.bottom.waist
            self.fitted["bottom"] = fit_bottom(outfit.bottom.shape, body, waist=waist, phase=phase)
        for name, ease in (("top", 0.0), ("dress", 0.0), ("outer", 1.2)):
            garment: Garment | None = getattr(outfit, name)
            if garment:
                gap = 0.0 if body.pose.behind else garment.gap
                end = outfit.bottom.waist + 5 if name == "top" and garment.tucked and outfit.bottom else None
                under = name != "outer" and outfit.outer is not None
                self.fitted[name] = fit_top(
                    garment.shape, body, gap=gap, ease=ease, end=end, under=under, phase=phase
                )

    def _sew(self, name: str, pieces: list[Piece], *, turn: float = 0.0, shadow: float = 0.3) -> None:
        fabric, layer = self.fabrics[name], self.layer_of[name]
        for piece in pieces:
            big = np.ptp(piece.outline, axis=0).min() > 6
            self.canvas.lay(
                piece.outline,
                fabric.ink(piece.cloth, turn if turn else piece.axis if piece.part == "front" else 0.0),
                layer,
                texture=fabric.light,
                shade=piece.shade,
                round_off=0.42 if big else 0.15,
                depth=3.0 if big else 0.8,
                shadow=shadow if big else shadow * 0.6,
            )

    def _rule(self, name: str, seams: list[Seam]) -> None:
        gloss = 0.3 if sum(self.fabrics[name].look.colour) < 0.6 else 0.0
        seen = 0.16 / self.canvas.view.zoom  # weaker seams are lost in small pictures
        curves = [(seam.curve, seam.strength * 0.8) for seam in seams if seam.strength > seen]
        self.canvas.rule(curves, self.layer_of[name], gloss=gloss)

    def _garment(self, name: str) -> None:
        """Paint body, front and seams of a garment."""
        if name not in self.fitted:
            return
        fitted = self.fitted[name]
        self._sew(name, fitted.body)
        self._sew(name, fitted.front, shadow=0.2)
        self._rule(name, fitted.seams)
        bright = float(np.mean(self.fabrics[name].look.colour)) <= 0.45
        for button in fitted.buttons:
            ink = np.full(3, 0.7 if bright else 0.3, np.float32)
            self.canvas.mark(ring(tuple(button[0]), 0.7, 0.7), ink, self.layer_of[name])
        self._logo(name, fitted)

    def _logo(self, name: str, fitted: Fitted) -> None:
        fabric = self.fabrics[name]
        place, look = fitted.pattern.logo, fabric.look
        if place is None or look.logo == "none" or fitted.open:
            return
        (x, y), half = place
        outline = ring((x, y + 2), 0.6 * half, 0.6 * half)
        if look.logo != "disc":
            tall = half if look.logo == "rectangle" else 0.25 * half
            outline = line(
                (x - 0.7 * half, y),
                (x + 0.7 * half, y),
                (x + 0.7 * half, y + tall),
                (x - 0.7 * half, y + tall),
            )
        self.canvas.mark(fitted.place(outline), rgb(look.second), self.layer_of[name], strength=0.92)

    def _skin(self, outline: Curve, *, shade: float = 1.0, depth: float = 2.4, shadow: float = 0.22) -> None:
        self.canvas.lay(
            outline, self.face.skin, SKIN, shade=shade, round_off=0.36, depth=depth, shadow=shadow
        )

    def _behind(self) -> None:
        """Paint what hangs behind the body."""
        if not self.body.pose.behind:
            self.head.back_hair()
        bag = self.outfit.bag
        if bag and bag.kind == "backpack" and not self.body.pose.behind:
            half = self.body.build.shoulder * 0.8
            outline = self.body.warp(
                symmetric(spline((0, -1), (half, 1), (half + 2, 20), (half, 44), (0, 46)))
            )
            self.canvas.lay(
                outline, self.fabrics["bag"].ink("main"), self.layer_of["bag"], shade=0.7, round_off=0.3
            )
        fitted = self.fitted.get("outer")
        if fitted and fitted.open:
            seen_from_behind = replace(self.body.pose, behind=True, turn=-self.body.pose.turn)
            lining = fit_top(self._outer().shape, Body(self.body.build, seen_from_behind), ease=0.6)
            self._sew("outer", [replace(piece, cloth="inside") for piece in lining.body])
        for name in ("outer", "top", "dress"):
            if name in self.fitted:
                self._sew(name, self.fitted[name].back)

    def _outer(self) -> Garment:
        assert self.outfit.outer is not None
        return self.outfit.outer

    def _legs(self) -> None:
        first = self.body.pose.front_leg
        for index in (1 - first, first):
            self._leg(index)

    def _leg(self, index: int) -> None:
        leg, outfit = self.body.legs[index], self.outfit
        dressed = outfit.bottom is not None and outfit.bottom.shape.type == "pants"
        ink = rgb(outfit.tights) if outfit.tights else self.face.skin
        self.canvas.lay(
            leg.outline(0, leg.length + 1, -1.0 if dressed else 0.0),
            ink, SKIN, shade=0.97, round_off=0.4, depth=3.0, shadow=0.3,
        )  # fmt: skip
        if not outfit.tights and not dressed:
            knee = leg.place(np.array([41.0]), np.array([0.0]))[0]
            self.canvas.mark(
                ring(tuple(knee), 2.6, 3.2), ink * np.float32(0.82), SKIN, strength=0.4, blur=1.0
            )
        if outfit.socks and not outfit.tights:
            self.canvas.mark(leg.outline(leg.length - 10, leg.length + 2, 0.6), rgb(outfit.socks), SKIN)
        self._foot(index, leg)

    def _foot(self, index: int, leg: Tube) -> None:
        side = (-1, 1)[index]
        out = self.body.pose.legs[index][3]
        garment = self.outfit.shoes
        shape = garment.shape if garment else Shape("shoes", heel=0.0)
        ankle = leg.place(np.array([leg.length]), np.array([0.0]))[0]
        lift = 7.0 * shape.heel if garment else 0.0
        if garment and out > 0.6 and not self.body.pose.behind:
            self._shoe_from_the_side(ankle, side, shape, out, lift)
            return
        outline, sole = self._foot_outlines(ankle, side, out, lift)
        if garment is None:
            ink = rgb(self.outfit.tights) if self.outfit.tights else self.face.skin
            self.canvas.lay(outline, ink, SKIN, round_off=0.4, depth=1.6, shadow=0.2)
            return
        fabric, layer = self.fabrics["shoes"], self.layer_of["shoes"]
        if shape.heel > 0.3:
            heel = line((-1.6, 4), (1.6, 4), (0.8, 6 + lift), (-0.8, 6 + lift)) + ankle - (side * 3 * out, 0)
            self.canvas.lay(heel, fabric.ink("dark"), layer)
        self.canvas.lay(sole, self.sole if self.sole is not None else fabric.ink("dark"), layer)
        self.canvas.lay(outline, fabric.ink("main"), layer, round_off=0.5, depth=1.5, shadow=0.2)
        self._shaft(leg, shape)
        if shape.heel < 0.4 and not self.body.pose.behind:
            middle = outline.mean(axis=0)
            laces = [(line((-2.2, y), (2.2, y)) + middle, 0.4) for y in (-3.0, -1.6, -0.2)]
            self.canvas.rule(laces, layer)
        elif shape.shaft < 0.4 and not self.body.pose.behind:
            throat = ring(tuple(ankle + (side * 2.0 * out, 4.2)), 2.6, 3.2)
            skin = rgb(self.outfit.tights) if self.outfit.tights else self.face.skin
            self.canvas.lay(throat, skin, SKIN, shade=0.9)

    def _shaft(self, leg: Tube, shape: Shape) -> None:
        tall = 22 * shape.shaft
        if tall > 4:
            fabric, layer = self.fabrics["shoes"], self.layer_of["shoes"]
            shaft = leg.outline(leg.length - tall, leg.length + 3, 1.2)
            self.canvas.lay(shaft, fabric.ink("main"), layer, round_off=0.42, depth=2.4, shadow=0.25)

    def _foot_outlines(self, ankle: Curve, side: int, out: float, lift: float) -> tuple[Curve, Curve]:
        """Return the outlines of a foot seen from the front, or from behind, and of its sole."""
        turn = out * 1.1
        forward = -0.12 if self.body.pose.behind else 0.36
        step = np.array([side * sin(turn) * 0.85, forward * cos(turn) + lift / 17])
        toe = ankle + step * 15 + (0, 5.0)
        path = spline(
            tuple(ankle - (0, 2)), tuple(ankle + (0, 2.0)), tuple(ankle + step * 7 + (0, 4.0)), tuple(toe)
        )
        tube = Tube(path, ((0, 3.6), (4, 4.2), (11, 4.9), (15, 4.3), (18, 2.4)), side)
        outline = tube.outline(0, tube.length)
        cap = ring(tuple(toe - step * 1.2), 3.4, 3.0)
        whole = cv2.convexHull(
            np.concatenate([outline[len(outline) // 4 : -len(outline) // 4], cap]).astype(np.float32)
        )
        whole = join(whole[:, 0].astype(float))
        shaft = tube.outline(0, min(8.0, tube.length))
        hull = cv2.convexHull(np.concatenate([whole, shaft]).astype(np.float32))[:, 0].astype(float)
        return hull, hull + (0, 1.1)

    def _shoe_from_the_side(self, ankle: Curve, side: int, shape: Shape, out: float, lift: float) -> None:
        pattern = cut_shoe(shape)
        leg = self.body.legs[0 if side < 0 else 1]
        fabric, layer = self.fabrics["shoes"], self.layer_of["shoes"]
        scale = np.array([side * (0.45 + 0.4 * out), 0.85])

        def place(curve: Curve) -> Curve:
            return (curve + (6.0, 0)) * scale + ankle + (0, 6.5 + lift * 0.4)

        for piece in pattern.pieces:
            ink = fabric.ink(piece.cloth)
            self.canvas.lay(place(piece.outline), ink, layer, shade=piece.shade, round_off=0.3, depth=1.2)
        self.canvas.rule([(place(seam.curve), seam.strength * 0.8) for seam in pattern.seams], layer)
        if shape.shaft < 0.5:
            self.canvas.lay(
                leg.outline(leg.length - 6, leg.length - 1.5, -0.2), self.face.skin, SKIN, shade=0.9
            )

    def _arm(self, index: int) -> None:
        arm = self.body.arms[index]
        kind = self.body.pose.arms[index].kind
        covered = self._covered()
        if kind != "pocket":
            self._hand(index, arm)
        if covered < arm.length - 2:
            corners = max(covered - 5, 2.0), max(covered - 5, 15.0)
            outer, inner = (np.linspace(corner, arm.length + 3, 12) for corner in corners)
            emerged = join(arm.place(outer, np.full(12, 9.0)), arm.place(inner, np.full(12, -9.0))[::-1])
            self.canvas.lay(
                arm.outline(-2.0, arm.length),
                self.face.skin,
                SKIN,
                round_off=0.36,
                depth=2.0,
                shadow=0.3,
                within=emerged,
            )
        for name in self._sleeved():
            if self.fitted[name].sleeves[index]:
                self._sew(name, self.fitted[name].sleeves[index], turn=arm.angle(14.0), shadow=0.32)
                self._rule(name, self.fitted[name].sleeve_seams[index])

    def _sleeved(self) -> list[str]:
        """Return the garments whose sleeves are seen."""
        order: tuple[str, ...] = ("outer", "top", "dress")
        return [name for name in order if name in self.fitted][:1]

    def _covered(self) -> float:
        """Return how much of the arms is in sleeves, in centimetres."""
        return max((self.fitted[name].covers for name in self._sleeved()), default=0.0) * 55

    def _hand(self, index: int, arm: Tube) -> None:
        long = arm.length
        half = 3.3 if self.body.build.woman else 3.8
        path_at = np.array([long - 2, long + 3, long + 8, long + 13, long + 17.0])
        wide = np.array([2.3, half, half * 1.05, half * 0.9, half * 0.45])
        if self.body.pose.arms[index].kind in ("raised", "carrying", "hip"):
            path_at = long + (path_at - long) * 0.72
        palm = join(arm.place(path_at, wide), arm.place(path_at, -wide)[::-1])
        at, thumb = np.array([long + 2, long + 6, long + 9.0]), np.array([-2.0, -4.4, -4.9])
        thumb_outline = join(arm.place(at, thumb), arm.place(at[::-1], thumb[::-1] + 1.9))
        self._skin(thumb_outline, depth=0.8, shade=0.95)
        self._skin(palm, depth=1.4)
        fingers = [
            (arm.place(np.array([long + 9.0, path_at[-1] - 0.5]), np.array([x, x * 0.8])), 0.3)
            for x in (-1.6, 0.0, 1.6)
        ]
        self.canvas.rule(fingers, SKIN)

    def _arms(self, kinds: set[str]) -> None:
        for index in range(2):
            if self.body.pose.arms[index].kind in kinds:
                self._arm(index)

    def _bag(self, bag: Bag) -> None:
        layer, fabric, side = self.layer_of["bag"], self.fabrics["bag"], (-1, 1)[bag.side]
        arm = self.body.arms[bag.side]
        hand = arm.place(np.array([arm.length + 7]), np.array([0.0]))[0]
        half, tall = bag.half, bag.height
        if bag.kind == "backpack":
            if self.body.pose.behind:
                right = spline(
                    (0, -3), (half * 0.8, 0), (half, 10), (half, tall - 3), (half * 0.85, tall), (0, tall + 1)
                )
                self.canvas.lay(
                    self.body.warp(symmetric(right)), fabric.ink("main"), layer, round_off=0.45, shadow=0.35
                )
                pocket = symmetric(
                    spline((0, tall * 0.5), (half * 0.7, tall * 0.52), (half * 0.72, tall - 2), (0, tall - 1))
                )
                self.canvas.lay(
                    self.body.warp(pocket), fabric.ink("main"), layer, shade=0.9, round_off=0.3, shadow=0.2
                )
                return
            x = self.body.build.shoulder * 0.62
            for sign in (-1, 1):
                strap = strip(spline((x * 0.8, -0.5), (x, 8), (x + 1.5, 20), (x + 3.5, 30)), -3.4) * (sign, 1)
                self.canvas.lay(
                    self.body.warp(strap), fabric.ink("main"), layer, round_off=0.3, depth=0.8, shadow=0.25
                )
            return
        if bag.kind == "clutch":
            centre = hand + (-side * 2.0, 1.0)
            tilt = float(self.rng.normal(0, 0.25))
        elif bag.kind == "tote":
            centre = hand + (0, float(self.rng.uniform(14, 22)) + tall / 2)
            tilt = float(self.rng.normal(0, 0.05))
            for shift in (-1.2, 1.2):
                x, y = 2 * shift, hand[1] - centre[1] + 1
                low = half * 0.45, -tall / 2
                handle = spline((-low[0], low[1]), (x - 2, y), (x + 2, y), low)
                self.canvas.lay(strip(handle, 1.3) + centre, fabric.ink("trim"), layer, shade=0.85)
        else:
            start = self.body.warp(line((-side * 8.0 if bag.kind == "crossbody" else side * 12.0, 0.5)))[0]
            centre = self.body.warp(line((side * (self.body.build.hip + 1), HIP - 4)))[0] + (
                side * 2,
                tall * 0.3,
            )
            end = centre + (0, -tall / 2)
            over = self.body.pose.behind
            strap = bow(tuple(start), tuple(end), (0.04 if over else -0.04) * side)
            self.canvas.lay(strip(strap, 1.6), fabric.ink("trim"), layer, shade=0.9, shadow=0.2)
            tilt = float(self.rng.normal(0, 0.06))
        self._pouch(centre, half, tall, tilt)

    def _pouch(self, centre: Curve, half: float, tall: float, tilt: float) -> None:
        layer, fabric = self.layer_of["bag"], self.fabrics["bag"]
        c, s = cos(tilt), sin(tilt)
        turn = np.array([[c, s], [-s, c]])
        r = float(self.rng.uniform(0.82, 1.0))
        right = join(
            line((0, -tall / 2), (half * r - 1, -tall / 2)),
            spline((half * r, -tall / 2 + 1), (half, tall * 0.2), (half * 0.97, tall / 2 - 2)),
            line((half * 0.9, tall / 2), (0, tall / 2)),
        )
        outline = symmetric(right) @ turn + centre
        self.canvas.lay(outline, fabric.ink("main"), layer, round_off=0.4, depth=2.0, shadow=0.3)
        seams = [(line((-half, -tall * 0.18), (0, -tall * 0.1), (half, -tall * 0.18)) @ turn + centre, 0.35)]
        self.canvas.rule(seams, layer)
        clasp = ring((0, -tall * 0.1), 1.0, 0.8) @ turn + centre
        self.canvas.mark(clasp, np.array([0.7, 0.62, 0.4], np.float32), layer)

    def _hat(self) -> None:
        garment = self.outfit.hat
        if garment is None:
            return
        pattern = cut_hat(garment.shape)
        fabric, layer = self.fabrics["hat"], self.layer_of["hat"]
        base = 9.5 + 2.5 * garment.shape.width
        scale = 9.6 / base
        c, s = cos(self.body.pose.nod), sin(self.body.pose.nod)

        def place(curve: Curve) -> Curve:
            x, y = (curve * scale - (0, 5.6 + 8)).T
            return np.stack([x * c - y * s, x * s + y * c + 8], axis=1) * self.head.size + self.head.centre

        if self.outfit.hat_style != "brim":
            self._soft_hat(place)
            return
        for piece in pattern.pieces:
            ink = fabric.ink(piece.cloth)
            self.canvas.lay(place(piece.outline), ink, layer, shade=piece.shade, round_off=0.35, shadow=0.3)
        self.canvas.rule([(place(seam.curve), seam.strength) for seam in pattern.seams], layer)

    def _soft_hat(self, place: Map) -> None:
        """Paint a beanie, or a cap with its visor: around the base of a brimmed hat, which is 9.6 wide."""
        fabric, layer = self.fabrics["hat"], self.layer_of["hat"]
        slack = float(self.rng.uniform(0, 5))
        beanie = self.outfit.hat_style == "beanie"
        top = -9.5 - (slack if beanie else 0.2 * slack)
        right = spline(
            (0, top), (4.4, top + 0.7), (8.2, top + 4.6), (9.4, -2.0), (9.2, 3.0 if beanie else 1.5)
        )
        low = sag(9.2, 3.0 if beanie else 1.5, 4.4 if beanie else 2.6)

        def lay(outline: Curve, cloth: str, shade: float) -> None:
            self.canvas.lay(
                place(outline),
                fabric.ink(cloth),
                layer,
                texture=fabric.light,
                shade=shade,
                round_off=0.4,
                shadow=0.3,
            )

        lay(symmetric(join(right, low[::-1])), "main", 1.0)
        if beanie:
            band = whole(low)
            lay(join(band, (band * (1.03, 1) - (0, 5))[::-1]), "trim", 0.92)
        elif not self.body.pose.behind:
            aside = 7 * self.head.turn
            visor = join(
                spline((-8.6, 1.0), (aside, 2.6), (8.6, 1.0)), spline((8.4, 3.6), (aside, 6.4), (-8.4, 3.6))
            )
            lay(visor, "trim", 0.85)

    def paint(self) -> None:
        """Paint everything, back to front."""
        behind = self.body.pose.behind
        if behind:
            self._arms({"carrying", "pocket"})
        else:
            self._arms({"behind"})
        self._behind()
        self._legs()
        self._skin(self.body.torso(), depth=3.0)
        if self._covered() < 14:
            for index in range(2):
                if self.body.pose.arms[index].kind != "behind" or behind:
                    arm = self.body.arms[index]
                    self._skin(arm.outline(-2.0, arm.length), depth=2.0, shadow=0.0)
        self._torso_details()
        top, bottom = self.outfit.top, self.outfit.bottom
        order = ("top", "bottom") if top and top.tucked else ("bottom", "top")
        if bottom is not None and bottom.shape.type != "pants" and not (top and top.tucked):
            order = ("bottom", "top")
        for name in (*order, "dress"):
            self._garment(name)
        bag = self.outfit.bag
        in_front = {"hanging", "hip", "pocket", "out"} | ({"behind", "raised"} if behind else {"carrying"})
        if "outer" in self.fitted:
            self._garment("outer")
        hold = bag is not None and bag.kind in ("shoulder", "crossbody", "backpack")
        if behind:
            self.head.skull()
        if bag and hold:
            self._bag(bag)
        self._arms(in_front - ({"carrying", "pocket"} if behind else set()))
        if bag and not hold:
            self._bag(bag)
        if not behind:
            self.head.skull()
            self.head.front_hair()
            self.head.locks()
        self._hat()
        if not behind:
            self._arms({"raised"})

    def _torso_details(self) -> None:
        """Shade collar bones and the neck below the chin."""
        if self.body.pose.behind:
            return
        dark = self.face.skin * np.float32(0.7)
        neck = self.body.warp(join(line((-7, -12), (7, -12)), spline((6, -6), (0, -3), (-6, -6))))
        self.canvas.mark(neck, dark, SKIN, strength=0.5, blur=0.8)
        for side in (-1, 1):
            bone = spline((side * 1.6, 3.2), (side * 6, 2.4), (side * 12, 1.6))
            self.canvas.mark(self.body.warp(strip(bone, side * 0.9)), dark, SKIN, strength=0.4, blur=0.4)

    def shade_ground(self) -> None:
        """Darken the background around the feet, and a wall close behind."""
        canvas, rng = self.canvas, self.rng
        outside = canvas.layers == 0
        if rng.random() < 0.55:
            small = (~outside[::2, ::2]).astype(np.float32)
            zoom = canvas.view.zoom / 2
            soft = cv2.GaussianBlur(small, (0, 0), float(rng.uniform(2, 7)) * zoom)
            shift = np.array(
                [[1, 0, -canvas.light * rng.uniform(0, 7) * zoom], [0, 1, rng.uniform(0, 4) * zoom]]
            )
            soft = cv2.warpAffine(soft, shift.astype(np.float32), soft.shape[::-1])
            dark = cv2.resize(soft, outside.shape[::-1]) * outside * np.float32(rng.uniform(0.1, 0.45))
            canvas.picture *= (1 - dark)[..., None]
        feet = [leg.path[-1] + (0, 6.5) for leg in self.body.legs]
        for foot in feet:
            shadow = ring((foot[0] - 4 * canvas.light, foot[1]), 13, 3.0)
            canvas.mark(shadow, np.zeros(3, np.float32), 0, strength=0.35, blur=2.0)
