import sys

import pytest

from index.embedding.embedders import ENGINES, engine_named
from index.embedding.local import LocalEngine
from index.errors import EngineUnavailable


def test_the_local_engine_is_named_local():
    assert ENGINES == ("local", "ray")
    assert isinstance(engine_named("local"), LocalEngine)


def test_the_local_engine_has_no_use_for_an_address():
    with pytest.raises(EngineUnavailable, match="Add --engine ray"):
        engine_named("local", address="auto")


def test_without_the_package_ray_the_error_says_how_to_install_it(monkeypatch):
    for module in [name for name in sys.modules if name.startswith("index.embedding.ray")]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(EngineUnavailable, match=r"make scale.*requirements-scale\.txt"):
        engine_named("ray")


def test_an_address_of_ray_s_client_is_refused():
    pytest.importorskip("ray", reason="Ray is an optional install: make scale")
    with pytest.raises(EngineUnavailable, match="--address auto"):
        engine_named("ray", address="ray://head:10001")
