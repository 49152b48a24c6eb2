import shutil

import pytest

from index.served_folders import served_file, within
from training.catalogue.reader import Catalogue, read_catalogue


@pytest.fixture
def shop(tmp_path):
    """A catalogue with a picture of its own, beside a folder of others and a secret."""
    for path in ("shop/own.png", "studio/a.png", "shop-2/near.png", "secret.png"):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).touch()
    (tmp_path / "shop" / "link.png").symlink_to(tmp_path / "secret.png")
    (tmp_path / "shop" / "inner.png").symlink_to("own.png")
    (tmp_path / "shop" / "linked").symlink_to(tmp_path / "studio")
    return tmp_path / "shop"


def named(path):
    return path.replace("..", "up")


def listed(shop, *paths):
    (shop / "shop.csv").write_text("item_id,path\n" + "".join(f"{named(path)},{path}\n" for path in paths))
    return read_catalogue(str(shop / "shop.csv"))


def test_only_pictures_below_the_catalogue_s_folder_are_kept(shop):
    outside = [
        "../secret.png",
        str(shop.parent / "studio/a.png"),
        "link.png",
        "linked/a.png",
        "../shop-2/near.png",
    ]
    inside = ["own.png", "inner.png", f"{shop}/own.png", "../shop/own.png", "linked/../shop/own.png"]
    kept = within(listed(shop, *inside, *outside), [])
    assert [item.item_id for item in kept.items] == [named(path) for path in inside]
    assert [bad.item_id for bad in kept.bad] == [named(path) for path in outside]
    assert f"build with --allow-root {shop.parent}" in kept.bad[0].reason
    assert f"it lies at {shop.parent / 'secret.png'}" in kept.bad[2].reason


def test_folders_that_are_allowed_are_served_links_among_them(shop):
    link = shop.parent / "allowed"
    link.symlink_to("studio")
    kept = within(listed(shop, "own.png", "linked/a.png", "../studio/a.png", "../secret.png"), [link])
    assert [item.item_id for item in kept.items] == ["own.png", "linked/a.png", "up/studio/a.png"]


def test_a_folder_of_links_is_served_where_their_targets_are_allowed(shop):
    catalogue = read_catalogue(str(shop))
    assert [item.item_id for item in within(catalogue, []).items] == ["inner", "own"]
    assert [item.item_id for item in within(catalogue, [shop.parent]).items] == ["inner", "link", "own"]


def test_the_pictures_of_virtual_catalogues_lie_in_their_cache(tmp_path):
    catalogue = read_catalogue("drawn:2", cache=tmp_path / "cache")
    assert within(catalogue, []) == catalogue and catalogue.root == tmp_path / "cache"


def test_what_a_program_has_listed_itself_is_left_to_it(shop):
    catalogue = Catalogue("own", listed(shop, "../secret.png").items, ())
    assert within(catalogue, []) == catalogue


def test_a_catalogue_that_is_a_link_may_be_switched(tmp_path):
    for day in ("monday", "tuesday"):
        (tmp_path / day).mkdir()
        (tmp_path / day / "a.png").touch()
    link = tmp_path / "current"
    link.symlink_to("monday")
    catalogue = within(read_catalogue(str(link)), [])
    (item,) = catalogue.items
    link.unlink()
    link.symlink_to("tuesday")
    shutil.rmtree(tmp_path / "monday")
    assert served_file(item.path, [catalogue.root]) == tmp_path / "tuesday" / "a.png"


def test_a_picture_that_has_become_a_link_to_elsewhere_is_not_served(shop):
    assert served_file(shop / "own.png", [shop]) == shop / "own.png"
    (shop / "own.png").unlink()
    (shop / "own.png").symlink_to("../secret.png")
    assert served_file(shop / "own.png", [shop]) is None
    assert served_file(shop / "own.png", [shop, shop.parent]) == shop.parent / "secret.png"
