import numpy as np
import pytest

from training.drawing import tones
from training.photo.garment_types import CLASSES
from training.segmentation import scenes
from training.segmentation.labels import Label
from training.segmentation.scenes import Scenes

RED, BLUE, GREEN = (200, 30, 40), (20, 60, 160), (0, 255, 0)
UPPER, TROUSERS = CLASSES.index("upper"), CLASSES.index("trousers")
SIDE = 128


def _label(background, garment, *, box=(80, 80, 176, 176), number=UPPER):
    """A garment of one colour, a square, on a background of another."""
    photo = np.full((256, 256, 3), background, np.uint8)
    classes = np.zeros((256, 256), np.uint8)
    classes[box[0] : box[2], box[1] : box[3]] = number
    photo[classes > 0] = garment
    return Label(photo, classes)


@pytest.fixture
def labels():
    return [_label(BLUE, RED), _label((230, 230, 225), (20, 120, 60)), _label((10, 10, 10), (200, 200, 40))]


@pytest.fixture
def person():
    """A head, a top and trousers, one above the other, in the middle of a street."""
    photo = np.full((384, 256, 3), GREEN, np.uint8)
    classes = np.zeros((384, 256), np.uint8)
    for rows, number, colour in [(slice(60, 100), 1, BLUE), (slice(100, 200), UPPER, RED)]:
        classes[rows, 90:170], photo[rows, 90:170] = number, colour
    classes[200:340, 100:160], photo[200:340, 100:160] = TROUSERS, (90, 90, 90)
    return Label(photo, classes)


@pytest.fixture
def plain(monkeypatch):
    """Leave all colours as they are."""
    monkeypatch.setattr(scenes, "recoloured", lambda picture, rng, **_: picture.astype(np.float32))
    monkeypatch.setattr(scenes, "toned", lambda picture, rng, **_: picture)
    monkeypatch.setattr(scenes, "degraded", lambda picture, rng: np.clip(picture, 0, 255).astype(np.uint8))
    for name in ("ALIKE_SHARE", "SHADOW_SHARE", "SHAVED_SHARE", "DYED_SHARE"):
        monkeypatch.setattr(scenes, name, 0.0)


def _many(made, kind, count=30):
    rng = np.random.default_rng(7)
    return [made.makers[kind](rng) for _ in range(count)]


def _everything(labels, person):
    return Scenes(labels, [person], labels[:1], [person], [np.full((90, 90, 3), 77, np.uint8)])


def test_the_shares_of_the_kinds_add_up_to_one():
    assert sum(scenes.SHARES.values()) == pytest.approx(1)


def test_views_are_pictures_with_classes(labels, person):
    made = _everything(labels, person)
    assert set(made.kinds) == set(scenes.SHARES)
    rng = np.random.default_rng(0)
    for _ in range(60):
        for picture, classes in made.views(rng):
            assert picture.shape == (SIDE, SIDE, 3) and picture.dtype == np.uint8
            assert classes.shape == (SIDE, SIDE) and classes.dtype == np.uint8


def test_the_second_view_is_the_first_mirrored(labels, person, plain):
    made = _everything(labels, person)
    rng = np.random.default_rng(3)
    for _ in range(30):
        (first, classes), (second, mirrored) = made.views(rng)
        assert np.array_equal(classes[:, ::-1], mirrored) and np.array_equal(first[:, ::-1], second)


def test_the_same_state_gives_the_same_views_and_another_gives_others(labels, person):
    made = _everything(labels, person)
    for seed in range(8):
        first, second, other = (made.views(np.random.default_rng(s)) for s in (seed, seed, seed + 100))
        assert all(
            np.array_equal(a, b)
            for x, y in zip(first, second, strict=True)
            for a, b in zip(x, y, strict=True)
        )
        assert not np.array_equal(first[0][0], other[0][0])


def test_labels_are_not_modified(labels, person):
    before = [(label.photo.copy(), label.classes.copy()) for label in [*labels, person]]
    made = _everything(labels, person)
    rng = np.random.default_rng(1)
    for _ in range(30):
        made.views(rng)
    for label, (photo, classes) in zip([*labels, person], before, strict=True):
        assert np.array_equal(label.photo, photo) and np.array_equal(label.classes, classes)


def test_kinds_without_data_give_way_to_the_others(labels):
    made = Scenes(labels)
    assert set(made.kinds) == {"photograph", "moved", "pasted", "packshot", "several", "empty"}
    assert made.shares.sum() == pytest.approx(1)


def test_empty_scenes_show_the_ground_of_photographs(labels, plain):
    grounds = {tuple(label.photo[0, 0]) for label in labels} | {(0, 0, 0), (250, 250, 250)}
    for picture, classes in _many(Scenes(labels), "empty"):
        assert not classes.any()
        assert {tuple(colour) for colour in picture.reshape(-1, 3)} <= grounds or np.ptp(
            picture, axis=(0, 1)
        ).max() == 0


