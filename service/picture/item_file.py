"""The image files of an item, and their media types."""

import logging
from collections.abc import Sequence
from pathlib import Path

from index.served_folders import served_file
from service.errors import RefusedRequest
from training.catalogue.reader import Item
from training.photo import media_types

_log = logging.getLogger(__name__)


def _mimetype(path: Path) -> str | None:
    with path.open("rb") as file:
        found = media_types.detect(file.read(media_types.HEAD))
    return None if found is None else found.media_type


def _photograph(item: Item, photo: int) -> Path:
    if photo < len(item.photographs):
        return item.photographs[photo]
    detail = f"The item has no photograph {photo}. Accepted: a whole number from 0 to {len(item.further)}."
    raise RefusedRequest("not_found", detail, param="photo")


def _allowed(item: Item, photo: int, roots: Sequence[str] | None) -> Path:
    photograph = _photograph(item, photo)
    path = photograph.absolute() if roots is None else served_file(photograph, roots)
    if path is None:
        _log.error("The picture of item %r lies outside of the folders that may be served", item.item_id)
        detail = "The item's picture lies outside of its catalogue. The operator can allow its folder."
        raise RefusedRequest("item_unknown", detail, param="item_id")
    return path


def item_file(item: Item, roots: Sequence[str] | None, *, photo: int = 0) -> tuple[Path, str]:
    """Return the path of an item's photograph, and its media type by its first bytes.

    Parameters
    ----------
    item : Item
    roots : sequence of str or None
        The folders that it may lie in, links followed; None for any.
    photo : int
        The number of the photograph, from 0.

    Raises
    ------
    RefusedRequest
        With code `item_unknown`: the file has gone, is no longer a picture, or lies elsewhere; with code
        `not_found`: the item has no photograph of this number.
    """
    path = _allowed(item, photo, roots)
    try:
        mimetype = _mimetype(path)
    except OSError:
        mimetype = None
    if mimetype is None:
        detail = "The item is in the index, but its picture is gone since. The next build leaves it out."
        raise RefusedRequest("item_unknown", detail, param="item_id")
    return path, mimetype
