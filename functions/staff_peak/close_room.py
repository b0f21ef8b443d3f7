"""DELETE /staff/waiting-rooms/{id}: close a waiting room; whoever waits may buy."""

from shop.edge.http import Request, endpoint
from shop.peak.actions.rooms import close_room
from shop.peak.store.rooms import DynamoRoomBook
from shop.peak.wire.rooms import RoomsView

book = DynamoRoomBook()


@endpoint()
def handler(request: Request[None]) -> RoomsView:
    close_room(request.path["id"], book=book)
    rooms, _ = book.rooms()
    return RoomsView.of(rooms, request.at)
