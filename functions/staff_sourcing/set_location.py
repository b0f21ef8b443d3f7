"""PUT /staff/locations/{name}: create a location, or change it at the version that was read."""

from shop.entrypoints.http import Request, Response, endpoint
from shop.inventory.actions.locations import set_location
from shop.inventory.schemas.locations import LocationBody, LocationView, validate_location_name
from shop.inventory.store import DynamoLocationRepository
from shop.kernel.optimistic_locking import require_version

locations = DynamoLocationRepository()


@endpoint(LocationBody)
def handler(request: Request[LocationBody]) -> Response:
    name = validate_location_name(request.path["name"], "name")
    changed = set_location(
        request.body.location(name),
        expected_version=require_version(
            request.headers.get("if-match"), request.body.version, minimum=0
        ),
        locations=locations,
    )
    view = LocationView.of(changed, name)
    return Response(view, headers={"ETag": f'"{view.version}"'})
