"""Payments in and out: the handlers a stage offers, what a provider sends, the sandbox's page."""

import os
import re
from html import escape
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, StringConstraints

from shop.payments.model import PaymentStatus, ProviderPaymentState

SANDBOX_TOKENS = {
    "tok_success": "authorised at once",
    "tok_declined": "declined: card_declined",
    "tok_insufficient_funds": "declined: insufficient_funds",
    "tok_challenge": "the buyer must approve at the payment's challenge URL first",
    "tok_pending": "processing; authorised some seconds later, told by webhook",
    "tok_pending_declined": "processing; declined some seconds later, told by webhook",
    "tok_never": "processing for ever: the order expires at its deadline",
    "tok_down": "the provider does not answer",
}
"""The sandbox's test tokens, and what each does."""


CREDITS = "credits"
"""The handler of gift cards, store credit and points: the shop's own."""


def payment_handlers(provider: str, shop_url: str) -> dict[str, list[dict[str, Any]]]:
    """The handlers that a checkout may be paid with. Empty for a provider without one.

    They name no ``schema``: UCP takes one only from the host that owns the handler's name, and
    drops a handler whose schema lies elsewhere. Stripe's own name, ``com.stripe.payments``, is in
    private preview and stands for another way to hand over a card.
    """
    handlers: dict[str, list[dict[str, Any]]] = {
        "dev.doorbuster.credits": [
            {
                "id": CREDITS,
                "version": "2026-08-25",
                "available_instruments": [
                    {"type": "gift_card"},
                    {"type": "store_credit"},
                    {"type": "loyalty"},
                ],
                "config": {},
            }
        ]
    }
    if provider == "stripe":
        key = os.environ["PAYMENT_PUBLIC_KEY"]
        handlers["dev.doorbuster.stripe"] = [
            {
                "id": "stripe",
                "version": "2026-08-25",
                "available_instruments": [{"type": "card"}],
                "config": {
                    "environment": "production" if key.startswith("pk_live_") else "sandbox",
                    "publishable_key": key,
                    "tokenize_at": "https://api.stripe.com/v1/payment_methods",
                    "credential_types": ["payment_method", "confirmation_token"],
                },
            }
        ]
    if provider == "sandbox":
        handlers["dev.doorbuster.sandbox"] = [
            {
                "id": "sandbox",
                "version": "2026-08-25",
                "available_instruments": [{"type": "token"}],
                "config": {
                    "environment": "SANDBOX: no money moves",
                    "explained_at": f"{shop_url}/sandbox",
                    "test_tokens": list(SANDBOX_TOKENS),
                },
            }
        ]
    return handlers


Reference = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,100}$")]
"""Payment reference of the provider.
Example: pay_7d3f9c21"""


class PaymentEvent(BaseModel):
    """A provider's notice that a payment changed. The shop reads the payment's state from the
    provider.
    """

    model_config = ConfigDict(extra="ignore", strict=True, defer_build=True)

    reference: Reference


class PaymentMessage(PaymentEvent):
    """A provider's event on its way through the queue."""

    provider: Annotated[str, StringConstraints(min_length=1, max_length=40)]


class StripeEvent(BaseModel):
    """An event of Stripe: a snapshot, or a thin event with a reference only.

    Only the payment's reference is read. Amounts and states are requested from Stripe, so events
    may arrive late, twice and in any order. Source: https://docs.stripe.com/event-destinations
    """

    model_config = ConfigDict(extra="ignore", strict=True, defer_build=True)

    object: Literal["event", "v2.core.event"]
    """Type of the event: a snapshot or a thin event."""
    type: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    """Name of the event.
    Example: payment_intent.succeeded"""
    data: dict[str, Any] | None = None
    """Snapshot of the changed object, as Stripe defines it."""
    related_object: dict[str, Any] | None = None
    """Reference to the changed object, in a thin event."""

    @property
    def reference(self) -> str | None:
        """The payment, or the charge or refund that is part of it; ``None`` where it is not ours.

        Other programs may use the same account: what they make has no order's id. A refund made by
        hand has none either, so which payment it is of decides.
        """
        thing = (self.data or {}).get("object") if self.object == "event" else self.related_object
        if not isinstance(thing, dict):
            return None
        kind = str(thing.get("object") or thing.get("type") or "")
        if self.object == "event" and kind in ("payment_intent", "charge"):
            metadata = thing.get("metadata")
            if not (isinstance(metadata, dict) and metadata.get("order_id")):
                return None
        names = [thing.get("payment_intent"), thing.get("id")]
        return next((name for name in names if isinstance(name, str) and _PART.match(name)), None)


_PART = re.compile(r"(?:pi|ch|py|re|pyr)_[A-Za-z0-9]{1,90}\Z")


class ChallengeAnswer(BaseModel):
    """The buyer's answer to a payment challenge."""

    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)

    approved: bool
    """Whether the buyer approves the payment.
    Example: true"""


class ChallengeResultView(BaseModel):
    """The payment after the buyer's answer; its webhook follows."""

    model_config = ConfigDict(defer_build=True)

    reference: str
    """Payment reference of the sandbox."""
    status: str
    """Status of the payment."""


class SandboxView(BaseModel):
    """The payment sandbox and its test tokens."""

    model_config = ConfigDict(defer_build=True)

    notice: str
    """Notice that no money moves."""
    usage: str
    """Explanation of the tokens' use."""
    tokens: dict[str, str]
    """Results of payments, by token."""
    challenge_url: str
    """URL of the page that approves a payment, with ``{reference}`` for its reference."""


def challenge_page(state: ProviderPaymentState) -> str:
    """The page on which the buyer answers. It shows nothing of the order: it is a sandbox."""
    waiting = state.status is PaymentStatus.REQUIRES_ACTION
    buttons = (
        '<button onclick="answer(true)">Approve</button> '
        '<button onclick="answer(false)">Decline</button>'
        if waiting
        else f"<p>This payment is {escape(state.status.value)}; there is nothing to approve.</p>"
    )
    return f"""<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Payment sandbox</title>
<h1>Payment sandbox</h1>
<p>No money moves here. Payment {escape(state.reference)} asks for its buyer's approval.</p>
{buttons}
<p id="said"></p>
<script>
async function answer(approved) {{
  const sent = await fetch(location.pathname, {{method: "POST",
    headers: {{"Content-Type": "application/json"}}, body: JSON.stringify({{approved}})}});
  document.getElementById("said").textContent = await sent.text();
}}
</script>
</html>
"""
