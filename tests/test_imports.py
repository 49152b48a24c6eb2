import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BELOW = {"training": set(), "index": {"training"}, "service": {"training", "index"}}
SERVED = ("images", "garment", "cutouts", "encoder", "catalogue", "table", "errors", "command", "sketch")
HEAVY = {"tensorflow", "keras"}


def named_imports(tree: ast.AST) -> Iterator[str]:
    """All that a module imports, within functions too; `from a import b` may mean the module a.b."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "an import says the whole name of the module"
            yield str(node.module)
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def module_name(path: Path, root: Path) -> str:
    return ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")


def read_imports(root: Path) -> dict[str, set[str]]:
    """Map each module of the three packages to all that it imports, its own packages' __init__ included."""
    graph = {}
    for package in BELOW:
        for path in sorted((root / package).rglob("*.py")):
            name = module_name(path, root)
            parents = {name.rsplit(".", level)[0] for level in range(1, name.count(".") + 1)}
            graph[name] = set(named_imports(ast.parse(path.read_text()))) | parents
    return graph


def package_of(module: str) -> str:
    return module.partition(".")[0]


def wrong_directions(graph: dict[str, set[str]]) -> list[str]:
    return sorted(
        f"{module} imports {name}"
        for module, names in graph.items()
        for name in names
        if package_of(name) in BELOW.keys() - BELOW[package_of(module)] - {package_of(module)}
    )


def reached(graph: dict[str, set[str]], starts: set[str]) -> set[str]:
    """Everything that importing `starts` can load, ours and others'."""
    seen: set[str] = set()
    ahead = set(starts)
    while ahead:
        seen |= ahead
        ahead = set().union(*(graph.get(module, set()) for module in ahead)) - seen
    return seen


def serving_side(graph: dict[str, set[str]]) -> set[str]:
    served = {module for module in graph if package_of(module) in ("index", "service")}
    return served | {f"training.{name}" for name in SERVED}


def heavy_imports(graph: dict[str, set[str]]) -> list[str]:
    return sorted(name for name in reached(graph, serving_side(graph)) if package_of(name) in HEAVY)


@pytest.fixture(scope="module")
def graph() -> dict[str, set[str]]:
    return read_imports(ROOT)


@pytest.fixture
def tree(tmp_path):
    """Write a small tree of packages, each with one module of the given content, and read its imports."""

    def write(**modules: str) -> dict[str, set[str]]:
        for package in BELOW:
            (tmp_path / package).mkdir(exist_ok=True)
            (tmp_path / package / "__init__.py").write_text("")
        for name, text in modules.items():
            package, _, module = name.partition("__")
            (tmp_path / package / f"{module}.py").write_text(text)
        return read_imports(tmp_path)

    return write


def test_imports_go_from_service_to_index_to_training_and_never_back(graph):
    assert wrong_directions(graph) == []


def test_nothing_on_the_serving_side_can_load_tensorflow(graph):
    assert heavy_imports(graph) == []


def test_the_modules_that_serving_needs_exist(graph):
    assert serving_side(graph) <= graph.keys()


def test_current_app_never_appears_outside_the_service():
    files = [path for package in ("training", "index") for path in (ROOT / package).rglob("*.py")]
    assert files
    assert [path for path in files if "current_app" in path.read_text()] == []


@pytest.mark.parametrize(
    ("module", "text"),
    [
        ("training__fit", "import index.vectors.flat"),
        ("training__fit", "from service import views"),
        ("training__fit", "def late():\n    from index import searcher\n"),
        ("index__build", "from service.errors import Problem"),
    ],
)
def test_an_import_in_the_wrong_direction_is_caught(tree, module, text):
    name = module.replace("__", ".")
    assert any(line.startswith(f"{name} imports ") for line in wrong_directions(tree(**{module: text})))


def test_an_import_in_the_right_direction_is_not_caught(tree):
    graph = tree(
        index__build="from training.photo.images import decode", service__app="import index.build, training"
    )
    assert wrong_directions(graph) == []


def test_tensorflow_behind_another_module_is_caught(tree):
    graph = tree(
        training__images="from training import colours",
        training__colours="def late():\n    import tensorflow as tf\n",
        training__fit="import keras",
    )
    assert heavy_imports(graph) == ["tensorflow"]


def test_tensorflow_in_a_package_head_is_caught(tree, tmp_path):
    tree()
    (tmp_path / "index" / "__init__.py").write_text("from keras import layers")
    assert heavy_imports(read_imports(tmp_path)) == ["keras", "keras.layers"]
