"""The body that wears garments: its build, its pose, and the tubes of its limbs, in centimetres.

The origin is the neck between the shoulders, x to the right of the picture and y downwards; the floor is
about 141 below.
"""

from dataclasses import dataclass
from math import cos, radians, sin

import numpy as np
from numpy.random import Generator

from training.drawing.curves import Curve, Point, join, line, spline, symmetric

WAIST, HIP, CROTCH = 38.0, 54.0, 62.0
UPPER_ARM, FOREARM = 29.0, 25.0
THIGH, SHIN = 41.0, 40.0
ARMS = ("hanging", "hip", "pocket", "raised", "carrying", "behind", "out")
ARM_SHARES = (0.42, 0.14, 0.08, 0.08, 0.14, 0.06, 0.08)
Stance = tuple[float, float, float, float]
STANCES = ("straight", "apart", "crossed", "bent", "walking")


class Tube:
    """A limb along a smooth path, with the body's half widths along it.

    Parameters
    ----------
    path : points
    stations : sequence of (float, float)
        Centimetres along the path, and the half width there.
    side : int
        1 on the right of the picture, -1 on the left: distances across are positive outwards.
    """

    def __init__(self, path: Curve, stations: tuple[Point, ...], side: int) -> None:
        steps = np.linalg.norm(np.diff(path, axis=0), axis=1)
        kept = np.concatenate([[True], steps > 1e-6])
        self.path = path[kept]
        self.along = np.concatenate([[0.0], np.cumsum(steps[steps > 1e-6])])
        tangent = np.gradient(self.path, self.along, axis=0)
        self.tangent = tangent / np.linalg.norm(tangent, axis=1, keepdims=True)
        self.stations = np.array(stations)
        self.side = side

    @property
    def length(self) -> float:
        """From end to end."""
        return float(self.along[-1])

    def half(self, at: Curve | float) -> Curve:
        """Return the body's half width at distances along the tube."""
        return np.interp(at, *self.stations.T)

    def place(self, at: Curve, across: Curve) -> Curve:
        """Return the points, float64 (n, 2), at distances along and across; the ends go on straight."""
        x, y = (np.interp(at, self.along, axis) for axis in self.path.T)
        u, v = (np.interp(at, self.along, axis) for axis in self.tangent.T)
        beyond = at - np.clip(at, 0, self.length)
        turned = self.side * across
        return np.stack([x + beyond * u + turned * v, y + beyond * v - turned * u], axis=1)

    def outline(self, start: float, end: float, margin: float = 0.0, scale: float = 1.0) -> Curve:
        """Return the outline of a stretch of the limb, wider by `margin`."""
        at = np.linspace(start, end, max(4, int((end - start) / 3.5)))
        half = self.half(at) * scale + margin
        return join(self.place(at, half), self.place(at, -half)[::-1])

    def angle(self, at: float) -> float:
        """Return the angle of the tube with the vertical, in radians, by which the cloth on it is turned."""
        u, v = (float(np.interp(at, self.along, axis)) for axis in self.tangent.T)
        return float(np.arctan2(v, u) - np.pi / 2)


@dataclass(frozen=True)
class Build:
    """The measures of a body: half widths of shoulders, chest, waist and hips; `stout` widens the limbs."""

    shoulder: float = 19.0
    chest: float = 15.5
    waist: float = 13.2
    hip: float = 17.0
    stout: float = 1.0
    head: float = 1.0
    woman: bool = True


@dataclass(frozen=True)
class Limb:
    """How an arm is held: its kind, the angles of both parts (0 down, 90 outwards), and foreshortening."""

    kind: str = "hanging"
    upper: float = 8.0
    lower: float = 4.0
    short: float = 1.0


@dataclass(frozen=True)
class Pose:
    """How a body stands.

    `turn` is in radians, positive to the right of the picture; `sway` shifts the hips, in centimetres; `tilt`
    is the slope of the shoulders, `nod` the angle of the head. Arms and legs: left and right of the picture;
    a leg has the x of knee and ankle, outwards from the hip, how short its shin is seen, and its foot's turn
    outwards, 0 to 1.
    """

    behind: bool = False
    turn: float = 0.0
    sway: float = 0.0
    tilt: float = 0.0
    nod: float = 0.0
    arms: tuple[Limb, Limb] = (Limb(), Limb())
    legs: tuple[Stance, Stance] = (
        (0.0, 0.5, 1.0, 0.3),
        (0.0, 0.5, 1.0, 0.3),
    )
    front_leg: int = 0


