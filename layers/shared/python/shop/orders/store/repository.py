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

from shop.kernel.errors import InvalidRequest, NotFound, VersionConflict
from shop.kernel.events import Event
from shop.kernel.pagination import Page, from_cursor, to_cursor
from shop.kernel.unit_of_work import WriteOperation
from shop.orders.model import GUEST_OWNER, Order, OrderStatus, ReservationBatch
from shop.orders.ports import OrderSummaryItem
from shop.orders.store.rows import (
    AWAITING_STOCK_PREFIX,
    AwaitingStockRow,
    BatchRow,
    ByDay,
    OrderRow,
    TrackingNumberRow,
    order_pk,
    parse_placed_key,
    placed_key_of,
    tracking_pk,
)
from shop.orders.store.serialization import (
    decode_reservations,
    encode_reservations,
    from_document,
    to_document,
)

SHARDS = 16
PLACEMENT_KEY = "BATCHES"
"""The key under which an order of many articles says that it is being placed."""
CONFLICT_PAUSE_SECONDS = 0.05
"""Seconds that a write waits at most when a transaction holds the order."""


class DynamoOrderRepository:
    """See :class:`shop.orders.ports.OrderRepository`."""

    def get(self, owner: str, order_id: str) -> Order:
        try:
            return order_from_row(
                OrderRow.get(order_pk(order_id), f"HEAD#{owner}", consistent_read=True)
            )
        except OrderRow.DoesNotExist:
            raise NotFound("there is no such order") from None

    def get_by_id(self, order_id: str) -> Order:
        for row in OrderRow.query(
            order_pk(order_id), OrderRow.sk.startswith("HEAD#"), consistent_read=True, limit=1
        ):
            return order_from_row(row)
        raise NotFound("there is no such order")

    def condition_key(self, order_id: str) -> str:
        return order_pk(order_id)

    def place_op(self, order: Order, events: Sequence[Event]) -> WriteOperation:
        row = order_to_row(order, events)
        noting = _noting_wait(None, order)

        def write(writes: Any) -> None:
            writes.save(row, OrderRow.pk.does_not_exist())
            noting(writes)

        return write

    def update_op(self, before: Order, after: Order, events: Sequence[Event]) -> WriteOperation:
        row = order_to_row(replace(after, version=before.version + 1), events)
        unchanged = OrderRow.version == before.version
        noting = _noting_wait(before, after)

        def write(writes: Any) -> None:
            writes.save(row, unchanged)
            noting(writes)

        return write

    def save(self, before: Order, after: Order, events: Sequence[Event]) -> Order:
        saved = replace(after, version=before.version + 1)
        try:
            order_to_row(saved, events).save(OrderRow.version == before.version)
        except PutError as error:
            if error.cause_response_code == "TransactionConflictException":
                time.sleep(random.uniform(0, CONFLICT_PAUSE_SECONDS))
            elif error.cause_response_code != "ConditionalCheckFailedException":
                raise
            raise VersionConflict("somebody else changed this order meanwhile") from None
        return saved

    def list_awaiting_stock(self) -> Sequence[str]:
        shards = [
            [
                row.sk
                for row in AwaitingStockRow.query(
                    f"{AWAITING_STOCK_PREFIX}#{n}", consistent_read=True
                )
            ]
            for n in range(SHARDS)
        ]
        return [parse_placed_key(key)[0] for key in heapq.merge(*shards)]

    def list_batches(self, order_id: str) -> tuple[bool | None, Sequence[ReservationBatch]]:
        pk = order_pk(order_id)
        found = list(BatchRow.query(pk, BatchRow.sk.startswith("BATCH"), consistent_read=True))
        fence = next((row for row in found if row.sk == PLACEMENT_KEY), None)
        there = [batch_from_row(row) for row in found if row.sk != PLACEMENT_KEY]
        return None if fence is None else bool(fence.taking), there

    def open_batches(self, order_id: str) -> WriteOperation:
        row = BatchRow(order_pk(order_id), PLACEMENT_KEY, taking=True)
        return lambda writes: writes.save(row, BatchRow.pk.does_not_exist())

    def reverse_batches(self, order_id: str) -> WriteOperation:
        row = BatchRow(order_pk(order_id), PLACEMENT_KEY)
        return lambda writes: writes.update(
            row,
            [BatchRow.taking.set(False)],
            BatchRow.taking == True,  # noqa: E712  PynamoDB reads it as a condition
        )

    def close_batches(self, order_id: str, *, placing: bool) -> WriteOperation:
        row = BatchRow(order_pk(order_id), PLACEMENT_KEY)
        return lambda writes: writes.delete(row, BatchRow.taking == placing)

    def record_batch(self, order_id: str, batch: ReservationBatch) -> WriteOperation:
        noted = self.enqueue_batch(order_id, batch)

        def write(writes: Any) -> None:
            open_ = BatchRow.taking == True  # noqa: E712  PynamoDB reads it as a condition
            writes.condition_check(BatchRow, order_pk(order_id), PLACEMENT_KEY, open_)
            noted(writes)

        return write

    def enqueue_batch(self, order_id: str, batch: ReservationBatch) -> WriteOperation:
        row = batch_to_row(order_id, batch)
        return lambda writes: writes.save(row, BatchRow.pk.does_not_exist())

    def finish_batch(self, order_id: str, batch: ReservationBatch) -> WriteOperation:
        row = BatchRow(order_pk(order_id), f"BATCH#{batch.name}")
        return lambda writes: writes.delete(row, BatchRow.pk.exists())

    def list_by_customer(
        self, customer: str, *, cursor: str | None, limit: int
    ) -> Page[OrderSummaryItem]:
        rows = OrderRow.by_owner.query(
            customer, _before(cursor), scan_index_forward=False, limit=limit + 1
        )
        return _page(rows, limit)

    def has_ordered(self, customer: str) -> bool:
        """Whether this customer has an order that was not called off: an index's first entries."""
        stored = OrderRow.status != OrderStatus.CANCELLED.value
        return any(True for _ in OrderRow.by_owner.query(customer, None, stored, page_size=20))

    def list_by_day(
        self, day: str, *, status: OrderStatus | None, cursor: str | None, limit: int
    ) -> Page[OrderSummaryItem]:
        wanted = (
            ByDay.status != OrderStatus.PLACING.value
            if status is None
            else ByDay.status == status.value
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

    def list_overdue(self, at: datetime, max_results: int) -> Sequence[str]:
        due = int(at.timestamp())
        unpaid = (OrderStatus.PLACED, OrderStatus.PLACING)
        return _oldest(at, max_results, unpaid, lambda row: row.summary["pay_by"] <= due)

    def list_awaiting_payment(self, before: datetime, max_results: int) -> Sequence[str]:
        return _oldest(before, max_results, (OrderStatus.PLACED,), lambda row: True)

    def find_shipment(self, carrier: str, tracking_number: str) -> tuple[str, str]:
        try:
            row = TrackingNumberRow.get(
                tracking_pk(carrier, tracking_number), "PARCEL", consistent_read=True
            )
        except TrackingNumberRow.DoesNotExist:
            raise NotFound("no parcel of ours has this tracking number") from None
        return row.order_id, row.parcel_id

    def register_tracking_op(
        self, carrier: str, tracking_number: str, order_id: str, parcel_id: str
    ) -> WriteOperation:
        row = TrackingNumberRow(
            tracking_pk(carrier, tracking_number), "PARCEL", order_id=order_id, parcel_id=parcel_id
        )
        return lambda writes: writes.save(row, TrackingNumberRow.pk.does_not_exist())

    def tracking_condition_key(self, carrier: str, tracking_number: str) -> str:
        """How a Clash names a tracking number."""
        return tracking_pk(carrier, tracking_number)


def _oldest(
    before: datetime,
    max_results: int,
    statuses: Iterable[OrderStatus],
    wanted: Callable[[Any], bool],
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
    rows = [row for shard in shards for row in islice(filter(wanted, shard), max_results)]
    rows.sort(key=lambda row: row.placed_key)
    return [summary_from_row(row).id for row in rows[:max_results]]


def _before(cursor: str | None) -> Condition | None:
    """Older than the last order of the page that the cursor ends."""
    key = from_cursor(cursor)
    if key is None:
        return None
    before = key.get("before")
    if not (isinstance(before, str) and 0 < len(before) <= 100):
        raise InvalidRequest("this cursor is not one of ours", code="cursor_invalid", path="cursor")
    older: Condition = ByDay.placed_key < before
    return older


def _page(newest_first: Iterable[OrderRow], limit: int) -> Page[OrderSummaryItem]:
    rows = list(islice(newest_first, limit + 1))
    more = len(rows) > limit
    following = to_cursor({"before": rows[limit - 1].placed_key}) if more else None
    return Page(tuple(summary_from_row(row) for row in rows[:limit]), following)


def summary_from_row(row: Any) -> OrderSummaryItem:
    order_id, placed_at = parse_placed_key(row.placed_key)
    raw = row.summary
    return OrderSummaryItem(
        id=order_id,
        status=OrderStatus(row.status),
        placed_at=placed_at,
        currency=raw["currency"],
        total=raw["total"],
        pieces=raw["pieces"],
        email=raw["email"],
    )


def batch_to_row(order_id: str, batch: ReservationBatch) -> BatchRow:
    """A batch's row: its holds and, where they leave the house, who sends them and when."""
    who, at = batch.shipped or (None, None)
    remaining = {} if at is None else {"shipped": [who, at.isoformat()]}
    doc = {"reservations": encode_reservations(batch.reservations), **remaining}
    return BatchRow(order_pk(order_id), f"BATCH#{batch.name}", doc=doc)


def batch_from_row(row: BatchRow) -> ReservationBatch:
    """The batch in a row."""
    who, at = row.doc.get("shipped", (None, None))
    shipped = None if at is None else (who, datetime.fromisoformat(at))
    return ReservationBatch(
        row.sk.removeprefix("BATCH#"), decode_reservations(row.doc["reservations"]), shipped
    )


def order_to_row(order: Order, events: Sequence[Event]) -> OrderRow:
    """The row as it is written: the order's document, what lists show of it, and its events."""
    placed = order.placed_at.astimezone(UTC)
    shard = hashlib.sha256(order.id.encode()).digest()[0] % SHARDS
    return OrderRow(
        order_pk(order.id),
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
        owner_key=None if order.owner == GUEST_OWNER or order.never_placed else order.owner,
        day_key=f"{placed:%Y-%m-%d}#{shard:02d}",
        placed_key=placed_key_of(order.id, placed),
    )


def order_from_row(row: OrderRow) -> Order:
    """The order in a row."""
    return from_document(
        row.doc,
        order_id=row.pk.removeprefix("ORDER#"),
        owner=row.sk.removeprefix("HEAD#"),
        status=row.status,
        version=int(row.version),
    )


def _noting_wait(before: Order | None, after: Order) -> WriteOperation:
    """Write down that an order waits for goods, or strike it off, where that changed."""
    waited, waits = before is not None and before.is_awaiting_stock, after.is_awaiting_stock
    shard = hashlib.sha256(after.id.encode()).digest()[0] % SHARDS
    row = AwaitingStockRow(
        f"{AWAITING_STOCK_PREFIX}#{shard}", placed_key_of(after.id, after.placed_at)
    )

    def write(writes: Any) -> None:
        if waits and not waited:
            writes.save(row)
        elif waited and not waits:
            writes.delete(row)

    return write
