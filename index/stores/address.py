"""The store that an address names: nothing for the folder, `milvus:…` for Milvus."""

from importlib.util import find_spec
from pathlib import Path

from index.errors import InvalidStore
from index.stores.folder.store import FolderStore
from index.stores.store import Store

SCHEME = "milvus:"


def open_store(address: str, indexes: Path) -> Store:
    """Return the store at an address; nothing is connected to yet.

    Parameters
    ----------
    address : str
        Empty for the folder `indexes`, or as `index.stores.milvus.milvus_address` reads it.
    indexes : Path
        Folder of the versions, or, with another store, of what builds note and of photographs that were put.

    Raises
    ------
    InvalidStore
        The address is none, or the client of Milvus is not installed.
    """
    if not address:
        return FolderStore(indexes)
    if not address.startswith(SCHEME):
        raise InvalidStore(
            f"{address!r:.80} is not the address of a store. Accepted: milvus://HOST:19530 for a server, "
            "milvus:FILE.db for Milvus in a file; without one, versions lie in the folder."
        )
    if find_spec("pymilvus") is None:
        raise InvalidStore(
            "The client of Milvus is not installed. Install it with `make scale`, or with "
            "`pip install -r requirements-scale.txt`."
        )
    from index.stores.milvus.milvus_address import MilvusAddress
    from index.stores.milvus.store import MilvusStore

    return MilvusStore(MilvusAddress.parse(address), indexes)
