"""POST /waiting-rooms/{id}/turns: is it my turn? Answered from the ticket and the clock alone."""

from shop.entrypoints.http import Request, endpoint, required_setting
from shop.peak.actions.queue_turns import check_turn
from shop.peak.gateway.signing_keys import SecretAdmissionKeys
from shop.peak.schemas.waiting_rooms import QueuePositionView, TurnCheckBody
from shop.peak.store.waiting_rooms import waiting_rooms

keys = SecretAdmissionKeys(required_setting("SECRET_WAITING_ROOM"))


@endpoint(TurnCheckBody)
def handler(request: Request[TurnCheckBody]) -> QueuePositionView:
    place = check_turn(
        request.path["id"],
        request.body.ticket,
        waiting_rooms=waiting_rooms(),
        admission_keys=keys,
        at=request.received_at,
    )
    return QueuePositionView.of(place)
