"""POST /waiting-rooms/{id}/tickets: issue a ticket for a checkout."""

from shop.entrypoints.http import Request, endpoint, required_setting
from shop.peak.actions.queue_turns import TicketDispenser, create_ticket
from shop.peak.gateway.signing_keys import SecretAdmissionKeys
from shop.peak.schemas.waiting_rooms import TicketBody, TicketView
from shop.peak.store.waiting_rooms import DynamoTicketCounter, waiting_rooms

dispenser = TicketDispenser(DynamoTicketCounter())
admission_keys = SecretAdmissionKeys(required_setting("SECRET_WAITING_ROOM"))


@endpoint(TicketBody, status=201)
def handler(request: Request[TicketBody]) -> TicketView:
    issued = create_ticket(
        request.path["id"],
        request.body.checkout_id,
        waiting_rooms=waiting_rooms(),
        dispenser=dispenser,
        admission_keys=admission_keys,
        at=request.received_at,
    )
    return TicketView.of_ticket(issued)
