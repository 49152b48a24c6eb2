"""What changes a photograph: its form stays, it is repeatable, and each does what its name says."""

import numpy as np
import pytest
from skimage.color import rgb2hsv

from training.evaluation.disturbances import DISTURBANCES, disturb, undo

HEIGHT, WIDTH = 90, 70
KINDS = {kind.name: kind for kind in DISTURBANCES}


@pytest.fixture
def mask():
    mask = np.zeros((HEIGHT, WIDTH), np.float32)
    mask[20:80, 15:55] = 1
    return mask


@pytest.fixture
def photo(mask):
    photo = np.full((HEIGHT, WIDTH, 3), (200, 205, 190), np.uint8)
    photo[mask > 0] = (150, 60, 40)
    photo[20:30, 15:35] = (60, 60, 120)
    return photo


@pytest.fixture
def change(photo, mask):
    def change(name, *, item_id="a", seed=0):
        return disturb(photo, mask, KINDS[name], item_id=item_id, seed=seed)

    return change


@pytest.mark.parametrize("name", KINDS)
def test_a_disturbed_photograph_has_the_same_form_and_differs_from_the_original(name, change, photo):
    before = photo.copy()
    disturbed = change(name)
    assert disturbed.shape == photo.shape
    assert disturbed.dtype == np.uint8
    assert (disturbed != photo).any()
    np.testing.assert_array_equal(photo, before)


@pytest.mark.parametrize("name", KINDS)
def test_one_item_and_one_seed_are_always_disturbed_alike(name, change):
    np.testing.assert_array_equal(change(name, seed=3), change(name, seed=3))


@pytest.mark.parametrize("name", ["noise", "logo on the chest", "all-over print", "another background"])
def test_another_item_or_seed_is_disturbed_otherwise(name, change):
    assert (change(name) != change(name, item_id="b")).any()
    assert (change(name) != change(name, seed=1)).any()


def test_turned_hues_keep_saturation_and_value(change, photo):
    turned, original = rgb2hsv(change("hue turned")), rgb2hsv(photo)
    np.testing.assert_allclose(turned[..., 1:], original[..., 1:], atol=0.02)
    assert (np.abs(turned[..., 0] - original[..., 0]) > 0.2).all()


def test_gammas_are_powers_of_the_values(change, photo):
    np.testing.assert_allclose(change("gamma 2"), (photo / 255) ** 2 * 255, atol=1)
    np.testing.assert_allclose(change("gamma 0.5"), (photo / 255) ** 0.5 * 255, atol=1)


def test_a_mirrored_negative_is_what_it_says(change, photo):
    np.testing.assert_array_equal(change("mirrored"), photo[:, ::-1])
    np.testing.assert_array_equal(change("negative"), 255 - photo)


def test_a_zoomed_out_garment_has_its_share_of_the_area_and_stays_in_place(change, photo):
    def red(picture):
        return (picture[..., 0] > picture[..., 2] + 60).nonzero()

    rows, columns = red(change("zoomed out to 0.8"))
    all_rows, all_columns = red(photo)
    assert len(rows) == pytest.approx(len(all_rows) * 0.8**2, rel=0.05)
    assert rows.mean() - HEIGHT / 2 == pytest.approx(0.8 * (all_rows.mean() - HEIGHT / 2), abs=0.5)
    assert columns.mean() - WIDTH / 2 == pytest.approx(0.8 * (all_columns.mean() - WIDTH / 2), abs=0.5)


def test_a_shift_is_8_percent_along_one_side(change, photo):
    found = []
    for item_id in "abcdefgh":
        shifted = change("shifted 8%", item_id=item_id)
        for axis, side in ((0, HEIGHT), (1, WIDTH)):
            found += [
                (axis, sign)
                for sign in (-1, 1)
                if np.abs(
                    np.roll(photo, round(sign * 0.08 * side), axis)[10:-10, 10:-10].astype(int)
                    - shifted[10:-10, 10:-10]
                ).mean()
                < 5
            ]
    assert len(found) == 8
    assert len(set(found)) > 2


def test_turned_pictures_turn_to_either_side_without_black_corners(change):
    left, right = change("turned +10°"), change("turned -10°")
    assert left.min() > 30
    assert right.min() > 30
    assert np.abs(left.astype(int) - right).mean() > 5


def test_noise_has_its_deviation(change, photo):
    assert (change("noise") / 255 - photo / 255).std() == pytest.approx(0.06, rel=0.1)


def test_blur_softens_what_was_sharp(change, photo):
    assert np.abs(np.diff(photo[50].astype(int), axis=0)).max() > 100
    assert np.abs(np.diff(change("blur")[50].astype(int), axis=0)).max() < 60


def _seen(mask):
    """A photograph in which the mask alone is white."""
    return np.repeat(mask[..., None].astype(np.uint8) * 255, 3, axis=2)


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("item_id", ["a", "b", "c", "d", "e"])
def test_a_mask_is_moved_back_to_where_it_was(name, item_id, mask):
    moved = mask > 0
    moved[20:30, 15:25] = False  # so that no turn or mirror gives the same
    if KINDS[name].move is None:
        back, kept = undo(moved, KINDS[name], item_id=item_id, seed=2)
        assert kept.all()
        np.testing.assert_array_equal(back, moved)
        return
    disturbed = disturb(_seen(moved), mask, KINDS[name], item_id=item_id, seed=2)[..., 0] > 127
    assert (disturbed != moved).mean() > 0.02
    back, kept = undo(disturbed, KINDS[name], item_id=item_id, seed=2)
    assert (back & moved & kept).sum() / ((back | moved) & kept).sum() > 0.95


def test_what_a_shift_moved_out_of_the_picture_is_not_kept():
    whole = np.ones((50, 100), bool)
    found = [undo(whole, KINDS["shifted 8%"], item_id=name, seed=0)[1] for name in "abcdefgh"]
    assert {round(1 - kept.mean(), 2) for kept in found} == {0.08}
    for kept in found:
        assert (
            sum(not kept[edge].any() for edge in (0, -1)) + sum(not kept[:, edge].any() for edge in (0, -1))
            == 1
        )


def test_a_zoomed_out_photograph_is_kept_whole_and_a_mirrored_one_too():
    whole = np.ones((50, 100), bool)
    for name in ("zoomed out to 0.8", "mirrored"):
        back, kept = undo(whole, KINDS[name], item_id="a", seed=0)
        assert kept.all()
        assert back.all()
