"""GET /staff/locations: where goods lie, and how orders are shared among these places."""

from shop.edge.http import Request, endpoint
from shop.inventory.store import DynamoLocations
from shop.inventory.wire.sourcing import LocationsView

locations = DynamoLocations()


@endpoint()
def handler(request: Request[None]) -> LocationsView:
    return LocationsView.of(locations.network())
