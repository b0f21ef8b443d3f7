"""POST /staff/untaxed-decisions: record one decision to sell to several countries without tax."""

from shop.composition.tax_warnings import all_tax_warnings, undecided_countries
from shop.entrypoints.http import Request, endpoint
from shop.pricing.store.markets import DynamoMarketRepository
from shop.tax.actions import record_untaxed_decisions
from shop.tax.schemas.untaxed import UntaxedDecisionsBody, UntaxedDecisionsView
from shop.tax.store.repository import DynamoTaxRateRepository

repository = DynamoTaxRateRepository()
markets = DynamoMarketRepository()


@endpoint(UntaxedDecisionsBody)
def handler(request: Request[UntaxedDecisionsBody]) -> UntaxedDecisionsView:
    at, actor = request.received_at, request.caller.username or "?"
    current = markets.get().markets
    record = record_untaxed_decisions(
        request.body.parse(),
        request.body.reason,
        undecided=lambda rates: undecided_countries(rates, current, at),
        actor=actor,
        repository=repository,
        at=at,
    )
    warnings = all_tax_warnings(record.after, current, at)
    return UntaxedDecisionsView.of(record, warnings, reason=request.body.reason, actor=actor, at=at)
