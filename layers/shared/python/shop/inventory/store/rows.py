"""The rows of the inventory table, and how model objects are written into them.

======================  =====================  ================================================
PK                      SK                     what
======================  =====================  ================================================
``SKU#<sku>``           ``LOC#<location>``     bin 0: the level, or the first part of it
``BIN#<n>#<sku>``       ``LOC#<location>``     bin *n* of a SKU that sells fast
``AWAITED#<sku>``       ``LOC#<location>``     goods still to come that are sold already
``SIGHT#<sku>``         ``LOC#<location>``     what somebody last saw in all bins
``MOVES#<sku>``         ``<instant>#<id>``     one movement, never changed
======================  =====================  ================================================

Bins have partition keys of their own, so that DynamoDB hashes them over its partitions: a sort key
would leave them in one, and one partition is what a hot SKU exceeds.
"""

import os
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from pynamodb.attributes import Attribute, MapAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.constants import MAP, NUMBER
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action
from pynamodb.transactions import TransactWrite

from shop.inventory.model import (
    MAIN_LOCATION,
    BackorderKind,
    BackorderTerms,
    MovementType,
    StockMovement,
)
from shop.inventory.model.shards import (
    INBOUND_SHARD,
    NO_THRESHOLD,
    ShardRemoval,
    ShardUpdate,
    ShardWrites,
    StockShard,
)
from shop.kernel.frozen import frozen
from shop.kernel.ids import derived_id
from shop.storage.connection import Row
from shop.storage.documents import CompressedJsonAttribute


class UnitsByKeyAttribute(Attribute[Mapping[str, int]]):
    """Units by a word that staff chose, a reason or a SKU: any word, so none of Python's names."""

    attr_type = MAP

    def serialize(self, value: Mapping[str, int]) -> dict[str, dict[str, str]]:
        return {reason: {NUMBER: str(units)} for reason, units in value.items()}

    def deserialize(self, value: Mapping[str, Mapping[str, str]]) -> dict[str, int]:
        return {reason: int(units[NUMBER]) for reason, units in value.items()}


class ShardRow(Row):
    """A bin as DynamoDB holds it."""

    class Meta:
        table_name = os.environ["TABLE_INVENTORY"]

    pk = UnicodeAttribute(hash_key=True, attr_name="PK")
    sk = UnicodeAttribute(range_key=True, attr_name="SK")
    on_hand = NumberAttribute(default=0)
    reserved = NumberAttribute(default=0)
    committed = NumberAttribute(default=0)
    available = NumberAttribute(default=0)
    safety = NumberAttribute(default=0)
    incoming = NumberAttribute(default=0)
    in_transit = NumberAttribute(default=0)
    unavailable_by = UnitsByKeyAttribute(default=dict)
    version = NumberAttribute(default=0)
    shard_count = NumberAttribute(default=1)
    open = NumberAttribute(default=1)
    earmarked = NumberAttribute(default=0)
    version_of_terms = NumberAttribute(default=0)
    low_stock_threshold = NumberAttribute(default=NO_THRESHOLD)
    alert_state = NumberAttribute(default=0)
    crossings = NumberAttribute(default=0)
    terms: MapAttribute[str, Any] = MapAttribute(null=True)  # type: ignore[no-untyped-call]
    parts = UnitsByKeyAttribute(null=True)
    kits = NumberAttribute(null=True)


class ShardSnapshotRow(Row):
    """What was last seen of all bins of a SKU, for everybody. A hint: nothing rests on it."""

    class Meta:
        table_name = os.environ["TABLE_INVENTORY"]

    pk = UnicodeAttribute(hash_key=True, attr_name="PK")
    sk = UnicodeAttribute(range_key=True, attr_name="SK")
    units = CompressedJsonAttribute(null=True)
    captured_at = NumberAttribute(default=0)
    refresh_lease_until = NumberAttribute(default=0)


class MovementRow(Row):
    """One line of the journal as DynamoDB holds it."""

    class Meta:
        table_name = os.environ["TABLE_INVENTORY"]

    pk = UnicodeAttribute(hash_key=True, attr_name="PK")
    sk = UnicodeAttribute(range_key=True, attr_name="SK")
    kind = UnicodeAttribute()
    at = UnicodeAttribute()
    actor = UnicodeAttribute()
    reason = UnicodeAttribute(null=True)
    reference = UnicodeAttribute(null=True)
    location = UnicodeAttribute(default=MAIN_LOCATION)
    shard = NumberAttribute(default=0)
    on_hand = NumberAttribute(default=0)
    unavailable = UnitsByKeyAttribute(default=dict)
    safety = NumberAttribute(default=0)
    incoming = NumberAttribute(default=0)
    in_transit = NumberAttribute(default=0)
    earmarked = NumberAttribute(default=0)


