"""POST /staff/shipping/try: what ways some goods have to a place."""

from shop.edge.http import Request, endpoint
from shop.shipping.actions import options
from shop.shipping.store import DynamoShippingBook
from shop.shipping.wire import ShippingTrialBody, ShippingTrialView

book = DynamoShippingBook()


@endpoint(ShippingTrialBody)
def handler(request: Request[ShippingTrialBody]) -> ShippingTrialView:
    goods, place = request.body.goods(), request.body.place()
    table = request.body.draft() or book.now().table
    zone = table.zone_of(place)
    ways = options(goods, place, table=table, at=request.at)
    return ShippingTrialView.of(zone.id if zone else None, ways)
