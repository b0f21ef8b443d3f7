"""POST /staff/stock-takes: record the counts of many SKUs, and report the rejected ones."""

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
    body = request.body
    actor = request.caller.username or request.caller.owner
    whole = request.idempotent if request.idempotency_key else None
    results = record_stock_take(
        body.counts(),
        AuditInfo(actor, request.received_at, body.reason, body.reference),
        # Each line is a transaction of its own, so each needs its own idempotency key.
        write=lambda number, entry: stock_entries.record_idempotent(
            entry, level_response, replace(whole, key=f"{whole.key}#{number}") if whole else None
        ),
        location=body.location,
    )
    return StockTakeView.of(body.lines, results)
