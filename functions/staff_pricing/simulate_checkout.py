"""POST /staff/checkout-simulations: simulate a checkout, and compare it with another one."""

from dataclasses import replace

from shop.catalog.store import DynamoProductCatalog
from shop.checkout.actions.simulate import (
    SimulationRequest,
    SimulationResult,
    SimulationScenario,
    simulate,
)
from shop.composition.pricing import pricing_context
from shop.composition.references import catalog_references
from shop.credits.store.code_attempts import DynamoCodeAttemptLimiter
from shop.credits.store.repository import DynamoCreditAccountRepository
from shop.entrypoints.http import Request, endpoint
from shop.pricing.actions.promotions import draft_for_simulation
from shop.pricing.schemas.simulation import (
    SimulatedCheckoutView,
    SimulatedMessageView,
    SimulatedOptionView,
    SimulationBody,
    SimulationCustomerBody,
    SimulationDifferenceView,
    SimulationView,
    translate_path,
    translated_errors,
)
from shop.pricing.store.promotions import DynamoPromotionRepository
from shop.shipping.store import shipping_table_cache
from shop.tax.gateway.vat_numbers import StdnumVatNumbers

catalog = DynamoProductCatalog()
promotions = DynamoPromotionRepository()
credit_accounts = DynamoCreditAccountRepository()
code_attempts = DynamoCodeAttemptLimiter()
vat_ids = StdnumVatNumbers()
assortment = catalog_references(catalog)
pricing = pricing_context(catalog, shipping_table_cache())


@endpoint(SimulationBody)
def handler(request: Request[SimulationBody]) -> SimulationView:
    simulation = request.body.with_single_promotion()
    with translated_errors(draft="promotion"):
        draft = simulation.draft()
        if simulation.promotion_id is not None:
            draft = promotions.get(simulation.promotion_id)
        if draft is not None:
            draft = draft_for_simulation(draft, assortment=assortment)
    with translated_errors(draft="policy"):
        policy = (
            simulation.policy.draft(request.received_at) if simulation.policy is not None else None
        )
    body = SimulationRequest(
        lines=[(line.item, line.quantity) for line in simulation.lines],
        destination=simulation.shipping_destination(),
        location=simulation.location(),
        option_id=simulation.option,
        currency=simulation.currency,
        channel=simulation.channel,
        codes=tuple(simulation.codes),
        credits=tuple(credit.instrument() for credit in simulation.credits),
    )
    body = _with_customer(body, simulation.customer, "$.customer")
    at = simulation.at or request.received_at
    with translated_errors():
        before, after, changes = simulate(
            body,
            SimulationScenario(
                _with_customer(body, simulation.other_customer, "$.other_customer"),
                simulation.compare_at_time or at,
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
        before=_view(before),
        after=_view(after),
        difference=SimulationDifferenceView.model_validate(changes.to_dict()),
    )


def _with_customer(
    request: SimulationRequest, customer: SimulationCustomerBody | None, path: str
) -> SimulationRequest:
    if customer is None:
        return request
    return replace(request, customer=customer.facts(vat_ids, path), email=customer.email or "")


def _view(result: SimulationResult) -> SimulatedCheckoutView:
    offer = result.offer
    return SimulatedCheckoutView.from_quote(
        offer.quote,
        option=offer.option_id,
        options=[
            SimulatedOptionView(id=option.id, title=option.title, price=option.price.minor)
            for option in offer.options
        ],
        messages=[
            SimulatedMessageView(
                type=message.type,
                code=message.code,
                content=message.content,
                path=translate_path(message.path),
                severity=message.severity,
            )
            for message in offer.messages
        ],
        credits=[part.amount if part else 0 for part in result.parts],
        due=result.due,
    )
