import csv
import gzip
import json
import os
import pickle
import shutil
import struct
import sys
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image
from pyarrow import parquet

from training.catalogue import tables
from training.catalogue.reader import BadItem, Item, check_bad_share, read_catalogue, write_report
from training.errors import CacheUnusable, TooManyBadItems, UnreadableCatalogue

ROWS = [
    {"item_id": "007", "path": "a.jpg", "category": "dress", "price": 9.5, "kids": True, "year": 2020},
    {"item_id": "008", "path": "b.jpg", "category": "", "price": 10.0, "kids": False, "year": None},
]


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    for name in ("a.jpg", "b.jpg", "c.jpg"):
        (tmp_path / name).touch()
    return tmp_path


def written(path: Path, text: str | bytes) -> str:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return str(path)


def ids(spec: str, **options: Path) -> list[str]:
    return [item.item_id for item in read_catalogue(spec, **options).items]


def reasons(spec: str) -> list[tuple[str, str]]:
    return [(bad.item_id, bad.reason) for bad in read_catalogue(spec).bad]


# ---- folders


def test_an_item_that_is_given_the_text_of_a_path_is_the_one_that_is_given_the_path():
    item, other = (Item("a", path, {}, (Path("/b.jpg"),)) for path in ("/a.jpg", Path("/a.jpg")))
    assert item.file_names == other.file_names == ("/a.jpg", "/b.jpg")
    assert pickle.loads(pickle.dumps(item)) == item == other
    assert replace(item, item_id="b").path == item.path == Path("/a.jpg")
    assert item.photographs == (Path("/a.jpg"), Path("/b.jpg"))
    with pytest.raises(TypeError, match="path"):
        Item("a")


def test_a_folder_gives_ids_categories_and_splits_by_where_its_files_lie(tmp_path):
    for name in ("root.png", "dress/x.JPG", "train/dress/abc.webp", "a/b/hat/y.jpeg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()

    items = {item.item_id: item for item in read_catalogue(str(tmp_path)).items}

    assert {name: item.metadata for name, item in items.items()} == {
        "root": {},
        "dress/x": {"category": "dress"},
        "train/dress/abc": {"category": "dress", "split": "train"},
        "a/b/hat/y": {"category": "hat", "split": "a/b"},
    }
    assert items["dress/x"].path == tmp_path / "dress" / "x.JPG"
    assert items["root"].category is None


def test_hidden_files_and_other_kinds_of_files_are_left_out_of_a_folder(shop):
    (shop / ".hidden").mkdir()
    for name in (".d.jpg", ".hidden/e.jpg", "notes.txt", "Thumbs.db", "film.mp4"):
        (shop / name).touch()

    assert ids(str(shop)) == ["a", "b", "c"]


def test_of_two_files_that_differ_in_suffix_only_the_second_is_reported(shop):
    (shop / "a.png").touch()

    catalogue = read_catalogue(str(shop))

    assert catalogue.items[0].path == shop / "a.jpg"
    assert catalogue.bad == (BadItem("a", str(shop / "a.png"), "duplicate item_id; the first one is used"),)


def test_a_picture_is_told_by_its_content_where_its_name_does_not_say_it(tmp_path, encode_image):
    photo = encode_image(np.full((40, 30, 3), 90, np.uint8), "JPEG")
    for name in ("a.jfif", "b.JPE", "plain", "c.jpg.1", "hat.v2"):
        (tmp_path / name).write_bytes(photo)
    os.mkfifo(tmp_path / "pipe")
    catalogue = read_catalogue(str(tmp_path))
    assert [item.item_id for item in catalogue.items] == ["a", "b", "c.jpg.1", "hat.v2", "plain"]
    assert catalogue.bad == ()


def test_a_picture_that_can_not_be_read_is_in_the_report(tmp_path, encode_image):
    (tmp_path / "good.png").write_bytes(encode_image(np.full((40, 30, 3), 90, np.uint8)))
    (tmp_path / "logo.svg").write_text("<svg/>")
    (tmp_path / "raw.NEF").write_bytes(b"II")
    (tmp_path / "unnamed").write_bytes(b"\xff\x0a")
    (tmp_path / "list.csv").write_text("a,b")
    bad = read_catalogue(str(tmp_path)).bad
    assert [(Path(item.path).name, item.reason.split(" is not")[0]) for item in bad] == [
        ("logo.svg", "SVG"),
        ("raw.NEF", "camera raw"),
        ("unnamed", "JPEG XL"),
    ]


def test_a_folder_without_images_is_refused(tmp_path):
    with pytest.raises(UnreadableCatalogue, match="No images"):
        read_catalogue(str(tmp_path))


# ---- tables


def test_csv_columns_keep_their_types_and_ids_stay_text(shop):
    spec = written(
        shop / "c.csv",
        "\ufeffitem_id,path,category,price,kids,since,note,year\n"
        "007,a.jpg,dress,9.5,true,2020-01-02,NA,2020\n"
        "008,b.jpg,,10,false,2021-03-04,,\n"
        "009,c.jpg,hat,1.5,false,2021-03-04,warm,1999\n",
    )

    first, second, *_ = read_catalogue(spec).items

    assert first == Item(
        "007",
        shop / "a.jpg",
        {"category": "dress", "price": 9.5, "kids": True, "since": "2020-01-02", "note": "NA", "year": 2020},
    )
    assert second.metadata["category"] is None
    assert second.metadata["year"] is None
    assert second.metadata["note"] == ""


def test_malformed_csv_rows_are_reported_with_their_line_and_skipped(shop):
    spec = written(shop / "c.csv", "item_id,path\n1,a.jpg\n2\n3,b.jpg,more\n4,c.jpg\n")

    catalogue = read_catalogue(spec)

    assert [item.item_id for item in catalogue.items] == ["1", "4"]
    assert [bad.path for bad in catalogue.bad] == [f"{spec} line 3", f"{spec} line 4"]
    assert "1 cells where the header has 2" in catalogue.bad[0].reason


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"item_id,path\n", "No item"),
        (b"item_id;path\n1;a.jpg\n", "no column item_id and no column path"),
        (b"item_id,file\n1,a.jpg\n", "no column path; it has: item_id, file"),
        (b"item_id,path,x\n1,a.jpg,caf\xe9\n", "not UTF-8"),
        (b"item_id,path\ncaf\xe9,a.jpg\n", "not UTF-8"),
        (b"item_id,path,x,x\n1,a.jpg,2,3\n", "'x' more than once"),
    ],
)
def test_a_csv_file_that_is_no_catalogue_is_refused(shop, content, message):
    with pytest.raises(UnreadableCatalogue, match=message):
        read_catalogue(written(shop / "c.csv", content))


