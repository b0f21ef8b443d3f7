"""The policy that chooses the locations of paid orders."""

from typing import Any

from shop.entrypoints.http import Request, Response
from shop.entrypoints.merge_patch import EditableResource
from shop.inventory.actions.locations import set_allocation_policy
from shop.inventory.model.locations import Locations
from shop.inventory.schemas.locations import PolicyBody, PolicyView
from shop.inventory.store import DynamoLocationRepository
from shop.kernel.optimistic_locking import require_version

locations = DynamoLocationRepository()


def read(request: Request[Any]) -> Response:
    return _response(locations.get())


def replace(request: Request[PolicyBody]) -> Response:
    changed = set_allocation_policy(
        request.body.policy(),
        expected_version=require_version(
            request.headers.get("if-match"), request.body.version, minimum=0
        ),
        locations=locations,
    )
    return _response(changed)


def _response(known: Locations) -> Response:
    view = PolicyView.of(known)
    return Response(view, headers={"ETag": f'"{view.version}"'})


ALLOCATION_POLICY = EditableResource(
    schema=PolicyBody, read=read, replace=replace, read_only=(), first_version=0
)
