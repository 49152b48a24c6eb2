"""What several tests share: pictures made here, and a small encoder bundle that needs no training."""

import faulthandler
import fcntl
import gc
import io
import json
import os
import re
import shutil
import signal
from collections.abc import Generator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# More threads than cores wait for each other by running. The libraries read this when they are loaded.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# Else each of the hundreds of processes that tests start would compile the product again.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
# What tests write is synced, as in production: a disk takes a third of their time for it, and memory none.
with suppress(OSError):
    memory = os.statvfs("/dev/shm")
    if memory.f_bavail * memory.f_frsize > 3 * 2**30 and not memory.f_flag & os.ST_NOEXEC:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", "/dev/shm")

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from hypothesis import Phase, settings
from PIL import Image, ImageDraw

from tests.picture_server import pictures
from training.photo.encoder import PRETRAINED as ENCODER
from training.photo.encoder import fingerprint
from training.photo.garment_types import TYPES
from training.photo.segmenter import Parse, Segmenter, shipped, squeeze

TESTS = Path(__file__).parent
SLOW = (
    "training/fit/test_fit.py",  # trains what other tests read, too
    "training/segmentation",  # the longest, trains
    "benchmarks",
    "index/embedding/test_embedder.py",  # starts processes
    "index/embedding/test_ray_embedder.py",
    "index/stores/milvus",
    "index/filters/test_columns.py",
    "index/stores/folder/test_publish.py",  # kills processes
    "index/stores/folder/test_searcher_changes.py",  # searches while versions and items change
    "index/stores/test_all_garments.py",
    "index/stores/test_part_search.py",
    "index/test_build_memory.py",
    "index/test_faults.py",
    "index/test_retraining.py",
    "index/test_segmenters.py",
    "index/test_types.py",
    "index/vectors",  # compares all kinds with brute force
    "service/http/test_metrics_folder.py",
    "service/http/test_prefix.py",  # asks for everything below each of four prefixes
    "service/picture/test_decoders.py",
    "service/requests/test_openapi.py",  # calls every endpoint with generated requests
    "service/run",  # starts servers and waits for their time limits
    "service/test_fuzz.py",
    "service/test_fuzz_heads.py",
    "training/alignment/test_agreement.py",
    "training/alignment/test_edge_maps.py",  # loads TensorFlow, as do some below
    "training/catalogue/test_drawn.py",
    "training/drawing/test_worn.py",
    "test_packaging.py",
    "test_readme.py",  # runs the commands of the README
    "training/evaluation",  # these folders load TensorFlow, and most of them train
    "training/figures",
    "training/fit",
    "training/model",
    "training/part_network",
    "training/photo/test_encoder.py",
    "training/photo/test_litert.py",
    "training/test_child_process.py",  # starts commands and kills them
    "training/test_command.py",  # starts commands and presses Ctrl-C
    "training/test_device.py",
    "training/test_native_logs.py",
    "training/test_parallel.py",
)
"""What `make quick` leaves out for its time, below tests/; `make test` begins with it."""
BROWSER = ("service/browser",)
SERVERS = {"serve", "serving", "milvus_server"}
"""Fixtures that start a server: what uses them is marked `network`."""
MILVUS = ("lite", "server")
"""Stores that are an optional install, and slow: fixtures, or parameters of them."""


settings.register_profile("unshrunk", phases=[Phase.explicit, Phase.reuse, Phase.generate])
"""For `make mutants`, which asks whether a test fails, and not how simply."""


@cache
def _is_below(path: Path, places: tuple[str, ...]) -> bool:
    return any(path.is_relative_to(TESTS / place) for place in places)


@cache
def _turn(file: Path) -> int:
    """When a file is to be begun: the slow ones first, then those in the browser, then all others."""
    places = (*SLOW, *BROWSER)
    below = (n for n, place in enumerate(places) if _is_below(file, (place,)))
    return next(below, len(places))


def _needs_milvus(item: pytest.Item) -> bool:
    fixtures = getattr(item, "fixturenames", ())
    given = item.callspec.params.values() if hasattr(item, "callspec") else ()
    return "shop_at" in fixtures and any(store in (*fixtures, *given) for store in MILVUS)


SKIPPED = "silhouette/skipped"
"""Where pytest's cache has the tests, and the files, that the last run has skipped."""


