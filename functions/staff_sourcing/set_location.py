"""PUT /staff/locations/{name}: open a location, or change it from the version that was read."""

import re

from shop.entrypoints.http import Request, Response, endpoint
from shop.inventory.actions.locations import set_location
from shop.inventory.schemas.locations import LOCATION_NAME_PATTERN, LocationBody, LocationView
from shop.inventory.store import DynamoLocationRepository
from shop.kernel.errors import InvalidRequest
from shop.kernel.optimistic_locking import require_version

locations = DynamoLocationRepository()


@endpoint(LocationBody)
def handler(request: Request[LocationBody]) -> Response:
    name = request.path["name"]
    if not re.fullmatch(LOCATION_NAME_PATTERN, name):
        raise InvalidRequest(
            f"a location is called something like {LOCATION_NAME_PATTERN}", path="name"
        )
    network = set_location(
        request.body.location(name),
        expected_version=require_version(
            request.headers.get("if-match"), request.body.version, minimum=0
        ),
        locations=locations,
    )
    view = LocationView.of(network, name)
    return Response(view, headers={"ETag": f'"{view.version}"'})
