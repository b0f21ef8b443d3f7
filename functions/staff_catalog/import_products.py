"""POST /staff/imports: import a product file (Shopify's CSV, or YAML) with its opening stock."""

from shop.catalog.actions.importing import import_file
from shop.catalog.schemas.admin_views import ImportReportView
from shop.catalog.schemas.files import MAX_FILE_BYTES, import_options_from_query, parse_product_file
from shop.catalog.store import DynamoProductCatalog
from shop.entrypoints.http import Request, endpoint
from shop.inventory.store import DynamoStockRepository
from shop.tax.store.cache import tax_table_cache

catalog = DynamoProductCatalog()
stock = DynamoStockRepository()
tax = tax_table_cache()


@endpoint(body_limit=MAX_FILE_BYTES)
def handler(request: Request[None]) -> ImportReportView:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    parsed = parse_product_file(request.raw_body, kind, import_options_from_query(request.query))
    parsed.tax_classes = tax.table().classes
    imported = import_file(
        parsed,
        catalog=catalog,
        stock=stock,
        actor=request.caller.username or request.caller.owner,
        at=request.received_at,
    )
    return ImportReportView.of(imported, parsed)
