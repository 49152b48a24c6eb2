"""The endpoints of many items: a list of them, and changes in bulk, made in one durable step."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import cast

from flask import Blueprint, Flask, Response, current_app, g, request
from werkzeug.local import LocalProxy

from index.change import Change
from index.editing import change_items
from index.edits import Delete, Edit, Patch, Put
from index.errors import InvalidChange
from index.stores.store import OpenIndex
from service.api.answers import item_fields
from service.api.current import config, live_index, metrics, store
from service.api.item_embedding import embed_item_apart
from service.api.item_views import blueprint as of_items
from service.api.item_views import require_id
from service.errors import RefusedRequest, problem_of
from service.http.capacity import give_way, resting
from service.picture.decoders import CORES
from service.picture.stages import Stages
from service.requests.lines import read_line, read_lines
from service.requests.operation import BODY, LINES, READING, Operation, describe
from service.requests.parameters import BulkLine, Listed, PatchLine, PutLine, bounded
from service.requests.reading import ItemRequest, read_address
from service.responses import BulkAnswer, Failure, Item, ItemList, MadeChange, reply
from training.errors import SilhouetteError

blueprint = Blueprint("bulk", __name__)

Embedded = tuple[Put, list[Future[str]], Stages]
"""An item to be put, without its photographs, and their names once they are stored."""

Begun = Edit | Future[Embedded] | SilhouetteError


class _Edits(list[Edit]):
    """Edits of a request; whoever makes them rests between two."""

    def __iter__(self) -> Iterator[Edit]:
        return resting(super().__iter__())


def _put(
    line: PutLine, searcher: OpenIndex, app: Flask, store_ahead: Callable[[bytes], Future[str]]
) -> Embedded:
    """Embed the photographs of a line, and have them stored: they are in memory for as long as that takes."""
    stages = Stages()
    with app.app_context():
        photos, views = embed_item_apart(ItemRequest.of_body(line), searcher, stages)
    names = list(map(store_ahead, photos))
    fingerprint = searcher.encoder.fingerprint
    return Put(line.item_id, (), line.metadata, views.vectors[0], fingerprint, views), names, stages


def _begun(line: bytes, submit: Callable[[PutLine], Future[Embedded]]) -> Begun:
    """Return the change of a line, for a put while it is embedded, or why it is refused."""
    try:
        asked = read_line(line)
        if isinstance(asked, PutLine):
            require_id(asked.item_id)
            return submit(asked)
    except SilhouetteError as refusal:
        return refusal
    return Patch(asked.item_id, asked.metadata) if isinstance(asked, PatchLine) else Delete(asked.item_id)


def _finished(begun: Begun) -> Edit | SilhouetteError:
    if not isinstance(begun, Future):
        return begun
    try:
        edit, names, stages = begun.result()
        edit = replace(edit, photos=tuple(name.result() for name in names))
    except SilhouetteError as refusal:
        return refusal
    metrics().observe_stages(stages.took_ms)
    give_way()
    return edit


def _edits(lines: list[bytes], searcher: OpenIndex) -> list[Edit | SilhouetteError]:
    """Return the changes of lines; pictures are embedded on all cores, which do not wait for the disk."""
    app = cast(LocalProxy[Flask], current_app)._get_current_object()
    photographs = store().changes.photographs
    with ThreadPoolExecutor(CORES) as writers, ThreadPoolExecutor(CORES) as threads:

        def store_ahead(photo: bytes) -> Future[str]:
            return writers.submit(photographs.store_ahead, photo)

        put = partial(_put, searcher=searcher, app=app, store_ahead=store_ahead)
        begun = [_begun(line, partial(threads.submit, put)) for line in resting(lines)]
        return [_finished(each) for each in begun]


def _line(made: Change | SilhouetteError) -> MadeChange | Failure:
    if isinstance(made, Change):
        return MadeChange(item_id=made.item_id, change=made.seq)
    if isinstance(made, InvalidChange):
        made = RefusedRequest("invalid_parameter", str(made), param="metadata")
    return Failure(error=problem_of(made))


@of_items.get("/v1/items")
@describe(
    Operation(ItemList, query=Listed, codes=("invalid_parameter", "invalid_filter", *READING), sheds=True)
)
def items() -> Response:
    """List the items of the index, a part at a time."""
    asked = read_address(request, bounded(Listed, config()))
    listed = live_index().searcher().listing(after=asked.after or "", limit=asked.limit, where=asked.filter)
    shown = [Item(**item_fields(item)) for item in listed.items]
    following = listed.items[-1].item_id if listed.more and listed.items else None
    return reply(ItemList(request_id=g.request_id, items=shown, total=listed.total, next_after=following))


@blueprint.post("/v1/items/bulk")
@describe(
    Operation(
        BulkAnswer, body=BulkLine, codes=(*BODY, *READING), key=True, sheds=True, several=True, lines=True
    )
)
def bulk() -> Response:
    """Put, patch and delete items in one durable step; a line that is refused spoils no other."""
    lines = read_lines(request)
    live_index().refresh()  # items may have been put through another worker in this moment
    searcher = live_index().searcher()
    edits = _edits(lines, searcher)
    asked = _Edits(edit for edit in edits if not isinstance(edit, SilhouetteError))
    made = iter(change_items(store(), asked, index=searcher))
    live_index().refresh()
    answers = [_line(edit if isinstance(edit, SilhouetteError) else next(made)) for edit in edits]
    text = "".join(answer.model_dump_json(exclude_unset=True) + "\n" for answer in answers)
    return Response(text, mimetype=LINES, headers={"Cache-Control": "no-store"})
