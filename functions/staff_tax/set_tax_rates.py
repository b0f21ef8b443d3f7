"""PUT /staff/tax-rates/{country}: change the rates of a country from today or a later day on."""

from shop.entrypoints.http import Request, endpoint
from shop.kernel.optimistic_locking import require_version
from shop.pricing.model.rule_set import RuleSet, market_of
from shop.tax.actions import get_tax_rates, set_tax_rates
from shop.tax.schemas import TaxRatesBody, TaxRatesView
from shop.tax.store.repository import DynamoTaxRateRepository

repository = DynamoTaxRateRepository()


@endpoint(TaxRatesBody)
def handler(request: Request[TaxRatesBody]) -> TaxRatesView:
    country = get_tax_rates(request.path["country"], repository=repository).country
    version = require_version(request.headers.get("if-match"), request.body.version, minimum=0)
    rates = set_tax_rates(
        country,
        request.body.parse(country),
        expected_version=version,
        actor=request.caller.username or "?",
        reason=request.body.reason,
        repository=repository,
        today=RuleSet().market(market_of(country)).day(request.received_at),
        at=request.received_at,
    )
    return TaxRatesView.of(rates)
