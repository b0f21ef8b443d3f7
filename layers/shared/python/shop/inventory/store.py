"""Stock in DynamoDB: one row per SKU and location, one row per movement.

===========================  =========================================  ==========================
PK                           SK                                         what
===========================  =========================================  ==========================
``SKU#<sku>``                ``LOC#<location>``                         the level
``MOVES#<sku>``              ``<instant>#<id>``                         one movement, never changed
===========================  =========================================  ==========================

``available`` is stored although it follows from the others, because a DynamoDB condition cannot
subtract: it is the one number that a sale is conditional on, and every write that touches a part
of it moves it by the same difference in the same expression.

A hold is not journalled here: the order that owns it is written in the same transaction and *is*
its record (docs/adr, "what the stock journal holds").
"""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import TypeVar

from pynamodb.attributes import MapAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.connection import TableConnection
from pynamodb.exceptions import DoesNotExist
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action
from pynamodb.models import Model
from pynamodb.transactions import TransactWrite

from shop.inventory.model import (
    MAIN,
    Claim,
    Demand,
    Hold,
    Kind,
    Movement,
    Shortage,
    StockLevel,
    add_up,
    merged,
    shortages,
)
from shop.kernel.errors import Stale
from shop.kernel.ids import derived_id
from shop.kernel.paging import Page, from_cursor, to_cursor
from shop.kernel.transactions import Clash
from shop.storage.transactions import DynamoLedger

T = TypeVar("T")

OPENED_AT_ONCE = 50
"""SKUs opened in one transaction: a level and a movement each, of the 100 actions allowed."""


class StockRow(Model):
    """A level as DynamoDB holds it. Private to this module; the world sees StockLevel."""

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
    unavailable_by: MapAttribute[str, int] = MapAttribute(default=dict)  # type: ignore[no-untyped-call]
    version = NumberAttribute(default=0)


class MovementRow(Model):
    """One line of the journal as DynamoDB holds it."""

    class Meta:
        table_name = os.environ["TABLE_INVENTORY"]

    @classmethod
    def _get_connection(cls) -> TableConnection:
        """The same table, so the same client: building a second one costs a cold start 50 ms."""
        return StockRow._get_connection()

    pk = UnicodeAttribute(hash_key=True, attr_name="PK")
    sk = UnicodeAttribute(range_key=True, attr_name="SK")
    kind = UnicodeAttribute()
    at = UnicodeAttribute()
    actor = UnicodeAttribute()
    reason = UnicodeAttribute(null=True)
    reference = UnicodeAttribute(null=True)
    location = UnicodeAttribute(default=MAIN)
    shard = NumberAttribute(default=0)
    on_hand = NumberAttribute(default=0)
    unavailable: MapAttribute[str, int] = MapAttribute(default=dict)  # type: ignore[no-untyped-call]
    safety = NumberAttribute(default=0)
    incoming = NumberAttribute(default=0)


