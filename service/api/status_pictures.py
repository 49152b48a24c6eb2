"""The small pictures of the status page: of items of any version, of what was skipped, and of queries."""

from pathlib import Path
from typing import Any

from flask import Response, request, url_for

from index.build_notes import BuildNote, build_note, build_notes
from index.errors import BuildUnknown, IndexDamaged, ItemUnknown, NoIndex, VersionUnknown
from index.served_folders import served_file
from service.api.current import config, store, usage
from service.api.picture_answers import thumbnail
from service.errors import RefusedRequest
from service.picture.item_file import item_file
from service.picture.query_thumbnail import MEDIA_TYPE
from service.requests.parameters import ItemCopy, StatusPicture
from training.catalogue.reader import Item


def picture_url(**fields: Any) -> str:
    """Return the URL path of a picture, by the fields of `StatusPicture`."""
    return url_for("status.image", **fields)


def version_in_use() -> str | None:
    """Return the name of the version in use; None where there is none."""
    try:
        return store().current()
    except (NoIndex, IndexDamaged):
        return None


def noted(name: str) -> BuildNote:
    """Return the note of a build; raises `RefusedRequest`."""
    try:
        return build_note(config().indexes, name)
    except BuildUnknown as error:
        raise RefusedRequest("not_found", str(error), param="build") from error


def golden_queries() -> list[dict[str, Any]]:
    """Return the golden queries of the last build that has asked any."""
    return list(next((note.golden for note in build_notes(config().indexes) if note.golden), ()))


def golden_query(number: int) -> dict[str, Any]:
    """Return the golden query of that number; raises `RefusedRequest`."""
    queries = golden_queries()
    if number >= len(queries):
        raise RefusedRequest("not_found", "The builds have asked no such golden query.", param="golden")
    return queries[number]


def _roots(version: str) -> tuple[str, ...] | None:
    try:
        return store().manifest(version).roots
    except IndexDamaged as error:
        raise RefusedRequest("version_unusable", str(error), param="version") from error


def _of_version(asked: StatusPicture) -> tuple[Item, Path]:
    """Return an item of a version, and where its photograph lies."""
    version, item_id = asked.version or "", asked.item_id or ""
    try:
        items = store().items_of([item_id], version=version)
    except (VersionUnknown, IndexDamaged) as error:
        raise RefusedRequest("version_unknown", "No such version can be read.", param="version") from error
    if item_id not in items:
        raise ItemUnknown(f"That version holds no item '{item_id:.80}'.")
    return items[item_id], item_file(items[item_id], _roots(version))[0]


def skipped_photograph(note: BuildNote, number: int) -> Path | None:
    """Return a file that a build has skipped, if it is there and in a folder whose pictures may be served."""
    version = note.version or note.since or version_in_use()
    if version not in store().versions() or version is None or number >= len(note.skipped):
        return None
    path = served_file(Path(note.skipped[number].path), _roots(version) or ())
    return path if path is not None and path.is_file() else None


def _of_build(asked: StatusPicture) -> tuple[Item, Path]:
    path = skipped_photograph(noted(asked.build or ""), asked.skipped or 0)
    if path is None:
        raise RefusedRequest("not_found", "There is no picture of it.", param="skipped")
    item = Item(path.name, path)
    return item, item_file(item, None)[0]


def _of_golden(asked: StatusPicture) -> tuple[Item, Path]:
    path = Path(golden_query(asked.golden or 0)["image"])
    item = Item(path.name, path)
    return item, item_file(item, None)[0]


_PICTURES = {
    ("item_id", "version"): _of_version,
    ("build", "skipped"): _of_build,
    ("golden",): _of_golden,
}


def _loose(number: int) -> Response:
    picture = usage().file.picture(number)
    if picture is None:
        raise RefusedRequest("not_found", "The picture of that query is not kept.", param="loose")
    return Response(picture, mimetype=MEDIA_TYPE)


def status_picture(asked: StatusPicture) -> Response:
    """Send a picture, for the key's owner alone; raises `SilhouetteError` where there is none."""
    named = tuple(sorted(name for name in request.args if name != "width"))
    if named == ("loose",):
        response = _loose(asked.loose or 0)
    elif named in _PICTURES:
        item, path = _PICTURES[named](asked)
        response = thumbnail(item, path, ItemCopy(width=asked.width), asked.width)
    else:
        detail = "Send `version` and `item_id`, `build` and `skipped`, `golden`, or `loose`."
        raise RefusedRequest("invalid_parameter", detail, param=named[0] if named else "version")
    response.headers["Cache-Control"] = "private, no-cache"
    return response
