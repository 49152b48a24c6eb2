"""The stores that the contract is held against: a folder, Milvus in a file, and a Milvus server."""

import shutil
import socket
import warnings
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from itertools import count
from pathlib import Path

import numpy as np
import pytest

from index.build import BuildOptions, BuildRun, publish_embedded
from index.edits import Put
from index.embedding.embeddings import Embedded
from index.gate.checks import Limits
from index.stores.address import open_store
from index.views import ITEM, Views, arranged
from training.catalogue.reader import Catalogue, Item

NIGHT = datetime(2026, 11, 21, 2, tzinfo=UTC)
PICTURE = b"\xff\xd8\xff picture "
DIMENSION = 16
KINDS = ("folder", "lite", "server")

_prefixes = (f"test_{number}" for number in count())


def unit(seed: int) -> np.ndarray:
    """The vector of a number: float32 (16,), of norm 1."""
    vector = np.random.default_rng(seed).standard_normal(DIMENSION)
    return (vector / np.linalg.norm(vector)).astype(np.float32)


def alone(vector: np.ndarray | Views) -> Views:
    """One vector as all views of an item."""
    if isinstance(vector, Views):
        return vector
    return Views(vector[None], np.full((1, 4), np.nan, np.float32), np.zeros(1, np.int64))


class Shop:
    """A store with an encoder, and a way to publish given items and vectors in it."""

    def __init__(self, address: str, folder: Path, encoder) -> None:
        self.address, self.indexes, self.encoder = address, folder / "indexes", encoder
        self.store = self.connect()
        self._nights = count()

    def connect(self):
        """The same store, as another process has it."""
        return open_store(self.address, self.indexes)

    def open(self):
        return self.store.open(encoder=self.encoder)

    def publish(
        self,
        items: Sequence[Item],
        vectors,
        pictures=None,
        *,
        kind="auto",
        garments=ITEM,
        recall=0.98,
        during=None,
    ):
        """Publish items with all changes folded in; `during` is called while they are built.

        What stands for an item is its vector, or its views.
        """
        now = NIGHT + timedelta(days=next(self._nights))
        with self.store.building(now=now) as draft:
            folded, seq = self.store.changes.folded(Catalogue("shop.csv", tuple(items), ()))
            known = {item.item_id: alone(vector) for item, vector in zip(items, vectors, strict=True)}
            states = [change for change in self.store.changes.since(0) if change.item]
            put = {change.item_id: change.views or alone(change.vector) for change in states}
            owners, views = arranged([(known | put)[item.item_id] for item in folded.items])
            if during:
                during()
            rows = np.arange(len(folded.items), dtype=np.uint64)
            pictures = rows * np.uint64(0x9E3779B97F4A7C15) >> np.uint64(4) if pictures is None else pictures
            contents = np.zeros((len(rows), 32), np.uint8)
            contents[:, :8] = rows[:, None].view(np.uint8)
            embedded = Embedded(folded.items, views.vectors, (), pictures=pictures, contents=contents)
            embedded = replace(embedded, garments=garments)
            if len(owners) > len(rows) or garments != ITEM:
                seen = {"boxes": views.boxes, "photographs": views.photographs}
                embedded = replace(embedded, owners=owners, **seen)
            run = BuildRun(draft, "shop.csv", self.encoder.fingerprint, seq, self.store.previous())
            options = BuildOptions(kind, Limits(max_drop=1, recall=recall))
            return publish_embedded(run, embedded, options=options, now=now)

    def put_views(self, item_id: str, views: Views, **metadata):
        """Put an item with given views and photographs of its own."""
        count = int(views.photographs.max()) + 1
        photo, *further = [
            PICTURE + f"{item_id} {number} {views.vectors[0, 0]}".encode() for number in range(count)
        ]
        values = (metadata, views.vectors[0], self.encoder.fingerprint)
        return self.store.changes.write_one(Put(item_id, (photo, *further), *values, views=views)).seq

    def put(self, item_id: str, seed: int, **metadata):
        """Put an item with the vector of a number and a photograph of its own."""
        return self.store.changes.write_one(
            Put(item_id, (PICTURE + str(seed).encode(),), metadata, unit(seed), self.encoder.fingerprint)
        ).seq


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _etcd(path: Path) -> Path:
    """Write where the server's own etcd listens, which it does not choose itself."""
    client, peer = (f"http://127.0.0.1:{_free_port()}" for _ in range(2))
    path.write_text(
        f"listen-client-urls: {client}\nadvertise-client-urls: {client}\n"
        f"listen-peer-urls: {peer}\ninitial-advertise-peer-urls: {peer}\ninitial-cluster: default={peer}\n"
    )
    return path


@pytest.fixture(scope="session")
def milvus_server(tmp_path_factory):
    """The address of a Milvus server that runs as long as the tests do."""
    if find_spec("milvus") is None or find_spec("pymilvus") is None:
        pytest.skip("needs a Milvus server: pip install -r requirements-scale.txt, on Linux with x86-64")
    from milvus import MilvusServer, MilvusServerConfig

    folder = tmp_path_factory.mktemp("milvus")
    config = MilvusServerConfig(data_dir=str(folder))
    config.set("queryCoord.checkInterval", 100)
    config.set("queryCoord.distPullInterval", 50)
    config.set("proxy.timeTickInterval", 20)
    config.set("proxy_port", _free_port())
    server = MilvusServer(config)
    try:
        with pytest.MonkeyPatch.context() as environment, warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)  # it leaves sockets of ports that are taken open
            environment.setenv("ETCD_CONFIG_PATH", str(_etcd(folder / "etcd.yaml")))
            try:
                server.start()
            except (OSError, RuntimeError) as error:
                pytest.skip(f"a Milvus server does not start here: {error}")
        yield f"milvus://127.0.0.1:{server.listen_port}"
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def lite_file(tmp_path_factory):
    """The address of a Milvus in a file, one for all tests: each takes a prefix of its own."""
    if find_spec("milvus_lite") is None or find_spec("pymilvus") is None:
        pytest.skip("needs milvus-lite: pip install -r requirements-scale.txt")
    from milvus_lite.server_manager import server_manager_instance

    path = tmp_path_factory.mktemp("lite") / "vectors.db"
    yield f"milvus:{path}"
    server_manager_instance.release_server(str(path))


def _address(request, kind: str) -> str:
    if kind == "folder":
        return ""
    place = request.getfixturevalue("lite_file" if kind == "lite" else "milvus_server")
    return f"{place}?prefix={next(_prefixes)}"


@pytest.fixture(scope="session")
def shop_at(request, tmp_path_factory, make_encoder):
    """Make a shop in a store of a kind: `shop_at("lite")`."""

    def make(kind: str) -> Shop:
        encoder = make_encoder()
        encoder.dimension = DIMENSION
        return Shop(_address(request, kind), tmp_path_factory.mktemp(kind), encoder)

    return make


@pytest.fixture(params=["folder", "lite"])
def shop(request, shop_at):
    """An empty shop in each store that needs no server."""
    return shop_at(request.param)


@pytest.fixture
def lite(shop_at):
    """An empty shop in Milvus in a file."""
    return shop_at("lite")


def items_of(numbers: Sequence[int]) -> list[Item]:
    return [Item(f"sku-{number}", Path(f"/shop/{number}.jpg"), {"number": number}) for number in numbers]


@pytest.fixture(scope="session")
def numbered():
    """The vector of a number."""
    return unit


@pytest.fixture(scope="session")
def plain():
    """Items `sku-N` of numbers, and their vectors."""

    def make(*numbers: int):
        return items_of(numbers), np.stack([unit(number) for number in numbers])

    return make
