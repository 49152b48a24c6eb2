"""Who may write: an operation that changes something needs one of the keys in the service's key file."""

from flask import Flask, g, request

from service.errors import RefusedRequest
from service.http.keyring import Keyring
from service.requests.operation import requested_operation


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
        detail = "Writing needs a key. Send it in the header `Authorization: Bearer KEY`, or in `X-Api-Key`."
        raise RefusedRequest("key_missing", detail)
    name = keyring.owner(key)
    if name is None:
        raise RefusedRequest(
            "key_wrong", "The key is not known here. Ask the operator of the service for one."
        )
    return name


def install_keys(app: Flask, keyring: Keyring) -> None:
    """Refuse operations that need a key, before their body is read, unless the request carries one."""

    def check() -> None:
        operation = requested_operation()
        if operation is not None and operation.key:
            g.key_name = _owner(keyring)

    app.before_request(check)
