"""Who may write: a view that changes something first asks for one of the keys in the service's file."""

from typing import cast

from flask import current_app, g, request

from service.errors import RefusedRequest
from service.http.keyring import Keyring


def _sent_key() -> str:
    scheme, _, credentials = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer" and credentials.strip():
        return credentials.strip()
    return request.headers.get("X-Api-Key", "").strip()


def require_key() -> str:
    """Return the name of the key that the request carries; to be called first in a view that writes.

    Raises
    ------
    RefusedRequest
        With code `key_missing` or `key_wrong`.
    """
    keyring = cast(Keyring, current_app.extensions["silhouette.keys"])
    if not keyring:
        raise RefusedRequest("key_wrong", "This service is read-only: its operator has made no key for it.")
    key = _sent_key()
    if not key:
        detail = "Writing needs a key. Send it in the header `Authorization: Bearer KEY`, or in `X-Api-Key`."
        raise RefusedRequest("key_missing", detail)
    name = keyring.owner(key)
    if name is None:
        raise RefusedRequest(
            "key_wrong", "The key is not known here. Ask the operator of the service for one."
        )
    g.key_name = name
    return name
