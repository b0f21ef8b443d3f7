"""GET /staff/stock: the stock of all SKUs at a location, in pages."""

from shop.entrypoints.http import Request, endpoint
from shop.inventory.actions.stock_list import list_stock
from shop.inventory.schemas import location_from_query
from shop.inventory.schemas.stock_list import (
    StockListView,
    filter_from_query,
    prefix_from_query,
)
from shop.inventory.store import DynamoLocationRepository, DynamoStockRepository
from shop.inventory.store.stock_list import DynamoStockList
from shop.kernel.pagination import parse_limit

stock = DynamoStockRepository()
entries = DynamoStockList()
locations = DynamoLocationRepository()


@endpoint()
def handler(request: Request[None]) -> StockListView:
    location = location_from_query(request.query)
    page = list_stock(
        location,
        prefix=prefix_from_query(request.query),
        only=filter_from_query(request.query),
        cursor=request.query.get("cursor"),
        limit=parse_limit(request.query.get("limit")),
        entries=entries,
        stock=stock,
    )
    if not page.items and page.cursor is None:
        locations.get().location(location, "location")  # raises NotFound for an unknown location
    return StockListView.of(page)
