"""GET /staff/shipping/history: the changes of the shipping table, newest first."""

from shop.entrypoints.http import Request, endpoint
from shop.kernel.pagination import parse_limit
from shop.shipping.schemas import ShippingHistoryView
from shop.shipping.store import DynamoShippingTableRepository

repository = DynamoShippingTableRepository()


@endpoint()
def handler(request: Request[None]) -> ShippingHistoryView:
    limit = parse_limit(request.query.get("limit"), default=20, max_results=20)
    return ShippingHistoryView.of(
        repository.list_versions(cursor=request.query.get("cursor"), limit=limit)
    )
