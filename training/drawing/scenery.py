"""What is behind a figure, float32 (h, w, 3): studio, room or street; values may slightly exceed [0, 1]."""

import cv2
import numpy as np
from numpy.random import Generator

from training.drawing.appearance import Appearance
from training.drawing.background import Size, background
from training.drawing.fabric import Field

PLACES = ("studio", "sweep", "room", "street", "pattern")
PLACE_SHARES = (0.24, 0.2, 0.2, 0.28, 0.08)


def clouds(rng: Generator, *, shape: Size, cells: Size) -> Field:
    """Return smooth noise, float32 `shape`, of mean 0 and deviation about 0.5: `cells` bumps down and across.

    It costs a tenth of `training.drawing.fabric.noise`, in OpenCV.
    """
    values = rng.normal(0, 0.8, (cells[0] + 2, cells[1] + 2)).astype(np.float32)
    margin = shape[0] // cells[0], shape[1] // cells[1]
    whole = cv2.resize(values, (shape[1] + margin[1], shape[0] + margin[0]), interpolation=cv2.INTER_CUBIC)
    return np.asarray(whole[: shape[0], : shape[1]], np.float32)


def _tone(rng: Generator, low: float = 0.1, high: float = 0.95, colour: float = 0.06) -> Field:
    return (rng.uniform(low, high) + rng.normal(0, colour, 3)).clip(0.02, 0.99).astype(np.float32)


def _box(picture: Field, box: tuple[float, float, float, float], colour: Field) -> None:
    left, top, right, bottom = (round(value) for value in box)
    cv2.rectangle(picture, (left, top), (right, bottom), tuple(map(float, colour)), -1)


def _studio(rng: Generator, size: Size) -> Field:
    """Return one even colour, mostly white or grey, with light that falls off to the corners."""
    height, width = size
    colour = _tone(rng, 0.82, 1.0, 0.012) if rng.random() < 0.65 else _tone(rng, 0.15, 0.95, 0.08)
    if rng.random() < 0.3:
        colour = np.ones(3, np.float32)
    y = np.linspace(-1, 1, height, dtype=np.float32)[:, None] - rng.uniform(-0.5, 0.3)
    x = np.linspace(-1, 1, width, dtype=np.float32)[None] - rng.uniform(-0.4, 0.4)
    fall = 1 - rng.uniform(0, 0.22) * (x * x + y * y)
    return (colour * fall[..., None]).astype(np.float32)


def _sweep(rng: Generator, size: Size, floor: float) -> Field:
    """Return a backdrop that runs smoothly, or with an edge, into the floor."""
    height, _ = size
    wall = _studio(rng, size)
    line = floor - rng.uniform(0.02, 0.2) * height
    soft = rng.uniform(0.5, 14)
    weight = 0.5 + 0.5 * np.tanh((np.arange(height, dtype=np.float32) - line) / (2 * soft))
    factor = 1 + weight * rng.uniform(-0.22, 0.12)
    return (wall * factor[:, None, None]).astype(np.float32)


def _room(rng: Generator, size: Size, floor: float) -> Field:
    """Return a wall, a floor with a skirting board, and things that stand and hang there."""
    height, width = size
    picture = np.empty((height, width, 3), np.float32)
    wall = _tone(rng, 0.35, 0.95)
    picture[:] = wall
    line = floor - rng.uniform(0.03, 0.22) * height
    for _ in range(int(rng.integers(1, 5))):
        x, w = rng.uniform(-0.1, 1) * width, rng.uniform(0.1, 0.45) * width
        y, h = rng.uniform(-0.1, 0.45) * height, rng.uniform(0.1, 0.4) * height
        _box(picture, (x, y, x + w, y + h), _tone(rng, 0.1, 0.9))
        _box(picture, (x + 4, y + 4, x + w - 4, y + h - 4), _tone(rng, 0.2, 1.0))
    for _ in range(int(rng.integers(0, 4))):
        x, w, h = rng.uniform(-0.1, 1) * width, rng.uniform(0.12, 0.5) * width, rng.uniform(0.1, 0.5) * height
        colour = _tone(rng, 0.08, 0.8, 0.1)
        _box(picture, (x, line - h, x + w, line + 8), colour)
        for share in np.arange(1, rng.integers(1, 5)) / 4:
            _box(picture, (x + 2, line - h * share, x + w - 2, line - h * share + 1), colour * 0.6)
    board = picture[max(0, int(line - 4)) : max(0, int(line))]
    board[:] = _tone(rng, 0.6, 1.0, 0.02)
    ground = _tone(rng, 0.2, 0.8) * np.array([1.08, 1.0, 0.9], np.float32)
    picture[max(0, int(line)) :] = ground
    for x in np.arange(0, width, rng.uniform(14, 50)):
        foot = width / 2 + (x - width / 2) * 2.6
        cv2.line(picture, (int(x), int(line)), (int(foot), height), tuple(map(float, ground * 0.88)), 1)
    return picture * (1 + 0.07 * clouds(rng, shape=size, cells=(3, 3)))[..., None]


