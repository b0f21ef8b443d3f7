"""GET /sandbox/challenges/{reference}: where a buyer approves a payment, or does not."""

from shop.edge.http import Answer, Request, endpoint
from shop.payments.gateway.chosen import sandbox_of_the_stage
from shop.payments.wire import challenge_page

sandbox = sandbox_of_the_stage()


@endpoint()
def handler(request: Request[None]) -> Answer:
    _, report = sandbox.payment(request.path["reference"])
    headers = {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Security-Policy": "script-src 'unsafe-inline'; connect-src 'self'",
    }
    return Answer(challenge_page(report), 200, headers)
