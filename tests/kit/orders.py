"""Orders as the checkout builds them."""

from datetime import UTC, datetime, timedelta
from typing import Any

from shop.inventory.model import Reservation
from shop.kernel.contacts import Buyer, PostalAddress
from shop.kernel.usage import UsageReservation
from shop.orders.model import Order, OrderLine, OrderReturn, OrderShippingOption, ReturnedPieces
from shop.payments.model import Payment, PaymentStatus, ProviderPaymentState

BLACK_FRIDAY = datetime(2026, 11, 27, 8, 0, tzinfo=UTC)
"""A Black Friday morning."""
WINDOW = timedelta(minutes=30)
SKUS = ("MUG-RED", "MUG-BLUE")


def make_order(order_id: str = "ord_1", pieces: tuple[int, ...] = (2, 1), **changes: Any) -> Order:
    """Return an order of ``pieces`` of :data:`SKUS` at 10.00 each, 5.99 shipping and 8 % tax."""
    lines = tuple(
        OrderLine(
            id=f"li_{n}",
            product_id="mug",
            variant_id=f"mug.{n}",
            sku=SKUS[(n - 1) % 2],
            title=f"Mug {n}",
            unit_price=1000,
            quantity=count,
            subtotal=1000 * count,
            discount=0,
            tax=80 * count,
            total=1000 * count,
        )
        for n, count in enumerate(pieces, 1)
    )
    goods = sum(line.total for line in lines)
    tax = sum(line.tax for line in lines)
    quantities: dict[str, int] = {}
    for line in lines:
        quantities[line.sku] = quantities.get(line.sku, 0) + line.quantity
    fields: dict[str, Any] = {
        "id": order_id,
        "owner": "guest",
        "checkout_id": f"chk_{order_id}",
        "currency": "USD",
        "lines": lines,
        "subtotal": goods,
        "discount": 0,
        "shipping": 599,
        "tax": tax,
        "total": goods + tax + 599,
        "tax_included": False,
        "email": "jane@example.com",
        "buyer": Buyer("jane@example.com", "Jane", "Doe"),
        "destination": PostalAddress(
            id="dest_1",
            street_address="123 Main St",
            address_locality="Springfield",
            address_region="IL",
            postal_code="62701",
            address_country="US",
        ),
        "shipping_option": OrderShippingOption(
            "us-standard",
            "Standard",
            "USPS",
            599,
            datetime(2026, 12, 1, 8, tzinfo=UTC),
            datetime(2026, 12, 3, 20, tzinfo=UTC),
        ),
        "payment": Payment("memory"),
        "placed_at": BLACK_FRIDAY,
        "pay_by": BLACK_FRIDAY + WINDOW,
        "usage": (UsageReservation("quota", "spring", sum(pieces), 1_000, "spring"),),
        "reservations": tuple(Reservation(sku, count) for sku, count in quantities.items()),
    }
    return Order(**{**fields, **changes})


def sent_back(reason: str = "too small", **pieces: int) -> OrderReturn:
    """Return a return of pieces by line id, recorded on Black Friday and not restocked."""
    return OrderReturn(
        BLACK_FRIDAY, reason, {line: ReturnedPieces(count) for line, count in pieces.items()}
    )


def captured(order: Order, *, refunded: int = 0) -> ProviderPaymentState:
    """Return the provider's state of a payment that is captured in full, and refunded in part."""
    return ProviderPaymentState(
        f"pay_{order.id}",
        PaymentStatus.CAPTURED,
        authorized=order.total,
        captured=order.total,
        refunded=refunded,
    )


def authorized(order: Order) -> ProviderPaymentState:
    """Return the provider's state of a payment that is authorized in full."""
    return ProviderPaymentState(f"pay_{order.id}", PaymentStatus.AUTHORIZED, authorized=order.total)
