"""What a service is measured with: a published index of made-up items, and photographs as a camera saves them."""

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from index.build import Making, publish_embedded
from index.embeddings import Embedded
from index.publish import building
from training.catalogue import Catalogue, Item
from training.encoder import Encoder

CATEGORIES = ("dress", "shirt", "skirt", "trousers", "coat", "hoodie", "shorts", "sweater", "t-shirt")
COLOURS = ("black", "white", "navy", "red", "beige", "green", "grey", "pink")
GRAIN = 6.0
"""Standard deviation of the noise in a photograph: 12 megapixels then make a file of about 5 MB, as usual."""


def unit_vectors(count: int, dimension: int) -> np.ndarray:
    """Return float32 (count, dimension), the same ones each time."""
    vectors = np.random.default_rng(0).standard_normal((count, dimension)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def _item(row: int) -> Item:
    metadata = {
        "category": CATEGORIES[row % len(CATEGORIES)],
        "colour": COLOURS[row // 3 % len(COLOURS)],
        "brand": f"Brand {row % 211}",
        "title": f"Garment number {row}",
        "price": 9.9 + row % 190,
        "in_stock": row % 5 > 0,
    }
    return Item(f"sku-{row:07d}", Path(f"/photographs/{row}.jpg"), metadata)


def publish_items(indexes: Path, vectors: np.ndarray, encoder: Encoder, *, kind: str) -> str:
    """Publish an index of `vectors` in the folder `indexes`, with metadata; return the kind that it is."""
    rows = np.arange(len(vectors))
    contents = np.zeros((len(rows), 32), np.uint8)
    contents[:, :8] = rows[:, None].view(np.uint8)
    pictures = np.random.default_rng(1).integers(0, 2**60, len(rows), np.uint64)
    items = tuple(map(_item, rows.tolist()))
    with building(indexes) as draft:
        making = Making(draft, "made up", encoder.fingerprint)
        return publish_embedded(making, Embedded(items, vectors, (), pictures, contents), kind=kind).kind


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