class Skipped:
    """Keeps what a run skips, for `--skipped` in the next."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        self.pytest_runtest_logreport(report)

    def pytest_runtest_logreport(self, report: pytest.TestReport | pytest.CollectReport) -> None:
        if report.skipped:
            self.names.append(report.nodeid)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        session.config.cache.set(SKIPPED, self.names)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--skipped", action="store_true", help="Run only what the last run has skipped.")


def pytest_configure(config: pytest.Config) -> None:
    """Take Ctrl-C, which a shell that starts the tests in the background turns off for what they start."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if hasattr(config, "cache") and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Skipped())


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Look for no garbage while modules are imported, nor later in what they hold."""
    gc.disable()
    collected = yield
    gc.freeze()
    gc.enable()
    return collected


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Do not even import what `make quick` leaves out: that takes longer than many tests."""
    left_out = {"not slow": SLOW, "not browser": BROWSER}
    expression = config.option.markexpr
    return any(_is_below(collection_path, left_out[name]) for name in left_out if name in expression) or None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark tests by where they lie and by the fixtures that they use, and put the slow ones first.

    Else one process would still be busy with the last of them when the other has nothing left to do.
    """
    if config.option.skipped:
        skipped = {*config.cache.get(SKIPPED, [])}
        items[:] = [item for item in items if skipped & {item.nodeid, item.nodeid.partition("::")[0]}]
    items.sort(key=lambda item: _turn(item.path))
    for item in items:
        if _is_below(item.path, SLOW) or _needs_milvus(item):
            item.add_marker("slow")
        if _is_below(item.path, BROWSER):
            item.add_marker("browser")
        if SERVERS.intersection(getattr(item, "fixturenames", ())):
            item.add_marker("network")


def pytest_unconfigure(config: pytest.Config) -> None:
    """End also where a thread or a process that a failed test has left would be waited for.

    One of two processes that is done waits for the other, which ends it.
    """
    if not hasattr(config, "workerinput"):
        faulthandler.dump_traceback_later(60, exit=True)


def shirt_photo(*, colour=(200, 30, 40), ground=(225, 225, 220), side=240):
    """A plain T-shaped garment on a plain ground: uint8 (side, side, 3)."""
    photo = np.full((side, side, 3), ground, np.uint8)
    body = slice(side // 4, side * 13 // 16), slice(side * 3 // 8, side * 5 // 8)
    arms = slice(side // 4, side * 3 // 8), slice(side // 5, side * 4 // 5)
    photo[body] = colour
    photo[arms] = colour
    return photo


def encoded(pixels, form="PNG", **options):
    """The bytes of a picture file."""
    file = io.BytesIO()
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    image.save(file, form, **options)
    return file.getvalue()


@pytest.fixture
def photo():
    return shirt_photo()


@pytest.fixture
def make_photo():
    return shirt_photo


@pytest.fixture
def encode_image():
    return encoded


def _weights(model):
    """The constants of a network, int8 arrays, largest first, that stand once in its file."""
    interpreter = Interpreter(model_content=model)
    interpreter.allocate_tensors()
    for detail in sorted(interpreter.get_tensor_details(), key=lambda one: -np.prod(one["shape"])):
        with suppress(ValueError):  # is no constant
            array = interpreter.get_tensor(detail["index"])
            if array.dtype == np.int8 and model.count(array.tobytes()) == 1:
                yield array


@pytest.fixture(scope="session")
def once(tmp_path_factory):
    """Make a folder or file once for all processes: `once(name, make)` returns it after `make(path)`.

    Whoever asks for it meanwhile waits. Tests do not change what lies in it.
    """
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent

    def once(name, make):
        folder = shared / name
        with (shared / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not folder.exists():
                made = tmp_path_factory.mktemp(name) / name
                make(made)
                made.rename(folder)
        return folder

    return once


@pytest.fixture(scope="session")
def native_lines():
    """A pattern of what LiteRT and TensorFlow would write on the terminal."""
    return re.compile(
        r"^([IWEF]\d{4} |INFO: |WARNING: |\d{4}-\d\d-\d\d .*: [IWE] )|XNNPACK|oneDNN|AVX|absl|cuda", re.M
    )


@pytest.fixture(scope="session")
def other_segmenter():
    """A segmenter that sees a little otherwise than the one that ships: some of its weights are a sixth."""
    weights = next(_weights(shipped().exported))
    return Segmenter(shipped().exported.replace(weights.tobytes(), (weights // 6).tobytes()))


@pytest.fixture(scope="session")
def own_bundle(tmp_path_factory, other_segmenter):
    """A bundle of the encoder that ships with another segmenter, for which it is said to be trained."""
    folder = tmp_path_factory.mktemp("bundle")
    shutil.copy(ENCODER / "encoder.tflite", folder)
    described = json.loads((ENCODER / "encoder.json").read_text())
    described["preprocessing"] = other_segmenter.preprocessing
    (folder / "encoder.json").write_text(json.dumps(described))
    (folder / "segmenter.tflite").write_bytes(other_segmenter.exported)
    return folder


@pytest.fixture(scope="session")
def spoilt_bundle(tmp_path_factory):
    """A bundle of the encoder that ships, spoilt: its embeddings tell garments apart by one number alone."""
    folder = shutil.copytree(ENCODER, tmp_path_factory.mktemp("spoilt") / "bundle")
    model = (folder / "encoder.tflite").read_bytes()
    head = next(weights for weights in _weights(model) if weights.ndim == 2)
    model = model.replace(head.tobytes(), np.repeat(head[:1], len(head), axis=0).tobytes())
    described = json.loads((folder / "encoder.json").read_text())
    described |= {"fingerprint": fingerprint(model), "type_weight": 0.0}
    (folder / "encoder.tflite").write_bytes(model)
    (folder / "encoder.json").write_text(json.dumps(described))
    return folder


@pytest.fixture(scope="session")
def clothing():
    """The clothing photographs' catalogue, where they are at hand."""
    catalogue = Path(__file__).parents[2] / "shared" / "clothing" / "catalogue.csv"
    if not catalogue.exists():
        pytest.skip("needs the clothing photographs, which are not part of the project")
    return catalogue


