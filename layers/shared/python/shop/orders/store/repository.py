"""The order repository in DynamoDB."""

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
"""Sort key of the placement of an order that needs batches."""
MAX_LATE_DAYS = 60
"""Days for which orders are listed as late: by then they are shipped or cancelled, and the delivery
is decided (14 and 45 days)."""
CONFLICT_PAUSE_SECONDS = 0.05
"""Longest pause, in seconds, of a write while a transaction holds the order."""


class DynamoOrderRepository:
    """See :class:`shop.orders.ports.OrderRepository`."""

    def get(self, owner: str, order_id: str) -> Order:
        try:
            return order_from_row(
                OrderRow.get(order_pk(order_id), f"HEAD#{owner}", consistent_read=True)
            )
        except OrderRow.DoesNotExist:
            raise NotFound("No order has this id. Check the id.") from None

    def get_by_id(self, order_id: str) -> Order:
        for row in OrderRow.query(
            order_pk(order_id), OrderRow.sk.startswith("HEAD#"), consistent_read=True, limit=1
        ):
            return order_from_row(row)
        raise NotFound("No order has this id. Check the id.")

    def condition_key(self, order_id: str) -> str:
        return order_pk(order_id)

    def place_op(self, order: Order, events: Sequence[Event]) -> WriteOperation:
        row = order_to_row(order, events)
        index_op = _awaiting_stock_op(None, order)

        def write(transaction: Any) -> None:
            transaction.save(row, OrderRow.pk.does_not_exist())
            index_op(transaction)

        return write

    def update_op(self, before: Order, after: Order, events: Sequence[Event]) -> WriteOperation:
        row = order_to_row(replace(after, version=before.version + 1), events)
        unchanged = OrderRow.version == before.version
        index_op = _awaiting_stock_op(before, after)

        def write(transaction: Any) -> None:
            transaction.save(row, unchanged)
            index_op(transaction)

        return write

    def save(self, before: Order, after: Order, events: Sequence[Event]) -> Order:
        saved = replace(after, version=before.version + 1)
        try:
            order_to_row(saved, events).save(OrderRow.version == before.version)
        except PutError as error:
            # A transaction holds the order now. Pause at random, so that retries spread, and report
            # a conflict: the version is most likely old by then.
            if error.cause_response_code == "TransactionConflictException":
                time.sleep(random.uniform(0, CONFLICT_PAUSE_SECONDS))
            elif error.cause_response_code != "ConditionalCheckFailedException":
                raise
            raise VersionConflict("The order changed after it was read. Read it again.") from None
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
        # Consistent, and one query: a batch is missed neither by age nor between two reads.
        found = list(BatchRow.query(pk, BatchRow.sk.startswith("BATCH"), consistent_read=True))
        placement = next((row for row in found if row.sk == PLACEMENT_KEY), None)
        batches = [batch_from_row(row) for row in found if row.sk != PLACEMENT_KEY]
        return None if placement is None else bool(placement.placing), batches

    def open_batches(self, order_id: str) -> WriteOperation:
        row = BatchRow(order_pk(order_id), PLACEMENT_KEY, placing=True)
        return lambda transaction: transaction.save(row, BatchRow.pk.does_not_exist())

    def reverse_batches(self, order_id: str) -> WriteOperation:
        row = BatchRow(order_pk(order_id), PLACEMENT_KEY)
        return lambda transaction: transaction.update(
            row,
            [BatchRow.placing.set(False)],
            BatchRow.placing == True,  # noqa: E712  PynamoDB reads it as a condition
        )

    def close_batches(self, order_id: str, *, placing: bool) -> WriteOperation:
        row = BatchRow(order_pk(order_id), PLACEMENT_KEY)
        return lambda transaction: transaction.delete(row, BatchRow.placing == placing)

    def record_batch(self, order_id: str, batch: ReservationBatch) -> WriteOperation:
        insert_batch = self.enqueue_batch(order_id, batch)

        def write(transaction: Any) -> None:
            # The check and the batch are one transaction: once the placement is reversed, no
            # further batch can be recorded.
            is_open = BatchRow.placing == True  # noqa: E712  PynamoDB reads it as a condition
            transaction.condition_check(BatchRow, order_pk(order_id), PLACEMENT_KEY, is_open)
            insert_batch(transaction)

        return write

    def enqueue_batch(self, order_id: str, batch: ReservationBatch) -> WriteOperation:
        row = batch_to_row(order_id, batch)
        return lambda transaction: transaction.save(row, BatchRow.pk.does_not_exist())

    def finish_batch(self, order_id: str, batch: ReservationBatch) -> WriteOperation:
        row = BatchRow(order_pk(order_id), f"BATCH#{batch.name}")
        return lambda transaction: transaction.delete(row, BatchRow.pk.exists())

    def list_by_customer(
        self, customer: str, *, cursor: str | None, limit: int
    ) -> Page[OrderSummaryItem]:
        rows = OrderRow.by_owner.query(
            customer, _before(cursor), scan_index_forward=False, limit=limit + 1
        )
        return _page(rows, limit)

    def has_ordered(self, customer: str) -> bool:
        """Whether this customer has an order that is not cancelled."""
        active = OrderRow.status != OrderStatus.CANCELLED.value
        # Stops at the first match, which is almost always on the first small page.
        return any(True for _ in OrderRow.by_owner.query(customer, None, active, page_size=20))

    def list_overdue(self, at: datetime, max_results: int) -> Sequence[str]:
        due = int(at.timestamp())
        unpaid = (OrderStatus.PLACED, OrderStatus.PLACING)
        return _oldest(at, max_results, unpaid, lambda row: row.summary["pay_by"] <= due)

    def list_awaiting_payment(self, before: datetime, max_results: int) -> Sequence[str]:
        return _oldest(before, max_results, (OrderStatus.PLACED,), lambda row: True)

    def list_late(self, before: datetime, max_results: int) -> Sequence[str]:
        due = int(before.timestamp())

        def is_late(row: Any) -> bool:
            # Orders without a promise, and those written before it was stored, have no such field.
            return "deliver_by" in row.summary and row.summary["deliver_by"] <= due

        confirmed = (OrderStatus.CONFIRMED,)
        return _oldest(before, max_results, confirmed, is_late, days=MAX_LATE_DAYS)

    def find_shipment(self, carrier: str, tracking_number: str) -> tuple[str, str]:
        try:
            row = TrackingNumberRow.get(
                tracking_pk(carrier, tracking_number), "SHIPMENT", consistent_read=True
            )
        except TrackingNumberRow.DoesNotExist:
            raise NotFound("No parcel has this tracking number. Check the number.") from None
        return row.order_id, row.shipment_id

    def register_tracking_op(
        self, carrier: str, tracking_number: str, order_id: str, shipment_id: str
    ) -> WriteOperation:
        row = TrackingNumberRow(
            tracking_pk(carrier, tracking_number),
            "SHIPMENT",
            order_id=order_id,
            shipment_id=shipment_id,
        )
        return lambda transaction: transaction.save(row, TrackingNumberRow.pk.does_not_exist())


