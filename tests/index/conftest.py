"""A small encoder that needs no model, photographs of plain shapes, and versions made of given vectors."""

import csv
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from index.build import BuildRun, publish_embedded
from index.embedding.embeddings import Embedded
from index.stores.folder.searcher import Searcher
from index.stores.folder.store import FolderStore
from training.catalogue.reader import Item
from training.photo.garment import Garment, read_garment
from training.photo.garment_types import TYPES
from training.photo.segmenter import Segmenter, shipped

NIGHT = datetime(2026, 11, 21, 2, 0, 0, tzinfo=UTC)


class ShapeEncoder:
    """The mask and the luminance in 8 x 8 fields, as a unit vector; the fingerprint is a free choice."""

    dimension = 128
    calibration = None

    def __init__(self, fingerprint: str = "f" * 64, segmenter: Segmenter | None = None) -> None:
        self.fingerprint = fingerprint
        self.segmenter = segmenter or shipped()
        self.preprocessing = self.segmenter.preprocessing
        self.description = {"fingerprint": fingerprint}

    def embed(self, images: Sequence[Path]) -> np.ndarray:
        return self.embed_garments([read_garment(image) for image in images])

    def embed_garments(self, garments: Sequence[Garment]) -> np.ndarray:
        fields = [np.stack([garment.mask, garment.rgb.mean(axis=2)]) / 255 for garment in garments]
        pooled = np.stack(fields).reshape(len(garments), 2, 8, 16, 8, 16).mean(axis=(3, 5))
        vectors = pooled.reshape(len(garments), -1) + 0.01
        return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def _unit_vectors(count: int, dimension: int = 16, seed: int = 0) -> np.ndarray:
    vectors = np.random.default_rng(seed).standard_normal((count, dimension)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def _items(count: int) -> tuple[Item, ...]:
    categories = ("dress", "skirt", "")
    return tuple(
        Item(f"sku-{row}", Path(f"/photographs/{row}.jpg"), {"category": categories[row % 3], "price": row})
        for row in range(count)
    )


def _embedded(vectors: np.ndarray, items: Sequence[Item]) -> Embedded:
    rows = np.arange(len(vectors))
    contents = np.zeros((len(vectors), 32), np.uint8)
    contents[:, :8] = rows[:, None].view(np.uint8)
    return Embedded(tuple(items), vectors, (), pictures=rows.astype(np.uint64), contents=contents)


def _publish(indexes: Path, embedded: Embedded, *, encoder: str, changes: int, now: datetime) -> str:
    with FolderStore(indexes).building(now=now) as draft:
        run = BuildRun(draft, "catalogue.csv", encoder, changes)
        return publish_embedded(run, embedded, now=now).version


def _flip_a_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def _draw(path: Path, *, left: int, top: int, round_shape: bool) -> None:
    photo = Image.new("RGB", (120, 150), "white")
    pen = ImageDraw.Draw(photo)
    (pen.ellipse if round_shape else pen.rectangle)((left, top, 120 - left, 150 - top), fill=(40, 60, 90))
    photo.save(path)


@pytest.fixture(scope="session")
def unit_vectors() -> Callable[..., np.ndarray]:
    """Random unit vectors float32 (count, dimension) of a seed."""
    return _unit_vectors


@pytest.fixture(scope="session")
def flip_a_bit() -> Callable[[Path], None]:
    return _flip_a_bit


@pytest.fixture(scope="session")
def make_encoder() -> type[ShapeEncoder]:
    return ShapeEncoder


@pytest.fixture
def encoder() -> ShapeEncoder:
    return ShapeEncoder()


@pytest.fixture
def indexes(tmp_path: Path) -> Path:
    return tmp_path / "indexes"


@pytest.fixture
def publish_version(indexes: Path) -> Callable[..., str]:
    """Publish vectors, by default 40 random ones, as the version of the given night; return its name."""

    def publish(
        vectors: np.ndarray | None = None,
        *,
        items: Sequence[Item] | None = None,
        seed: int = 0,
        encoder: str = "f" * 64,
        changes: int = 0,
        night: int = 0,
    ) -> str:
        vectors = _unit_vectors(40, seed=seed) if vectors is None else vectors
        embedded = _embedded(vectors, _items(len(vectors)) if items is None else items)
        now = NIGHT + timedelta(days=night)
        return _publish(indexes, embedded, encoder=encoder, changes=changes, now=now)

    return publish


def _plain_garment(photo: np.ndarray, kind: str | None = None, **_: Segmenter | None) -> Garment:
    """The photograph as its own cut-out, what is dark as the mask: a hundredth of the time of a real one."""
    rgb = np.asarray(Image.fromarray(photo).resize((128, 128)))
    mask = np.where(rgb.min(axis=2) < 200, 255, 0).astype(np.uint8)
    types = (1 / len(TYPES),) * len(TYPES)
    return Garment(rgb=rgb, mask=mask, box=(0.0, 0.0, 1.0, 1.0), confidence=1.0, type_shares=types)


@pytest.fixture
def plain_garments(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut nothing out, in this process, where the garments do not matter."""
    for module in ("index.embedding.embedder", "training.photo.garment"):
        monkeypatch.setattr(f"{module}.isolate", _plain_garment)


@pytest.fixture
def searcher(indexes: Path, encoder: ShapeEncoder, publish_version: Callable[..., str]) -> Searcher:
    """A searcher of a version of 40 random vectors."""
    publish_version()
    return Searcher.open(indexes, encoder=encoder)


@pytest.fixture
def catalogue_path(tmp_path: Path) -> Path:
    """A CSV catalogue of eight readable photographs, a truncated one and a text file named .jpg."""
    folder = tmp_path / "photographs"
    folder.mkdir()
    names = [f"{shape}-{number}.png" for shape in ("round", "square") for number in range(4)]
    for name in names:
        number = int(name[-5])
        _draw(folder / name, left=15 + 9 * number, top=12 + 3 * number, round_shape=name.startswith("round"))
    _draw(folder / "whole.jpg", left=20, top=20, round_shape=True)
    whole = (folder / "whole.jpg").read_bytes()
    (folder / "whole.jpg").unlink()
    (folder / "truncated.jpg").write_bytes(whole[: len(whole) // 2])
    (folder / "text.jpg").write_text("no photograph at all, only a text of some length\n")
    path = folder / "catalogue.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["item_id", "path", "category"])
        writer.writerows([Path(name).stem, name, name.split("-")[0]] for name in names)
        writer.writerows([["broken-1", "truncated.jpg", "round"], ["broken-2", "text.jpg", "round"]])
    return path
