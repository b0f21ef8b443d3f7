"""GET /staff/waiting-rooms: list the open waiting rooms."""

from shop.entrypoints.http import Request, endpoint
from shop.peak.schemas.waiting_rooms import WaitingRoomListView
from shop.peak.store.waiting_rooms import DynamoWaitingRoomRepository

repository = DynamoWaitingRoomRepository()


@endpoint()
def handler(request: Request[None]) -> WaitingRoomListView:
    rooms, _ = repository.list_waiting_rooms()
    return WaitingRoomListView.of(rooms, request.received_at)
