"""The rows of shared usage counters, whose uses may move to shards.

A counter is one row, which about 100 orders a second can pass. Before a traffic peak, the remaining
uses become stock of an article named after the row. Inventory then shards, reserves, searches and
merges them like the stock of a hot SKU (docs/adr/hot-skus.md).
"""

from typing import Any

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from shop.kernel.unit_of_work import WriteOperation
from shop.kernel.usage import UsageReservation
from shop.pricing.model.usage import (
    CODE_USES,
    CUSTOMER_QUOTA,
    CUSTOMER_USES,
    FIRST_ORDER,
    QUOTA,
    UsageCounter,
)
from shop.pricing.store.rows import CODE, COUNT, PricingRow

_KEY_PREFIX = {
    CODE_USES: "CODE#",
    CUSTOMER_USES: "CUSTOMER_USES#",
    QUOTA: "QUOTA#",
    CUSTOMER_QUOTA: "CUSTOMER_QUOTA#",
    FIRST_ORDER: "FIRST_ORDER#",
}


def counter_key(kind: str, name: str) -> str:
    """Return the partition key of a counter, which also names its article in shards."""
    return f"{_KEY_PREFIX[kind]}{name}"


def counter_row_key(kind: str, name: str) -> tuple[str, str]:
    """Return partition key and sort key of a counter."""
    return counter_key(kind, name), _sort_key(kind)


def counter_row(count: UsageReservation) -> PricingRow:
    """Return the row of a counter with its key only, to update it."""
    return PricingRow(*counter_row_key(count.kind, count.name))


def _sort_key(kind: str) -> str:
    # A code's counter is part of the code's own row, so one read returns both.
    return CODE if kind == CODE_USES else COUNT


class DynamoUsageCounterRepository:
    """See :class:`shop.pricing.ports.UsageCounterRepository`."""

    def get(self, kind: str, name: str, limit: int) -> UsageCounter:
        article = counter_key(kind, name)
        stores_limit = kind == CODE_USES
        try:
            row = PricingRow.get(article, _sort_key(kind), consistent_read=True)
        except PricingRow.DoesNotExist:
            return UsageCounter(kind, article, 0 if stores_limit else limit)
        used, in_shards = int(row.used or 0), int(row.in_shards or 0)
        return UsageCounter(
            kind,
            article,
            # A quota's row counts uses up to a limit, and uses in shards count as used. A code's
            # row counts down to zero.
            remaining=int(row.remaining) if stores_limit else limit - used,
            used=used if stores_limit else used - in_shards,
            in_shards=in_shards,
            shard_count=int(row.shard_count or 0),
            exists=True,
        )

    def move_to_shards_op(self, row: UsageCounter, units: int) -> WriteOperation:
        stored = _stored_row(row)
        actions: list[Action] = [PricingRow.in_shards.set(row.in_shards + units)]
        if not row.shard_count:
            actions.append(PricingRow.shard_count.set(1))
        # The condition is the count that was read: a use in between makes the move fail.
        if row.kind == CODE_USES:
            actions.append(PricingRow.remaining.add(-units))
            condition: Condition = PricingRow.remaining == row.remaining
        elif row.exists:
            actions.append(PricingRow.used.add(units))
            condition = PricingRow.used == row.used + row.in_shards
        else:
            actions.append(PricingRow.used.add(units))
            condition = PricingRow.pk.does_not_exist()

        def write(writes: Any) -> None:
            writes.update(stored, actions, condition)

        return write

    def set_shard_count(self, row: UsageCounter, shard_count: int) -> None:
        actions: list[Action] = [PricingRow.shard_count.set(shard_count)]
        # Only a hint, so no version is checked; but it must not create the row.
        condition: Condition = PricingRow.shard_count.exists()
        _stored_row(row).update(actions, condition)


def _stored_row(row: UsageCounter) -> PricingRow:
    return PricingRow(row.article, _sort_key(row.kind))
