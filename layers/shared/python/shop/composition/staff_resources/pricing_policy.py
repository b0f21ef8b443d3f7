"""The policy of stacking and rounding."""

from typing import Any

from shop.entrypoints.http import Request, Response
from shop.entrypoints.merge_patch import EditableResource
from shop.kernel.optimistic_locking import require_version
from shop.pricing.actions.policy import update_policy
from shop.pricing.model.policy import PricingPolicy
from shop.pricing.schemas.policy import PricingPolicyBody, PricingPolicyView
from shop.pricing.store.policies import DynamoPricingPolicyRepository

policies = DynamoPricingPolicyRepository()


def read(request: Request[Any]) -> Response:
    return _response(policies.get())


def replace(request: Request[PricingPolicyBody]) -> Response:
    body = request.body
    policy = update_policy(
        body.stacking_groups(),
        body.rounding_policy(),
        expected_version=require_version(request.headers.get("if-match"), body.version, minimum=0),
        actor=request.caller.username or "?",
        policies=policies,
        at=request.received_at,
    )
    return _response(policy)


def _response(policy: PricingPolicy) -> Response:
    return Response(PricingPolicyView.of(policy), headers={"ETag": f'"{policy.version}"'})


PRICING_POLICY = EditableResource(
    schema=PricingPolicyBody,
    read=read,
    replace=replace,
    read_only=("at", "actor"),
    first_version=0,
)
