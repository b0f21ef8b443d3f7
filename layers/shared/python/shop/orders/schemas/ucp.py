"""The JSON of an order in UCP's terms (``shopping/order.json``)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from shop.kernel.frozen import frozen
from shop.kernel.money import Money
from shop.orders.model import HistoryEntry, Order, OrderLine, OrderRefund, OrderStatus, Shipment
from shop.orders.model.shipments import MANUAL_CARRIER

if TYPE_CHECKING:
    from shop.pricing.model.quote import Quote
    from shop.pricing.model.quote_lines import AppliedDiscount

ADDRESS_FIELDS = (
    "extended_address",
    "street_address",
    "address_locality",
    "address_region",
    "address_country",
    "postal_code",
    "first_name",
    "last_name",
    "phone_number",
)
BUYER_REASONS: Mapping[str, str] = {
    "payment_expired": "Not paid in time",
    "payment_cancelled": "The payment was cancelled",
    "checkout_canceled": "The checkout was canceled",
    "not_shipped": "Could not be shipped in time",
    "not_delivered": "Not delivered in time",
    "lost": "Lost in transit",
    "returned_to_sender": "Returned to the sender undelivered",
}
"""Texts for buyers, by reason. Every other reason is shown as stored."""


def order_view(order: Order, shop_url: str) -> dict[str, Any]:
    """Return an order as ``shopping/order.json``, without the envelope.

    ``totals`` are the amounts at placement. Each later change of them is an adjustment.
    """
    # Only these amounts need the quote, which is slow to load and to decode.
    has_details = order.discount or order.tax or order.buyer.tax_id
    quote = order.placed_quote if has_details else None
    discounts = {line.id: line.discounts for line in quote.lines} if quote else {}
    view = {
        "id": order.id,
        "checkout_id": order.checkout_id,
        "permalink_url": f"{shop_url}/orders/{order.id}",
        "currency": order.currency,
        "line_items": [_line_view(line, discounts.get(line.id, ())) for line in order.lines],
        "fulfillment": {
            "expectations": list(_expectations(order)),
            "events": sorted(
                [*_events(order), *_return_events(order)], key=lambda event: event["occurred_at"]
            ),
        },
        "adjustments": list(_adjustments(order)),
        "totals": _totals(order, quote),
    }
    if quote is not None and quote.reverse_charge:
        notice = _reverse_charge_notice()
        view["messages"] = [{"type": "info", "code": "reverse_charge", "content": notice}]
    return view


def _reverse_charge_notice() -> str:
    from shop.pricing.model.quote import REVERSE_CHARGE_NOTICE  # lazy: few orders need it

    return REVERSE_CHARGE_NOTICE


def reason_text(reason: str) -> str:
    """Return the text that a buyer reads for a reason."""
    return BUYER_REASONS.get(reason, reason.replace("_", " "))


def _line_view(line: OrderLine, discounts: "Sequence[AppliedDiscount]") -> dict[str, Any]:
    item: dict[str, Any] = {"id": line.variant_id, "title": line.title, "price": line.unit_price}
    if line.image_url:
        item["image_url"] = line.image_url
    totals = [{"type": "subtotal", "amount": line.subtotal}]
    if discounts:
        totals += [
            {"type": "items_discount", **_discount_view(*entry)}
            for entry in _discounts_by_title(discounts)
        ]
    elif line.discount:
        totals.append({"type": "items_discount", "amount": -line.discount})
    totals.append({"type": "total", "amount": line.total})
    return {
        "id": line.id,
        "item": item,
        "quantity": {
            "original": line.quantity,
            "total": line.active_quantity,
            "fulfilled": line.fulfilled,
        },
        "totals": totals,
        "status": _status(line),
    }


def _status(line: OrderLine) -> str:
    """Return UCP's status of a line: shipped pieces are fulfilled."""
    if line.active_quantity == 0:
        return "removed"
    if line.fulfilled >= line.active_quantity:
        return "fulfilled"
    return "partial" if line.fulfilled else "processing"


def _totals(order: Order, quote: "Quote | None") -> list[dict[str, Any]]:
    """Return the totals, with each discount and each tax rate as a line of its total."""
    totals: list[dict[str, Any]] = [
        {"type": "subtotal", "display_text": "Subtotal", "amount": order.subtotal}
    ]
    goods = order.discount - order.shipping_discount
    on_goods = [discount for line in quote.lines for discount in line.discounts] if quote else []
    on_shipping = quote.delivery.discounts if quote and quote.delivery else ()
    for kind, text, amount, discounts in (
        ("items_discount", "Discount", goods, on_goods),
        ("discount", "Shipping discount", order.shipping_discount, on_shipping),
    ):
        if amount:
            lines = [_discount_view(*entry) for entry in _discounts_by_title(discounts)]
            totals.append(_total_view(kind, text, -amount, lines))
    totals.append({"type": "fulfillment", "display_text": "Shipping", "amount": order.shipping})
    taxes = quote.taxes if quote else ()
    lines = [{"display_text": name, "amount": amount} for name, amount in taxes]
    text, parts = "Total", []
    if order.tax and order.tax_included:
        by_rate = ", ".join(f"{name} {Money(amount, order.currency)}" for name, amount in taxes)
        text = f"Total (includes tax of {Money(order.tax, order.currency)}"
        text += f": {by_rate})" if by_rate else ")"
        net = {"display_text": "Net", "amount": order.total - order.tax}
        parts = [net, *lines] if lines else []
    elif order.tax:
        totals.append(_total_view("tax", "Tax", order.tax, lines))
    totals.append(_total_view("total", text, order.total, parts))
    return totals


