"""Counts that a rush meets in: the row that hands its uses over, and where the bins are.

A count is one row, which about a hundred orders a second can pass. Before a rush the uses that are
left are moved to the stockroom, as units of an article named after the row, where they are split
into bins, drawn, found and merged like the stock of a hot SKU (docs/adr/hot-skus.md). Nothing of
that is done a second time here.
"""

from typing import Any

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from shop.kernel.unit_of_work import WriteOperation
from shop.kernel.usage import UsageReservation
from shop.pricing.model.usage import CODE_USES as A_CODE
from shop.pricing.model.usage import CUSTOMER_QUOTA, CUSTOMER_USES, FIRST_ORDER, QUOTA, UsageCounter
from shop.pricing.store.rows import CODE, COUNT, PricingRow

_PK = {
    A_CODE: "CODE#",
    CUSTOMER_USES: "USED#",
    QUOTA: "QUOTA#",
    CUSTOMER_QUOTA: "HAD#",
    FIRST_ORDER: "FIRST#",
}


def counter_key(kind: str, name: str) -> str:
    """The hash key of a count's row, and the name of its article once it is in bins."""
    return f"{_PK[kind]}{name}"


def counter_row(count: UsageReservation) -> PricingRow:
    """The row of a count, with nothing but its key."""
    return PricingRow(counter_key(count.kind, count.name), CODE if count.kind == A_CODE else COUNT)


class DynamoUsageCounterRepository:
    """See :class:`shop.pricing.ports.UsageCounterRepository`."""

    def get(self, kind: str, name: str, limit: int) -> UsageCounter:
        article = counter_key(kind, name)
        try:
            row = PricingRow.get(article, CODE if kind == A_CODE else COUNT, consistent_read=True)
        except PricingRow.DoesNotExist:
            return UsageCounter(kind, article, 0 if kind == A_CODE else limit)
        used, lent = int(row.used or 0), int(row.in_shards or 0)
        code = kind == A_CODE
        return UsageCounter(
            kind,
            article,
            remaining=int(row.remaining) if code else limit - used,
            used=used if code else used - lent,
            in_shards=lent,
            shard_count=int(row.shard_count or 0),
            exists=True,
        )

    def move_to_shards_op(self, row: UsageCounter, units: int) -> WriteOperation:
        stored = _kept(row)
        actions: list[Action] = [PricingRow.in_shards.set(row.in_shards + units)]
        if not row.shard_count:
            actions.append(PricingRow.shard_count.set(1))
        if row.kind == A_CODE:
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

    def set_shard_count(self, row: UsageCounter, bins: int) -> None:
        actions: list[Action] = [PricingRow.shard_count.set(bins)]
        condition: Condition = PricingRow.shard_count.exists()
        _kept(row).update(actions, condition)


def _kept(row: UsageCounter) -> PricingRow:
    return PricingRow(row.article, CODE if row.kind == A_CODE else COUNT)
