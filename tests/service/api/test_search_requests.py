import base64
import io
import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageDraw

from service.config import Config
from service.run.app import create_app

KEYS = ["request_id", "query_id", "index", "query", "results", "total", "next_offset", "took_ms"]
QUERY = ["garment", "box", "category", "category_confidence", "garments", "turned", "warnings"]


def refused(answer, status, code, param=None):
    assert (answer.status_code, answer.json["code"]) == (status, code), answer.text
    assert answer.mimetype == "application/problem+json"
    assert answer.json["status"] == status
    assert answer.json["type"] == f"/errors/{code}"
    assert answer.json["request_id"] == answer.headers["X-Request-Id"]
    assert answer.json.get("param") == param
    assert answer.json["title"] and answer.json["detail"]
    return answer.json["detail"]


def categories(answer):
    return [result["metadata"]["category"] for result in answer.json["results"]]


def test_an_upload_is_answered_in_the_shape_of_the_contract(post, photo):
    answer = post(photo)
    assert answer.status_code == 200
    assert list(answer.json) == KEYS
    assert list(answer.json["index"]) == ["version", "built_at", "encoder", "items"]
    assert list(answer.json["query"]) == QUERY
    first = answer.json["results"][0]
    assert sorted(first) == ["image_url", "item_id", "metadata", "percentile", "photo", "rank", "score"]
    number = int(first["item_id"].removeprefix("dress/"))
    assert first["metadata"] == {"category": "dress", "price": 10 + number}
    assert first["image_url"] == f"/v1/items/dress/{number}/image"
    assert list(answer.json["took_ms"]) == ["decode", "isolate", "embed", "search"]
    assert (answer.json["total"], answer.json["next_offset"]) == (12, None)
    assert answer.headers["Cache-Control"] == "no-store"


def test_the_garments_of_the_same_shape_come_first(post, photo):
    answer = post(photo)
    assert categories(answer)[:4] == ["dress"] * 4
    assert [result["rank"] for result in answer.json["results"]] == list(range(1, 13))


def label(searcher, categories):
    """Give the items of the gallery these categories; None leaves an item without."""
    for row, category in enumerate(categories):
        old = searcher.items[row]
        searcher.items[row] = replace(old, metadata={"category": category} if category else {})


def test_the_guess_is_the_share_that_a_category_has_of_the_neighbours_similarity(post, photo, searcher):
    label(searcher, ["dress", "dress", "dress", "gown"] + [None] * 8)
    answer = post(photo).json
    scores = {hit["item_id"]: hit["score"] for hit in answer["results"]}
    total = sum(scores[f"dress/{number}"] for number in range(4))
    assert answer["query"]["category"] == "dress"
    assert answer["query"]["category_confidence"] == pytest.approx(1 - scores["dress/3"] / total, abs=0.001)


def test_the_guess_is_the_same_on_every_page_of_any_size(post, photo, searcher):
    searcher.vectors = searcher.vectors.repeat(5, axis=0)
    searcher.items = [
        replace(item, item_id=f"{item.item_id}/{n}") for item in searcher.items for n in range(5)
    ]
    ranks = {hit["item_id"]: hit["rank"] for hit in post(photo, fields={"limit": "60"}).json["results"]}
    near = {rank: None if rank <= 15 else "dress" for rank in range(1, 21)}
    label(searcher, [near.get(ranks[item.item_id], "other") for item in searcher.items])
    pages = [("5", "0"), ("18", "0"), ("60", "0"), ("40", "20"), ("1", "59")]
    guesses = [
        post(photo, fields={"limit": limit, "offset": offset}).json["query"] for limit, offset in pages
    ]
    assert guesses == [guesses[0]] * len(pages)
    assert guesses[0]["category"] == "dress" and 0.5 < guesses[0]["category_confidence"] < 1


def test_a_gallery_without_categories_gives_no_guess(post, photo, searcher):
    label(searcher, [None] * 12)
    query = post(photo).json["query"]
    assert (query["category"], query["category_confidence"]) == (None, None)


