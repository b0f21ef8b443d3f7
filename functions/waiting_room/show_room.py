"""GET /waiting-rooms/{id}: a waiting room that is open, and how to join it."""

from shop.edge.http import Answer, Request, cacheable, endpoint, setting
from shop.kernel.errors import NotFound
from shop.peak.store.rooms import waiting_rooms
from shop.peak.wire.rooms import OpenRoomView

shop_url = setting("SHOP_URL")


@endpoint()
def handler(request: Request[None]) -> Answer:
    for room in waiting_rooms().open(request.at):
        if room.promotion_id == request.path["id"]:
            view = OpenRoomView.of(room, shop_url)
            return cacheable(request, view.model_dump(mode="json"), seconds=5)
    raise NotFound("there is no waiting room of that name; go on to the checkout")