@pytest.mark.parametrize("late", ["9.5", "warm", "true"])
def test_the_type_of_a_csv_column_is_that_of_all_its_cells_however_late(shop, monkeypatch, late):
    cells = ["7", "", *("8" for _ in range(500)), late, "9"]
    lines = [f"{number},a.jpg,{cell}" for number, cell in enumerate(cells)]
    spec = written(shop / "c.csv", "\n".join(["item_id,path,size", *lines]))
    whole = read_catalogue(spec)
    monkeypatch.setattr(tables, "BLOCK", 64)
    assert read_catalogue(spec) == whole
    assert whole.items[-2].metadata["size"] == (9.5 if late == "9.5" else late)


def test_a_csv_file_is_read_part_by_part_as_it_is_at_once(shop, monkeypatch):
    lines = ["1,a.jpg,x", "2", '3,b.jpg,"two\nlines"', "4,c.jpg,y,z", *("5,a.jpg,x" for _ in range(20))]
    spec = written(shop / "c.csv", "\n".join(["item_id,path,note", *lines]))
    whole = read_catalogue(spec)
    monkeypatch.setattr(tables, "BLOCK", 24)
    assert read_catalogue(spec) == whole and len(whole.items) == 3
    assert [bad.reason.split(",")[0] for bad in whole.bad[:2]] == ["malformed row"] * 2


def test_text_that_is_not_utf_8_is_refused_also_where_it_comes_late(shop, monkeypatch):
    monkeypatch.setattr(tables, "BLOCK", 64)
    spec = written(shop / "c.csv", b"item_id,path,x\n" + b"1,a.jpg,plain\n" * 99 + b"2,a.jpg,caf\xe9\n")
    with pytest.raises(UnreadableCatalogue, match="not UTF-8"):
        read_catalogue(spec)


