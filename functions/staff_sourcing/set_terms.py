"""PUT /staff/stock-terms/{sku+}: sell a SKU on back-order or before it first comes."""

from shop.catalog.store import DynamoCatalogue
from shop.edge.http import Answer, Request, endpoint
from shop.inventory.actions.terms import set_terms
from shop.inventory.store import DynamoLocations, DynamoStock
from shop.inventory.wire.terms import TermsBody, TermsView
from shop.kernel.versions import needed_version

stock = DynamoStock()
locations = DynamoLocations()
catalogue = DynamoCatalogue()


@endpoint(TermsBody)
def handler(request: Request[TermsBody]) -> Answer:
    wish = request.body
    locations.network().location(wish.location)
    level = set_terms(
        request.path["sku"],
        wish.terms(),
        expected_version=needed_version(request.headers.get("if-match"), wish.version, least=0),
        at=request.at,
        stock=stock,
        goods=catalogue,
        location=wish.location,
    )
    return Answer(TermsView.of(level), headers={"ETag": f'"{level.version}"'})
