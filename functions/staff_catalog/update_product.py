"""PUT /staff/products/{id}: replace the content of a product at the version that was read."""

from shop.catalog.actions.product_admin import update_product
from shop.catalog.schemas.admin import ProductBody
from shop.catalog.schemas.admin_views import ProductView
from shop.catalog.store import DynamoProductCatalog
from shop.entrypoints.http import Request, Response, endpoint
from shop.kernel.optimistic_locking import require_version

catalog = DynamoProductCatalog()


@endpoint(ProductBody)
def handler(request: Request[ProductBody]) -> Response:
    product = update_product(
        request.path["id"],
        request.body.draft(),
        expected_version=require_version(request.headers.get("if-match"), request.body.version),
        catalog=catalog,
        at=request.received_at,
    )
    return Response(ProductView.of(product), headers={"ETag": f'"{product.version}"'})
