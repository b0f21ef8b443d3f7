"""The order that is placed from a checkout session."""

from dataclasses import replace
from datetime import datetime, timedelta

from shop.cart.model import expiry_at
from shop.checkout.model.offer import Offer, OfferLine
from shop.checkout.model.session import CheckoutSession
from shop.kernel.errors import Conflict
from shop.orders.model import Order, OrderLine, OrderShippingOption, PlacedQuote
from shop.payments.model import Payment
from shop.shipping.model import ShippingOption

PLACED_SESSION_RETENTION = timedelta(days=30)
"""Life of a session after an order was placed from it."""


def build_order(session: CheckoutSession, provider: str, at: datetime, pay_by: datetime) -> Order:
    """Return the order of a session that is ready: a snapshot of its offer.

    Raises Conflict (``checkout_incomplete``) without email, address or shipping option.
    """
    offer, option, email = session.offer, session.offer.option, session.buyer.email
    if option is None or session.destination is None or email is None:
        raise Conflict(
            "Add an email address, a shipping address and a shipping option, then complete this"
            " checkout.",
            code="checkout_incomplete",
        )
    quote = offer.quote
    return Order(
        id=session.next_order_id,
        owner=session.owner,
        checkout_id=session.id,
        currency=quote.currency,
        lines=(
            *(_order_line(line, offer) for line in offer.lines),
            *(_gift_line(gift, offer) for gift in offer.gifts),
        ),
        subtotal=quote.subtotal.minor,
        discount=quote.discount.minor,
        shipping=quote.shipping.minor,
        tax=quote.tax.minor,
        total=quote.total.minor,
        tax_included=quote.tax_included,
        email=email,
        buyer=session.buyer,
        destination=session.destination,
        shipping_option=_shipping_option(option),
        payment=Payment(provider),
        placed_at=at,
        pay_by=pay_by,
        quote=PlacedQuote(quote.to_dict()),
        usage=offer.usage,
        group_buy=offer.group_buy,
        ship_zone=offer.ship_zone,
    )


def _order_line(line: OfferLine, offer: Offer) -> OrderLine:
    priced = offer.quote.line(line.id)
    return OrderLine(
        id=line.id,
        product_id=line.product_id,
        variant_id=line.variant_id,
        sku=line.sku,
        title=line.title,
        unit_price=priced.unit_price.minor,
        quantity=line.quantity,
        subtotal=priced.subtotal.minor,
        discount=priced.discount.minor,
        tax=priced.tax.amount.minor,
        total=priced.total.minor,
        image_url=line.image_url,
        parts=offer.parts_of(line.sku),
        ships_from=offer.ships_from.get(line.sku),
    )


def _gift_line(gift: OfferLine, offer: Offer) -> OrderLine:
    return OrderLine(
        id=gift.id,
        product_id=gift.product_id,
        variant_id=gift.variant_id,
        sku=gift.sku,
        title=gift.title,
        unit_price=0,
        quantity=gift.quantity,
        subtotal=0,
        discount=0,
        tax=0,
        total=0,
        parts=offer.parts_of(gift.sku),
    )


def _shipping_option(option: ShippingOption) -> OrderShippingOption:
    return OrderShippingOption(
        option.id,
        option.title,
        option.carrier,
        option.price.minor,
        option.earliest,
        option.latest,
    )


def with_order(session: CheckoutSession, order: Order) -> CheckoutSession:
    """Return the session after ``order`` was placed from it."""
    return replace(
        session,
        order_id=order.id,
        attempt=session.attempt + 1,
        expires_at=expiry_at(order.placed_at, PLACED_SESSION_RETENTION),
        version=session.version + 1,
    )
