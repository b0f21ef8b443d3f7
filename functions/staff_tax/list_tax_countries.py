"""GET /staff/tax-rates: the countries with tax rates."""

from shop.entrypoints.http import Request, endpoint
from shop.kernel.pagination import parse_limit
from shop.tax.schemas import TaxCountriesView, tax_countries_view
from shop.tax.store.repository import DynamoTaxRateRepository

repository = DynamoTaxRateRepository()


@endpoint()
def handler(request: Request[None]) -> TaxCountriesView:
    return tax_countries_view(
        repository.list_customized(),
        limit=parse_limit(request.query.get("limit")),
        cursor=request.query.get("cursor"),
    )
