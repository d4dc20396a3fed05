"""DynamoDB's transactions on moto's records, with an undo log.

moto copies the whole table, its stream included, once for each write of a transaction, and puts a copy back when
the transaction is cancelled: with a few hundred items each transaction takes longer than all else together. Here
moto copies no table, and what a cancelled transaction has written is taken back item by item.
"""

import copy
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

from rampart.embedded.moto_names import need, replaceable

TRANSACT = replaceable("moto.dynamodb.models", "DynamoDBBackend", "transact_write_items")
"""What is replaced by `transact_write_items`."""
COPY = replaceable("moto.dynamodb", "models", "copy")
"""What is replaced by `WITHOUT_TABLES`."""

_transact = getattr(*TRANSACT)
_Table = need("moto.dynamodb.models.table", "Table")
need("moto.dynamodb.models", "DynamoDBBackend.get_keys_value")
need("moto.dynamodb.models.table", "Table.get_item")
need("moto.dynamodb.models.table", "StreamShard")

WITHOUT_TABLES = SimpleNamespace(
    deepcopy=lambda value: value if isinstance(value, _Table) else copy.deepcopy(value)
)
"""The module `copy`, as moto's DynamoDB uses it, but that a table is its own copy."""


def transact_write_items(backend: Any, transact_items: Sequence[Mapping[str, Any]]) -> None:
    """Carry a transaction out as moto does; whatever ends it with an error takes all of it back."""
    touched = list(_touched(backend, transact_items))
    before = [copy.deepcopy(table.get_item(*key)) for table, key in touched]
    shards = {table.name: table.stream_shard for table, _ in touched if table.stream_shard}
    lengths = {name: len(shard.items) for name, shard in shards.items()}
    try:
        _transact(backend, transact_items)
    except BaseException:
        for (table, key), item in zip(touched, before, strict=True):
            _put_back(table, key, item)
        for name, shard in shards.items():
            del shard.items[lengths[name] :]
        raise


def _touched(backend: Any, transact_items: Sequence[Mapping[str, Any]]) -> Iterator[tuple[Any, tuple[Any, Any]]]:
    """Yield table and key of every item that a transaction may write."""
    for entry in transact_items:
        for write in entry.values():
            table = backend.tables.get(write.get("TableName"))
            key = None
            with suppress(Exception):  # moto cannot write what has no such key either, and says so itself
                key = backend.get_keys_value(table, write.get("Key") or write["Item"])
            if key:
                yield table, key


def _put_back(table: Any, key: tuple[Any, Any], item: Any) -> None:
    """Make the item of a key what it was; None when there was none."""
    hash_key, range_key = key
    place, name = (table.items, hash_key) if range_key is None else (table.items[hash_key], range_key)
    if item is None:
        place.pop(name, None)
    else:
        place[name] = item
