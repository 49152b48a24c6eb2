import numpy as np
import pytest

from training.fit import showcase
from training.fit.dataset import prepare
from training.fit.showcase import ANSWERS, _answered, _varied, draw_curves, draw_figures
from training.photo.encoder import Encoder


@pytest.fixture(scope="module")
def data(read, drawn_cache):
    return prepare(read("drawn:60"), cache=drawn_cache, processes=1)


def test_answers_stand_with_their_own_cosines_and_never_include_the_query(finished, data):
    encoder = Encoder.load(finished)
    queries = data.take(np.arange(3))
    vectors = encoder.embed_cutouts(data.cutouts)
    for row, answered in enumerate(_answered(encoder, data, queries)):
        cosines = vectors @ vectors[row]
        expected = np.sort(np.delete(cosines, row))[::-1][:ANSWERS]
        assert [answer.score for answer in answered.answers] == pytest.approx(expected.tolist(), abs=1e-5)


def test_queries_are_of_different_categories_first(data):
    chosen = [item.category for item in _varied(data, 6).items]
    assert len(set(chosen)) == 6


def test_every_figure_is_drawn(finished, data, tmp_path, monkeypatch):
    for name in ("ROWS", "ANSWERS"):  # as many as there are take seconds
        monkeypatch.setattr(showcase, name, 2)
    paths = draw_figures(finished, gallery=data, queries=data, out=tmp_path)
    assert {path.stem for path in paths} == {"garments", "results", "failures", "kernels", "feature_maps"}
    assert all(path.stat().st_size > 5_000 for path in paths)


def test_each_term_of_the_loss_stands_among_the_losses_and_not_the_scores(monkeypatch, tmp_path):
    saved = []
    monkeypatch.setattr("training.figures.sheet.save", lambda figure, path: saved.append(figure))
    terms = {"loss": 3.0, "reconstruction": 1.0, "invariance": 1.0, "category": 0.5}
    draw_curves([{"epoch": epoch, **terms, "val_p_at_10": 0.4} for epoch in (1, 2)], tmp_path)
    losses, scores = saved[0].axes
    names = {text.get_text() for text in losses.get_legend().get_texts()}
    assert names == {"loss", "reconstruction loss", "invariance loss", "category loss"}
    assert [text.get_text() for text in scores.get_legend().get_texts()] == ["P@10"]
