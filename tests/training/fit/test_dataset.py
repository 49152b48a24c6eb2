import shutil
from collections import namedtuple

import numpy as np
import pytest

from training.catalogue.reader import Catalogue, Item, read_catalogue
from training.errors import NotEnoughSpace
from training.fit import dataset
from training.fit.dataset import prepare
from training.photo.garment import read_garment
from training.photo.segmenter import shipped


@pytest.fixture
def photographs(tmp_path, make_photo, encode_image):
    folder = tmp_path / "photos"
    for category, colour in (("dress", (200, 30, 40)), ("skirt", (20, 60, 160))):
        (folder / category).mkdir(parents=True)
        (folder / category / "a.png").write_bytes(encode_image(make_photo(colour=colour)))
    (folder / "skirt" / "broken.jpg").write_text("text")
    return folder


def _prepared(photographs, cache):
    return prepare(read_catalogue(str(photographs)), cache=cache, processes=1)


def test_rows_are_the_cut_outs_of_the_readable_items(photographs, tmp_path):
    data = _prepared(photographs, tmp_path / "cache")
    assert [item.item_id for item in data.items] == ["dress/a", "skirt/a"]
    assert np.array_equal(data.cutouts[0], read_garment(photographs / "dress" / "a.png").cutout)
    assert data.categories().tolist() == [0, 1]


def test_each_segmenter_has_cut_outs_of_its_own(photographs, tmp_path, other_segmenter):
    catalogue, cache = read_catalogue(str(photographs)), tmp_path / "cache"
    for segmenter in (None, other_segmenter, None, other_segmenter):
        data = prepare(catalogue, segmenter=segmenter, cache=cache, processes=1)
        alone = read_garment(photographs / "dress" / "a.png", segmenter=segmenter)
        assert np.array_equal(data.cutouts[0], alone.cutout)
    versions = {one.preprocessing for one in (shipped(), other_segmenter)}
    assert {path.stem for path in cache.glob("*.sqlite")} == {f"cutouts-{version}" for version in versions}


def test_what_can_not_be_read_is_reported(photographs, tmp_path):
    [bad] = _prepared(photographs, tmp_path / "cache").bad
    assert bad.item_id == "skirt/broken"
    assert "Supported: JPEG, PNG, WebP" in bad.reason


def test_a_second_call_cuts_out_nothing_new(photographs, tmp_path, monkeypatch):
    first = _prepared(photographs, tmp_path / "cache")
    (photographs / "skirt" / "broken.jpg").unlink()
    monkeypatch.setattr(dataset, "in_order", lambda *_, **__: pytest.fail("cut out again"))
    assert np.array_equal(_prepared(photographs, tmp_path / "cache").cutouts, first.cutouts)


def test_an_interrupted_call_goes_on_where_it_was(photographs, tmp_path, monkeypatch):
    in_order, asked = dataset.in_order, []

    def interrupted(read, paths, **options):
        yield next(iter(in_order(read, paths, **options)))
        raise KeyboardInterrupt

    def counted(read, paths, **options):
        asked.extend(source.item.path.name for source in paths)
        return in_order(read, paths, **options)

    monkeypatch.setattr(dataset, "in_order", interrupted)
    with pytest.raises(KeyboardInterrupt):
        _prepared(photographs, tmp_path / "cache")
    monkeypatch.setattr(dataset, "in_order", counted)
    assert len(_prepared(photographs, tmp_path / "cache").items) == 2
    assert asked == ["a.png", "broken.jpg"]


def test_a_changed_photograph_is_cut_out_again(photographs, tmp_path, make_photo, encode_image):
    before = _prepared(photographs, tmp_path / "cache").cutouts[0]
    (photographs / "dress" / "a.png").write_bytes(encode_image(make_photo(colour=(0, 120, 0))))
    assert not np.array_equal(_prepared(photographs, tmp_path / "cache").cutouts[0], before)


def test_two_items_with_one_picture_are_both_there(photographs, tmp_path):
    shutil.copy(photographs / "dress" / "a.png", photographs / "dress" / "twin.png")
    data = _prepared(photographs, tmp_path / "cache")
    assert [item.item_id for item in data.items] == ["dress/a", "dress/twin", "skirt/a"]
    assert np.array_equal(data.cutouts[0], data.cutouts[1])


def test_a_full_disk_is_reported_before_work_starts(photographs, tmp_path, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10, 9, 2**20))
    with pytest.raises(NotEnoughSpace, match="1 MB free"):
        _prepared(photographs, tmp_path / "cache")


def test_one_photograph_is_cut_out_once_for_each_type_that_its_items_name(wearing, tmp_path):
    outfit = wearing.photo(person=(95, 5, 145, 60), upper=(80, 62, 160, 132), trousers=(100, 140, 140, 290))
    outfit.save(tmp_path / "outfit.png")
    items = tuple(
        Item(name, tmp_path / "outfit.png", {"category": name}) for name in ("polo", "jeans", "vest")
    )
    polo, jeans, vest = prepare(
        Catalogue("outfits", items, ()), cache=tmp_path / "cache", processes=1
    ).cutouts
    assert np.array_equal(polo, vest)
    assert polo[..., 3].mean() > 1.5 * jeans[..., 3].mean()


def test_other_views_are_kept_beside_the_garments_alone(photographs, tmp_path):
    catalogue = read_catalogue(str(photographs))
    options = {"cache": tmp_path / "cache", "processes": 1}
    alone, seen = (prepare(catalogue, views=views, **options) for views in (0, 2))
    assert alone.views.shape[1] == 1 and seen.views.shape[1] == 3
    assert np.array_equal(alone.cutouts, seen.cutouts)
    assert np.array_equal(prepare(catalogue, **options).views, alone.views)
    assert np.array_equal(seen.take(np.array([1])).views, seen.views[1:])
