"""The photographs of an item that was sent: fetched, cut out and embedded, vectors float32 (k, d)."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from index.stores.store import OpenIndex
from index.views import ALL, Views
from service.api.current import config
from service.errors import RefusedRequest, refusing
from service.picture.cut_out import CutOut, ItemGarments, cut_out, embedded
from service.picture.image_url import fetch
from service.picture.stages import Stages
from service.requests.parameters import Look
from service.requests.reading import ItemRequest
from training.catalogue.item_rules import category_in
from training.photo.garment_types import type_of


@contextmanager
def _numbering(number: int, asked: ItemRequest) -> Iterator[None]:
    """Let a refusal name the field, and which of several photographs is at fault."""
    count = len(asked.photos or asked.image_urls)
    try:
        with refusing(asked.param):
            yield
    except RefusedRequest as error:
        detail = str(error) if count == 1 else f"Photograph {number} of {count}: {error}"
        raise RefusedRequest(error.code, detail, param=asked.param) from error


def _fetched(asked: ItemRequest) -> list[bytes]:
    """Fetch the photographs of an item, one after the other; raises `RefusedRequest`."""
    photos = []
    for number, address in enumerate(asked.image_urls, start=1):
        with _numbering(number, asked):
            photos.append(fetch(address, config()))
    return photos


def _garments(photo: bytes, metadata: dict[str, Any], searcher: OpenIndex, stages: Stages) -> CutOut:
    """Cut the item's garment out of one of its photographs, or all garments where the version has all."""
    return cut_out(
        photo,
        Look(),
        searcher.encoder.segmenter,
        category=category_in(metadata),
        every=searcher.manifest.garments == ALL,
        config=config(),
        stages=stages,
    )


@dataclass(frozen=True)
class EmbeddedItem:
    """An item whose photographs were cut out and embedded."""

    photos: tuple[bytes, ...]
    found: tuple[CutOut, ...]
    views: Views


def embed_item(asked: ItemRequest, searcher: OpenIndex, stages: Stages) -> EmbeddedItem:
    """Fetch, cut out and embed the photographs of an item; raises `RefusedRequest`."""
    photos, found = asked.photos or tuple(_fetched(asked)), []
    for number, photo in enumerate(photos, start=1):
        with _numbering(number, asked):
            found.append(_garments(photo, asked.metadata, searcher, stages))
    with stages.measure("embed"):
        views = [Views.of([each.garment, *each.others], searcher.encoder) for each in found]
    return EmbeddedItem(photos, tuple(found), Views.joined(views))


def embed_item_apart(
    asked: ItemRequest, searcher: OpenIndex, stages: Stages
) -> tuple[tuple[bytes, ...], Views]:
    """Fetch the photographs of an item, and embed them in another process; raises `RefusedRequest`."""
    photos = asked.photos or tuple(_fetched(asked))
    embed = ItemGarments(type_of(category_in(asked.metadata)), searcher.manifest.garments)
    views = []
    for number, photo in enumerate(photos, start=1):
        with _numbering(number, asked):
            views.append(embedded(photo, embed, searcher.encoder, config=config(), stages=stages))
    return photos, Views.joined(views)
