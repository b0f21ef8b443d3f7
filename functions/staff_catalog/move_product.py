"""POST /staff/products/{id}/status: to review, on sale, off sale, away."""

from shop.catalog.actions.keeping import move_product
from shop.catalog.model import Status
from shop.catalog.store import DynamoCatalogue
from shop.catalog.wire.keeping import ProductView, StatusBody
from shop.edge.http import Answer, Request, endpoint
from shop.kernel.versions import expected_version

catalogue = DynamoCatalogue()


@endpoint(StatusBody)
def handler(request: Request[StatusBody]) -> Answer:
    product = move_product(
        request.path["id"],
        Status(request.body.status),
        expected_version=expected_version(request.headers.get("if-match"), request.body.version),
        catalogue=catalogue,
        at=request.at,
    )
    return Answer(ProductView.of(product), headers={"ETag": f'"{product.version}"'})