def test_the_box_is_where_the_garment_lies_in_fractions_of_the_photo(post, photo, pictures):
    left, top, right, bottom = pictures.SHAPES["dress"]
    expected = [left / 120, top / 190, right / 120, bottom / 190]
    assert post(photo).json["query"]["box"] == pytest.approx(expected, abs=0.05)


def test_the_garment_found_within_a_box_is_given_in_fractions_of_the_whole_photo(post, pictures):
    both = pictures.drawn((10, 30, 40, 160), size=(240, 190))
    both.paste(pictures.drawn((40, 40, 80, 150)), (120, 0))
    answer = post(pictures.encoded(both), fields={"box": "[0.5, 0, 1, 1]"})
    expected = [160 / 240, 40 / 190, 200 / 240, 150 / 190]
    assert answer.json["query"]["box"] == pytest.approx(expected, abs=0.05)


def test_a_photo_without_a_garment_is_searched_whole_and_says_so(post, pictures):
    answer = post(pictures.encoded(Image.new("RGB", (100, 100), "white")))
    assert answer.json["query"]["warnings"] == ["garment_not_found"]
    assert answer.json["query"]["box"] == [0, 0, 1, 1]
    assert len(answer.json["results"]) == 12


def test_a_photo_with_a_garment_has_no_warning(post, photo):
    assert post(photo).json["query"]["warnings"] == []


def test_pages_follow_each_other_without_gap_or_overlap(post, photo):
    first = post(photo, fields={"limit": "5"}).json
    second = post(photo, fields={"limit": "5", "offset": str(first["next_offset"])}).json
    third = post(photo, fields={"limit": "5", "offset": str(second["next_offset"])}).json
    ids = [result["item_id"] for page in (first, second, third) for result in page["results"]]
    assert len(ids) == len(set(ids)) == 12
    assert (first["next_offset"], second["next_offset"], third["next_offset"]) == (5, 10, None)
    assert first["query"]["category"] == "dress"
    assert first["query"] == second["query"] == third["query"]  # of the best matches, not of this page's


def test_items_below_the_least_score_are_not_listed(post, photo):
    answer = post(photo, fields={"min_score": "0.9"}).json
    assert 0 < answer["total"] == len(answer["results"]) < 12
    assert min(result["score"] for result in answer["results"]) >= 0.9


def test_fields_may_stand_in_the_address_beside_an_upload(post, photo):
    assert len(post(photo, address="/v1/search?limit=5").json["results"]) == 5


def test_base64_item_and_earlier_query_are_searched_like_the_upload(post, photo):
    upload = post(photo).json
    for body in ({"image_base64": base64.b64encode(photo).decode()}, {"query_id": upload["query_id"]}):
        assert post(json=body | {"kind": "photo"}).json["results"] == upload["results"]
    of_item = post(json={"item_id": "shirt/2"}).json
    assert of_item["results"][0]["item_id"] == "shirt/2"
    assert of_item["query_id"] is None


def test_an_earlier_query_keeps_its_id_and_takes_a_new_box(post, photo):
    query_id = post(photo).json["query_id"]
    answer = post(json={"query_id": query_id, "box": [0.1, 0.0, 1, 0.5]}).json
    assert answer["query_id"] == query_id
    assert answer["query"]["box"][3] <= 0.5


def test_a_search_is_answered_even_where_its_photo_can_t_be_kept(searcher, photo, tmp_path):
    (tmp_path / "file").write_text("in the way")
    app = create_app(Config(query_folder=tmp_path / "file" / "queries"), searcher)
    answer = app.test_client().post("/v1/search", data={"file": (io.BytesIO(photo), "a.jpg")})
    assert answer.status_code == 200
    assert answer.json["query_id"] is None


@pytest.mark.parametrize("mode, form", [("CMYK", "JPEG"), ("L", "PNG"), ("RGB", "WEBP"), ("P", "PNG")])
def test_any_common_mode_and_format_finds_the_same_dress(post, mode, form, pictures):
    answer = post(pictures.encoded(pictures.drawn(pictures.SHAPES["dress"], mode=mode), form))
    assert categories(answer)[:4] == ["dress"] * 4


