"""GET /sandbox/challenges/{reference}: where a buyer approves a payment, or does not."""

from shop.entrypoints.http import Request, Response, endpoint
from shop.payments.gateway.factory import create_sandbox_provider
from shop.payments.schemas import challenge_page

sandbox = create_sandbox_provider()


@endpoint()
def handler(request: Request[None]) -> Response:
    _, report = sandbox.get_payment(request.path["reference"])
    headers = {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Security-Policy": "script-src 'unsafe-inline'; connect-src 'self'",
    }
    return Response(challenge_page(report), 200, headers)
