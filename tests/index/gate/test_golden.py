import numpy as np
import pytest

from index.errors import GoldenUnusable
from index.gate.golden import Golden, GoldenAnswer, GoldenSet
from index.vectors.flat import FlatIndex
from training.catalogue.reader import Item, read_catalogue


@pytest.fixture
def photographs(catalogue_path):
    return catalogue_path.parent


@pytest.fixture
def read(photographs, encoder):
    def run(text):
        path = photographs / "golden.csv"
        path.write_text(text)
        return GoldenSet.read(path, encoder)

    return run


def test_a_query_has_an_image_items_and_k(read, photographs):
    golden = read("image,item_ids,k\nround-0.png,round-0 round-1,3\nsquare-0.png,square-0,\n")
    assert golden.queries == (
        Golden(photographs / "round-0.png", ("round-0", "round-1"), 3),
        Golden(photographs / "square-0.png", ("square-0",), 10),
    )


def test_items_may_stand_one_in_a_row_and_then_hold_spaces(read, photographs):
    golden = read("image,item_id\nround-0.png,red dress\nround-0.png,blue dress\n")
    assert golden.queries == (Golden(photographs / "round-0.png", ("red dress", "blue dress")),)


def test_the_queries_are_embedded_as_photographs_are(read, encoder, photographs):
    golden = read("image,item_ids\nround-0.png,round-0\n")
    np.testing.assert_array_equal(golden.vectors, encoder.embed([photographs / "round-0.png"]))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("image,item_ids\n", "no rows"),
        ("", "no rows"),
        ("picture,item_ids\nround-0.png,round-0\n", "no image"),
        ("image,item_ids\nround-0.png,\n", "no item"),
        ("image,item_ids,k\nround-0.png,round-0,zero\n", "k is 'zero'"),
        ("image,item_ids,k\nround-0.png,round-0,0\n", "k is '0'"),
        ("image,item_ids\nlost.png,round-0\n", "there is no file"),
        ("image,item_ids\ntext.jpg,round-0\n", "can't be read"),
    ],
)
def test_what_is_no_file_of_golden_queries_is_refused_with_the_reason(read, text, reason):
    with pytest.raises(GoldenUnusable, match=reason):
        read(text)


def test_a_missing_file_is_refused(tmp_path, encoder):
    with pytest.raises(GoldenUnusable, match="No such file"):
        GoldenSet.read(tmp_path / "golden.csv", encoder)


def test_an_answer_names_the_wanted_items_that_are_not_among_the_first_k(
    read, encoder, catalogue_path, photographs
):
    items = read_catalogue(str(catalogue_path)).items[:8]
    index = FlatIndex.build(encoder.embed([item.path for item in items]))
    golden = read("image,item_ids,k\nround-0.png,round-0 nobody,1\nround-0.png,round-0 square-3,8\n")
    assert golden.ask(index, items) == (
        GoldenAnswer(golden.queries[0], ("nobody",)),
        GoldenAnswer(golden.queries[1], ()),
    )


def test_the_first_k_are_items_however_many_vectors_each_has(read, encoder, catalogue_path, photographs):
    items = read_catalogue(str(catalogue_path)).items[:2]
    (near, far) = encoder.embed([items[0].path, catalogue_path.parent / "square-3.png"])
    index = FlatIndex.build(np.stack([near, far, *[near] * 9]))
    golden = read(f"image,item_ids,k\nround-0.png,{items[1].item_id},2\n")
    owners = np.array([0, 1, *[0] * 9])
    assert golden.ask(index, items, owners=owners) == (GoldenAnswer(golden.queries[0], ()),)


def test_without_queries_nothing_is_asked(unit_vectors):
    assert GoldenSet().ask(FlatIndex.build(unit_vectors(4)), []) == ()


def test_an_answer_in_a_report_says_what_was_asked_and_what_is_missing(photographs):
    answer = GoldenAnswer(Golden(photographs / "round-0.png", ("a", "b"), 3), ("b",))
    assert answer.fields() == {
        "image": str(photographs / "round-0.png"),
        "k": 3,
        "item_ids": ["a", "b"],
        "missing": ["b"],
    }


@pytest.mark.parametrize(
    ("owners", "k", "listed", "asked"),
    [
        ([0, 1, 2, 3, 4, 5, 6, 7], 3, 8, [3]),  # the first rows are of as many items
        ([0, 0, 0, 1, 2, 3, 4, 5], 2, 8, [2, 4]),
        ([0, 0, 0, 0, 0, 0, 0, 0], 2, 8, [2, 4, 8]),  # there are no more rows
        ([0, 0, 0, 0, 0, 0, 0, 0], 6, 3, [6]),  # the index lists no more
    ],
)
def test_more_rows_are_asked_for_until_there_are_k_items_and_no_more_than_there_are(
    photographs, owners, k, listed, asked
):
    seen = []

    class Rows:
        def __len__(self):
            return len(owners)

        def search(self, queries, number):
            seen.append(number)
            rows = np.arange(len(owners))[None, : min(number, listed)]
            return np.zeros(rows.shape, np.float32), rows

    items = [Item(str(n), photographs / "round-0.png", {}) for n in range(8)]
    golden = GoldenSet((Golden(photographs / "round-0.png", ("7",), k),), (np.zeros(4, np.float32),))
    (answer,) = golden.ask(Rows(), items, owners=np.array(owners))
    assert seen == asked and answer.missing == ("7",)
