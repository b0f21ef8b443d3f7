"""The payment handlers a stage offers, as UCP's ``payment_handlers`` registry."""

from typing import Any

SANDBOX_TOKENS = (
    "tok_success",
    "tok_declined",
    "tok_insufficient_funds",
    "tok_challenge",
    "tok_pending",
    "tok_pending_declined",
    "tok_never",
    "tok_down",
)


def payment_handlers(provider: str, shop_url: str) -> dict[str, list[dict[str, Any]]]:
    """The handlers that a checkout may be paid with. Empty for a provider without one."""
    if provider != "sandbox":
        return {}
    return {
        "dev.doorbuster.sandbox": [
            {
                "id": "sandbox",
                "version": "2026-08-25",
                "spec": f"{shop_url}/sandbox",
                "schema": f"{shop_url}/sandbox",
                "available_instruments": [{"type": "token"}],
                "config": {
                    "environment": "SANDBOX: no money moves",
                    "test_tokens": list(SANDBOX_TOKENS),
                },
            }
        ]
    }
