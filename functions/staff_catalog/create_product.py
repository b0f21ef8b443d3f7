"""POST /staff/products: a new product, as a draft.

With an Idempotency-Key its id follows from the key, so that a retry finds it taken instead of
making it twice.
"""

from shop.catalog.actions.keeping import create_product
from shop.catalog.store import DynamoCatalogue
from shop.catalog.wire.keeping import ProductBody, ProductView
from shop.edge.http import Answer, Request, endpoint
from shop.kernel.ids import derived_id, new_id

catalogue = DynamoCatalogue()


@endpoint(ProductBody, status=201)
def handler(request: Request[ProductBody]) -> Answer:
    key = request.idempotency_key
    own = derived_id("prod", request.caller.owner, key) if key else new_id("prod")
    product = create_product(
        request.body.id or own, request.body.draft(), catalogue=catalogue, at=request.at
    )
    headers = {"ETag": f'"{product.version}"', "Location": f"/staff/products/{product.id}"}
    return Answer(ProductView.of(product), 201, headers)
