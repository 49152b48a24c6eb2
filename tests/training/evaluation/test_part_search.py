"""Search by a part: what is drawn, and the table."""

import numpy as np

from training.drawing.drawn_parts import PARTS, SHORTEST
from training.evaluation.part_search import _queries, part_search


def test_the_parameters_of_a_part_are_shared_and_all_others_drawn_anew():
    part = PARTS["neckline"]
    asked, others = _queries(part, 10, 3, np.random.default_rng(0))
    assert (len(asked), len(others)) == (10, 30)
    for place, (other, look) in enumerate(others):
        query, its_look = asked[place // 3]
        assert all(getattr(other, name) == getattr(query, name) for name in part.parameters)
        assert other.type == query.type and other.width != query.width and look != its_look
    assert all(
        shape.sleeve_length >= SHORTEST
        for shape, _ in _queries(PARTS["sleeve"], 20, 0, np.random.default_rng(1))[0]
    )


def test_a_part_finds_garments_that_share_it_more_often_than_the_whole_does(shipped):
    table = part_search(shipped, queries=16, gallery=160, processes=1)
    assert [row[0] for row in table.rows] == ["neckline", "sleeve", "hem", "all"]
    scores = {name: table.column(name)["all"] for name in table.columns[1:]}
    assert all(0 < score <= 1 for score in scores.values())
    assert scores["nDCG@10, both"] > scores["nDCG@10, whole"]
    assert scores["type, both"] > scores["type, whole"] - 0.02
