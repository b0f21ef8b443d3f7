"""GET /sandbox/challenges/{reference}: show the page that approves or declines a payment."""

from shop.entrypoints.http import Request, Response, endpoint
from shop.payments.gateway.factory import create_sandbox_provider
from shop.payments.schemas import challenge_page

sandbox = create_sandbox_provider()


@endpoint()
def handler(request: Request[None]) -> Response:
    _, state = sandbox.get_payment(request.path["reference"])
    headers = {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Security-Policy": "script-src 'unsafe-inline'; connect-src 'self'",
    }
    return Response(challenge_page(state), 200, headers)
