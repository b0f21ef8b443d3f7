"""POST /staff/stock-transfers: dispatch goods to another location, or receive them there."""

from collections.abc import Mapping
from typing import Any

from shop.catalog.store import DynamoProductCatalog
from shop.entrypoints.http import Request, endpoint
from shop.inventory.actions import StockEntryService
from shop.inventory.schemas.transfers import TransferRequest, TransferView
from shop.inventory.store import DynamoLocationRepository, DynamoStockRepository
from shop.storage.idempotency import DynamoIdempotencyStore

stock_entries = StockEntryService(
    DynamoStockRepository(),
    DynamoProductCatalog(),
    DynamoLocationRepository(),
    DynamoIdempotencyStore(),
)


@endpoint(TransferRequest, status=201)
def handler(request: Request[TransferRequest]) -> Mapping[str, Any]:
    step = request.body.root
    audit_info = step.audit_info(
        request.caller.username or request.caller.owner, request.received_at
    )
    return stock_entries.record_idempotent(
        lambda stock_writer: step.apply(stock_writer, audit_info),
        TransferView.response,
        request.idempotent if request.idempotency_key else None,
    )
