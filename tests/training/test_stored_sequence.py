import pickle
from collections.abc import Sequence

import pytest

from training.stored_sequence import StoredSequence


@pytest.fixture
def squares(tmp_path):
    return StoredSequence((number * number for number in range(10)), tmp_path)


def test_elements_come_back_in_order_and_by_their_places(squares):
    assert isinstance(squares, Sequence) and len(squares) == 10
    assert list(squares) == [number * number for number in range(10)] == [*reversed(list(reversed(squares)))]
    assert squares[3] == 9 and squares[-1] == 81
    assert squares[2:8:2] == (4, 16, 36) and squares[20:] == ()
    with pytest.raises(IndexError):
        squares[10]


def test_it_is_iterated_several_times_at_once(squares):
    assert [*zip(squares, squares, strict=True)] == [(each, each) for each in squares]


def test_it_equals_any_sequence_of_the_same_elements(squares, tmp_path):
    assert squares == tuple(squares) and squares == StoredSequence(list(squares), tmp_path)
    assert squares != tuple(squares)[:-1] and squares != [*squares[:-1], 7] and squares != 7


def test_its_file_has_no_name_and_lies_elsewhere_where_nothing_can_be_written(squares, tmp_path):
    assert not [*tmp_path.iterdir()]
    assert [*StoredSequence("ab", tmp_path / "missing")] == ["a", "b"] == [*StoredSequence("ab")]
    (tmp_path / "file").touch()
    assert [*StoredSequence("ab", tmp_path / "file")] == ["a", "b"]
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_an_empty_one_is_empty(tmp_path):
    empty = StoredSequence[int]((), tmp_path)
    assert not empty and list(empty) == [] and empty == () and empty[:1] == ()


def test_elements_are_packed_and_unpacked_as_asked(tmp_path):
    texts = StoredSequence([1, 20], tmp_path, pack=str, unpack=int)
    assert list(texts) == [1, 20] and pickle.loads(texts._file) == "1"


def test_what_fails_while_elements_are_made_is_raised(tmp_path):
    with pytest.raises(ZeroDivisionError):
        StoredSequence((1 // number for number in (1, 0)), tmp_path)