def _oldest(
    before: datetime,
    max_results: int,
    statuses: Iterable[OrderStatus],
    matches: Callable[[Any], bool],
    days: int = 1,
) -> Sequence[str]:
    """Return ids of orders placed before then, on its day or ``days`` before, oldest first.

    Each shard is read up to that time, and DynamoDB filters by status. At most ``max_results`` are
    taken from each shard, because all of the oldest may be in one.
    """
    shards = (
        OrderRow.by_day.query(
            f"{day:%Y-%m-%d}#{shard:02d}",
            ByDay.placed_key < placed_key_of("", before),
            ByDay.status.is_in(*(status.value for status in statuses)),
        )
        for day in (before.astimezone(UTC) - timedelta(n) for n in range(days, -1, -1))
        for shard in range(SHARDS)
    )
    rows = [row for shard in shards for row in islice(filter(matches, shard), max_results)]
    rows.sort(key=lambda row: row.placed_key)
    return [summary_from_row(row).id for row in rows[:max_results]]


def _before(cursor: str | None) -> Condition | None:
    """Condition for orders older than the last one of the cursor's page."""
    key = from_cursor(cursor)
    if key is None:
        return None
    before = key.get("before")
    if not (isinstance(before, str) and 0 < len(before) <= 100):
        raise InvalidRequest(
            "The cursor is invalid. Use the cursor of the previous page unchanged.",
            code="cursor_invalid",
            path="cursor",
        )
    older: Condition = ByDay.placed_key < before
    return older


