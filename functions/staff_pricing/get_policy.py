"""GET /staff/pricing-policy: how promotions stack and halves are decided, or how they were."""

from shop.edge.http import Answer, Request, endpoint
from shop.kernel.errors import Invalid
from shop.pricing.store.policies import DynamoPricingPolicies
from shop.pricing.wire.policy import PricingPolicyView

policies = DynamoPricingPolicies()


@endpoint()
def handler(request: Request[None]) -> Answer:
    asked = request.query.get("version")
    if asked is None:
        policy = policies.now()
    elif asked.isascii() and asked.isdigit() and len(asked) < 10:
        policy = policies.version(int(asked))
    else:
        raise Invalid("a version is a whole number", path="version")
    return Answer(PricingPolicyView.of(policy), headers={"ETag": f'"{policy.version}"'})
