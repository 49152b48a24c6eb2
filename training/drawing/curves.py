"""Curves of outlines: float64 (n, 2) points, x to the right and y downwards, in centimetres."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Curve = NDArray[np.float64]
Point = tuple[float, float]

STEPS = 9  # points that approximate a curved segment
_T = np.linspace(0, 1, STEPS)[:-1, None]


def line(*points: Point) -> Curve:
    """Return the polyline through the points."""
    return np.array(points, dtype=float)


def bow(start: Point, end: Point, bend: float) -> Curve:
    """Return a quadratic Bézier arc that bends right, seen from its start, by `bend` times its chord."""
    first, last = np.array(start, dtype=float), np.array(end, dtype=float)
    chord = last - first
    control = (first + last) / 2 + 2 * bend * np.array([-chord[1], chord[0]])
    t = np.linspace(0, 1, STEPS)[:, None]
    return (1 - t) ** 2 * first + 2 * t * (1 - t) * control + t**2 * last


def spline(*points: Point) -> Curve:
    """Return a smooth curve through all points (Catmull and Rom, 1974)."""
    knots = np.array([points[0], *points, points[-1]], dtype=float)
    a, b, c, d = (knots[start : len(knots) - 3 + start, None] for start in range(4))
    cubic = 2 * b + (c - a) * _T + (2 * a - 5 * b + 4 * c - d) * _T**2 + (3 * b - a - 3 * c + d) * _T**3
    return np.concatenate([(cubic / 2).reshape(-1, 2), knots[-1:]])


def sag(half: float, end: float, middle: float) -> Curve:
    """Return a parabola from height `middle` at x = 0, where it is level, to height `end` at x = `half`."""
    t = np.linspace(0, 1, STEPS)
    return np.stack([half * t, middle + (end - middle) * t**2], axis=1)


def scoop(half: float, depth: float) -> Curve:
    """Return a quarter of an ellipse from (0, depth) up to (half, 0)."""
    turn = np.linspace(0, np.pi / 2, STEPS)
    return np.stack([half * np.sin(turn), depth * np.cos(turn)], axis=1)


def whole(right: Curve) -> Curve:
    """Return the whole symmetric curve from left to right, given its right half from the middle outwards."""
    return np.concatenate([mirrored(right)[:0:-1], right])


def join(*curves: Curve) -> Curve:
    """Return the curves concatenated."""
    return np.concatenate(curves)


def mirrored(curve: Curve) -> Curve:
    """Return the curve mirrored at the garment's middle, x = 0."""
    return curve * (-1.0, 1.0)


def symmetric(right: Curve) -> Curve:
    """Return the closed outline of a right half that runs from the top middle to the bottom middle."""
    return np.concatenate([right, mirrored(right)[::-1]])


def ring(centre: Point, width: float, height: float) -> Curve:
    """Return an ellipse with the given half width and half height."""
    turn = np.linspace(0, 2 * np.pi, 28, endpoint=False)
    return np.array(centre) + np.stack([width * np.cos(turn), height * np.sin(turn)], axis=1)


def strip(curve: Curve, width: float) -> Curve:
    """Return the outline of a band along a curve, on the right of its direction."""
    tangent = np.gradient(curve, axis=0)
    length = np.maximum(np.linalg.norm(tangent, axis=1, keepdims=True), 1e-9)
    normal = np.stack([-tangent[:, 1], tangent[:, 0]], axis=1) / length
    return np.concatenate([curve, (curve + width * normal)[::-1]])


def between(start: Point | Curve, end: Point | Curve, share: float) -> Point:
    """Return the point at the share `share` of the line from one point to another."""
    x = start[0] + share * (end[0] - start[0])
    y = start[1] + share * (end[1] - start[1])
    return float(x), float(y)


def bounds(curves: Sequence[Curve]) -> tuple[float, float, float, float]:
    """Return left, top, right and bottom of all curves."""
    points = np.concatenate(curves)
    left, top = points.min(axis=0)
    right, bottom = points.max(axis=0)
    return float(left), float(top), float(right), float(bottom)
