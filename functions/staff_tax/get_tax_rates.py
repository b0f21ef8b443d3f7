"""GET /staff/tax-rates/{country}: the rates of a country, or what they were."""

from shop.entrypoints.http import Request, endpoint
from shop.kernel.errors import InvalidRequest
from shop.tax.actions import get_tax_rates
from shop.tax.schemas import TaxRatesView
from shop.tax.store.repository import DynamoTaxRateRepository

repository = DynamoTaxRateRepository()


@endpoint()
def handler(request: Request[None]) -> TaxRatesView:
    rates = get_tax_rates(request.path["country"], repository=repository)
    body = request.query.get("version")
    if body is None:
        return TaxRatesView.of(rates)
    if not (body.isascii() and body.isdigit() and len(body) < 10):
        raise InvalidRequest("a version is a whole number", path="version")
    return TaxRatesView.of(repository.get_version(rates.country, int(body)))
