"""GET /staff/waiting-rooms: the waiting rooms that are open."""

from shop.edge.http import Request, endpoint
from shop.peak.store.rooms import DynamoRoomBook
from shop.peak.wire.rooms import RoomsView

book = DynamoRoomBook()


@endpoint()
def handler(request: Request[None]) -> RoomsView:
    rooms, _ = book.rooms()
    return RoomsView.of(rooms, request.at)