@pytest.mark.parametrize("kind", ["photograph", "moved", "drawn"])
def test_a_photograph_keeps_its_own_ground_and_its_classes_move_along(labels, plain, kind):
    made = Scenes(labels[:1], drawn=labels[:1])
    centres, sizes = set(), set()
    for picture, classes in _many(made, kind):
        inside = classes == UPPER
        assert (np.abs(picture[inside].mean(0) - RED) < 12).all()
        assert (np.abs(picture[~inside].mean(0) - BLUE) < 4).all()
        centres.add(int(np.nonzero(inside)[1].mean()))
        sizes.add(int(inside.sum()))
    assert len(centres) > (2 if kind == "photograph" else 6)
    assert max(sizes) < 48 * 48 * (1.35 if kind == "photograph" else 2) and min(sizes) > 700


def test_a_pasted_garment_is_where_its_classes_say(labels, plain):
    made = Scenes(labels[:1])
    made.grounds = [np.full((120, 128, 3), GREEN, np.uint8)]
    sizes = set()
    for picture, classes in _many(made, "pasted"):
        inside = classes == UPPER
        assert (np.abs(picture[inside].mean(0) - RED) < 14).all()
        sizes.add(int(inside.sum()))
    assert len(sizes) > 20  # turned, scaled and stretched


def test_a_garment_alike_takes_the_colour_of_its_ground(labels, plain, monkeypatch):
    differences = []
    for alike in (0.0, 1.0):
        monkeypatch.setattr(scenes, "ALIKE_SHARE", alike)
        made = Scenes(labels[:1])
        made.grounds = [np.full((120, 128, 3), (60, 160, 90), np.uint8)]
        apart = [
            np.abs(picture[classes > 0].mean(0) - picture[classes == 0].mean(0)).mean()
            for picture, classes in _many(made, "pasted")
        ]
        differences.append(np.median(apart))
    assert differences[1] < differences[0] / 2


def test_packshots_are_mostly_bright_garments_on_a_bright_ground(labels, plain):
    made = _many(Scenes(labels[:1]), "packshot", 60)
    assert min(picture[classes == 0].mean() for picture, classes in made) > 215
    bright = [picture[classes == UPPER].mean() > 195 for picture, classes in made]
    assert 0.5 < np.mean(bright) < 0.9  # the red garment itself is dark
    assert all((classes == UPPER).sum() > 500 for _, classes in made)


def test_several_garments_lie_beside_each_other(plain):
    pair = [_label(BLUE, RED), _label(BLUE, GREEN, number=TROUSERS)]
    found = [set(np.unique(classes)) for _, classes in _many(Scenes(pair), "several", 40)]
    assert {0, UPPER, TROUSERS} in found and max(map(len, found)) == 3
    for _, classes in _many(Scenes(pair), "several", 40):
        for number in {UPPER, TROUSERS}.intersection(np.unique(classes)):
            assert (classes == number).sum() > 150


def test_people_are_cropped_as_shops_crop(person, plain):
    found = _many(Scenes([], [person]), "worn", 80)
    shown = [{1, UPPER, TROUSERS}.intersection(np.unique(classes)) for _, classes in found]
    assert {1, UPPER, TROUSERS} in shown  # all of the person
    assert {UPPER, TROUSERS} in shown or {TROUSERS} in shown  # without the head
    assert any(len(parts) == 2 and 1 in parts for parts in shown)  # the upper half
    grounds = [picture[classes == 0] for picture, classes in found if not classes.all()]
    assert len(grounds) > 60 and all((np.abs(ground.mean(0) - GREEN) < 25).all() for ground in grounds)


def test_some_people_fill_the_picture_as_a_second_look_sees_them(person, plain):
    """80 of 256 columns and 280 of 384 rows of the photograph are the person's."""
    wide = []
    for _, classes in _many(Scenes([], [person]), "worn", 200):
        rows, columns = np.flatnonzero(classes.any(1)), np.flatnonzero(classes.any(0))
        if len(rows) < SIDE and np.ptp(rows) > 0.6 * SIDE:
            wide.append(np.ptp(columns) / SIDE)
    assert 0.1 < np.mean(np.array(wide) > 0.55) < 0.6


