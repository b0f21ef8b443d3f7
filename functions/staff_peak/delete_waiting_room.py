"""DELETE /staff/waiting-rooms/{id}: close a waiting room; its checkouts may complete."""

from shop.entrypoints.http import Request, endpoint
from shop.peak.actions.waiting_rooms import delete_waiting_room
from shop.peak.schemas.waiting_rooms import WaitingRoomListView
from shop.peak.store.waiting_rooms import DynamoWaitingRoomRepository

repository = DynamoWaitingRoomRepository()


@endpoint()
def handler(request: Request[None]) -> WaitingRoomListView:
    delete_waiting_room(request.path["id"], repository=repository)
    rooms, _ = repository.list_waiting_rooms()
    return WaitingRoomListView.of(rooms, request.received_at)
