"""POST /staff/products: a new product, as a draft.

With an Idempotency-Key its id follows from the key, so that a retry finds it taken instead of
making it twice.
"""

from shop.catalog.actions.product_admin import create_product
from shop.catalog.schemas.admin import ProductBody
from shop.catalog.schemas.admin_views import ProductView
from shop.catalog.store import DynamoProductCatalog
from shop.entrypoints.http import Request, Response, endpoint
from shop.kernel.ids import derived_id, new_id

catalog = DynamoProductCatalog()


@endpoint(ProductBody, status=201)
def handler(request: Request[ProductBody]) -> Response:
    key = request.idempotency_key
    own = derived_id("prod", request.caller.owner, key) if key else new_id("prod")
    product = create_product(
        request.body.id or own, request.body.draft(), catalog=catalog, at=request.received_at
    )
    headers = {"ETag": f'"{product.version}"', "Location": f"/staff/products/{product.id}"}
    return Response(ProductView.of(product), 201, headers)
