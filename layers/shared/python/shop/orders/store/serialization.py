"""Conversion between an order and the document in its item.

The document omits values that the item's keys and attributes contain, values of the quote that the
order repeats, and empty values. Most orders then cost one write unit (1 KB). Fields are only ever
added, those of a line at its end, so a document without a field reads as its default.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from shop.inventory.model import MAIN_LOCATION, Reservation
from shop.kernel.contacts import Buyer, PostalAddress
from shop.kernel.usage import UsageReservation
from shop.orders.model import (
    Condition,
    HistoryEntry,
    Order,
    OrderCredit,
    OrderLine,
    OrderRefund,
    OrderReturn,
    OrderShippingOption,
    OrderStatus,
    PlacedQuote,
    ReturnedPieces,
    Shipment,
    ShipmentStatus,
    TaxShare,
    TrackingEvent,
)
from shop.payments.model import Payment

_PLAIN_FIELDS = (
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
)
_QUOTE_FIELDS = ("currency", "subtotal", "discount", "shipping", "tax", "total", "tax_included")
_QUOTE_LINE_FIELDS = {
    "id": "id",
    "price": "unit_price",
    "quantity": "quantity",
    "subtotal": "subtotal",
    "total": "total",
}
"""Field of a quote line → field of the order line with the same value."""
_LINE_FIELDS = (
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
"""Position of each field in a stored line: append only, never reorder."""
_EMPTY_VALUES: tuple[Any, ...] = (None, {}, [])


def to_document(order: Order) -> dict[str, Any]:
    """Return the order's document, without id, owner, status and version."""
    document: dict[str, Any] = {name: getattr(order, name) for name in _PLAIN_FIELDS}
    document |= {
        "buyer": order.buyer.to_dict(),
        "destination": order.destination.to_dict(),
        "shipping_option": order.shipping_option.to_dict(),
        "allocation": dict(order.allocation),
        "quote": _encode_quote(order),
        "lines": [_encode_line(line) for line in order.lines],
        "shipments": [_encode_shipment(each) for each in order.shipments],
        "placed_at": order.placed_at.isoformat(),
        "pay_by": order.pay_by.isoformat(),
        "returns": [_encode_return(each) for each in order.returns],
        "refunds": [_encode_refund(each) for each in order.refunds],
        "cancelled_taxes": _encode_taxes(order.cancelled_taxes),
        "cancelled_outside": order.cancelled_outside or None,
        "reservations": encode_reservations(order.reservations),
        "usage": [count.to_list() for count in order.usage],
        "group_buy": order.group_buy,
        "ship_zone": order.ship_zone if order.ship_zone != "UTC" else None,
        "group_succeeded": order.group_succeeded or None,
        "credits": [[used.account, used.amount, used.instrument_id] for used in order.credits],
        "history": [[m.at.isoformat(), m.event, m.actor, m.reason] for m in order.history],
        "payment": order.payment.to_dict(),
    }
    return {name: value for name, value in document.items() if value not in _EMPTY_VALUES}


def from_document(
    document: dict[str, Any], *, order_id: str, owner: str, status: str, version: int
) -> Order:
    """Return the order of a document; the arguments come from the item's other attributes."""
    lines = tuple(_decode_line(line) for line in document["lines"])
    plain: dict[str, Any] = {name: document.get(name) for name in _PLAIN_FIELDS}
    return Order(
        id=order_id,
        owner=owner,
        status=OrderStatus(status),
        version=version,
        **plain,
        buyer=Buyer.from_dict(document.get("buyer", {})),
        destination=PostalAddress.from_dict(document.get("destination", {})),
        shipping_option=OrderShippingOption.from_dict(document["shipping_option"]),
        allocation=document.get("allocation", {}),
        lines=lines,
        quote=_decode_quote(document, lines),
        shipments=tuple(_decode_shipment(each) for each in document.get("shipments", ())),
        returns=tuple(_decode_return(each) for each in document.get("returns", ())),
        refunds=tuple(_decode_refund(each) for each in document.get("refunds", ())),
        cancelled_taxes=_decode_taxes(document.get("cancelled_taxes", ())),
        cancelled_outside=document.get("cancelled_outside", 0),
        placed_at=datetime.fromisoformat(document["placed_at"]),
        pay_by=datetime.fromisoformat(document["pay_by"]),
        reservations=decode_reservations(document.get("reservations", ())),
        usage=tuple(UsageReservation.from_list(count) for count in document.get("usage", ())),
        group_buy=document.get("group_buy"),
        ship_zone=document.get("ship_zone", "UTC"),
        group_succeeded=document.get("group_succeeded", False),
        credits=tuple(OrderCredit(*values) for values in document.get("credits", ())),
        history=tuple(
            HistoryEntry(datetime.fromisoformat(at), event, actor, reason)
            for at, event, actor, reason in document.get("history", ())
        ),
        payment=Payment.from_dict(document["payment"]),
    )


def _encode_line(line: OrderLine) -> list[Any]:
    row = [getattr(line, name) for name in _LINE_FIELDS]
    # Trailing defaults are omitted; decoding fills them in again.
    while row[-1] in (0, None, ()):
        row.pop()
    return row


