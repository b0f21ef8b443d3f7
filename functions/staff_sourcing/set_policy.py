"""PUT /staff/allocation-policy: how the pieces of an order are found among the locations."""

from shop.edge.http import Answer, Request, endpoint
from shop.inventory.actions.network import set_policy
from shop.inventory.store import DynamoLocations
from shop.inventory.wire.sourcing import PolicyBody, PolicyView
from shop.kernel.versions import needed_version

locations = DynamoLocations()


@endpoint(PolicyBody)
def handler(request: Request[PolicyBody]) -> Answer:
    network = set_policy(
        request.body.policy(),
        expected_version=needed_version(
            request.headers.get("if-match"), request.body.version, least=0
        ),
        locations=locations,
    )
    view = PolicyView.of(network)
    return Answer(view, headers={"ETag": f'"{view.version}"'})
