"""What a service is measured with: an index of made-up items, and photographs as cameras save them."""

import io
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from index.build import BuildOptions, BuildRun, publish_embedded
from index.embedding.embeddings import Embedded
from index.scratch import zeros
from index.stores.address import open_store
from index.stores.folder.store import FolderStore
from index.stores.store import Store
from index.views import Views, arranged
from training.catalogue.reader import Catalogue, Item
from training.photo.encoder import Encoder

CATEGORIES = ("dress", "shirt", "skirt", "trousers", "coat", "hoodie", "shorts", "sweater", "t-shirt")
COLOURS = ("black", "white", "navy", "red", "beige", "green", "grey", "pink")
LIMIT = 20
"""Results that are asked for."""

RIVAL_FOLDER = "RIVAL_FOLDER"
"""Variable that names the folder of `write_plain`, for the rival."""

GRAIN = 6.0
"""Standard deviation of the noise in a photograph: 12 megapixels then make a file of 2.5 MB."""


def unit_vectors(count: int, dimension: int) -> np.ndarray:
    """Return float32 (count, dimension), the same ones each time."""
    vectors = np.random.default_rng(0).standard_normal((count, dimension)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def made_item(row: int) -> Item:
    """Return an item of six fields, the same one each time."""
    metadata = {
        "category": CATEGORIES[row % len(CATEGORIES)],
        "colour": COLOURS[row // 3 % len(COLOURS)],
        "brand": f"Brand {row % 211}",
        "title": f"Garment number {row}",
        "price": 9.9 + row % 190,
        "in_stock": row % 5 > 0,
    }
    return Item(f"sku-{row:07d}", Path(f"/photographs/{row}.jpg"), metadata)


def publish_items(indexes: Path, vectors: np.ndarray, encoder: Encoder, *, kind: str, store: str = "") -> str:
    """Publish an index of `vectors`, with metadata, in a store; return the kind that it is."""
    items = tuple(map(made_item, range(len(vectors))))
    embedded = Embedded(items, vectors, (), *pictures_of(len(items)))
    return publish(open_store(store, indexes), embedded, encoder, kind)


def publish_views(indexes: Path, views: Sequence[Views], encoder: Encoder, *, kind: str) -> str:
    """Publish an index of items with these views, as `publish_items` does."""
    owners, rows = arranged(views)
    items = [made_item(row) for row in range(len(views))]
    items = [
        item.showing([item.path.with_suffix(f".{n}.jpg") for n in range(int(each.photographs.max()) + 1)])
        for item, each in zip(items, views, strict=True)
    ]
    embedded = Embedded(
        tuple(items), rows.vectors, (), *pictures_of(len(views)), owners=owners, boxes=rows.boxes
    )
    return publish(FolderStore(indexes), replace(embedded, photographs=rows.photographs), encoder, kind)


def pictures_of(count: int, folder: Path | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Return perceptual hashes and digests of photographs, all different."""
    hashes, contents = zeros((count,), np.uint64, folder), zeros((count, 32), np.uint8, folder)
    hashes[:] = np.random.default_rng(1).integers(0, 2**60, count, np.uint64)
    contents[:, :8] = np.arange(count)[:, None].view(np.uint8)
    return hashes, contents


def publish(store: Store, embedded: Embedded, encoder: Encoder, kind: str) -> str:
    """Publish embeddings with an index of a kind; return the kind that it is."""
    with store.building() as draft:
        run = BuildRun(draft, "made up", encoder.fingerprint)
        return publish_embedded(run, embedded, options=BuildOptions(kind)).kind


def write_plain(folder: Path, vectors: np.ndarray) -> None:
    """Write vectors, float32 (n, d), and the items that `publish_items` makes of them, for the rival."""
    np.save(folder / "vectors.npy", vectors)
    items = [{"item_id": item.item_id, **item.metadata} for item in map(made_item, range(len(vectors)))]
    (folder / "items.json").write_text(json.dumps(items))


def read_plain(folder: Path) -> tuple[np.ndarray, list[dict[str, Any]]]:
    """Return the vectors and items that `write_plain` wrote."""
    return np.load(folder / "vectors.npy"), json.loads((folder / "items.json").read_text())


def photographs(catalogue: Catalogue, size: tuple[int, int], *, count: int) -> Sequence[bytes]:
    """Return items' pictures as JPEGs of `size` (width, height), quality 90, with the grain of a camera."""
    rng, files = np.random.default_rng(2), []
    for item in catalogue.items[:count]:
        plain = np.asarray(
            Image.open(item.path).convert("RGB").resize(size, Image.Resampling.BICUBIC), np.float32
        )
        noisy = plain + GRAIN * rng.standard_normal(plain.shape, np.float32)
        file = io.BytesIO()
        Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8)).save(file, "JPEG", quality=90)
        files.append(file.getvalue())
    return files
