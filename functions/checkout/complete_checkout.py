"""POST /checkout-sessions/{id}/complete: place the order and authorize its payment."""

from collections.abc import Mapping
from typing import Any

from shop.checkout.actions.complete import complete_checkout
from shop.checkout.actions.results import CompletionBlocked
from shop.checkout.model import CheckoutSession, waiting_room_message
from shop.checkout.schemas import CompleteRequest
from shop.checkout.schemas.views import CheckoutPageSettings, checkout_view
from shop.composition.checkout import active_waiting_rooms
from shop.composition.completion import checkout_dependencies
from shop.entrypoints.http import Request, endpoint, required_setting
from shop.peak.actions.queue_turns import blocking_room
from shop.peak.gateway.signing_keys import SecretAdmissionKeys
from shop.peak.schemas.checkout_notices import ADMISSION_HEADER, waiting_room_url

deps = checkout_dependencies()
settings = CheckoutPageSettings.from_environment()
waiting_rooms = active_waiting_rooms()
admission_keys = SecretAdmissionKeys(required_setting("SECRET_WAITING_ROOM"))


@endpoint(CompleteRequest, capability="dev.ucp.shopping.checkout")
def handler(request: Request[CompleteRequest]) -> Mapping[str, Any]:
    return complete_checkout(
        request.path["id"],
        request.body.payment_input(),
        request.idempotent,
        deps,
        lambda result: checkout_view(result, settings, request.body.paid_view(result)),
        guard=lambda session: _waiting_room_guard(session, request),
        rate_limit_subject=request.caller.customer or request.source_ip,
    )


def _waiting_room_guard(
    session: CheckoutSession, request: Request[CompleteRequest]
) -> CompletionBlocked | None:
    """Block a checkout of goods with a waiting room until its buyer has an admission."""
    waiting_room = blocking_room(
        session.id,
        [line.variant_id for line in session.offer.lines],
        request.headers.get(ADMISSION_HEADER),
        waiting_rooms=waiting_rooms,
        admission_keys=admission_keys,
        at=request.received_at,
    )
    if waiting_room is None:
        return None
    return CompletionBlocked(
        waiting_room_message(), waiting_room_url(waiting_room, settings.shop_url)
    )
