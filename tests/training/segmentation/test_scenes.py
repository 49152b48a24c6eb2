import numpy as np
import pytest

from training.segmentation import scenes
from training.segmentation.labels import Label
from training.segmentation.scenes import Scenes

RED, BLUE = (200, 30, 40), (20, 60, 160)


def _label(background, garment, *, box=(40, 40, 88, 88)):
    """A garment of one colour, a square, on a background of another."""
    photo = np.full((128, 128, 3), background, np.uint8)
    mask = np.zeros((128, 128), bool)
    mask[box[0] : box[2], box[1] : box[3]] = True
    photo[mask] = garment
    return Label(photo, mask, 1.0)


@pytest.fixture
def labels():
    return [_label(BLUE, RED), _label((230, 230, 225), (20, 120, 60)), _label((10, 10, 10), (200, 200, 40))]


@pytest.fixture
def only(monkeypatch):
    """Set the shares of the kinds of scenes, and of everything that changes colours, to what a test names."""

    def only(**shares):
        for name in vars(scenes):
            if name.endswith("_SHARE"):
                monkeypatch.setattr(scenes, name, float(shares.get(name.removesuffix("_SHARE").lower(), 0)))

    return only


@pytest.fixture
def plain(monkeypatch):
    """Leave all colours as they are."""
    monkeypatch.setattr(scenes, "_recoloured", lambda picture, rng, **_: picture.astype(np.float32))


def _many(made, count=40):
    rng = np.random.default_rng(7)
    return [made.scene(rng) for _ in range(count)]


def test_scenes_are_pictures_with_masks_in_0_to_1(labels):
    made = _many(Scenes(labels, labels[:1]), 60)
    for picture, mask in made:
        assert picture.shape == (128, 128, 3) and picture.dtype == np.uint8
        assert mask.shape == (128, 128) and mask.dtype == np.float32
        assert mask.min() >= 0 and mask.max() <= 1


def test_the_same_state_gives_the_same_scenes_and_another_gives_others(labels):
    made = Scenes(labels, labels[:1])
    for seed in range(8):
        first, second, other = (made.scene(np.random.default_rng(s)) for s in (seed, seed, seed + 100))
        assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))
        assert not np.array_equal(first[0], other[0])


def test_labels_are_not_modified(labels):
    before = [(label.photo.copy(), label.mask.copy()) for label in labels]
    _many(Scenes(labels, labels[:1]), 30)
    for label, (photo, mask) in zip(labels, before, strict=True):
        assert np.array_equal(label.photo, photo) and np.array_equal(label.mask, mask)


def test_empty_scenes_have_empty_masks_and_the_ground_of_photographs(labels, only, plain):
    only(empty=1)
    grounds = {tuple(label.photo[0, 0]) for label in labels}
    for picture, mask in _many(Scenes(labels, [])):
        assert not mask.any()
        assert {tuple(colour) for colour in picture.reshape(-1, 3)} <= grounds


def test_a_pasted_garment_is_where_its_mask_says(labels, only, plain):
    only(pasted=1)
    [red] = labels[:1]
    made = Scenes([red], [])
    made.backgrounds = [np.full((40, 128, 3), (0, 255, 0), np.uint8)]
    sizes = set()
    for picture, mask in _many(made):
        assert (np.abs(picture[mask == 1].astype(int) - RED) <= 1).all()
        assert (np.abs(picture[mask == 0].astype(int) - (0, 255, 0)) <= 1).all()
        sizes.add(int((mask > 0.5).sum()))
    assert len(sizes) > 20  # turned, scaled and stretched
    assert max(sizes) < 48 * 48 * 1.16**2 * 1.3 and min(sizes) > 300


