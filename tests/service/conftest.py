"""A service over twelve drawn shapes: a fake encoder and searcher with the interface of the real ones."""

import importlib.metadata
import io
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import zipfile
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image, ImageDraw
from werkzeug.routing import Rule

from index.build import BuildOptions, build_index
from index.build_notes import build_notes, noting
from index.comparison import Difference
from index.errors import ItemUnknown
from index.filters.facets import Facet
from index.filters.field_values import FieldValues
from index.filters.postings import posted
from index.gate.checks import LAST_GATE
from index.manifest import read_manifest, write_manifest
from index.pages import NEAREST
from index.stores.folder.searcher import Hit, Page, Searcher
from index.stores.store import LAST_REPORT
from service.config import Config
from service.http.keys import add_key
from service.run.app import create_app
from training.catalogue.drawn import draw
from training.catalogue.reader import BadItem, Catalogue, Item, write_report
from training.photo.encoder import PRETRAINED, Encoder
from training.photo.garment import read_garment
from training.photo.segmenter import shipped

ROOT = Path(__file__).parents[2]
SIDE = 8
SHAPES = {"dress": (40, 20, 80, 170), "shirt": (20, 40, 100, 110), "hat": (15, 80, 105, 115)}


def drawn(box, *, size=(120, 190), mode="RGB", ground="white", ink="navy"):
    image = Image.new("RGB", size, ground)
    ImageDraw.Draw(image).rectangle(box, fill=ink)
    return image.convert(mode)


def encoded(image, form="JPEG", **options):
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


class FakeEncoder:
    """Eight by eight means of the mask, centred, to unit length: enough to tell a dress from a shirt."""

    fingerprint = "f" * 64
    dimension = SIDE * SIDE
    description = {"fingerprint": fingerprint}
    calibration = None
    segmenter = shipped()
    preprocessing = segmenter.preprocessing

    def embed(self, images):
        return self.embed_garments([read_garment(image) for image in images])

    def embed_garments(self, garments):
        means = [g.mask.reshape(SIDE, 16, SIDE, 16).mean(axis=(1, 3)).ravel() for g in garments]
        vectors = np.asarray(means, np.float32) + 1e-3
        vectors -= vectors.mean(axis=1, keepdims=True)
        vectors[:, 0] += 1e-3
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@dataclass
class FakeSearcher:
    encoder: FakeEncoder
    items: list[Item]
    vectors: np.ndarray
    refreshed: int = 0
    has_parts: bool = False
    pending: int = 0
    manifest: SimpleNamespace = field(
        default_factory=lambda: SimpleNamespace(
            version="2026-11-21T02-00-00Z",
            built_at="2026-11-21T02:00:00+00:00",
            items=12,
            encoder="f" * 64,
            catalogue="drawn",
            kind="flat",
            duplicates=0,
            photographs=30,
            categories=None,
            roots=None,
            nearness=lambda head: (1 + head) / 2,
        )
    )

    @property
    def count(self):
        return len(self.items)

    def snapshot(self):
        return self

    def refresh(self):
        self.refreshed += 1
        return False

    def sample(self, count):
        return self.items[:count]

    def facets(self, fields=()):
        return [Facet("category", (("dress", 4), ("hat", 4))), Facet("price", lowest=10, highest=13)]

    def has_field(self, field):
        return any(field in item.metadata for item in self.items)

    def item(self, item_id):
        return self.items[self._row(item_id)]

    def search(self, vectors, options):
        return [self._page(vector, **vars(options)) for vector in vectors]

    def similar(self, item_id, options):
        row = self._row(item_id)
        return self._page(self.vectors[row], without=row, **vars(options))

    def _row(self, item_id):
        for row, item in enumerate(self.items):
            if item.item_id == item_id:
                return row
        raise ItemUnknown(f"The index holds no item '{item_id}'.")

    def _page(self, vector, limit, offset, min_score, where, collapse, arrangement, part, without=-1):
        assert part is None, "the index of this service has no part maps"
        scores = self.vectors @ vector
        order = [row for row in np.argsort(-scores, kind="stable") if row != without]
        order = [row for row in order if scores[row] >= min_score]
        order = [row for row in order if where is None or where.matches(self.items[row].metadata)]
        if collapse:  # duplicates have one picture
            paths = [self.items[row].path for row in order]
            order = [row for at, row in enumerate(order) if paths[at] not in paths[:at]]
        arranged = self._arranged(arrangement, scores[order], [self.items[row] for row in order])
        plain = self._hits(scores, order)
        hits = self._hits(scores, [order[place] for place in arranged.order])
        end = offset + limit
        nearest = plain[:NEAREST] if arrangement.reorders else None
        following = end if end < len(hits) else None
        return Page(hits[offset:end], len(hits), following, arranged.facets, arranged.unseen, nearest)

    def _arranged(self, arrangement, scores, items):
        return arrangement.arrange(
            scores,
            lambda field: FieldValues.of(
                (at, value) for at, item in enumerate(items) for value in posted(item.metadata.get(field))
            ),
        )

    def _hits(self, scores, rows):
        return tuple(
            Hit(rank, float(scores[row]), 50.0 + 50.0 * float(scores[row]), self.items[row])
            for rank, row in enumerate(rows, start=1)
        )