def test_a_photo_that_lies_on_its_side_is_set_upright_by_its_exif(post, pictures):
    exif = Image.Exif()
    exif[0x0112] = 6  # turn a quarter clockwise to view
    lying = pictures.drawn(pictures.SHAPES["dress"]).transpose(Image.Transpose.ROTATE_90)
    answer = post(pictures.encoded(lying, exif=exif))
    assert categories(answer)[:4] == ["dress"] * 4


def test_a_transparent_ground_counts_as_white(post, pictures):
    image = Image.new("RGBA", (120, 190), (0, 0, 0, 0))
    image.paste((0, 0, 128, 255), pictures.SHAPES["dress"])
    assert categories(post(pictures.encoded(image, "PNG")))[:4] == ["dress"] * 4


def test_a_filter_leaves_only_items_whose_metadata_passes(post, photo):
    where = {"category": ["shirt", "hat"], "price": {"gte": 12}}
    answer = post(photo, fields={"filter": json.dumps(where)}).json
    assert answer["total"] == 4
    assert {hit["item_id"] for hit in answer["results"]} == {"shirt/2", "shirt/3", "hat/2", "hat/3"}
    assert answer["query"]["category"] == "dress"  # the guess looks at the whole index
    in_json = post(json={"query_id": answer["query_id"], "filter": where}).json
    assert in_json["results"] == answer["results"]


@pytest.mark.parametrize(
    ("where", "unknown"),
    [
        ({"colour": "red"}, True),
        ({"Category": "dress"}, True),
        ({"not": {"prices": {"gte": 3}}}, True),  # answers all items
        ({"or": [{"category": "dress"}, {"size": None}]}, True),
        ({"category": "gloves"}, False),  # a value that no item has is an honest nothing
        ({"price": {"gt": 1000}}, False),
        ({}, False),
    ],
)
def test_a_filter_by_a_field_that_no_item_has_is_answered_with_a_warning(post, client, photo, where, unknown):
    expected = ["filter_field_unknown"] if unknown else []
    asked = {"item_id": "dress/0", "filter": where}
    assert post(photo, fields={"filter": json.dumps(where)}).json["query"]["warnings"] == expected
    (batched,) = client.post("/v1/search/batch", json={"searches": [asked]}).json["answers"]
    assert batched["query"]["warnings"] == expected
    similar = client.get("/v1/items/dress/0/similar", query_string={"filter": json.dumps(where)})
    assert similar.json["query"]["warnings"] == expected


def test_duplicates_are_collapsed_where_that_is_asked_for(post, photo, searcher):
    searcher.items[1] = replace(searcher.items[1], path=searcher.items[0].path)
    assert post(photo).json["total"] == 12
    answer = post(photo, fields={"collapse_duplicates": "true"}).json
    assert answer["total"] == 11
    assert len({"dress/0", "dress/1"} & {hit["item_id"] for hit in answer["results"]}) == 1


def test_a_sketch_is_searched_by_the_outline_that_it_draws(post, pictures):
    paper = Image.new("RGB", (300, 475), "white")
    left, top, right, bottom = (corner * 2.5 for corner in pictures.SHAPES["dress"])
    ImageDraw.Draw(paper).rectangle((left, top, right, bottom), outline="black", width=5)
    answer = post(pictures.encoded(paper), fields={"kind": "sketch"})
    assert answer.status_code == 200, answer.text
    assert categories(answer)[:4] == ["dress"] * 4
    assert answer.json["query"]["box"] == pytest.approx([40 / 120, 20 / 190, 80 / 120, 170 / 190], abs=0.05)
    empty = post(pictures.encoded(Image.new("RGB", (300, 300), "white")), fields={"kind": "sketch"})
    assert empty.json["query"]["warnings"] == ["garment_not_found"]


@pytest.mark.parametrize("text", ['{"category": ', "dress", "[1]", '{"price": {"about": 3}}', "3"])
def test_a_filter_that_is_none_is_refused(post, photo, text):
    refused(post(photo, fields={"filter": text}), 400, "invalid_filter", "filter")