@frozen(slots=False)
class ShardTables:
    """The rows of one table that bins are kept in: the inventory's own, or another floor's."""

    shards: type[ShardRow] = ShardRow
    sights: type[ShardSnapshotRow] = ShardSnapshotRow
    movements: type[MovementRow] = MovementRow

    @property
    def writable(self) -> bool:
        """Whether this Lambda may write in it; that of a product page may only look."""
        return str(self.shards.Meta.table_name) in os.environ["WRITES"].split(",")


STOCK_TABLES = ShardTables()


def tables_in(table: str) -> ShardTables:
    """The same rows in another table, which has partitions and a quota of its own."""

    class Bins(ShardRow):
        _connection = None

        class Meta:
            table_name = table

    class Seen(ShardSnapshotRow):
        _connection = None

        class Meta:
            table_name = table

    class Moves(MovementRow):
        _connection = None

        class Meta:
            table_name = table

    return ShardTables(Bins, Seen, Moves)


_COUNTS = {
    "on_hand": ShardRow.on_hand,
    "reserved": ShardRow.reserved,
    "committed": ShardRow.committed,
    "available": ShardRow.available,
    "safety": ShardRow.safety,
    "incoming": ShardRow.incoming,
    "in_transit": ShardRow.in_transit,
    "version": ShardRow.version,
    "shard_count": ShardRow.shard_count,
    "open": ShardRow.open,
    "earmarked": ShardRow.earmarked,
    "version_of_terms": ShardRow.version_of_terms,
    "low_stock_threshold": ShardRow.low_stock_threshold,
    "alert_state": ShardRow.alert_state,
    "crossings": ShardRow.crossings,
}
_YOUNG = frozenset({"in_transit"})
"""Counts that older rows do not have."""


def shard_key(sku: str, location: str, shard: int = 0) -> tuple[str, str]:
    """Where a bin is kept."""
    if shard == INBOUND_SHARD:
        return f"AWAITED#{sku}", f"LOC#{location}"
    return (f"BIN#{shard}#{sku}" if shard else f"SKU#{sku}"), f"LOC#{location}"


def parse_shard_key(hash_key: str) -> tuple[str, int] | None:
    """The SKU and the number of the bin with this hash key; nothing for other rows."""
    kind, _, rest = hash_key.partition("#")
    if kind == "SKU":
        return rest, 0
    if kind == "AWAITED":
        return rest, INBOUND_SHARD
    if kind == "BIN":
        shard, _, sku = rest.partition("#")
        return sku, int(shard)
    return None


def add_shard_writes(
    transaction: TransactWrite, step: ShardWrites, books: ShardTables = STOCK_TABLES
) -> None:
    """Add a step to a transaction, each part with its condition."""
    for part in step:
        if isinstance(part, StockShard):
            transaction.save(_row(part, books), condition=ShardRow.pk.does_not_exist())
        elif isinstance(part, ShardRemoval):
            seen = part.shard
            transaction.delete(
                books.shards(*shard_key(seen.sku, seen.location, seen.shard)),
                condition=(ShardRow.version == seen.version)
                & (ShardRow.on_hand == 0)
                & (ShardRow.reserved == 0)
                & (ShardRow.committed == 0)
                & (ShardRow.available == 0),
            )
        else:
            _change(transaction, part, books)


def _change(transaction: TransactWrite, change: ShardUpdate, books: ShardTables) -> None:
    # Every row that is changed exists; that it does is the condition where there is no other.
    condition: Condition = ShardRow.pk.exists()
    for name, least in change.minimums.items():
        condition &= _COUNTS[name] >= least
    for name, value in change.expected.items():
        condition &= _COUNTS[name] == value
    actions: list[Action] = []
    for name, by in change.deltas.items():
        count = _COUNTS[name]
        if by:
            # Rows that were written before there was such a count have it as 0.
            now = count | 0 if name in _YOUNG else count
            actions.append(count.set(now + by if by > 0 else now - -by))
    if "unavailable_by" in change.assignments:
        actions.append(ShardRow.unavailable_by.set(change.assignments["unavailable_by"]))
    if "terms" in change.assignments:
        actions.append(ShardRow.terms.set(_terms(change.assignments["terms"])))
    row = books.shards(*shard_key(change.sku, change.location, change.shard))
    transaction.update(row, actions=actions, condition=condition)


