"""PUT /staff/allocation-policy: set the policy that chooses the locations of paid orders."""

from shop.entrypoints.http import Request, Response, endpoint
from shop.inventory.actions.locations import set_allocation_policy
from shop.inventory.schemas.locations import PolicyBody, PolicyView
from shop.inventory.store import DynamoLocationRepository
from shop.kernel.optimistic_locking import require_version

locations = DynamoLocationRepository()


@endpoint(PolicyBody)
def handler(request: Request[PolicyBody]) -> Response:
    changed = set_allocation_policy(
        request.body.policy(),
        expected_version=require_version(
            request.headers.get("if-match"), request.body.version, minimum=0
        ),
        locations=locations,
    )
    view = PolicyView.of(changed)
    return Response(view, headers={"ETag": f'"{view.version}"'})
