from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from training.drawing.appearance import Appearance
from training.drawing.body import Body, Build, Limb, Pose
from training.drawing.canvas import Canvas
from training.drawing.curves import line
from training.drawing.fitting import fit_bottom, fit_top
from training.drawing.head import Head, sample_face
from training.drawing.outfit import Garment, sample_outfit
from training.drawing.person import Person
from training.drawing.shape import NECKLINES, RANGES, TYPES, Shape
from training.drawing.view import View
from training.drawing.worn import figure, wear
from training.photo.garment_types import CLASSES, PERSON, type_of


def typical(kind: str, **changes: object) -> Shape:
    values = {name: (low + high) / 2 for name, (low, high) in RANGES[kind].items()}
    neckline = NECKLINES[kind][0] if kind in NECKLINES else ""
    return replace(Shape(kind, neckline=neckline, **values), **changes)


def rng(seed: int) -> np.random.Generator:
    return np.random.default_rng((5, seed))


def test_a_figure_is_the_same_whenever_it_is_drawn_and_others_differ():
    picture, classes = figure(rng(1))
    again = figure(rng(1))

    np.testing.assert_array_equal(picture, again[0])
    np.testing.assert_array_equal(classes, again[1])
    assert picture.dtype == classes.dtype == np.uint8
    assert picture.shape == (*classes.shape, 3)
    assert figure(rng(2))[0].shape != picture.shape or (figure(rng(2))[0] != picture).any()


def test_every_pixel_of_a_figure_has_a_class_and_all_classes_are_drawn():
    seen = np.zeros(len(CLASSES), int)
    for seed in range(80):
        _, classes = figure(rng(seed))
        assert classes.max() < len(CLASSES)
        seen += np.bincount(classes.ravel(), minlength=len(CLASSES)) > 0

    assert (seen > 3).all()


@pytest.mark.parametrize("kind", TYPES)
def test_a_garment_of_any_type_is_worn_where_its_class_is(kind):
    expected = CLASSES.index(type_of(kind))
    for seed in range(5):
        worn = wear(typical(kind), Appearance(), rng(seed))

        assert worn.mask.any()
        np.testing.assert_array_equal(worn.mask, worn.classes == expected)
        assert (worn.classes == CLASSES.index(PERSON)).any() or kind in ("shoes", "pants")


def test_the_classes_are_those_of_the_painted_colours():
    """A garment in a colour that nothing else has is seen where the mask says, but for its edges."""
    look = Appearance(colour=(0.05, 0.95, 0.05), trim=(0.05, 0.95, 0.05), folds=0.2)
    for seed in range(12):
        worn = wear(typical("dress"), look, rng(seed))
        red, green, blue = worn.picture.astype(int).transpose(2, 0, 1)
        painted = (green > 1.9 * red) & (green > 1.9 * blue) & (green > 60)
        painted &= ndimage.binary_dilation(worn.mask, iterations=6)
        both = (painted & worn.mask).sum()
        assert both > 0.93 * worn.mask.sum()
        assert both > 0.93 * painted.sum()


def test_sleeves_follow_the_arms():
    shape = typical("longsleeve")
    pose = Pose(arms=(Limb("hanging", 8, 4), Limb("out", 85, 85)))
    fitted = fit_top(shape, Body(Build(), pose))
    left, right = (np.concatenate([piece.outline for piece in sleeve]) for sleeve in fitted.sleeves)

    assert left[:, 1].max() > 45  # hangs down to the wrist
    assert left[:, 0].min() > -35
    assert right[:, 0].max() > 60  # is stretched out
    assert right[:, 1].max() < 32


def test_trousers_follow_the_legs_and_cover_them():
    body = Body(Build(), Pose(legs=((9.0, 20.0, 1.0, 0.3), (0.0, 0.0, 1.0, 0.3))))
    left, right = sorted(
        (piece.outline for piece in fit_bottom(typical("pants"), body).body),
        key=lambda curve: curve[:, 0].mean(),
    )[:2]
    ankles = [leg.path[-1, 0] for leg in body.legs]

    assert left[:, 0].min() < ankles[0] < left[left[:, 1] > 115][:, 0].max()
    assert right[right[:, 1] > 115][:, 0].min() < ankles[1] < right[right[:, 1] > 115][:, 0].max()


def test_an_open_front_leaves_what_is_below_to_be_seen():
    shape = typical("outwear", neckline="lapels")
    body = Body(Build(), Pose())
    closed, opened = fit_top(shape, body), fit_top(shape, body, gap=6.0)

    assert len(closed.body) == 1
    right = max(opened.body, key=lambda piece: piece.outline[:, 0].mean()).outline
    assert right[right[:, 1] > 40][:, 0].min() == pytest.approx(6, abs=0.5)
    assert right[:, 0].max() == pytest.approx(closed.body[0].outline[:, 0].max(), abs=0.5)


def test_cloth_is_never_narrower_than_the_body_below():
    tight = typical("dress", width=0.0, waist=1.0, sleeve_length=0.0)
    body = Body(Build(chest=21.0, waist=20.0, hip=22.0), Pose())
    outline = fit_top(tight, body).body[0].outline

    for height in (30.0, 38.0, 50.0):
        near = outline[np.abs(outline[:, 1] - height) < 4]
        assert np.abs(near[:, 0]).max() > body.half(height)


def test_a_blurred_face_loses_its_features_and_nothing_else_changes():
    body = Body(Build(), Pose())
    view = View(np.eye(2) * 5, np.array([100.0, 180.0]))
    pictures = []
    for sigma in (0.0, 2.0):
        canvas = Canvas(np.full((300, 200, 3), 0.5, np.float32), view)
        head = Head(sample_face(rng(3), woman=False), body, canvas, 1, np.ones((300, 200), np.float32))
        head.skull()
        if sigma:
            head.blur(sigma)
        pictures.append(canvas.picture)

    sharp, blurred = (np.abs(np.diff(picture.mean(-1)[50:150, 75:125], axis=0)).sum() for picture in pictures)
    assert blurred < 0.6 * sharp
    np.testing.assert_array_equal(pictures[0][200:], pictures[1][200:])


@pytest.mark.parametrize("style", ["brim", "beanie", "cap"])
def test_every_style_of_hat_lies_on_the_head(style):
    hat = Garment(typical("hat"), Appearance())
    outfit = sample_outfit(rng(4), skin=(0.7, 0.5, 0.4), ground=(0.9, 0.9, 0.9), woman=True, wanted=hat)
    canvas = Canvas(np.full((300, 200, 3), 0.5, np.float32), View(np.eye(2) * 1.6, np.array([100.0, 70.0])))
    person = Person(
        canvas,
        Body(Build(), Pose()),
        sample_face(rng(5), woman=True),
        replace(outfit, hat_style=style),
        rng(6),
    )
    person.paint()
    rows, columns = np.nonzero(canvas.layers == person.layer_of["hat"])

    assert len(rows) > 150
    assert rows.max() < 70 - 12 * 1.6  # above the mouth
    assert abs(columns.mean() - 100) < 6


def test_a_turned_body_shows_its_front_aside():
    middle = line((0.0, 25.0))
    assert Body(Build(), Pose(turn=0.5)).warp(middle)[0, 0] > 3
    assert Body(Build(), Pose(turn=0.5, behind=True)).warp(middle)[0, 0] < -3
