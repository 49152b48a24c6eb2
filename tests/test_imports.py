import subprocess
import sys
from collections import Counter

import numpy as np
import pytest
from PIL import Image

from tests.import_graph import (
    BELOW,
    ROOT,
    SERVING,
    Graph,
    circles,
    module_files,
    modules_below,
    package_of,
    read_imports,
    serving_side,
)

HEAVY = {"tensorflow", "keras"}
OPTIONAL = {"ray", "pymilvus", "fsspec"}
IN_WORKERS = {"training.fit.dataset", "training.fit.calibration", "training.segmentation.labels"}
"""Modules of the training whose functions run in processes of their own, one a core."""
CHECKS = {"training.__main__", "training.fit.fit", "training.fit.run", "training.model.weights"}
"""Modules by which a command refuses what it can't use before it loads TensorFlow."""

IMPORT_ALL = f"""
import importlib, sys
for name in sys.argv[1:]:
    try:
        importlib.import_module(name)
    except ModuleNotFoundError as error:
        if str(error.name).partition(".")[0] not in {OPTIONAL}:
            raise
print(sorted({HEAVY} & sys.modules.keys()))
"""


def wrong_directions(graph: Graph) -> list[str]:
    return sorted(
        f"{module} imports {name}"
        for module, names in graph.items()
        for name in names
        if package_of(name) in BELOW.keys() - BELOW[package_of(module)] - {package_of(module)}
    )


def heavy_imports(graph: Graph) -> list[str]:
    return sorted(name for name in serving_side(graph) if package_of(name) in HEAVY)


@pytest.fixture(scope="module")
def graph() -> Graph:
    return read_imports()


@pytest.fixture
def tree(tmp_path):
    """Write a small tree of packages with modules of the given content, and read its imports."""

    def write(**modules: str) -> Graph:
        for package in BELOW:
            (tmp_path / package).mkdir(exist_ok=True)
            (tmp_path / package / "__init__.py").write_text("")
        for name, text in modules.items():
            package, _, module = name.partition("__")
            path = tmp_path.joinpath(package, *module.split("__")).with_suffix(".py")
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
        return read_imports(tmp_path)

    return write


def test_imports_go_from_service_to_index_to_training_and_never_back(graph):
    assert wrong_directions(graph) == []


def test_nothing_on_the_serving_side_can_load_tensorflow(graph):
    assert heavy_imports(graph) == []


def test_the_folders_that_serving_needs_exist(graph):
    assert all(modules_below(graph, folder) for folder in SERVING)


def test_a_process_that_imports_all_that_serves_cuts_out_or_checks_has_not_loaded_tensorflow(graph):
    names = sorted(modules_below(graph, *SERVING) | IN_WORKERS | CHECKS)
    done = subprocess.run(
        [sys.executable, "-c", IMPORT_ALL, *names], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


EMBED = """
import sys
from pathlib import Path
import index.__main__
from index.embedding.embedder import ItemPhoto, embed_photo
from training.photo.encoder import PRETRAINED, Encoder
found = embed_photo(ItemPhoto(Path(sys.argv[1])), Encoder.load(PRETRAINED)).embedding
print(found.views.vectors.shape, {"scipy.ndimage", "scipy.special", "scipy.fft"} & sys.modules.keys())
"""


def test_commands_of_the_index_start_and_embed_without_the_parts_of_scipy(tmp_path):
    """They take longer to load than all else, and 20 MB."""
    place = tmp_path / "photograph.png"
    Image.fromarray(np.random.default_rng(1).integers(0, 255, (90, 70, 3), np.uint8)).save(place)
    command = [sys.executable, "-c", EMBED, place]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "(1, 136) set()\n"


@pytest.mark.parametrize("package", BELOW)
def test_no_circle_of_imports_runs_through_two_folders(graph, package):
    assert circles(graph, package) == []


def test_the_name_of_a_module_occurs_once():
    again = Counter(path.stem for path in module_files().values() if "stores" not in path.parts)
    stores = {path.stem for path in module_files().values() if "stores" in path.parts}
    assert {name for name, count in again.items() if count > 1} == {
        "__init__",
        "__main__",
        "config",
        "errors",
    }
    assert stores & again.keys() == {"__init__"}


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
        training__photo__images="from training import colours",
        training__colours="def late():\n    import tensorflow as tf\n",
        training__fit="import keras",
    )
    assert heavy_imports(graph) == ["tensorflow"]


def test_tensorflow_in_a_package_head_is_caught(tree, tmp_path):
    tree()
    (tmp_path / "index" / "__init__.py").write_text("from keras import layers")
    assert heavy_imports(read_imports(tmp_path)) == ["keras", "keras.layers"]


def test_a_circle_through_two_folders_is_caught(tree):
    graph = tree(
        training__photo__images="import training.fit.dataset",
        training__fit__dataset="from training.fit import run",
        training__fit__run="from training.photo import decoder",
        training__photo__decoder="",
    )
    assert circles(graph, "training") == [
        "training.fit.run imports training.photo.decoder",
        "training.photo.images imports training.fit.dataset",
    ]


def test_modules_of_one_folder_and_one_way_between_folders_are_no_circle(tree):
    graph = tree(
        training__fit__dataset="from training.fit import run",
        training__fit__run="from training.fit import dataset\nfrom training import errors, photo",
        training__photo__images="from training import errors",
        training__errors="",
        training__options="import training.photo.images",
    )
    assert circles(graph, "training") == []
