"""POST /staff/stock-movements: goods come, go or change their condition, from the version read."""

from shop.catalog.store import DynamoCatalogue
from shop.edge.http import Answer, Request, endpoint
from shop.inventory.actions import Desk
from shop.inventory.store import DynamoLocations, DynamoStock
from shop.inventory.wire.levels import answered
from shop.inventory.wire.movements import MovementRequest
from shop.storage.keys import DynamoKeys

desk = Desk(DynamoStock(), DynamoCatalogue(), DynamoLocations(), DynamoKeys())


@endpoint(MovementRequest, status=201)
def handler(request: Request[MovementRequest]) -> Answer:
    entry = request.body.root
    slip = entry.slip(request.caller.username or request.caller.owner, request.at)
    ask = request.ask if request.idempotency_key else None
    level = desk.write(lambda book: entry.enter(book, slip), answered, ask)
    return Answer(level, 201, headers={"ETag": f'"{level["version"]}"'})
