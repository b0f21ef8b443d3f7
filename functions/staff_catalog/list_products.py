"""GET /staff/products: all products by status and id."""

from shop.catalog.actions.product_admin import list_products
from shop.catalog.schemas.admin_views import ProductListView, product_status_from_query
from shop.catalog.store import DynamoProductCatalog
from shop.entrypoints.http import Request, endpoint
from shop.kernel.pagination import parse_limit

catalog = DynamoProductCatalog()


@endpoint()
def handler(request: Request[None]) -> ProductListView:
    page = list_products(
        catalog=catalog,
        status=product_status_from_query(request.query.get("status")),
        limit=parse_limit(request.query.get("limit")),
        cursor=request.query.get("cursor"),
    )
    return ProductListView.of(page)
