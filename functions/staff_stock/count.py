"""PUT /staff/stock/{sku+}: write down what was counted, from the version that was read."""

from shop.catalog.store import DynamoCatalogue
from shop.edge.http import Answer, Request, endpoint
from shop.inventory.actions import Desk, set_on_hand
from shop.inventory.store import DynamoLocations, DynamoStock
from shop.inventory.wire import CountRequest
from shop.inventory.wire.levels import answered
from shop.kernel.versions import needed_version
from shop.storage.keys import DynamoKeys

desk = Desk(DynamoStock(), DynamoCatalogue(), DynamoLocations(), DynamoKeys())


@endpoint(CountRequest)
def handler(request: Request[CountRequest]) -> Answer:
    count = request.body
    version = needed_version(request.headers.get("if-match"), count.version, least=0)
    level = desk.write(
        lambda book: set_on_hand(
            request.path["sku"],
            count.on_hand,
            expected_version=version,
            reason=count.reason,
            actor=request.caller.username or request.caller.owner,
            at=request.at,
            stock=book,
            location=count.location,
            reference=count.reference,
        ),
        answered,
        request.ask if request.idempotency_key else None,
    )
    return Answer(level, headers={"ETag": f'"{level["version"]}"'})
