"""An order as the document in its row, and back.

What the keys and plain attributes of the row say is not said again, and what is empty is left out.
Fields are only ever added: a document without one reads as its default.
"""

from collections.abc import Sequence
from dataclasses import MISSING, fields
from datetime import datetime
from typing import Any

from shop.inventory.model import MAIN, Hold
from shop.orders.model import Moment, Order, OrderLine, Parcel, ParcelStatus, Status, Tracking
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
    "quote",
    "allocation",
)
_EMPTY: tuple[Any, ...] = (None, {}, [])


def to_document(order: Order) -> dict[str, Any]:
    """The order without its id, owner, status and version."""
    document: dict[str, Any] = {name: getattr(order, name) for name in _PLAIN}
    document |= {
        "lines": [_line_out(line) for line in order.lines],
        "parcels": [_parcel_out(parcel) for parcel in order.parcels],
        "placed_at": order.placed_at.isoformat(),
        "pay_by": order.pay_by.isoformat(),
        "holds": [_hold_out(hold) for hold in order.holds],
        "history": [[m.at.isoformat(), m.what, m.who, m.why] for m in order.history],
        "payment": order.payment.to_dict(),
    }
    return {name: value for name, value in document.items() if value not in _EMPTY}


def from_document(
    document: dict[str, Any], *, order_id: str, owner: str, status: str, version: int
) -> Order:
    """The order that :func:`to_document` wrote."""
    raw = {"cancel_reason": None, "quote": {}, "allocation": {}} | document
    return Order(
        id=order_id,
        owner=owner,
        status=Status(status),
        version=version,
        **{name: raw.get(name, {}) for name in _PLAIN},
        lines=tuple(OrderLine(**{**_LINE_DEFAULTS, **line}) for line in raw["lines"]),
        parcels=tuple(_parcel_in(parcel) for parcel in raw.get("parcels", ())),
        placed_at=datetime.fromisoformat(raw["placed_at"]),
        pay_by=datetime.fromisoformat(raw["pay_by"]),
        holds=tuple(Hold(*hold) for hold in raw.get("holds", ())),
        history=tuple(
            Moment(datetime.fromisoformat(at), what, who, why)
            for at, what, who, why in raw.get("history", ())
        ),
        payment=Payment.from_dict(raw["payment"]),
    )


_LINE_DEFAULTS: dict[str, Any] = {
    each.name: 0 if each.default is MISSING else each.default for each in fields(OrderLine)
}


def _line_out(line: OrderLine) -> dict[str, Any]:
    return {k: v for k, v in vars(line).items() if v != _LINE_DEFAULTS[k]}


def _hold_out(hold: Hold) -> Sequence[str | int]:
    """SKU and pieces; where they are only when that is not where everything is."""
    if hold.shard:
        return [hold.sku, hold.quantity, hold.location, hold.shard]
    if hold.location != MAIN:
        return [hold.sku, hold.quantity, hold.location]
    return [hold.sku, hold.quantity]


def _parcel_out(parcel: Parcel) -> dict[str, Any]:
    return {
        "id": parcel.id,
        "carrier": parcel.carrier,
        "number": parcel.tracking_number,
        "url": parcel.tracking_url,
        "lines": dict(parcel.lines),
        "at": parcel.shipped_at.isoformat(),
        "tracking": [[t.id, t.at.isoformat(), t.status.value, t.text] for t in parcel.tracking],
    }


def _parcel_in(raw: dict[str, Any]) -> Parcel:
    return Parcel(
        id=raw["id"],
        carrier=raw["carrier"],
        tracking_number=raw["number"],
        tracking_url=raw["url"],
        lines=raw["lines"],
        shipped_at=datetime.fromisoformat(raw["at"]),
        tracking=tuple(
            Tracking(name, datetime.fromisoformat(at), ParcelStatus(status), text)
            for name, at, status, text in raw["tracking"]
        ),
    )
