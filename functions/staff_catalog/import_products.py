"""POST /staff/imports: take in a product file, Shopify's CSV or YAML, with its opening stock."""

from shop.catalog.actions.importing import import_products
from shop.catalog.schemas.admin_views import ImportReportView
from shop.catalog.schemas.files import MAX_FILE_BYTES, import_options_from_query, parse_product_file
from shop.catalog.store import DynamoProductCatalog
from shop.entrypoints.http import Request, endpoint
from shop.inventory.store import DynamoStockRepository

catalogue = DynamoProductCatalog()
stock = DynamoStockRepository()


@endpoint(body_limit=MAX_FILE_BYTES)
def handler(request: Request[None]) -> ImportReportView:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    read = parse_product_file(request.raw_body, kind, import_options_from_query(request.query))
    done = import_products(read.entries, catalogue=catalogue, at=request.received_at)
    counts = {s: n for e in read.entries if e.product_id in done.kept for s, n in e.counts.items()}
    actor = request.caller.username or request.caller.owner
    opened = stock.create_levels(
        counts, actor=actor, reason="product import", at=request.received_at
    )
    return ImportReportView.of(done, read.rejected, len(opened), len(counts), list(read.notices))
