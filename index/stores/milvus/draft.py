"""A draft version in Milvus: a collection that is filled, indexed and tuned, and only then listed."""

import json
import sqlite3
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path

import faiss
import numpy as np
from pymilvus import MilvusClient

from index.embedding.duplicates import write_duplicates
from index.embedding.embeddings import Embedded
from index.errors import IndexNotWritten, InvalidChange, StoreFailed, StoreUnreachable
from index.filters.facets import Facet, all_facets
from index.filters.postings import write_postings
from index.manifest import Manifest
from index.stores.lock import writing
from index.stores.milvus.connection import WORK_SECONDS, Server
from index.stores.milvus.index_types import DEEPEST, MILVUS_KINDS, MilvusKind, Parameters, choose
from index.stores.milvus.items import rows_of, schema
from index.stores.milvus.place import Place
from index.stores.milvus.version import Collection
from index.stores.store import LAST_REPORT, Draft, Filled
from index.vectors.exact import contiguous
from index.vectors.tuning import Trial, disturbed, tuned
from training.catalogue.reader import BadItem, Item
from training.progress import progress_bar

_QUERIES = 100
"""What the width is tuned on; most of the time of a search is that of bringing its answer here."""


class MilvusVectors:
    """The vectors in a collection that nothing has changed since it was filled."""

    def __init__(self, server: Server, name: str, parameters: Parameters, *, count: int) -> None:
        self.parameters = dict(parameters)
        self._server = server
        self._collection = Collection(server, name, parameters, consistency="Bounded")
        self._count = count

    def __len__(self) -> int:
        return self._count

    def search(self, queries: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
        """Return scores float32 and rows int64, both (m, min(k, n)), best first; -inf and -1 if missing."""
        k = min(k, len(self), DEEPEST)
        scores = np.full((len(queries), k), -np.inf, np.float32)
        rows = np.full((len(queries), k), -1, np.int64)
        for at in range(0, len(queries), _QUERIES):
            part = queries[at : at + _QUERIES]
            for place, found in enumerate(self._collection.nearest(part, k, label="row"), at):
                scores[place, : len(found)], rows[place, : len(found)] = found.scores, found.labels
        return scores, rows

    def vector(self, row: int) -> np.ndarray:
        """Return the vector of one row: float32 (d,)."""
        (found,) = self._collection.query(f"row == {row}", ["vector"])
        return np.asarray(found["vector"], np.float32)

    def tuned(
        self, embedded: Embedded, ladders: Mapping[str, Sequence[int]], recall: float
    ) -> "MilvusVectors":
        """Return them with the search width tuned to `recall` of items, against brute force."""
        vectors = embedded.vectors
        truth = faiss.IndexFlatIP(vectors.shape[1])
        truth.add(contiguous(vectors))
        trial = Trial(truth, disturbed(vectors, count=_QUERIES), owners=embedded.owners)
        return self._with(tuned(ladders, recall, lambda widths: trial.recall(self._with(widths).search)))

    def _with(self, parameters: Parameters) -> "MilvusVectors":
        merged = {**self.parameters, **parameters}
        return MilvusVectors(self._server, self._collection.name, merged, count=len(self))


LAST_DUPLICATES = "last-duplicates.csv"
_AT_ONCE = 1000
_LOOK_SECONDS = 0.05


def _facets(items: Sequence[Item]) -> list[Facet]:
    """Return what items can be filtered by, counted in a database that goes with its connection."""
    with closing(sqlite3.connect("")) as connection:
        write_postings(connection, ((row, item.metadata) for row, item in enumerate(items)))
        return all_facets(lambda query, *values: connection.execute(query, values).fetchall())


class MilvusDraft(Draft):
    """A collection that is not searched until it is published."""

    def __init__(self, place: Place, indexes: Path, version: str) -> None:
        super().__init__(indexes, version)
        self._place = place
        self._collection = place.versions.collection(version)
        self._facets: list[Facet] = []
        self._photographs: set[str] = set()

    @property
    def report(self) -> Path:
        """Beside the notes of the last build."""
        return self.indexes / LAST_REPORT

    @property
    def duplicates(self) -> Path:
        """Beside the notes of the last build."""
        return self.indexes / LAST_DUPLICATES

    def fill(
        self, embedded: Embedded, groups: np.ndarray, *, bad: Sequence[BadItem], kind: str, recall: float
    ) -> Filled:
        """Fill a collection, build its index and see that it is there, load it, and tune the search."""
        vectors, address = embedded.vectors, self._place.server.address
        kind, why = choose(kind, *vectors.shape, lite=address.is_file)
        self._facets = _facets(embedded.items)
        folder = self._place.changes.photographs.folder
        paths = (path for item in embedded.items for path in item.photographs)
        self._photographs = {path.name for path in paths if path.parent == folder}
        sums: tuple[dict[str, str], dict[str, int]] = {}, {}
        with writing(self.indexes):
            write_duplicates(self.duplicates, embedded.items, groups, vectors, embedded.pictures)
            if embedded.maps is not None:
                sums = self._place.maps.keep_version(self.version, embedded.maps)
        try:
            self._insert(embedded, groups)
            parameters = self._make_index(MILVUS_KINDS[kind], *vectors.shape)
            self._place.versions.load(self.version)
            index = self._tuned(embedded, MILVUS_KINDS[kind], parameters, recall)
        except (StoreFailed, StoreUnreachable, InvalidChange) as error:
            raise IndexNotWritten(f"The index could not be written: {error}") from error
        return Filled(index, kind, {**index.parameters, **({"why": why} if why else {})}, *sums)

    def _insert(self, embedded: Embedded, groups: np.ndarray) -> None:
        ask, vectors = self._place.server.ask, embedded.vectors
        ask("create_collection", self._collection, schema=schema(vectors.shape[1]))
        with progress_bar(total=len(vectors), desc="Inserting", unit="vector", disable=None, delay=2) as bar:
            for at in range(0, len(vectors), _AT_ONCE):
                rows = rows_of(embedded, groups, at=at, end=at + _AT_ONCE)
                ask("insert", self._collection, rows, timeout=WORK_SECONDS)
                bar.update(len(rows))
        ask("flush", self._collection, timeout=WORK_SECONDS)

    def _make_index(self, kind: MilvusKind, count: int, dimension: int) -> dict[str, float | int | str]:
        """Build the index, wait for its end, and return what is known of how to search it."""
        built_with = kind.build(count, dimension)
        index = MilvusClient.prepare_index_params()
        nested = {"params": json.dumps(built_with)}  # milvus-lite does not read them otherwise
        index.add_index("vector", index_type=kind.index_type, metric_type="IP", params=nested)
        ask = self._place.server.ask
        ask("create_index", self._collection, index, sync=False, timeout=WORK_SECONDS)
        while (made := ask("describe_index", self._collection, "vector"))["state"] == "InProgress":
            time.sleep(_LOOK_SECONDS)
        if (made["state"], made["index_type"], made["pending_index_rows"]) != (
            "Finished",
            kind.index_type,
            0,
        ):
            raise StoreFailed(f"Milvus has not built an index of type {kind.index_type} but says {made}.")
        return {"lists": built_with["nlist"]} if "nlist" in built_with else {}

    def _tuned(
        self,
        embedded: Embedded,
        kind: MilvusKind,
        parameters: dict[str, float | int | str],
        recall: float,
    ) -> MilvusVectors:
        server = self._place.server
        answer = server.ask("query", self._collection, output_fields=["count(*)"], consistency_level="Strong")
        index = MilvusVectors(server, self._collection, parameters, count=int(answer[0]["count(*)"]))
        return index.tuned(embedded, kind.ladders(len(embedded.vectors)), recall)

    def publish(self, manifest: Manifest) -> None:
        """List the version and make it current, with all changes that came while it was made."""
        try:
            self._place.versions.add(manifest, self._facets, photographs=self._photographs)
            self._place.switch(self.version)
        except (StoreFailed, StoreUnreachable) as error:
            raise IndexNotWritten(f"The index could not be published: {error}") from error
