"""GET /staff/parked-events: list tracking events of unknown parcels."""

from shop.entrypoints.http import Request, endpoint
from shop.kernel.pagination import parse_limit
from shop.orders.schemas.parked_events import ParkedEventListView
from shop.orders.store.parked_events import DynamoParkedEvents

parked_events = DynamoParkedEvents()


@endpoint()
def handler(request: Request[None]) -> ParkedEventListView:
    limit = parse_limit(request.query.get("limit"))
    return ParkedEventListView.of(
        parked_events.list_all(cursor=request.query.get("cursor"), limit=limit)
    )
