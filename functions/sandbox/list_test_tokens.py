"""GET /sandbox: describe the payment sandbox and list its test tokens."""

from shop.entrypoints.http import Request, endpoint, required_setting
from shop.payments.schemas import SANDBOX_TOKENS, SandboxView

SHOP_URL = required_setting("SHOP_URL")


@endpoint()
def handler(request: Request[None]) -> SandboxView:
    return SandboxView(
        notice="This is a payment sandbox. No money moves here.",
        usage="Complete a checkout with one of these tokens as the instrument's credential.token.",
        tokens=SANDBOX_TOKENS,
        challenge_url=f"{SHOP_URL}/sandbox/challenges/{{reference}}",
    )