def test_a_catalogue_that_can_not_be_kept_on_the_disk_is_told_with_what_to_do(shop, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tempfile.TemporaryFile", full)
    with pytest.raises(CacheUnusable, match=r"No space left on device.*Make room on the disk of 'cache'"):
        read_catalogue(str(shop), cache=Path("cache"))


def test_json_lines_keep_nested_values_and_report_bad_lines_by_number(shop):
    lines = [json.dumps(ROWS[0] | {"sizes": [1, {"eu": 38}]}), "", "{broken", "[1]", json.dumps(ROWS[1])]
    spec = written(shop / "c.jsonl", "\n".join(lines))

    catalogue = read_catalogue(spec)

    assert catalogue.items[0].metadata["sizes"] == [1, {"eu": 38}]
    assert catalogue.items[0].metadata["kids"] is True
    assert catalogue.items[1].category is None
    assert [bad.path for bad in catalogue.bad] == [f"{spec} line 3", f"{spec} line 4"]


def test_a_key_that_comes_twice_in_a_line_is_reported_and_not_guessed(shop):
    lines = ['{"item_id": "1", "path": "a.jpg"}', '{"item_id": "2", "path": "b.jpg", "x": {"y": 1, "y": 2}}']
    (bad,) = read_catalogue(written(shop / "c.jsonl", "\n".join(lines))).bad
    assert "'y' is given twice" in bad.reason


def test_json_numbers_serve_as_ids_and_not_a_number_becomes_none(shop):
    spec = written(shop / "c.jsonl", '{"item_id": 12, "path": "a.jpg", "x": NaN, "y": Infinity}')

    (item,) = read_catalogue(spec).items

    assert item == Item("12", shop / "a.jpg", {"x": None, "y": None})


@pytest.mark.parametrize(
    ("content", "message"),
    [(b'{"id": 1}\n', "no column item_id"), (b"\xff\xfe{}", "not UTF-8"), (b"no json", "line 1")],
)
def test_a_json_lines_file_that_is_no_catalogue_is_refused(shop, content, message):
    with pytest.raises(UnreadableCatalogue, match=message):
        read_catalogue(written(shop / "c.jsonl", content))


def test_parquet_values_become_json_able_python(shop):
    table = pa.table(
        {
            "item_id": ["1", "2"],
            "path": ["a.jpg", "b.jpg"],
            "category": pa.array(["dress", None]).dictionary_encode(),
            "day": [date(2020, 1, 2), None],
            "moment": pa.array([datetime(2020, 1, 2, 3, 4, 5), None], pa.timestamp("ns")),
            "price": pa.array([Decimal("9.50"), None], pa.decimal128(6, 2)),
            "share": [0.5, float("nan")],
            "sizes": [[36, 38], []],
            "thumbnail": [b"\x00", b"\x01"],
        }
    )
    parquet.write_table(table, shop / "c.parquet")

    first, second = read_catalogue(str(shop / "c.parquet")).items

    assert first.metadata == {
        "category": "dress",
        "day": "2020-01-02",
        "moment": "2020-01-02T03:04:05",
        "price": 9.5,
        "share": 0.5,
        "sizes": [36, 38],
    }
    assert second.metadata["share"] is None
    json.dumps(first.metadata, allow_nan=False)


def test_a_text_file_named_parquet_is_refused(shop):
    with pytest.raises(UnreadableCatalogue, match="could not be read"):
        read_catalogue(written(shop / "c.parquet", "item_id,path\n"))


def test_missing_files_duplicates_and_rows_without_id_or_path_are_reported(shop):
    spec = written(shop / "c.csv", "item_id,path\n1,a.jpg\n1,b.jpg\n2,gone.jpg\n,a.jpg\n3,\n")

    assert ids(spec) == ["1"]
    assert reasons(spec) == [
        ("1", "duplicate item_id; the first one is used"),
        ("2", f"file not found: {shop / 'gone.jpg'}"),
        ("", "no item_id in row 4"),
        ("3", "no path"),
    ]


def test_absolute_paths_are_taken_as_they_are(shop, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    spec = written(elsewhere / "c.csv", f"item_id,path\n1,{shop / 'a.jpg'}\n")

    assert read_catalogue(spec).items[0].path == shop / "a.jpg"


def test_a_catalogue_without_any_usable_item_names_the_first_problem(shop):
    with pytest.raises(UnreadableCatalogue, match=r"gone\.jpg file not found"):
        read_catalogue(written(shop / "c.csv", "item_id,path\n1,gone.jpg\n"))


# ---- several photographs of an item


def photographs(spec: str, **options: bool) -> dict[str, list[str]]:
    items = read_catalogue(spec, **options).items
    return {item.item_id: [path.name for path in item.photographs] for item in items}


def test_a_row_names_several_photographs_in_each_form_of_table(shop):
    paths = {"coat": ["b.jpg", "a.jpg", "b.jpg"], "hat": "c.jpg"}
    lines = [json.dumps({"item_id": name, "path": path}) for name, path in paths.items()]
    table = pa.table({"item_id": ["coat", "hat"], "path": [["b.jpg", "a.jpg"], ["c.jpg"]]})
    parquet.write_table(table, shop / "c.parquet")
    for spec in (
        written(shop / "c.csv", "item_id,path,price\ncoat,b.jpg | a.jpg|,9\nhat,c.jpg,8\n"),
        written(shop / "c.jsonl", "\n".join(lines)),
        str(shop / "c.parquet"),
    ):
        assert photographs(spec) == {"coat": ["b.jpg", "a.jpg"], "hat": ["c.jpg"]}
        assert read_catalogue(spec).bad == ()


def test_a_name_with_the_sign_between_paths_is_one_path_in_json(shop):
    (shop / "x|y.jpg").touch()
    assert photographs(written(shop / "c.jsonl", '{"item_id": 1, "path": "x|y.jpg"}')) == {"1": ["x|y.jpg"]}


def test_rows_of_one_id_are_one_item_where_they_are_grouped(shop):
    text = "item_id,path,category\n7,c.jpg,hat\n8,a.jpg,coat\n7,b.jpg|c.jpg,\n,a.jpg,\n8,gone.jpg,\n"
    spec = written(shop / "c.csv", text)

    catalogue = read_catalogue(spec, group=True)

    assert photographs(spec, group=True) == {"7": ["c.jpg", "b.jpg"], "8": ["a.jpg"]}
    assert [item.category for item in catalogue.items] == ["hat", "coat"]
    assert [(bad.item_id, bad.path, bad.reason.split(":")[0]) for bad in catalogue.bad] == [
        ("8", "gone.jpg", "file not found"),
        ("", "a.jpg", "no item_id in row 4"),
    ]
    assert photographs(f"{spec}?category=hat", group=True) == {"7": ["c.jpg", "b.jpg"]}
    assert photographs(spec) == {"7": ["c.jpg"], "8": ["a.jpg"]}


def test_a_folder_is_an_item_where_a_folder_of_images_is_grouped(tmp_path):
    for name in ("loose.png", "dress/red/1.jpg", "dress/red/2.jpg", "dress/blue/x.png", "train/hat/h/1.webp"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()

    items = {item.item_id: item for item in read_catalogue(str(tmp_path), group=True).items}

    assert {name: (item.metadata, len(item.photographs)) for name, item in items.items()} == {
        "dress/blue": ({"category": "dress"}, 1),
        "dress/red": ({"category": "dress"}, 2),
        "loose": ({}, 1),
        "train/hat/h": ({"category": "hat", "split": "train"}, 1),
    }
    assert items["dress/red"].photographs == tuple(
        tmp_path / "dress/red" / name for name in ("1.jpg", "2.jpg")
    )


def test_an_item_stays_while_one_of_its_photographs_is_there(shop):
    spec = written(shop / "c.csv", "item_id,path\n1,x.jpg|b.jpg|y.jpg\n2,x.jpg|y.jpg\n2,c.jpg\n")

    catalogue = read_catalogue(spec)

    assert photographs(spec) == {"1": ["b.jpg"], "2": ["c.jpg"]}
    assert [(bad.item_id, bad.path) for bad in catalogue.bad] == [
        *(("1", name) for name in ("x.jpg", "y.jpg")),
        *(("2", name) for name in ("x.jpg", "y.jpg")),
    ]


@pytest.mark.parametrize("count", [20, 21])
def test_an_item_has_at_most_twenty_photographs(shop, count):
    names = [f"{number}.png" for number in range(count)]
    for name in names:
        (shop / name).touch()
    lines = [{"item_id": "1", "path": names}, {"item_id": "2", "path": "a.jpg"}]
    spec = written(shop / "c.jsonl", "\n".join(map(json.dumps, lines)))

    assert ids(spec) == (["1", "2"] if count == 20 else ["2"])
    assert reasons(spec) == (
        [] if count == 20 else [("1", "The item has 21 photographs. Accepted: 1 to 20 photographs.")]
    )


@pytest.mark.parametrize("path", [["a.jpg", {"src": "b.jpg"}], [["a.jpg"]], True])
def test_what_is_no_path_is_reported(shop, path):
    lines = [{"item_id": "1", "path": path}, {"item_id": "2", "path": ["b.jpg", None, ""]}]
    spec = written(shop / "c.jsonl", "\n".join(map(json.dumps, lines)))

    assert photographs(spec) == {"2": ["b.jpg"]}
    assert reasons(spec) == [("1", "no path: a path is a text, and several are a list of texts")]


# ---- filters


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("category=dress", ["007"]),
        ("category=", ["008"]),
        ("kids=true", ["007"]),
        ("price=10", ["008"]),
        ("price=10.0", ["008"]),
        ("year=", ["008"]),
        ("item_id=008", ["008"]),
        ("kids=true&price=9.5", ["007"]),
        ("item_id=007&item_id=008", ["007", "008"]),
    ],
)
def test_a_filter_compares_columns_as_text(shop, query, expected):
    spec = written(shop / "c.jsonl", "\n".join(map(json.dumps, ROWS)))

    assert ids(f"{spec}?{query}") == expected


def test_rows_that_a_filter_leaves_out_are_not_reported(shop):
    spec = written(shop / "c.csv", "item_id,path,split\n1,a.jpg,train\n2,gone.jpg,test\n")

    assert read_catalogue(f"{spec}?split=train").bad == ()


def test_a_filter_by_an_unknown_column_names_the_known_ones(shop):
    spec = written(shop / "c.csv", "item_id,path,split\n1,a.jpg,train\n")

    with pytest.raises(
        UnreadableCatalogue, match="'colour', which is not a column. The columns are: item_id, path, split"
    ):
        read_catalogue(f"{spec}?colour=red")


def test_a_filter_that_leaves_nothing_and_one_without_a_value_are_refused(shop):
    spec = written(shop / "c.csv", "item_id,path,split\n1,a.jpg,train\n")

    with pytest.raises(UnreadableCatalogue, match="Check the filter"):
        read_catalogue(f"{spec}?split=test")
    with pytest.raises(UnreadableCatalogue, match="is not valid"):
        read_catalogue(f"{spec}?split")


def test_an_existing_path_with_a_question_mark_is_preferred_to_a_filter(tmp_path):
    folder = tmp_path / "what?split=train"
    (folder / "hat").mkdir(parents=True)
    (folder / "hat" / "a.jpg").touch()
    (folder / "b.jpg").touch()

    assert ids(str(folder)) == ["b", "hat/a"]
    assert ids(f"{folder}?category=hat") == ["hat/a"]


@pytest.mark.parametrize("spec", ["nowhere", "nowhere.csv?split=train", __file__])
def test_a_wrong_path_is_answered_with_the_accepted_forms(spec):
    with pytest.raises(UnreadableCatalogue, match="Accepted: a folder of images, a .csv"):
        read_catalogue(spec)


# ---- Fashion-MNIST


@pytest.fixture
def idx(tmp_path: Path) -> Path:
    folder = tmp_path / "idx"
    folder.mkdir()
    for prefix, labels, packed in (("train", [3, 0, 9], True), ("t10k", [4, 3], False)):
        images = bytes(range(len(labels))) * 784
        write_idx(folder, f"{prefix}-images-idx3-ubyte", 2051, (len(labels), 28, 28), images, packed)
        write_idx(folder, f"{prefix}-labels-idx1-ubyte", 2049, (len(labels),), bytes(labels), packed)
    return folder


def write_idx(folder: Path, name: str, magic: int, shape: tuple[int, ...], data: bytes, packed: bool) -> None:
    content = struct.pack(f">{1 + len(shape)}I", magic, *shape) + data
    (folder / (f"{name}.gz" if packed else name)).write_bytes(gzip.compress(content) if packed else content)


def test_fashion_mnist_becomes_picture_files_with_class_and_split(idx, tmp_path):
    catalogue = read_catalogue(f"fashion-mnist:{idx}", cache=tmp_path / "cache")

    assert [(item.item_id, item.category, item.metadata["split"]) for item in catalogue.items] == [
        ("train-00000", "dress", "train"),
        ("train-00001", "t-shirt", "train"),
        ("train-00002", "ankle boot", "train"),
        ("test-00000", "coat", "test"),
        ("test-00001", "dress", "test"),
    ]
    expected = np.frombuffer(bytes([0, 1]) * 784, np.uint8).reshape(2, 28, 28)
    with Image.open(catalogue.items[3].path) as picture:
        np.testing.assert_array_equal(np.asarray(picture), expected[0])


def test_fashion_mnist_takes_filters(idx, tmp_path):
    spec = f"fashion-mnist:{idx}?split=test&category=dress"

    assert ids(spec, cache=tmp_path / "cache") == ["test-00001"]


def test_fashion_mnist_writes_only_what_an_interrupted_run_left_out(idx, tmp_path):
    spec, cache = f"fashion-mnist:{idx}", tmp_path / "cache"
    first, second, *_ = read_catalogue(spec, cache=cache).items
    before = second.path.stat().st_mtime_ns
    first.path.unlink()

    read_catalogue(spec, cache=cache)

    assert first.path.is_file()
    assert second.path.stat().st_mtime_ns == before


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "train-images-idx3-ubyte is not in"),
        (struct.pack(">4I", 2049, 3, 28, 28), "starts with 2049, not 2051"),
        (struct.pack(">4I", 2051, 3, 28, 28) + bytes(100), "has 116 of 2,368 bytes"),
        (struct.pack(">4I", 2051, 1, 28, 28) + bytes(784), "3 labels for 1 images"),
        (b"\x00", "starts with 0, not 2051"),
    ],
)
def test_damaged_fashion_mnist_files_are_refused(idx, tmp_path, content, message):
    (idx / "train-images-idx3-ubyte.gz").unlink()
    if content is not None:
        (idx / "train-images-idx3-ubyte").write_bytes(content)

    with pytest.raises(UnreadableCatalogue, match=message):
        read_catalogue(f"fashion-mnist:{idx}", cache=tmp_path / "cache")


