"""GET /staff/stock-levels?sku=…: what is there of a SKU, in total and at each location."""

from shop.catalog.store import DynamoCatalogue
from shop.edge.http import Request, endpoint
from shop.inventory.actions import look_everywhere
from shop.inventory.store import DynamoStock
from shop.inventory.wire import LevelsView, sku_asked

stock = DynamoStock()
catalogue = DynamoCatalogue()


@endpoint()
def handler(request: Request[None]) -> LevelsView:
    sku = sku_asked(request.query)
    return LevelsView.of(sku, look_everywhere(sku, stock=stock, goods=catalogue))
