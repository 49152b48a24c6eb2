from itertools import islice

import numpy as np
import pytest

from training import device
from training.fit.batches import ALIGNMENT, Batches


def _views(count):
    """Views of twenty garments: each picture is 10 times its garment's number, and its own in the end."""
    numbers = 10 * np.arange(20)[:, None] + np.arange(count)
    return numbers.astype(np.uint8)[:, :, None, None, None] * np.ones((1, 1, 2, 2, 4), np.uint8)


def _batches(count=1, **options):
    return Batches(_views(count), np.arange(20, dtype=np.int32), **{"batch": 6, "seed": 4, **options})


def _numbers(stream, count):
    return [numbers.tolist() for _, numbers in islice(stream, count)]


def test_the_orders_are_the_permutations_of_the_seed_from_the_second_on():
    random = np.random.default_rng(4)
    orders = [random.permutation(20) for _ in range(3)]
    expected = [sorted(order[at : at + 6].tolist()) for order in orders[1:] for at in (0, 6, 12)]
    assert _numbers(_batches().stream(), 6) == expected


def test_pictures_and_numbers_belong_together():
    for cutouts, numbers in islice(_batches().stream(), 9):
        assert cutouts.shape == (6, 1, 2, 2, 4)
        assert cutouts[:, 0, 0, 0, 0].tolist() == (10 * numbers).tolist()


def test_with_other_views_there_is_the_garment_as_it_is_and_two_different_ones_of_all():
    pairs = set()
    for cutouts, numbers in islice(_batches(4).stream(), 60):
        assert cutouts.shape == (6, 3, 2, 2, 4)
        assert (cutouts[..., 0, 0, 0] // 10 == numbers[:, None]).all()
        first, *two = (cutouts[..., 0, 0, 0] % 10).T
        assert (first == 0).all()
        pairs |= set(zip(*(view.tolist() for view in two), strict=True))
    assert pairs == {(a, b) for a in range(4) for b in range(4) if a != b}


def test_what_is_held_of_a_batch_stays_as_it_is_and_other_memory_is_used_again():
    stream = _batches(4).stream()
    held = [(cutouts[1:3], numbers[1:3]) for cutouts, numbers in islice(stream, 12)]
    for cutouts, numbers in held:
        assert (cutouts[..., 0, 0, 0] // 10 == numbers[:, None]).all()
    addresses = {next(stream)[0].ctypes.data for _ in range(12)}
    assert len(addresses) <= 2
    assert all(address % ALIGNMENT == 0 for address in addresses)


def test_no_garment_is_seen_twice_in_an_epoch():
    batches = _batches()
    seen = sum(_numbers(batches.stream(), len(batches)), [])
    assert len(batches) == 3 and len(set(seen)) == 18


def test_a_stream_that_begins_later_is_the_rest_of_one_that_began_earlier():
    later, earlier = _batches(3).stream(epoch=3), islice(_batches(3).stream(), 6, None)
    for (views, numbers), (others, same) in islice(zip(later, earlier, strict=False), 5):
        assert np.array_equal(views, others) and np.array_equal(numbers, same)


def test_a_small_catalogue_is_one_batch():
    assert _batches(batch=96).batch == 20


def test_devices_share_a_batch_evenly(monkeypatch):
    monkeypatch.setattr(device, "_devices", lambda: [f"gpu:{n}" for n in range(4)])
    assert _batches().batch == 4
    assert _batches(batch=16).batch == 16


@pytest.mark.parametrize("hosts", [2, 3])
def test_the_hosts_parts_are_the_batch_of_one_host(monkeypatch, hosts):
    whole = _numbers(_batches().stream(), 6)
    parts = []
    for number in range(hosts):
        monkeypatch.setattr(device, "_here", lambda here=number: (here, hosts))
        parts.append(_numbers(_batches().stream(), 6))
    assert [sum(batch, []) for batch in zip(*parts, strict=True)] == whole
