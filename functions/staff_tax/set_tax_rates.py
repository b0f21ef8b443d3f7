"""PUT /staff/tax-rates/{country}: what a country's rates are from today or a later day on."""

from shop.entrypoints.http import Request, endpoint
from shop.kernel.optimistic_locking import require_version
from shop.pricing.actions.tax import get_tax_rates, set_tax_rates
from shop.pricing.schemas.taxes import TaxRatesBody, TaxRatesView
from shop.pricing.store.tax_rates import DynamoTaxRateRepository

repository = DynamoTaxRateRepository()


@endpoint(TaxRatesBody)
def handler(request: Request[TaxRatesBody]) -> TaxRatesView:
    country = get_tax_rates(request.path["country"], repository=repository).country
    version = require_version(request.headers.get("if-match"), request.body.version, minimum=0)
    changed = set_tax_rates(
        country,
        request.body.read(country),
        expected_version=version,
        actor=request.caller.username or "?",
        reason=request.body.reason,
        repository=repository,
        at=request.received_at,
    )
    return TaxRatesView.of(changed)
