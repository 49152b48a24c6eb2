"""Catalogue files by address: downloaded into the cache, at the next build only where they have changed."""

import hashlib
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit, urlunsplit

from training.addresses import object_stores
from training.addresses.download import Answer, Downloader, Validators
from training.addresses.fetching import Fetching
from training.addresses.public_hosts import Hosts
from training.catalogue.packed import MAX_BYTES, open_plain, suffix_of
from training.catalogue.tables import BadRow, CatalogueRows, Row
from training.errors import AddressRefused, AddressUnreachable, FileTooLarge, UnreadableCatalogue
from training.files import replacing, write_atomically

FOLDER = "feeds"
"""Below the cache: the files, each with what its server said of it beside."""

SECONDS = 1800.0

PRODUCTS = "/products.json"
PAGE = 250
"""Products of a page of Shopify's, at most."""

MOST_PAGES = 1000


class _Unchanged(Exception):
    """The file is the one that is there."""


def _known(path: Path) -> Validators | None:
    """Return what the server said of a file; None where there is none, or it said nothing."""
    try:
        validators = Validators(**json.loads(path.with_suffix(".validators").read_bytes()))
    except (OSError, ValueError, TypeError):
        return None
    return validators if path.is_file() and validators.headers() else None


class _Source:
    """Downloads files into a folder, with retries."""

    def __init__(self, folder: Path, downloader: Downloader, settings: Fetching) -> None:
        self._folder = folder
        self._downloader = downloader
        self._settings = settings

    def _ask(self, address: str, into: BinaryIO, known: Validators | None) -> Answer:
        if urlsplit(address).scheme in object_stores.STORES:
            hosts = Hosts(self._settings.allowed_hosts)
            return object_stores.download(address, into, hosts=hosts, max_bytes=MAX_BYTES, known=known)
        return self._downloader.download(address, into, max_bytes=MAX_BYTES, seconds=SECONDS, known=known)

    def _once(self, address: str, path: Path) -> None:
        try:
            with replacing(path) as file:
                answer = self._ask(address, file, _known(path))
                if not answer.changed:
                    raise _Unchanged
        except _Unchanged:
            return
        write_atomically(path.with_suffix(".validators"), json.dumps(vars(answer.validators)).encode())

    def get(self, address: str) -> Path:
        """Return the file of an address; raises `UnreadableCatalogue`."""
        name = hashlib.sha256(address.encode()).hexdigest()[:32]
        path = self._folder / f"{name}{suffix_of(Path(urlsplit(address).path))}"
        attempt = 1
        while True:
            try:
                self._once(address, path)
                return path
            except (AddressRefused, AddressUnreachable, FileTooLarge) as error:
                unreachable = error if isinstance(error, AddressUnreachable) else None
                wait = self._settings.wait_after(attempt, unreachable) if unreachable else None
                if wait is None:
                    raise UnreadableCatalogue(f"{address} could not be read: {error}") from error
            time.sleep(wait)
            attempt += 1


def _pages(address: str) -> Iterator[str]:
    """Yield the addresses of the pages of a shop's products."""
    parts = urlsplit(address)
    query = dict(parse_qsl(parts.query)) | {"limit": str(PAGE)}
    for page in range(1, MOST_PAGES + 1):
        yield urlunsplit(parts._replace(query=urlencode(query | {"page": str(page)})))


def _has_products(path: Path) -> bool:
    try:
        with open_plain(path) as file:
            return bool(json.load(file)["products"])
    except (ValueError, TypeError, KeyError):
        return True  # which its reader will not accept


def shop_of(address: str) -> str:
    """Return the address of the shop whose `products.json` this is; an empty text where it is none."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}" if parts.path.endswith(PRODUCTS) else ""


def download(address: str, *, cache: Path, fetching: Fetching) -> list[Path]:
    """Download a catalogue file, or the pages of a shop's `products.json`, unless they are here unchanged.

    Parameters
    ----------
    address : str
    cache : Path
        The files are kept below it, in `FOLDER`.
    fetching : Fetching
        Its hosts, attempts and backoff.

    Returns
    -------
    list of Path
        The file, or those pages that have products.

    Raises
    ------
    UnreadableCatalogue
        The address is refused, does not answer, or not with a file of at most `MAX_BYTES`.
    NotInstalled
        It is of an object store whose package is not there.
    """
    with Downloader(Hosts(fetching.allowed_hosts)) as downloader:
        source = _Source(cache / FOLDER, downloader, fetching)
        if not shop_of(address) or "page" in dict(parse_qsl(urlsplit(address).query)):
            return [source.get(address)]
        pages: list[Path] = []
        for page in _pages(address):
            path = source.get(page)
            # a server that knows no pages sends the same one again
            last = not _has_products(path) or any(
                path.read_bytes() == each.read_bytes() for each in pages[-1:]
            )
            if not (last and pages):
                pages.append(path)
            if last:
                break
        return pages


def resolved(read: Callable[[], CatalogueRows], address: str) -> CatalogueRows:
    """Return rows whose paths are addresses: a file from elsewhere names none of this machine.

    Parameters
    ----------
    read : function
        Reads the file that was downloaded.
    address : str
        From where.
    """

    def absolute(value: object) -> object:
        if isinstance(value, list):
            return [absolute(each) for each in value]
        return urljoin(address, value) if isinstance(value, str) and value else value

    bad: list[BadRow] = []

    def rows() -> Iterator[Row]:
        try:
            table = read()
            yield from ({**row, "path": absolute(row.get("path"))} for row in table.rows)
            bad.extend(table.bad)
        except UnreadableCatalogue as error:
            raise UnreadableCatalogue(f"{address} was downloaded, but {error}") from error

    return CatalogueRows(rows(), bad)
