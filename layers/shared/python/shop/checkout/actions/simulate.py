"""Simulate a checkout for staff: its price, and its price under other circumstances.

Both results come from the checkout's own code, so a buyer would see the same. A simulation consumes
no limited use; attempts at gift card codes are counted.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial

from shop.cart.actions import PricingContext
from shop.cart.model import LineInput, assign_line_ids, usage_key
from shop.checkout.actions.offer import located_messages, make_offer
from shop.checkout.actions.offer_request import KnownStock, OfferRequest
from shop.checkout.model import Offer
from shop.credits.actions.payment import allocate_credits
from shop.credits.model.payment_split import CreditAllocation, CreditInstrument
from shop.credits.ports import CodeAttemptLimiter, CreditAccountRepository
from shop.kernel.codes import normalize_code
from shop.kernel.errors import InvalidRequest
from shop.kernel.frozen import frozen
from shop.orders.model import GUEST_OWNER
from shop.places.model.destination import Destination, StatedPlace
from shop.pricing.model.basket import Basket, CustomerFacts
from shop.pricing.model.policy import PricingPolicy
from shop.pricing.model.promotions import Promotion
from shop.pricing.model.quote_diff import QuoteDiff, diff_quotes
from shop.pricing.model.rule_set import RuleSet
from shop.pricing.model.usage_limits import CodeStatus, UsageLimits
from shop.pricing.ports import UsageLimitReader
from shop.shipping.model import ShippingTable
from shop.shipping.ports import ShippingTableSource

DRAFT_CODE = "WHAT-1F"
"""Stands for the code of a draft promotion that requires one."""


@frozen(slots=False)
class SimulationRequest:
    """A basket as a customer's checkout would have it, and the credits to pay it with.

    ``lines`` are variant ids and quantities. ``email`` identifies a guest whose uses are counted.
    ``destination`` gives shipping options; ``location`` is a hint that applies without it.
    """

    lines: Sequence[tuple[str, int]]
    customer: CustomerFacts | None = None
    email: str = ""
    destination: Destination | None = None
    location: Destination | None = None
    option_id: str | None = None
    currency: str | None = None
    channel: str = "web"
    codes: tuple[str, ...] = ()
    credits: tuple[CreditInstrument, ...] = ()

    @property
    def _place(self) -> StatedPlace:
        place = self.destination or self.location
        if place is None:
            return StatedPlace()
        is_hint = self.destination is None
        return StatedPlace(place.country, place.region, None, place.postal_code, is_hint)

    @property
    def offer_request(self) -> OfferRequest:
        """Return the request for an offer that such a checkout would make."""
        owner = self.customer.id if self.customer and self.customer.id else GUEST_OWNER
        return OfferRequest(
            owner=owner,
            lines=assign_line_ids(
                [LineInput(None, variant_id, quantity) for variant_id, quantity in self.lines]
            ),
            codes=self.codes,
            place=self._place,
            delivered=self.destination is not None,
            option_id=self.option_id,
            currency=self.currency,
            channel=self.channel,
            usage_key=usage_key(owner, self.email),
            customer=self.customer,
        )


@frozen(slots=False)
class SimulationScenario:
    """The circumstances to compare with.

    ``promotion`` counts as published, and a code that it requires as entered. ``policy`` counts as
    in force.
    """

    request: SimulationRequest
    at: datetime
    promotion: Promotion | None = None
    policy: PricingPolicy | None = None


@frozen(slots=False)
class SimulationResult:
    """The offer of a checkout, and the amount that each credit would pay of it."""

    offer: Offer
    parts: tuple[CreditAllocation | None, ...]

    @property
    def due(self) -> int:
        """Return the amount that the credits leave, in minor units."""
        return self.offer.quote.total.minor - sum(part.amount for part in self.parts if part)


def simulate(
    request: SimulationRequest,
    scenario: SimulationScenario,
    *,
    at: datetime,
    now: datetime,
    pricing: PricingContext,
    credit_accounts: CreditAccountRepository,
    code_attempts: CodeAttemptLimiter,
    rate_limit_subject: str,
) -> tuple[SimulationResult, SimulationResult, QuoteDiff]:
    """Price a basket ``at`` an instant and again in a scenario; return both and the difference.

    Prices, promotions and shipping prices are those known ``now``, and limits those remaining now.

    Raises InvalidRequest as a checkout would, and ``missing`` for a shipping option without a
    destination, ``currency_mismatch`` for results in two currencies. A place that a checkout
    reports in a message is an InvalidRequest, because a simulation has no buyer to correct it.
    """
    if request.option_id is not None and request.destination is None:
        raise InvalidRequest(
            "A shipping option needs a destination. Add one.",
            code="missing",
            path="$.destination",
        )

    allocate = partial(
        allocate_credits,
        rate_limit_subject=rate_limit_subject,
        credit_accounts=credit_accounts,
        code_attempts=code_attempts,
    )
    # Rules and shipping prices are fixed, so that both results differ by the scenario alone.
    rules = pricing.rule_source.rules(now)
    tables = pricing.shipping
    fixed = replace(
        pricing,
        rule_source=_FixedRules(rules),
        shipping=None if tables is None else _FixedShippingTable(tables.table(now)),
    )
    _raise_if_unlocated(request.offer_request, rules, fixed.shipping, now)
    before = _simulate(request, fixed, at, allocate)
    other, changed = _apply(scenario, rules, fixed)
    after = _simulate(other, changed, scenario.at, allocate)
    currencies = before.offer.quote.currency, after.offer.quote.currency
    if currencies[0] != currencies[1]:
        raise InvalidRequest(
            f"Both results must be in one currency, not in {' and '.join(currencies)}.",
            code="currency_mismatch",
            path="$.currency",
        )
    return before, after, diff_quotes(before.offer.quote, after.offer.quote)


def _raise_if_unlocated(
    request: OfferRequest, rules: RuleSet, shipping: ShippingTableSource | None, at: datetime
) -> None:
    table = shipping.table(at) if shipping is not None and request.delivered else None
    for message in located_messages(request, rules, table):
        raise InvalidRequest(message.content, code=message.code, path=message.path)


def _simulate(
    request: SimulationRequest,
    pricing: PricingContext,
    at: datetime,
    allocate: Callable[..., tuple[CreditAllocation | None, ...]],
) -> SimulationResult:
    # No stock is read: a simulation for another instant says nothing about stock.
    offer = make_offer(
        request.offer_request, pricing, at, known_stock=KnownStock(), strict=True, explain=True
    )
    total = offer.quote.total
    customer_id = request.customer.id if request.customer else None
    parts = allocate(total.minor, total.currency, request.credits, customer_id, at=at)
    return SimulationResult(offer, parts)


def _apply(
    scenario: SimulationScenario, rules: RuleSet, pricing: PricingContext
) -> tuple[SimulationRequest, PricingContext]:
    """Return request and pricing context under the scenario's policy and promotion."""
    request, promotion = scenario.request, scenario.promotion
    if scenario.policy is not None:
        rules = rules.with_policy(scenario.policy.groups, scenario.policy.rounding)
    if promotion is not None:
        rules = rules.with_promotion(promotion)
        if promotion.code_required:
            limits = _WithDraftCode(pricing.usage_limits, promotion.id)
            pricing = replace(pricing, usage_limits=limits)
            request = replace(request, codes=(*request.codes, DRAFT_CODE))
    return request, replace(pricing, rule_source=_FixedRules(rules))


class _FixedRules:
    """A rule source with the same rules at every instant."""

    def __init__(self, rules: RuleSet) -> None:
        self._rules = rules

    def rules(self, at: datetime) -> RuleSet:
        return self._rules


class _FixedShippingTable:
    """A shipping table source with the same table at every instant."""

    def __init__(self, table: ShippingTable) -> None:
        self._table = table

    def table(self, at: datetime) -> ShippingTable:
        return self._table


class _WithDraftCode:
    """A usage limit reader that also knows the code of a draft promotion."""

    def __init__(self, reader: UsageLimitReader, promotion_id: str) -> None:
        self._reader, self._promotion_id = reader, promotion_id

    def limits_for(
        self, basket: Basket, rules: RuleSet, actor: str | None, *, consistent: bool = False
    ) -> UsageLimits:
        limits = self._reader.limits_for(basket, rules, actor, consistent=consistent)
        codes = {**limits.codes, normalize_code(DRAFT_CODE): CodeStatus(self._promotion_id)}
        return replace(limits, codes=codes)
