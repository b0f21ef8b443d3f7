"""Payments in and out: the handlers a stage offers, what a provider sends, the sandbox's page."""

from html import escape
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, StringConstraints

from shop.payments.model import PaymentStatus, Report

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


def payment_handlers(provider: str, shop_url: str) -> dict[str, list[dict[str, Any]]]:
    """The handlers that a checkout may be paid with. Empty for a provider without one.

    The sandbox names no ``schema``: UCP takes one only from the host that owns the handler's name,
    and drops a handler whose schema lies elsewhere.
    """
    if provider != "sandbox":
        return {}
    return {
        "dev.doorbuster.sandbox": [
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
    }


Reference = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,100}$")]


class PaymentEvent(BaseModel):
    """A payment changed. Only *which* is read: where it stands is asked of the provider itself."""

    model_config = ConfigDict(extra="ignore", strict=True, defer_build=True)

    reference: Reference


class PaymentMessage(PaymentEvent):
    """A provider's event on its way through the queue."""

    provider: Annotated[str, StringConstraints(min_length=1, max_length=40)]


class ChallengeAnswer(BaseModel):
    """Whether the buyer approves a challenged payment."""

    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)

    approved: bool


def challenge_page(report: Report) -> str:
    """The page on which the buyer answers. It shows nothing of the order: it is a sandbox."""
    waiting = report.status is PaymentStatus.REQUIRES_ACTION
    buttons = (
        '<button onclick="answer(true)">Approve</button> '
        '<button onclick="answer(false)">Decline</button>'
        if waiting
        else f"<p>This payment is {escape(report.status.value)}; there is nothing to approve.</p>"
    )
    return f"""<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Payment sandbox</title>
<h1>Payment sandbox</h1>
<p>No money moves here. Payment {escape(report.reference)} asks for its buyer's approval.</p>
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
