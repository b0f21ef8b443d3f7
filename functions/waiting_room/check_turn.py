"""POST /waiting-rooms/{id}/turns: return a ticket's queue position, without any read."""

from shop.entrypoints.http import Request, endpoint, required_setting
from shop.peak.actions.queue_turns import check_turn
from shop.peak.gateway.signing_keys import SecretAdmissionKeys
from shop.peak.schemas.waiting_rooms import QueuePositionView, TurnCheckBody
from shop.peak.store.waiting_rooms import waiting_rooms

admission_keys = SecretAdmissionKeys(required_setting("SECRET_WAITING_ROOM"))


@endpoint(TurnCheckBody)
def handler(request: Request[TurnCheckBody]) -> QueuePositionView:
    position = check_turn(
        request.path["id"],
        request.body.ticket,
        waiting_rooms=waiting_rooms(),
        admission_keys=admission_keys,
        at=request.received_at,
    )
    return QueuePositionView.of(position)