def _total_view(kind: str, text: str, amount: int, lines: list[dict[str, Any]]) -> dict[str, Any]:
    entry = {"type": kind, "display_text": text, "amount": amount}
    return {**entry, "lines": lines} if lines else entry


def _discounts_by_title(discounts: "Sequence[AppliedDiscount]") -> list[tuple[str, int]]:
    """Return the amount of each promotion by its title, in the order of the calculation."""
    sums: dict[str, int] = {}
    for discount in discounts:
        name = f"{discount.title} ({discount.code})" if discount.code else discount.title
        sums[name] = sums.get(name, 0) + discount.amount.minor
    return list(sums.items())


def _discount_view(name: str, amount: int) -> dict[str, Any]:
    return {"display_text": name, "amount": -amount}


def _expectations(order: Order) -> Iterator[dict[str, Any]]:
    """Yield the pieces in stock as one expectation, and inbound ones by their ship date."""
    inbound = order.inbound_quantities()
    ship_dates = {line.id: line.ships_from or "" for line in order.lines}
    in_stock = {line.id: line.active_quantity - inbound.get(line.id, 0) for line in order.lines}
    groups = [("now", in_stock)]
    for day in sorted({ship_dates[line_id] for line_id in inbound}):
        pieces = {line: count for line, count in inbound.items() if ship_dates[line] == day}
        groups.append((day, pieces))
    for number, (day, pieces) in enumerate(groups, start=1):
        if lines := _pieces_view(pieces):
            # A back-order without a ship date has no date here either.
            entry = {"fulfillable_on": _instant_of(day, order.ship_zone)} if day else {}
            yield {
                "id": f"exp_{number}",
                "line_items": lines,
                "method_type": "shipping",
                "destination": {
                    name: value
                    for name in ADDRESS_FIELDS
                    if (value := getattr(order.destination, name))
                },
                "description": (
                    _arrival_text(order) if day == "now" else "Ships when it is in stock"
                ),
                **entry,
            }


def _instant_of(day: str, zone: str) -> str:
    """Return the first instant of a ship date in the market's time zone; ``now`` stays."""
    if day == "now":
        return day
    from zoneinfo import ZoneInfo  # lazy: few orders have back-ordered pieces

    begin = datetime.fromisoformat(day).replace(tzinfo=ZoneInfo(zone))
    return begin.isoformat().replace("+00:00", "Z")


def _arrival_text(order: Order) -> str:
    option = order.shipping_option
    if order.status is OrderStatus.COMPLETED:
        return "Delivered"
    return f"{option.title}: arrives {option.earliest:%Y-%m-%d} to {option.latest:%Y-%m-%d}"


def carrier_name(order: Order, shipment: Shipment) -> str | None:
    """Return the carrier of a parcel in words for the buyer; ``None`` if it is unknown.

    A manual parcel is said to go with the carrier of the shipping option: no other is known.
    """
    offered = order.shipping_option.carrier.strip()
    if shipment.carrier not in (MANUAL_CARRIER, offered.casefold()):
        return shipment.carrier
    return offered if offered and offered.casefold() != MANUAL_CARRIER else None


def _events(order: Order) -> Iterator[dict[str, Any]]:
    for entry in order.history:
        if entry.event == "allocated":
            yield {
                "id": "processing",
                "occurred_at": entry.at.isoformat(),
                "type": "processing",
                "line_items": _pieces_view({line.id: line.quantity for line in order.lines}),
                "description": "Preparing to ship",
            }
    for shipment in order.shipments:
        shared: dict[str, Any] = {
            "line_items": _pieces_view(shipment.lines),
            "tracking_number": shipment.tracking_number,
        }
        carrier = carrier_name(order, shipment)
        if carrier is not None:
            shared["carrier"] = carrier
        if shipment.tracking_url:
            shared["tracking_url"] = shipment.tracking_url
        yield {
            "id": f"{shipment.id}.shipped",
            "occurred_at": shipment.shipped_at.isoformat(),
            "type": "shipped",
            **shared,
            "description": f"Handed over to {carrier or 'the carrier'}",
        }
        for event in shipment.tracking:
            yield {
                "id": f"{shipment.id}.{event.id}",
                "occurred_at": event.at.isoformat(),
                "type": event.status.value,
                **shared,
                "description": event.text or event.status.value.replace("_", " ").capitalize(),
            }