# --- refusals -------------------------------------------------------------------------------------------


def test_a_form_without_a_file_is_refused(post):
    refused(post(data={"limit": "5"}, content_type="multipart/form-data"), 400, "no_image", "file")
    refused(post(data={"file": (io.BytesIO(b""), "")}), 400, "no_image", "file")
    refused(post(data={"file": "text"}, content_type="multipart/form-data"), 400, "invalid_parameter", "file")


def test_a_request_without_a_body_is_refused(post):
    refused(post(), 400, "no_image")
    refused(post(json={}), 400, "no_image")


def test_two_files_are_refused(post, photo):
    files = [(io.BytesIO(photo), "a.jpg"), (io.BytesIO(photo), "b.jpg")]
    refused(post(data={"file": files}), 400, "several_images", "file")


def test_two_sources_are_refused(post):
    body = {"item_id": "dress/1", "query_id": "q_1"}
    assert "exactly one" in refused(post(json=body), 400, "several_images", "query_id")


def test_a_file_in_another_field_is_refused_by_name(post, photo):
    answer = post(data={"picture": (io.BytesIO(photo), "a.jpg")})
    assert "`picture`" in refused(answer, 400, "invalid_parameter", "picture")


@pytest.mark.parametrize(
    "content, status, code",
    [
        (b"just text", 415, "unsupported_type"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", 415, "unsupported_type"),
        (b"GIF89a" + bytes(40), 422, "image_undecodable"),
        (b"\x89PNG\r\n\x1a\n" + bytes(40), 422, "image_undecodable"),
    ],
)
def test_a_file_that_is_no_picture_is_refused(post, content, status, code):
    refused(post(content), status, code, "file")


def test_a_picture_that_is_cut_off_or_tiny_is_refused(post, photo, pictures):
    refused(post(photo[:900]), 422, "image_undecodable", "file")
    tiny = pictures.drawn((4, 4, 8, 8), size=(15, 40))
    refused(post(pictures.encoded(tiny)), 422, "image_undecodable", "file")


def test_a_body_of_another_type_is_refused(post, photo):
    refused(post(data=photo, content_type="image/jpeg"), 415, "unsupported_type")


@pytest.fixture
def small(searcher, tmp_path):
    config = Config(query_folder=tmp_path / "q", max_upload_bytes=4096, max_pixels=30_000)
    client = create_app(config, searcher).test_client()
    return lambda content: client.post("/v1/search", data={"file": (io.BytesIO(content), "a")})


def test_a_photo_of_exactly_the_largest_size_is_accepted(small, pictures):
    content = pictures.encoded(Image.new("RGB", (200, 150), "white"), "PNG")
    assert small(content + bytes(4096 - len(content))).status_code == 200


@pytest.mark.parametrize("most", [1_500_000, 1_500_001, 1_500_002])
def test_in_base64_a_photo_may_be_as_large_as_in_a_form(searcher, tmp_path, photo, most):
    client = create_app(Config(query_folder=tmp_path / "q", max_upload_bytes=most), searcher).test_client()

    def search(size):
        text = base64.b64encode(photo + bytes(size - len(photo))).decode()
        return client.post("/v1/search", json={"image_base64": text})

    assert search(most).status_code == 200
    refused(search(most + 1), 413, "upload_too_large", "image_base64")


def test_a_file_or_a_body_of_too_many_bytes_is_refused(small, photo):
    refused(small(photo + bytes(4097 - len(photo))), 413, "upload_too_large", "file")
    refused(small(bytes(200_000)), 413, "upload_too_large")


def test_a_picture_of_too_many_pixels_is_refused(small, pictures):
    refused(small(pictures.encoded(Image.new("L", (200, 151)), "PNG")), 413, "image_too_large", "file")


@pytest.mark.parametrize(
    "name, value",
    [
        ("limit", 0),
        ("limit", 101),
        ("limit", 2.5),
        ("limit", True),
        ("limit", "many"),
        ("limit", [1]),
        ("limit", None),
        ("offset", -1),
        ("offset", 100_001),
        ("offset", 1e400),
        ("min_score", 1.01),
        ("min_score", "nan"),
        ("box", [0.1, 0.2, 0.3]),
        ("box", [0.5, 0.2, 0.5, 0.9]),
        ("box", [0.9, 0.2, 0.1, 0.9]),
        ("box", [-0.1, 0, 1, 1]),
        ("box", [0, 0, 1, 1.1]),
        ("box", [0, 0, 1, "x"]),
        ("box", {"left": 0}),
        ("box", [0, 0, 0.05, 0.05]),  # six pixels
        ("kind", "drawing"),
        ("collapse_duplicates", "yes"),
        ("explain", 1),
        ("limitt", 5),
    ],
)
def test_a_field_that_is_not_accepted_is_named(post, name, value):
    body = {"item_id": "dress/1", name: value}
    assert "Accepted" in refused(post(json=body), 400, "invalid_parameter", name) or name == "box"


@pytest.mark.parametrize(
    "name, value", [("item_id", 5), ("item_id", ""), ("query_id", ["q"]), ("item_id", "\ud800")]
)
def test_a_source_that_is_no_text_is_refused(post, name, value):
    refused(post(json={name: value}), 400, "invalid_parameter", name)


def test_base64_that_is_none_is_refused(post):
    refused(
        post(json={"image_base64": "data:image/png;base64,AAAA"}), 400, "invalid_parameter", "image_base64"
    )
    refused(post(json={"image_base64": "ä"}), 400, "invalid_parameter", "image_base64")
    refused(post(json={"image_base64": "AAAA*"}), 400, "invalid_parameter", "image_base64")  # not left out
    refused(post(json={"image_base64": "AAAA"}), 415, "unsupported_type", "image_base64")


def test_image_addresses_are_off(post):
    refused(post(json={"image_url": "http://127.0.0.1/a.jpg"}), 403, "url_not_allowed", "image_url")


def test_a_query_that_was_never_sent_is_expired(post):
    refused(post(json={"query_id": "q_8f3k"}), 404, "query_expired", "query_id")


def test_an_unknown_item_is_refused(post):
    refused(post(json={"item_id": "scarf/1"}), 404, "item_unknown", "item_id")


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[1]", b"null", b"\xff", b"[" * 100_000, b'{"limit": ' + b"9" * 9000 + b"}"]
)
def test_a_body_that_is_no_json_object_is_refused(post, body):
    answer = post(data=body, content_type="application/json")
    refused(answer, 400, "invalid_parameter")


