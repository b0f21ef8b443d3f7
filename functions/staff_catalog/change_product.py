"""PUT /staff/products/{id}: say anew what a product is, from the version that was read."""

from shop.catalog.actions.keeping import change_product
from shop.catalog.store import DynamoCatalogue
from shop.catalog.wire.keeping import ProductBody, ProductView
from shop.edge.http import Answer, Request, endpoint
from shop.kernel.versions import needed_version

catalogue = DynamoCatalogue()


@endpoint(ProductBody)
def handler(request: Request[ProductBody]) -> Answer:
    product = change_product(
        request.path["id"],
        request.body.draft(),
        expected_version=needed_version(request.headers.get("if-match"), request.body.version),
        catalogue=catalogue,
        at=request.at,
    )
    return Answer(ProductView.of(product), headers={"ETag": f'"{product.version}"'})
