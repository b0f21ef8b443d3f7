"""GET /staff/tax-rates/{country}: the rates of a country, or what they were."""

from shop.edge.http import Request, endpoint
from shop.kernel.errors import Invalid
from shop.pricing.actions.tax import rates_of
from shop.pricing.store.taxes import DynamoTaxRates
from shop.pricing.wire.taxes import TaxRatesView

book = DynamoTaxRates()


@endpoint()
def handler(request: Request[None]) -> TaxRatesView:
    rates = rates_of(request.path["country"], book=book)
    asked = request.query.get("version")
    if asked is None:
        return TaxRatesView.of(rates)
    if not (asked.isascii() and asked.isdigit() and len(asked) < 10):
        raise Invalid("a version is a whole number", path="version")
    return TaxRatesView.of(book.version(rates.country, int(asked)))
