"""Pasted garments: the masks are those of what was pasted, and a seed gives the same pictures again."""

import numpy as np
import pytest

from training.catalogue.reader import Catalogue
from training.evaluation.finder import Finder
from training.evaluation.mask_scenes import DARK, GROUNDS, LIGHT, Scene, cut_outs, packshots, pair, pairs
from training.photo.garment import LUMINANCE


@pytest.fixture(scope="module")
def cuts(read):
    return cut_outs(read("drawn:20:5"), Finder(), most=20, processes=1)


@pytest.fixture
def checked():
    """Two garments of plain colours, 60 by 40 pixels in a photograph of another colour."""

    def cut(colour):
        photo, mask = np.full((100, 80, 3), (90, 200, 90), np.uint8), np.zeros((100, 80), bool)
        mask[20:80, 20:60] = True
        photo[mask] = colour
        return Scene(photo, (mask,))

    return cut((200, 30, 30)), cut((30, 30, 200))


def _luminance(scene):
    return float((scene.photo[scene.masks[0]] @ LUMINANCE).mean())


def test_a_garment_of_a_drawn_photograph_is_cut_out_in_its_frame(cuts, read):
    assert 5 < len(cuts) <= 20
    for cut in cuts:
        assert cut.photo.shape[:2] == cut.masks[0].shape == (256, 205)


def test_photographs_that_can_not_be_read_are_passed_over(read, tmp_path):
    from training.catalogue.reader import Item

    broken = tmp_path / "broken.png"
    broken.write_text("text")
    items = (Item("broken", broken), *read("drawn:20:5").items[:4])
    assert len(cut_outs(Catalogue("mine", items, ()), Finder(), most=5, processes=1)) <= 4


@pytest.mark.parametrize(("light", "low", "high"), [(True, LIGHT, 256), (False, 0, DARK)])
def test_packshots_are_light_or_dark_garments_on_white(cuts, light, low, high):
    scenes = [*packshots(cuts, light=light)]
    assert scenes
    for scene in scenes:
        assert low < _luminance(scene) < high
        border = np.concatenate([scene.photo[0], scene.photo[-1]])[
            np.concatenate([~scene.masks[0][0], ~scene.masks[0][-1]])
        ]
        assert np.median(border) > 225


def test_the_mask_of_a_packshot_is_the_garments(checked):
    [scene] = packshots(checked[:1], light=False)
    dark = scene.photo @ LUMINANCE < (LIGHT + DARK) / 2
    assert np.mean(dark == scene.masks[0]) > 0.98


@pytest.mark.parametrize("kind", GROUNDS)
def test_a_pair_lies_side_by_side_with_a_mask_each(checked, kind):
    scene = pair(checked, kind=kind, rng=np.random.default_rng(1))
    left, right = scene.masks
    assert scene.photo.shape == (*left.shape, 3)
    assert not (left & right).any()
    assert np.nonzero(left)[1].max() < 128 <= np.nonzero(right)[1].min()
    for mask, colour in ((left, (200, 30, 30)), (right, (30, 30, 200))):
        assert mask.mean() > 0.1
        assert scene.photo[mask].mean(axis=0) == pytest.approx(colour, abs=12)
    assert np.linalg.norm(scene.photo[~(left | right)].mean(axis=0) - (200, 30, 30)) > 30


def test_pairs_take_each_garment_once_and_the_grounds_in_turn(cuts):
    assert len([*pairs(cuts)]) == len(cuts) // 2


def test_the_same_seed_gives_the_same_scenes_and_another_others(cuts):
    for make in (
        lambda seed: packshots(cuts[:2], light=True, seed=seed),
        lambda seed: pairs(cuts[:4], seed=seed),
    ):
        once, again, other = ([scene.photo for scene in make(seed)] for seed in (3, 3, 4))
        assert all((one == two).all() for one, two in zip(once, again, strict=True))
        assert any((one != two).any() for one, two in zip(once, other, strict=False))
