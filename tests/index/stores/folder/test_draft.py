import os

import pytest

from index.stores.folder import draft


@pytest.mark.parametrize(
    ("container", "memory"),
    [("4096\n", 4096), ("max\n", 3 * 2**30), (str(2**40), 3 * 2**30), (None, 3 * 2**30)],
    ids=["less", "unlimited", "more", "none"],
)
def test_the_memory_is_that_of_the_container_where_it_has_less_than_the_machine(
    monkeypatch, tmp_path, container, memory
):
    machine = {"SC_PAGE_SIZE": 4096, "SC_PHYS_PAGES": 3 * 2**18}
    monkeypatch.setattr(os, "sysconf", machine.__getitem__)
    monkeypatch.setattr(draft, "_CONTAINER", tmp_path / "memory.max")
    if container is not None:
        (tmp_path / "memory.max").write_text(container)
    assert draft._memory() == memory


def test_a_kind_is_chosen_where_none_is_asked_for_and_the_reason_is_kept(monkeypatch, unit_vectors, tmp_path):
    monkeypatch.setattr(
        draft, "choose_kind", lambda count, dimension, memory, flat_ms: ("sq8", f"{count} of {dimension}")
    )
    chosen, parameters = draft._make_index(unit_vectors(300), tmp_path / "vectors", kind="auto", recall=0.9)
    assert chosen.kind == "sq8" and parameters == {**chosen.parameters, "why": "300 of 16"}
    asked, parameters = draft._make_index(unit_vectors(300), tmp_path / "vectors", kind="flat", recall=0.9)
    assert asked.kind == "flat" and parameters == asked.parameters
