"""Messages about the state of a checkout session and of the order placed from it."""

from collections.abc import Collection

from shop.cart.model import Message
from shop.payments.model import AUTHORIZATION_GRACE

ITEM_UNAVAILABLE = "item_unavailable"
"""Code of a message, and the reason of an order that was cancelled because its goods left sale."""

GOODS_UNDELIVERABLE = {
    "currency": "No shipping method to this address has a price in this currency. Choose another"
    " currency.",
    "weight": "An article is heavier than every shipping method to this address allows. Remove it.",
    "size": "An article is larger than every shipping method to this address allows. Remove it.",
    "parcels": "These goods need more parcels than every shipping method to this address allows."
    " Reduce the quantities.",
    "goods": "No shipping method to this address takes these goods together. Their weight, number,"
    " value or distance is above its limits. Reduce the quantities.",
}
"""Messages about goods without a shipping option, by the reason."""

_INSTRUMENT_PATH = "$.payment.instruments[0]"

_PAYMENT_FAILURES = {
    "card_declined": "The payment was declined",
    "insufficient_funds": "The account does not cover the amount",
    "challenge_failed": "The buyer did not approve the payment",
    "payment_expired": "The payment was not completed in time",
    "payment_unanswered": "The payment provider did not answer in time",
    "checkout_canceled": "The purchase was canceled",
}


def missing_message(path: str, text: str) -> Message:
    """Return the error for a field that is required to complete a checkout."""
    return Message("error", "missing", text, path, "recoverable")


def goods_undeliverable_message(reason: str) -> Message:
    """Return the error for goods that no shipping method to the address takes."""
    text = GOODS_UNDELIVERABLE[reason]
    return Message("error", "goods_undeliverable", text, "$.line_items", "recoverable")


def address_undeliverable_message(path: str, country: str | None) -> Message:
    """Return the error for an address outside all shipping zones."""
    text = f"No shipping method delivers to this address in {country}. Choose another address."
    return Message("error", "address_undeliverable", text, path, "recoverable")


def order_pending_message() -> Message:
    """Return the message for an order whose stock is still being reserved."""
    text = "The order is being placed. Read this checkout again in a few seconds."
    return Message("info", "order_pending", text)


def payment_challenge_message() -> Message:
    """Return the message for a payment that its buyer must approve at the provider."""
    return Message(
        "error",
        "payment_challenge",
        "The buyer must approve this payment at continue_url.",
        _INSTRUMENT_PATH,
        "requires_buyer_review",
    )


def payment_being_confirmed_message() -> Message:
    """Return the message for a payment that the provider has not confirmed yet."""
    text = "The payment is being confirmed. Read this checkout again in a few seconds."
    return Message("info", "payment_pending", text)


def payment_unanswered_message() -> Message:
    """Return the message for a payment that the provider has not answered."""
    text = (
        "The payment provider has not answered yet. Read this checkout again in a few seconds."
        f" {AUTHORIZATION_GRACE.seconds} seconds after the payment, another instrument is accepted:"
        " complete the checkout again."
    )
    return Message("info", "payment_unanswered", text)


def not_placed_message(reason: str) -> Message:
    """Return the message for an order of many articles that could not be placed."""
    return Message(
        "error",
        "order_not_placed",
        f"The order could not be placed ({reason}). Nothing was bought."
        " Complete the checkout again.",
        severity="recoverable",
    )


def no_longer_sold_message(titles: Collection[str]) -> Message:
    """Return the error for goods that staff took off sale before their order was paid."""
    names = f"{', '.join(titles)}: no longer sold." if titles else "Goods are no longer sold."
    text = f"{names} Nothing was bought. Review the checkout and complete it again."
    return Message("error", ITEM_UNAVAILABLE, text, "$.line_items", "recoverable")


def waiting_room_message() -> Message:
    """Return the message for a checkout whose buyer must wait for a turn."""
    return Message(
        "error",
        "waiting_room",
        "Demand is high. The buyer waits for a turn at continue_url. Complete this checkout with"
        " the admission that is issued there.",
        None,
        "requires_buyer_review",
    )


def payment_failed_message(reason: str) -> Message:
    """Return the message for a payment that failed; the buyer may try another instrument."""
    text = _PAYMENT_FAILURES.get(reason, "The payment failed")
    return Message(
        "error",
        "payment_failed",
        f"{text} ({reason}). Nothing was bought. Try another payment method.",
        _INSTRUMENT_PATH,
        "recoverable",
    )
