"""Messages about a request that changes or completes a checkout."""

from collections.abc import Collection, Mapping, Sequence

from shop.cart.model import Message
from shop.cart.model.messages import DISCOUNT_EXHAUSTED, SALE_LIMIT_CODES, shortage_text
from shop.checkout.model import CheckoutSession, OfferLine
from shop.credits.model.payment_split import CreditAllocation
from shop.inventory.model import MAX_UNITS, Demand, Shortage
from shop.inventory.model.kits import Kit, missing_units
from shop.kernel.errors import Conflict, Unavailable
from shop.kernel.money import Money
from shop.kernel.usage import UsageReservation
from shop.orders.model import Order, OrderStatus
from shop.payments.model import AUTHORIZATION_GRACE
from shop.pricing.model.price_snapshot import TOTAL_CHANGED, PriceSnapshot
from shop.pricing.model.quote import Quote
from shop.pricing.model.rule_set import RuleSet
from shop.shipping.model import ShippingOption

SELECTED_OPTION_PATH = "$.fulfillment.methods[0].groups[0].selected_option_id"


def exhausted_usage_messages(
    exhausted: Sequence[UsageReservation], session: CheckoutSession, renewed: CheckoutSession
) -> tuple[Message, ...]:
    """Return a warning for every line that lost the discount of an exhausted sale.

    The ``renewed`` offer itself has the message about an exhausted code, and mostly that about the
    sale.
    """
    reported = {m.path for m in renewed.offer.messages if m.code in SALE_LIMIT_CODES}
    promotions = {reservation.promotion_id for reservation in exhausted}
    coded = {outcome.promotion_id for outcome in session.offer.quote.codes}
    return tuple(
        Message(
            "warning",
            DISCOUNT_EXHAUSTED,
            f"{discount.title} has reached its limit. {line.title} costs more now.",
            f"$.line_items[{index}]",
        )
        for index, line in enumerate(session.offer.lines)
        for discount in session.offer.quote.line(line.id).discounts
        if discount.promotion_id in promotions - coded and f"$.line_items[{index}]" not in reported
    )


def short_line_messages(
    shortages: Sequence[Shortage], session: CheckoutSession
) -> tuple[Message, ...]:
    """Return an error for every line that the stock does not cover.

    Several lines of one SKU share its stock. A kit is short if one of its parts is.
    """
    requested = _units_by_sku(session.offer.lines)
    available = _available_of_short(requested, shortages, session)
    return tuple(
        Message(
            "error",
            "out_of_stock",
            shortage_text(line.title, available[line.sku], requested[line.sku]),
            f"$.line_items[{index}].quantity",
            "recoverable",
        )
        for index, line in enumerate(session.offer.lines)
        if line.sku in available
    )


def payment_split_messages(order: Order) -> tuple[Message, ...]:
    """Return the shares of an order that credits and the other instrument pay, if both do."""
    if not order.credits or not order.amount.minor or order.status is OrderStatus.CANCELLED:
        return ()
    by_credits = Money(order.paid_by_credits, order.currency)
    text = f"Credits paid {by_credits}. The other instrument pays {order.amount}."
    return (Message("info", "payment_split", text, "$.payment.instruments"),)


def first_reduced_credit(
    before: Sequence[CreditAllocation | None], after: Sequence[CreditAllocation | None]
) -> int | None:
    """Return the index of the first credit that pays less than before; ``None`` if none does."""
    amounts = [
        (old.amount if old else 0, new.amount if new else 0)
        for old, new in zip(before, after, strict=True)
    ]
    return next((index for index, (old, new) in enumerate(amounts) if new < old), None)


def exhausted_gifts(shortages: Sequence[Shortage], session: CheckoutSession) -> dict[str, int]:
    """Return the units available of every gift that the stock does not cover, by SKU.

    The goods that are bought go before the gifts.
    """
    gift_skus = {gift.sku for gift in session.offer.gifts}
    requested = _units_by_sku((*session.offer.lines, *session.offer.gifts))
    available = _available_of_short(requested, shortages, session)
    return {sku: units for sku, units in available.items() if sku in gift_skus}


