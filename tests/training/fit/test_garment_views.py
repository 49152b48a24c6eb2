from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from training.catalogue.drawn import draw
from training.catalogue.reader import Item
from training.fit import garment_views as module
from training.fit.garment_views import disturbed, of_drawn, of_item, of_worn, worn_views
from training.photo.garment import isolate, read_garment
from training.photo.garment_types import TYPES
from training.photo.regions import Region
from training.photo.segmenter import Parse

PHOTO = np.zeros((160, 120, 3), np.uint8)
PHOTO[40:110, 30:70] = 255
MASK = (PHOTO[..., 0] > 0).astype(np.float32)


@pytest.fixture
def item(tmp_path, make_photo):
    Image.fromarray(make_photo(colour=(200, 30, 40))).save(tmp_path / "dress.png")
    return Item("a dress", tmp_path / "dress.png", {"category": "dress"})


@pytest.fixture
def only_moved(monkeypatch):
    for name in ("GROUND", "PRINT", "LOGO", "TONE", "QUALITY"):
        monkeypatch.setattr(module, f"{name}_SHARE", 0.0)


@pytest.mark.parametrize("seed", range(6))
def test_a_photograph_and_its_mask_are_moved_alike(only_moved, seed):
    photo, mask = disturbed(PHOTO, MASK, np.random.default_rng(seed), worn=False)
    assert photo.shape == PHOTO.shape and mask.shape == MASK.shape
    assert np.abs(photo[..., 0] / 255 - mask).mean() < 0.01
    assert np.abs(mask - MASK).mean() > 0.02


def test_some_are_mirrored_and_all_are_turned_zoomed_and_shifted_within_limits(only_moved):
    corner = np.zeros((101, 101), np.float32)
    corner[20:30, 20:30] = 1
    sides, areas = [], []
    for seed in range(40):
        photo = np.repeat((corner * 255).astype(np.uint8)[..., None], 3, axis=-1)
        _, mask = disturbed(photo, corner, np.random.default_rng(seed), worn=False)
        sides.append(np.nonzero(mask > 0.5)[1].mean() > 50)
        areas.append((mask > 0.5).sum())
    assert 10 < sum(sides) < 30
    assert min(areas) >= 100 * 0.72**2 - 12 and max(areas) <= 100 * 1.08**2 + 12 and np.std(areas) > 8


@pytest.mark.parametrize("share", ["GROUND", "PRINT", "LOGO", "TONE", "QUALITY"])
def test_each_kind_of_disturbance_changes_the_picture(only_moved, monkeypatch, share, make_photo):
    photo = make_photo(colour=(200, 30, 40))
    mask = np.zeros(photo.shape[:2], np.float32)
    mask[40:-40, 40:-40] = 1
    before, _ = disturbed(photo, mask, np.random.default_rng(3), worn=False)
    monkeypatch.setattr(module, "_moved", lambda photo, mask, rng: (photo, mask))
    monkeypatch.setattr(module, f"{share}_SHARE", 1.0)
    seen = [disturbed(photo, mask, np.random.default_rng(n), worn=False)[0] for n in range(5)]
    assert any((view != photo).any() for view in seen) and before.shape == photo.shape


def test_worn_garments_keep_their_ground(only_moved, monkeypatch):
    monkeypatch.setattr(module, "GROUND_SHARE", 1.0)
    monkeypatch.setattr(module, "_moved", lambda photo, mask, rng: (photo, mask))
    worn, laid_out = (
        disturbed(PHOTO, MASK, np.random.default_rng(0), worn=worn)[0] for worn in (True, False)
    )
    assert np.array_equal(worn, PHOTO) and not np.array_equal(laid_out, PHOTO)


def test_the_first_view_is_the_garment_as_it_is_and_the_others_are_drawn_by_the_items_id(item):
    views = of_item(item, 2)
    assert views.shape == (3, 128, 128, 4)
    assert np.array_equal(views[0], read_garment(item.path, item.category).cutout)
    assert np.array_equal(views, of_item(item, 2))
    assert not np.array_equal(views[1], of_item(Item("b", item.path, item.metadata), 2)[1])


@pytest.fixture
def worn(tmp_path):
    """A worn garment in a photograph, with its labels, of which it is number 4."""
    Image.fromarray(PHOTO).save(tmp_path / "photo.png")
    Image.fromarray((MASK * 4).astype(np.uint8)).save(tmp_path / "labels.png")
    return Item("someone's shirt", tmp_path / "photo.png", {"mask": "labels.png"}), 4, tmp_path


def _share(cutout):
    return (cutout[..., 3] > 127).mean()


def _region(top, end):
    mask = np.zeros((128, 128), bool)
    mask[top:end, 30:75] = True
    return Region("upper", mask, 0.9, True)


def test_a_worn_garment_is_cut_out_truly_and_as_the_segmenter_sees_it(worn, monkeypatch):
    half, other = _region(32, 60), _region(100, 110)
    monkeypatch.setattr(module, "locate", lambda *_: ([other, half], 0))
    true, own = of_worn(*worn, 1)
    assert _share(true) == pytest.approx(40 / 70 * 0.87**2, abs=0.05)
    assert _share(own) > 1.2 * _share(true)  # the upper half is nearly a square


def test_where_the_segmenter_misses_a_worn_garment_its_true_mask_is_cut_out(worn, monkeypatch):
    for found in ([], [_region(100, 110)]):
        monkeypatch.setattr(module, "locate", lambda *_, found=found: (found, 0))
        true, own = of_worn(*worn, 1)
        assert np.array_equal(true, own)


def test_a_true_mask_has_the_types_that_the_segmenter_sees_within_it(worn, monkeypatch):
    nothing, types = np.zeros((128, 128), np.float32), np.zeros((64, 64, 8), np.float32)
    types[:32, :, TYPES.index("outer")] = 1
    types[32:, :, TYPES.index("trousers")] = 1
    segmenter = SimpleNamespace(parse=lambda photo: Parse(nothing, nothing, types))
    monkeypatch.setattr(module, "locate", lambda *_: ([], 0))
    for garment in worn_views(*worn, 1, segmenter=segmenter):  # from 40 to 110 of 160 rows: from 16 to 44
        assert dict(zip(TYPES, garment.type_shares, strict=True)) == pytest.approx(
            dict.fromkeys(TYPES, 0.0) | {"outer": 16 / 28, "trousers": 12 / 28}, abs=1e-6
        )


def test_only_as_many_views_are_made_as_were_asked_for(worn):
    assert [len(of_worn(*worn, count)) for count in (0, 1, 3)] == [1, 2, 4]


def test_a_drawn_garment_is_laid_out_and_then_worn_in_other_colours(drawn_cache, read):
    [item] = read("drawn:1:7").items
    views = of_drawn(item, 2)
    laid_out = isolate(np.asarray(Image.open(item.path).convert("RGB").resize((205, 256)))).mask
    assert np.abs(views[0][..., 3].astype(int) - laid_out).mean() < 12
    colours = [view[..., :3][view[..., 3] > 200].mean(axis=0) for view in views]
    assert all(np.abs(colours[0] - other).max() > 5 for other in colours[1:])
    assert np.array_equal(views, of_drawn(item, 2)) and draw(0, seed=7)[0].type == item.category
