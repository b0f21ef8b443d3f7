"""Orders in DynamoDB: everything of an order lies under its id.

=====================  ==========================  ===============================================
PK                     SK                          what
=====================  ==========================  ===============================================
``ORDER#<id>``         ``HEAD#<owner>``            the order; a stranger's key finds nothing
``ORDER#<id>``         ``WAIT#<step>``             the task token of a workflow step that waits
``ORDER#<id>``         ``LETTER#<kind>``           that a letter is being written, or was sent
``TRACK#<carrier>#…``  ``PARCEL``                  whose a tracking number is
=====================  ==========================  ===============================================

An order's write carries its events along (see :mod:`shop.storage.outbox`).

``by_owner`` lists a signed-in customer's orders. ``by_day`` lists a day's orders over 16 shards: an
index on status alone would put all writes of a busy day on one partition and throttle the table.
"""

import hashlib
import heapq
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import PutError
from pynamodb.indexes import GlobalSecondaryIndex, IncludeProjection

from shop.inventory.model import Hold
from shop.kernel.errors import NotFound, Stale, Unavailable
from shop.kernel.events import Event
from shop.kernel.paging import Page, from_cursor, to_cursor
from shop.kernel.transactions import Part
from shop.orders.model import (
    Moment,
    Order,
    OrderLine,
    Parcel,
    ParcelStatus,
    Status,
    Tracking,
)
from shop.orders.ports import GIVEN_UP, Summary
from shop.payments.model import Payment
from shop.storage.documents import JsonDocument
from shop.storage.outbox import Events
from shop.storage.table import Row

SHARDS = 16

WORDS = b"{}"


class _ByOwner(GlobalSecondaryIndex["_Row"]):  # type: ignore[no-untyped-call]  # untyped there
    class Meta:
        index_name = "by_owner"
        projection = IncludeProjection(["status", "summary"])

    owner_key = UnicodeAttribute(hash_key=True)
    placed_key = UnicodeAttribute(range_key=True)
    status = UnicodeAttribute()
    summary = JsonDocument(WORDS)


class _ByDay(GlobalSecondaryIndex["_Row"]):  # type: ignore[no-untyped-call]  # untyped there
    class Meta:
        index_name = "by_day"
        projection = IncludeProjection(["status", "summary"])

    day_key = UnicodeAttribute(hash_key=True)
    placed_key = UnicodeAttribute(range_key=True)
    status = UnicodeAttribute()
    summary = JsonDocument(WORDS)


class _Row(Row):
    class Meta:
        table_name = os.environ["TABLE_ORDERS"]

    pk = UnicodeAttribute(hash_key=True, attr_name="PK")
    sk = UnicodeAttribute(range_key=True, attr_name="SK")
    status = UnicodeAttribute()
    version = NumberAttribute()
    doc = JsonDocument(WORDS)
    summary = JsonDocument(WORDS)
    events = Events()
    owner_key = UnicodeAttribute(null=True)
    day_key = UnicodeAttribute()
    placed_key = UnicodeAttribute()
    by_owner = _ByOwner()
    by_day = _ByDay()


class _Wait(Row):
    class Meta:
        table_name = os.environ["TABLE_ORDERS"]

    pk = UnicodeAttribute(hash_key=True, attr_name="PK")
    sk = UnicodeAttribute(range_key=True, attr_name="SK")
    token = UnicodeAttribute()
    at = UnicodeAttribute()


class _Track(Row):
    class Meta:
        table_name = os.environ["TABLE_ORDERS"]

    pk = UnicodeAttribute(hash_key=True, attr_name="PK")
    sk = UnicodeAttribute(range_key=True, attr_name="SK")
    order_id = UnicodeAttribute()
    parcel_id = UnicodeAttribute()


class _Letter(Row):
    class Meta:
        table_name = os.environ["TABLE_ORDERS"]

    pk = UnicodeAttribute(hash_key=True, attr_name="PK")
    sk = UnicodeAttribute(range_key=True, attr_name="SK")
    taken_at = UnicodeAttribute()
    sent_at = UnicodeAttribute(null=True)


