"""POST /staff/shipping/try: price a shipment with the current shipping table or a draft."""

from shop.entrypoints.http import Request, endpoint
from shop.shipping.actions import shipping_options
from shop.shipping.schemas import ShippingSimulationBody, ShippingSimulationView
from shop.shipping.store import DynamoShippingTableRepository

repository = DynamoShippingTableRepository()


@endpoint(ShippingSimulationBody)
def handler(request: Request[ShippingSimulationBody]) -> ShippingSimulationView:
    goods = request.body.goods()
    table = request.body.draft() or repository.get_current().table
    destination = request.body.destination(table)
    zone = table.zone_of(destination)
    options = shipping_options(goods, destination, table=table, at=request.received_at)
    reason = None if options else table.undeliverable_reason(goods, destination)
    return ShippingSimulationView.of(zone.id if zone else None, options, reason)