def sample_build(rng: Generator) -> Build:
    """Sample a body of any build."""
    woman = bool(rng.random() < 0.6)
    stout = float(np.clip(rng.normal(1.0, 0.1), 0.84, 1.3))
    shoulder, chest, waist, hip = (18.2, 15.0, 12.6, 17.0) if woman else (21.0, 16.6, 14.8, 16.4)
    spread = rng.normal(0, 0.5, 4)
    return Build(
        shoulder=shoulder * (0.6 + 0.4 * stout) + spread[0],
        chest=chest * stout + spread[1],
        waist=waist * stout**1.3 + spread[2],
        hip=hip * (0.3 + 0.7 * stout) + spread[3],
        stout=stout,
        head=float(rng.uniform(0.94, 1.06)),
        woman=woman,
    )


def _sample_arm(rng: Generator, kind: str) -> Limb:
    angles = {
        "hanging": ((4, 15), (-6, 10)),
        "hip": ((34, 50), (-62, -44)),
        "pocket": ((14, 24), (-24, -10)),
        "raised": ((105, 145), (195, 235)),
        "carrying": ((2, 14), (-110, -60)),
        "behind": ((10, 22), (-36, -20)),
        "out": ((20, 75), (10, 95)),
    }
    upper, lower = (float(rng.uniform(*bounds)) for bounds in angles[kind])
    short = {"carrying": 0.85, "raised": 0.92}.get(kind, 1.0) * float(rng.uniform(0.9, 1.0))
    return Limb(kind, upper, lower, short)


def _sample_legs(rng: Generator) -> tuple[Stance, Stance]:
    stance = STANCES[rng.integers(len(STANCES))]
    first, second = rng.uniform(0.1, 0.75, 2)
    if stance == "apart":
        spread = float(rng.uniform(2, 6))
        return (spread, 2 * spread, 1.0, first), (spread, 2 * spread, 1.0, second)
    if stance == "crossed":
        cross = float(rng.uniform(4, 9))
        return (-cross * 0.5, -cross, 1.0, first), (-cross * 0.4, -cross, 1.0, second)
    if stance == "bent":
        bend = float(rng.uniform(2, 6))
        return (bend, bend * 0.6, 0.97, min(1.0, first + 0.3)), (0.0, -1.5, 1.0, second)
    if stance == "walking":
        return (-1.0, 0.0, float(rng.uniform(0.72, 0.9)), first * 0.5), (0.5, -2.5, 1.0, second * 0.5)
    return (float(rng.uniform(-1.5, 1)), float(rng.uniform(-3, 1)), 1.0, first), (-0.5, 0.0, 1.0, second)


def sample_pose(rng: Generator) -> Pose:
    """Sample a pose of someone who stands."""
    kinds = [str(rng.choice(ARMS, p=ARM_SHARES)) for _ in range(2)]
    if rng.random() < 0.35:
        kinds[1] = kinds[0]
    arms = tuple(_sample_arm(rng, kind) for kind in kinds)
    legs = _sample_legs(rng)
    return Pose(
        behind=bool(rng.random() < 0.16),
        turn=float(np.clip(rng.normal(0, 0.3), -0.75, 0.75)),
        sway=float(rng.normal(0, 2.0)),
        tilt=float(rng.normal(0, 0.03)),
        nod=float(rng.normal(0, 0.08)),
        arms=(arms[0], arms[1]),
        legs=legs if rng.random() < 0.5 else (legs[1], legs[0]),
        front_leg=int(rng.integers(2)),
    )


