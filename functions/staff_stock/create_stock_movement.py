"""POST /staff/stock-movements: record a movement of goods, at the version that was read."""

from shop.catalog.store import DynamoProductCatalog
from shop.entrypoints.http import Request, Response, endpoint
from shop.inventory.actions import StockEntryService
from shop.inventory.schemas.levels import level_response
from shop.inventory.schemas.movements import MovementRequest
from shop.inventory.store import DynamoLocationRepository, DynamoStockRepository
from shop.storage.idempotency import DynamoIdempotencyStore

stock_entries = StockEntryService(
    DynamoStockRepository(),
    DynamoProductCatalog(),
    DynamoLocationRepository(),
    DynamoIdempotencyStore(),
)


@endpoint(MovementRequest, status=201)
def handler(request: Request[MovementRequest]) -> Response:
    entry = request.body.root
    audit_info = entry.audit_info(
        request.caller.username or request.caller.owner, request.received_at
    )
    level = stock_entries.record_idempotent(
        lambda stock_writer: entry.apply(stock_writer, audit_info),
        level_response,
        request.idempotent if request.idempotency_key else None,
    )
    return Response(level, 201, headers={"ETag": f'"{level["version"]}"'})