def _house(picture: Field, rng: Generator, left: float, right: float, top: float, line: float) -> None:
    colour = _tone(rng, 0.12, 0.8, 0.08)
    _box(picture, (left, top, right, line), colour)
    wide, tall = rng.uniform(7, 20), rng.uniform(9, 26)
    pane = _tone(rng, 0.05, 0.95, 0.05)
    for y in np.arange(top + 5, line - tall, tall * rng.uniform(1.4, 2)):
        for x in np.arange(left + 4, right - wide, wide * 1.7):
            _box(picture, (x, y, x + wide, y + tall), pane * rng.uniform(0.7, 1.1))


def _car(picture: Field, rng: Generator, x: float, line: float, long: float) -> None:
    colour = _tone(rng, 0.05, 0.95, 0.12)
    tall = long * 0.2
    _box(picture, (x, line - tall, x + long, line), colour)
    roof = np.array([(0.14, -tall), (0.3, -2 * tall), (0.7, -2 * tall), (0.86, -tall)]) * (long, 1) + (
        x,
        line,
    )
    cv2.fillConvexPoly(picture, roof.astype(np.int32), tuple(map(float, colour * 0.5)))
    for share in (0.22, 0.78):
        cv2.circle(picture, (int(x + share * long), int(line)), int(tall * 0.45), (0.06, 0.06, 0.06), -1)


def _person(picture: Field, rng: Generator, x: float, line: float, tall: float) -> None:
    """Add a passer-by, far off."""
    head = tall / 7.5
    for top, bottom, wide, colour in (
        (0.13, 0.55, 0.11, _tone(rng, 0.05, 0.95, 0.15)),
        (0.5, 1.0, 0.08, _tone(rng, 0.05, 0.6, 0.08)),
    ):
        _box(
            picture,
            (x - wide * tall, line - (1 - top) * tall, x + wide * tall, line - (1 - bottom) * tall),
            colour,
        )
    centre = (int(x), int(line - tall + head / 2))
    cv2.circle(picture, centre, max(1, int(head * 0.45)), (0.66, 0.5, 0.4), -1)


def _street(rng: Generator, size: Size, floor: float) -> Field:
    """Return houses, trees, cars, passers-by and pavement, out of focus."""
    height, width = size
    line = floor - rng.uniform(0.06, 0.4) * height
    picture = np.empty((height, width, 3), np.float32)
    picture[:] = _tone(rng, 0.55, 1.0, 0.04)
    x = -rng.uniform(0, 60)
    while x < width:
        right = x + rng.uniform(30, 150)
        _house(picture, rng, x, right, rng.uniform(-0.3, 0.35) * height, line)
        x = right + (rng.uniform(5, 30) if rng.random() < 0.3 else 0)
    road = _tone(rng, 0.25, 0.75, 0.02)
    picture[max(0, int(line)) :] = road
    for _ in range(int(rng.integers(0, 3))):
        y = rng.uniform(min(line, height), height)
        _box(picture, (-5, y, width, y + rng.uniform(1, 8)), road * rng.uniform(0.7, 1.35))
    for _ in range(int(rng.integers(0, 3))):
        _car(picture, rng, rng.uniform(-0.4, 1) * width, line + rng.uniform(0, 12), rng.uniform(60, 220))
    for _ in range(int(rng.integers(0, 4))):
        _person(picture, rng, rng.uniform(0, 1) * width, line + rng.uniform(0, 20), rng.uniform(30, 110))
    if rng.random() < 0.4:
        x, green = rng.uniform(0, 1) * width, np.array([0.2, 0.3, 0.12], np.float32) * rng.uniform(0.5, 1.8)
        _box(picture, (x, 0, x + rng.uniform(3, 14), line + 5), green * 0.7)
        for _ in range(24):
            spot = (int(x + rng.normal(0, 30)), int(rng.uniform(-0.1, 0.35) * height))
            tone = green * rng.uniform(0.5, 1.6)
            cv2.circle(picture, spot, int(rng.uniform(6, 20)), tuple(map(float, tone)), -1)
    if rng.random() < 0.25:
        for x in np.arange(rng.uniform(0, 10), width, rng.uniform(8, 22)):
            _box(picture, (x, line - 46, x + 1, line + 10), road * 0.5)
        _box(picture, (0, line - 48, width, line - 45), road * 0.5)
    blur = float(np.exp(rng.uniform(np.log(0.5), np.log(6))))
    picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), blur), np.float32)
    grain = rng.normal(0, 0.02, size).astype(np.float32)
    if rng.random() < 0.2:  # broken sunlight
        grain += (
            rng.uniform(0.05, 0.25)
            * np.sign(clouds(rng, shape=size, cells=(7, 6)))
            * (np.arange(height)[:, None] > line)
        )
    return picture * (1 + grain)[..., None]


def scenery(look: Appearance, rng: Generator, *, size: Size, floor: float) -> Field:
    """Return a random background for a figure.

    Parameters
    ----------
    look : Appearance
        Gives the colours of the patterned ones.
    size : (int, int)
        Height and width.
    floor : float
        The row on which the figure stands; it may lie below the picture.
    """
    place = rng.choice(PLACES, p=PLACE_SHARES)
    if place == "studio":
        return _studio(rng, size)
    if place == "sweep":
        return _sweep(rng, size, floor)
    if place == "room":
        return _room(rng, size, floor)
    if place == "street":
        return _street(rng, size, floor)
    return background(look, rng, size=size).copy()
