"""Tables: what is printed, what stands in the JSON, and what is refused."""

import json

import pytest

from training.evaluation.score_table import Table, as_json, as_markdown

TABLE = Table(
    key="some-part",
    title="Some part",
    columns=("descriptor", "P@10", "goal P@10", "queries"),
    rows=(("chance", 0.12345, None, 1200), ("encoder", 0.5, 0.66, 1200)),
    note="How it was done.",
)


def test_a_table_is_a_heading_a_grid_and_a_note():
    assert as_markdown([TABLE]) == (
        "## Some part\n\n"
        "| descriptor | P@10 | goal P@10 | queries |\n"
        "| --- | ---: | ---: | ---: |\n"
        "| chance | 0.123 |  | 1,200 |\n"
        "| encoder | 0.500 | 0.660 | 1,200 |\n\n"
        "How it was done."
    )


def test_a_part_that_was_not_evaluated_is_a_heading_and_its_reason():
    empty = Table("part", "Part", ("descriptor", "P@10"), (), "Not evaluated: there is no data.")
    assert as_markdown([empty]) == "## Part\n\nNot evaluated: there is no data."


def test_the_json_has_each_table_by_its_key_at_full_precision():
    found = json.loads(as_json([TABLE, Table("other", "Other", ("a",), ())]))
    assert list(found) == ["some-part", "other"]
    assert found["some-part"]["note"] == "How it was done."
    assert found["some-part"]["rows"][0] == {
        "descriptor": "chance",
        "P@10": 0.12345,
        "goal P@10": None,
        "queries": 1200,
    }


def test_a_column_is_found_by_its_name_and_its_cells_by_their_rows():
    assert TABLE.column("P@10") == {"chance": 0.12345, "encoder": 0.5}


def test_columns_of_one_name_are_refused_since_one_would_be_lost_in_the_json():
    with pytest.raises(ValueError, match="equal names: a, a"):
        Table("part", "Part", ("a", "a"), ())


def test_a_row_that_lacks_a_cell_is_refused():
    with pytest.raises(ValueError, match="1 of 2 cells"):
        Table("part", "Part", ("a", "b"), ((1,),))