def _page(newest_first: Iterable[OrderRow], limit: int) -> Page[OrderSummaryItem]:
    rows = list(islice(newest_first, limit + 1))
    has_more = len(rows) > limit
    next_cursor = to_cursor({"before": rows[limit - 1].placed_key}) if has_more else None
    return Page(tuple(summary_from_row(row) for row in rows[:limit]), next_cursor)


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
        returned=raw.get("returned", 0),
        refunded=raw.get("refunded", 0),
        worth=raw.get("worth", raw["total"]),
        cancelled=raw.get("cancelled", 0),
        net=raw.get("net", raw["total"]),
        net_tax=raw.get("net_tax", 0),
        net_shipping=raw.get("net_shipping", 0),
        active_pieces=raw.get("active_pieces", raw["pieces"]),
    )


def batch_to_row(order_id: str, batch: ReservationBatch) -> BatchRow:
    """Return the item of a batch, with the actor and time of its shipment or return."""
    doc: dict[str, Any] = {"reservations": encode_reservations(batch.reservations)}
    if batch.shipped is not None:
        actor, at = batch.shipped
        doc["shipped"] = [actor, at.isoformat()]
    if batch.returned is not None:
        actor, at, reason = batch.returned
        doc["returned"] = [actor, at.isoformat(), reason]
    return BatchRow(order_pk(order_id), f"BATCH#{batch.name}", doc=doc)


def batch_from_row(row: BatchRow) -> ReservationBatch:
    shipped = returned = None
    if "shipped" in row.doc:
        actor, at = row.doc["shipped"]
        shipped = actor, datetime.fromisoformat(at)
    if "returned" in row.doc:
        actor, at, reason = row.doc["returned"]
        returned = actor, datetime.fromisoformat(at), reason
    name = row.sk.removeprefix("BATCH#")
    return ReservationBatch(name, decode_reservations(row.doc["reservations"]), shipped, returned)


def order_to_row(order: Order, events: Sequence[Event]) -> OrderRow:
    """Return the item of an order: its document, the summary for lists, and its events."""
    placed = order.placed_at.astimezone(UTC)
    shard = hashlib.sha256(order.id.encode()).digest()[0] % SHARDS
    pieces = sum(line.quantity for line in order.lines)
    # What most orders do not have is left out, so that their items stay small.
    if_any = {
        "returned": order.returned_value,
        "refunded": order.payment.total_of("refunded"),
        "cancelled": order.cancelled_value,
        "net_tax": order.net_tax,
        "net_shipping": order.net_shipping,
    }
    if_reduced = {
        "worth": (order.worth, order.total),
        "net": (order.net_value, order.total),
        "active_pieces": (order.active_pieces, pieces),
    }
    return OrderRow(
        order_pk(order.id),
        f"HEAD#{order.owner}",
        status=order.status.value,
        version=order.version,
        doc=to_document(order),
        summary={
            "currency": order.currency,
            "total": order.total,
            "pieces": pieces,
            "email": order.email,
            "pay_by": int(order.pay_by.timestamp()),
            **_delivery_promise(order),
            **{name: amount for name, amount in if_any.items() if amount},
            **{name: now for name, (now, placed_with) in if_reduced.items() if now != placed_with},
        },
        events=tuple(events),
        owner_key=None if order.owner == GUEST_OWNER or order.never_placed else order.owner,
        day_key=f"{placed:%Y-%m-%d}#{shard:02d}",
        placed_key=placed_key_of(order.id, placed),
    )


def _delivery_promise(order: Order) -> dict[str, int]:
    """Return the promised arrival of a confirmed order that has not arrived yet."""
    if order.status is not OrderStatus.CONFIRMED or order.delay_announced:
        return {}
    if not order.promised_pieces:
        return {}
    return {"deliver_by": int(order.shipping_option.latest.timestamp())}


def order_from_row(row: OrderRow) -> Order:
    return from_document(
        row.doc,
        order_id=row.pk.removeprefix("ORDER#"),
        owner=row.sk.removeprefix("HEAD#"),
        status=row.status,
        version=int(row.version),
    )


def _awaiting_stock_op(before: Order | None, after: Order) -> WriteOperation:
    """Add the order to the list of those that wait for inbound stock, or remove it."""
    waited, waits = before is not None and before.is_awaiting_stock, after.is_awaiting_stock
    shard = hashlib.sha256(after.id.encode()).digest()[0] % SHARDS
    row = AwaitingStockRow(
        f"{AWAITING_STOCK_PREFIX}#{shard}", placed_key_of(after.id, after.placed_at)
    )

    def write(transaction: Any) -> None:
        # Needs no condition of its own: the order's write in this transaction has one.
        if waits and not waited:
            transaction.save(row)
        elif waited and not waits:
            transaction.delete(row)

    return write
