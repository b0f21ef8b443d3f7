"""GET /staff/pricing-policy: how promotions stack and halves are decided, or how they were."""

from shop.entrypoints.http import Request, Response, endpoint
from shop.kernel.errors import InvalidRequest
from shop.pricing.schemas.policy import PricingPolicyView
from shop.pricing.store.policies import DynamoPricingPolicyRepository

policies = DynamoPricingPolicyRepository()


@endpoint()
def handler(request: Request[None]) -> Response:
    body = request.query.get("version")
    if body is None:
        policy = policies.get()
    elif body.isascii() and body.isdigit() and len(body) < 10:
        policy = policies.get_version(int(body))
    else:
        raise InvalidRequest("a version is a whole number", path="version")
    return Response(PricingPolicyView.of(policy), headers={"ETag": f'"{policy.version}"'})
