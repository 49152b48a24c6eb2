"""A service over twelve drawn shapes: a fake encoder and searcher with the interface of the real ones."""

import io
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image, ImageDraw

from index.errors import ItemUnknown
from index.searcher import Hit, Page
from service.app import create_app
from service.config import Config
from training.catalogue import Item
from training.garment import read_garment

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
    manifest: SimpleNamespace = field(
        default_factory=lambda: SimpleNamespace(
            version="2026-11-21T02-00-00Z",
            built_at="2026-11-21T02:00:00+00:00",
            items=12,
            encoder="f" * 64,
            catalogue="drawn",
            kind="flat",
        )
    )

    def snapshot(self):
        return self

    def refresh(self):
        self.refreshed += 1
        return False

    def item(self, item_id):
        return self.items[self._row(item_id)]

    def search(self, vectors, *, limit, offset=0, min_score=-1.0):
        return [self._page(vector, limit, offset, min_score) for vector in vectors]

    def similar(self, item_id, *, limit, offset=0, min_score=-1.0):
        row = self._row(item_id)
        return self._page(self.vectors[row], limit, offset, min_score, without=row)

    def _row(self, item_id):
        for row, item in enumerate(self.items):
            if item.item_id == item_id:
                return row
        raise ItemUnknown(f"The index holds no item '{item_id}'.")

    def _page(self, vector, limit, offset, min_score, without=-1):
        scores = self.vectors @ vector
        order = [row for row in np.argsort(-scores, kind="stable") if row != without]
        order = [row for row in order if scores[row] >= min_score]
        hits = tuple(
            Hit(rank, float(scores[row]), 50.0 + 50.0 * float(scores[row]), self.items[row])
            for rank, row in enumerate(order, start=1)
        )
        end = offset + limit
        return Page(hits[offset:end], len(hits), end if end < len(hits) else None)


def _gallery(folder):
    for category, (left, top, right, bottom) in SHAPES.items():
        for number in range(4):
            path = folder / f"{category}-{number}.png"
            drawn((left + number, top, right - number, bottom)).save(path)
            yield Item(f"{category}/{number}", path, {"category": category, "price": 10 + number})


@pytest.fixture
def pictures():
    """Make pictures: `pictures.drawn(box)`, `pictures.encoded(image)`, and the boxes in `pictures.SHAPES`."""
    return SimpleNamespace(drawn=drawn, encoded=encoded, SHAPES=SHAPES)


@pytest.fixture(scope="session")
def vectors(tmp_path_factory):
    items = _gallery(tmp_path_factory.mktemp("gallery"))
    return FakeEncoder().embed_garments([read_garment(item.path) for item in items])


@pytest.fixture
def searcher(tmp_path, vectors):
    folder = tmp_path / "gallery"
    folder.mkdir()
    return FakeSearcher(FakeEncoder(), list(_gallery(folder)), vectors)


@pytest.fixture
def config(tmp_path):
    return Config(indexes=tmp_path / "indexes", query_folder=tmp_path / "queries")


@pytest.fixture
def app(config, searcher):
    return create_app(config, searcher)


@pytest.fixture
def client(app):
    client = app.test_client()
    client.open = partial(client.open, buffered=True)  # files that are sent are read and closed
    return client


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
