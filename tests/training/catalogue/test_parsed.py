import numpy as np
import pytest
from PIL import Image

from training.catalogue.parsed import UNKNOWN, class_table, is_parsed, parsed_items, read_classes
from training.catalogue.reader import read_catalogue
from training.errors import UnreadableCatalogue, UnreadableImage
from training.photo.garment_types import CLASSES


@pytest.fixture
def folder(tmp_path, photo):
    Image.fromarray(photo).save(tmp_path / "a.jpg")
    Image.fromarray(np.arange(6, dtype=np.uint8).reshape(2, 3)).save(tmp_path / "a.png")
    (tmp_path / "catalogue.csv").write_text("item_id,path,mask\na,a.jpg,a.png\n")
    names = ["background", "Skin", "jeans", "scarf", "boots", "hair"]
    rows = [f"{number},{name}" for number, name in enumerate(names)]
    (tmp_path / "labels.csv").write_text("\n".join(["number,name", *rows]))
    return tmp_path


def test_every_label_has_the_class_of_its_name(folder):
    catalogue = read_catalogue(str(folder / "catalogue.csv"))
    table = class_table(catalogue)
    found = read_classes(catalogue.items[0], table, folder)
    names = [["background", "person", "trousers"], [None, "shoes", "person"]]
    assert found.tolist() == [[UNKNOWN if n is None else CLASSES.index(n) for n in row] for row in names]
    assert is_parsed(catalogue)
    assert (table[6:] == UNKNOWN).all()


@pytest.mark.parametrize("text", ["item_id,path\na,a.jpg\n", "item_id,path,mask\na,a.jpg,\n"])
def test_a_catalogue_without_masks_is_not_parsed(folder, text):
    (folder / "plain.csv").write_text(text)
    assert not is_parsed(read_catalogue(str(folder / "plain.csv")))


@pytest.mark.parametrize("suffix", ["csv", "jsonl"])
def test_of_a_catalogue_some_photographs_may_be_parsed(folder, suffix):
    text = {
        "csv": "item_id,path,mask\nlaid,a.jpg,\nworn,a.jpg,a.png\n",
        "jsonl": '{"item_id": "laid", "path": "a.jpg"}\n'
        '{"item_id": "worn", "path": "a.jpg", "mask": "a.png"}\n',
    }[suffix]
    (folder / f"mixed.{suffix}").write_text(text)
    catalogue = read_catalogue(str(folder / f"mixed.{suffix}"))
    assert is_parsed(catalogue) and [item.item_id for item in parsed_items(catalogue)] == ["worn"]


@pytest.mark.parametrize("text", [None, "name\nskin\n", "number,name\nx,skin\n", "number,name\n300,skin\n"])
def test_labels_that_can_not_be_read_are_named_with_what_to_write(folder, text):
    (folder / "labels.csv").unlink()
    if text is not None:
        (folder / "labels.csv").write_text(text)
    with pytest.raises(UnreadableCatalogue, match=r"labels\.csv.*Write the columns number and name"):
        class_table(read_catalogue(str(folder / "catalogue.csv")))


@pytest.mark.parametrize("damage", ["missing", "text", "colours"])
def test_a_picture_of_labels_that_can_not_be_used_is_named(folder, damage):
    catalogue = read_catalogue(str(folder / "catalogue.csv"))
    table = class_table(catalogue)
    (folder / "a.png").unlink()
    if damage == "text":
        (folder / "a.png").write_text("no picture")
    if damage == "colours":
        Image.fromarray(np.zeros((2, 3, 3), np.uint8)).save(folder / "a.png")
    with pytest.raises(UnreadableImage, match=r"labels of a .*a\.png"):
        read_classes(catalogue.items[0], table, folder)
