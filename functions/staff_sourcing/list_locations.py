"""GET /staff/locations: all locations, and the policy that allocates orders to them."""

from shop.entrypoints.http import Request, endpoint
from shop.inventory.schemas.locations import LocationsView
from shop.inventory.store import DynamoLocationRepository

locations = DynamoLocationRepository()


@endpoint()
def handler(request: Request[None]) -> LocationsView:
    return LocationsView.of(locations.get())
