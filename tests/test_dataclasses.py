import ast

from tests.import_graph import ROOT, module_files

GATHERING = {
    "training/drawing/pattern.py": {"Pattern"},  # a garment's pieces are added one after the other
    "index/embedding/embeddings.py": {"_Work"},  # the state of one run
    "index/build.py": {"BuildRun"},  # a build under way
}
"""What may change once it was made."""


def thawed(text):
    """Return the names of a module's dataclasses that are not frozen."""
    names = set()
    for node in ast.walk(ast.parse(text)):
        for decorator in node.decorator_list if isinstance(node, ast.ClassDef) else []:
            shown = ast.unparse(decorator)
            if shown.startswith(("dataclass", "dataclasses.dataclass")) and "frozen=True" not in shown:
                names.add(node.name)
    return names


def test_every_dataclass_is_frozen_but_for_those_that_gather():
    found = {str(path.relative_to(ROOT)): thawed(path.read_text()) for path in module_files().values()}
    assert {path: names for path, names in found.items() if names} == GATHERING


def test_a_dataclass_that_is_not_frozen_is_found():
    text = "@dataclass(frozen={})\nclass A: ...\n@dataclass\nclass B: ...\nclass C: ...\n"
    assert thawed(text.format("False")) == {"A", "B"}
    assert thawed(text.format("True")) == {"B"}
