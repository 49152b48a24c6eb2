from dataclasses import replace

import numpy as np

from training.fit.dataset import prepare
from training.fit.validation import Validation


def test_validation_by_category_asks_only_what_can_be_answered(read, drawn_cache):
    data = prepare(read("drawn:60"), cache=drawn_cache, processes=1)
    shoes = np.array([item.category == "shoes" for item in data.items])
    train, held_out = data.take(np.flatnonzero(~shoes)), data.take(np.arange(len(shoes)))
    validation = Validation.of(train, held_out, seed=0)
    assert "shoes" not in validation.query_labels
    assert len(validation.query_labels) == (~shoes).sum()


def test_without_categories_a_disturbed_view_must_find_its_twin(read, drawn_cache):
    data = prepare(read("drawn:60"), cache=drawn_cache, processes=1)
    plain = replace(data, items=tuple(replace(item, metadata={}) for item in data.items))
    validation = Validation.of(plain.take(np.arange(50)), plain.take(np.arange(50, 60)), seed=0)
    assert len(validation.queries) == 10 and len(validation.gallery) == 60

    def perfect(cutouts):
        return np.eye(60, dtype=np.float32)[: len(cutouts)]

    assert validation.scores(perfect) == {"val_p_at_1": 1.0, "val_p_at_10": 0.1, "val_map": 1.0}
