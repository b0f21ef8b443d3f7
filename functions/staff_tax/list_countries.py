"""GET /staff/tax-rates: the countries that the shop has rates of."""

from shop.edge.http import Request, endpoint
from shop.kernel.paging import limit_asked
from shop.pricing.model.tax import BUNDLED
from shop.pricing.store.taxes import DynamoTaxRates
from shop.pricing.wire.taxes import TaxCountriesView, tax_countries_view

book = DynamoTaxRates()


@endpoint()
def handler(request: Request[None]) -> TaxCountriesView:
    limit = limit_asked(request.query.get("limit"))
    cursor = request.query.get("cursor")
    return tax_countries_view(BUNDLED.rates, book.changed(), limit=limit, cursor=cursor)
