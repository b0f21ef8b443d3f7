"""Prefetch rows of several tables with one ``BatchGetItem``.

A use case that reads from two stores would wait for DynamoDB twice, although one ``BatchGetItem``
takes keys of many tables. A handler that knows the keys in advance wraps the use case in
:func:`prefetch`. Stores describe these rows as a :class:`ReadSet` and read through :func:`get` and
:func:`get_many`, which consume prefetched rows first.

Each prefetched row is consumed at most once, and the rest is dropped when the block ends. Retries
therefore always read from DynamoDB and never see a stale row.
"""

import random
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

from shop.kernel.errors import Unavailable
from shop.kernel.frozen import frozen
from shop.storage.connection import Row, connection

R = TypeVar("R", bound=Row)
Key = tuple[str, ...]

BATCH_GET_SIZE = 100
"""Maximum keys of one BatchGetItem."""
MAX_ATTEMPTS = 8
"""Consecutive calls without any row after which the read fails."""
FIRST_PAUSE = 0.01
MAX_PAUSE = 0.3
"""Seconds."""


@frozen(slots=False)
class ReadSet:
    """Rows that a store will read. A key is the partition key, with the sort key if any."""

    kind: type[Row]
    keys: tuple[Key, ...]
    consistent: bool = False
    """Read the last written state; otherwise, the state may lag."""


@frozen(slots=False)
class _PrefetchedRow:
    """The result of a prefetch; ``row`` is ``None`` if DynamoDB has no such row."""

    row: Row | None
    consistent: bool


_PrefetchedRows = dict[tuple[type[Row], Key], _PrefetchedRow]
_TableKey = tuple[str, Key]

_prefetched: ContextVar[_PrefetchedRows | None] = ContextVar("prefetched", default=None)


@contextmanager
def prefetch(*read_sets: ReadSet) -> Iterator[None]:
    """Read all these rows, 100 per call, for the stores that are called inside the block.

    Raises :class:`Unavailable` if DynamoDB repeatedly returns none of the remaining keys.
    """
    token = _prefetched.set(_read(read_sets))
    try:
        yield
    finally:
        _prefetched.reset(token)


def get(kind: type[R], key: Key, *, consistent: bool = False) -> R | None:
    """Return a row, prefetched or read now; ``None`` if it does not exist."""
    prefetched = _consume(kind, key, consistent)
    if prefetched is not None:
        return prefetched.row  # type: ignore[return-value]  # rows are stored under their kind
    try:
        return kind.get(key[0], key[1] if len(key) > 1 else None, consistent_read=consistent)
    except kind.DoesNotExist:
        return None


def get_many(kind: type[R], keys: Iterable[Key], *, consistent: bool = False) -> list[R]:
    """Return the existing rows of these keys, prefetched or read now, in any order."""
    rows: list[R] = []
    unread_keys: list[Key] = []
    # BatchGetItem rejects duplicate keys.
    for key in dict.fromkeys(keys):
        prefetched = _consume(kind, key, consistent)
        if prefetched is None:
            unread_keys.append(key)
        elif prefetched.row is not None:
            rows.append(prefetched.row)  # type: ignore[arg-type]  # rows are stored under their kind
    if unread_keys:
        rows.extend(kind.batch_get(unread_keys, consistent_read=consistent))
    return rows


def _consume(kind: type[Row], key: Key, consistent: bool) -> _PrefetchedRow | None:
    """Remove and return a prefetched row, unless it may be staler than the caller accepts."""
    rows = _prefetched.get() or {}
    prefetched = rows.get((kind, key))
    if prefetched is None or (consistent and not prefetched.consistent):
        return None
    return rows.pop((kind, key))


def _read(read_sets: Iterable[ReadSet]) -> _PrefetchedRows:
    """Read all rows. Rows of one table share its consistency: the strongest that is requested."""
    kinds: dict[_TableKey, type[Row]] = {}
    key_names: dict[str, tuple[str, ...]] = {}
    consistent_tables: set[str] = set()
    for read_set in read_sets:
        table = read_set.kind.Meta.table_name
        key_names[table] = _key_names(read_set.kind)
        kinds.update({(table, key): read_set.kind for key in read_set.keys})
        if read_set.consistent:
            consistent_tables.add(table)
    # Every key starts as a known absence: BatchGetItem omits rows that do not exist.
    rows = {
        (kind, key): _PrefetchedRow(None, table in consistent_tables)
        for (table, key), kind in kinds.items()
    }
    for table, item in _batch_get_all(kinds, key_names, consistent_tables):
        key = _key(item, key_names[table])
        kind = kinds[table, key]
        rows[kind, key] = _PrefetchedRow(kind.from_raw_data(item), table in consistent_tables)
    return rows


def _batch_get_all(
    keys: Iterable[_TableKey],
    key_names: Mapping[str, tuple[str, ...]],
    consistent_tables: set[str],
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Read all keys in batches and retry unprocessed keys; yield tables and their items."""
    remaining = deque(keys)
    attempts_without_progress = 0
    while remaining:
        batch = [remaining.popleft() for _ in range(min(BATCH_GET_SIZE, len(remaining)))]
        response = _batch_get(batch, key_names, consistent_tables)
        for table, items in response["Responses"].items():
            for item in items:
                yield table, item
        unprocessed = [
            (table, _key(each, key_names[table]))
            for table, request in response.get("UnprocessedKeys", {}).items()
            for each in request["Keys"]
        ]
        remaining.extendleft(unprocessed)
        # A partial result is progress, hence only empty ones count towards the limit.
        if len(unprocessed) == len(batch):
            attempts_without_progress += 1
        else:
            attempts_without_progress = 0
        if attempts_without_progress == MAX_ATTEMPTS:
            raise Unavailable("High demand. Please try again.", code="contention")
        # Unprocessed keys mean throttling: back off with jitter before the next batch.
        if unprocessed:
            pause = min(FIRST_PAUSE * 2**attempts_without_progress, MAX_PAUSE)
            time.sleep(random.uniform(0, pause))


def _batch_get(
    batch: Iterable[_TableKey],
    key_names: Mapping[str, tuple[str, ...]],
    consistent_tables: set[str],
) -> dict[str, Any]:
    requests: dict[str, dict[str, Any]] = {}
    for table, key in batch:
        if table not in requests:
            consistency = {"ConsistentRead": True} if table in consistent_tables else {}
            requests[table] = {"Keys": [], **consistency}
        requests[table]["Keys"].append(
            {name: {"S": value} for name, value in zip(key_names[table], key, strict=True)}
        )
    return connection().dispatch("BatchGetItem", {"RequestItems": requests})


def _key_names(kind: type[Row]) -> tuple[str, ...]:
    attributes = kind.get_attributes().values()
    partition = [each.attr_name for each in attributes if each.is_hash_key]
    return (*partition, *(each.attr_name for each in attributes if each.is_range_key))


def _key(item: Mapping[str, Any], names: tuple[str, ...]) -> Key:
    """Return the key of an item; all keys of the application are strings."""
    return tuple(item[name]["S"] for name in names)
