import numpy as np
import pytest

from index.stores.folder.filtering import Allowed, Rows


def mask_of(count, *left_out):
    mask = np.ones(count, bool)
    mask[list(left_out)] = False
    return mask


@pytest.mark.parametrize("left_out", [(), (3,), range(16)])
def test_a_few_rows_that_are_left_out_are_listed(left_out):
    rows = Rows(mask_of(40, *left_out))
    assert rows.count == 40 - len(left_out)
    assert rows.left_out.tolist() == list(left_out)


def test_more_than_sixteen_rows_that_are_left_out_are_not():
    assert Rows(mask_of(40, *range(17))).left_out is None


def test_where_all_rows_are_allowed_there_is_nothing_to_mind():
    some = mask_of(5, 2)
    assert Rows(mask_of(5)).filter is None and Rows(some).filter is some


def test_the_rows_of_a_version_come_first_and_then_those_that_were_put():
    allowed = Allowed.of(mask_of(7, 1, 5), base=4)
    assert allowed.version.mask.tolist() == [True, False, True, True]
    assert allowed.put.mask.tolist() == [True, False, True]
    assert allowed.mask.tolist() == mask_of(7, 1, 5).tolist() and allowed.count == 5


@pytest.mark.parametrize("rows", [4, np.array([4, 1]), ~mask_of(7, 4)], ids=["one", "some", "mask"])
def test_without_some_rows_all_others_stay_and_what_was_handed_out_does_not_change(rows):
    allowed = Allowed.of(mask_of(7, 1, 5), base=4)
    less = allowed.without(rows)
    assert less.mask.tolist() == mask_of(7, 1, 4, 5).tolist()
    assert len(less.version.mask) == 4 and less.count == 4
    assert allowed.count == 5
