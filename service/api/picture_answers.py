"""An item's photograph as a response: the file itself or a thumbnail, and for how long it may be kept."""

from pathlib import Path

from flask import Response, request, send_file

from index.thumbnails import MEDIA_TYPES
from service.api.answers import version_of
from service.api.current import config, thumbnails
from service.http.capacity import capacity_in_use
from service.picture.item_thumbnail import current_content, item_thumbnail
from service.requests.parameters import ItemCopy
from training.catalogue.reader import Item

FOR_EVER = "max-age=31536000, immutable"


def _kept(response: Response, for_ever: bool) -> Response:
    """Say for how long a picture may be kept; one that may be replaced is revalidated, which costs a 304."""
    response.headers["Cache-Control"] = FOR_EVER if for_ever else "no-cache"
    return response


def thumbnail(item: Item, path: Path, asked: ItemCopy, width: int) -> Response:
    """Send a thumbnail; that of the photograph in the index, where the address names its version."""
    media_type = request.accept_mimetypes.best_match(MEDIA_TYPES, "image/jpeg")
    data, content = item_thumbnail(
        item,
        path,
        asked.photo,
        width,
        media_type,
        indexed=item.content is not None and version_of(item.content) == asked.v,
        kept=thumbnails(),
        turn=capacity_in_use().thumbnail(),
        slot=capacity_in_use().slot,
        config=config(),
    )
    response = Response(data, mimetype=media_type)
    response.set_etag(f"{version_of(content)}-{asked.photo}-{width}-{media_type.removeprefix('image/')}")
    response.vary.add("Accept")
    response.make_conditional(request)
    return _kept(response, version_of(content) == asked.v)


def photograph(item: Item, path: Path, media_type: str, asked: ItemCopy) -> Response:
    """Send the file of a photograph."""
    response = send_file(path, mimetype=media_type, conditional=True, download_name="image")
    del response.headers["Content-Disposition"]  # do not disclose the file's name
    return _kept(response, asked.v is not None and version_of(current_content(item)) == asked.v)
