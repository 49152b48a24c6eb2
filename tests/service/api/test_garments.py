"""Several garments in one picture: all are listed, and each can be searched with."""

import base64
import io
import re
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from scipy.special import logit

from index.build import BuildOptions, build_index
from training.catalogue.reader import Catalogue, Item
from training.photo import orientation
from training.photo.confidence import SIGNALS, Calibration
from training.photo.segmenter import Segmenter

OUTFIT = {"person": (95, 5, 145, 60), "upper": (80, 62, 160, 132), "trousers": (100, 140, 140, 290)}
"""A shirt above trousers of the outlines that the gallery's shirts and dresses have."""


@pytest.fixture
def outfit(wearing, pictures):
    return pictures.encoded(wearing.photo(**OUTFIT))


def number_of(answer, kind):
    return [garment["type"] for garment in answer.json["query"]["garments"]].index(kind)


def nearest(answer):
    return answer.json["results"][0]["metadata"]["category"]


def refusal(answer):
    assert (answer.status_code, answer.json["code"], answer.json["param"]) == (
        400,
        "invalid_parameter",
        "garment",
    )
    return answer.json["detail"]


def test_all_garments_are_listed_with_type_box_and_outline_and_the_first_is_searched_with(post, outfit):
    query = post(outfit).json["query"]
    assert query["garment"] == 0 and query["box"] == query["garments"][0]["box"]
    assert sorted(garment["type"] for garment in query["garments"]) == ["trousers", "upper"]
    for garment in query["garments"]:
        left, top, right, bottom = OUTFIT[garment["type"]]
        expected = [left / 240, top / 380, right / 240, bottom / 380]
        assert garment["box"] == pytest.approx(expected, abs=0.02)
        assert garment["worn"] is True and 0.8 < garment["confidence"] <= 1
        (polygon,) = garment["outline"]
        corners = np.array(polygon)
        assert [*corners.min(axis=0), *corners.max(axis=0)] == pytest.approx(expected, abs=0.02)
        assert 4 <= len(polygon) <= 12
        assert all(round(part, 4) == part for corner in polygon for part in corner)


@pytest.mark.parametrize("form", ["multipart", "JSON", "batch", "query_id"])
def test_a_search_by_number_finds_the_neighbours_of_that_garment(post, outfit, form):
    first = post(outfit)
    for kind, category in (("upper", "shirt"), ("trousers", "dress")):
        number = number_of(first, kind)
        body = {"image_base64": base64.b64encode(outfit).decode(), "garment": number}
        if form == "multipart":
            query = post(outfit, fields={"garment": str(number)})
        elif form == "JSON":
            query = post(json=body)
        elif form == "query_id":
            query = post(json={"query_id": first.json["query_id"], "garment": number})
        else:
            batch = post(address="/v1/search/batch", json={"searches": [body]}).json
            assert batch["answers"][0]["query"]["garment"] == number
            continue
        assert query.status_code == 200, query.text
        assert query.json["query"]["garment"] == number
        assert query.json["query"]["garments"] == first.json["query"]["garments"]
        assert nearest(query) == category


def test_a_box_overrules_the_number_and_what_lies_in_it_is_listed_in_fractions_of_the_picture(post, outfit):
    fields = {"garment": "7", "box": "[0.2, 0.1, 0.8, 0.36]"}
    query = post(outfit, fields=fields).json["query"]
    (found,) = query["garments"]
    assert (query["garment"], found["type"]) == (0, "upper")
    assert query["box"] == found["box"] == pytest.approx([80 / 240, 62 / 380, 160 / 240, 132 / 380], abs=0.02)
    corners = np.array(found["outline"][0])
    assert [*corners.min(axis=0), *corners.max(axis=0)] == pytest.approx(found["box"], abs=0.02)


def test_a_number_that_no_garment_has_is_refused_with_the_number_found(post, outfit, pictures):
    detail = refusal(post(outfit, fields={"garment": "2"}))
    assert "`garment` is 2; garments found in this picture: 2." in detail and "from 0 to 1" in detail
    empty = pictures.encoded(Image.new("RGB", (90, 90), "white"))
    assert "found in this picture: 0. Leave it out." in refusal(post(empty, fields={"garment": "0"}))


