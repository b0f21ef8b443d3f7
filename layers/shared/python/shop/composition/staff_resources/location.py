"""A location."""

from collections.abc import Mapping
from typing import Any

from shop.entrypoints.http import Request, Response
from shop.entrypoints.merge_patch import EditableResource
from shop.inventory.actions.locations import set_location
from shop.inventory.model.locations import Locations
from shop.inventory.schemas.locations import LocationBody, LocationView, validate_location_name
from shop.inventory.store import DynamoLocationRepository
from shop.kernel.optimistic_locking import require_version

locations = DynamoLocationRepository()


def read(request: Request[Any]) -> Response:
    """Return the location. Raises NotFound: only a PUT adds one."""
    name = validate_location_name(request.path["name"], "name")
    known = locations.get()
    known.location(name, "name")
    return _response(known, name)


def replace(request: Request[LocationBody]) -> Response:
    name = validate_location_name(request.path["name"], "name")
    changed = set_location(
        request.body.location(name),
        expected_version=require_version(
            request.headers.get("if-match"), request.body.version, minimum=0
        ),
        locations=locations,
    )
    return _response(changed, name)


def _response(known: Locations, name: str) -> Response:
    view = LocationView.of(known, name)
    return Response(view, headers={"ETag": f'"{view.version}"'})


def require_country(
    merged: dict[str, Any], stored: dict[str, Any], patch: Mapping[str, Any]
) -> None:
    """Leave out the country that stands for none: the first change of a location must set it."""
    if merged.get("country") == UNKNOWN_COUNTRY:
        merged.pop("country")


UNKNOWN_COUNTRY = "ZZ"

LOCATION = EditableResource(
    schema=LocationBody,
    read=read,
    replace=replace,
    read_only=("name",),
    first_version=0,
    adjust=require_country,
)
