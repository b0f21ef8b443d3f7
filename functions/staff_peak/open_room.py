"""PUT /staff/waiting-rooms/{id}: open a promotion's waiting room, or change its pace."""

from shop.edge.http import Request, endpoint
from shop.peak.actions.rooms import open_room
from shop.peak.store.rooms import DynamoRoomBook
from shop.peak.wire.rooms import RoomBody, RoomView
from shop.pricing.store.calendar import DynamoPromotions

book = DynamoRoomBook()
promotions = DynamoPromotions()


@endpoint(RoomBody)
def handler(request: Request[RoomBody]) -> RoomView:
    room = open_room(
        request.path["id"],
        pace=request.body.pace,
        stay=request.body.stay,
        when_blind=request.body.when_unreachable,
        who=request.caller.username or "?",
        why=request.body.why,
        promotions=promotions,
        book=book,
        at=request.at,
    )
    return RoomView.of(room, request.at)
