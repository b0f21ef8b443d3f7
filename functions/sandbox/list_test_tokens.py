"""GET /sandbox: describe the payment sandbox and list its test tokens."""

from typing import Any

from shop.entrypoints.http import Request, endpoint, required_setting
from shop.payments.schemas import SANDBOX_TOKENS

SHOP_URL = required_setting("SHOP_URL")


@endpoint()
def handler(request: Request[None]) -> dict[str, Any]:
    return {
        "what": "This is a payment SANDBOX. No money moves, whatever is bought here.",
        "use": "Complete a checkout with one of these tokens as the instrument's credential.token.",
        "tokens": SANDBOX_TOKENS,
        "challenges": f"{SHOP_URL}/sandbox/challenges/{{reference}}",
    }
