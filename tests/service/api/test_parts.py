"""Searches by a part, over an index that was really built, and over one without part maps."""

import io

import pytest

NECK = "0.2,0,0.8,0.3"


@pytest.fixture
def search(live, photo):
    def search(**fields):
        data = {"file": (io.BytesIO(photo), "photo.jpg"), **fields}
        return live.client.post("/v1/search", data=data)

    return search


def test_each_result_says_how_well_the_part_is_found_in_it_and_where(search):
    results = search(part=NECK).json["results"]
    assert len(results) == 12
    without = [result for result in results if "part_box" not in result]
    assert {result["metadata"]["category"] for result in without} <= {"hat", "shoes"}, "these lie too low"
    assert all(result["part_score"] == 0 for result in without)
    for result in [each for each in results if each not in without]:
        assert 0 < result["part_score"] <= 1
        left, top, right, bottom = result["part_box"]
        assert 0 <= left < right <= 1 and 0 <= top < bottom <= 1
    first = results[0]
    assert first["metadata"]["category"] == "dress" and first["part_score"] > 0.9


def test_the_order_is_that_of_part_and_whole_by_their_weight(search):
    for weight in (0, 0.3, 1):
        results = search(part=NECK, weight=str(weight)).json["results"]
        mixed = [weight * each["part_score"] + (1 - weight) * each["score"] for each in results]
        assert mixed == pytest.approx(sorted(mixed, reverse=True), abs=1e-5)


def test_in_json_a_part_of_an_earlier_picture_is_searched_by(live, search):
    query_id = search().json["query_id"]
    body = {"query_id": query_id, "part": [0.2, 0, 0.8, 0.3], "limit": 3}
    found = live.client.post("/v1/search", json=body).json["results"]
    assert found == search(part=NECK, limit="3").json["results"]


def test_what_is_guessed_and_warned_of_is_that_of_the_whole(search):
    plain, by_part = (search(**fields).json["query"] for fields in ({}, {"part": NECK, "weight": "1"}))
    assert by_part == plain


def test_a_search_without_a_part_answers_as_before(search):
    assert not {"part_score", "part_box"} & search().json["results"][0].keys()


@pytest.mark.parametrize(
    "part",
    [
        "0.2,0,0.8",
        "0.5,0,0.5,1",
        "0,0,0.01,1",
        "-0.1,0,1,1",
        "0,0,1,1.1",
        "0.8,0,0.2,1",
        "neck",
        "null,0,1,1",
    ],
)
def test_a_wrong_part_is_refused_as_a_wrong_box_is(search, part):
    answers = [search(**{name: part}) for name in ("part", "box")]
    assert [(answer.status_code, answer.json["code"]) for answer in answers] == [
        (400, "invalid_parameter")
    ] * 2
    assert [answer.json["param"] for answer in answers] == ["part", "box"]
    assert "Accepted: [left, top, right, bottom]" in answers[0].json["detail"]


def test_a_part_without_edges_is_refused(search):
    answer = search(part="0.4,0.4,0.6,0.6")
    assert (answer.status_code, answer.json["code"], answer.json["param"]) == (
        400,
        "invalid_parameter",
        "part",
    )
    assert "no edge" in answer.json["detail"]


@pytest.mark.parametrize("weight", ["-0.1", "1.1", "much", "true"])
def test_a_wrong_weight_is_refused(search, weight):
    answer = search(part=NECK, weight=weight)
    assert (answer.status_code, answer.json["param"]) == (400, "weight")


def test_a_weight_without_a_part_is_refused(search):
    answer = search(weight="0.5")
    assert (answer.status_code, answer.json["param"]) == (400, "weight")
    assert "Send it with `part`" in answer.json["detail"]


def test_an_index_without_part_maps_says_that_it_is_to_be_built_again(post, photo):
    answer = post(photo, fields={"part": NECK})
    assert (answer.status_code, answer.json["code"], answer.json["param"]) == (
        400,
        "invalid_parameter",
        "part",
    )
    assert "build the index again" in answer.json["detail"]


def test_what_is_put_is_found_by_its_part(live, photo, search):
    sent = {"file": (io.BytesIO(photo), "photo.jpg"), "metadata": "{}"}
    assert live.client.put("/v1/items/new", data=sent, headers=live.headers).status_code in (200, 201)
    best = max(search(part=NECK).json["results"], key=lambda result: result["part_score"])
    assert best["item_id"] == "new" and best["part_score"] > 0.99
