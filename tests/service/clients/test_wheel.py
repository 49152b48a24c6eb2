"""The client for Python as one installs it: its wheel, alone with what it requires."""

import json
import re
import subprocess
import tomllib
import zipfile
from email.parser import Parser

from tests.import_graph import ROOT

SOURCE = ROOT / "clients" / "python" / "src"
PROGRAM = """
import importlib.metadata, json, sys, silhouette_client
loaded = {name.partition(".")[0] for name in sys.modules} - set(sys.stdlib_module_names)
version = importlib.metadata.version("silhouette-client")
print(json.dumps([silhouette_client.__file__, sorted(loaded), version]))
"""


def test_the_wheel_holds_the_source_its_types_and_the_licence(installed):
    sources = {str(path.relative_to(SOURCE)) for path in SOURCE.rglob("*.py")}
    with zipfile.ZipFile(installed.wheel) as wheel:
        names = {name for name in wheel.namelist() if ".dist-info/" not in name}
        (licence,) = [name for name in wheel.namelist() if name.endswith("/LICENSE")]
        assert wheel.read(licence) == (ROOT / "LICENSE").read_bytes()
    assert names == sources | {"silhouette_client/py.typed"}


def test_the_wheel_requires_httpx_alone(installed):
    with zipfile.ZipFile(installed.wheel) as wheel:
        (path,) = [name for name in wheel.namelist() if name.endswith("/METADATA")]
        metadata = Parser().parsestr(wheel.read(path).decode())
    assert [re.match(r"[\w-]+", text)[0] for text in metadata.get_all("Requires-Dist")] == ["httpx"]


def test_in_an_environment_of_its_own_the_client_loads_no_part_of_the_service(installed):
    words = [installed.python, "-I", "-c", PROGRAM]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    place, loaded, version = json.loads(done.stdout)
    assert place.startswith(str(installed.python.parents[1]))
    assert {"httpx", "silhouette_client"} <= set(loaded)
    assert not {"flask", "numpy", "PIL", "service", "index", "training"} & set(loaded)
    assert version == tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]


def test_both_clients_have_the_version_of_the_service():
    package = json.loads((ROOT / "clients" / "js" / "package.json").read_text())
    assert package["version"] == tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
