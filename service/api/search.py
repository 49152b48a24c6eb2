"""A search from its request to its answer."""

import logging
from pathlib import Path

from index.stores.store import OpenIndex
from service.api.answers import rank, search_answer, understood
from service.api.current import config, queries
from service.api.explain import Explained
from service.errors import RefusedRequest, refusing
from service.picture.cut_out import cut_out
from service.picture.image_url import fetch
from service.picture.item_file import item_file
from service.picture.stages import Stages
from service.requests.reading import SearchRequest, Source
from service.responses import SearchAnswer

_log = logging.getLogger(__name__)


def _fetched(address: str) -> bytes:
    settings = config()
    if not settings.image_urls:
        detail = "This service fetches no images. Download the picture and send its bytes."
        raise RefusedRequest("url_not_allowed", detail, param="image_url")
    return fetch(address, max_bytes=settings.max_upload_bytes, seconds=settings.image_url_seconds)


def picture(source: Source, searcher: OpenIndex) -> bytes | Path:
    """Return the picture that a search names: its bytes, or where an item's lies.

    Raises
    ------
    RefusedRequest, ItemUnknown
        There is none, or none any more.
    """
    if source.item_id is not None:
        return item_file(searcher.item(source.item_id))[0]
    if source.query_id is not None:
        return queries().get(source.query_id)
    return _fetched(source.image_url) if source.image_url is not None else source.upload or b""


def _query_id(source: Source, photo: bytes | Path) -> str | None:
    """Keep an uploaded photograph for later searches; None where it is an item's, or there is no room."""
    if source.query_id is not None or isinstance(photo, Path):
        return source.query_id
    try:
        return queries().put(photo)
    except OSError as error:
        _log.warning("The photo of a search can't be kept: %s", error)
        return None


def answer(asked: SearchRequest, searcher: OpenIndex, stages: Stages) -> SearchAnswer:
    """Search the index with a picture.

    Raises
    ------
    SilhouetteError
        The picture can't be had, or not be used.
    """
    with refusing(asked.source.param):
        photo = picture(asked.source, searcher)
        found = cut_out(photo, asked.fields, config=config(), stages=stages)
    with stages.measure("embed"):
        vector = searcher.encoder.embed_garments([found.garment])
    with stages.measure("search"):
        ranking = rank(searcher, vector, asked.fields)
    query_id = _query_id(asked.source, photo)
    explained = Explained(asked.fields, query_id=query_id, query_item=asked.source.item_id)
    return search_answer(
        ranking,
        searcher=searcher,
        query_id=query_id,
        query=understood(ranking, box=found.box, garment=found.garment),
        explained=explained if asked.fields.explain else None,
        took_ms=stages.took_ms,
    )