def _units_by_sku(lines: Sequence[OfferLine]) -> dict[str, int]:
    units: dict[str, int] = {}
    for line in lines:
        units[line.sku] = units.get(line.sku, 0) + line.quantity
    return units


def _available_of_short(
    requested: Mapping[str, int], shortages: Sequence[Shortage], session: CheckoutSession
) -> dict[str, int]:
    """Return the units available of every SKU that is short, with kits derived from parts."""
    available = {shortage.sku: shortage.available for shortage in shortages}
    return missing_units(
        [Demand(sku, quantity) for sku, quantity in requested.items()],
        # The failed transaction found no shortage of any other SKU.
        lambda sku: available.get(sku, MAX_UNITS),
        {sku: Kit(sku, parts) for sku, parts in session.offer.kits.items()},
    )


def option_unavailable_message(name: str, selected: ShippingOption, type: str) -> Message:
    """Return the message for a shipping option that is no longer offered."""
    return Message(
        type,
        "shipping_option_unavailable",
        f"{name} is no longer offered. {selected.title} for {selected.price} is selected instead.",
        SELECTED_OPTION_PATH,
        "recoverable" if type == "error" else None,
    )


def option_price_messages(old: ShippingOption, new: ShippingOption) -> tuple[Message, ...]:
    """Return a warning if the selected shipping option has a new price."""
    if old.id != new.id or old.price == new.price:
        return ()
    text = f"{new.title} now costs {new.price}; it was shown at {old.price}."
    return (Message("warning", "shipping_price_changed", text, SELECTED_OPTION_PATH),)


def checkout_resumed_message() -> Message:
    """Return the notice that the cart had an open checkout, which is the response."""
    text = "This cart has an open checkout. It is returned; update it to change it."
    return Message("info", "checkout_resumed", text)


def cart_changed_message(parts: Collection[str], *, locked: bool) -> Message:
    """Return the warning that the buyer changed these parts of the cart after its checkout.

    A checkout that is ``locked`` by its payment keeps its earlier content.
    """
    changed = ", ".join(sorted(parts))
    text = (
        f"The cart has changed ({changed}), but the checkout keeps its content while its payment is"
        " being confirmed. Check out the cart again afterwards."
        if locked
        else f"The cart has changed ({changed}). The checkout now has the content of the cart."
        " Review it."
    )
    return Message("warning", "cart_changed", text)


def raise_if_completed(order: Order) -> None:
    """Raise Conflict (``checkout_completed``) for an order that was ever confirmed."""
    if order.was_confirmed:
        raise Conflict("This checkout is completed. Create a new one.", code="checkout_completed")


def payment_pending_message(retry_seconds: int | None = None) -> Message:
    """Return the error for a request that would change a checkout during its payment.

    ``retry_seconds`` is the time until another instrument is accepted, if the payment has no answer
    by then.
    """
    text = "A payment for this checkout is being confirmed. Nothing was changed."
    if retry_seconds is not None:
        text = (
            f"{text} If the payment provider does not answer, another instrument is accepted in"
            f" {retry_seconds} seconds. Send this request again then."
        )
    return Message("error", "complete_in_progress", text, severity="recoverable")


def payment_unanswered_error(error: Unavailable) -> Unavailable:
    """Return the error for a payment request without an answer, with the buyer's next step."""
    return Unavailable(
        "The payment provider does not respond. Send this request again in a few seconds; it pays"
        f" at most once. {AUTHORIZATION_GRACE.seconds} seconds after the first request, another"
        " instrument is accepted, with a new Idempotency-Key.",
        code=error.code,
    )


def price_changed_message(shown: Quote, current: Quote, rules: RuleSet) -> Message:
    """Return the error for a checkout whose total differs from the one shown."""
    notices = PriceSnapshot.from_quote(shown).notices(current, rules, {})
    reasons = (notice.detail for notice in notices if notice.code == TOTAL_CHANGED)
    reason = next(reasons, f"The total was {shown.total} and is now {current.total}.")
    return Message(
        "error",
        "price_changed",
        f"{reason.removesuffix('.')}. Review it and complete the checkout again.",
        "$.totals",
        "recoverable",
    )
