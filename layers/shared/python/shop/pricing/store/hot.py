"""Counts that a rush meets in: the row that hands its uses over, and where the bins are.

A count is one row, which about a hundred orders a second can pass. Before a rush the uses that are
left are moved to the stockroom, as units of an article named after the row, where they are split
into bins, drawn, found and merged like the stock of a hot SKU (docs/adr/hot-skus.md). Nothing of
that is done a second time here.
"""

from typing import Any

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from shop.kernel.counts import Count
from shop.kernel.transactions import Part
from shop.pricing.model.counts import CODE as A_CODE
from shop.pricing.model.counts import CUSTOMER, FIRST, HAD, QUOTA, CountRow
from shop.pricing.store.rows import CODE, COUNT, PricingRow

_PK = {A_CODE: "CODE#", CUSTOMER: "USED#", QUOTA: "QUOTA#", HAD: "HAD#", FIRST: "FIRST#"}


def name_of(sort: str, name: str) -> str:
    """The hash key of a count's row, and the name of its article once it is in bins."""
    return f"{_PK[sort]}{name}"


def row_of(count: Count) -> PricingRow:
    """The row of a count, with nothing but its key."""
    return PricingRow(name_of(count.sort, count.name), CODE if count.sort == A_CODE else COUNT)


class DynamoCountRows:
    """See :class:`shop.pricing.ports.CountRows`."""

    def of(self, sort: str, name: str, limit: int) -> CountRow:
        article = name_of(sort, name)
        try:
            row = PricingRow.get(article, CODE if sort == A_CODE else COUNT, consistent_read=True)
        except PricingRow.DoesNotExist:
            return CountRow(sort, article, 0 if sort == A_CODE else limit)
        used, lent = int(row.used or 0), int(row.lent or 0)
        code = sort == A_CODE
        return CountRow(
            sort,
            article,
            left=int(row.left) if code else limit - used,
            used=used if code else used - lent,
            lent=lent,
            bins=int(row.bins or 0),
            there=True,
        )

    def handing_over(self, row: CountRow, units: int) -> Part:
        kept = _kept(row)
        actions: list[Action] = [PricingRow.lent.set(row.lent + units)]
        if not row.bins:
            actions.append(PricingRow.bins.set(1))
        if row.sort == A_CODE:
            actions.append(PricingRow.left.add(-units))
            condition: Condition = PricingRow.left == row.left
        elif row.there:
            actions.append(PricingRow.used.add(units))
            condition = PricingRow.used == row.used + row.lent
        else:
            actions.append(PricingRow.used.add(units))
            condition = PricingRow.pk.does_not_exist()

        def write(writes: Any) -> None:
            writes.update(kept, actions, condition)

        return write

    def tell(self, row: CountRow, bins: int) -> None:
        actions: list[Action] = [PricingRow.bins.set(bins)]
        condition: Condition = PricingRow.bins.exists()
        _kept(row).update(actions, condition)


def _kept(row: CountRow) -> PricingRow:
    return PricingRow(row.article, CODE if row.sort == A_CODE else COUNT)
