"""A small collection of records in Milvus, by key, without vectors to search for."""

from typing import Any

from pymilvus import CollectionSchema, DataType, FieldSchema, MilvusClient

from index.stores.milvus.connection import WORK_SECONDS, Server

LONGEST = 65_535
_AT_ONCE = 4096
_NO_VECTOR = [0.0, 1.0]  # Milvus wants one in every collection


class RecordTable:
    """Records of texts and integers.

    A read that is strongly consistent sees all that was written before. After one of those, all others see
    it, too; `put` and `remove` end with one.

    Parameters
    ----------
    server : Server
    name : str
    texts, numbers : tuple of str
        The fields, beside `key`.
    """

    def __init__(
        self, server: Server, name: str, *, texts: tuple[str, ...], numbers: tuple[str, ...]
    ) -> None:
        self.name = name
        self._server = server
        self._texts, self._numbers = texts, numbers
        self._ready = False

    def write(self, records: list[dict[str, Any]]) -> None:
        """Add records, or replace those with the same keys; some readers see them a moment later."""
        self._make()
        self._server.ask("upsert", self.name, [{**record, "vector": _NO_VECTOR} for record in records])

    def put(self, records: list[dict[str, Any]]) -> None:
        """Add records, or replace those with the same keys."""
        self.write(records)
        self._settle()

    def remove(self, condition: str) -> None:
        """Remove the records that fulfil a condition."""
        if self._there():
            self._server.ask("delete", self.name, filter=condition)
            self._settle()

    def count(self, condition: str, *, consistency: str = "Strong") -> int:
        """Return how many records fulfil a condition."""
        if not self._there():
            return 0
        (answer,) = self._server.ask(
            "query",
            self.name,
            filter=condition,
            output_fields=["count(*)"],
            consistency_level=consistency,
        )
        return int(answer["count(*)"])

    def find(
        self, condition: str, *, consistency: str = "Strong", fields: tuple[str, ...] = ()
    ) -> list[dict[str, Any]]:
        """Return the records that fulfil a condition, in no order; by default with all fields."""
        found = self._query(condition, consistency, fields, limit=_AT_ONCE)
        if len(found) < _AT_ONCE:
            return found
        return [
            record
            for part in parts(self.count(condition, consistency=consistency))
            for record in self._query(f"{condition} and {part}", consistency, fields)
        ]

    def get(
        self, key: str, *, consistency: str = "Strong", fields: tuple[str, ...] = ()
    ) -> dict[str, Any] | None:
        """Return the record of a key, None where there is none; by default with all fields."""
        records = self._query(f'key == "{key}"', consistency, fields)
        return records[0] if records else None

    def _query(
        self, condition: str, consistency: str, fields: tuple[str, ...], **options: Any
    ) -> list[dict[str, Any]]:
        if not self._there():
            return []
        records = self._server.ask(
            "query",
            self.name,
            filter=condition,
            output_fields=list(fields or ("key", *self._texts, *self._numbers)),
            consistency_level=consistency,
            **options,
        )
        return [dict(record) for record in records]

    def _settle(self) -> None:
        self.count('key == ""')

    def _there(self) -> bool:
        """Return whether it exists; it is then ready to be read."""
        if not self._ready and self._server.ask("has_collection", self.name):
            self._server.ask("load_collection", self.name, timeout=WORK_SECONDS)
            self._ready = True
        return self._ready

    def _make(self) -> None:
        if self._there():
            return
        fields = [
            FieldSchema("key", DataType.VARCHAR, is_primary=True, max_length=64),
            *(FieldSchema(name, DataType.VARCHAR, max_length=LONGEST) for name in self._texts),
            *(FieldSchema(name, DataType.INT64) for name in self._numbers),
            FieldSchema("vector", DataType.FLOAT_VECTOR, dim=len(_NO_VECTOR)),
        ]
        index = MilvusClient.prepare_index_params()
        index.add_index("vector", index_type="FLAT", metric_type="IP")
        self._server.ask("create_collection", self.name, schema=CollectionSchema(fields))
        self._server.ask("create_index", self.name, index, sync=False)
        self._there()


def parts(count: int, *, start: str = "") -> list[str]:
    """Return conditions that split about `count` keys, which are digests, into few enough for one answer.

    They come in the order of the keys, from the one that the key `start` is in.
    """
    digits = 0
    while count > _AT_ONCE * 16**digits:
        digits += 1
    if not digits:
        return ['key != ""']
    first = int(start[:digits] or "0", 16)
    return [f'key like "{number:0{digits}x}%"' for number in range(first, 16**digits)]
