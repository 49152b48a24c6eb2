"""Filters over fields that were laid over items pass the same items as in Python."""

import sqlite3
from itertools import islice

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from index.change import laid_over
from index.filters.columns import Columns
from index.filters.parse import parse_filter
from index.filters.postings import passing, write_postings
from tests.index.filters.test_postings import COMPARED, EVERY_FORM, filters, metadata

BIG = 2**53 + 1


def patches(values):
    """Sets of rows with the fields laid over each, one set after the other."""
    fields = metadata(values).map(lambda several: several[0] if several else {})
    return st.lists(st.dictionaries(st.integers(0, 7), fields, max_size=4), max_size=4)


def shop(pool):
    values = st.sampled_from([*pool, 1, "a", True, BIG, float(BIG)])
    return st.tuples(metadata(values), patches(values), st.lists(filters(values), min_size=1, max_size=5))


def items_of(drawn):
    """Metadata of items as `metadata` draws it, each without field names that no item can have."""
    return [{name: value for name, value in item.items() if name != "\udfff"} for item in drawn]


MANY = [{row: {"a": value} for row, value in enumerate([1, "a", True, BIG, [1, 2], None, {}])}]


@settings(max_examples=150, deadline=None)
@example(([{"a": 2, "ä": 1}] * 7, MANY, EVERY_FORM[1]))
@example(
    ([{"a": 2}] * 7, MANY, [{"a": {"gte": float(BIG)}}, {"a": {"gt": BIG - 1}}, {"a": BIG}, {"a": True}])
)
@given(st.lists(COMPARED, max_size=4).flatmap(shop))
def test_the_same_items_pass_as_in_python(drawn):
    built, laid, asked = items_of(drawn[0]), *drawn[1:]
    connection = sqlite3.connect(":memory:")
    write_postings(connection, enumerate(built))
    columns, now = Columns(len(built)), list(built)
    for contents in laid:
        contents = {row: items_of([fields])[0] for row, fields in contents.items() if row < len(built)}
        columns = columns.laid(contents)
        for row, fields in contents.items():
            now[row] = laid_over(built[row], fields)
    for fields in asked:
        where = parse_filter(fields)
        found = passing(
            where,
            len(built),
            lambda sql, *values: connection.execute(sql, values).fetchall(),
            columns.lay,
        )
        assert found.tolist() == [where.matches(item) for item in now], (fields, now)
    connection.close()


def test_columns_that_were_handed_out_stay_as_they_are():
    before = Columns(4).laid({0: {"price": 1}, 1: {"price": 2, "size": "M"}})
    after = before.laid({1: {"price": 9}, 2: {}})

    def rows(columns, fields):
        mask = np.zeros(4, bool)
        columns.lay(parse_filter(fields), mask)
        return np.flatnonzero(mask).tolist()

    assert rows(before, {"price": {"lte": 2}}) == [0, 1] and rows(after, {"price": {"lte": 2}}) == [0]
    assert rows(before, {"size": "M"}) == [1] and rows(after, {"size": "M"}) == []
    assert before.has_field("size") and not after.has_field("size") and not after.has_field("colour")
    assert after.laid({}) is after


def test_a_field_that_no_change_touches_is_not_copied():
    before = Columns(10).laid({row: {"price": row, "size": "M"} for row in range(4)})
    after = before.laid({7: {"price": 1}})
    assert after.fields["size"] is before.fields["size"]
    assert [len(column.numbers.rows) for column in islice(after.fields.values(), 1)] == [5]
