"""An order in UCP's words (``shopping/order.json``): what was sold, where it is, what changed."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from shop.kernel.money import Money
from shop.orders.model import HistoryEntry, Order, OrderLine, OrderStatus

if TYPE_CHECKING:
    from shop.pricing.model.quote import AppliedDiscount, Quote

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
    "checkout_canceled": "The checkout was left",
    "not_shipped": "Could not be shipped in time",
    "not_delivered": "Never arrived",
    "lost": "Lost on the way",
    "returned_to_sender": "Sent back undelivered",
}
"""Reasons in words a buyer reads; a reason that is not here is read as it is written."""


def order_view(order: Order, shop_url: str) -> dict[str, Any]:
    """An order as ``shopping/order.json``, without the envelope.

    ``totals`` are what was sold; ``adjustments`` say what was taken off it since.
    """
    explained = order.discount or order.tax or order.buyer.get("tax_id")
    quote = order.placed_quote if explained else None
    reduced = {line.id: line.discounts for line in quote.lines} if quote else {}
    view = {
        "id": order.id,
        "checkout_id": order.checkout_id,
        "permalink_url": f"{shop_url}/orders/{order.id}",
        "currency": order.currency,
        "line_items": [_line(line, reduced.get(line.id, ())) for line in order.lines],
        "fulfillment": {
            "expectations": list(_expectations(order)),
            "events": sorted(_events(order), key=lambda event: event["occurred_at"]),
        },
        "adjustments": list(_adjustments(order)),
        "totals": _totals(order, quote),
    }
    if quote is not None and quote.reverse_charge:
        view["messages"] = [{"type": "info", "code": "reverse_charge", "content": _reversed()}]
    return view


def _reversed() -> str:
    from shop.pricing.model.quote import (
        REVERSE_CHARGE_NOTICE,  # lazy: most orders need no notice
    )

    return REVERSE_CHARGE_NOTICE


def reason_text(reason: str) -> str:
    """A reason in words."""
    return BUYER_REASONS.get(reason, reason.replace("_", " "))


def _line(line: OrderLine, discounts: "Sequence[AppliedDiscount]") -> dict[str, Any]:
    item: dict[str, Any] = {"id": line.variant_id, "title": line.title, "price": line.unit_price}
    if line.image_url:
        item["image_url"] = line.image_url
    totals = [{"type": "subtotal", "amount": line.subtotal}]
    if discounts:
        totals += [
            {"type": "items_discount", **_reduction(*reduction)}
            for reduction in _by_title(discounts)
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
            "fulfilled": min(line.shipped, line.active_quantity),
        },
        "totals": totals,
        "status": _status(line),
    }


def _status(line: OrderLine) -> str:
    """Derived as the specification says; what left the house is fulfilled."""
    if line.active_quantity == 0:
        return "removed"
    if line.shipped >= line.active_quantity:
        return "fulfilled"
    return "partial" if line.shipped else "processing"


def _totals(order: Order, quote: "Quote | None") -> list[dict[str, Any]]:
    """The order's sums; each reduction and each rate of tax stands below its sum by name."""
    totals: list[dict[str, Any]] = [
        {"type": "subtotal", "display_text": "Subtotal", "amount": order.subtotal}
    ]
    goods = order.discount - order.shipping_discount
    off_goods = [taken for line in quote.lines for taken in line.discounts] if quote else []
    off_shipping = quote.delivery.discounts if quote and quote.delivery else ()
    for kind, text, amount, discounts in (
        ("items_discount", "Discount", goods, off_goods),
        ("discount", "Shipping discount", order.shipping_discount, off_shipping),
    ):
        if amount:
            lines = [_reduction(*reduction) for reduction in _by_title(discounts)]
            totals.append(_sum(kind, text, -amount, lines))
    totals.append({"type": "fulfillment", "display_text": "Shipping", "amount": order.shipping})
    text = "Total"
    if order.tax and order.tax_included:
        named = ", ".join(
            f"{name} {Money(amount, order.currency)}" for name, amount in _taxes(quote)
        )
        text = f"Total (includes tax of {Money(order.tax, order.currency)}"
        text += f": {named})" if named else ")"
    elif order.tax:
        lines = [{"display_text": name, "amount": amount} for name, amount in _taxes(quote)]
        totals.append(_sum("tax", "Tax", order.tax, lines))
    totals.append({"type": "total", "display_text": text, "amount": order.total})
    return totals


def _sum(kind: str, text: str, amount: int, lines: list[dict[str, Any]]) -> dict[str, Any]:
    total = {"type": kind, "display_text": text, "amount": amount}
    return {**total, "lines": lines} if lines else total


def _by_title(discounts: "Sequence[AppliedDiscount]") -> list[tuple[str, int]]:
    """What each promotion took off, by the name a buyer knows it under, in the order of work."""
    sums: dict[str, int] = {}
    for taken in discounts:
        name = f"{taken.title} ({taken.code})" if taken.code else taken.title
        sums[name] = sums.get(name, 0) + taken.amount.minor
    return list(sums.items())


def _reduction(name: str, amount: int) -> dict[str, Any]:
    return {"display_text": name, "amount": -amount}


