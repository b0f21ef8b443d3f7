"""PUT /staff/waiting-rooms/{id}: open a promotion's waiting room, or change its rate."""

from shop.entrypoints.http import Request, endpoint
from shop.peak.actions.waiting_rooms import set_waiting_room
from shop.peak.model.waiting_room import WaitingRoomSettings
from shop.peak.schemas.waiting_rooms import StaffWaitingRoomView, WaitingRoomBody
from shop.peak.store.waiting_rooms import DynamoWaitingRoomRepository
from shop.pricing.store.promotions import DynamoPromotionRepository

repository = DynamoWaitingRoomRepository()
promotions = DynamoPromotionRepository()


@endpoint(WaitingRoomBody)
def handler(request: Request[WaitingRoomBody]) -> StaffWaitingRoomView:
    room = set_waiting_room(
        request.path["id"],
        WaitingRoomSettings(
            admissions_per_second=request.body.admissions_per_second,
            purchase_window_seconds=request.body.purchase_window_seconds,
            outage_policy=request.body.outage_policy,
        ),
        actor=request.caller.username or "?",
        reason=request.body.reason,
        promotions=promotions,
        repository=repository,
        at=request.received_at,
    )
    return StaffWaitingRoomView.of(room, request.received_at)
