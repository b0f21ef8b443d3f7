"""POST /staff/price-lists: create a price list, in force from its start or from now."""

from shop.composition.references import catalog_references
from shop.entrypoints.http import Request, endpoint
from shop.pricing.actions.price_lists import create_price_list
from shop.pricing.schemas.price_lists import PriceListBody, PriceListView
from shop.pricing.store.price_lists import DynamoPriceListRepository

repository = DynamoPriceListRepository()
assortment = catalog_references()


@endpoint(PriceListBody, status=201)
def handler(request: Request[PriceListBody]) -> PriceListView:
    created = create_price_list(
        request.body.price_list(),
        repository=repository,
        assortment=assortment,
        at=request.received_at,
    )
    return PriceListView.of(created, request.received_at)
