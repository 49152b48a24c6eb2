from concurrent.futures import ThreadPoolExecutor

import keras
import numpy as np
import pytest

from training.bundle import litert
from training.litert import LiteModel


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


def test_each_thread_has_an_interpreter_of_its_own(model):
    here = model._interpreter((1, 3))
    assert model._interpreter((1, 3)) is here
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(model._interpreter, (1, 3)).result() is not here
