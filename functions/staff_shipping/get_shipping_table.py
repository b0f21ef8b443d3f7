"""GET /staff/shipping: the shipping table in force, or what it was."""

from shop.entrypoints.http import Request, endpoint
from shop.kernel.errors import InvalidRequest
from shop.shipping.schemas import ShippingTableView
from shop.shipping.store import DynamoShippingTableRepository

repository = DynamoShippingTableRepository()


@endpoint()
def handler(request: Request[None]) -> ShippingTableView:
    body = request.query.get("version")
    if body is None:
        return ShippingTableView.of(repository.get_current())
    if not (body.isascii() and body.isdigit() and len(body) < 10):
        raise InvalidRequest("a version is a whole number", path="version")
    return ShippingTableView.of(repository.get(int(body)))
