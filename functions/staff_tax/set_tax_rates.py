"""PUT /staff/tax-rates/{country}: change the rates of a country from today or a later day on."""

from shop.composition.tax_warnings import tax_warnings
from shop.entrypoints.http import Request, endpoint
from shop.kernel.optimistic_locking import require_version
from shop.pricing.store.rule_set_cache import rule_set_cache
from shop.tax.actions import get_tax_rates, set_tax_rates
from shop.tax.schemas import TaxRatesBody, TaxRatesView
from shop.tax.store.cache import tax_table_cache
from shop.tax.store.repository import DynamoTaxRateRepository

repository = DynamoTaxRateRepository()
rule_source = rule_set_cache(tax_table_cache())


@endpoint(TaxRatesBody)
def handler(request: Request[TaxRatesBody]) -> TaxRatesView:
    country = get_tax_rates(request.path["country"], repository=repository).country
    rules = rule_source.rules(request.received_at)
    version = require_version(request.headers.get("if-match"), request.body.version, minimum=0)
    rates = set_tax_rates(
        country,
        request.body.parse(country),
        expected_version=version,
        actor=request.caller.username or "?",
        repository=repository,
        today=rules.market_of(country).day(request.received_at),
        at=request.received_at,
    )
    return TaxRatesView.of(rates, tax_warnings(rates, rules, request.received_at))
