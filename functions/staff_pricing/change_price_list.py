"""PUT /staff/price-lists/{id}: what a price list says from now on."""

from shop.catalog.store import DynamoCatalogue
from shop.edge.http import Answer, Request, endpoint
from shop.kernel.versions import needed_version
from shop.pricing.actions.assortment import InCatalogue
from shop.pricing.actions.price_lists import change_price_list
from shop.pricing.store.price_lists import DynamoPriceBook
from shop.pricing.wire.price_lists import PriceListBody, PriceListView

book = DynamoPriceBook()
assortment = InCatalogue(DynamoCatalogue())


@endpoint(PriceListBody)
def handler(request: Request[PriceListBody]) -> Answer:
    id_ = request.path["id"]
    changed = change_price_list(
        id_,
        request.body.price_list(id_),
        expected_version=needed_version(request.headers.get("if-match"), request.body.version),
        book=book,
        assortment=assortment,
        at=request.at,
    )
    return Answer(PriceListView.of(changed, request.at), headers={"ETag": f'"{changed.version}"'})
