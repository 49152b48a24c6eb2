"""A file of changes, a put, patch or delete in JSON a line: made in parts, each in one durable step."""

import base64
import binascii
import csv
import hashlib
import io
import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from functools import lru_cache, partial
from itertools import islice
from pathlib import Path
from threading import Lock
from typing import Any, BinaryIO

from index.change import Change
from index.editing import change_items, garments_of
from index.edits import Delete, Edit, Patch, Put, checked_item
from index.embedding.embedder import ItemPhoto, embed_photo
from index.errors import ChangeFileUnreadable, InvalidChange
from index.stores.lock import writing
from index.stores.store import Store
from index.views import Views
from training.addresses.download import read_address
from training.addresses.public_hosts import Hosts
from training.catalogue.item_rules import category_in
from training.catalogue.json_text import parse_json
from training.errors import AddressRefused, AddressUnreachable, SilhouetteError, UnreadableImage
from training.files import write_atomically
from training.parallel import cpu_count
from training.photo.encoder import Encoder
from training.photo.garment_types import type_of
from training.photo.images import read_bytes
from training.progress import progress_bar

AT_ONCE, BYTES_AT_ONCE = 1000, 2**26
"""Lines that are made in one step, or fewer of so many bytes: photographs in base64 are long."""

NOTE, REPORT = "last-apply.json", "last-apply.csv"
_FIELDS = {
    "put": {"item_id", "path", "image_base64", "image_urls", "metadata"},
    "patch": {"item_id", "metadata"},
    "delete": {"item_id"},
}
_PHOTOGRAPHS = ("path", "image_base64", "image_urls")
"""Fields of which a put has one: it names its photographs, or holds them."""

_ACCEPTED = (
    'Accepted: {"put": {"item_id": "…", "path": "…", "metadata": {…}}}, with path, image_base64 or '
    'image_urls, one or a list; {"patch": {"item_id": "…", "metadata": {…}}}; {"delete": {"item_id": "…"}}.'
)


@dataclass(frozen=True)
class Applied:
    """How far a file of changes was applied.

    Parameters
    ----------
    file : str
        SHA-256 of the file.
    lines : int
        Lines that are done; empty ones count.
    made, refused : int
        Changes.
    report : int
        Bytes of the report.
    """

    file: str
    lines: int = 0
    made: int = 0
    refused: int = 0
    report: int = 0


def _checked(line: bytes) -> tuple[str, dict[str, Any]]:
    """Return the action of a line and its fields, all known and of their types."""
    try:
        content = parse_json(line)
    except (ValueError, RecursionError) as error:
        raise InvalidChange(f"The line is not valid JSON ({error}). {_ACCEPTED}") from error
    if not isinstance(content, dict) or len(content) != 1:
        raise InvalidChange(f"The line is not one change. {_ACCEPTED}")
    ((action, fields),) = content.items()
    if action not in _FIELDS or not isinstance(fields, dict) or not fields.keys() <= _FIELDS[action]:
        raise InvalidChange(f"The line holds what is not known. {_ACCEPTED}")
    files = [fields.get(name, "") for name in _PHOTOGRAPHS]
    listed = [each for file in files for each in (file if isinstance(file, list) else [file])]
    texts = all(isinstance(text, str) for text in (fields.get("item_id", ""), *listed))
    if not texts or not isinstance(fields.get("metadata", {}), dict):
        raise InvalidChange(f"A field of the line is of another type. {_ACCEPTED}")
    return action, fields


def _photos(fields: dict[str, Any], folder: Path, hosts: Hosts) -> list[bytes]:
    """Return the files of a line's photographs; a path starts at the folder of the file of changes."""
    given = [name for name in _PHOTOGRAPHS if fields.get(name)]
    if len(given) != 1:
        raise InvalidChange(f"The line has not exactly one of {', '.join(_PHOTOGRAPHS)}. {_ACCEPTED}")
    listed = fields[given[0]]
    texts = [listed] if isinstance(listed, str) else listed
    if given == ["path"]:
        return [read_bytes(folder / text) for text in texts]
    if given == ["image_urls"]:
        return [read_address(text, hosts) for text in texts]
    try:
        return [base64.b64decode(text, validate=True) for text in texts]
    except (binascii.Error, ValueError) as error:
        raise InvalidChange("`image_base64` is not valid base64. Accepted: with padding.") from error


def _views(path: Path, kind: str | None, garments: str, encoder: Encoder) -> Views:
    embedding = embed_photo(ItemPhoto(path, kind, garments), encoder).embedding
    if isinstance(embedding, UnreadableImage):
        raise embedding
    return embedding.views


def _put(
    fields: dict[str, Any], store: Store, encoder: Encoder, folder: Path, garments: str, hosts: Hosts
) -> Put:
    """Return an item to be put, its photographs stored and embedded."""
    photographs, metadata = store.changes.photographs, fields.get("metadata", {})
    item_id, _ = checked_item(fields.get("item_id", ""), metadata)
    names = tuple(map(photographs.store_ahead, _photos(fields, folder, hosts)))
    kind = type_of(category_in(metadata))
    views = Views.joined([_views(photographs.path(name), kind, garments, encoder) for name in names])
    return Put(item_id, names, metadata, views.vectors[0], encoder.fingerprint, views)


