"""GET /staff/tax-rates/{country}: the rates of a country, or one version of them."""

from shop.composition.tax_warnings import tax_warnings
from shop.entrypoints.http import Request, endpoint
from shop.kernel.errors import InvalidRequest
from shop.pricing.store.rule_set_cache import rule_set_cache
from shop.tax.actions import get_tax_rates
from shop.tax.model.us_states import state_taxes
from shop.tax.schemas import TaxRatesView
from shop.tax.store.cache import tax_table_cache
from shop.tax.store.repository import DynamoTaxRateRepository

repository = DynamoTaxRateRepository()
rule_source = rule_set_cache(tax_table_cache())


@endpoint()
def handler(request: Request[None]) -> TaxRatesView:
    rates = get_tax_rates(request.path["country"], repository=repository)
    version = request.query.get("version")
    if version is None:
        rules = rule_source.rules(request.received_at)
        today = rules.market_of(rates.country).day(request.received_at)
        states = state_taxes(today, rates.rates) if rates.country == "US" else None
        return TaxRatesView.of(rates, tax_warnings(rates, rules, request.received_at), states)
    if not (version.isascii() and version.isdigit() and len(version) < 10):
        raise InvalidRequest(
            "The version must be a whole number of at most 9 digits.",
            code="version_invalid",
            path="version",
        )
    return TaxRatesView.of(repository.get_version(rates.country, int(version)), [])
