"""PUT /staff/pricing-policy: how promotions stack and halves are decided from now on."""

from shop.edge.http import Answer, Request, endpoint
from shop.kernel.versions import needed_version
from shop.pricing.actions.policy import change_policy
from shop.pricing.store.policies import DynamoPricingPolicies
from shop.pricing.wire.policy import PricingPolicyBody, PricingPolicyView

policies = DynamoPricingPolicies()


@endpoint(PricingPolicyBody)
def handler(request: Request[PricingPolicyBody]) -> Answer:
    wish = request.body
    policy = change_policy(
        wish.stacking(),
        wish.rounds(),
        expected_version=needed_version(request.headers.get("if-match"), wish.version, least=0),
        who=request.caller.username or "?",
        policies=policies,
        at=request.at,
    )
    return Answer(PricingPolicyView.of(policy), headers={"ETag": f'"{policy.version}"'})
