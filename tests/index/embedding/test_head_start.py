"""Photographs embedded while others are fetched: the build finds them, and nothing else differs."""

import numpy as np
import pytest

from index.embedding import embedders, head_start
from index.embedding.cache import EmbeddingCache
from index.embedding.embedders import LocalEmbedder
from index.embedding.embeddings import embed_catalogue
from index.embedding.head_start import HeadStart
from index.views import GARMENTS, ITEM
from training.catalogue.reader import read_catalogue

pytestmark = pytest.mark.usefixtures("plain_garments")


@pytest.fixture
def catalogue(catalogue_path):
    return read_catalogue(str(catalogue_path))


@pytest.fixture
def ahead(tmp_path, encoder, monkeypatch):
    """A head start whose rounds are of four photographs."""
    monkeypatch.setattr(head_start, "BATCH", 1)

    def make(garments=ITEM):
        return HeadStart(tmp_path / "cache", encoder, embedder=LocalEmbedder(1), garments=garments)

    return make


def offer(start, items):
    for item in items:
        start.offer(item.path, item.category)


def test_only_full_rounds_are_embedded_and_the_rest_is_left_to_the_build(ahead, catalogue):
    with ahead() as start:
        offer(start, catalogue.items[:3])
        assert start.work() == 0
        offer(start, catalogue.items[3:7])
        assert [start.work(), start.work()] == [4, 4]


@pytest.mark.parametrize("garments", GARMENTS)
def test_a_build_after_it_is_equal_to_the_bit_and_embeds_the_rest(
    ahead, catalogue, encoder, tmp_path, garments, monkeypatch
):
    expected = embed_catalogue(catalogue, encoder, garments=garments, processes=1)
    with ahead(garments) as start:
        offer(start, catalogue.items[::-1])
        assert [start.work(), start.work()] == [2, 6]  # two of the first round can't be read
    asked = []
    embed = LocalEmbedder.embed
    monkeypatch.setattr(LocalEmbedder, "embed", lambda *a: asked.extend(a[1]) or embed(*a))
    with EmbeddingCache(tmp_path / "cache", encoder) as cache:
        embedded = embed_catalogue(
            catalogue, encoder, garments=garments, cache=cache, processes=1, ahead=start.done
        )
    assert len(asked) == len(catalogue.items) - 6 and embedded.cached == 0
    assert embedded.items == expected.items and embedded.bad == expected.bad
    np.testing.assert_array_equal(embedded.vectors, expected.vectors)
    np.testing.assert_array_equal(embedded.pictures, expected.pictures)


def test_what_an_earlier_build_has_embedded_is_not_embedded_again(ahead, catalogue, encoder, tmp_path):
    for cached in (0, 8):
        with ahead() as start:
            offer(start, catalogue.items)
            start.work()
        with EmbeddingCache(tmp_path / "cache", encoder) as cache:
            embedded = embed_catalogue(catalogue, encoder, cache=cache, processes=1, ahead=start.done)
        assert embedded.cached == cached and len(start.done) == (0 if cached else 4)


def test_the_processes_of_a_head_start_are_those_of_the_build(encoder, catalogue, tmp_path, monkeypatch):
    starts = []

    def spy(function, photos, *, processes, start):
        starts.append(start)
        yield from ()

    monkeypatch.setattr(embedders, "in_order", spy)
    monkeypatch.setattr(head_start, "BATCH", 1)
    embedder = LocalEmbedder(2)
    with HeadStart(tmp_path / "cache", encoder, embedder=embedder, garments=ITEM) as start:
        offer(start, catalogue.items[:8])
        start.work()
    list(embedder.embed([object(), object()], encoder))
    assert starts[0] is starts[1] is not None
