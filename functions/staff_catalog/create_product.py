"""POST /staff/products: create a product as a draft.

With an Idempotency-Key the id is derived from the key, so a retry gets ``id_taken`` instead of
creating a second product.
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
    default_id = derived_id("prod", request.caller.owner, key) if key else new_id("prod")
    product = create_product(
        request.body.id or default_id, request.body.draft(), catalog=catalog, at=request.received_at
    )
    headers = {"ETag": f'"{product.version}"', "Location": f"/staff/products/{product.id}"}
    return Response(ProductView.of(product), 201, headers)
