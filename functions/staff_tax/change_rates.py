"""PUT /staff/tax-rates/{country}: what a country's rates are from today or a later day on."""

from shop.edge.http import Request, endpoint
from shop.kernel.versions import needed_version
from shop.pricing.actions.tax import change_rates, rates_of
from shop.pricing.store.taxes import DynamoTaxRates
from shop.pricing.wire.taxes import TaxRatesBody, TaxRatesView

book = DynamoTaxRates()


@endpoint(TaxRatesBody)
def handler(request: Request[TaxRatesBody]) -> TaxRatesView:
    country = rates_of(request.path["country"], book=book).country
    version = needed_version(request.headers.get("if-match"), request.body.version, least=0)
    changed = change_rates(
        country,
        request.body.read(country),
        expected_version=version,
        who=request.caller.username or "?",
        why=request.body.why,
        book=book,
        at=request.at,
    )
    return TaxRatesView.of(changed)
