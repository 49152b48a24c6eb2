from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import keras
import numpy as np
import pytest

from training.model.bundle import litert
from training.photo.litert import LiteModel, _Runner


@pytest.fixture(scope="module")
def model():
    """Twice each of three bytes, and one more."""
    numbers = keras.Input((3,), dtype="uint8")
    return LiteModel(litert(keras.Model(numbers, keras.layers.Rescaling(2.0, 1.0)(numbers))))


def test_a_model_computes_what_it_was_exported_as(model):
    result = model.run(np.array([[0, 1, 255]], np.uint8))
    assert result.dtype == np.float32
    assert result.tolist() == [[1, 3, 511]]


@pytest.mark.parametrize("rows", [1, 5, 2, 5])
def test_batches_may_change_their_size(model, rows):
    numbers = np.arange(3 * rows, dtype=np.uint8).reshape(rows, 3)
    assert np.array_equal(model.run(numbers), numbers * 2.0 + 1)


def test_a_result_is_the_caller_s_own(model):
    first = model.run(np.array([[1, 2, 3]], np.uint8))
    model.run(np.array([[4, 5, 6]], np.uint8))
    assert first.tolist() == [[3, 5, 7]]
    first[:] = 0
    assert model.run(np.array([[1, 2, 3]], np.uint8)).tolist() == [[3, 5, 7]]


def test_the_input_is_not_modified(model):
    numbers = np.array([[1, 2, 3]], np.uint8)
    model.run(numbers)
    assert numbers.tolist() == [[1, 2, 3]]


def test_threads_with_batches_of_other_sizes_share_a_model(model):
    batches = [np.full((n % 7 + 1, 3), n, np.uint8) for n in range(200)]
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(model.run, batches))
    for batch, result in zip(batches, results, strict=True):
        assert np.array_equal(result, batch * 2.0 + 1)


def test_threads_one_after_the_other_share_an_interpreter(model, monkeypatch):
    model.run(np.zeros((1, 3), np.uint8))
    monkeypatch.setattr("training.photo.litert._Runner", None)
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(model.run, np.zeros((1, 3), np.uint8)).result().tolist() == [[1, 1, 1]]


@pytest.fixture
def three_cores(model, monkeypatch):
    monkeypatch.setattr("os.cpu_count", lambda: 3)
    return LiteModel(model._model)


def test_threads_at_the_same_time_have_an_interpreter_each(three_cores, monkeypatch):
    together, run = Barrier(3), _Runner.run

    def meet(self, inputs):
        together.wait(timeout=60)
        return run(self, inputs)

    monkeypatch.setattr(_Runner, "run", meet)
    batches = [np.full((1, 3), n, np.uint8) for n in range(3)]
    with ThreadPoolExecutor(3) as pool:
        assert [result[0, 0] for result in pool.map(three_cores.run, batches)] == [1, 3, 5]


def test_there_are_no_more_interpreters_than_cores(three_cores, monkeypatch):
    made = []
    monkeypatch.setattr(
        "training.photo.litert._Runner", lambda model: made.append(_Runner(model)) or made[-1]
    )
    with ThreadPoolExecutor(12) as pool:
        assert len(list(pool.map(three_cores.run, [np.zeros((1, 3), np.uint8)] * 300))) == 300
    assert 1 <= len(made) <= 3


def test_an_interpreter_goes_on_after_an_input_that_it_refuses(model):
    with pytest.raises(ValueError):
        model.run(np.zeros((1, 3), np.float32))
    assert model.run(np.zeros((1, 3), np.uint8)).tolist() == [[1, 1, 1]]
