"""Scores of rankings, against numbers worked out by hand."""

import re

import numpy as np
import pytest

from training.retrieval_metrics import rank, score_queries


def _at(*degrees):
    """Unit vectors in the plane: the cosine to 0 degrees falls as the angle grows to 180."""
    angles = np.deg2rad(degrees)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def _mark(labels, *, query="a", **options):
    """Mark one query at 0 degrees whose gallery has `labels`, the nearest first."""
    gallery = _at(*range(1, len(labels) + 1))
    return score_queries(_at(0), gallery, query_labels=[query], gallery_labels=list(labels), **options)


def test_the_gallery_is_ranked_by_falling_cosine():
    [(rows, order, similarities)] = rank(_at(0), _at(90, 10, 180, 60))
    assert rows == slice(0, 1)
    assert order.tolist() == [[1, 3, 0, 2]]
    assert similarities[0] == pytest.approx([np.cos(np.deg2rad(10)), 0.5, 0.0, -1.0], abs=1e-6)


def test_equal_similarities_keep_the_order_of_the_gallery():
    [(_, order, _)] = rank(_at(0), _at(*[30, 5] * 50))
    assert order.tolist() == [[*range(1, 100, 2), *range(0, 100, 2)]]


def test_chunks_give_the_same_ranking_as_one_go():
    generator = np.random.default_rng(0)
    queries, gallery = generator.normal(size=(7, 3)), generator.normal(size=(5, 3))
    [(_, whole, _)] = rank(queries, gallery)
    chunks = list(rank(queries, gallery, cells=11))
    assert [rows for rows, _, _ in chunks] == [slice(0, 2), slice(2, 4), slice(4, 6), slice(6, 7)]
    assert np.array_equal(np.concatenate([order for _, order, _ in chunks]), whole)


def test_the_precisions_are_shares_of_the_first_answers():
    scores = _mark("abaabbbbabaa").scores()  # of the first ten, a stands at 1, 3, 4 and 9
    assert scores.p_at_1 == 1.0
    assert scores.p_at_5 == pytest.approx(3 / 5)
    assert scores.p_at_10 == pytest.approx(4 / 10)
    assert scores.n_queries == 1


def test_a_gallery_of_three_leaves_seven_misses_among_the_first_ten():
    assert _mark("aaa").scores().p_at_10 == pytest.approx(3 / 10)


def test_average_precision_is_the_mean_precision_at_the_ranks_of_relevant_items():
    # relevant at ranks 1, 3 and 12: (1/1 + 2/3 + 3/12) / 3
    assert _mark("aba" + "bbbbbbbb" + "a").scores().map == pytest.approx((1 + 2 / 3 + 3 / 12) / 3)


def test_average_precision_is_one_where_all_relevant_items_come_first():
    assert _mark("aaabbbb").scores().map == 1.0


def test_a_query_whose_label_the_gallery_lacks_scores_zero():
    scores = _mark("bbcc").scores()
    assert (scores.p_at_1, scores.p_at_10, scores.map, scores.knn_accuracy) == (0, 0, 0, 0)


def test_macro_precision_counts_a_rare_label_as_much_as_a_common_one():
    # three queries of a see ten a's; the one of b, from the other side, sees ten a's as well
    scored = score_queries(
        _at(0, 0, 0, 1),
        _at(*range(10)),
        query_labels=["a", "a", "a", "b"],
        gallery_labels=["a"] * 10,
    )
    assert scored.scores().p_at_10 == pytest.approx(3 / 4)
    assert scored.scores().macro_p_at_10 == pytest.approx(1 / 2)
    assert scored.p_at_10_by_label() == {"a": 1.0, "b": 0.0}


def test_the_ten_nearest_vote_and_later_ones_do_not():
    assert _mark("bbbbaaaaaa" + "bbbbbb").scores().knn_accuracy == 1.0
    assert _mark("bbbbbbaaaa" + "aaaaaa").scores().knn_accuracy == 0.0


