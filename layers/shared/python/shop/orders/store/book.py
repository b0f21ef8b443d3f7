"""The order book in DynamoDB."""

import hashlib
import heapq
import random
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

from pynamodb.exceptions import PutError
from pynamodb.expressions.condition import Condition

from shop.kernel.errors import Invalid, NotFound, Stale
from shop.kernel.events import Event
from shop.kernel.paging import Page, from_cursor, to_cursor
from shop.kernel.transactions import Part
from shop.orders.model import GUEST, Batch, Order, Status
from shop.orders.ports import Summary
from shop.orders.store.document import from_document, holds_in, holds_out, to_document
from shop.orders.store.rows import (
    AWAITING,
    AwaitingRow,
    BatchRow,
    ByDay,
    OrderRow,
    TrackRow,
    pk_of,
    placed_in,
    placed_key_of,
    track_of,
)

SHARDS = 16
PLACING = "BATCHES"
"""The key under which an order of many articles says that it is being placed."""
PAUSE = 0.05
"""Seconds that a write waits at most when a transaction holds the order."""


class DynamoOrders:
    """See :class:`shop.orders.ports.Orders`."""

    def of(self, owner: str, order_id: str) -> Order:
        try:
            return order_of(OrderRow.get(pk_of(order_id), f"HEAD#{owner}", consistent_read=True))
        except OrderRow.DoesNotExist:
            raise NotFound("there is no such order") from None

    def by_id(self, order_id: str) -> Order:
        for row in OrderRow.query(
            pk_of(order_id), OrderRow.sk.startswith("HEAD#"), consistent_read=True, limit=1
        ):
            return order_of(row)
        raise NotFound("there is no such order")

    def name(self, order_id: str) -> str:
        return pk_of(order_id)

    def placing(self, order: Order, events: Sequence[Event]) -> Part:
        row = row_of(order, events)
        noting = _noting_wait(None, order)

        def write(writes: Any) -> None:
            writes.save(row, OrderRow.pk.does_not_exist())
            noting(writes)

        return write

    def changing(self, before: Order, after: Order, events: Sequence[Event]) -> Part:
        row = row_of(replace(after, version=before.version + 1), events)
        unchanged = OrderRow.version == before.version
        noting = _noting_wait(before, after)

        def write(writes: Any) -> None:
            writes.save(row, unchanged)
            noting(writes)

        return write

    def save(self, before: Order, after: Order, events: Sequence[Event]) -> Order:
        saved = replace(after, version=before.version + 1)
        try:
            row_of(saved, events).save(OrderRow.version == before.version)
        except PutError as error:
            if error.cause_response_code == "TransactionConflictException":
                time.sleep(random.uniform(0, PAUSE))
            elif error.cause_response_code != "ConditionalCheckFailedException":
                raise
            raise Stale("somebody else changed this order meanwhile") from None
        return saved

    def awaiting(self) -> Sequence[str]:
        shards = [
            [row.sk for row in AwaitingRow.query(f"{AWAITING}#{n}", consistent_read=True)]
            for n in range(SHARDS)
        ]
        return [placed_in(key)[0] for key in heapq.merge(*shards)]

    def batches(self, order_id: str) -> tuple[bool | None, Sequence[Batch]]:
        pk = pk_of(order_id)
        found = list(BatchRow.query(pk, BatchRow.sk.startswith("BATCH"), consistent_read=True))
        fence = next((row for row in found if row.sk == PLACING), None)
        there = [batch_of(row) for row in found if row.sk != PLACING]
        return None if fence is None else bool(fence.taking), there

    def opening(self, order_id: str) -> Part:
        row = BatchRow(pk_of(order_id), PLACING, taking=True)
        return lambda writes: writes.save(row, BatchRow.pk.does_not_exist())

    def turning(self, order_id: str) -> Part:
        row = BatchRow(pk_of(order_id), PLACING)
        return lambda writes: writes.update(
            row,
            [BatchRow.taking.set(False)],
            BatchRow.taking == True,  # noqa: E712  PynamoDB reads it as a condition
        )

    def closing(self, order_id: str, *, taking: bool) -> Part:
        row = BatchRow(pk_of(order_id), PLACING)
        return lambda writes: writes.delete(row, BatchRow.taking == taking)

    def taking(self, order_id: str, batch: Batch) -> Part:
        noted = self.owing(order_id, batch)

        def write(writes: Any) -> None:
            open_ = BatchRow.taking == True  # noqa: E712  PynamoDB reads it as a condition
            writes.condition_check(BatchRow, pk_of(order_id), PLACING, open_)
            noted(writes)

        return write

    def owing(self, order_id: str, batch: Batch) -> Part:
        row = row_of_batch(order_id, batch)
        return lambda writes: writes.save(row, BatchRow.pk.does_not_exist())

    def done(self, order_id: str, batch: Batch) -> Part:
        row = BatchRow(pk_of(order_id), f"BATCH#{batch.name}")
        return lambda writes: writes.delete(row, BatchRow.pk.exists())

    def of_customer(self, customer: str, *, cursor: str | None, limit: int) -> Page[Summary]:
        rows = OrderRow.by_owner.query(
            customer, _before(cursor), scan_index_forward=False, limit=limit + 1
        )
        return _page(rows, limit)

    def bought_before(self, customer: str) -> bool:
        """Whether this customer has an order that was not called off: an index's first entries."""
        kept = OrderRow.status != Status.CANCELLED.value
        return any(True for _ in OrderRow.by_owner.query(customer, None, kept, page_size=20))

    def placed_on(
        self, day: str, *, status: Status | None, cursor: str | None, limit: int
    ) -> Page[Summary]:
        wanted = (
            ByDay.status != Status.PLACING.value if status is None else ByDay.status == status.value
        )
        before = _before(cursor)
        shards = [
            OrderRow.by_day.query(
                f"{day}#{shard:02d}",
                before,
                wanted,
                scan_index_forward=False,
                page_size=limit + 1,
            )
            for shard in range(SHARDS)
        ]
        return _page(heapq.merge(*shards, key=lambda row: row.placed_key, reverse=True), limit)

    def overdue(self, at: datetime, most: int) -> Sequence[str]:
        due = int(at.timestamp())
        unpaid = (Status.PLACED, Status.PLACING)
        return _oldest(at, most, unpaid, lambda row: row.summary["pay_by"] <= due)

    def waiting(self, before: datetime, most: int) -> Sequence[str]:
        return _oldest(before, most, (Status.PLACED,), lambda row: True)

    def parcel(self, carrier: str, tracking_number: str) -> tuple[str, str]:
        try:
            row = TrackRow.get(track_of(carrier, tracking_number), "PARCEL", consistent_read=True)
        except TrackRow.DoesNotExist:
            raise NotFound("no parcel of ours has this tracking number") from None
        return row.order_id, row.parcel_id

    def tracking(self, carrier: str, tracking_number: str, order_id: str, parcel_id: str) -> Part:
        row = TrackRow(
            track_of(carrier, tracking_number), "PARCEL", order_id=order_id, parcel_id=parcel_id
        )
        return lambda writes: writes.save(row, TrackRow.pk.does_not_exist())

    def tracking_name(self, carrier: str, tracking_number: str) -> str:
        """How a Clash names a tracking number."""
        return track_of(carrier, tracking_number)


