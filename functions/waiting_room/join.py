"""POST /waiting-rooms/{id}/tickets: take a place for a checkout."""

from shop.edge.http import Request, endpoint, setting
from shop.peak.actions.waiting import Desk, join
from shop.peak.gateway.keys import SecretKeys
from shop.peak.store.rooms import DynamoCounter, waiting_rooms
from shop.peak.wire.rooms import JoinBody, TicketView

desk = Desk(DynamoCounter())
keys = SecretKeys(setting("SECRET_WAITING_ROOM"))


@endpoint(JoinBody, status=201)
def handler(request: Request[JoinBody]) -> TicketView:
    joined = join(
        request.path["id"],
        request.body.checkout_id,
        rooms=waiting_rooms(),
        desk=desk,
        keys=keys,
        at=request.at,
    )
    return TicketView.joined(joined)
