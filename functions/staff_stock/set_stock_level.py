"""PUT /staff/stock/{sku+}: record a count of the units on hand, at the version that was read."""

from shop.catalog.store import DynamoProductCatalog
from shop.entrypoints.http import Request, Response, endpoint
from shop.inventory.actions import AuditInfo, StockEntryService, set_on_hand
from shop.inventory.schemas import StockLevelRequest
from shop.inventory.schemas.levels import level_response
from shop.inventory.store import DynamoLocationRepository, DynamoStockRepository
from shop.kernel.optimistic_locking import require_version
from shop.kernel.text_folding import clean_key
from shop.storage.idempotency import DynamoIdempotencyStore

stock_entries = StockEntryService(
    DynamoStockRepository(),
    DynamoProductCatalog(),
    DynamoLocationRepository(),
    DynamoIdempotencyStore(),
)


@endpoint(StockLevelRequest)
def handler(request: Request[StockLevelRequest]) -> Response:
    count = request.body
    version = require_version(request.headers.get("if-match"), count.version, minimum=0)
    actor = request.caller.username or request.caller.owner
    audit = AuditInfo(actor, request.received_at, count.reason, count.reference)
    level = stock_entries.record_idempotent(
        lambda stock_writer: set_on_hand(
            clean_key(request.path["sku"]),
            count.on_hand,
            audit,
            expected_version=version,
            stock_writer=stock_writer,
            location=count.location,
        ),
        level_response,
        request.idempotent if request.idempotency_key else None,
    )
    return Response(level, headers={"ETag": f'"{level["version"]}"'})