def test_a_truncated_gzip_file_is_refused(idx, tmp_path):
    path = idx / "train-images-idx3-ubyte.gz"
    path.write_bytes(path.read_bytes()[:-10])

    with pytest.raises(UnreadableCatalogue, match="could not be read"):
        read_catalogue(f"fashion-mnist:{idx}", cache=tmp_path / "cache")


# ---- drawn garments


def test_drawn_garments_travel_with_their_parameters(tmp_path):
    catalogue = read_catalogue("drawn:3:7", cache=tmp_path)

    assert [item.item_id for item in catalogue.items] == [f"drawn-7-{index:06d}" for index in range(3)]
    for item in catalogue.items:
        assert item.category == item.metadata["shape"]["type"]
        assert "colour" in item.metadata["appearance"]
        json.dumps(item.metadata, allow_nan=False)
        with Image.open(item.path) as picture:
            assert picture.size == (256, 320)


@pytest.mark.parametrize("spec", ["drawn:", "drawn:0", "drawn:many", "drawn:-3", "drawn:3:x", "drawn:²"])
def test_drawn_garments_need_a_number(spec, tmp_path):
    with pytest.raises(UnreadableCatalogue, match="Write drawn:500"):
        read_catalogue(spec, cache=tmp_path)


def test_worn_drawn_garments_are_a_catalogue_too(tmp_path):
    catalogue = read_catalogue("drawn-worn:2:4", cache=tmp_path)
    laid_out = read_catalogue("drawn:2:4", cache=tmp_path)

    assert [item.item_id for item in catalogue.items] == ["drawn-worn-4-000000", "drawn-worn-4-000001"]
    assert [item.metadata["shape"] for item in catalogue.items] == [
        item.metadata["shape"] for item in laid_out.items
    ]
    assert catalogue.root == tmp_path


