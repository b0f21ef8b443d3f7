"""What staff ask: what a basket would cost at the checkout, and what if something were different.

Both answers are made by the checkout itself: whoever asks is told what a buyer would be told.
No use of anything limited is counted; tries of gift cards are.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from shop.cart.actions import PricingContext
from shop.cart.model import assign_line_ids, usage_key
from shop.checkout.actions.offer import OfferRequest, make_offer
from shop.checkout.model import Offer, destination_from
from shop.credits.actions.payment import allocate_credits
from shop.credits.model.payment_split import CreditAllocation, CreditInstrument
from shop.credits.ports import CodeAttemptLimiter, CreditAccountRepository
from shop.kernel.codes import normalize_code
from shop.kernel.errors import InvalidRequest
from shop.kernel.frozen import frozen
from shop.orders.model import GUEST_OWNER
from shop.pricing.model.basket import Basket, CustomerFacts
from shop.pricing.model.policy import PricingPolicy
from shop.pricing.model.promotions import Promotion
from shop.pricing.model.quote_diff import QuoteDiff, diff_quotes
from shop.pricing.model.rule_set import RuleSet
from shop.pricing.model.usage_limits import CodeStatus, UsageLimits
from shop.pricing.ports import UsageLimitReader
from shop.shipping.model import ShippingTable

DRAFT_CODE = "WHAT-1F"
"""The code that a draft which asks for one is tried with."""


@frozen(slots=False)
class SimulationRequest:
    """A basket as somebody's checkout would have it, and what it is to be paid with."""

    wanted: Sequence[tuple[str, int]]
    customer: CustomerFacts | None = None
    email: str = ""
    """By which a guest's uses of limited things are counted."""
    destination: Mapping[str, Any] | None = None
    country: str | None = None
    region: str | None = None
    postal_code: str | None = None
    option_id: str | None = None
    currency: str | None = None
    channel: str = "web"
    codes: tuple[str, ...] = ()
    credits: tuple[CreditInstrument, ...] = ()

    @property
    def offer_request(self) -> OfferRequest:
        """What its checkout would ask for."""
        owner = self.customer.id if self.customer and self.customer.id else GUEST_OWNER
        return OfferRequest(
            owner=owner,
            lines=assign_line_ids([(None, item, quantity) for item, quantity in self.wanted]),
            codes=self.codes,
            destination=destination_from(
                self.destination, self.country, self.region, self.postal_code
            ),
            delivered=bool(self.destination),
            option_id=self.option_id,
            currency=self.currency,
            channel=self.channel,
            usage_key=usage_key(owner, {"email": self.email}),
            customer=self.customer,
        )


@frozen(slots=False)
class SimulationResult:
    """What its checkout would say, what each credit would pay, and what is left to pay."""

    offer: Offer
    parts: tuple[CreditAllocation | None, ...]

    @property
    def due(self) -> int:
        """Minor units that the credits leave."""
        return self.offer.quote.total.minor - sum(part.amount for part in self.parts if part)


def simulate(
    asked: SimulationRequest,
    other: SimulationRequest,
    *,
    pricing: PricingContext,
    credit_accounts: CreditAccountRepository,
    code_attempts: CodeAttemptLimiter,
    rate_limit_subject: str,
    now: datetime,
    at: datetime,
    then: datetime,
    promotion: Promotion | None = None,
    policy: PricingPolicy | None = None,
) -> tuple[SimulationResult, SimulationResult, QuoteDiff]:
    """A basket ``at`` one instant as it is asked, and ``then`` as the ``other`` is, with a
    ``promotion`` that is none yet (as if published; a code it asks for as if entered) and under a
    ``policy`` that is not in force.

    Prices, promotions and ways of shipping are those the shop knows ``now``, limits as far as they
    are used up now. Raises Invalid as a checkout would, for an option without a destination, and
    for answers in two currencies, which do not compare.
    """
    if asked.option_id is not None and not asked.destination:
        raise InvalidRequest(
            "a way of shipping has a destination", code="missing", path="$.destination"
        )
    rules = pricing.rule_source.rules(now)
    shipping = None if pricing.shipping is None else _Tables(pricing.shipping.table(now))
    still = replace(pricing, rule_source=_Book(rules), shipping=shipping)

    def pay(
        asked: SimulationRequest, offer: Offer, at: datetime
    ) -> tuple[CreditAllocation | None, ...]:
        return allocate_credits(
            offer.quote.total.minor,
            offer.quote.total.currency,
            asked.credits,
            asked.customer.id if asked.customer else None,
            rate_limit_subject=rate_limit_subject,
            credit_accounts=credit_accounts,
            code_attempts=code_attempts,
            at=at,
        )

    before = _told(asked, still, pay, at)
    if policy is not None:
        rules = rules.with_policy(policy.groups, policy.rounding)
        still = replace(still, rule_source=_Book(rules))
    if promotion is not None:
        still = replace(still, rule_source=_Book(rules.with_promotion(promotion)))
        if promotion.code_required:
            still = replace(still, usage_limits=_Opened(still.usage_limits, promotion.id))
            other = replace(other, codes=(*other.codes, DRAFT_CODE))
    after = _told(other, still, pay, then)
    if before.offer.quote.currency != after.offer.quote.currency:
        said = f"{before.offer.quote.currency} and {after.offer.quote.currency} do not compare"
        raise InvalidRequest(said, code="currency_mismatch", path="$.currency")
    return before, after, diff_quotes(before.offer.quote, after.offer.quote)


Paying = Callable[[SimulationRequest, Offer, datetime], tuple[CreditAllocation | None, ...]]


def _told(
    asked: SimulationRequest, pricing: PricingContext, pay: Paying, at: datetime
) -> SimulationResult:
    offer = make_offer(asked.offer_request, pricing, at, stock=None, strict=True, explain=True)
    return SimulationResult(offer, pay(asked, offer, at))


class _Book:
    """Rules that are the same at every instant that is asked about."""

    def __init__(self, rules: RuleSet) -> None:
        self._rules = rules

    def rules(self, at: datetime) -> RuleSet:
        return self._rules


class _Tables:
    """A shipping table that is the same at every instant that is asked about."""

    def __init__(self, table: ShippingTable) -> None:
        self._table = table

    def table(self, at: datetime) -> ShippingTable:
        return self._table


class _Opened:
    """What is left of limited things, and the code of a draft beside it."""

    def __init__(self, limits: UsageLimitReader, promotion_id: str) -> None:
        self._standings, self._promotion_id = limits, promotion_id

    def limits_for(
        self, basket: Basket, rules: RuleSet, actor: str | None, *, consistent: bool = False
    ) -> UsageLimits:
        found = self._standings.limits_for(basket, rules, actor, consistent=consistent)
        opened = {**found.codes, normalize_code(DRAFT_CODE): CodeStatus(self._promotion_id)}
        return replace(found, codes=opened)
