"""POST /waiting-rooms/{id}/turns: is it my turn? Answered from the ticket and the clock alone."""

from shop.edge.http import Request, endpoint, setting
from shop.peak.actions.waiting import ask_for_turn
from shop.peak.gateway.keys import SecretKeys
from shop.peak.store.rooms import waiting_rooms
from shop.peak.wire.rooms import PlaceView, TurnBody

keys = SecretKeys(setting("SECRET_WAITING_ROOM"))


@endpoint(TurnBody)
def handler(request: Request[TurnBody]) -> PlaceView:
    place = ask_for_turn(
        request.path["id"],
        request.body.ticket,
        rooms=waiting_rooms(),
        keys=keys,
        at=request.at,
    )
    return PlaceView.of(place)