def test_a_field_given_twice_is_refused(post, photo):
    refused(post(photo, address="/v1/search?limit=5&limit=6"), 400, "invalid_parameter", "limit")
    refused(
        post(photo, address="/v1/search?limit=5", fields={"limit": "5"}), 400, "invalid_parameter", "limit"
    )
    refused(post(photo, fields={"limit": ["5", "6"]}), 400, "invalid_parameter", "limit")


def test_a_field_name_that_is_half_a_character_is_refused_and_not_a_crash(post):
    refused(post(data=b'{"\\ud800": 1}', content_type="application/json"), 400, "invalid_parameter", "\ud800")


def test_the_same_photo_gives_the_same_answer_from_file_and_box_of_the_whole(post, photo):
    whole, boxed = post(photo).json, post(photo, fields={"box": "0,0,1,1"}).json
    assert np.allclose([r["score"] for r in whole["results"]], [r["score"] for r in boxed["results"]])


def test_a_failure_that_nobody_foresaw_is_a_problem_without_its_trace(app, searcher, monkeypatch, photo):
    def fail(*args, **kwargs):
        raise RuntimeError("secret in /srv/data")

    monkeypatch.setattr(searcher, "search", fail)
    answer = app.test_client().post("/v1/search", data={"file": (io.BytesIO(photo), "a.jpg")})
    refused(answer, 500, "internal_error")
    assert "secret" not in json.dumps(answer.json)
