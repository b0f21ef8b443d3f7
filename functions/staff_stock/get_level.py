"""GET /staff/stock/{sku+}: what is there, promised and for sale; zeros for what nobody counted."""

from shop.catalog.store import DynamoCatalogue
from shop.edge.http import Answer, Request, endpoint
from shop.inventory.actions import look_at
from shop.inventory.store import DynamoStock
from shop.inventory.wire import StockView, place_asked

stock = DynamoStock()
catalogue = DynamoCatalogue()


@endpoint()
def handler(request: Request[None]) -> Answer:
    location = place_asked(request.query)
    level = look_at(request.path["sku"], stock=stock, goods=catalogue, location=location)
    return Answer(StockView.of(level), headers={"ETag": f'"{level.version}"'})
