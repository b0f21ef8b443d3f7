"""Makes moto's DynamoDB transactions copy the items that they touch, and no others.

moto restores a table after a failed transaction from a copy. It copies the whole table, once for
each item of the transaction: half the CPU of the tests over moto. A snapshot that shares all
untouched items restores the same state.
"""

import copy
from collections import defaultdict
from contextvars import ContextVar
from types import SimpleNamespace
from typing import Any

from moto.dynamodb import models
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.dynamo_type import DynamoType
from moto.dynamodb.models.table import Table

_touched: ContextVar[list[tuple[str, Any]] | None] = ContextVar("touched", default=None)
_snapshots: ContextVar[dict[str, Table]] = ContextVar("snapshots")


def copy_only_touched_items() -> None:
    """Replace moto's copies for the rest of the process; a second call changes nothing."""
    if isinstance(vars(models)["copy"], SimpleNamespace):
        return
    transact = DynamoDBBackend.transact_write_items

    def transact_write_items(self: DynamoDBBackend, transact_items: list[dict[str, Any]]) -> None:
        operations = [operation for item in transact_items for operation in item.values()]
        touched = _touched.set(
            [(op["TableName"], op.get("Key", op.get("Item"))) for op in operations]
        )
        snapshots = _snapshots.set({})
        try:
            transact(self, transact_items)
        finally:
            _snapshots.reset(snapshots)
            _touched.reset(touched)

    DynamoDBBackend.transact_write_items = transact_write_items  # type: ignore[method-assign]
    vars(models)["copy"] = SimpleNamespace(deepcopy=_deepcopy)


def _deepcopy(value: Any) -> Any:
    touched = _touched.get()
    if touched is None or not isinstance(value, Table):
        return copy.deepcopy(value)
    snapshots = _snapshots.get()
    if value.name not in snapshots:
        # moto takes all its copies before the first write, so one copy of a table is enough.
        keys = [key for name, key in touched if name == value.name]
        snapshots[value.name] = _snapshot(value, keys)
    return snapshots[value.name]


def _snapshot(table: Table, keys: list[Any]) -> Table:
    snapshot = copy.copy(table)
    items: dict[Any, Any] = table.items
    if table.has_range_key:
        items = {hash_key: dict(rows) for hash_key, rows in items.items()}
    copies: Any = defaultdict(dict, items)
    for key in keys:
        hash_value, range_value = table_keys(table, key)
        item = table.get_item(hash_value, range_value)
        if item is not None and table.has_range_key:
            copies[hash_value][range_value] = copy.deepcopy(item)
        elif item is not None:
            copies[hash_value] = copy.deepcopy(item)
    snapshot.items = copies
    if table.stream_shard is not None:
        snapshot.stream_shard = copy.copy(table.stream_shard)
        snapshot.stream_shard.items = list(table.stream_shard.items)
    return snapshot


def table_keys(table: Table, key: dict[str, Any]) -> tuple[Any, Any]:
    """Return the hash and the range value of an item or of its key."""
    values = [
        DynamoType(key[name]) if name else None
        for name in (table.hash_key_attr, table.range_key_attr)
    ]
    return values[0], values[1]
