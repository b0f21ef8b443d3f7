"""GET /staff/products/{id}: a product with all its fields, in the format for changes."""

from shop.catalog.schemas.admin_views import ProductView
from shop.catalog.store import DynamoProductCatalog
from shop.entrypoints.http import Request, Response, endpoint

catalog = DynamoProductCatalog()


@endpoint()
def handler(request: Request[None]) -> Response:
    product = catalog.get(request.path["id"])
    return Response(ProductView.of(product), headers={"ETag": f'"{product.version}"'})
