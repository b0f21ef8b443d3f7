"""GET /staff/tax-rates: the countries that the shop has rates of."""

from shop.edge.http import Request, endpoint
from shop.pricing.model import BUNDLED
from shop.pricing.store.taxes import DynamoTaxRates
from shop.pricing.wire.taxes import TaxCountriesView

book = DynamoTaxRates()


@endpoint()
def handler(request: Request[None]) -> TaxCountriesView:
    return TaxCountriesView.of(BUNDLED.rates, book.changed())