class DynamoOrders:
    """See :class:`shop.orders.ports.Orders`."""

    def of(self, owner: str, order_id: str) -> Order:
        try:
            return _order(_Row.get(_pk(order_id), f"HEAD#{owner}", consistent_read=True))
        except _Row.DoesNotExist:
            raise NotFound("there is no such order") from None

    def by_id(self, order_id: str) -> Order:
        for row in _Row.query(
            _pk(order_id), _Row.sk.startswith("HEAD#"), consistent_read=True, limit=1
        ):
            return _order(row)
        raise NotFound("there is no such order")

    def name(self, order_id: str) -> str:
        return _pk(order_id)

    def placing(self, order: Order, events: Sequence[Event]) -> Part:
        row = _row(order, events)
        return lambda writes: writes.save(row, _Row.pk.does_not_exist())

    def changing(self, before: Order, after: Order, events: Sequence[Event]) -> Part:
        row = _row(replace(after, version=before.version + 1), events)
        unchanged = _Row.version == before.version
        return lambda writes: writes.save(row, unchanged)

    def save(self, before: Order, after: Order, events: Sequence[Event]) -> Order:
        saved = replace(after, version=before.version + 1)
        try:
            _row(saved, events).save(_Row.version == before.version)
        except PutError as error:
            if error.cause_response_code in (
                "ConditionalCheckFailedException",
                "TransactionConflictException",
            ):
                raise Stale("somebody else changed this order meanwhile") from None
            raise
        return saved

    def of_customer(self, customer: str, *, cursor: str | None, limit: int) -> Page[Summary]:
        found = _Row.by_owner.query(
            customer,
            scan_index_forward=False,
            limit=limit,
            last_evaluated_key=_index_key(from_cursor(cursor)),
        )
        items = tuple(_summary(row) for row in found)
        return Page(items, to_cursor(_plain_key(found.last_evaluated_key)))

    def placed_on(
        self, day: str, *, status: Status | None, cursor: str | None, limit: int
    ) -> Page[Summary]:
        before = (from_cursor(cursor) or {}).get("before")
        below = None if before is None else _ByDay.placed_key < str(before)
        wanted = None if status is None else _ByDay.status == status.value
        shards = [
            _Row.by_day.query(
                f"{day}#{shard:02d}", below, wanted, scan_index_forward=False, page_size=limit + 1
            )
            for shard in range(SHARDS)
        ]
        newest: Iterator[Any] = heapq.merge(*shards, key=lambda r: r.placed_key, reverse=True)
        rows = [row for _, row in zip(range(limit + 1), newest, strict=False)]
        more = len(rows) > limit
        rows = rows[:limit]
        following = to_cursor({"before": rows[-1].placed_key}) if more else None
        return Page(tuple(_summary(row) for row in rows), following)

    def overdue(self, at: datetime, most: int) -> Sequence[str]:
        # Each shard is read up to now; of that only what is unpaid comes back.
        shards = (
            _Row.by_day.query(
                f"{day:%Y-%m-%d}#{shard:02d}",
                _ByDay.placed_key < _instant(at),
                _ByDay.status == Status.PLACED.value,
            )
            for day in (at.astimezone(UTC) - timedelta(days=1), at.astimezone(UTC))
            for shard in range(SHARDS)
        )
        due = int(at.timestamp())
        rows = [
            row
            for shard in shards
            for row in islice((r for r in shard if r.summary["pay_by"] <= due), most)
        ]
        rows.sort(key=lambda row: row.placed_key)
        return [_summary(row).id for row in rows[:most]]

    def parcel(self, carrier: str, tracking_number: str) -> tuple[str, str]:
        try:
            row = _Track.get(_track(carrier, tracking_number), "PARCEL", consistent_read=True)
        except _Track.DoesNotExist:
            raise NotFound("no parcel of ours has this tracking number") from None
        return row.order_id, row.parcel_id

    def tracking(self, carrier: str, tracking_number: str, order_id: str, parcel_id: str) -> Part:
        row = _Track(
            _track(carrier, tracking_number), "PARCEL", order_id=order_id, parcel_id=parcel_id
        )
        return lambda writes: writes.save(row, _Track.pk.does_not_exist())

    def tracking_name(self, carrier: str, tracking_number: str) -> str:
        """How a Clash names a tracking number."""
        return _track(carrier, tracking_number)


class DynamoWaits:
    """See :class:`shop.orders.ports.Waits`."""

    def wait(self, order_id: str, step: str, token: str, at: datetime) -> None:
        _Wait(_pk(order_id), f"WAIT#{step}", token=token, at=at.isoformat()).save()

    def tokens(self, order_id: str, steps: Iterable[str]) -> dict[str, str]:
        rows = _Wait.query(_pk(order_id), _Wait.sk.startswith("WAIT#"), consistent_read=True)
        waiting = {row.sk.removeprefix("WAIT#"): row.token for row in rows}
        return {step: waiting[step] for step in steps if step in waiting}


class DynamoLetters:
    """See :class:`shop.orders.ports.Letters`."""

    def taken(self, order_id: str, kind: str, at: datetime) -> bool:
        row = _Letter(_pk(order_id), f"LETTER#{kind}", taken_at=_instant(at))
        crashed = _Letter.sent_at.does_not_exist() & (_Letter.taken_at <= _instant(at - GIVEN_UP))
        try:
            row.save(_Letter.pk.does_not_exist() | crashed)
        except PutError as error:
            if error.cause_response_code != "ConditionalCheckFailedException":
                raise
            if _Letter.get(row.pk, row.sk, consistent_read=True).sent_at is not None:
                return False
            raise Unavailable("somebody else writes this letter just now") from None
        return True

    def sent(self, order_id: str, kind: str, at: datetime) -> None:
        row = _Letter(_pk(order_id), f"LETTER#{kind}")
        row.update([_Letter.sent_at.set(_instant(at))], condition=_Letter.pk.exists())


