import keras
import numpy as np
import pytest

from training.photo.garment_types import CLASSES, TYPES
from training.photo.segmenter import read_output
from training.segmentation import network
from training.segmentation.network import ANY_TYPE, GROUPS


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(1)
    return network.build()


def _outputs(classes, *, sure=40.0):
    """Return the logits that say what a class map, (n, 128, 128), does; types only where they are known."""
    numbers = classes.astype(int)
    groups = sure * np.eye(GROUPS)[np.minimum(numbers, 2)]
    n = len(classes)
    groups = groups.reshape(n, 64, 2, 64, 2, GROUPS).transpose(0, 1, 3, 2, 4, 5).reshape(n, 64, 64, 12)
    half = numbers[:, ::2, ::2] - 2
    types = sure * np.eye(len(TYPES))[np.clip(half, 0, len(TYPES) - 1)]
    return np.concatenate([groups, types], axis=-1).astype(np.float32)


@pytest.fixture
def classes():
    """A person in trousers, and the mirror image."""
    first = np.zeros((128, 128), np.uint8)
    first[10:40, 40:80] = 1
    first[40:120, 40:90] = CLASSES.index("trousers")
    return np.stack([first, first[:, ::-1]])


def test_photographs_become_twenty_numbers_for_two_by_two_pixels(model):
    photos = np.random.default_rng(0).integers(0, 256, (2, 128, 128, 3), np.uint8)
    logits = np.asarray(model(photos))
    assert logits.shape == (2, 64, 64, 20) and logits.dtype == np.float32
    assert 1_000_000 < model.count_params() < 1_500_000  # at two bytes each within 3 MB


def test_logits_stand_where_their_pixels_are(model):
    """A change in one corner of the picture is felt most in the same corner of the result."""
    photos = np.full((1, 128, 128, 3), 128, np.uint8)
    before = np.asarray(model(photos))[0]
    for rows, columns in [(slice(8, 12), slice(100, 104)), (slice(100, 104), slice(8, 12))]:
        changed = photos.copy()
        changed[0, rows, columns] = 255
        felt = np.abs(np.asarray(model(changed))[0] - before).sum(axis=-1)
        row, column = np.unravel_index(felt.argmax(), felt.shape)
        assert abs(2 * row - rows.start) < 20 and abs(2 * column - columns.start) < 20


def test_the_groups_of_a_place_are_those_of_its_two_by_two_pixels(classes):
    groups, types = network.split(_outputs(classes))
    assert np.array_equal(np.asarray(groups).argmax(axis=-1), np.minimum(classes, 2))
    assert tuple(types.shape) == (2, 64, 64, len(TYPES))


def test_what_the_exported_network_says_is_read_at_the_same_places(model):
    photos = np.random.default_rng(0).integers(0, 256, (1, 128, 128, 3), np.uint8)
    found = read_output(np.asarray(network.exported(model, network.turn_head())(photos))[0])
    logits, types = (np.asarray(part)[0] for part in network.split(np.asarray(model(photos))))
    groups, shares = (np.exp(raw) / np.exp(raw).sum(axis=-1, keepdims=True) for raw in (logits, types))
    assert np.allclose(found.person, groups[..., 1], atol=1e-5)
    assert np.allclose(found.garment, groups[..., 2], atol=1e-5)
    assert np.allclose(found.types, shares, atol=1e-5)


def test_perfect_logits_cost_nothing(classes):
    assert float(network.loss(classes, _outputs(classes))) == pytest.approx(0, abs=1e-3)


def test_perfect_logits_of_empty_scenes_cost_nothing(classes):
    assert float(network.loss(classes * 0, _outputs(classes * 0))) == pytest.approx(0, abs=1e-3)


def test_a_garment_of_an_unknown_type_may_be_of_any(classes):
    unknown = np.where(classes > 1, ANY_TYPE, classes).astype(np.uint8)
    for kind in TYPES:
        said = np.where(classes > 1, CLASSES.index(kind), classes)
        assert float(network.loss(unknown, _outputs(said))) == pytest.approx(0, abs=1e-3)
    missed = np.where(classes > 1, 0, classes)
    assert float(network.loss(unknown, _outputs(missed))) > 1


def test_what_is_not_known_costs_nothing_whatever_is_said(classes):
    hidden = classes.copy()
    hidden[:, 60:80] = 255
    said = classes.copy()
    said[:, 60:80] = 1
    assert float(network.loss(hidden, _outputs(said))) == pytest.approx(0, abs=1e-3)
    assert float(network.loss(classes, _outputs(said))) > 1


@pytest.mark.parametrize(
    ("said", "instead"), [("trousers", "skirt"), ("trousers", "person"), ("person", "hat")]
)
def test_a_wrong_class_costs(classes, said, instead):
    wrong = np.where(classes == CLASSES.index(said), CLASSES.index(instead), classes)
    assert float(network.loss(classes, _outputs(wrong))) > 1


def test_a_small_garment_s_type_costs_as_much_as_a_large_one_s(classes):
    """The hat has a tenth of the trousers' area: by pixels alone, it would hardly count."""
    hatted = classes.copy()
    hatted[0, 2:10, 40:90] = hatted[1, 2:10, 38:88] = CLASSES.index("hat")
    number = hatted[:, ::2, ::2].astype(int) - 2
    typed = number >= 0

    def cost(said):
        types = np.exp(_outputs(said)[..., 12:])
        return float(network._garment_dice(types / types.sum(axis=-1, keepdims=True), number, typed))

    assert cost(hatted) < 0.01
    wrong_hat, wrong_trousers = (
        np.where(hatted == CLASSES.index(kind), CLASSES.index("bag"), hatted) for kind in ("hat", "trousers")
    )
    assert cost(wrong_hat) == pytest.approx(cost(wrong_trousers), rel=0.05) and cost(wrong_hat) > 0.3


def test_views_that_differ_cost_even_where_nothing_is_known(classes):
    nothing = np.full_like(classes, 255)
    apart = classes.copy()
    apart[1] = 0
    assert float(network.loss(nothing, _outputs(classes))) == pytest.approx(0, abs=1e-3)
    assert float(network.loss(nothing, _outputs(apart))) > 0.1


def test_the_second_view_is_compared_mirrored(classes):
    nothing = np.full_like(classes, 255)
    unmirrored = np.stack([classes[0], classes[0]])
    assert float(network.loss(nothing, _outputs(unmirrored))) > 0.1


def test_extreme_logits_stay_finite(classes):
    assert np.isfinite(float(network.loss(classes, -250 * _outputs(classes))))
