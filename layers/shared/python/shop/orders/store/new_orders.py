"""Counts of new orders, and the record of the digests about them."""

from datetime import UTC, datetime
from itertools import islice
from typing import Any

from shop.orders.model import OrderStatus
from shop.orders.ports import OrderDigest
from shop.orders.store.repository import SHARDS, summary_from_row
from shop.orders.store.rows import ByDay, OrderEmailRow, OrderRow, placed_key_of
from shop.storage import notifications

PAID = (OrderStatus.CONFIRMED, OrderStatus.COMPLETED, OrderStatus.RETURNED)


class DynamoNewOrders:
    """See :class:`shop.orders.ports.NewOrders`.

    DynamoDB counts the orders, so a peak of orders transfers no more than a quiet hour.
    """

    def placed_between(self, since: datetime, until: datetime, listed: int) -> OrderDigest:
        # An order that was placed exactly at ``until`` sorts after this key.
        within = ByDay.placed_key.between(placed_key_of("", since), placed_key_of("", until))
        unpaid = ByDay.status == OrderStatus.PLACED.value
        paid = ByDay.status.is_in(*(status.value for status in PAID))
        counts = {"paid": 0, "unpaid": 0}
        rows: list[Any] = []
        for shard in range(SHARDS):
            key = f"{since.astimezone(UTC):%Y-%m-%d}#{shard:02d}"
            counts["paid"] += OrderRow.by_day.count(key, within, paid)
            counts["unpaid"] += OrderRow.by_day.count(key, within, unpaid)
            first = OrderRow.by_day.query(key, within, paid | unpaid, page_size=listed)
            rows += islice(first, listed)
        rows.sort(key=lambda row: row.placed_key)
        orders = tuple(summary_from_row(row) for row in rows[:listed])
        return OrderDigest(since, until, counts["paid"], counts["unpaid"], orders)


class DynamoDigestEmails(notifications.DynamoSentEmails):
    """Digests of new orders, by the begin of their window."""

    rows = OrderEmailRow
    subject = "DIGEST"
