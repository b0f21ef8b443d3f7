"""GET /staff/tax-rates/{country}: the rates of a country, or one version of them."""

from shop.entrypoints.http import Request, endpoint
from shop.kernel.errors import InvalidRequest
from shop.tax.actions import get_tax_rates
from shop.tax.schemas import TaxRatesView
from shop.tax.store.repository import DynamoTaxRateRepository

repository = DynamoTaxRateRepository()


@endpoint()
def handler(request: Request[None]) -> TaxRatesView:
    rates = get_tax_rates(request.path["country"], repository=repository)
    version = request.query.get("version")
    if version is None:
        return TaxRatesView.of(rates)
    if not (version.isascii() and version.isdigit() and len(version) < 10):
        raise InvalidRequest(
            "The version must be a whole number of at most 9 digits.",
            code="version_invalid",
            path="version",
        )
    return TaxRatesView.of(repository.get_version(rates.country, int(version)))
