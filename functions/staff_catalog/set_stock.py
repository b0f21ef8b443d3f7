"""PUT /staff/stock/{sku+}: write down what was counted, from the version that was read."""

from shop.catalog.store import DynamoCatalogue
from shop.edge.http import Answer, Request, endpoint
from shop.inventory.actions import set_on_hand
from shop.inventory.store import DynamoStock
from shop.inventory.wire import CountRequest, StockView
from shop.kernel.versions import needed_version

stock = DynamoStock()
catalogue = DynamoCatalogue()


@endpoint(CountRequest)
def handler(request: Request[CountRequest]) -> Answer:
    count = request.body
    level = set_on_hand(
        request.path["sku"],
        count.on_hand,
        expected_version=needed_version(request.headers.get("if-match"), count.version, least=0),
        reason=count.reason,
        actor=request.caller.username or request.caller.owner,
        at=request.at,
        stock=stock,
        location=count.location,
        goods=catalogue,
    )
    return Answer(StockView.of(level), headers={"ETag": f'"{level.version}"'})
