"""POST /staff/stock-takes: many shelves were counted; good lines are kept, the others reported."""

from dataclasses import replace

from shop.catalog.store import DynamoProductCatalog
from shop.entrypoints.http import Request, endpoint
from shop.inventory.actions import AuditInfo, StockEntryService, record_stock_take
from shop.inventory.schemas.levels import level_response
from shop.inventory.schemas.stock_takes import StockTakeRequest, StockTakeView
from shop.inventory.store import DynamoLocationRepository, DynamoStockRepository
from shop.storage.idempotency import DynamoIdempotencyStore

stock_entries = StockEntryService(
    DynamoStockRepository(),
    DynamoProductCatalog(),
    DynamoLocationRepository(),
    DynamoIdempotencyStore(),
)


@endpoint(StockTakeRequest)
def handler(request: Request[StockTakeRequest]) -> StockTakeView:
    take = request.body
    actor = request.caller.username or request.caller.owner
    ask = request.idempotent if request.idempotency_key else None
    done = record_stock_take(
        take.lines_to_record(),
        AuditInfo(actor, request.received_at, take.reason, take.reference),
        write=lambda number, entry: stock_entries.record_idempotent(
            entry, level_response, replace(ask, key=f"{ask.key}#{number}") if ask else None
        ),
        location=take.location,
    )
    return StockTakeView.of(take.lines, done)