def _instant(at: datetime) -> str:
    """UTC with a fixed number of digits, so that text compares as time does."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def _pk(order_id: str) -> str:
    return f"ORDER#{order_id}"


def _track(carrier: str, number: str) -> str:
    return f"TRACK#{carrier.casefold()}#{number}"


def _index_key(key: dict[str, Any] | None) -> dict[str, Any] | None:
    return None if key is None else {name: {"S": str(value)} for name, value in key.items()}


def _plain_key(key: Mapping[str, Any] | None) -> dict[str, Any] | None:
    return None if not key else {name: value["S"] for name, value in key.items()}


def _summary(row: Any) -> Summary:
    placed_at, _, order_id = row.placed_key.partition("#")
    raw = row.summary
    return Summary(
        id=order_id,
        status=Status(row.status),
        placed_at=datetime.fromisoformat(placed_at),
        currency=raw["currency"],
        total=raw["total"],
        pieces=raw["pieces"],
        email=raw["email"],
    )


def _row(order: Order, events: Sequence[Event]) -> _Row:
    placed = order.placed_at.astimezone(UTC)
    shard = hashlib.sha256(order.id.encode()).digest()[0] % SHARDS
    return _Row(
        _pk(order.id),
        f"HEAD#{order.owner}",
        status=order.status.value,
        version=order.version,
        doc=_to_dict(order),
        summary={
            "currency": order.currency,
            "total": order.total,
            "pieces": sum(line.quantity for line in order.lines),
            "email": order.email,
            "pay_by": int(order.pay_by.timestamp()),
        },
        events=tuple(events),
        owner_key=None if order.owner == "guest" else order.owner,
        day_key=f"{placed:%Y-%m-%d}#{shard:02d}",
        placed_key=f"{_instant(placed)}#{order.id}",
    )


_PLAIN = [
    "id",
    "owner",
    "checkout_id",
    "currency",
    "subtotal",
    "discount",
    "shipping",
    "tax",
    "total",
    "tax_included",
    "email",
    "cancel_reason",
]


def _to_dict(order: Order) -> dict[str, Any]:
    return {
        **{name: getattr(order, name) for name in _PLAIN},
        "lines": [
            {k: v for k, v in asdict(line).items() if v not in (0, None)} for line in order.lines
        ],
        "buyer": dict(order.buyer),
        "destination": dict(order.destination),
        "shipping_option": dict(order.shipping_option),
        "payment": order.payment.to_dict(),
        "placed_at": order.placed_at.isoformat(),
        "pay_by": order.pay_by.isoformat(),
        "quote": dict(order.quote),
        "holds": [[h.sku, h.quantity, h.location, h.shard] for h in order.holds],
        "allocation": dict(order.allocation),
        "parcels": [
            {
                "id": p.id,
                "carrier": p.carrier,
                "number": p.tracking_number,
                "url": p.tracking_url,
                "lines": dict(p.lines),
                "at": p.shipped_at.isoformat(),
                "tracking": [[t.id, t.at.isoformat(), t.status.value, t.text] for t in p.tracking],
            }
            for p in order.parcels
        ],
        "history": [[m.at.isoformat(), m.what, m.who, m.why] for m in order.history],
    }


_LINE_ZEROS = {"unit_price": 0, "quantity": 0, "subtotal": 0, "discount": 0, "tax": 0, "total": 0}


def _order(row: _Row) -> Order:
    raw = row.doc
    return Order(
        **{name: raw[name] for name in _PLAIN},
        lines=tuple(OrderLine(**{**_LINE_ZEROS, **line}) for line in raw["lines"]),
        buyer=raw["buyer"],
        destination=raw["destination"],
        shipping_option=raw["shipping_option"],
        payment=Payment.from_dict(raw["payment"]),
        placed_at=datetime.fromisoformat(raw["placed_at"]),
        pay_by=datetime.fromisoformat(raw["pay_by"]),
        quote=raw["quote"],
        holds=tuple(Hold(*hold) for hold in raw["holds"]),
        allocation=raw["allocation"],
        status=Status(row.status),
        parcels=tuple(
            Parcel(
                id=p["id"],
                carrier=p["carrier"],
                tracking_number=p["number"],
                tracking_url=p["url"],
                lines=p["lines"],
                shipped_at=datetime.fromisoformat(p["at"]),
                tracking=tuple(
                    Tracking(id_, datetime.fromisoformat(at), ParcelStatus(status), text)
                    for id_, at, status, text in p["tracking"]
                ),
            )
            for p in raw["parcels"]
        ),
        history=tuple(
            Moment(datetime.fromisoformat(at), what, who, why)
            for at, what, who, why in raw["history"]
        ),
        version=int(row.version),
    )
