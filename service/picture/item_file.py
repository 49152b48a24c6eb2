"""The image file of an item, and its media type."""

from pathlib import Path

from service.errors import RefusedRequest
from training.catalogue.reader import Item
from training.photo import media_types


def _mimetype(path: Path) -> str | None:
    with path.open("rb") as file:
        found = media_types.detect(file.read(media_types.HEAD))
    return None if found is None else found.media_type


def item_file(item: Item) -> tuple[Path, str]:
    """Return the path of an item's picture, and its media type by its first bytes.

    Raises
    ------
    RefusedRequest
        With code `item_unknown`: the file has gone, or is no longer a picture.
    """
    path = item.path.absolute()
    try:
        mimetype = _mimetype(path)
    except OSError:
        mimetype = None
    if mimetype is None:
        detail = "The item is in the index, but its picture is gone since. The next build leaves it out."
        raise RefusedRequest("item_unknown", detail, param="item_id")
    return path, mimetype