class DynamoStock:
    """The stock book, and the stock side of an order's transaction, over the inventory table."""

    def __init__(self) -> None:
        self._ledger = DynamoLedger(StockRow._get_connection().connection)

    # The stock book

    def levels(self, skus: Iterable[str]) -> Mapping[str, StockLevel]:
        return self._levels(skus, consistent=False)

    def _levels(self, skus: Iterable[str], *, consistent: bool) -> dict[str, StockLevel]:
        asked = dict.fromkeys(skus)
        rows = StockRow.batch_get([_key(sku) for sku in asked], consistent_read=consistent)
        found = {level.sku: level for level in map(_level, rows)}
        return {sku: found.get(sku) or StockLevel(sku) for sku in asked}

    def level(self, sku: str, location: str = MAIN) -> StockLevel:
        try:
            return _level(StockRow.get(*_key(sku, location), consistent_read=True))
        except DoesNotExist:
            return StockLevel(sku, location)

    def record(self, movement: Movement, before: StockLevel) -> StockLevel:
        after = before.after(movement)

        def part(transaction: TransactWrite) -> None:
            if before.version == 0:
                transaction.save(_row(after), condition=StockRow.pk.does_not_exist())
            else:
                _move(transaction, movement, before, after)
            _journal(transaction, movement)

        try:
            self._ledger.commit(part)
        except Clash:
            now = self.level(before.sku, before.location)
            if now.version == before.version:
                now.after(movement)  # raises what is in the way: units promised meanwhile
            raise Stale(f"the stock of {before.sku} at {before.location} moved meanwhile") from None
        return after

    def open(
        self, counts: Mapping[str, int], *, actor: str, reason: str, at: datetime
    ) -> frozenset[str]:
        opened: set[str] = set()
        for skus in _batches(counts, OPENED_AT_ONCE):
            fresh = list(skus)
            while fresh:
                known = self._levels(fresh, consistent=True)
                fresh = [sku for sku in fresh if known[sku].version == 0]
                if not fresh or self._opened({s: counts[s] for s in fresh}, actor, reason, at):
                    opened.update(fresh)
                    break
        return frozenset(opened)

    def _opened(self, counts: Mapping[str, int], actor: str, reason: str, at: datetime) -> bool:
        """Write all of them, or none and ``False`` where somebody opened one of them just now."""

        def part(transaction: TransactWrite) -> None:
            for sku, units in counts.items():
                movement = Movement(sku, Kind.COUNTED, at, actor, reason, on_hand=units)
                level = StockLevel(sku).after(movement)
                transaction.save(_row(level), condition=StockRow.pk.does_not_exist())
                _journal(transaction, movement)

        try:
            self._ledger.commit(part)
        except Clash:
            return False
        return True

    def journal(self, sku: str, *, cursor: str | None = None, limit: int = 50) -> Page[Movement]:
        rows = MovementRow.query(
            f"MOVES#{sku}",
            scan_index_forward=False,
            limit=limit,
            page_size=limit,
            last_evaluated_key=from_cursor(cursor),
        )
        return Page(tuple(_movement(sku, row) for row in rows), to_cursor(rows.last_evaluated_key))

    # The stock side of an order's transaction

    def draw(self, demands: Iterable[Demand]) -> tuple[Hold, ...]:
        return tuple(Hold(demand.sku, demand.quantity) for demand in add_up(demands))

    def reserve(
        self, transaction: TransactWrite, wanted: Iterable[Demand | Hold]
    ) -> tuple[Hold, ...]:
        asked = list(wanted)
        drawn = self.draw(one for one in asked if isinstance(one, Demand))
        holds = merged([*drawn, *(one for one in asked if isinstance(one, Hold))])
        for hold in holds:
            units = hold.quantity
            transaction.update(
                _at(hold),
                actions=[
                    StockRow.reserved.set(StockRow.reserved + units),
                    StockRow.available.set(StockRow.available - units),
                ],
                condition=StockRow.available >= units,
            )
        return holds

    def release(
        self,
        transaction: TransactWrite,
        holds: Iterable[Hold],
        claim: Claim = Claim.RESERVED,
    ) -> None:
        held = _claimed(claim)
        for hold in merged(holds):
            units = hold.quantity
            transaction.update(
                _at(hold),
                actions=[
                    held.set(held - units),
                    StockRow.available.set(StockRow.available + units),
                ],
                condition=held >= units,
            )

    def commit(self, transaction: TransactWrite, holds: Iterable[Hold]) -> None:
        _relabel(transaction, holds, Claim.RESERVED, Claim.COMMITTED)

    def uncommit(self, transaction: TransactWrite, holds: Iterable[Hold]) -> None:
        _relabel(transaction, holds, Claim.COMMITTED, Claim.RESERVED)

    def ship(
        self,
        transaction: TransactWrite,
        holds: Iterable[Hold],
        *,
        order: str,
        actor: str,
        at: datetime,
        claim: Claim = Claim.RESERVED,
    ) -> None:
        held = _claimed(claim)
        for hold in merged(holds):
            units = hold.quantity
            transaction.update(
                _at(hold),
                actions=[
                    held.set(held - units),
                    StockRow.on_hand.set(StockRow.on_hand - units),
                    StockRow.version.set(StockRow.version + 1),
                ],
                condition=(held >= units) & (StockRow.on_hand >= units),
            )
            _journal(
                transaction,
                Movement(
                    hold.sku,
                    Kind.SHIPPED,
                    at,
                    actor,
                    reference=order,
                    location=hold.location,
                    shard=hold.shard,
                    on_hand=-units,
                ),
            )

    def shortages_after(self, error: Exception, demands: Iterable[Demand]) -> tuple[Shortage, ...]:
        wanted = add_up(demands)
        if isinstance(error, Clash) and not error.about & {_key(d.sku)[0] for d in wanted}:
            return ()
        return shortages(wanted, self._levels([d.sku for d in wanted], consistent=True))