def _oldest(
    before: datetime, most: int, statuses: Iterable[Status], wanted: Callable[[Any], bool]
) -> Sequence[str]:
    """Orders placed before then, on that day or the one before it.

    Each shard is read up to there; of that only what has one of the statuses comes back.
    """
    shards = (
        OrderRow.by_day.query(
            f"{day:%Y-%m-%d}#{shard:02d}",
            ByDay.placed_key < placed_key_of("", before),
            ByDay.status.is_in(*(status.value for status in statuses)),
        )
        for day in (before.astimezone(UTC) - timedelta(days=1), before.astimezone(UTC))
        for shard in range(SHARDS)
    )
    rows = [row for shard in shards for row in islice(filter(wanted, shard), most)]
    rows.sort(key=lambda row: row.placed_key)
    return [summary_of(row).id for row in rows[:most]]


def _before(cursor: str | None) -> Condition | None:
    """Older than the last order of the page that the cursor ends."""
    key = from_cursor(cursor)
    if key is None:
        return None
    before = key.get("before")
    if not (isinstance(before, str) and 0 < len(before) <= 100):
        raise Invalid("this cursor is not one of ours", code="cursor_invalid", path="cursor")
    older: Condition = ByDay.placed_key < before
    return older


def _page(newest_first: Iterable[OrderRow], limit: int) -> Page[Summary]:
    rows = list(islice(newest_first, limit + 1))
    more = len(rows) > limit
    following = to_cursor({"before": rows[limit - 1].placed_key}) if more else None
    return Page(tuple(summary_of(row) for row in rows[:limit]), following)


