"""PUT /staff/locations/{name}: open a location, or change it from the version that was read."""

import re

from shop.edge.http import Answer, Request, endpoint
from shop.inventory.actions.network import describe_location
from shop.inventory.store import DynamoLocations
from shop.inventory.wire.sourcing import NAME, LocationBody, LocationView
from shop.kernel.errors import Invalid
from shop.kernel.versions import needed_version

locations = DynamoLocations()


@endpoint(LocationBody)
def handler(request: Request[LocationBody]) -> Answer:
    name = request.path["name"]
    if not re.fullmatch(NAME, name):
        raise Invalid(f"a location is called something like {NAME}", path="name")
    network = describe_location(
        request.body.location(name),
        expected_version=needed_version(
            request.headers.get("if-match"), request.body.version, least=0
        ),
        locations=locations,
    )
    view = LocationView.of(network, name)
    return Answer(view, headers={"ETag": f'"{view.version}"'})
