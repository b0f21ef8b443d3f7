"""GET /staff/stock/{sku}: what is there, promised and for sale. A SKU never seen is all zeros."""

from shop.edge.http import Answer, Request, endpoint
from shop.inventory.model import MAIN
from shop.inventory.store import DynamoStock
from shop.inventory.wire import StockView

stock = DynamoStock()


@endpoint()
def handler(request: Request[None]) -> Answer:
    level = stock.level(request.path["sku"], request.query.get("location", MAIN)[:40])
    return Answer(StockView.of(level), headers={"ETag": f'"{level.version}"'})
