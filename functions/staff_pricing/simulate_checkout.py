"""POST /staff/what-if: what a basket costs, and what it would cost if something were different."""

from dataclasses import asdict, replace
from typing import Any

from shop.catalog.store import DynamoProductCatalog
from shop.checkout.actions.simulate import (
    SimulationRequest,
    SimulationResult,
    SimulationScenario,
    simulate,
)
from shop.composition.pricing import pricing_context
from shop.credits.store.code_attempts import DynamoCodeAttemptLimiter
from shop.credits.store.repository import DynamoCreditAccountRepository
from shop.entrypoints.http import Request, endpoint
from shop.pricing.actions.catalog_references import CatalogReferences
from shop.pricing.actions.promotions import draft_for_simulation
from shop.pricing.schemas.simulation import (
    SimulationBody,
    SimulationCustomerBody,
    SimulationView,
    translate_path,
    translated_errors,
)
from shop.pricing.store.promotions import DynamoPromotionRepository
from shop.shipping.store import DynamoShippingTableRepository, shipping_table_cache
from shop.tax.gateway.vat_numbers import StdnumVatNumbers

catalog = DynamoProductCatalog()
shipping = DynamoShippingTableRepository()
promotions = DynamoPromotionRepository()
credit_accounts = DynamoCreditAccountRepository()
code_attempts = DynamoCodeAttemptLimiter()
vat_ids = StdnumVatNumbers()
assortment = CatalogReferences(
    catalog, methods=lambda: {method.id for method in shipping.get_current().table.methods}
)
pricing = pricing_context(catalog, shipping_table_cache())


@endpoint(SimulationBody)
def handler(request: Request[SimulationBody]) -> SimulationView:
    body = request.body.with_single_promotion()
    with translated_errors(draft="promotion"):
        draft = body.draft()
        if body.promotion_id is not None:
            draft = promotions.get(body.promotion_id)
        if draft is not None:
            draft = draft_for_simulation(draft, assortment=assortment)
    with translated_errors(draft="policy"):
        policy = body.policy.draft(request.received_at) if body.policy is not None else None
    simulation = SimulationRequest(
        lines=[(line.item, line.quantity) for line in body.lines],
        destination=body.shipping_destination(),
        location=body.location(),
        option_id=body.option,
        currency=body.currency,
        channel=body.channel,
        codes=tuple(body.codes),
        credits=tuple(credit.instrument() for credit in body.credits),
    )
    simulation = _with_customer(simulation, body.customer, "$.customer")
    at = body.at or request.received_at
    with translated_errors():
        before, after, changes = simulate(
            simulation,
            SimulationScenario(
                _with_customer(simulation, body.other_customer, "$.other_customer"),
                body.compare_at_time or at,
                promotion=draft,
                policy=policy,
            ),
            at=at,
            now=request.received_at,
            pricing=pricing,
            credit_accounts=credit_accounts,
            code_attempts=code_attempts,
            rate_limit_subject=request.caller.owner,
        )
    return SimulationView(
        before=_result_view(before), after=_result_view(after), difference=changes.to_dict()
    )


def _with_customer(
    simulation: SimulationRequest, customer: SimulationCustomerBody | None, path: str
) -> SimulationRequest:
    if customer is None:
        return simulation
    return replace(simulation, customer=customer.facts(vat_ids, path), email=customer.email or "")


def _result_view(result: SimulationResult) -> dict[str, Any]:
    offer = result.offer
    return {
        **offer.quote.to_dict(),
        "option": offer.option_id,
        "options": [
            {"id": way.id, "title": way.title, "price": way.price.minor} for way in offer.options
        ],
        "messages": [{**asdict(m), "path": translate_path(m.path)} for m in offer.messages],
        "credits": [part.amount if part else 0 for part in result.parts],
        "due": result.due,
    }