def test_the_rim_of_the_old_ground_can_be_shaved_off(labels, only, plain):
    """The mask is a pixel too wide all around, so that blue background comes along unless it is shaved."""
    wide = Label(labels[0].photo, np.pad(np.ones((50, 50), bool), 39), 1.0)
    blue = []
    for shaved in (0, 1):
        only(pasted=1, shaved=shaved)
        made = Scenes([wide], [])
        made.backgrounds = [np.full((40, 128, 3), (0, 255, 0), np.uint8)]
        blue.append(sum((picture[..., 2] > 90).sum() for picture, _ in _many(made)))
    assert blue[0] > 1000 and blue[1] < blue[0] / 20


def test_a_garment_alike_takes_the_colour_of_its_background(labels, only, plain):
    differences = []
    for alike in (0, 1):
        only(pasted=1, alike=alike)
        made = Scenes(labels[:1], [])
        made.backgrounds = [np.full((40, 128, 3), (60, 160, 90), np.uint8)]
        apart = [
            np.abs(picture[mask == 1].mean(0) - picture[mask == 0].mean(0)).mean()
            for picture, mask in _many(made)
        ]
        differences.append(np.median(apart))
    assert differences[1] < differences[0] / 2


def test_a_shadow_darkens_the_ground_and_leaves_the_mask_alone(labels, only, plain):
    masks, darkest = [], []
    for shadow in (0, 1):
        only(pasted=1, shadow=shadow)
        made = Scenes(labels[:1], [])
        made.backgrounds = [np.full((40, 128, 3), 200, np.uint8)]
        picture, mask = made.scene(np.random.default_rng(3))
        masks.append(mask)
        darkest.append(picture[mask == 0].min())
    assert np.array_equal(*masks)
    assert darkest[0] == 200 and darkest[1] < 190


@pytest.mark.parametrize("drawn", [False, True])
def test_a_photograph_or_drawing_keeps_its_own_ground_with_the_mask_moved_along(labels, only, plain, drawn):
    only(drawn=float(drawn))
    shown, others = labels[:1], labels[1:]
    made = Scenes(others, shown) if drawn else Scenes(shown, others)
    centres = set()
    for picture, mask in _many(made):
        assert (np.abs(picture[mask == 1].astype(int) - RED) <= 1).all()
        assert (np.abs(picture[mask == 0].astype(int) - BLUE) <= 1).all()
        centres.add(int(np.nonzero(mask)[1].mean()))
    assert len(centres) > 5


def test_without_drawings_photographs_take_their_place(labels, only):
    only(drawn=1)
    assert all(mask.any() for _, mask in _many(Scenes(labels, []), 5))


def test_grounds_are_the_widest_strips_beside_garments(labels):
    """Around the mask grown by 4, 36 rows are free above, 24 below, 16 to the left, 60 to the right."""
    [background] = Scenes([_label(BLUE, RED, box=(40, 20, 100, 64))], []).backgrounds
    assert background.shape == (128, 60, 3)
    assert (background == BLUE).all()


def test_a_garment_that_fills_its_photograph_gives_no_background(only, labels):
    full = _label(BLUE, RED, box=(6, 6, 122, 122))
    made = Scenes([full], [])
    assert made.backgrounds == []
    only(empty=1)
    picture, mask = made.scene(np.random.default_rng(0))
    assert not mask.any()
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) == 1


def test_a_garment_at_all_edges_of_its_photograph_gives_no_background():
    assert Scenes([_label(BLUE, RED, box=(0, 0, 128, 128))], []).backgrounds == []


@pytest.mark.parametrize("kind", ["blur", "noise"])
def test_pictures_are_blurred_and_made_noisy_and_masks_are_not(labels, only, plain, kind):
    results = []
    for share in (0, 1):
        only(**{kind: share})
        results.append(Scenes(labels[:1], []).scene(np.random.default_rng(2)))
    (clean, mask), (degraded, same) = results
    assert np.array_equal(mask, same)
    assert not np.array_equal(clean, degraded)
    assert np.abs(clean.astype(int) - degraded).mean() < 12