def _key(sku: str, location: str = MAIN) -> tuple[str, str]:
    return f"SKU#{sku}", f"LOC#{location}"


def _at(hold: Hold) -> StockRow:
    return StockRow(*_key(hold.sku, hold.location))


def _claimed(claim: Claim) -> NumberAttribute:
    return StockRow.reserved if claim is Claim.RESERVED else StockRow.committed


def _relabel(
    transaction: TransactWrite, holds: Iterable[Hold], source: Claim, target: Claim
) -> None:
    taken, given = _claimed(source), _claimed(target)
    for hold in merged(holds):
        units = hold.quantity
        transaction.update(
            _at(hold),
            actions=[taken.set(taken - units), given.set(given + units)],
            condition=taken >= units,
        )


def _move(
    transaction: TransactWrite, movement: Movement, before: StockLevel, after: StockLevel
) -> None:
    """The level's row moves by the differences; reservations made meanwhile are not overwritten."""
    difference = movement.available
    condition: Condition = StockRow.version == before.version
    if difference < 0:
        # What is for sale, with the safety stock behind it, must cover what goes away.
        condition &= StockRow.available >= -difference - after.safety
    actions: list[Action] = [
        StockRow.on_hand.set(after.on_hand),
        StockRow.safety.set(after.safety),
        StockRow.incoming.set(after.incoming),
        StockRow.unavailable_by.set(dict(after.unavailable_by)),
        StockRow.version.set(after.version),
    ]
    if difference:
        actions.append(StockRow.available.set(StockRow.available + difference))
    transaction.update(
        StockRow(*_key(before.sku, before.location)), actions=actions, condition=condition
    )


def _journal(transaction: TransactWrite, movement: Movement) -> None:
    instant = movement.at.isoformat(timespec="microseconds")
    name = derived_id(
        "mov", movement.kind, movement.reference, movement.location, str(movement.shard)
    )
    row = MovementRow(
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
    )
    transaction.save(row, condition=MovementRow.pk.does_not_exist())


def _row(level: StockLevel) -> StockRow:
    return StockRow(
        *_key(level.sku, level.location),
        on_hand=level.on_hand,
        reserved=level.reserved,
        committed=level.committed,
        available=level.available,
        safety=level.safety,
        incoming=level.incoming,
        unavailable_by=dict(level.unavailable_by),
        version=level.version,
    )


def _level(row: StockRow) -> StockLevel:
    return StockLevel(
        row.pk.removeprefix("SKU#"),
        row.sk.removeprefix("LOC#"),
        on_hand=int(row.on_hand),
        reserved=int(row.reserved),
        committed=int(row.committed),
        unavailable_by=_units(row.unavailable_by),
        safety=int(row.safety),
        incoming=int(row.incoming),
        version=int(row.version),
    )


def _movement(sku: str, row: MovementRow) -> Movement:
    return Movement(
        sku,
        Kind(row.kind),
        datetime.fromisoformat(row.at),
        row.actor,
        row.reason or "",
        row.reference or "",
        row.location,
        int(row.shard),
        int(row.on_hand),
        _units(row.unavailable),
        int(row.safety),
        int(row.incoming),
    )


def _units(stored: MapAttribute[str, int]) -> dict[str, int]:
    return {reason: int(units) for reason, units in stored.attribute_values.items()}


def _batches(items: Iterable[T], size: int) -> Iterator[Sequence[T]]:
    walk = iter(items)
    while batch := list(islice(walk, size)):
        yield batch
