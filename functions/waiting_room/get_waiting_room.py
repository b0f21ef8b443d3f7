"""GET /waiting-rooms/{id}: return an open waiting room and where to get a ticket."""

from shop.entrypoints.caching import cacheable
from shop.entrypoints.http import Request, Response, endpoint, required_setting
from shop.kernel.errors import NotFound
from shop.peak.schemas.waiting_rooms import WaitingRoomView
from shop.peak.store.waiting_rooms import waiting_rooms

shop_url = required_setting("SHOP_URL")


@endpoint()
def handler(request: Request[None]) -> Response:
    for room in waiting_rooms().list_open(request.received_at):
        if room.promotion_id == request.path["id"]:
            view = WaitingRoomView.of(room, shop_url)
            return cacheable(request, view.model_dump(mode="json"), seconds=5)
    raise NotFound("This promotion has no open waiting room. Complete the checkout directly.")
