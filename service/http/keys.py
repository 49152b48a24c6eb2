"""Keys: the file that keeps them as hashes, and the check that an operation which needs one has it.

A key is 256 random bits, so that its SHA-256 can't be reversed, however fast that hash is; slow hashes for
passwords make up for a lack of randomness.
"""

import hashlib
import hmac
import json
import logging
import re
import secrets
import threading
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from flask import Flask, g, request

from service.errors import InvalidKeys, RefusedRequest
from service.requests.operation import requested_operation
from training.files import write_atomically

NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Key:
    """The record of a key: the SHA-256 of its text, in hex, and when it was created."""

    sha256: str
    created: str


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


def read_keys(file: Path) -> dict[str, Key]:
    """Return the keys in a file by name; none where there is no file.

    Raises
    ------
    InvalidKeys
        The file can't be read, or is not one of keys.
    """
    try:
        entries = json.loads(file.read_text("utf-8"))
        keys = {str(name): Key(**entry) for name, entry in entries.items()}
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise InvalidKeys(f"The keys in {file} can't be read ({error.strerror}). Check the file.") from error
    except (ValueError, TypeError, AttributeError) as error:
        raise InvalidKeys(
            f"{file} holds no keys as `keys add` writes them. Restore it, or remove it."
        ) from error
    if not all(re.fullmatch(r"[0-9a-f]{64}", str(key.sha256)) for key in keys.values()):
        raise InvalidKeys(f"{file} has an entry whose sha256 is no SHA-256 in hex. Remove that entry.")
    return keys


def _write_keys(file: Path, keys: dict[str, Key]) -> None:
    """Replace the file atomically; only its owner may read it."""
    entries = {name: asdict(key) for name, key in keys.items()}
    write_atomically(file, json.dumps(entries, indent=2).encode(), mode=0o600)


def add_key(file: Path, name: str) -> str:
    """Create a key, store its hash under `name`, and return it: it can't be shown again.

    Raises
    ------
    InvalidKeys
        The name is taken or not accepted, or the file can't be used.
    """
    keys = read_keys(file)
    if not NAME.fullmatch(name):
        raise InvalidKeys(f"The name is {name!r:.80}. Accepted: up to 64 letters, digits, dots, - and _.")
    if name in keys:
        raise InvalidKeys(f"{file} has a key named {name}. Remove it first, or choose another name.")
    key = "sk_" + secrets.token_urlsafe(32)
    _write_keys(file, keys | {name: Key(_digest(key), datetime.now(UTC).isoformat(timespec="seconds"))})
    return key


def remove_key(file: Path, name: str) -> None:
    """Remove a key; services that read the file refuse it from then on.

    Raises
    ------
    InvalidKeys
        There is none of that name, or the file can't be used.
    """
    keys = read_keys(file)
    if name not in keys:
        known = ", ".join(sorted(keys)) or "none"
        raise InvalidKeys(f"{file} has no key named {name!r:.80}. It holds: {known}.")
    _write_keys(file, {other: key for other, key in keys.items() if other != name})


class Keyring:
    """The keys of a file, read again whenever the file has changed.

    Raises
    ------
    InvalidKeys
        At the start, where the file can't be used. One that is damaged later is logged, and no key opens
        anything until it is whole again.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._state = self._look()
        self._keys = read_keys(file)

    def _look(self) -> tuple[int, ...]:
        try:
            stat = self._file.stat()
        except OSError:
            return ()
        return stat.st_mtime_ns, stat.st_size, stat.st_ino

    def _current(self) -> dict[str, Key]:
        with self._lock:
            state = self._look()
            if state != self._state:
                self._state = state
                try:
                    self._keys = read_keys(self._file)
                except InvalidKeys as error:
                    _log.error("%s", error)
                    self._keys = {}
            return self._keys

    def __bool__(self) -> bool:
        return bool(self._current())

    def owner(self, key: str) -> str | None:
        """Return the name of a key, or None, in constant time."""
        digest, found = _digest(key), None
        for name, kept in self._current().items():
            if hmac.compare_digest(digest, kept.sha256):
                found = name
        return found


def _sent_key() -> str:
    scheme, _, credentials = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer" and credentials.strip():
        return credentials.strip()
    return request.headers.get("X-Api-Key", "").strip()


def _owner(keyring: Keyring) -> str:
    """Return the name of the key that the request carries; raises `RefusedRequest` without a valid one."""
    if not keyring:
        raise RefusedRequest("key_wrong", "This service is read-only: its operator has made no key for it.")
    key = _sent_key()
    if not key:
        detail = "This needs a key. Send it in the header `Authorization: Bearer KEY`, or in `X-Api-Key`."
        raise RefusedRequest("key_missing", detail)
    name = keyring.owner(key)
    if name is None:
        raise RefusedRequest(
            "key_wrong", "The key is not known here. Ask the operator of the service for one."
        )
    return name


def install_keys(app: Flask, keyring: Keyring) -> None:
    """Refuse operations that need a key, before their body is read, unless the request carries one."""
    app.extensions["silhouette.keys"] = keyring

    def check() -> None:
        operation = requested_operation()
        if operation is not None and operation.key:
            g.key_name = _owner(keyring)

    app.before_request(check)