def test_a_tied_vote_goes_to_the_nearer_label():
    assert _mark("baaaabbbba").scores().knn_accuracy == 1.0  # the tenth makes it five to five
    assert _mark("ababababab").scores().knn_accuracy == 1.0
    assert _mark("bababababa" + "a").scores().knn_accuracy == 0.0


def test_a_query_in_the_gallery_is_not_its_own_neighbour():
    ids = {"query_ids": ["x"], "gallery_ids": ["x", "y", "z"]}
    with_itself = _mark("aba").scores()
    without = _mark("aba", **ids).scores()
    assert (with_itself.p_at_1, with_itself.map) == (1.0, pytest.approx((1 + 2 / 3) / 2))
    assert (without.p_at_1, without.p_at_10, without.map) == (0.0, 0.1, pytest.approx(1 / 2))


def test_a_query_in_a_small_gallery_does_not_vote_for_itself():
    ids = {"query_ids": ["x"], "gallery_ids": ["x", "y", "z"]}
    assert _mark("aba").scores().knn_accuracy == 1.0  # two to one
    assert _mark("aba", **ids).scores().knn_accuracy == 0.0  # one to one, and b is nearer


def test_the_query_itself_takes_nothing_from_the_votes_for_its_label():
    ids = {"query_ids": ["x"], "gallery_ids": ["x", "y", "z"]}
    assert _mark("aab", **ids).scores().knn_accuracy == 1.0  # one to one, and a is nearer


def test_chunks_give_the_same_marks_as_one_go():
    generator = np.random.default_rng(1)
    vectors = generator.normal(size=(40, 4)).astype(np.float32)
    labels = [str(label) for label in generator.integers(0, 3, 40)]
    names = [str(number) for number in range(40)]
    options = {"query_labels": labels, "gallery_labels": labels, "query_ids": names, "gallery_ids": names}
    whole = score_queries(vectors, vectors, **options).scores()
    assert score_queries(vectors, vectors, **options, cells=100).scores() == whole


def test_the_vectors_are_left_as_they_were():
    queries, gallery = _at(0), _at(0, 5)
    before = queries.copy(), gallery.copy()
    score_queries(
        queries,
        gallery,
        query_labels=["a"],
        gallery_labels=["a", "b"],
        query_ids=["x"],
        gallery_ids=["x", "y"],
    )
    assert np.array_equal(queries, before[0])
    assert np.array_equal(gallery, before[1])


def test_labels_that_do_not_match_the_vectors_are_refused_with_both_counts():
    with pytest.raises(ValueError, match=r"gallery have 1 labels for vectors of shape \(2, 2\)"):
        score_queries(_at(0), _at(0, 5), query_labels=["a"], gallery_labels=["a"])


@pytest.mark.parametrize("shape", [(2,), (2, 1, 2)])
def test_vectors_that_are_not_rows_are_refused_with_their_shape(shape):
    with pytest.raises(ValueError, match=rf"shape {re.escape(str(shape))}.*Accepted is .* \(n, d\) array"):
        score_queries(np.ones(shape), _at(0, 5), query_labels=["a", "b"], gallery_labels=["a", "b"])


def test_an_empty_set_of_queries_is_refused():
    with pytest.raises(ValueError, match="queries have 0 labels"):
        score_queries(_at(), _at(0, 5), query_labels=[], gallery_labels=["a", "b"])


def test_average_precision_counts_relevant_items_beyond_the_tenth():
    labels = "a" * 12 + "b" * 3 + "a" * 2  # relevant at 1 to 12, 16 and 17
    expected = (12 + 13 / 16 + 14 / 17) / 14
    assert _mark(labels).scores().map == pytest.approx(expected)


def test_a_wrong_vote_is_wrong_whichever_label_comes_first():
    assert _mark("a" * 10 + "b", query="b").scores().knn_accuracy == 0.0
    assert _mark("b" * 10 + "a", query="a").scores().knn_accuracy == 0.0


def test_what_does_not_vote_has_no_say_in_a_tie():
    assert _mark("ababababab" + "aaa").scores().knn_accuracy == 1.0
