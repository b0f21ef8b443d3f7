"""POST /sandbox/challenges/{reference}: the buyer approves or declines; a webhook tells."""

from typing import Any

from shop.edge.http import Request, endpoint, setting
from shop.edge.queue import send
from shop.payments.gateway.chosen import sandbox_of_the_stage
from shop.payments.wire import ChallengeAnswer

QUEUE = setting("QUEUE_SANDBOX_SETTLEMENTS")
sandbox = sandbox_of_the_stage()


@endpoint(ChallengeAnswer)
def handler(request: Request[ChallengeAnswer]) -> dict[str, Any]:
    report = sandbox.decide(request.path["reference"], request.body.approved)
    send(QUEUE, {"reference": report.reference})
    return {"reference": report.reference, "status": report.status.value}
