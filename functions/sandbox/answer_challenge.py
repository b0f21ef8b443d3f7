"""POST /sandbox/challenges/{reference}: approve or decline a payment as its buyer.

The result arrives by a signed webhook, as from a real provider.
"""

from shop.entrypoints.http import Request, endpoint, required_setting
from shop.entrypoints.sqs import send_message
from shop.payments.gateway.factory import create_sandbox_provider
from shop.payments.schemas import ChallengeAnswer, ChallengeResultView

QUEUE = required_setting("QUEUE_SANDBOX_SETTLEMENTS")
sandbox = create_sandbox_provider()


@endpoint(ChallengeAnswer)
def handler(request: Request[ChallengeAnswer]) -> ChallengeResultView:
    state = sandbox.resolve_challenge(request.path["reference"], request.body.approved)
    send_message(QUEUE, {"reference": state.reference})
    return ChallengeResultView(reference=state.reference, status=state.status.value)