@pytest.mark.parametrize("sent", ["-1", "1.5", "upper", "true"])
def test_what_is_no_number_of_a_garment_is_refused(post, outfit, sent):
    assert "Accepted: a whole number from 0" in refusal(post(outfit, fields={"garment": sent}))


def test_an_answer_to_a_garment_that_is_worn_has_the_confidence_of_such_answers(
    post, searcher, wearing, pictures, outfit
):
    def always(confidence):
        unweighted = dict.fromkeys(SIGNALS, 0.0)
        return Calibration(0.5, (unweighted | {"bias": logit(confidence)},))

    searcher.encoder.calibration = replace(always(0.9), worn=always(0.2))
    worn, laid_out = outfit, pictures.encoded(wearing.photo(upper=OUTFIT["upper"]))
    for photo, confidence, warns in ((worn, 0.2, True), (laid_out, 0.9, False)):
        query = post(photo).json["query"]
        assert query["confidence"] == pytest.approx(confidence, abs=1e-3)
        assert ("nothing_close" in query["warnings"]) is warns


def test_several_garments_and_an_uncertain_outline_are_warned_of(post, wearing, pictures, outfit):
    assert post(outfit).json["query"]["warnings"] == ["several_garments"]
    wearing.certainty = 0.6
    assert post(outfit).json["query"]["warnings"] == ["several_garments", "cutout_uncertain"]
    alone = pictures.encoded(wearing.photo(upper=OUTFIT["upper"]))
    query = post(alone).json["query"]
    assert set(query["warnings"]) - {"nothing_close"} == {"cutout_uncertain"}
    assert query["garments"][0]["worn"] is False


def test_a_sketch_and_the_neighbours_of_an_item_have_no_list_of_garments(post, client, pictures):
    sketch = pictures.drawn((30, 30, 90, 150), ink="white", mode="RGB")
    content = pictures.encoded(sketch)
    query = post(content, fields={"kind": "sketch"}).json["query"]
    assert (query["garment"], query["garments"]) == (None, [])
    query = client.get("/v1/items/dress/0/similar").json["query"]
    assert (query["garment"], query["garments"]) == (None, [])
    assert "found in this picture: 0" in refusal(post(content, fields={"kind": "sketch", "garment": "0"}))


@pytest.fixture
def outfits(wearing, searcher):
    """The gallery, whose first item of each category shows a whole outfit."""
    for item in searcher.items[::4]:
        wearing.photo(**OUTFIT).save(item.path)
    return searcher


def test_an_item_is_searched_with_by_the_garment_of_its_category_unless_a_number_says_otherwise(
    post, outfits
):
    own = {item: post(json={"item_id": item}) for item in ("shirt/0", "hat/0")}
    number = number_of(own["shirt/0"], "upper")
    assert own["shirt/0"].json["query"]["garment"] == number and nearest(own["shirt/0"]) == "shirt"
    assert own["hat/0"].json["query"]["garment"] == 0  # there is no hat in the picture
    other = number_of(own["shirt/0"], "trousers")
    answer = post(json={"item_id": "shirt/0", "garment": other})
    assert answer.json["query"]["garment"] == other and nearest(answer) == "dress"


def test_an_explanation_draws_the_garment_that_was_searched_with(post, client, outfit):
    first = post(outfit)
    drawings = []
    for kind in ("upper", "trousers"):
        body = {"query_id": first.json["query_id"], "garment": number_of(first, kind), "explain": True}
        address = post(json=body).json["results"][0]["explain_url"]
        assert f"garment={body['garment']}" in address
        drawings.append(client.get(address).text)
    assert drawings[0] != drawings[1]