def summary_of(row: Any) -> Summary:
    order_id, placed_at = placed_in(row.placed_key)
    raw = row.summary
    return Summary(
        id=order_id,
        status=Status(row.status),
        placed_at=placed_at,
        currency=raw["currency"],
        total=raw["total"],
        pieces=raw["pieces"],
        email=raw["email"],
    )


def row_of_batch(order_id: str, batch: Batch) -> BatchRow:
    """A batch's row: its holds and, where they leave the house, who sends them and when."""
    who, at = batch.shipped or (None, None)
    left = {} if at is None else {"shipped": [who, at.isoformat()]}
    doc = {"holds": holds_out(batch.holds), **left}
    return BatchRow(pk_of(order_id), f"BATCH#{batch.name}", doc=doc)


def batch_of(row: BatchRow) -> Batch:
    """The batch in a row."""
    who, at = row.doc.get("shipped", (None, None))
    shipped = None if at is None else (who, datetime.fromisoformat(at))
    return Batch(row.sk.removeprefix("BATCH#"), holds_in(row.doc["holds"]), shipped)


def row_of(order: Order, events: Sequence[Event]) -> OrderRow:
    """The row as it is written: the order's document, what lists show of it, and its events."""
    placed = order.placed_at.astimezone(UTC)
    shard = hashlib.sha256(order.id.encode()).digest()[0] % SHARDS
    return OrderRow(
        pk_of(order.id),
        f"HEAD#{order.owner}",
        status=order.status.value,
        version=order.version,
        doc=to_document(order),
        summary={
            "currency": order.currency,
            "total": order.total,
            "pieces": sum(line.quantity for line in order.lines),
            "email": order.email,
            "pay_by": int(order.pay_by.timestamp()),
        },
        events=tuple(events),
        owner_key=None if order.owner == GUEST or order.never_placed else order.owner,
        day_key=f"{placed:%Y-%m-%d}#{shard:02d}",
        placed_key=placed_key_of(order.id, placed),
    )


def order_of(row: OrderRow) -> Order:
    """The order in a row."""
    return from_document(
        row.doc,
        order_id=row.pk.removeprefix("ORDER#"),
        owner=row.sk.removeprefix("HEAD#"),
        status=row.status,
        version=int(row.version),
    )


def _noting_wait(before: Order | None, after: Order) -> Part:
    """Write down that an order waits for goods, or strike it off, where that changed."""
    waited, waits = before is not None and before.awaits, after.awaits
    shard = hashlib.sha256(after.id.encode()).digest()[0] % SHARDS
    row = AwaitingRow(f"{AWAITING}#{shard}", placed_key_of(after.id, after.placed_at))

    def write(writes: Any) -> None:
        if waits and not waited:
            writes.save(row)
        elif waited and not waits:
            writes.delete(row)

    return write
