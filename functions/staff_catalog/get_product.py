"""GET /staff/products/{id}: a product as staff change it."""

from shop.catalog.store import DynamoCatalogue
from shop.catalog.wire.keeping import ProductView
from shop.edge.http import Answer, Request, endpoint

catalogue = DynamoCatalogue()


@endpoint()
def handler(request: Request[None]) -> Answer:
    product = catalogue.product(request.path["id"])
    return Answer(ProductView.of(product), headers={"ETag": f'"{product.version}"'})