def _taxes(quote: "Quote | None") -> list[tuple[str, int]]:
    """Tax by its name and rate."""
    if quote is None:
        return []
    sums: dict[str, int] = {}
    charges = [line.tax for line in quote.lines]
    if quote.delivery is not None:
        charges.append(quote.delivery.tax)
    for tax in charges:
        if tax.amount.minor:
            name = f"{tax.name or 'tax'} {tax.rate / 10_000:g} %"
            sums[name] = sums.get(name, 0) + tax.amount.minor
    return list(sums.items())


def _expectations(order: Order) -> Iterator[dict[str, Any]]:
    late = order.inbound_quantities()
    when = {line.id: line.ships_from for line in order.lines}
    soon = {line.id: line.active_quantity - late.get(line.id, 0) for line in order.lines}
    days = sorted({when[line_id] or "" for line_id in late})
    parted = [("now", soon), *((day, _of_day(late, when, day)) for day in days)]
    for number, (day, pieces) in enumerate(parted, start=1):
        if lines := _pieces(pieces):
            date_field = (
                {"fulfillable_on": day if day == "now" else f"{day}T00:00:00Z"} if day else {}
            )
            yield {
                "id": f"exp_{number}",
                "line_items": lines,
                "method_type": "shipping",
                "destination": {
                    name: order.destination[name]
                    for name in ADDRESS_FIELDS
                    if order.destination.get(name)
                },
                "description": _promise(order) if day == "now" else "Ships when it has come",
                **date_field,
            }


def _of_day(late: Mapping[str, int], when: Mapping[str, str | None], day: str) -> dict[str, int]:
    return {line_id: pieces for line_id, pieces in late.items() if (when[line_id] or "") == day}


def _promise(order: Order) -> str:
    option = order.shipping_option
    if order.status is OrderStatus.COMPLETED:
        return "Delivered"
    title = str(option.get("title", "Shipping"))
    if "earliest" not in option or "latest" not in option:
        return title
    earliest, latest = (datetime.fromisoformat(option[end]) for end in ("earliest", "latest"))
    return f"{title}: arrives {earliest:%Y-%m-%d} to {latest:%Y-%m-%d}"


def _events(order: Order) -> Iterator[dict[str, Any]]:
    for moment in order.history:
        if moment.event == "allocated":
            yield {
                "id": "processing",
                "occurred_at": _instant(moment.at),
                "type": "processing",
                "line_items": _pieces({line.id: line.quantity for line in order.lines}),
                "description": "Preparing to ship",
            }
    for parcel in order.shipments:
        shared: dict[str, Any] = {
            "line_items": _pieces(parcel.lines),
            "tracking_number": parcel.tracking_number,
            "carrier": parcel.carrier,
        }
        if parcel.tracking_url:
            shared["tracking_url"] = parcel.tracking_url
        yield {
            "id": f"{parcel.id}.shipped",
            "occurred_at": _instant(parcel.shipped_at),
            "type": "shipped",
            **shared,
            "description": f"Handed to {parcel.carrier}",
        }
        for heard in parcel.tracking:
            yield {
                "id": f"{parcel.id}.{heard.id}",
                "occurred_at": _instant(heard.at),
                "type": heard.status.value,
                **shared,
                "description": heard.text or heard.status.value.replace("_", " ").capitalize(),
            }


def _adjustments(order: Order) -> Iterator[dict[str, Any]]:
    """One for each thing that changed what was sold; *pending* until the money followed.

    The amounts are what the order is worth less, whether money or a credit had paid for it.
    Money that was given back beyond that (by hand, at the provider) is an adjustment of its own.
    """
    status = "completed" if order.settled else "pending"
    cancelled = {line.id: line.cancelled for line in order.lines}
    returned = {line.id: line.returned for line in order.lines}
    remaining = order.total
    for kind, pieces, after in (
        ("cancellation", cancelled, order.value_without(cancelled)),
        ("return", returned, order.current_value),
    ):
        moment = _moment(order, kind)
        if moment is not None and any(pieces.values()):
            yield {
                "id": f"adj_{kind}",
                "type": kind,
                "occurred_at": _instant(moment.at),
                "status": status,
                "line_items": _pieces({line: -count for line, count in pieces.items()}),
                "totals": [{"type": "total", "amount": after - remaining}],
                "description": reason_text(moment.reason or "not_shipped"),
            }
            remaining = after
    payment = order.payment
    refunds = [entry for entry in payment.entries if entry.kind == "refunded"]
    beyond = payment.total_of("refunded") - max(payment.total_of("captured") - order.due, 0)
    if beyond > 0:
        yield {
            "id": "adj_refund",
            "type": "refund",
            "occurred_at": _instant(refunds[-1].at),
            "status": "completed",
            "totals": [{"type": "total", "amount": -beyond}],
            "description": "Refund",
        }


_WORDS = {"cancellation": ("cancelled", "partially cancelled"), "return": ("returned",)}


def _moment(order: Order, kind: str) -> HistoryEntry | None:
    return next((m for m in order.history if m.event in _WORDS[kind]), None)


def _pieces(lines: Mapping[str, int]) -> list[dict[str, Any]]:
    return [{"id": line_id, "quantity": pieces} for line_id, pieces in lines.items() if pieces]


def _instant(at: datetime) -> str:
    return at.isoformat()