def test_in_an_index_of_all_garments_an_item_that_is_put_is_found_by_each_and_the_box_says_which(
    live, wearing, outfit, pictures, tmp_path
):
    photograph = tmp_path / "only.png"
    photograph.write_bytes(pictures.encoded(wearing.photo(trousers=(40, 40, 200, 90))))
    catalogue = Catalogue("shop.csv", (Item("only", photograph, {}),), ())
    options = BuildOptions(garments="all", processes=1, new_catalogue=True)
    build_index(catalogue, live.encoder, indexes=live.config.indexes, options=options)
    data = {"file": (io.BytesIO(outfit), "a.jpg"), "metadata": '{"category": "Jeans"}'}
    assert live.client.put("/v1/items/new", data=data, headers=live.headers).status_code == 201
    for kind in ("upper", "trousers"):
        alone = pictures.encoded(wearing.photo(**{kind: OUTFIT[kind]}))
        answer = live.client.post("/v1/search", data={"file": (io.BytesIO(alone), "a.jpg")}).json
        assert sorted(hit["item_id"] for hit in answer["results"]) == ["new", "only"] and answer["total"] == 2
        (hit,) = [hit for hit in answer["results"] if hit["item_id"] == "new"]
        left, top, right, bottom = OUTFIT[kind]
        assert hit["box"] == pytest.approx([left / 240, top / 380, right / 240, bottom / 380], abs=0.02)
        assert hit["rank"] == 1 and hit["score"] > 0.9


