"""POST /staff/stock-takes: many shelves were counted; good lines are kept, the others reported."""

from dataclasses import replace

from shop.catalog.store import DynamoCatalogue
from shop.edge.http import Request, endpoint
from shop.inventory.actions import Desk, Slip, take_stock
from shop.inventory.store import DynamoLocations, DynamoStock
from shop.inventory.wire.levels import answered
from shop.inventory.wire.movements import StockTakeRequest, StockTakeView
from shop.storage.keys import DynamoKeys

desk = Desk(DynamoStock(), DynamoCatalogue(), DynamoLocations(), DynamoKeys())


@endpoint(StockTakeRequest)
def handler(request: Request[StockTakeRequest]) -> StockTakeView:
    take = request.body
    actor = request.caller.username or request.caller.owner
    ask = request.ask if request.idempotency_key else None
    done = take_stock(
        take.counted(),
        Slip(actor, request.at, take.reason, take.reference),
        write=lambda number, entry: desk.write(
            entry, answered, replace(ask, key=f"{ask.key}#{number}") if ask else None
        ),
        location=take.location,
    )
    return StockTakeView.of(take.lines, done)
