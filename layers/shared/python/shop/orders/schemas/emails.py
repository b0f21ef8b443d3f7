"""Emails to buyers: the same text as plain text and as HTML."""

from html import escape

from shop.kernel.money import Money
from shop.orders.model import Order
from shop.orders.ports import Email


def order_confirmation_email(order: Order, shop_url: str) -> Email:
    """Return the confirmation of an order: its lines, its amounts and a link to it."""
    link = f"{shop_url}/orders/{order.id}"
    rows = [
        (f"{line.quantity} × {line.title}", Money(line.total, order.currency))
        for line in order.lines
    ]
    sums = [("Shipping", order.shipping), ("Discount", -order.shipping_discount)]
    if not order.tax_included:
        sums.append(("Tax", order.tax))
    sums.append(("Paid with credits", -order.paid_by_credits))
    rows += [(name, Money(amount, order.currency)) for name, amount in sums if amount]
    rows.append(("Total", order.amount))
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
