"""A backup of all that a catalogue can't bring back: what was put and deleted, with the photographs put.

A ZIP file, the same for every store: `changes.jsonl` with the latest state of each item, one a line, and the
photographs in `photographs/`, under the names that the store gives them.
"""

import base64
import hashlib
import json
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np

from index.change import PATCH, PUT, Change
from index.edits import vector_bytes
from index.errors import BackupNotWritten, BackupUnusable, ChangeNotWritten, InvalidChange
from index.photographs import PHOTOGRAPHS, Photographs
from index.stores.store import Store
from index.views import Views
from training.catalogue.reader import Item
from training.files import replacing

FORMAT = 3
"""That of backups whose views may have part maps; earlier ones are read, too."""
_CHANGES = "changes.jsonl"
_FORMAT = "format.json"
_ATTEMPTS = 3


@dataclass(frozen=True)
class Backup:
    """What a backup holds.

    Parameters
    ----------
    changes, photographs : int
        States of items, and photographs of those that were put.
    missing : tuple of str
        One line for each photograph that is missing or damaged. A backup holds the rest of its item; a
        restore leaves the item out unless the photograph lies in the store.
    """

    changes: int
    photographs: int
    missing: tuple[str, ...] = ()


def _line(state: Change) -> str:
    fields: dict[str, Any] = {"at": state.at, "action": state.action, "item_id": state.item_id}
    if state.item is not None and state.vector is not None:
        vector = base64.b64encode(vector_bytes(state.vector)).decode()
        name, *further = state.photographs
        fields |= {"photograph": name, "further": further, "metadata": state.item.metadata}
        fields |= {"encoder": state.encoder, "vector": vector}
        if state.views is not None:
            fields["views"] = base64.b64encode(state.views.to_bytes()).decode()
    if state.fields is not None:
        fields["metadata"] = state.fields
    return json.dumps(fields) + "\n"


def _state(line: bytes, seq: int, photographs: Photographs) -> Change:
    fields = json.loads(line)
    at, action, item_id = fields["at"], fields["action"], fields["item_id"]
    if action != PUT:
        patched = fields["metadata"] if action == PATCH else None
        return Change(seq, at, action, item_id, fields=patched)
    names = (fields["photograph"], *fields.get("further", ()))
    first, *others = [photographs.path(Path(name).name) for name in names]
    item = Item(item_id, first, fields["metadata"], tuple(others))
    vector = np.frombuffer(base64.b64decode(fields["vector"], validate=True), "<f4")
    vector_bytes(vector)
    packed = base64.b64decode(fields.get("views", ""), validate=True)
    views = Views.from_bytes(packed, len(vector)) if packed else None
    return Change(seq, at, action, item_id, item, vector, fields["encoder"], views)


def _names(states: Sequence[Change]) -> list[str]:
    """Return the names of the photographs of states, each once."""
    return list(dict.fromkeys(name for state in states for name in state.photographs))


def _states_with_photographs(store: Store) -> tuple[list[Change], dict[str, str | None]]:
    """Return the states, and of each of their photographs, by its name, what is wrong with it.

    A build may remove the photograph of an item that was put again while the states were read; then they
    are read again.
    """
    for _ in range(_ATTEMPTS):
        states = store.changes.since(0)
        problems = {name: store.changes.photographs.problem(name) for name in _names(states)}
        if not any(problems.values()):
            break
    return states, problems


def write_backup(store: Store, path: Path) -> Backup:
    """Write a backup of a store's changes; services and writers go on meanwhile.

    Parameters
    ----------
    store : Store
    path : Path
        The file, which is replaced only once the new one is complete and on the disk.

    Raises
    ------
    ChangesDamaged
    BackupNotWritten
        The disk is full or read-only.
    """
    states, problems = _states_with_photographs(store)
    photographs = store.changes.photographs
    names = [name for name, problem in problems.items() if problem is None]
    try:
        with replacing(path, mode=0o600) as file, zipfile.ZipFile(file, "w") as archive:
            archive.writestr(_FORMAT, json.dumps({"format": FORMAT}))
            archive.writestr(_CHANGES, "".join(map(_line, states)), zipfile.ZIP_DEFLATED)
            for name in names:
                archive.write(photographs.path(name), f"{PHOTOGRAPHS}/{name}")
    except OSError as error:
        raise BackupNotWritten(
            f"The backup '{path}' could not be written ({error.strerror or error}). Make room there or name "
            "another file; one that was there is unchanged."
        ) from error
    return Backup(len(states), len(names), tuple(problem for problem in problems.values() if problem))


def _read(archive: zipfile.ZipFile, photographs: Photographs) -> list[Change]:
    """Return the states in a backup whose every file is what was written."""
    if json.loads(archive.read(_FORMAT))["format"] > FORMAT:
        raise ValueError(f"its format is newer than {FORMAT}: a newer release wrote it")
    states = [
        _state(line, seq, photographs)
        for seq, line in enumerate(archive.read(_CHANGES).splitlines(), start=1)
    ]
    for name in set(_names(states)) & _held(archive):
        with archive.open(f"{PHOTOGRAPHS}/{name}") as file:
            digest = hashlib.file_digest(cast(Any, file), "sha256").hexdigest()
        if digest != Path(name).stem:
            raise ValueError(f"its photograph '{name}' is not the one that was written")
    return states


def _held(archive: zipfile.ZipFile) -> set[str]:
    prefix = f"{PHOTOGRAPHS}/"
    return {name.removeprefix(prefix) for name in archive.namelist() if name.startswith(prefix)}


def _store(archive: zipfile.ZipFile, names: Sequence[str], photographs: Photographs) -> None:
    for name in names:
        data = archive.read(f"{PHOTOGRAPHS}/{name}")
        try:
            photographs.store(data)
        except OSError as error:
            raise ChangeNotWritten(
                f"The photographs could not be written to '{photographs.folder}' ({error.strerror}). "
                "No item has changed. Make room there or allow writing, and try again."
            ) from error


def restore_backup(store: Store, path: Path) -> Backup:
    """Set a store's changes to those of a backup; running services follow, and nothing need be stopped.

    What was put or deleted since the backup is left to the catalogue again. The backup is checked before
    anything is changed. What a version has folded in since is undone by the next build.

    Parameters
    ----------
    store : Store
        Of the kind and place that the backup was made of, or of another.
    path : Path

    Raises
    ------
    BackupUnusable
        It is no backup, is damaged, or is of a newer release; nothing has changed.
    ChangeNotWritten
    """
    photographs = store.changes.photographs
    try:
        with zipfile.ZipFile(path) as archive:
            states, held = _read(archive, photographs), _held(archive)
            _store(archive, [name for name in _names(states) if name in held], photographs)
    except (OSError, zipfile.BadZipFile, ValueError, KeyError, TypeError, InvalidChange) as error:
        raise BackupUnusable(
            f"The backup '{path}' can't be used ({error}). Nothing was changed. Name a file that "
            "`python -m index backup` has written."
        ) from error
    elsewhere = [name for name in _names(states) if name not in held]
    missing = {name: problem for name in elsewhere if (problem := photographs.problem(name))}
    kept = [state for state in states if missing.keys().isdisjoint(state.photographs)]
    store.changes.restore(kept)
    return Backup(len(kept), len(_names(kept)), tuple(missing.values()))
