"""GET /staff/pricing-policy: the current pricing policy, or a former version of it."""

from shop.entrypoints.http import Request, Response, endpoint
from shop.kernel.errors import InvalidRequest
from shop.pricing.schemas.policy import PricingPolicyView
from shop.pricing.store.policies import DynamoPricingPolicyRepository

policies = DynamoPricingPolicyRepository()


@endpoint()
def handler(request: Request[None]) -> Response:
    version = request.query.get("version")
    if version is None:
        policy = policies.get()
    elif version.isascii() and version.isdigit() and len(version) < 10:
        policy = policies.get_version(int(version))
    else:
        raise InvalidRequest(
            "The version must be a whole number of at most 9 digits.",
            code="version_invalid",
            path="version",
        )
    return Response(PricingPolicyView.of(policy), headers={"ETag": f'"{policy.version}"'})
