"""Rows of several kinds, read in one call before the stores ask for them one after another.

Each store reads its own rows, so an action that asks two of them waits for DynamoDB twice, although
a BatchGetItem takes keys of many tables. A door that can tell from the request what will be asked
opens :func:`read_together` around its action. The stores say which rows these are (:class:`Sought`)
and read through :func:`one` and :func:`many`, which first take what was read ahead.

A row read ahead is taken once, and what nobody took is forgotten when the block ends. So it serves
this request and this try only: whoever asks again, or tries again, reads as if for the first time.
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
"""Keys that one BatchGetItem takes."""
MAX_ATTEMPTS = 8
"""How often DynamoDB may answer none of them before that is an answer."""
FIRST_PAUSE = 0.01
MAX_PAUSE = 0.3


@frozen(slots=False)
class ReadSet:
    """Rows that a store will be asked for. A key is the partition's, and the sort key if any."""

    kind: type[Row]
    keys: tuple[Key, ...]
    consistent: bool = False
    """As last written; otherwise as of a moment ago."""


@frozen(slots=False)
class _Found:
    """What was read ahead; ``row`` is ``None`` where there is none."""

    row: Row | None
    surely: bool


_ahead: ContextVar[dict[tuple[type[Row], Key], _Found] | None] = ContextVar("ahead", default=None)


@contextmanager
def prefetch(*sought: ReadSet) -> Iterator[None]:
    """Read all these rows, 100 in a call, for the stores that are asked inside the block.

    Raises :class:`Unavailable` where DynamoDB leaves keys unanswered again and again.
    """
    before = _ahead.set(_read(sought))
    try:
        yield
    finally:
        _ahead.reset(before)


def get(kind: type[R], key: Key, *, consistent: bool = False) -> R | None:
    """The row, read ahead or now; ``None`` where there is none."""
    found = _taken(kind, key, consistent)
    if found is not None:
        return found.row  # type: ignore[return-value]  # it is kept under its kind
    try:
        return kind.get(key[0], key[1] if len(key) > 1 else None, consistent_read=consistent)
    except kind.DoesNotExist:
        return None


def get_many(kind: type[R], keys: Iterable[Key], *, consistent: bool = False) -> list[R]:
    """Those of the rows that there are, read ahead or now, in no order."""
    rows: list[R] = []
    missing: list[Key] = []
    for key in dict.fromkeys(keys):
        found = _taken(kind, key, consistent)
        if found is None:
            missing.append(key)
        elif found.row is not None:
            rows.append(found.row)  # type: ignore[arg-type]  # it is kept under its kind
    if missing:
        rows.extend(kind.batch_get(missing, consistent_read=consistent))
    return rows


def _taken(kind: type[Row], key: Key, consistent: bool) -> _Found | None:
    """What was read ahead under this key, once; not what may be older than is asked for."""
    ahead = _ahead.get() or {}
    found = ahead.get((kind, key))
    if found is None or (consistent and not found.surely):
        return None
    return ahead.pop((kind, key))


def _read(sought: Iterable[ReadSet]) -> dict[tuple[type[Row], Key], _Found]:
    """All of them. Rows of one table share its consistency: surely, if one of them wants that."""
    kinds: dict[tuple[str, Key], type[Row]] = {}
    names: dict[str, tuple[str, ...]] = {}
    surely: set[str] = set()
    for each in sought:
        table = each.kind.Meta.table_name
        names[table] = _key_names(each.kind)
        kinds.update({(table, key): each.kind for key in each.keys})
        if each.consistent:
            surely.add(table)
    found = {(kind, key): _Found(None, table in surely) for (table, key), kind in kinds.items()}
    left = deque(kinds)
    in_vain = 0
    while left:
        requested_ids = [left.popleft() for _ in range(min(BATCH_GET_SIZE, len(left)))]
        answer = _batch_get(requested_ids, names, surely)
        for table, items in answer["Responses"].items():
            for item in items:
                key = _key(item, names[table])
                kind = kinds[table, key]
                found[kind, key] = _Found(kind.from_raw_data(item), table in surely)
        unread = [
            (table, _key(each, names[table]))
            for table, rest in answer.get("UnprocessedKeys", {}).items()
            for each in rest["Keys"]
        ]
        left.extendleft(unread)
        in_vain = in_vain + 1 if len(unread) == len(requested_ids) else 0
        if in_vain == MAX_ATTEMPTS:
            raise Unavailable("the shop is very busy; try again in a moment", code="busy")
        if unread:
            time.sleep(random.uniform(0, min(FIRST_PAUSE * 2**in_vain, MAX_PAUSE)))
    return found


def _batch_get(
    asked: Iterable[tuple[str, Key]], names: Mapping[str, tuple[str, ...]], surely: set[str]
) -> dict[str, Any]:
    tables: dict[str, dict[str, Any]] = {}
    for table, key in asked:
        wanted = tables.setdefault(
            table, {"Keys": [], **({"ConsistentRead": True} if table in surely else {})}
        )
        wanted["Keys"].append({n: {"S": v} for n, v in zip(names[table], key, strict=True)})
    return connection().dispatch("BatchGetItem", {"RequestItems": tables})


def _key_names(kind: type[Row]) -> tuple[str, ...]:
    attributes = kind.get_attributes().values()
    partition = [each.attr_name for each in attributes if each.is_hash_key]
    return (*partition, *(each.attr_name for each in attributes if each.is_range_key))


def _key(item: Mapping[str, Any], names: tuple[str, ...]) -> Key:
    """The keys of this house are strings."""
    return tuple(item[name]["S"] for name in names)
