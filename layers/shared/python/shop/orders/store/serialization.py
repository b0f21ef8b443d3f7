"""An order as the document in its row, and back.

What the keys and plain attributes of the row say is not said again, what the quote repeats of the
order is left out of it, and so is what is empty: most orders then cost one write unit. Fields are
only ever added, those of a line at its end: a document without one reads as its default.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from shop.inventory.model import MAIN_LOCATION, Reservation
from shop.kernel.usage import UsageReservation
from shop.orders.model import (
    HistoryEntry,
    Order,
    OrderLine,
    OrderStatus,
    Shipment,
    ShipmentStatus,
    TrackingEvent,
)
from shop.payments.model import Payment

_PLAIN = (
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
    "buyer",
    "destination",
    "shipping_option",
    "allocation",
)
_IN_QUOTE = ("currency", "subtotal", "discount", "shipping", "tax", "total", "tax_included")
_IN_QUOTE_LINE = {
    "id": "id",
    "price": "unit_price",
    "quantity": "quantity",
    "subtotal": "subtotal",
    "total": "total",
}
"""What a line of the quote calls a field, and what the order's line does."""
_LINE = (
    "id",
    "product_id",
    "variant_id",
    "sku",
    "title",
    "image_url",
    "unit_price",
    "quantity",
    "subtotal",
    "total",
    "tax",
    "discount",
    "shipped",
    "delivered",
    "cancelled",
    "returned",
    "parts",
    "ships_from",
)
"""The place of each field in a stored line: never changed, only added to."""
_EMPTY: tuple[Any, ...] = (None, {}, [])


def to_document(order: Order) -> dict[str, Any]:
    """The order without its id, owner, status and version."""
    document: dict[str, Any] = {name: getattr(order, name) for name in _PLAIN}
    document |= {
        "quote": _quote_out(order),
        "lines": [_line_out(line) for line in order.lines],
        "parcels": [_parcel_out(parcel) for parcel in order.shipments],
        "placed_at": order.placed_at.isoformat(),
        "pay_by": order.pay_by.isoformat(),
        "reservations": encode_reservations(order.reservations),
        "usage": [count.to_list() for count in order.usage],
        "group_buy": order.group_buy,
        "group_succeeded": order.group_succeeded or None,
        **({"credits": [list(credit) for credit in order.credits]} if order.credits else {}),
        "history": [[m.at.isoformat(), m.event, m.actor, m.reason] for m in order.history],
        "payment": order.payment.to_dict(),
    }
    return {name: value for name, value in document.items() if value not in _EMPTY}


def from_document(
    document: dict[str, Any], *, order_id: str, owner: str, status: str, version: int
) -> Order:
    """The order that :func:`to_document` wrote."""
    raw = {"cancel_reason": None, "allocation": {}} | document
    lines = tuple(_line_in(line) for line in raw["lines"])
    return Order(
        id=order_id,
        owner=owner,
        status=OrderStatus(status),
        version=version,
        **{name: raw.get(name, {}) for name in _PLAIN},
        lines=lines,
        quote=_quote_in(raw, lines),
        shipments=tuple(_parcel_in(parcel) for parcel in raw.get("parcels", ())),
        placed_at=datetime.fromisoformat(raw["placed_at"]),
        pay_by=datetime.fromisoformat(raw["pay_by"]),
        reservations=decode_reservations(raw.get("reservations", ())),
        usage=tuple(UsageReservation.from_list(told) for told in raw.get("usage", ())),
        group_buy=raw.get("group_buy"),
        group_succeeded=raw.get("group_succeeded", False),
        credits=tuple((account, amount, id_) for account, amount, id_ in raw.get("credits", ())),
        history=tuple(
            HistoryEntry(datetime.fromisoformat(at), what, who, why)
            for at, what, who, why in raw.get("history", ())
        ),
        payment=Payment.from_dict(raw["payment"]),
    )


def _line_out(line: OrderLine) -> list[Any]:
    row = [getattr(line, name) for name in _LINE]
    while row[-1] in (0, None, ()):
        row.pop()
    return row


def _line_in(row: Sequence[Any]) -> OrderLine:
    known = dict(zip(_LINE, row, strict=False))
    known["parts"] = tuple((sku, units) for sku, units in known.get("parts", ()))
    return OrderLine(**{"discount": 0, "tax": 0, "total": 0, "subtotal": 0, "quantity": 0, **known})


def _quote_out(order: Order) -> dict[str, Any]:
    """The quote without what the order says as well, and says alike."""
    quote = dict(order.quote)
    for name in _IN_QUOTE:
        if name in quote and quote[name] == getattr(order, name):
            del quote[name]
    mine = {line.id: line for line in order.lines}
    if "lines" in quote and [line["id"] for line in quote["lines"]] == list(mine):
        quote["lines"] = [_quote_line_out(line, mine[line["id"]]) for line in quote["lines"]]
    return quote


def _quote_line_out(line: Mapping[str, Any], mine: OrderLine) -> dict[str, Any]:
    said = {name: getattr(mine, own) for name, own in _IN_QUOTE_LINE.items()}
    return {k: v for k, v in line.items() if k not in said or v != said[k]}


def _quote_in(raw: Mapping[str, Any], mine: Sequence[OrderLine]) -> dict[str, Any]:
    if "quote" not in raw:
        return {}
    quote = {**{name: raw[name] for name in _IN_QUOTE}, **raw["quote"]}
    if len(quote.get("lines", ())) == len(mine):
        quote["lines"] = [
            {**{name: getattr(line, own) for name, own in _IN_QUOTE_LINE.items()}, **told}
            for told, line in zip(quote["lines"], mine, strict=True)
        ]
    return quote


def encode_reservations(reservations: Sequence[Reservation]) -> list[Sequence[str | int]]:
    """Holds as documents keep them."""
    return [_hold_out(hold) for hold in reservations]


def decode_reservations(raw: Sequence[Sequence[Any]]) -> tuple[Reservation, ...]:
    """What :func:`holds_out` wrote."""
    return tuple(Reservation(*hold) for hold in raw)


def _hold_out(reservation: Reservation) -> Sequence[str | int]:
    """SKU and pieces; where they are only when that is not where everything is."""
    if reservation.shard:
        return [reservation.sku, reservation.quantity, reservation.location, reservation.shard]
    if reservation.location != MAIN_LOCATION:
        return [reservation.sku, reservation.quantity, reservation.location]
    return [reservation.sku, reservation.quantity]


def _parcel_out(shipment: Shipment) -> dict[str, Any]:
    return {
        "id": shipment.id,
        "carrier": shipment.carrier,
        "number": shipment.tracking_number,
        "url": shipment.tracking_url,
        "lines": dict(shipment.lines),
        "at": shipment.shipped_at.isoformat(),
        "tracking": [[t.id, t.at.isoformat(), t.status.value, t.text] for t in shipment.tracking],
        **({} if shipment.location == MAIN_LOCATION else {"location": shipment.location}),
    }


def _parcel_in(raw: dict[str, Any]) -> Shipment:
    return Shipment(
        id=raw["id"],
        carrier=raw["carrier"],
        tracking_number=raw["number"],
        tracking_url=raw["url"],
        lines=raw["lines"],
        shipped_at=datetime.fromisoformat(raw["at"]),
        tracking=tuple(
            TrackingEvent(name, datetime.fromisoformat(at), ShipmentStatus(status), text)
            for name, at, status, text in raw["tracking"]
        ),
        location=raw.get("location", MAIN_LOCATION),
    )
