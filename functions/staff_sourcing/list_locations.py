"""GET /staff/locations: where goods lie, and how orders are shared among these places."""

from shop.entrypoints.http import Request, endpoint
from shop.inventory.schemas.locations import LocationsView
from shop.inventory.store import DynamoLocationRepository

locations = DynamoLocationRepository()


@endpoint()
def handler(request: Request[None]) -> LocationsView:
    return LocationsView.of(locations.get())
