"""The rows of the inventory table, and the conversion from and to model objects.

========================  =====================  ===============================================
PK                        SK                     content
========================  =====================  ===============================================
``SKU#<sku>``             ``LOC#<location>``     shard 0: the level, or its first part
``SHARD#<n>#<sku>``       ``LOC#<location>``     shard *n* of a resharded SKU
``INBOUND#<sku>``         ``LOC#<location>``     inbound stock under back-order terms
``SNAPSHOT#<sku>``        ``LOC#<location>``     the shared snapshot of all shards
``MOVEMENT#<sku>``        ``<instant>#<id>``     one journal entry, never changed
``STOCK_LIST#<location>`` ``<sku>``              the location has a level of this SKU
========================  =====================  ===============================================

Each shard has its own partition key. Shards of one key would share a partition's write limit.
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
    """Units by reason or SKU, as a map with arbitrary keys.

    PynamoDB's own map attribute rejects some keys, such as ``self``.
    """

    attr_type = MAP

    def serialize(self, value: Mapping[str, int]) -> dict[str, dict[str, str]]:
        return {key: {NUMBER: str(units)} for key, units in value.items()}

    def deserialize(self, value: Mapping[str, Mapping[str, str]]) -> dict[str, int]:
        return {key: int(units[NUMBER]) for key, units in value.items()}


class ShardRow(Row):
    """A :class:`~shop.inventory.model.shards.StockShard` in DynamoDB."""

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
    active_shard_count = NumberAttribute(default=1)
    earmarked = NumberAttribute(default=0)
    inbound_shard_count = NumberAttribute(default=0)
    low_stock_threshold = NumberAttribute(default=NO_THRESHOLD)
    alert_state = NumberAttribute(default=0)
    crossings = NumberAttribute(default=0)
    terms: MapAttribute[str, Any] = MapAttribute(null=True)  # type: ignore[no-untyped-call]
    parts = UnitsByKeyAttribute(null=True)
    kit_count = NumberAttribute(null=True)


class ShardSnapshotRow(Row):
    """The shared snapshot of all shards of a SKU; it may be outdated."""

    class Meta:
        table_name = os.environ["TABLE_INVENTORY"]

    pk = UnicodeAttribute(hash_key=True, attr_name="PK")
    sk = UnicodeAttribute(range_key=True, attr_name="SK")
    snapshot = CompressedJsonAttribute(null=True)
    captured_at = NumberAttribute(default=0)
    refresh_lease_until = NumberAttribute(default=0)


class MovementRow(Row):
    """A journal entry in DynamoDB."""

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


class StockListRow(Row):
    """An entry of the list of all stock at a location, written with its level."""

    class Meta:
        table_name = os.environ["TABLE_INVENTORY"]

    pk = UnicodeAttribute(hash_key=True, attr_name="PK")
    sk = UnicodeAttribute(range_key=True, attr_name="SK")


@frozen(slots=False)
class ShardTables:
    """The row classes of one table that holds shards: stock, or pricing's usage counters."""

    shards: type[ShardRow] = ShardRow
    snapshots: type[ShardSnapshotRow] = ShardSnapshotRow
    movements: type[MovementRow] = MovementRow

    @property
    def writable(self) -> bool:
        """Return whether this Lambda may write the table; product pages only read it."""
        return str(self.shards.Meta.table_name) in os.environ["WRITES"].split(",")


STOCK_TABLES = ShardTables()


def tables_in(table: str) -> ShardTables:
    """Return the same rows in another table, which has its own partitions and quota."""

    class OtherTable:
        table_name = table

    class Shards(ShardRow):
        _connection = None

        class Meta(OtherTable): ...

    class Snapshots(ShardSnapshotRow):
        _connection = None

        class Meta(OtherTable): ...

    class Movements(MovementRow):
        _connection = None

        class Meta(OtherTable): ...

    return ShardTables(Shards, Snapshots, Movements)


_COUNT_NAMES = (
    "on_hand reserved committed available safety incoming in_transit version shard_count "
    "active_shard_count earmarked inbound_shard_count low_stock_threshold alert_state crossings"
)
_COUNTS = {name: getattr(ShardRow, name) for name in _COUNT_NAMES.split()}
"""The counts of a shard, which a :class:`ShardUpdate` may name."""
_OPTIONAL_COUNTS = frozenset({"in_transit"})
"""Counts that older rows do not have."""


def shard_key(sku: str, location: str, shard: int = 0) -> tuple[str, str]:
    """Return the key of a shard's row."""
    if shard == INBOUND_SHARD:
        return f"INBOUND#{sku}", f"LOC#{location}"
    return (f"SHARD#{shard}#{sku}" if shard else f"SKU#{sku}"), f"LOC#{location}"


def snapshot_key(sku: str, location: str) -> tuple[str, str]:
    """Return the key of the row with the shared snapshot."""
    return f"SNAPSHOT#{sku}", f"LOC#{location}"


