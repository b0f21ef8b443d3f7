"""What a checkout says where it cannot go on as asked."""

from collections.abc import Mapping, Sequence

from shop.cart.model import Message
from shop.checkout.model import CheckoutSession, OfferLine, was_completed
from shop.inventory.model import MAX_UNITS, Demand, Shortage
from shop.inventory.model.kits import Kit, missing_units
from shop.kernel.errors import Conflict
from shop.kernel.money import Money
from shop.kernel.usage import UsageReservation
from shop.orders.model import Order, OrderStatus
from shop.pricing.actions.credits import CreditAllocation
from shop.shipping.model import ShippingOption


def exhausted_usage_messages(
    spent: Sequence[UsageReservation], before: CheckoutSession
) -> tuple[Message, ...]:
    """What was promised and is no more: a code is spoken of by the offer itself, a sale here."""
    promotions = {count.promotion_id for count in spent}
    coded = {outcome.promotion_id for outcome in before.offer.quote.codes}
    return tuple(
        Message(
            "warning",
            "discount_exhausted",
            f"{discount.title}: the limit was reached meanwhile; {line.title} costs more now",
            f"$.line_items[{index}]",
        )
        for index, line in enumerate(before.offer.lines)
        for discount in before.offer.quote.line(line.id).discounts
        if discount.promotion_id in promotions - coded
    )


def short_line_messages(short: Sequence[Shortage], session: CheckoutSession) -> tuple[Message, ...]:
    """Every line that the stock does not cover, several lines of a SKU added up; of a kit whose
    parts are short, its own."""
    wanted = _wanted(session.offer.lines)
    left = _left(wanted, short, session)
    return tuple(
        Message(
            "error",
            "out_of_stock",
            f"{left[line.sku]} of {line.title} left; {wanted[line.sku]} wanted",
            f"$.line_items[{index}].quantity",
            "recoverable",
        )
        for index, line in enumerate(session.offer.lines)
        if line.sku in left
    )


def payment_split_messages(order: Order) -> tuple[Message, ...]:
    """What credits paid of an order, and what that left for the buyer's other instrument."""
    if not order.credits or not order.amount.minor or order.status is OrderStatus.CANCELLED:
        return ()
    by_credits = Money(order.paid_by_credits, order.currency)
    said = f"credits paid {by_credits}; {order.amount} was asked of the other instrument"
    return (Message("info", "payment_split", said, "$.payment.instruments"),)


def first_reduced_credit(
    before: Sequence[CreditAllocation | None], now: Sequence[CreditAllocation | None]
) -> int | None:
    """Which credit, by place, pays less than a moment ago; ``None`` where each pays as much."""
    paid = [
        (previous.amount if previous else 0, current.amount if current else 0)
        for previous, current in zip(before, now, strict=True)
    ]
    return next(
        (place for place, (previous, current) in enumerate(paid) if current < previous), None
    )


def exhausted_gifts(short: Sequence[Shortage], session: CheckoutSession) -> dict[str, int]:
    """The gifts that are not covered beside what is bought: how many of each SKU there are."""
    given = {gift.sku for gift in session.offer.gifts}
    left = _left(_wanted((*session.offer.lines, *session.offer.gifts)), short, session)
    return {sku: units for sku, units in left.items() if sku in given}


def _wanted(lines: Sequence[OfferLine]) -> dict[str, int]:
    wanted: dict[str, int] = {}
    for line in lines:
        wanted[line.sku] = wanted.get(line.sku, 0) + line.quantity
    return wanted


def _left(
    requested: Mapping[str, int], short: Sequence[Shortage], session: CheckoutSession
) -> dict[str, int]:
    there = {one.sku: one.available for one in short}
    return missing_units(
        [Demand(sku, quantity) for sku, quantity in requested.items()],
        lambda sku: there.get(sku, MAX_UNITS),
        {sku: Kit(sku, parts) for sku, parts in session.offer.kits.items()},
    )


SELECTED_OPTION_PATH = "$.fulfillment.methods[0].groups[0].selected_option_id"


def option_unavailable_message(was: str, instead: ShippingOption, type: str) -> Message:
    """A way of shipping that was chosen is offered no longer."""
    return Message(
        type,
        "shipping_option_unavailable",
        f"{was} is not offered any more; {instead.title} for {instead.price} is chosen instead",
        SELECTED_OPTION_PATH,
        "recoverable" if type == "error" else None,
    )


def option_price_messages(was: ShippingOption, now: ShippingOption) -> tuple[Message, ...]:
    """The way of shipping that was chosen costs something else."""
    if was.id != now.id or was.price == now.price:
        return ()
    said = f"{now.title} now costs {now.price}; it was shown at {was.price}"
    return (Message("warning", "shipping_price_changed", said, SELECTED_OPTION_PATH),)


def raise_if_completed(order: Order) -> None:
    """Raise Conflict for an order that was ever certain."""
    if was_completed(order):
        raise Conflict("this checkout is completed", code="checkout_completed")


def payment_pending_message() -> Message:
    """While a payment is being confirmed a checkout is shown, and stays as it is."""
    return Message(
        "error",
        "complete_in_progress",
        "a payment for this checkout is being confirmed; nothing was changed",
        severity="recoverable",
    )


def price_changed_message(how: str) -> Message:
    """A completion that was not done, since it would have cost other than was shown."""
    return Message(
        "error",
        "price_changed",
        f"{how.removesuffix('.')}. Review it and complete the checkout again.",
        "$.totals",
        "recoverable",
    )