def _decode_line(row: Sequence[Any]) -> OrderLine:
    known = dict(zip(_LINE_FIELDS, row, strict=False))
    known["parts"] = tuple((sku, units) for sku, units in known.get("parts", ()))
    return OrderLine(**{"discount": 0, "tax": 0, "total": 0, "subtotal": 0, "quantity": 0, **known})


def _encode_quote(order: Order) -> dict[str, Any]:
    """Return the quote without the values that the order repeats."""
    if order.quote is None:
        return {}
    quote = dict(order.quote.values)
    for name in _QUOTE_FIELDS:
        if name in quote and quote[name] == getattr(order, name):
            del quote[name]
    # Line by line only if both have the same lines in one order: decoding pairs them by position.
    order_lines = {line.id: line for line in order.lines}
    if "lines" in quote and [line["id"] for line in quote["lines"]] == list(order_lines):
        quote["lines"] = [
            _encode_quote_line(line, order_lines[line["id"]]) for line in quote["lines"]
        ]
    return quote


def _encode_quote_line(line: Mapping[str, Any], order_line: OrderLine) -> dict[str, Any]:
    repeated = _repeated_values(order_line)
    return {k: v for k, v in line.items() if k not in repeated or v != repeated[k]}


def _repeated_values(line: OrderLine) -> dict[str, Any]:
    """Return the values of a quote line as its order line has them."""
    return {name: getattr(line, field) for name, field in _QUOTE_LINE_FIELDS.items()}


def _decode_quote(raw: Mapping[str, Any], lines: Sequence[OrderLine]) -> PlacedQuote | None:
    if "quote" not in raw:
        return None
    quote = {**{name: raw[name] for name in _QUOTE_FIELDS}, **raw["quote"]}
    if len(quote.get("lines", ())) == len(lines):
        quote["lines"] = [
            {**_repeated_values(line), **stored}
            for stored, line in zip(quote["lines"], lines, strict=True)
        ]
    return PlacedQuote(quote)


def encode_reservations(reservations: Sequence[Reservation]) -> list[Sequence[str | int]]:
    """Return reservations as stored; :func:`decode_reservations` is the inverse."""
    return [_encode_reservation(each) for each in reservations]


def decode_reservations(raw: Sequence[Sequence[Any]]) -> tuple[Reservation, ...]:
    return tuple(Reservation(*values) for values in raw)


def _encode_reservation(reservation: Reservation) -> Sequence[str | int]:
    """Return SKU and units; location and shard only if they are not the defaults."""
    if reservation.shard:
        return [reservation.sku, reservation.quantity, reservation.location, reservation.shard]
    if reservation.location != MAIN_LOCATION:
        return [reservation.sku, reservation.quantity, reservation.location]
    return [reservation.sku, reservation.quantity]


def _encode_shipment(shipment: Shipment) -> dict[str, Any]:
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


def _decode_shipment(raw: dict[str, Any]) -> Shipment:
    return Shipment(
        id=raw["id"],
        carrier=raw["carrier"],
        tracking_number=raw["number"],
        tracking_url=raw["url"],
        lines=raw["lines"],
        shipped_at=datetime.fromisoformat(raw["at"]),
        tracking=tuple(
            TrackingEvent(event_id, datetime.fromisoformat(at), ShipmentStatus(status), text)
            for event_id, at, status, text in raw["tracking"]
        ),
        location=raw.get("location", MAIN_LOCATION),
    )


def _encode_return(returned: OrderReturn) -> dict[str, Any]:
    return {
        "at": returned.at.isoformat(),
        "reason": returned.reason,
        "lines": {
            line_id: [line.pieces, line.condition and line.condition.value, line.location]
            for line_id, line in returned.lines.items()
        },
        **({} if returned.sent_back else {"sent_back": False}),
        **({"taxes": _encode_taxes(returned.taxes)} if returned.taxes else {}),
        **({"outside": returned.outside} if returned.outside else {}),
    }


def _decode_return(raw: dict[str, Any]) -> OrderReturn:
    return OrderReturn(
        datetime.fromisoformat(raw["at"]),
        raw["reason"],
        {
            line_id: ReturnedPieces(pieces, Condition(condition) if condition else None, location)
            for line_id, (pieces, condition, location) in raw["lines"].items()
        },
        raw.get("sent_back", True),
        _decode_taxes(raw.get("taxes", ())),
        raw.get("outside", 0),
    )


def _encode_refund(refund: OrderRefund) -> dict[str, Any]:
    return {
        "at": refund.at.isoformat(),
        "amount": refund.amount,
        "reason": refund.reason,
        "taxes": _encode_taxes(refund.taxes),
        **({"outside": refund.outside} if refund.outside else {}),
        **({"outside_taxes": _encode_taxes(refund.outside_taxes)} if refund.outside_taxes else {}),
    }


def _decode_refund(raw: dict[str, Any]) -> OrderRefund:
    return OrderRefund(
        datetime.fromisoformat(raw["at"]),
        raw["amount"],
        raw["reason"],
        _decode_taxes(raw["taxes"]),
        raw.get("outside", 0),
        _decode_taxes(raw.get("outside_taxes", ())),
    )


def _encode_taxes(taxes: Sequence[TaxShare]) -> list[list[Any]]:
    return [[share.name, share.amount, share.tax] for share in taxes]


def _decode_taxes(raw: Sequence[Sequence[Any]]) -> tuple[TaxShare, ...]:
    return tuple(TaxShare(*share) for share in raw)
