"""Calibration: known laws are found again, and a bundle keeps what was fitted."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner
from scipy.special import expit

from training.__main__ import main
from training.errors import TooFewImages, UnreadableEncoder
from training.fit.calibration import LEAST, Trials, answer, calibrate, fit_calibration
from training.photo.confidence import FEW, FIRST, MOST, SIGNALS, Signals
from training.photo.encoder import PRETRAINED, Encoder
from training.photo.garment_types import TYPES

HAT = tuple(float(kind == "hat") for kind in TYPES)


def _drawn(count, *, bias=-2.0, weights=(1.0, 2.0, 3.0), seed=0):
    """Signals, and how many of the first answers are right by a law."""
    rng = np.random.default_rng(seed)
    table = rng.uniform(size=(count, 3))
    return table, rng.binomial(FIRST, expit(bias + table @ weights))


def test_the_law_by_which_answers_are_right_is_found_again():
    table, right = _drawn(4000)
    fitted = fit_calibration(Trials([Signals(*row) for row in table.tolist()], right))
    (all_known,) = (one for one in fitted.coefficients if len(one) == 4)
    assert [*all_known.values()] == pytest.approx([-2.0, 1.0, 2.0, 3.0], abs=0.12)


@pytest.mark.parametrize("known", [(0,), (1,), (2,), (0, 1), (1, 2), (0, 2), (0, 1, 2)])
def test_whatever_is_known_the_confidence_is_the_share_that_is_right(known):
    table, right = _drawn(4000, seed=5)
    fitted = fit_calibration(Trials([Signals(*row) for row in table.tolist()], right))
    table, right = _drawn(4000, seed=6)
    table = np.where(np.isin(np.arange(3), known), table, np.nan)
    confidence = np.array(
        [fitted.confidence(Signals(*[None if x != x else x for x in row])) for row in table.tolist()]
    )
    for low, high in ((0.0, 0.6), (0.6, 0.8), (0.8, 1.0)):
        inside = (confidence >= low) & (confidence < high)
        if inside.sum() > 300:
            assert confidence[inside].mean() == pytest.approx(right[inside].mean() / FIRST, abs=0.03)


def test_where_neighbours_could_not_but_agree_the_law_is_that_of_indexes_of_one_category():
    """Answers count as often as they are said to: with four of five left out, the others alone decide."""
    table, right = _drawn(4000)
    other, found = _drawn(4000, bias=-1.0, weights=(4.0, 0.0, 1.0), seed=1)
    signals = [Signals(near, None, match) for near, _, match in other.tolist()]
    left_out = np.arange(4000) % 5 > 0
    found[left_out] = FIRST - found[left_out]
    mixed = Trials([Signals(*row) for row in table.tolist()], right)
    fitted = fit_calibration(mixed, Trials(signals, found, np.where(left_out, 0.0, 5.0)))
    laws = {frozenset(one) - {"bias"}: one for one in fitted.coefficients}
    law = laws[frozenset({"nearness", "type_match"})]
    assert [law[name] for name in ("bias", "nearness", "type_match")] == pytest.approx([-1, 4, 1], abs=0.3)
    assert [*laws[frozenset(SIGNALS)].values()] == pytest.approx([-2.0, 1.0, 2.0, 3.0], abs=0.12)
    assert laws[frozenset({"nearness"})] == fit_calibration(mixed).coefficients[4]


def test_no_signal_lowers_the_confidence_even_where_it_spoke_against_the_answers():
    table, right = _drawn(600, weights=(-3.0, 4.0, 0.0))
    fitted = fit_calibration(Trials([Signals(*row) for row in table.tolist()], right))
    assert min(value for one in fitted.coefficients for name, value in one.items() if name != "bias") == 0.0


@pytest.mark.parametrize(("options", "share"), [({}, 0.01), ({"mistaken": 0.05}, 0.05)])
def test_one_in_a_hundred_good_answers_is_called_unsure_or_as_many_as_may_be(options, share):
    table, right = _drawn(5000, bias=-3.0)
    signals = [Signals(*row) for row in table.tolist()]
    fitted = fit_calibration(Trials(signals, right), **options)
    good = [fitted.confidence(one) for one, count in zip(signals, right, strict=True) if count >= MOST]
    assert np.mean(np.array(good) < fitted.unsure_below) == pytest.approx(share, abs=0.003)


@pytest.mark.parametrize(("share", "threshold"), [(0, 0.5), (FIRST, (MOST - 0.5) / FIRST)])
def test_the_threshold_lies_between_poor_and_good_whatever_the_answers(share, threshold):
    signals = [Signals(0.5, 0.5, 0.5)] * 50
    fitted = fit_calibration(Trials(signals, np.full(50, share)))
    assert fitted.unsure_below == pytest.approx(threshold, abs=1e-4)
    assert (FEW + 0.5) / FIRST <= fitted.unsure_below


def _unit(rows):
    rows = np.asarray(rows, np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def test_the_signals_of_an_answer_are_those_that_can_be_worked_out_by_hand():
    gallery = _unit([[1, 0], [1, 0], [0, 1]])
    found = answer(
        _unit([[1, 0]]),
        gallery,
        query_types=[HAT],
        gallery_categories=["hat", "skirt", "skirt"],
        query_ids=["b"],
        gallery_ids=["a", "b", "c"],
    )
    assert found.first[0, :3].tolist() == [0, 2, -1]  # never itself
    (signals,) = found.signals
    assert (signals.agreement, signals.type_match) == (1.0, 1.0)  # the third is at right angles: no vote
    assert signals.nearness == pytest.approx(1.0)  # items' means are 0.5, 0.5 and 0
    assert found.right(np.array([[True, True, False]])).tolist() == [1]


def test_neighbours_of_a_gallery_of_one_category_speak_for_nothing_by_agreeing():
    found = answer(
        _unit([[1, 0]]),
        _unit([[1, 0], [0.6, 0.8]]),
        query_types=[HAT],
        gallery_categories=["hat", "hat"],
        query_ids=["a"],
        gallery_ids=["b", "c"],
    )
    assert found.signals[0].agreement is None and found.signals[0].type_match == 1.0


def test_items_that_are_alone_have_no_answers_and_no_signals():
    found = answer(
        _unit([[1, 0]]),
        _unit([[1, 0]]),
        query_types=[HAT],
        gallery_categories=["hat"],
        query_ids=["a"],
        gallery_ids=["a"],
    )
    assert found.signals == (Signals(),)
    assert found.right(np.ones((1, 1), bool)).tolist() == [0]


@pytest.fixture
def bundle(tmp_path):
    folder = tmp_path / "bundle"
    shutil.copytree(PRETRAINED, folder)
    description = json.loads((folder / "encoder.json").read_text())
    description.pop("confidence", None)
    (folder / "encoder.json").write_text(json.dumps(description))
    return folder


def test_the_command_writes_a_calibration_that_the_encoder_is_loaded_with(bundle, read, drawn_cache):
    read("drawn:60")
    before = Encoder.load(bundle)
    assert before.calibration is None
    line = [
        "calibrate",
        str(bundle),
        "--catalogue",
        "drawn:60",
        "--processes",
        "1",
        "--cache",
        str(drawn_cache),
    ]
    result = CliRunner().invoke(main, line, catch_exceptions=False)
    assert result.exit_code == 0 and "unsure below a confidence of" in result.stdout
    after = Encoder.load(bundle)
    assert after.fingerprint == before.fingerprint
    assert len(after.calibration.coefficients) == 7
    assert 0 < after.calibration.confidence(Signals(0.5, 0.5, 0.5)) < 1


def test_answers_to_what_people_wear_have_a_calibration_of_their_own(monkeypatch, read, dressed):
    """It is fitted to garments of photographs that are not held out: in the index, and in each category's."""
    asked, fitted = [], []

    def answers(queries, gallery, **options):
        asked.append((len(queries), len(gallery), {*options["gallery_categories"]}))
        return answer(queries, gallery, **options)

    def fit(mixed, single, **options):
        fitted.append((len(mixed.right), single and len(single.right), options))
        return fit_calibration(mixed, single, **options)

    items = [
        replace(item, metadata={"category": "jeans" if row % 2 else "blouse"})
        for row, item in enumerate(read("drawn:60").items)
    ]
    without = calibrate(Encoder.load(PRETRAINED), items, processes=1)
    monkeypatch.setattr("training.fit.calibration.answer", answers)
    monkeypatch.setattr("training.fit.calibration.fit_calibration", fit)
    found = calibrate(Encoder.load(PRETRAINED), items, people=dressed, processes=1)
    assert without.worn is None
    assert replace(found, worn=None) == without
    assert found.worn is not None and found.worn.coefficients != without.coefficients
    (_, (mixed, single, options)) = fitted
    assert mixed == 6 and options == {"mistaken": 0.05}  # trousers and top in three photographs
    assert single == 2 * 6  # by category, three of its type and as many others
    whole, *parts = asked[-5:]
    assert whole == (6, 60, {"blouse", "jeans"})
    assert parts == [(3, 30, {"blouse"})] * 2 + [(3, 30, {"jeans"})] * 2


def test_too_few_photographs_or_categories_are_refused(read):
    encoder = Encoder.load(PRETRAINED)
    items = read("drawn:60").items
    for few in (items[: LEAST - 1], [item for item in items if item.category == items[0].category]):
        with pytest.raises(TooFewImages, match=f"at least {LEAST} of two are needed"):
            calibrate(encoder, few, processes=1)


@pytest.mark.parametrize("outer", [{}, {"coefficients": [], "worn": {"unsure_below": 0.5}}])
def test_a_bundle_with_a_malformed_calibration_is_refused_by_name(bundle, outer):
    path = bundle / "encoder.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"confidence": {"unsure_below": 0.5} | outer}))
    with pytest.raises(UnreadableEncoder, match=r"malformed: KeyError\('coefficients'\). Copy the whole"):
        Encoder.load(bundle)
