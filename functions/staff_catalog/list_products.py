"""GET /staff/products: all products, by status and id."""

from shop.catalog.actions.keeping import list_products
from shop.catalog.store import DynamoCatalogue
from shop.catalog.wire.keeping import ProductListView, status_asked
from shop.edge.http import Request, endpoint
from shop.kernel.paging import limit_asked

catalogue = DynamoCatalogue()


@endpoint()
def handler(request: Request[None]) -> ProductListView:
    page = list_products(
        catalogue=catalogue,
        status=status_asked(request.query.get("status")),
        limit=limit_asked(request.query.get("limit")),
        cursor=request.query.get("cursor"),
    )
    return ProductListView.of(page)
