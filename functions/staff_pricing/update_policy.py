"""PUT /staff/pricing-policy: replace the policy of stacking and rounding from now on."""

from shop.entrypoints.http import Request, Response, endpoint
from shop.kernel.optimistic_locking import require_version
from shop.pricing.actions.policy import update_policy
from shop.pricing.schemas.policy import PricingPolicyBody, PricingPolicyView
from shop.pricing.store.policies import DynamoPricingPolicyRepository

policies = DynamoPricingPolicyRepository()


@endpoint(PricingPolicyBody)
def handler(request: Request[PricingPolicyBody]) -> Response:
    body = request.body
    policy = update_policy(
        body.stacking_groups(),
        body.rounding_policy(),
        expected_version=require_version(request.headers.get("if-match"), body.version, minimum=0),
        actor=request.caller.username or "?",
        policies=policies,
        at=request.received_at,
    )
    return Response(PricingPolicyView.of(policy), headers={"ETag": f'"{policy.version}"'})
