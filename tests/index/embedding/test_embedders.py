import sys

import pytest

from index.embedding.embedders import EMBEDDERS, LocalEmbedder, embedder_named
from index.errors import EmbedderUnavailable


def test_the_local_embedder_is_named_local():
    assert EMBEDDERS == ("local", "ray")
    assert isinstance(embedder_named("local"), LocalEmbedder)


def test_the_local_embedder_has_no_use_for_an_address():
    with pytest.raises(EmbedderUnavailable, match="Add --embedder ray"):
        embedder_named("local", address="auto")


def test_without_the_package_ray_the_error_says_how_to_install_it(monkeypatch):
    for module in [name for name in sys.modules if name.startswith("index.embedding.ray")]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(EmbedderUnavailable, match=r"make scale.*requirements-scale\.txt"):
        embedder_named("ray")


def test_an_address_of_ray_s_client_is_refused():
    pytest.importorskip("ray", reason="Ray is an optional install: make scale")
    with pytest.raises(EmbedderUnavailable, match="--address auto"):
        embedder_named("ray", address="ray://head:10001")