def _items(gallery):
    for category in SHAPES:
        for number in range(4):
            metadata = {"category": category, "price": 10 + number}
            yield Item(f"{category}/{number}", gallery / f"{category}-{number}.png", metadata)


@pytest.fixture
def pictures():
    """Make pictures: `pictures.drawn(box)`, `pictures.encoded(image)`, and the boxes in `pictures.SHAPES`."""
    return SimpleNamespace(drawn=drawn, encoded=encoded, SHAPES=SHAPES)


@pytest.fixture(scope="session")
def gallery(tmp_path_factory):
    """The folder of the twelve pictures; tests that change them have a copy."""
    folder = tmp_path_factory.mktemp("gallery")
    for category, (left, top, right, bottom) in SHAPES.items():
        for number in range(4):
            drawn((left + number, top, right - number, bottom)).save(folder / f"{category}-{number}.png")
    return folder


@pytest.fixture(scope="session")
def vectors(gallery):
    return FakeEncoder().embed([item.path for item in _items(gallery)])


@pytest.fixture
def searcher(tmp_path, gallery, vectors):
    items = list(_items(shutil.copytree(gallery, tmp_path / "gallery")))
    return FakeSearcher(FakeEncoder(), items, vectors)


@pytest.fixture
def config(tmp_path):
    return Config(
        indexes=tmp_path / "indexes",
        query_folder=tmp_path / "queries",
        thumbnail_folder=tmp_path / "thumbnails",
        usage_file=tmp_path / "usage.sqlite",
    )


@pytest.fixture(scope="session", autouse=True)
def addresses_compiled_once():
    """Compile what makes the addresses of a route once for all apps: it is most of the time of making one."""
    compiled, compile_builder = {}, Rule._compile_builder

    def once(rule, append_unknown=True):
        key = rule.rule, rule.subdomain, rule.host, repr(rule.defaults), append_unknown
        if key not in compiled:
            compiled[key] = compile_builder(rule, append_unknown)
        return compiled[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Rule, "_compile_builder", once)
        yield


@pytest.fixture
def app(config, searcher):
    return create_app(config, searcher)


@pytest.fixture
def client(app):
    client = app.test_client()
    client.open = partial(client.open, buffered=True)  # files that are sent are read and closed
    return client


@pytest.fixture(scope="session")
def published(tmp_path_factory, gallery):
    """A folder of indexes with two versions of the gallery, made by the real build."""
    folder = shutil.copytree(gallery, tmp_path_factory.mktemp("published") / "shop")
    items = tuple(_items(folder))
    catalogue = Catalogue("drawn", items, ())
    indexes = folder / "indexes"
    for night in (20, 21):
        now = datetime(2026, 11, night, 2, tzinfo=UTC)
        build_index(
            catalogue, FakeEncoder(), indexes=indexes, options=BuildOptions("flat", processes=1), now=now
        )
    return indexes


def _note_build(indexes, root, *, version, since, first, skipped=(), golden=None):
    """Note a build, whose pictures lie in `root`; `skipped` are ids, paths and reasons."""
    with noting(indexes, catalogue="drawn", encoder=PRETRAINED) as build:
        write_report(indexes / LAST_REPORT, (BadItem(*map(str, line)) for line in skipped))
        verdict = {"figures": {"recall_at_10": 1.0}, "failures": [], "golden": [golden] if golden else []}
        (indexes / LAST_GATE).write_text(json.dumps(verdict))
        manifest = SimpleNamespace(version=version, items=12, bad=len(skipped))
        counts = {name: len(ids) for name, ids in first.items()}
        difference = Difference(**counts, since=since, first=first)
        built = SimpleNamespace(
            manifest=manifest, difference=difference, cached=0, seconds={"embed": 2.5, "check": 0.5}
        )
        build.published(built, PRETRAINED)
    for name in (version, since):  # the pictures may be served
        allowed = replace(read_manifest(indexes / name), roots=(str(root),))
        write_manifest(indexes / name, allowed)
    return build_notes(indexes)[0]


@pytest.fixture(scope="session")
def note_build():
    """Note a build: `note_build(indexes, root, version=…, since=…, first=…, skipped=…, golden=…)`."""
    return _note_build


@pytest.fixture
def live(published, tmp_path):
    """A service over a copy of the published index, and the key that it takes."""
    config = Config(
        indexes=tmp_path / "indexes",
        query_folder=tmp_path / "queries",
        thumbnail_folder=tmp_path / "thumbnails",
        usage_file=tmp_path / "usage.sqlite",
        keys=tmp_path / "keys.json",
    )
    shutil.copytree(published, config.indexes)
    key = add_key(config.keys, "tests")
    encoder = FakeEncoder()
    app = create_app(config, Searcher.open(config.indexes, encoder=encoder))
    client = app.test_client()
    client.open = partial(client.open, buffered=True)
    headers = {"Authorization": f"Bearer {key}"}
    return SimpleNamespace(app=app, client=client, config=config, encoder=encoder, key=key, headers=headers)


