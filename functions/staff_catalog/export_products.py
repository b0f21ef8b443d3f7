"""GET /staff/exports/products: a page of products as Shopify's CSV."""

from shop.catalog.actions.export_jobs import active_skus
from shop.catalog.actions.product_admin import list_products
from shop.catalog.schemas.files import parse_file_currency
from shop.catalog.schemas.shopify_export import ProductExportListView, export_product
from shop.catalog.store import DynamoProductCatalog
from shop.composition.product_exports import units_on_hand
from shop.entrypoints.http import Request, endpoint
from shop.inventory.store import DynamoStockRepository
from shop.kernel.pagination import parse_limit

MAX_PRODUCTS_PER_PAGE = 50
"""A product may have 100 variants and 20,000 characters; a Lambda returns 6 MB."""

catalog = DynamoProductCatalog()
stock = DynamoStockRepository()


@endpoint()
def handler(request: Request[None]) -> ProductExportListView:
    currency = parse_file_currency(request.query.get("currency"))
    page = list_products(
        catalog=catalog,
        status=None,
        limit=parse_limit(request.query.get("limit"), max_results=MAX_PRODUCTS_PER_PAGE),
        cursor=request.query.get("cursor"),
    )
    stored = catalog.get_many(card.product_id for card in page.items)
    units = units_on_hand(active_skus(stored.values()), stock)
    products = [
        export_product(stored[card.product_id], currency, units)
        for card in page.items
        if card.product_id in stored
    ]
    return ProductExportListView(products=products, cursor=page.cursor)