def test_an_item_that_is_put_is_known_by_the_garment_of_its_category(live, wearing, outfit, pictures):
    shirt = pictures.encoded(wearing.photo(upper=OUTFIT["upper"]))
    for item_id, category in (("a", "T-shirts"), ("b", "Jeans")):
        data = {"file": (io.BytesIO(outfit), "a.jpg"), "metadata": f'{{"category": "{category}"}}'}
        put = live.client.put(f"/v1/items/{item_id}", data=data, headers=live.headers)
        assert put.status_code == 201 and put.json["warnings"] == ["several_garments"]
    data = {"file": (io.BytesIO(shirt), "a.jpg"), "limit": "16"}
    ranks = [hit["item_id"] for hit in live.client.post("/v1/search", data=data).json["results"]]
    assert ranks.index("a") < 5 < ranks.index("b")


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_a_turned_picture_is_searched_upright_and_outlined_as_it_was_sent(
    post, wearing, pictures, monkeypatch, degrees
):
    photo = np.array(wearing.photo(**OUTFIT))
    photo[:6] = (0, 0, 255)

    def parse(seen):
        edges = np.array(
            [
                (edge[..., 2] > edge[..., 0] + 99.0).mean()
                for edge in (seen[0], seen[:, 0], seen[-1], seen[:, -1])
            ]
        )
        return replace(wearing.parse(seen), turns=tuple(0.97 * (edges == edges.max()) + 0.01))

    monkeypatch.setattr(Segmenter, "parse", lambda _, seen: parse(seen))
    upright = post(pictures.encoded(Image.fromarray(photo))).json
    sent = Image.fromarray(np.rot90(photo, degrees // 90))
    answer = post(pictures.encoded(sent)).json
    query = answer["query"]
    assert (upright["query"]["turned"], query["turned"]) == (0, degrees)
    assert [hit["item_id"] for hit in answer["results"]] == [hit["item_id"] for hit in upright["results"]]
    for found, expected in zip(query["garments"], upright["query"]["garments"], strict=True):
        assert found["type"] == expected["type"]
        left, top, right, bottom = expected["box"]
        box = {
            90: [top, 1 - right, bottom, 1 - left],
            180: [1 - right, 1 - bottom, 1 - left, 1 - top],
            270: [1 - bottom, left, 1 - top, right],
        }[degrees]
        assert found["box"] == pytest.approx(box, abs=0.001)
        corners = np.concatenate([np.array(line) for line in found["outline"]])
        assert [*corners.min(axis=0), *corners.max(axis=0)] == pytest.approx(box, abs=0.02)


UP = (0, 0, 255)
"""Colour of the photograph's upper edge."""


@pytest.fixture
def unsure(wearing, pictures, monkeypatch):
    """A photograph that is to be turned by some degrees, `unsure(90)`, and a parser that hardly knows it."""
    photo = np.array(wearing.photo(trousers=(90, 40, 150, 320)))
    photo[:6] = UP

    def parse(seen):
        edges = (seen[0], seen[:, 0], seen[-1], seen[:, -1])
        blue = np.array([(edge[..., 2] > edge[..., 0] + 99.0).mean() for edge in edges])
        return replace(wearing.parse(seen), turns=tuple(0.2 * (blue == blue.max()) + 0.2))

    monkeypatch.setattr(Segmenter, "parse", lambda _, seen: parse(seen))
    return lambda degrees: pictures.encoded(Image.fromarray(np.rot90(photo, degrees // 90)))


@pytest.mark.parametrize("degrees", [0, 90, 270])
def test_where_the_parse_is_unsure_what_is_nearest_tells_how_a_photograph_stands(post, unsure, degrees):
    upright, answer = post(unsure(0)).json, post(unsure(degrees)).json
    assert answer["query"]["turned"] == degrees and nearest(post(unsure(degrees))) == "dress"
    assert [hit["item_id"] for hit in answer["results"]] == [hit["item_id"] for hit in upright["results"]]
    assert set(answer["took_ms"]) == {"decode", "isolate", "embed", "search"}


def test_the_way_in_which_an_unsure_photograph_stands_is_embedded_once(post, unsure, searcher, monkeypatch):
    embed, embedded = searcher.encoder.embed_garments, []

    def spy(garments):
        embedded.extend(garments)
        return embed(garments)

    monkeypatch.setattr(searcher.encoder, "embed_garments", spy)
    assert post(unsure(90)).json["query"]["turned"] == 90
    assert len(embedded) == len(set(map(id, embedded))) > 1


def test_no_other_way_is_looked_at_where_even_the_same_item_would_not_decide(
    post, unsure, searcher, monkeypatch
):
    embed, embedded = searcher.encoder.embed_garments, []
    monkeypatch.setattr(searcher.encoder, "embed_garments", lambda some: embedded.extend(some) or embed(some))
    monkeypatch.setattr(orientation, "SURE", 99.0)
    assert post(unsure(90)).json["query"]["turned"] == 0 and len(embedded) == 1


def explained(client, answer):
    """The outline of a search's photograph in the drawing of a result."""
    drawing = client.get(f"/v1/explain?query_id={answer['query_id']}&item_id=dress/0").text
    return re.search(r'id="query".* d="([^"]+)"', drawing)[1]


def test_a_photograph_keeps_its_turn_for_further_searches_by_garment_box_and_explanation(
    post, client, unsure, searcher
):
    first, upright = post(unsure(90)).json, post(unsure(0)).json
    sides = searcher.vectors.reshape(-1, 8, 8)  # now all items lie on their side
    searcher.vectors = sides.transpose(0, 2, 1).reshape(len(sides), -1)
    other = post(unsure(90)).json
    assert (first["query"]["turned"], other["query"]["turned"]) == (90, 0)
    asked = {"query_id": first["query_id"]}
    left, top, right, bottom = first["query"]["box"]
    box = [left - 0.05, top - 0.05, right + 0.05, bottom + 0.05]
    for fields in ({}, {"limit": 1, "offset": 2}, {"garment": 0}, {"box": box}):
        query = post(json=asked | fields).json["query"]
        assert query["turned"] == 90
        assert query["box"] == pytest.approx(first["query"]["box"], abs=0.01)
    outlines = [explained(client, answer) for answer in (first, upright, other)]
    assert outlines[0] == outlines[1] != outlines[2]


def test_only_whole_photographs_that_were_sent_are_searched_several_ways(
    post, client, unsure, searcher, pictures, monkeypatch
):
    searched = []
    search = type(searcher).search
    monkeypatch.setattr(
        type(searcher),
        "search",
        lambda self, vectors, options: searched.append(len(vectors)) or search(self, vectors, options),
    )
    assert post(unsure(90)).json["query"]["turned"] == 90 and searched[:2] == [1, 3]
    searched.clear()
    boxed = post(unsure(90), fields={"box": "[0, 0, 1, 1]"}).json
    sketch = post(pictures.encoded(pictures.drawn((30, 30, 90, 150), ink="black")), fields={"kind": "sketch"})
    of_item = post(json={"item_id": "dress/0"})
    assert [each["query"]["turned"] for each in (boxed, sketch.json, of_item.json)] == [0, 0, 0]
    assert set(searched) == {1}
    again = post(json={"query_id": boxed["query_id"]}).json  # nothing was decided by the box
    assert again["query"]["turned"] == 90 and searched[-3:-1] == [1, 3]
    outlines = [explained(client, answer) for answer in (boxed, post(unsure(90)).json)]
    assert outlines[0] == outlines[1]