def _return_events(order: Order) -> Iterator[dict[str, Any]]:
    """Yield what came back, and what did not arrive although no carrier reported it."""
    for number, returned in enumerate(order.returns, 1):
        if returned.sent_back:
            kind, text = "returned", f"Returned: {returned.reason}"
        elif returned.reason == "not_delivered":
            kind, text = "undeliverable", reason_text(returned.reason)
        else:
            continue  # the parcel's own events show it
        yield {
            "id": f"return_{number}",
            "occurred_at": returned.at.isoformat(),
            "type": kind,
            "line_items": _pieces_view(returned.pieces),
            "description": text,
        }


def _adjustments(order: Order) -> Iterator[dict[str, Any]]:
    """Yield the cancellation, each return and any further refund; *pending* until refunded.

    Each amount is the value by which the order shrank, whether money or credits had paid it. A
    refund beyond that, made by staff at the provider, is an adjustment of its own.
    """
    status = "completed" if order.settled else "pending"
    removed: dict[str, int] = {}
    remaining, reduced = order.total, 0
    for entry in sorted(_reductions(order), key=lambda each: each.at):
        for line_id, count in entry.pieces.items():
            removed[line_id] = removed.get(line_id, 0) + count
        reduced += entry.amount
        after = max(0, order.value_without(removed) - reduced)
        adjustment = {
            "id": f"adj_{entry.name}",
            "type": entry.kind,
            "occurred_at": entry.at.isoformat(),
            "status": status,
            "totals": [{"type": "total", "amount": after - remaining, **entry.text}],
            "description": reason_text(entry.reason or "not_shipped"),
        }
        if entry.pieces:
            lines = {line: -count for line, count in entry.pieces.items()}
            adjustment["line_items"] = _pieces_view(lines)
        yield adjustment
        remaining = after
    payment = order.payment
    refunds = [entry for entry in payment.entries if entry.kind == "refunded"]
    beyond = payment.total_of("refunded") - max(payment.total_of("captured") - order.due, 0)
    if beyond > 0:
        yield {
            "id": "adj_refund",
            "type": "refund",
            "occurred_at": refunds[-1].at.isoformat(),
            "status": "completed",
            "totals": [{"type": "total", "amount": -beyond}],
            "description": "Refunded",
        }


@frozen
class _Reduction:
    """What reduced the value of an order: pieces by line id, or an amount.

    Of pieces, the amount is negative: the part of their value that was counted before.
    """

    name: str
    kind: str
    at: datetime
    reason: str
    pieces: Mapping[str, int] = field(default_factory=dict)
    amount: int = 0
    text: Mapping[str, str] = field(default_factory=dict)
    """``display_text`` of its total, if it has one."""


def _reductions(order: Order) -> Iterator[_Reduction]:
    """Yield all that reduced the order, each with its UCP type.

    Pieces that never arrived are refunded; only pieces that the buyer sent back are a return.
    """
    cancelled = _history_entry(order, ("cancelled", "partially cancelled"))
    pieces = {line.id: line.cancelled for line in order.lines}
    if cancelled is not None and any(pieces.values()):
        name = "cancellation"
        counted = -order.cancelled_outside
        yield _Reduction(name, name, cancelled.at, cancelled.reason, pieces, counted)
    unrecorded = {line.id: line.returned for line in order.lines}
    for number, returned in enumerate(order.returns, 1):
        for line_id, count in returned.pieces.items():
            unrecorded[line_id] -= count
        kind = "return" if returned.sent_back else "refund"
        name = f"return_{number}"
        # Money refunded outside the shop that an earlier refund counted is in its adjustment.
        counted = -returned.outside
        yield _Reduction(name, kind, returned.at, returned.reason, returned.pieces, counted)
    # Returns of older orders are in the history only.
    earlier = _history_entry(order, ("returned",))
    if earlier is not None and any(unrecorded.values()):
        yield _Reduction("return", "return", earlier.at, earlier.reason, unrecorded)
    for number, refund in enumerate(order.refunds, 1):
        name, amount = f"refund_{number}", refund.amount + refund.outside
        yield _Reduction(
            name,
            "refund",
            refund.at,
            refund.reason,
            amount=amount,
            text=_tax_text(refund, order.currency),
        )


def _tax_text(refund: OrderRefund, currency: str) -> dict[str, str]:
    taxes = [f"{each.name} {Money(each.tax, currency)}" for each in refund.taxes if each.tax]
    return {"display_text": f"Refund (includes {', '.join(taxes)})"} if taxes else {}


def _history_entry(order: Order, events: Sequence[str]) -> HistoryEntry | None:
    return next((entry for entry in order.history if entry.event in events), None)


def _pieces_view(lines: Mapping[str, int]) -> list[dict[str, Any]]:
    return [{"id": line_id, "quantity": pieces} for line_id, pieces in lines.items() if pieces]
