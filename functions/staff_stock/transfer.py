"""POST /staff/stock-transfers: goods leave one location for another, and arrive there."""

from collections.abc import Mapping
from typing import Any

from shop.catalog.store import DynamoCatalogue
from shop.edge.http import Request, endpoint
from shop.inventory.actions import Desk
from shop.inventory.store import DynamoLocations, DynamoStock
from shop.inventory.wire.movements import TransferRequest, TransferView
from shop.storage.keys import DynamoKeys

desk = Desk(DynamoStock(), DynamoCatalogue(), DynamoLocations(), DynamoKeys())


@endpoint(TransferRequest, status=201)
def handler(request: Request[TransferRequest]) -> Mapping[str, Any]:
    step = request.body.root
    slip = step.slip(request.caller.username or request.caller.owner, request.at)
    ask = request.ask if request.idempotency_key else None
    return desk.write(lambda book: step.enter(book, slip), TransferView.answered, ask)