@pytest.fixture(scope="session")
def parsed_catalogue():
    """Write parsed photographs: `parsed_catalogue(folder, pictures, names)`, see `write_parsed`."""
    return write_parsed


@pytest.fixture(scope="module")
def picture_server():
    """A server of pictures on the loopback interface, see `tests.picture_server`."""
    with pictures() as server:
        yield server


@pytest.fixture(scope="session")
def drawn_people(tmp_path_factory):
    """The catalogue of twelve drawn people with pictures of labels."""
    from training.segmentation.labels import drawn_person

    names = ["background", "skin", "shirt", "coat", "dress", "pants", "skirt", "shoes", "bag", "hat"]
    labels = {str(number): drawn_person(number) for number in range(12)}
    pictures = {number: (label.photo, label.classes) for number, label in labels.items()}
    return write_parsed(tmp_path_factory.mktemp("people"), pictures, names)


def write_parsed(folder, pictures, names):
    """Write a catalogue of photographs with pictures of labels, (photo, labels) by id."""
    rows = []
    for name, (photo, labels) in pictures.items():
        Image.fromarray(photo).save(folder / f"{name}.jpg")
        Image.fromarray(labels).save(folder / f"{name}.png")
        rows.append(f"{name},{name}.jpg,{name}.png")
    (folder / "catalogue.csv").write_text("\n".join(["item_id,path,mask", *rows]))
    numbered = [f"{number},{name}" for number, name in enumerate(names)]
    (folder / "labels.csv").write_text("\n".join(["number,name", *numbered]))
    return folder / "catalogue.csv"


COLOURS = {
    "person": (230, 180, 150),
    "upper": (0, 0, 128),
    "outer": (120, 0, 120),
    "trousers": (0, 110, 0),
    "skirt": (140, 90, 0),
    "shoes": (200, 200, 40),
}
"""What `Wearing.parse` takes each colour for."""


@dataclass
class Wearing:
    """Photographs of plain shapes, told apart by their colours: `wearing.photo(upper=box, person=box)`.

    `certainty` is the probability that the parser gives to what it sees; the expected overlap is about as
    much.
    """

    certainty: float = 0.97

    @staticmethod
    def photo(*, size=(240, 380), **boxes):
        image = Image.new("RGB", size, "white")
        for name, box in boxes.items():
            ImageDraw.Draw(image).rectangle(box, fill=COLOURS[name])
        return image

    def parse(self, photo):
        small = squeeze(photo).astype(np.int32)
        seen = {name: np.abs(small - colour).max(axis=-1) < 60 for name, colour in COLOURS.items()}
        nothing = np.zeros_like(seen["person"])
        types = np.stack([seen.get(kind, nothing) for kind in TYPES], axis=-1)
        shares = types[::2, ::2] * 0.9 + 0.1 / len(TYPES)
        shares /= shares.sum(axis=-1, keepdims=True)
        garment = types.any(axis=-1) * np.float32(self.certainty)
        return Parse(seen["person"].astype(np.float32), garment, shares.astype(np.float32))


@pytest.fixture
def wearing(monkeypatch):
    """Tell garments in this process by their colours, so that no test depends on what the network learned."""
    made = Wearing()
    monkeypatch.setattr(Segmenter, "parse", lambda _, photo: made.parse(photo))
    return made