class Serving:
    """`python -m service serve` in a process of its own; `settings` are variables without their prefix."""

    def __init__(self, folder, **settings):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._log = folder / "log"
        (folder / "tmp").mkdir()
        clean = {name: text for name, text in os.environ.items() if not name.startswith("SILHOUETTE_")}
        given = {f"SILHOUETTE_{name.upper()}": str(value) for name, value in settings.items()}
        with self._log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "service", "serve", "--port", str(self.port)],
                cwd=folder,
                env={
                    **clean,
                    "PYTHONPATH": str(ROOT),
                    "TMPDIR": str(folder / "tmp"),
                    **given,
                },
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            )
        if "Silhouette answers" not in self.process.stdout.readline():
            self.end()
            raise AssertionError(self._log.read_text())

    def workers(self):
        listed = subprocess.run(["pgrep", "-P", str(self.process.pid)], capture_output=True, text=True)
        return {int(pid) for pid in listed.stdout.split()}

    def lines(self):
        """Return what was logged; LiteRT writes lines of its own."""
        return [json.loads(line) for line in self._log.read_text().splitlines() if line.startswith("{")]

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.port), timeout=120)

    def exchange(self, data):
        """Send bytes and return all that comes back until the service ends the connection."""
        with self.connect() as connection:
            connection.sendall(data)
            return b"".join(iter(lambda: connection.recv(65536), b""))

    def end(self):
        self.process.terminate()
        try:
            return self.process.wait(timeout=60)
        finally:
            if self.process.returncode is None:
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.stdout.close()


@pytest.fixture(scope="session")
def garments(tmp_path_factory):
    """A folder with `indexes` of twelve drawn garments, by the encoder that ships, and their photographs."""
    folder = tmp_path_factory.mktemp("garments")
    items = []
    for number in range(12):
        shape, _, picture = draw(number, seed=1)
        path = folder / f"{number}.jpg"
        Image.fromarray(picture).save(path, quality=92)
        items.append(Item(f"{shape.type}/{number}", path, {"category": shape.type, "price": 10 + number}))
    shutil.copy(folder / "3.jpg", folder / "photograph.jpg")
    catalogue = Catalogue("drawn", tuple(items), ())
    encoder = Encoder.load(PRETRAINED)
    build_index(catalogue, encoder, indexes=folder / "indexes", options=BuildOptions("flat", processes=1))
    return folder


@pytest.fixture(scope="session")
def serve(garments, tmp_path_factory):
    """Start a service over a copy of `garments`, in a folder of its own: `serve(**settings)`."""
    started = []

    def start(**settings):
        folder = tmp_path_factory.mktemp("serving") / "shop"
        shutil.copytree(garments, folder)
        started.append(Serving(folder, **settings))
        started[-1].folder = folder
        return started[-1]

    yield start
    for serving in started:
        serving.end()


@pytest.fixture(scope="session")
def serving(serve):
    """One service for all tests that leave it as it was: two workers, a key, JSON in its log."""
    return serve(workers=2)


def _with_requirements(name):
    """Return an installed distribution and all that it requires here, by their names."""
    found, ahead = {}, [name]
    while ahead:
        name = ahead.pop()
        with suppress(importlib.metadata.PackageNotFoundError):  # is not required here
            found[name] = importlib.metadata.distribution(name)
            texts = [text for text in found[name].requires or [] if "extra ==" not in text]
            ahead += {re.split(r"[^\w-]", text)[0] for text in texts} - found.keys()
    return found


@pytest.fixture(scope="session")
def installed(once):
    """The client for Python, built as a wheel, in an environment that has nothing but what it requires.

    `installed.python` is its interpreter, `installed.wheel` the wheel.
    """

    def make(folder):
        folder.mkdir()
        build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder]
        subprocess.run(build, cwd=ROOT / "clients" / "python", check=True, capture_output=True)
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "venv"], check=True)
        (site,) = folder.glob("venv/lib/python*/site-packages")
        (wheel,) = folder.glob("*.whl")
        zipfile.ZipFile(wheel).extractall(site)
        for distribution in _with_requirements("httpx").values():
            for top in {file.parts[0] for file in distribution.files} - {".."}:
                (site / top).symlink_to(distribution.locate_file(top))

    folder = once("client", make)
    (wheel,) = folder.glob("*.whl")
    return SimpleNamespace(python=folder / "venv" / "bin" / "python", wheel=wheel)


@pytest.fixture
def photo():
    return encoded(drawn(SHAPES["dress"]))


@pytest.fixture
def post(client):
    """Send a search: `post(bytes)`, or `post(data=..., json=...)` for anything else."""

    def send(content=None, *, address="/v1/search", **options):
        if content is not None:
            fields = options.pop("fields", {})
            options["data"] = {"file": (io.BytesIO(content), "photo.jpg"), **fields}
        return client.post(address, **options)

    return send


@pytest.fixture
def nowhere(tmp_path) -> Path:
    return tmp_path / "nowhere"
