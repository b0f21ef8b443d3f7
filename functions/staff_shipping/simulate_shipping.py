"""POST /staff/shipping/try: what ways some goods have to a place."""

from shop.entrypoints.http import Request, endpoint
from shop.shipping.actions import shipping_options
from shop.shipping.schemas import ShippingSimulationBody, ShippingSimulationView
from shop.shipping.store import DynamoShippingTableRepository

repository = DynamoShippingTableRepository()


@endpoint(ShippingSimulationBody)
def handler(request: Request[ShippingSimulationBody]) -> ShippingSimulationView:
    goods, place = request.body.goods(), request.body.place()
    table = request.body.draft() or repository.get_current().table
    zone = table.zone_of(place)
    ways = shipping_options(goods, place, table=table, at=request.received_at)
    return ShippingSimulationView.of(zone.id if zone else None, ways)