def test_worn_drawn_garments_need_a_number_and_opencv(tmp_path, monkeypatch):
    with pytest.raises(UnreadableCatalogue, match="Write drawn-worn:500 or drawn-worn:500:SEED"):
        read_catalogue("drawn-worn:few", cache=tmp_path)

    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(UnreadableCatalogue, match="needs OpenCV.*'drawn:5'"):
        read_catalogue("drawn-worn:5", cache=tmp_path)


# ---- reports


def test_the_report_is_a_csv_file_that_reads_back(tmp_path):
    bad = [BadItem("1", "a.jpg", 'said "no", twice'), BadItem("", "x line 3", "malformed")]

    write_report(tmp_path / "new" / "bad.csv", bad)

    with (tmp_path / "new" / "bad.csv").open(newline="", encoding="utf-8") as file:
        assert [BadItem(**row) for row in csv.DictReader(file)] == bad


def test_a_file_name_that_is_not_unicode_is_reported_and_the_report_can_hold_it(shop):
    (shop / "bad\udcff.jpg").touch()

    catalogue = read_catalogue(str(shop))
    write_report(shop / "bad.csv", catalogue.bad)

    assert [bad.reason for bad in catalogue.bad] == [
        "the id or the file name is not valid Unicode; rename it"
    ]
    assert "bad\\udcff" in (shop / "bad.csv").read_text()


