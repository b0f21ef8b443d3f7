"""GET /staff/shipping: the shipping table in force, or what it was."""

from shop.edge.http import Request, endpoint
from shop.kernel.errors import Invalid
from shop.shipping.store import DynamoShippingBook
from shop.shipping.wire import ShippingTableView

book = DynamoShippingBook()


@endpoint()
def handler(request: Request[None]) -> ShippingTableView:
    asked = request.query.get("version")
    if asked is None:
        return ShippingTableView.of(book.now())
    if not (asked.isascii() and asked.isdigit() and len(asked) < 10):
        raise Invalid("a version is a whole number", path="version")
    return ShippingTableView.of(book.of(int(asked)))
