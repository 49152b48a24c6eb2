"""Values of a field: what they are, and how many items have each."""

import pytest

from index.filters.field_values import FieldValues


@pytest.mark.parametrize(
    ("pairs", "counts"),
    [
        ([], {}),
        ([(3, "dress")], {"dress": 1}),
        ([(0, "skirt"), (1, "dress"), (4, "skirt"), (4, 12.5)], {12.5: 1, "dress": 1, "skirt": 2}),
    ],
)
def test_values_are_counted_by_their_items_in_order(pairs, counts):
    values = FieldValues.of(pairs)
    assert list(values.counts().items()) == list(counts.items())
    assert sorted(values.pairs(), key=str) == sorted(pairs, key=str)
