"""The imports of the three packages as a graph, read from their source: module -> all that it imports."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
BELOW: dict[str, set[str]] = {"training": set(), "index": {"training"}, "service": {"training", "index"}}
SERVING = ("training.photo", "training.alignment", "index", "service")
"""The folders that run where there is no TensorFlow, with all that they reach."""

Graph = dict[str, set[str]]


def named_imports(tree: ast.AST) -> Iterator[str]:
    """All that a module imports, within functions too; `from a import b` may mean the module a.b."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "an import says the whole name of the module"
            yield str(node.module)
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def module_files(root: Path = ROOT) -> dict[str, Path]:
    """Map each module of the three packages to its file; a package is named like its folder."""
    paths = [path for package in BELOW for path in sorted((root / package).rglob("*.py"))]
    names = (".".join(path.relative_to(root).with_suffix("").parts) for path in paths)
    return {name.removesuffix(".__init__"): path for name, path in zip(names, paths, strict=True)}


def read_imports(root: Path = ROOT) -> Graph:
    """Read the graph; a module imports the `__init__` of the folders that it lies in, too."""
    graph = {}
    for name, path in module_files(root).items():
        parents = {name.rsplit(".", level)[0] for level in range(1, name.count(".") + 1)}
        graph[name] = set(named_imports(ast.parse(path.read_text()))) | parents
    return graph


def package_of(module: str) -> str:
    return module.partition(".")[0]


def modules_below(graph: Graph, *folders: str) -> set[str]:
    return {module for module in graph if any(f"{module}.".startswith(f"{folder}.") for folder in folders)}


def reached(graph: Graph, starts: set[str]) -> set[str]:
    """Everything that importing `starts` can load, ours and others'."""
    seen: set[str] = set()
    ahead = set(starts)
    while ahead:
        seen |= ahead
        ahead = set().union(*(graph.get(module, set()) for module in ahead)) - seen
    return seen


def serving_side(graph: Graph) -> set[str]:
    """Everything that can be loaded where an index is built or served, ours and others'."""
    return reached(graph, modules_below(graph, *SERVING))


def room_of(module: str, graph: Graph) -> str:
    """Return a module's folder; a module that lies beside folders is a room by itself."""
    folder = module.rpartition(".")[0]
    inner = {other.rpartition(".")[0] for other in graph if other.rpartition(".")[0] != folder}
    return module if any(other.startswith(f"{folder}.") for other in inner) else folder


def circles(graph: Graph, package: str) -> list[str]:
    """Name the imports between two rooms of a package that are part of a circle."""
    modules = modules_below(graph, package)
    folders = {module.rpartition(".")[0] for module in modules}
    room = {module: room_of(module, graph) for module in modules - folders}
    arrows: Graph = {name: set() for name in room.values()}
    for module in room:
        arrows[room[module]] |= {room[name] for name in graph[module] & room.keys()} - {room[module]}
    back = {name: reached(arrows, arrows[name]) for name in arrows}
    return sorted(
        f"{module} imports {name}"
        for module in room
        for name in graph[module] & room.keys()
        if room[name] != room[module] and room[module] in back[room[name]]
    )
