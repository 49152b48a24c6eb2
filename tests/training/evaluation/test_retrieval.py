"""The evaluation: who takes part, what is scored, and how it is told."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from training.catalogue.reader import Catalogue, Item
from training.errors import TooFewImages
from training.evaluation.baselines import CHANCE, HOG_MASK, Reading
from training.evaluation.photos import BATCH, ENCODER, embed_readings
from training.evaluation.retrieval import as_json, beside_shipped, evaluate, retrieval, tabulate
from training.evaluation.score_table import as_markdown
from training.photo.garment import isolate
from training.photo.images import decode
from training.photo.segmenter import shipped

BRIGHT, DARK = 220, 60


class _Brightness:
    """Stands in for an encoder: two garments are alike where their photographs are equally bright."""

    segmenter = shipped()

    def embed_garments(self, garments):
        angles = np.array([np.median(garment.rgb) / 255 for garment in garments])
        return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def _item(folder, item_id, value, category):
    path = folder / f"{item_id}.png"
    pixels = np.full((40, 40, 3), value, dtype=np.uint8)
    pixels[10:30, 15:25] -= 20
    Image.fromarray(pixels).save(path)
    return Item(item_id, path, {"category": category})


def _catalogue(*items):
    return Catalogue("made up", items, ())


@pytest.fixture
def gallery(tmp_path):
    bright = [_item(tmp_path, f"b{n}", BRIGHT + n, "shirt") for n in range(6)]
    dark = [_item(tmp_path, f"d{n}", DARK + n, "skirt") for n in range(4)]
    return _catalogue(*bright, *dark)


def _evaluate(gallery, queries, **options):
    return evaluate(_Brightness(), gallery, queries, processes=1, **options)


def test_the_encoder_is_scored_on_its_own_vectors(tmp_path, gallery):
    queries = _catalogue(
        _item(tmp_path, "q1", BRIGHT, "shirt"),  # 6 shirts, then 4 skirts
        _item(tmp_path, "q2", DARK, "shirt"),  # 4 skirts, then 6 shirts
    )
    [row] = _evaluate(gallery, queries, baselines=False)
    assert row.descriptor == "encoder"
    assert row.scores.p_at_1 == 0.5
    assert row.scores.p_at_5 == pytest.approx((1 + 1 / 5) / 2)
    assert row.scores.p_at_10 == pytest.approx(6 / 10)
    late = np.mean([found / (found + 4) for found in range(1, 7)])
    assert row.scores.map == pytest.approx((1 + late) / 2)
    assert row.scores.knn_accuracy == 1.0
    assert row.gallery == 10


def test_the_baselines_stand_before_the_encoder(tmp_path, gallery):
    rows = _evaluate(gallery, _catalogue(_item(tmp_path, "q", DARK, "skirt")))
    assert [row.descriptor for row in rows] == [
        "chance",
        "Sobel pixels of the photo",
        "HOG of the photo",
        "HOG of the cut-out",
        "HOG of the cut-out's mask",
        "encoder",
    ]


class _Chance(_Brightness):
    """Finds all garments equally like each other."""

    def embed_garments(self, garments):
        return np.tile(np.float32([1, 0]), (len(garments), 1))


def test_the_encoder_that_ships_is_scored_beside_and_a_worse_one_is_named(tmp_path, gallery):
    queries = _catalogue(_item(tmp_path, "q", DARK, "skirt"))
    options = {"baselines": False, "processes": 1}
    own, shipped = _Chance(), _Brightness()
    rows = evaluate(own, gallery, _catalogue(*gallery.items[6:], *queries.items), shipped=shipped, **options)
    assert [row.descriptor for row in rows] == ["encoder that ships", "encoder"]
    worse = replace(rows[1], scores=replace(rows[1].scores, p_at_10=rows[0].scores.p_at_10 - 0.1))
    assert "WORSE" in beside_shipped([rows[0], worse]) and "--init" in beside_shipped([rows[0], worse])
    same = replace(rows[1], scores=rows[0].scores)
    assert "at least as good" in beside_shipped([rows[0], same])
    assert f"has {rows[0].scores.p_at_10:.3f}" in beside_shipped([rows[0], same])
    assert rows[0].scores.map > rows[1].scores.map


def test_each_encoder_is_scored_on_the_cut_outs_of_its_own_segmenter(gallery, other_segmenter):
    class Seen(_Brightness):
        def __init__(self, segmenter):
            self.segmenter, self.cutouts = segmenter, []

        def embed_garments(self, garments):
            self.cutouts += [garment.cutout for garment in garments]
            return super().embed_garments(garments)

    own, ours = Seen(other_segmenter), Seen(shipped())
    evaluate(own, gallery, gallery, shipped=ours, baselines=False, processes=1)
    for seen in (own, ours):
        for cutout, item in zip(seen.cutouts, (*gallery.items, *gallery.items), strict=True):
            alone = isolate(decode(item.path, size=256), segmenter=seen.segmenter)
            assert np.array_equal(cutout, alone.cutout)


def test_without_the_encoder_that_ships_nothing_is_compared(gallery):
    assert beside_shipped(_evaluate(gallery, gallery, baselines=False)) is None


def test_a_query_of_the_gallery_does_not_find_itself(gallery):
    [row] = _evaluate(gallery, gallery, baselines=False)
    # a shirt has 5 others among its 9 answers, a skirt 3
    assert row.p_at_10_by_category == pytest.approx({"shirt": 5 / 10, "skirt": 3 / 10})
    assert row.scores.macro_p_at_10 == pytest.approx(4 / 10)
    assert row.scores.p_at_10 == pytest.approx((6 * 5 + 4 * 3) / 100)


def test_items_without_a_category_or_a_picture_are_left_out_and_counted(tmp_path, gallery):
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"\xff\xd8\xff\xe0 and no more")
    queries = _catalogue(
        _item(tmp_path, "q", DARK, "skirt"),
        _item(tmp_path, "u", DARK, None),
        _item(tmp_path, "v", DARK, ""),
        Item("broken", broken, {"category": "skirt"}),
    )
    [row] = _evaluate(gallery, queries, baselines=False)
    assert (row.scores.n_queries, row.uncategorised, row.unreadable) == (1, 2, 1)
    assert "left out: 2 without a category, 1 unreadable" in as_markdown([tabulate([row])])


def test_queries_without_any_category_are_refused_with_what_to_do(tmp_path, gallery):
    queries = _catalogue(_item(tmp_path, "u", DARK, None))
    with pytest.raises(TooFewImages, match="None of the 1 items .* has a category.*subfolder"):
        _evaluate(gallery, queries, baselines=False)


def test_queries_that_are_all_unreadable_are_refused(tmp_path, gallery):
    queries = _catalogue(Item("gone", tmp_path / "gone.jpg", {"category": "skirt"}))
    with pytest.raises(TooFewImages, match="a readable photograph"):
        _evaluate(gallery, queries, baselines=False)


def test_the_json_has_a_result_for_each_descriptor_and_categories_for_the_encoder(tmp_path, gallery):
    rows = _evaluate(gallery, _catalogue(_item(tmp_path, "q", DARK, "skirt")))
    results = json.loads(as_json(rows))["results"]
    assert list(results[0]) == [
        "descriptor",
        "p_at_1",
        "p_at_5",
        "p_at_10",
        "macro_p_at_10",
        "map",
        "knn_accuracy",
        "queries",
        "gallery",
        "uncategorised",
        "unreadable",
    ]
    assert (results[-1]["descriptor"], results[-1]["map"]) == ("encoder", 1.0)
    assert (results[-1]["queries"], results[-1]["gallery"]) == (1, 10)
    assert results[-1]["p_at_10_by_category"] == {"skirt": 0.4}


def test_the_table_has_a_line_for_each_descriptor_with_three_decimals(tmp_path, gallery):
    rows = _evaluate(gallery, _catalogue(_item(tmp_path, "q", DARK, "skirt")))
    heading, rule, *lines = as_markdown([tabulate(rows)]).splitlines()[:8]
    assert heading == "| descriptor | P@1 | P@5 | P@10 | macro P@10 | mAP | 10-NN accuracy |"
    assert re.fullmatch(r"\| --- \|( ---: \|){6}", rule)
    assert lines[-1] == "| encoder | 1.000 | 0.800 | 0.400 | 0.400 | 1.000 | 0.000 |"
    assert len(lines) == len(rows)


def test_many_readings_are_embedded_a_batch_at_a_time(drawn_photos):
    batches = []

    class Counting:
        def embed_garments(self, garments):
            batches.append(len(garments))
            return np.arange(sum(batches) - len(garments), sum(batches), dtype=np.float32)[:, None]

    garment = drawn_photos[0].garments[0]
    readings = (Reading(garment, {"row": np.array([row])}, None) for row in range(BATCH + 3))
    vectors = embed_readings(Counting(), readings)
    assert batches == [BATCH, 3]
    assert np.array_equal(vectors[ENCODER], vectors["row"])


def test_photographs_read_before_give_the_same_scores_as_a_catalogue(shipped, read, drawn_photos):
    table, _ = retrieval(shipped, *drawn_photos)
    rows = evaluate(shipped, read("drawn:60"), read("drawn:20:5"), processes=1)
    scores = {row.descriptor: row.scores.map for row in rows}
    assert table.column("mAP") == {name: scores[name] for name in (CHANCE, HOG_MASK, ENCODER)}


def test_no_goal_of_the_project_is_printed_for_a_catalogue(shipped, drawn_photos):
    table, _ = retrieval(shipped, *drawn_photos)
    assert [name for name in table.columns if "goal" in name] == [] and "goal" not in table.note


def test_the_encoders_categories_have_a_table_of_their_own(shipped, drawn_photos):
    whole, parts = retrieval(shipped, *drawn_photos)
    counts, scores = parts.column("queries"), parts.column("P@10")
    assert sum(counts.values()) == 20
    mean = sum(counts[name] * scores[name] for name in counts) / 20
    assert mean == pytest.approx(whole.column("P@10")[ENCODER])
    assert np.mean([*scores.values()]) == pytest.approx(whole.column("macro P@10")[ENCODER])


def test_the_encoder_that_ships_finds_categories_on_photographs_by_others(shipped, real_photos):
    table, _ = retrieval(shipped, *real_photos)
    assert table.column("P@10")[ENCODER] > 0.6  # measured: 0.654
    assert table.column("macro P@10")[ENCODER] > 0.45  # measured: 0.511
    assert table.column("mAP")[ENCODER] > 0.57  # measured: 0.633
