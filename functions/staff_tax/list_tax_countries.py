"""GET /staff/tax-rates: the countries that the shop has rates of."""

from shop.entrypoints.http import Request, endpoint
from shop.kernel.pagination import parse_limit
from shop.tax.model.rates import BUNDLED_TAX_TABLE
from shop.tax.schemas import TaxCountriesView, tax_countries_view
from shop.tax.store.repository import DynamoTaxRateRepository

repository = DynamoTaxRateRepository()


@endpoint()
def handler(request: Request[None]) -> TaxCountriesView:
    limit = parse_limit(request.query.get("limit"))
    cursor = request.query.get("cursor")
    return tax_countries_view(
        BUNDLED_TAX_TABLE.rates, repository.list_customized(), limit=limit, cursor=cursor
    )
