import numpy as np
import pytest
from PIL import Image

from index.embedding.duplicates import MAX_DISTANCE
from index.embedding.perceptual_hash import HASH_VERSION, hash_distances, photo_hash
from training.photo.images import decode


def distance(left, right):
    hashes = np.array([photo_hash(left), photo_hash(right)], np.uint64)
    return int(hash_distances(hashes[:1], hashes[1:])[0])


@pytest.fixture
def scene(make_photo):
    """A photograph with shading and grain, as from a camera."""
    photo = make_photo(side=480).astype(np.float64)
    light = np.linspace(0.8, 1.1, 480)[None, :, None]
    grain = np.random.default_rng(0).normal(0, 4, photo.shape)
    return np.clip(photo * light + grain, 0, 255).astype(np.uint8)


def test_the_hash_is_an_integer_of_60_bits_and_the_same_every_time(scene):
    assert photo_hash(scene) == photo_hash(scene.copy()) and 0 <= photo_hash(scene) < 2**60
    assert type(photo_hash(scene)) is int


def test_a_photograph_of_one_colour_has_no_frequencies():
    grey = np.full((40, 30, 3), 128, np.uint8)
    assert photo_hash(grey) == sum(16 << 5 * place for place in range(12))
    assert distance(grey, np.full((50, 50, 3), 128, np.uint8)) == 0


@pytest.mark.parametrize("quality", [30, 60, 90])
@pytest.mark.parametrize("side", [480, 300, 160])
def test_a_resized_and_recompressed_photograph_is_near(scene, encode_image, quality, side):
    resized = Image.fromarray(scene).resize((side, side), Image.Resampling.LANCZOS)
    assert distance(decode(encode_image(resized, "JPEG", quality=quality)), scene) <= MAX_DISTANCE


def test_a_slightly_cropped_photograph_is_near(scene):
    assert distance(scene[5:-5, 5:-5], scene) <= MAX_DISTANCE


@pytest.mark.parametrize(
    "colour", [(30, 60, 200), (200, 130, 40), (110, 15, 20), (230, 110, 120), (90, 90, 90)]
)
def test_the_same_garment_in_another_colour_is_far(make_photo, colour):
    assert distance(make_photo(colour=colour), make_photo(colour=(200, 30, 40))) > MAX_DISTANCE


def test_a_mirrored_photograph_and_one_with_other_light_are_far(scene):
    assert distance(scene[:, ::-1], scene) > MAX_DISTANCE
    assert distance((scene * 0.6).astype(np.uint8), scene) > MAX_DISTANCE


def test_the_hash_of_a_known_picture_is_the_known_number():
    """Hashes outlive a release in caches: one that comes out otherwise wants another HASH_VERSION."""
    ramp = (np.add.outer(np.arange(96) * 2, np.arange(64)) % 256).astype(np.uint8)
    rgb = np.stack([ramp, ramp[::-1], np.roll(ramp, 20, 1)], -1)
    rgb[30:60, 20:40] = (200, 30, 40)
    assert (HASH_VERSION, photo_hash(rgb)) == ("1", 16678333690042635)
