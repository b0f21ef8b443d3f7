"""PUT /staff/allocation-policy: how the pieces of an order are found among the locations."""

from shop.entrypoints.http import Request, Response, endpoint
from shop.inventory.actions.locations import set_allocation_policy
from shop.inventory.schemas.locations import PolicyBody, PolicyView
from shop.inventory.store import DynamoLocationRepository
from shop.kernel.optimistic_locking import require_version

locations = DynamoLocationRepository()


@endpoint(PolicyBody)
def handler(request: Request[PolicyBody]) -> Response:
    network = set_allocation_policy(
        request.body.policy(),
        expected_version=require_version(
            request.headers.get("if-match"), request.body.version, minimum=0
        ),
        locations=locations,
    )
    view = PolicyView.of(network)
    return Response(view, headers={"ETag": f'"{view.version}"'})
