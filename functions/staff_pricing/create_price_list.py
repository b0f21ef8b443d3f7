"""POST /staff/price-lists: a new price list, in force from its start or from now."""

from shop.catalog.store import DynamoCatalogue
from shop.edge.http import Request, endpoint
from shop.pricing.actions.assortment import InCatalogue
from shop.pricing.actions.price_lists import make_price_list
from shop.pricing.store.price_lists import DynamoPriceBook
from shop.pricing.wire.price_lists import PriceListBody, PriceListView

book = DynamoPriceBook()
assortment = InCatalogue(DynamoCatalogue())


@endpoint(PriceListBody, status=201)
def handler(request: Request[PriceListBody]) -> PriceListView:
    made = make_price_list(
        request.body.price_list(), book=book, assortment=assortment, at=request.at
    )
    return PriceListView.of(made, request.at)
