"""The two stores have the same modules for the same things, and know nothing of each other."""

import ast
from pathlib import Path

import pytest

STORES = Path(__file__).parents[3] / "index" / "stores"
SHARED = {
    "changes",
    "draft",
    "filtering",
    "items",
    "overlay",
    "publish",
    "ranking",
    "searcher",
    "store",
    "sweep",
    "version",
}
OF_ITS_OWN = {
    "folder": {"gallery", "journal"},
    "milvus": {
        "connection",
        "index_types",
        "map_files",
        "metadata_values",
        "milvus_address",
        "place",
        "table",
        "terms",
        "totals",
    },
}


def modules(store: str) -> set[str]:
    return {path.stem for path in (STORES / store).glob("*.py")} - {"__init__"}


def imports(path: Path) -> set[str]:
    tree = ast.parse(path.read_text())
    return {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)} | {
        alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names
    }


@pytest.mark.parametrize("store", OF_ITS_OWN)
def test_a_store_has_the_shared_modules_and_a_few_of_its_own(store):
    assert modules(store) == SHARED | OF_ITS_OWN[store]


@pytest.mark.parametrize(("store", "other"), [("folder", "milvus"), ("milvus", "folder")])
def test_a_store_imports_nothing_of_the_other(store, other):
    named = {name for path in (STORES / store).glob("*.py") for name in imports(path)}
    assert any(name.startswith(f"index.stores.{store}.") for name in named)
    assert [name for name in named if name.startswith(f"index.stores.{other}")] == []


def test_what_both_stores_use_knows_neither():
    shared = [path for path in STORES.glob("*.py") if path.stem != "address"]
    assert {path.stem for path in shared} >= {"store", "lock", "self_search", "version_names"}
    named = {name for path in shared for name in imports(path)}
    assert [name for name in named if name.startswith(("index.stores.folder", "index.stores.milvus"))] == []