class Body:
    """A body in a pose: the places where cloth and skin come to lie."""

    def __init__(self, build: Build, pose: Pose) -> None:
        self.build, self.pose = build, pose
        b = build
        self._heights = np.array([-14, -2, 2, 5, 12, 24, WAIST, 46, HIP, CROTCH, 150.0])
        top = 4.6 + 0.5 * b.stout
        self._halves = np.array(
            [top, top + 1.2, 0.62 * b.shoulder, b.shoulder - 0.5, b.chest + 2.0, b.chest]
            + [b.waist, 0.45 * b.waist + 0.55 * b.hip, b.hip, b.hip - 0.6, b.hip - 0.6]
        )
        self.arms = tuple(self._arm(index) for index in range(2))
        self.legs = tuple(self._leg(index) for index in range(2))

    def half(self, y: Curve | float) -> Curve:
        """Return the half width of the torso at heights."""
        return np.interp(y, self._heights, self._halves)

    def warp(self, points: Curve) -> Curve:
        """Turn, sway and tilt points of an upright torso as the pose says."""
        x, y = points[:, 0], points[:, 1]
        pose = self.pose
        share = np.clip(np.abs(x) / np.maximum(self.half(y), 6.0), 0, 1)
        deep = np.interp(y, [-10, 0, 10, 20, WAIST, HIP, 80], [3.0, 3.5, 7.5, 9.0, 7.0, 7.5, 7.5])
        front = -1 if pose.behind else 1
        turned = x * cos(pose.turn) + front * deep * (1 - share**2) * sin(pose.turn)
        down = np.clip(y / HIP, 0, 1)
        turned = turned + pose.sway * down * down * (3 - 2 * down)
        return np.stack([turned, y + pose.tilt * x * np.clip(1 - y / 46, 0, 1)], axis=1)

    def _arm(self, index: int) -> Tube:
        limb, side = self.pose.arms[index], (-1, 1)[index]
        start = self.warp(line((side * (self.build.shoulder - 3.4), 7.0)))[0]
        upper, lower = radians(limb.upper), radians(limb.lower)
        elbow = start + UPPER_ARM * np.array([side * sin(upper), cos(upper)])
        wrist = elbow + FOREARM * limb.short * np.array([side * sin(lower), cos(lower)])
        near, far = start + 0.86 * (elbow - start), elbow + 0.16 * (wrist - elbow)
        path = spline(tuple(start), tuple((start + near) / 2), tuple(near), tuple(far), tuple(wrist))
        k = 0.45 + 0.55 * self.build.stout * (1.0 if self.build.woman else 1.12)
        stations = ((-3, 3.0 * k), (0, 4.7 * k), (5, 5.0 * k), (14, 4.5 * k), (26, 3.8 * k), (32, 3.9 * k))
        return Tube(path, (*stations, (45, 3.0 * k), (53, 2.45 * k), (56, 2.4 * k)), side)

    def _leg(self, index: int) -> Tube:
        (knee_x, ankle_x, short, _), side = self.pose.legs[index], (-1, 1)[index]
        x = self.build.hip * 0.5
        start = self.warp(line((side * x, HIP)))[0]
        knee = start + (side * (knee_x - 1.0), THIGH)
        ankle = np.array([start[0] + side * (ankle_x - 2.2), knee[1] + SHIN * short])
        near, far = start + 0.85 * (knee - start), knee + 0.2 * (ankle - knee)
        path = spline(tuple(start), tuple((start + near) / 2), tuple(near), tuple(far), tuple(ankle))
        k = 0.4 + 0.6 * self.build.stout
        half = self.build.hip * 0.5
        stations = ((0, half), (10, half * 0.97), (22, 7.4 * k), (38, 5.5 * k), (44, 5.2 * k), (55, 5.6 * k))
        return Tube(path, (*stations, (66, 4.4 * k), (76, 3.4 * k), (80, 3.5 * k)), side)

    def torso(self) -> Curve:
        """Return the outline of neck and torso down to the crotch, a little within the clothes."""
        b = self.build
        neck = self._halves[0]
        right = join(
            line((0, -14), (neck, -14)),
            spline((neck, -4), (neck + 1.2, -0.8), (0.62 * b.shoulder, 1.8), (b.shoulder - 1.5, 5.5)),
            line((b.shoulder - 0.8, 10), (b.chest + 0.6, 22)),
            spline((b.chest, 26), (b.waist, WAIST), (b.hip - 0.3, HIP), (b.hip - 0.8, CROTCH)),
        )
        return self.warp(symmetric(right))
