"""The email to staff about new orders. It contains no personal data."""

from html import escape

from shop.kernel.money import Money
from shop.orders.ports import Email, OrderDigest


def order_digest_email(digest: OrderDigest, shop_url: str) -> Email:
    """Return the number of new orders of a window, the first of them, and a link to all."""
    noun = "order" if digest.count == 1 else "orders"
    window = f"{digest.starts:%H:%M} to {digest.ends:%H:%M} UTC on {digest.starts:%d %B %Y}"
    opening = f"{digest.paid} paid, {digest.unpaid} waiting for payment. Placed from {window}."
    rows = [
        f"{order.id}: {Money(order.total, order.currency)}, {order.pieces}"
        f" {'piece' if order.pieces == 1 else 'pieces'}, {order.status}"
        for order in digest.first
    ]
    if digest.count > len(digest.first):
        rows.append(f"and {digest.count - len(digest.first)} more")
    link = f"{shop_url}/staff/orders?day={digest.starts:%Y-%m-%d}"
    items = "".join(f"<li>{escape(row)}</li>" for row in rows)
    return Email(
        subject=f"{digest.count} new {noun}",
        text="\n".join([opening, "", *(f"  {row}" for row in rows), "", f"All orders: {link}", ""]),
        html=(
            f"<p>{opening}</p><ul>{items}</ul>"
            f'<p>All orders: <a href="{escape(link)}">{escape(link)}</a></p>'
        ),
    )
