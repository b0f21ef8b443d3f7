"""Payment handlers of a stage, events of payment providers, and the page of the sandbox."""

import os
import re
from html import escape
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, StringConstraints

from shop.payments.model import PaymentStatus, ProviderPaymentState

SANDBOX_TOKENS = {
    "tok_success": "authorized at once",
    "tok_declined": "declined: card_declined",
    "tok_insufficient_funds": "declined: insufficient_funds",
    "tok_challenge": "the buyer must approve at the payment's challenge URL first",
    "tok_pending": "processing; authorized some seconds later, reported by webhook",
    "tok_pending_declined": "processing; declined some seconds later, reported by webhook",
    "tok_never": "processing without end; the order expires at its deadline",
    "tok_down": "the provider does not respond",
}
"""The sandbox's test tokens and their results."""


CREDITS = "credits"
"""The shop's own payment handler, for gift cards, store credit and points."""


def payment_handlers(provider: str, shop_url: str) -> dict[str, list[dict[str, Any]]]:
    """Return the payment handlers of a checkout, in UCP's form.

    They have no ``schema``: UCP accepts one only from the host that owns the handler's name, and
    ignores a handler with another one. Stripe's own handler, ``com.stripe.payments``, is in private
    preview and exchanges cards in another way.
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
    """A provider's event that a payment changed; the shop requests its state from the provider."""

    model_config = ConfigDict(extra="ignore", strict=True, defer_build=True)

    reference: Reference


class PaymentMessage(PaymentEvent):
    """A payment event with its provider, as sent through the queue."""

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
        """Return the reference of a payment, charge or refund; ``None`` if it is not the shop's.

        Other programs may use the same account: their payments and charges have no order id. A
        refund that staff made at Stripe has none either, so its payment decides later.
        """
        changed = (self.data or {}).get("object") if self.object == "event" else self.related_object
        if not isinstance(changed, dict):
            return None
        kind = str(changed.get("object") or changed.get("type") or "")
        # A thin event has no metadata: its object is requested before it is compared.
        if self.object == "event" and kind in ("payment_intent", "charge"):
            metadata = changed.get("metadata")
            if not (isinstance(metadata, dict) and metadata.get("order_id")):
                return None
        # Charges and refunds name their payment, which saves a request.
        ids = [changed.get("payment_intent"), changed.get("id")]
        return next((id_ for id_ in ids if isinstance(id_, str) and _REFERENCE.match(id_)), None)


_REFERENCE = re.compile(r"(?:pi|ch|py|re|pyr)_[A-Za-z0-9]{1,90}\Z")


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
    """Return the page on which the buyer answers a challenge. It shows nothing of the order."""
    waiting = state.status is PaymentStatus.REQUIRES_ACTION
    buttons = (
        '<button onclick="answer(true)">Approve</button> '
        '<button onclick="answer(false)">Decline</button>'
        if waiting
        else f"<p>This payment is {escape(state.status.value)}; it needs no approval.</p>"
    )
    return f"""<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Payment sandbox</title>
<h1>Payment sandbox</h1>
<p>No money moves here. Payment {escape(state.reference)} needs its buyer's approval.</p>
{buttons}
<p id="result"></p>
<script>
async function answer(approved) {{
  const response = await fetch(location.pathname, {{method: "POST",
    headers: {{"Content-Type": "application/json"}}, body: JSON.stringify({{approved}})}});
  document.getElementById("result").textContent = await response.text();
}}
</script>
</html>
"""