def test_garments_of_a_person_get_tones_of_their_own(person, monkeypatch):
    tones = iter(range(1, 255))
    monkeypatch.setattr(scenes, "DYED_SHARE", 1.0)
    monkeypatch.setattr(scenes, "recoloured", lambda picture, rng, **_: np.full_like(picture, next(tones)))
    picture, classes = np.full((SIDE, SIDE, 3), 0, np.float32), np.zeros((SIDE, SIDE), np.uint8)
    classes[:20], classes[20:60], classes[60:] = 1, UPPER, TROUSERS
    dyed = [scenes._dyed(picture, classes, np.random.default_rng(seed))[0] for seed in range(40)]
    shown = np.array([[one[rows].mean() for rows in (10, 40, 100)] for one in dyed])
    assert not shown[:, 0].any() and not picture.any()  # skin and the picture given stay
    assert ((shown[:, 1:] > 0).sum(axis=0) > 14).all() and ((shown[:, 1:] == 0).sum(axis=0) > 5).all()
    both = (shown[:, 1:] > 0).all(axis=1)
    assert both.any() and (shown[both, 1] != shown[both, 2]).all()


def test_people_are_pasted_on_other_grounds(person, plain):
    for picture, classes in _many(Scenes([], [person]), "worn elsewhere"):
        assert (classes > 0).any()
        ground = picture[classes == 0]
        assert len(ground) == 0 or not (np.abs(ground.mean(0) - GREEN) < 25).all() or np.ptp(ground) < 260


def test_skin_is_grained_and_nothing_else(person, plain):
    picture = np.full((SIDE, SIDE, 3), 128, np.float32)
    classes = np.zeros((SIDE, SIDE), np.uint8)
    classes[:20], classes[20:40] = 1, UPPER
    changed = [scenes._with_detail(picture, classes, np.random.default_rng(seed))[0] for seed in range(20)]
    assert 3 < sum((one[:20] != 128).any() for one in changed) < 15
    assert all((one[20:] == 128).all() for one in changed)


def test_a_shadow_darkens_the_ground_and_leaves_the_classes_alone(labels, plain, monkeypatch):
    found, darkest = [], []
    for shadow in (0.0, 1.0):
        monkeypatch.setattr(scenes, "SHADOW_SHARE", shadow)
        made = Scenes(labels[:1])
        made.grounds = [np.full((120, 128, 3), 240, np.uint8)]
        picture, classes = made.makers["pasted"](np.random.default_rng(11))
        found.append(classes)
        darkest.append(picture[120:][classes[120:] == 0].min())
    assert np.array_equal(*found)
    assert darkest[1] < darkest[0]


def test_the_rim_of_the_old_ground_can_be_shaved_off(plain, monkeypatch):
    """The mask is two pixels too wide all around, so that blue ground comes along unless it is shaved."""
    label = _label(BLUE, RED)
    wide = Label(label.photo, np.pad(np.full((98, 98), UPPER, np.uint8), 79))
    blue = []
    for shaved in (0.0, 1.0):
        monkeypatch.setattr(scenes, "SHAVED_SHARE", shaved)
        made = Scenes([wide])
        made.grounds = [np.full((120, 128, 3), GREEN, np.uint8)]
        bluish = [
            picture[..., 2] > picture[..., :2].max(axis=-1) + 20 for picture, _ in _many(made, "pasted")
        ]
        blue.append(sum(map(np.sum, bluish)))
    assert blue[0] > 500 and blue[1] < blue[0] / 5


def test_grounds_are_the_widest_strips_beside_what_is_shown():
    """Around the classes grown by 8, 72 rows are free above, 48 below, 32 to the left, 120 to the right."""
    [ground] = Scenes([_label(BLUE, RED, box=(80, 40, 200, 128))]).grounds
    assert ground.shape == (256, 120, 3)
    assert (ground == BLUE).all()


def test_a_garment_that_fills_its_photograph_gives_no_ground():
    full = _label(BLUE, RED, box=(6, 6, 250, 250))
    made = Scenes([full])
    assert made.grounds == []
    picture, classes = made.makers["empty"](np.random.default_rng(0))
    assert not classes.any()
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) == 1


@pytest.mark.parametrize("with_skin", [False, True])
def test_tones_change_more_where_no_skin_tells_the_person(with_skin):
    picture = np.zeros((SIDE, SIDE, 3), np.float32) + RED
    rng = np.random.default_rng(0)
    toned = [tones.toned(picture, rng, mild=False, with_skin=with_skin)[0, 0] for _ in range(200)]
    turned = np.mean([np.argmax(colour) != 0 and np.ptp(colour) > 40 for colour in toned])
    assert turned > 0.25 if not with_skin else turned < 0.1


def test_a_hue_turned_by_a_third_goes_round():
    picture = np.zeros((4, 4, 3), np.float32) + RED
    turned = tones._hue_turned(picture, 1 / 3)[0, 0]
    assert np.argmax(turned) == 1 and turned.max() == pytest.approx(200, abs=3)
