"""GET /staff/shipping: the current shipping table, or an earlier version."""

from shop.entrypoints.http import Request, endpoint
from shop.kernel.errors import InvalidRequest
from shop.shipping.schemas import ShippingTableView
from shop.shipping.store import DynamoShippingTableRepository

repository = DynamoShippingTableRepository()


@endpoint()
def handler(request: Request[None]) -> ShippingTableView:
    version = request.query.get("version")
    if version is None:
        return ShippingTableView.of(repository.get_current())
    # isdigit alone accepts digits of other scripts, and int would parse them.
    if not (version.isascii() and version.isdigit() and len(version) < 10):
        raise InvalidRequest(
            "Version must be a whole number of at most 9 digits.",
            code="version_invalid",
            path="version",
        )
    return ShippingTableView.of(repository.get(int(version)))
