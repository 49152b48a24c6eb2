"""Files in object stores, such as s3://BUCKET/KEY, read by fsspec, which the product does not require.

Which credentials are used is said in the store's own way, by its variables of the environment and its files.
"""

import logging
from typing import Any, BinaryIO
from urllib.parse import urlsplit

from training.addresses.download import Answer, Validators
from training.addresses.public_hosts import ALLOWED_HOSTS, Hosts
from training.errors import AddressRefused, AddressUnreachable, FileTooLarge, NotInstalled

log = logging.getLogger(__name__)

STORES = {"s3": "s3fs", "gs": "gcsfs"}
"""The scheme of an address, and the package that fsspec needs for it."""


def _file(address: str) -> tuple[Any, str]:
    scheme = urlsplit(address).scheme
    try:
        from fsspec.core import url_to_fs

        return url_to_fs(address)
    except ImportError as error:
        raise NotInstalled(
            f"{scheme}:// needs fsspec and {STORES[scheme]}, which are not installed. "
            "Run pip install -r requirements-stores.txt."
        ) from error


def download(
    address: str, into: BinaryIO, *, hosts: Hosts, max_bytes: int, known: Validators | None = None
) -> Answer:
    """Read a file of an object store, whose bucket is allowed by name.

    Parameters
    ----------
    address : str
        Of a scheme in `STORES`.
    into : binary file
    hosts : Hosts
    max_bytes : int
    known : Validators, optional
        Of what is there already: where that is the same, nothing is read.

    Raises
    ------
    AddressRefused, AddressUnreachable, FileTooLarge, NotInstalled
    """
    bucket = urlsplit(address).netloc
    if not hosts.allows(bucket):
        raise AddressRefused(
            f"The bucket {bucket!r} is read with this machine's credentials, and has to be allowed by name "
            f"({ALLOWED_HOSTS})."
        )
    store, path = _file(address)
    try:
        about = store.info(path)
        validators = Validators(etag=str(store.ukey(path)))
        if validators == known:
            return Answer(changed=False)
        if (about.get("size") or 0) > max_bytes:
            raise FileTooLarge(f"The file has more than {max_bytes:,} bytes. Name a smaller one.")
        into.write(store.cat_file(path))
    except FileNotFoundError as error:
        raise AddressUnreachable("There is no such object in the bucket. Check the address.") from error
    except PermissionError as error:
        raise AddressUnreachable("The credentials of this machine do not allow to read it.") from error
    except (OSError, RuntimeError, ValueError) as error:  # each store has errors of its own
        log.debug("%s could not be read", address, exc_info=error)
        raise AddressUnreachable(f"The store could not be read ({error}).", passing=True) from error
    return Answer(validators)
