"""GET /staff/stock-terms/{sku+}: on which terms a SKU is sold that is not here."""

from shop.catalog.store import DynamoCatalogue
from shop.edge.http import Answer, Request, endpoint
from shop.inventory.actions import look_at
from shop.inventory.model import MAIN
from shop.inventory.store import DynamoLocations, DynamoStock
from shop.inventory.wire.terms import TermsView

stock = DynamoStock()
locations = DynamoLocations()
catalogue = DynamoCatalogue()


@endpoint()
def handler(request: Request[None]) -> Answer:
    location = request.query.get("location", MAIN)
    locations.network().location(location)
    level = look_at(request.path["sku"], stock=stock, goods=catalogue, location=location)
    return Answer(TermsView.of(level), headers={"ETag": f'"{level.version}"'})