def test_the_share_of_bad_items_may_reach_the_limit_but_not_pass_it():
    check_bad_share(5, 100, max_bad=0.05)
    check_bad_share(0, 0, max_bad=0.0)
    with pytest.raises(
        TooManyBadItems, match=r"6 of 100 photographs \(6.0%\) can't be used; at most 5.0% may be bad"
    ):
        check_bad_share(6, 100, max_bad=0.05)


@pytest.mark.parametrize(
    ("written", "read"), [("1.0", "1"), ("12345678.0", "12345678"), ("-0.0", "0"), ("7", "7")]
)
def test_a_whole_number_is_an_id_however_it_is_written(tmp_path, encode_image, photo, written, read):
    (tmp_path / "a.png").write_bytes(encode_image(photo))
    (tmp_path / "shop.jsonl").write_text(f'{{"item_id": {written}, "path": "a.png"}}\n')
    assert [item.item_id for item in read_catalogue(str(tmp_path / "shop.jsonl")).items] == [read]


@pytest.mark.parametrize("written", ["1.5", "true", "NaN", "1e400", "[1]"])
def test_what_is_not_a_whole_number_or_a_text_is_no_id(tmp_path, encode_image, photo, written):
    (tmp_path / "a.png").write_bytes(encode_image(photo))
    (tmp_path / "shop.jsonl").write_text(f'{{"item_id": {written}, "path": "a.png"}}\n')
    with pytest.raises(UnreadableCatalogue, match="no item_id in row 1"):
        read_catalogue(str(tmp_path / "shop.jsonl"))


@pytest.mark.parametrize("file", ["", "shop.csv"])
def test_a_link_that_is_switched_to_another_folder_keeps_its_paths(tmp_path, encode_image, photo, file):
    for name in ("monday", "tuesday"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.png").write_bytes(encode_image(photo))
        (tmp_path / name / "shop.csv").write_text("item_id,path\na,a.png\n")
    link = tmp_path / "current"
    link.symlink_to("monday")
    (item,) = read_catalogue(str(link / file) if file else str(link)).items
    assert item.path == link / "a.png"
    link.unlink()
    link.symlink_to("tuesday")
    shutil.rmtree(tmp_path / "monday")
    assert item.path.read_bytes() == encode_image(photo)


@pytest.mark.parametrize(("separator", "word"), [(";", "semicolons"), ("\t", "tabs")])
def test_a_file_with_other_separators_is_told_which_are_wanted(tmp_path, separator, word):
    (tmp_path / "shop.csv").write_text(separator.join(("item_id", "path", "price")) + "\n")
    with pytest.raises(UnreadableCatalogue, match=f"It has {word} between its columns: save it with commas"):
        read_catalogue(str(tmp_path / "shop.csv"))