def parse_shard_key(hash_key: str) -> tuple[str, int] | None:
    """Return the SKU and shard number of a hash key; ``None`` for the key of another row."""
    kind, _, rest = hash_key.partition("#")
    if kind == "SKU":
        return rest, 0
    if kind == "INBOUND":
        return rest, INBOUND_SHARD
    if kind == "SHARD":
        shard, _, sku = rest.partition("#")
        return sku, int(shard)
    return None


def add_shard_writes(
    transaction: TransactWrite, writes: ShardWrites, tables: ShardTables = STOCK_TABLES
) -> None:
    """Add writes to a transaction, each with its condition."""
    for write in writes:
        if isinstance(write, StockShard):
            row = _row_from_shard(write, tables)
            transaction.save(row, condition=ShardRow.pk.does_not_exist())
            # Once per level: a level is never deleted, and its further shards are not listed.
            if write.shard == 0 and not write.parts and tables is STOCK_TABLES:
                transaction.save(StockListRow(f"STOCK_LIST#{write.location}", write.sku))
        elif isinstance(write, ShardRemoval):
            shard = write.shard
            transaction.delete(
                tables.shards(*shard_key(shard.sku, shard.location, shard.shard)),
                condition=(ShardRow.version == shard.version)
                & (ShardRow.on_hand == 0)
                & (ShardRow.reserved == 0)
                & (ShardRow.committed == 0)
                & (ShardRow.available == 0),
            )
        else:
            _add_update(transaction, write, tables)


def _add_update(transaction: TransactWrite, update: ShardUpdate, tables: ShardTables) -> None:
    # Without this condition an update of a missing row would create one.
    condition: Condition = ShardRow.pk.exists()
    for name, minimum in update.minimums.items():
        condition &= _COUNTS[name] >= minimum
    for name, value in update.expected.items():
        condition &= _COUNTS[name] == value
    if update.requires_no_kit:
        condition &= ShardRow.parts.does_not_exist()
    actions: list[Action] = []
    for name, delta in update.deltas.items():
        count = _COUNTS[name]
        if delta:
            current = count | 0 if name in _OPTIONAL_COUNTS else count
            actions.append(count.set(current + delta if delta > 0 else current - -delta))
    if "unavailable_by" in update.assignments:
        actions.append(ShardRow.unavailable_by.set(update.assignments["unavailable_by"]))
    if "terms" in update.assignments:
        actions.append(ShardRow.terms.set(_terms_to_map(update.assignments["terms"])))
    row = tables.shards(*shard_key(update.sku, update.location, update.shard))
    transaction.update(row, actions=actions, condition=condition)


def add_movement(
    transaction: TransactWrite, movement: StockMovement, tables: ShardTables = STOCK_TABLES
) -> None:
    """Add a journal entry to the transaction that moves the goods.

    The key is derived from the content, so that a repeated entry fails and is not counted twice.
    """
    instant = movement.at.isoformat(timespec="microseconds")
    entry_id = derived_id(
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
    row = tables.movements(
        movement_partition(movement.sku),
        f"{instant}#{entry_id}",
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


def movement_partition(sku: str) -> str:
    """Return the hash key of a SKU's journal."""
    return f"MOVEMENT#{sku}"


def _row_from_shard(shard: StockShard, tables: ShardTables) -> ShardRow:
    return tables.shards(
        *shard_key(shard.sku, shard.location, shard.shard),
        **{name: getattr(shard, name) for name in _COUNTS},
        unavailable_by=dict(shard.unavailable_by),
        terms=_terms_to_map(shard.terms) if shard.terms else None,
        parts=dict(shard.parts) or None,
        kit_count=shard.kit_count or None,
    )


def shard_from_row(row: ShardRow) -> StockShard:
    """Convert a row to its shard."""
    sku_and_shard = parse_shard_key(row.pk)
    if sku_and_shard is None:
        raise ValueError(f"not the key of a shard: {row.pk}")
    sku, shard = sku_and_shard
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
        active_shard_count=int(row.active_shard_count),
        earmarked=int(row.earmarked),
        inbound_shard_count=int(row.inbound_shard_count),
        low_stock_threshold=int(row.low_stock_threshold),
        alert_state=int(row.alert_state),
        crossings=int(row.crossings),
        terms=_terms_from_map(row.terms),
        parts=row.parts or {},
        kit_count=int(row.kit_count or 0),
    )


def movement_from_row(sku: str, row: MovementRow) -> StockMovement:
    """Convert a row to its journal entry."""
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


def _terms_to_map(terms: BackorderTerms) -> dict[str, Any]:
    values = {
        "kind": terms.kind.value,
        "limit": terms.limit,
        "ships_from": terms.ships_from.isoformat(),
    }
    return values if terms.until is None else {**values, "until": terms.until.isoformat()}


def _terms_from_map(attribute: "MapAttribute[str, Any] | None") -> BackorderTerms | None:
    if attribute is None:
        return None
    values = attribute.attribute_values
    until = values.get("until")
    return BackorderTerms(
        BackorderKind(values["kind"]),
        int(values["limit"]),
        date.fromisoformat(values["ships_from"]),
        datetime.fromisoformat(until) if until else None,
    )
