"""Emails to buyers: the same text as plain text and as HTML."""

from collections.abc import Sequence
from html import escape

from shop.kernel.money import Money
from shop.orders.model import Order
from shop.orders.model.notices import Notice, NoticeKind
from shop.orders.model.shipments import FINAL_STATUSES
from shop.orders.ports import Email
from shop.orders.schemas.ucp import carrier_name, reason_text


def order_confirmation_email(order: Order, shop_url: str) -> Email:
    """Return the confirmation of an order: its lines, amounts, tax by rate, and a link to it."""
    link = f"{shop_url}/orders/{order.id}"
    rows = [
        (f"{line.quantity} × {line.title}", Money(line.total, order.currency))
        for line in order.lines
    ]
    sums = [("Shipping", order.shipping), ("Discount", -order.shipping_discount)]
    taxes = _taxes(order)
    if not order.tax_included:
        sums += taxes or [("Tax", order.tax)]
    sums.append(("Paid with credits", -order.paid_by_credits))
    rows += [(name, Money(amount, order.currency)) for name, amount in sums if amount]
    rows.append(("Total", order.amount))
    if order.tax_included:
        rows += [(f"incl. {name}", Money(amount, order.currency)) for name, amount in taxes]
    opening = "Thank you. Your order is confirmed, and we are preparing it."
    width = max(len(name) for name, _ in rows)
    table = "\n".join(f"  {name:<{width}}  {amount}" for name, amount in rows)
    cells = "".join(
        f'<tr><td>{escape(name)}</td><td align="right">{amount}</td></tr>' for name, amount in rows
    )
    return Email(
        subject=f"Your order for {order.amount} is confirmed",
        text=f"{opening}\n\n{table}\n\nView your order: {link}\n",
        html=(
            f"<p>{opening}</p><table>{cells}</table>"
            f'<p>View your order: <a href="{escape(link)}">{escape(link)}</a></p>'
        ),
    )


def _taxes(order: Order) -> list[tuple[str, int]]:
    """Return the tax of an order by name and rate; empty without tax or without its quote."""
    quote = order.placed_quote if order.tax else None
    return list(quote.taxes) if quote else []


_NOTICES = {
    NoticeKind.SHIPPED: ("is on its way", "We have handed a parcel of your order to {carrier}."),
    NoticeKind.FAILED_ATTEMPT: (
        "could not be delivered",
        "The delivery of a parcel of your order by {carrier} failed. It will be tried again.",
    ),
    NoticeKind.DELIVERED: ("has arrived", "A parcel of your order was delivered."),
    NoticeKind.CANCELLED: (
        "is cancelled",
        "Your order is cancelled. What you have paid is released or refunded.",
    ),
    NoticeKind.PARTIALLY_CANCELLED: (
        "is cancelled in part",
        "The pieces of your order that were not shipped are cancelled. Their price is refunded.",
    ),
    NoticeKind.REFUNDED: (
        "is refunded in part",
        "We have reduced the price of your order. What you have paid beyond it is refunded.",
    ),
    NoticeKind.RETURNED: (
        "is refunded in part or whole",
        "Pieces of your order came back to us. Their price is refunded.",
    ),
    NoticeKind.NOT_DELIVERED: (
        "is refunded in part or whole",
        "Pieces of your order did not reach you. Their price is refunded.",
    ),
    NoticeKind.DELAYED: (
        "is delayed",
        "Your order should have arrived by now. We are sorry that it is late.",
    ),
}
"""End of the subject, and the first sentence, of each notice. ``{carrier}`` is that of the
parcel."""


def order_notice_email(order: Order, notice: Notice, shop_url: str) -> Email:
    """Return the email of a notice: what happened, the pieces of its parcel, and the links."""
    ending, opening = _NOTICES[notice.kind]
    details = []
    links = [("View your order", f"{shop_url}/orders/{order.id}")]
    if order.status.value == "cancelled" and order.cancel_reason:
        details.append(f"Reason: {reason_text(order.cancel_reason)}")
    if notice.kind is NoticeKind.DELAYED:
        details += _delay_details(order)
        links[:0] = [
            (f"Track parcel {each.tracking_number}", each.tracking_url)
            for each in order.shipments
            if each.tracking_url and each.status not in FINAL_STATUSES
        ]
    if notice.refund is not None:
        details.append(f"Amount: {Money(notice.refund.amount, order.currency)}")
        details += [
            f"incl. {share.name} {Money(share.tax, order.currency)}"
            for share in notice.refund.taxes
            if share.tax
        ]
        details.append(f"Reason: {notice.refund.reason}")
    if notice.shipment is not None:
        carrier = carrier_name(order, notice.shipment) or "the carrier"
        opening = opening.replace("{carrier}", carrier)
        titles = {line.id: line.title for line in order.lines}
        details += [f"{n} × {titles[line]}" for line, n in notice.shipment.lines.items()]
        details.append(f"Tracking number: {notice.shipment.tracking_number}")
        if notice.shipment.tracking_url:
            links.insert(0, ("Track your parcel", notice.shipment.tracking_url))
    return _email(f"Your order {ending}", opening, details, links)


def _delay_details(order: Order) -> list[str]:
    """Return the promised date, the pieces that are late, and how many of them have left."""
    titles = {line.id: line.title for line in order.lines}
    late = order.promised_pieces
    unshipped = sum(min(pieces, order.to_ship[line]) for line, pieces in late.items())
    shipped = sum(late.values()) - unshipped
    details = [f"Promised until: {order.shipping_option.latest:%d %B %Y}"]
    details += [f"{pieces} × {titles[line]}" for line, pieces in late.items()]
    if shipped:
        details.append(f"With the carrier: {shipped} of {shipped + unshipped} pieces")
    if unshipped:
        details.append(f"Not shipped yet: {unshipped} of {shipped + unshipped} pieces")
    return details


def _email(
    subject: str, opening: str, details: Sequence[str], links: Sequence[tuple[str, str]]
) -> Email:
    items = "".join(f"<li>{escape(detail)}</li>" for detail in details)
    return Email(
        subject=subject,
        text="\n".join(
            [
                opening,
                "",
                *(f"  {detail}" for detail in details),
                "",
                *(f"{name}: {url}" for name, url in links),
                "",
            ]
        ),
        html=f"<p>{escape(opening)}</p><ul>{items}</ul>"
        + "".join(
            f'<p>{name}: <a href="{escape(url)}">{escape(url)}</a></p>' for name, url in links
        ),
    )
