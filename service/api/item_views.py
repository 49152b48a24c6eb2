"""The item endpoints: an item, its picture, its neighbours; put and delete."""

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

from flask import Blueprint, Response, g, request, send_file

from index.editing import delete_item, put_embedded
from index.errors import InvalidChange, ItemUnknown
from index.stores.store import OpenIndex
from index.thumbnails import MEDIA_TYPES
from index.views import ALL, Views
from service.answer_warnings import Judged, warnings_of
from service.api.answers import (
    Explained,
    image_url,
    item_fields,
    rank_neighbours,
    rounded,
    similar_answer,
    version_of,
)
from service.api.current import config, counted_stages, live_index, served_roots, store, thumbnails
from service.errors import RefusedRequest, refusing
from service.http.capacity import capacity_in_use
from service.picture.cut_out import cut_out
from service.picture.item_file import item_file
from service.picture.item_thumbnail import content_of, item_thumbnail
from service.requests.operation import BODY, DECODED, PICTURE, READING, Operation, describe
from service.requests.parameters import (
    ItemBody,
    ItemFields,
    ItemPicture,
    Look,
    Ranked,
    bounded,
    refuse_unknown,
)
from service.requests.reading import ItemRequest, read_address
from service.responses import Deletion, ItemAnswer, SimilarAnswer, StoredItem, reply
from training.catalogue.item_rules import checked_id
from training.catalogue.reader import category_in
from training.errors import InvalidItem

FOR_EVER = "max-age=31536000, immutable"

blueprint = Blueprint("items", __name__)


def _item(searcher: OpenIndex, item_id: str) -> Response:
    return reply(ItemAnswer(request_id=g.request_id, **item_fields(searcher.item(item_id))))


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
    return reply(similar_answer(ranking, item_id, searcher=searcher, explained=explained, took_ms=took_ms))


def _kept(response: Response, for_ever: bool) -> Response:
    """Say for how long a picture may be kept; one that may be replaced is revalidated, which costs a 304."""
    response.headers["Cache-Control"] = FOR_EVER if for_ever else "no-cache"
    return response


def _thumbnail(path: Path, width: int, version: str | None, *, expected: Sequence[str]) -> Response:
    """Send a thumbnail; that of the content in the index, `expected`, if the address names its version."""
    media_type = request.accept_mimetypes.best_match(MEDIA_TYPES, "image/jpeg")
    known = [content for content in expected if version_of(content) == version]
    data, content = item_thumbnail(
        path,
        known[0] if known else None,
        width,
        media_type,
        kept=thumbnails(),
        turn=capacity_in_use().thumbnail(),
        slot=capacity_in_use().slot,
        config=config(),
    )
    response = Response(data, mimetype=media_type)
    response.set_etag(f"{version_of(content)}-{width}-{media_type.removeprefix('image/')}")
    response.vary.add("Accept")
    response.make_conditional(request)
    return _kept(response, version_of(content) == version)


@blueprint.get("/v1/items/<item:item_id>/image")
@describe(
    Operation(
        "image/*",
        query=ItemPicture,
        codes=("invalid_parameter", "item_unknown", *DECODED, "overloaded", *READING),
    )
)
def image(item_id: str) -> Response:
    """Send an item's picture, as the catalogue holds it or as a thumbnail."""
    searcher = live_index().searcher()
    try:
        asked = searcher.item(item_id)
    except ItemUnknown as unknown:
        return _item_ending_so(searcher, f"{item_id}/image", unknown)
    copy = read_address(request, ItemPicture)
    path, mimetype = item_file(asked, served_roots(searcher))
    if copy.width is not None:
        return _thumbnail(path, copy.width, copy.v, expected=asked.contents[:1])
    response = send_file(path, mimetype=mimetype, conditional=True, download_name="image")
    del response.headers["Content-Disposition"]  # do not disclose the file's name
    return _kept(response, copy.v is not None and version_of(content_of(path)) == copy.v)


@blueprint.get("/v1/items/<item:item_id>")
@describe(Operation(ItemAnswer, codes=("item_unknown", *READING)))
def item(item_id: str) -> Response:
    """Describe an item."""
    return _item(live_index().searcher(), item_id)


def _check_id(item_id: str) -> None:
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


@blueprint.put("/v1/items/<item:item_id>")
@describe(
    Operation(
        StoredItem,
        body=ItemBody,
        form=ItemFields,
        codes=(*BODY, *PICTURE, "several_images", *READING),
        statuses=(200, 201),
        key=True,
        sheds=True,
    )
)
def put(item_id: str) -> Response:
    """Add an item (201), or replace the one with that id (200); it is searchable immediately."""
    _check_id(item_id)
    asked = ItemRequest.parse(request)
    searcher = live_index().searcher()
    with counted_stages() as stages, refusing(asked.param):
        found = cut_out(
            asked.photo,
            Look(),
            searcher.encoder.segmenter,
            category=category_in(asked.metadata),
            every=searcher.manifest.garments == ALL,
            config=config(),
            stages=stages,
        )
        with stages.measure("embed"):
            views = Views.of([found.garment, *found.others], searcher.encoder)
    known = _known(searcher, item_id)
    try:
        stored = put_embedded(store(), searcher.encoder, item_id, asked.photo, asked.metadata, views)
    except InvalidChange as error:
        raise RefusedRequest("invalid_parameter", str(error), param="metadata") from error
    live_index().refresh()
    answer = StoredItem(
        request_id=g.request_id,
        item_id=item_id,
        image_url=image_url(item_id, sha256(asked.photo).hexdigest()),
        metadata=stored.metadata,
        change=stored.change,
        box=rounded(found.box),
        warnings=warnings_of(Judged(found.garment, len(found.regions))),
    )
    return reply(answer, 200 if known else 201)


@blueprint.delete("/v1/items/<item:item_id>")
@describe(Operation(Deletion, codes=("invalid_parameter", "item_unknown", *READING), key=True, sheds=True))
def delete(item_id: str) -> Response:
    """Delete an item; it is gone immediately, and a rebuild does not bring it back."""
    refuse_unknown(request.args, accepted=())
    live_index().refresh()  # the item may have been put through another worker in this moment
    change = delete_item(store(), item_id, index=live_index().searcher())
    live_index().refresh()
    return reply(Deletion(request_id=g.request_id, item_id=item_id, change=change))
