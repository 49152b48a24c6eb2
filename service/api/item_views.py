"""The item endpoints: items, an item, its photographs, its neighbours; put, patch and delete."""

from collections.abc import Sequence
from itertools import chain

from flask import Blueprint, Response, g, request

from index.editing import delete_item, patch_item, put_embedded
from index.errors import InvalidChange, ItemUnknown
from index.stores.store import OpenIndex
from service.answer_warnings import AnswerWarning, Judged, warnings_of
from service.api.answers import (
    Explained,
    image_url,
    image_urls,
    item_fields,
    rank_neighbours,
    rounded,
    similar_answer,
)
from service.api.current import config, counted_stages, live_index, served_roots, store
from service.api.item_embedding import embed_item
from service.api.picture_answers import photograph, thumbnail
from service.errors import RefusedRequest
from service.picture.cut_out import CutOut
from service.picture.item_file import item_file
from service.requests.operation import BODY, DECODED, PICTURE, READING, Operation, describe
from service.requests.parameters import (
    ItemBody,
    ItemCopy,
    ItemFields,
    ItemPatch,
    Look,
    Ranked,
    bounded,
    refuse_unknown,
)
from service.requests.reading import ItemRequest, read_address, read_json
from service.responses import (
    Deletion,
    ItemAnswer,
    PatchedItem,
    SimilarAnswer,
    StoredItem,
    reply,
)
from training.catalogue.item_rules import MOST_PHOTOGRAPHS, checked_id
from training.errors import InvalidItem

blueprint = Blueprint("items", __name__)


def _item(searcher: OpenIndex, item_id: str) -> Response:
    found = searcher.item(item_id)
    return reply(ItemAnswer(request_id=g.request_id, image_urls=image_urls(found), **item_fields(found)))


def _item_ending_so(searcher: OpenIndex, item_id: str, unknown: ItemUnknown) -> Response:
    """Answer with the item whose id ends like another endpoint's path; else raise what was unknown there."""
    try:
        return _item(searcher, item_id)
    except ItemUnknown:
        raise unknown from None


@blueprint.get("/v1/items/<item:item_id>/similar")
@describe(
    Operation(
        SimilarAnswer,
        query=Ranked,
        codes=("invalid_parameter", "invalid_filter", "item_unknown", *READING),
        sheds=True,
    )
)
def similar(item_id: str) -> Response:
    """Find the items nearest in shape to one of the index."""
    searcher = live_index().searcher()
    try:
        found = searcher.item(item_id)
    except ItemUnknown as unknown:
        return _item_ending_so(searcher, f"{item_id}/similar", unknown)
    asked = read_address(request, bounded(Ranked, config()))
    with counted_stages() as stages, stages.measure("search"):
        ranking = rank_neighbours(searcher, found, asked)
    explained = Explained(Look(), query_item=item_id) if asked.explain else None
    took_ms = stages.took_ms
    return reply(
        similar_answer(ranking, asked, item_id, searcher=searcher, explained=explained, took_ms=took_ms)
    )


@blueprint.get("/v1/items/<item:item_id>/image")
@describe(
    Operation(
        "image/*",
        query=ItemCopy,
        codes=("invalid_parameter", "item_unknown", "not_found", *DECODED, "overloaded", *READING),
    )
)
def image(item_id: str) -> Response:
    """Send a photograph of an item, as the catalogue holds it or as a thumbnail."""
    searcher = live_index().searcher()
    try:
        found = searcher.item(item_id)
    except ItemUnknown as unknown:
        return _item_ending_so(searcher, f"{item_id}/image", unknown)
    asked = read_address(request, ItemCopy)
    path, mimetype = item_file(found, served_roots(searcher), photo=asked.photo)
    if asked.width is not None:
        return thumbnail(found, path, asked, asked.width)
    return photograph(found, path, mimetype, asked)


@blueprint.get("/v1/items/<item:item_id>")
@describe(Operation(ItemAnswer, codes=("item_unknown", *READING)))
def item(item_id: str) -> Response:
    """Describe an item."""
    return _item(live_index().searcher(), item_id)


def require_id(item_id: str) -> None:
    """Raise `RefusedRequest` for an id that no new item may have."""
    try:
        checked_id(item_id)
    except InvalidItem as error:
        raise RefusedRequest("invalid_parameter", str(error), param="item_id") from error


def _known(searcher: OpenIndex, item_id: str) -> bool:
    try:
        searcher.item(item_id)
    except ItemUnknown:
        return False
    return True


def _warnings(found: Sequence[CutOut]) -> list[AnswerWarning]:
    """Return what there is to say of photographs, each once."""
    each = [warnings_of(Judged(one.garment, len(one.regions))) for one in found]
    return list(dict.fromkeys(chain.from_iterable(each)))


@blueprint.put("/v1/items/<item:item_id>")
@describe(
    Operation(
        StoredItem,
        body=ItemBody,
        form=ItemFields,
        files=MOST_PHOTOGRAPHS,
        codes=(*BODY, *PICTURE, "several_images", "url_not_allowed", "image_url_unreachable", *READING),
        statuses=(200, 201),
        key=True,
        sheds=True,
    )
)
def put(item_id: str) -> Response:
    """Add an item (201), or replace the one with that id (200); it is searchable immediately."""
    require_id(item_id)
    asked = ItemRequest.parse(request)
    searcher = live_index().searcher()
    with counted_stages() as stages:
        item = embed_item(asked, searcher, stages)
    known = _known(searcher, item_id)
    photo, *further = item.photos
    try:
        stored = put_embedded(
            store(), searcher.encoder, item_id, photo, asked.metadata, item.views, further=further
        )
    except InvalidChange as error:
        raise RefusedRequest("invalid_parameter", str(error), param="metadata") from error
    live_index().refresh()
    numbers = range(len(item.found))
    answer = StoredItem(
        request_id=g.request_id,
        item_id=item_id,
        image_url=image_url(item_id, content=stored.content),
        image_urls=[image_url(item_id, number, content=stored.content) for number in numbers],
        metadata=stored.metadata,
        change=stored.change,
        box=rounded(item.found[0].box),
        warnings=_warnings(item.found),
    )
    return reply(answer, 200 if known else 201)


@blueprint.patch("/v1/items/<item:item_id>")
@describe(
    Operation(PatchedItem, body=ItemPatch, codes=(*BODY, "item_unknown", *READING), key=True, sheds=True)
)
def patch(item_id: str) -> Response:
    """Set or remove fields of an item's metadata, at once and through rebuilds; no picture is needed."""
    asked = read_json(request, ItemPatch)
    live_index().refresh()  # the item may have been put through another worker in this moment
    try:
        made = patch_item(store(), item_id, asked.metadata, index=live_index().searcher())
    except InvalidChange as error:
        raise RefusedRequest("invalid_parameter", str(error), param="metadata") from error
    live_index().refresh()
    item = live_index().searcher().item(item_id)
    fields = {"image_urls": image_urls(item), **item_fields(item)}
    return reply(PatchedItem(request_id=g.request_id, **fields, change=made.seq))


@blueprint.delete("/v1/items/<item:item_id>")
@describe(Operation(Deletion, codes=("invalid_parameter", "item_unknown", *READING), key=True, sheds=True))
def delete(item_id: str) -> Response:
    """Delete an item; it is gone immediately, and a rebuild does not bring it back."""
    refuse_unknown(request.args, accepted=())
    live_index().refresh()  # the item may have been put through another worker in this moment
    change = delete_item(store(), item_id, index=live_index().searcher())
    live_index().refresh()
    return reply(Deletion(request_id=g.request_id, item_id=item_id, change=change))