def _edit(line: bytes, put: Callable[[dict[str, Any]], Put]) -> Edit | SilhouetteError:
    """Return the change that a line asks for, or why it is refused."""
    try:
        action, fields = _checked(line)
        if action == "put":
            return put(fields)
    except (InvalidChange, UnreadableImage, AddressRefused, AddressUnreachable) as refusal:
        return refusal
    item_id = fields.get("item_id", "")
    return Delete(item_id) if action == "delete" else Patch(item_id, fields.get("metadata", {}))


def _made(store: Store, edits: Sequence[Edit | SilhouetteError]) -> list[Change | SilhouetteError]:
    """Make the changes that were not refused yet; return what became of each."""
    asked = [edit for edit in edits if not isinstance(edit, SilhouetteError)]
    made = iter(change_items(store, asked))
    return [edit if isinstance(edit, SilhouetteError) else next(made) for edit in edits]


def _report(lines: Sequence[tuple[int, bytes]], made: Sequence[Change | SilhouetteError]) -> bytes:
    """Return the rows of the report for the changes that were refused: number of the line, and why."""
    text = io.StringIO()
    outcomes = zip(lines, made, strict=True)
    refused = [(number, str(each)) for (number, _), each in outcomes if isinstance(each, SilhouetteError)]
    csv.writer(text).writerows(refused)
    return text.getvalue().encode("utf-8", "replace")


def _begun(path: Path, note: Path) -> tuple[Applied, int]:
    """Return how far a run that was broken off has applied a file, by its note, and the file's lines."""
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            file.seek(0)
            count = sum(1 for _ in file)
    except OSError as error:
        raise ChangeFileUnreadable(
            f"The file of changes '{path}' can't be read ({error.strerror}). Correct the path."
        ) from error
    try:
        before = Applied(**json.loads(note.read_bytes()))
    except (OSError, ValueError, TypeError):
        return Applied(digest), count
    return (before if before.file == digest else Applied(digest)), count


def _parts(file: BinaryIO, *, after: int) -> Iterator[list[tuple[int, bytes]]]:
    """Yield the numbered lines of a file behind the first `after`, so many at a time."""
    part: list[tuple[int, bytes]] = []
    size = 0
    for number, line in islice(enumerate(file, start=1), after, None):
        part.append((number, line))
        size += len(line)
        if len(part) == AT_ONCE or size >= BYTES_AT_ONCE:
            yield part
            part, size = [], 0
    if part:
        yield part


def apply_file(
    store: Store,
    path: Path,
    load_encoder: Callable[[], Encoder],
    *,
    allow_hosts: Sequence[str] = (),
    progress: bool = False,
) -> Applied:
    """Make the changes of a file in their order; a line that is refused spoils no other.

    After each part a note says how far it went, so that the same file, applied again after it was broken off,
    goes on from there. The part that was under way is made again, which changes nothing more.

    Parameters
    ----------
    store : Store
    path : Path
        A line is ``{"put": …}``, ``{"patch": …}`` or ``{"delete": …}``, as over HTTP; a put may name the
        `path` of its photograph, which starts at the file's folder.
    load_encoder : callable
        Called for the first item to be put.
    allow_hosts : sequence of str
        Hosts beside the public internet from which `image_urls` may be fetched.
    progress : bool
        Show a bar on standard error.

    Returns
    -------
    Applied
        The report of the lines that were refused is ``last-apply.csv`` in the folder of the notes of builds.

    Raises
    ------
    ChangeFileUnreadable
    NoIndex, IndexDamaged, ChangesDamaged, ChangeNotWritten
        What was done before stays.
    """
    indexes = store.changes.photographs.folder.parent
    (applied, count), encoder = _begun(path, indexes / NOTE), lru_cache(maxsize=1)(load_encoder)
    bar_options = {"desc": "Applying", "unit": "line", "total": count, "initial": applied.lines}
    with (
        ThreadPoolExecutor(cpu_count()) as threads,
        path.open("rb") as file,
        progress_bar(**bar_options, disable=not progress) as bar,
    ):
        garments, loading = garments_of(store), Lock()

        def put(fields: dict[str, Any]) -> Put:
            with loading:  # once, whichever thread comes first
                ready = encoder()
            return _put(fields, store, ready, path.parent, garments, Hosts(tuple(allow_hosts)))

        for part in _parts(file, after=applied.lines):
            lines = [(number, line) for number, line in part if line.strip()]
            made = _made(store, list(threads.map(partial(_edit, put=put), (line for _, line in lines))))
            applied = _noted(indexes, applied, part[-1][0], made, _report(lines, made))
            bar.update(len(part))
    (indexes / NOTE).unlink(missing_ok=True)
    return applied


def _noted(
    indexes: Path, before: Applied, line: int, made: Sequence[Change | SilhouetteError], rows: bytes
) -> Applied:
    """Write the report on, and a note of how far the file was applied, which is returned."""
    refused = sum(isinstance(each, SilhouetteError) for each in made)
    with writing(indexes):
        indexes.mkdir(parents=True, exist_ok=True)
        with open(indexes / REPORT, "r+b" if before.report else "wb") as report:
            report.truncate(before.report)
            report.seek(before.report)
            report.write(rows if before.report else b"line,reason\r\n" + rows)
            size = report.tell()
        after = replace(
            before,
            lines=line,
            made=before.made + len(made) - refused,
            refused=before.refused + refused,
            report=size,
        )
        write_atomically(indexes / NOTE, json.dumps(asdict(after)).encode())
    return after
