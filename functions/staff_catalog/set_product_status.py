"""POST /staff/products/{id}/status: review, publish, withdraw or archive a product."""

from shop.catalog.actions.product_admin import set_product_status
from shop.catalog.model import ProductStatus
from shop.catalog.schemas.admin import StatusBody
from shop.catalog.schemas.admin_views import ProductView
from shop.catalog.store import DynamoProductCatalog
from shop.entrypoints.http import Request, Response, endpoint
from shop.kernel.optimistic_locking import expected_version

catalog = DynamoProductCatalog()


@endpoint(StatusBody)
def handler(request: Request[StatusBody]) -> Response:
    product = set_product_status(
        request.path["id"],
        ProductStatus(request.body.status),
        expected_version=expected_version(request.headers.get("if-match"), request.body.version),
        catalog=catalog,
        at=request.received_at,
    )
    return Response(ProductView.of(product), headers={"ETag": f'"{product.version}"'})