def add_movement(
    transaction: TransactWrite, movement: StockMovement, books: ShardTables = STOCK_TABLES
) -> None:
    """Add a line to the journal, in the transaction that moves the goods.

    The same line twice meets itself and is refused; lines of one instant differ in something.
    """
    instant = movement.at.isoformat(timespec="microseconds")
    name = derived_id(
        "mov",
        movement.kind,
        movement.reference,
        movement.location,
        str(movement.shard),
        movement.actor,
        str(movement.on_hand),
        str(sorted(movement.unavailable.items())),
        str(movement.incoming),
        str(movement.in_transit),
    )
    row = books.movements(
        f"MOVES#{movement.sku}",
        f"{instant}#{name}",
        kind=movement.kind.value,
        at=movement.at.isoformat(),
        actor=movement.actor,
        reason=movement.reason or None,
        reference=movement.reference or None,
        location=movement.location,
        shard=movement.shard,
        on_hand=movement.on_hand,
        unavailable=dict(movement.unavailable),
        safety=movement.safety,
        incoming=movement.incoming,
        in_transit=movement.in_transit,
        earmarked=movement.earmarked,
    )
    transaction.save(row, condition=MovementRow.pk.does_not_exist())


def _row(seen: StockShard, books: ShardTables) -> ShardRow:
    return books.shards(
        *shard_key(seen.sku, seen.location, seen.shard),
        on_hand=seen.on_hand,
        reserved=seen.reserved,
        committed=seen.committed,
        available=seen.available,
        safety=seen.safety,
        incoming=seen.incoming,
        in_transit=seen.in_transit,
        unavailable_by=dict(seen.unavailable_by),
        version=seen.version,
        shard_count=seen.shard_count,
        open=seen.open,
        earmarked=seen.earmarked,
        version_of_terms=seen.version_of_terms,
        low_stock_threshold=seen.low_stock_threshold,
        alert_state=seen.alert_state,
        crossings=seen.crossings,
        terms=_terms(seen.terms) if seen.terms else None,
        parts=dict(seen.parts) or None,
        kits=seen.kits or None,
    )


def shard_from_row(row: ShardRow) -> StockShard:
    """A row as the model knows it."""
    path = parse_shard_key(row.pk)
    if path is None:
        raise ValueError(f"not a bin: {row.pk}")
    sku, shard = path
    return StockShard(
        sku,
        row.sk.removeprefix("LOC#"),
        shard,
        on_hand=int(row.on_hand),
        reserved=int(row.reserved),
        committed=int(row.committed),
        available=int(row.available),
        version=int(row.version),
        unavailable_by=row.unavailable_by,
        safety=int(row.safety),
        incoming=int(row.incoming),
        in_transit=int(row.in_transit),
        shard_count=int(row.shard_count),
        open=int(row.open),
        earmarked=int(row.earmarked),
        version_of_terms=int(row.version_of_terms),
        low_stock_threshold=int(row.low_stock_threshold),
        alert_state=int(row.alert_state),
        crossings=int(row.crossings),
        terms=_read_terms(row.terms),
        parts=row.parts or {},
        kits=int(row.kits or 0),
    )


def movement_from_row(sku: str, row: MovementRow) -> StockMovement:
    """A line of the journal as the model knows it."""
    return StockMovement(
        sku,
        MovementType(row.kind),
        datetime.fromisoformat(row.at),
        row.actor,
        row.reason or "",
        row.reference or "",
        row.location,
        int(row.shard),
        int(row.on_hand),
        row.unavailable,
        int(row.safety),
        int(row.incoming),
        int(row.earmarked),
        int(row.in_transit),
    )


def _terms(terms: BackorderTerms) -> dict[str, Any]:
    written = {
        "kind": terms.kind.value,
        "limit": terms.limit,
        "ships_from": terms.ships_from.isoformat(),
    }
    return written if terms.until is None else {**written, "until": terms.until.isoformat()}


def _read_terms(attribute: "MapAttribute[str, Any] | None") -> BackorderTerms | None:
    if attribute is None:
        return None
    stored = attribute.attribute_values
    until = stored.get("until")
    return BackorderTerms(
        BackorderKind(stored["kind"]),
        int(stored["limit"]),
        date.fromisoformat(stored["ships_from"]),
        datetime.fromisoformat(until) if until else None,
    )
