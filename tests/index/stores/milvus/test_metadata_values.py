"""Values by the text that they stand in are those that Python reads from it, whatever was seen before."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from index.filters.field_values import FieldValues
from index.filters.postings import posted
from index.filters.predicates import in_order
from index.stores.milvus import metadata_values
from index.stores.milvus.metadata_values import MetadataValues

FIELDS = ("brand", "price")
VALUE = st.sampled_from([0, 1, 1.0, 2.5, 2**53 + 1, "", "1", "é", "x" * 300, True, False, None])
TEXT = st.dictionaries(st.sampled_from(FIELDS), VALUE | st.lists(VALUE, max_size=3)).map(json.dumps)
HEADS = st.lists(st.tuples(st.lists(TEXT, max_size=6), st.permutations(FIELDS)), max_size=5)


def by_hand(texts, field):
    read = [json.loads(text).get(field) for text in texts]
    return FieldValues.of((place, value) for place, content in enumerate(read) for value in posted(content))


@settings(max_examples=200, deadline=None, database=None)
@given(HEADS, st.sampled_from([0, 60, 10**6]))
def test_one_head_after_the_other_has_the_values_of_its_texts(heads, most):
    kept = metadata_values.MOST_CHARACTERS
    metadata_values.MOST_CHARACTERS = most
    try:
        known = MetadataValues()
        for texts, fields in heads:
            values = known.of(texts)
            for field in fields:
                found, expected = values(field), by_hand(texts, field)
                assert set(found.pairs()) == set(expected.pairs())
                assert len(found.places) == len(expected.places)
                assert found.table == in_order(set(found.table)) and set(expected.table) <= set(found.table)
    finally:
        metadata_values.MOST_CHARACTERS = kept


TEXTS = [f'{{"price": {price}}}' for price in (3, 4, 3)]


def test_a_text_is_parsed_once(monkeypatch):
    parsed, read, known = [], json.loads, MetadataValues()
    known.of(TEXTS)("price")
    monkeypatch.setattr(metadata_values.json, "loads", lambda text: parsed.append(text) or read(text))
    assert known.of([*TEXTS, '{"price": 5}'])("price").table == [3, 4, 5]
    assert parsed == ['[{"price": 5}]']


def test_values_that_were_asked_for_before_all_was_forgotten_stay_right(monkeypatch):
    monkeypatch.setattr(metadata_values, "MOST_CHARACTERS", 20)
    known = MetadataValues()
    before = known.of(TEXTS)
    assert known.of(['{"price": 9}'])("price").table == [9]
    assert before("price").pairs() == [(0, 3), (1, 4), (2, 3)]
