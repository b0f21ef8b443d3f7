"""What staff ask: what a basket would cost at the checkout, and what if something were different.

Both answers are made by the checkout itself: whoever asks is told what a buyer would be told.
No use of anything limited is counted; tries of gift cards are.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from shop.cart.actions import Shelf
from shop.cart.model import counted_as, numbered
from shop.checkout.actions.offering import Basis, offer_for
from shop.checkout.model import Offer, place_of
from shop.kernel.errors import Invalid
from shop.kernel.frozen import frozen
from shop.orders.model import GUEST
from shop.pricing.actions.credits import Instrument, Part, paying
from shop.pricing.model.basket import Basket, CustomerFacts
from shop.pricing.model.coupons import normal
from shop.pricing.model.difference import Difference, difference
from shop.pricing.model.policy import PricingPolicy
from shop.pricing.model.promotions import Promotion
from shop.pricing.model.rules import Rules
from shop.pricing.model.standing import CodeFacts, Standing
from shop.pricing.ports import Guesses, Ledgers, Standings
from shop.shipping.model import ShippingTable

CODE = "WHAT-1F"
"""The code that a draft which asks for one is tried with."""


@frozen(slots=False)
class Asked:
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
    credits: tuple[Instrument, ...] = ()

    @property
    def basis(self) -> Basis:
        """What its checkout would ask for."""
        owner = self.customer.id if self.customer and self.customer.id else GUEST
        return Basis(
            owner=owner,
            lines=numbered([(None, item, quantity) for item, quantity in self.wanted]),
            codes=self.codes,
            place=place_of(self.destination, self.country, self.region, self.postal_code),
            delivered=bool(self.destination),
            option_id=self.option_id,
            currency=self.currency,
            channel=self.channel,
            who=counted_as(owner, {"email": self.email}),
            customer=self.customer,
        )


@frozen(slots=False)
class Told:
    """What its checkout would say, what each credit would pay, and what is left to pay."""

    offer: Offer
    parts: tuple[Part | None, ...]

    @property
    def due(self) -> int:
        """Minor units that the credits leave."""
        return self.offer.quote.total.minor - sum(part.amount for part in self.parts if part)


def what_if(
    asked: Asked,
    other: Asked,
    *,
    shelf: Shelf,
    ledgers: Ledgers,
    guesses: Guesses,
    asker: str,
    now: datetime,
    at: datetime,
    then: datetime,
    promotion: Promotion | None = None,
    policy: PricingPolicy | None = None,
) -> tuple[Told, Told, Difference]:
    """A basket ``at`` one instant as it is asked, and ``then`` as the ``other`` is, with a
    ``promotion`` that is none yet (as if published; a code it asks for as if entered) and under a
    ``policy`` that is not in force.

    Prices, promotions and ways of shipping are those the shop knows ``now``, limits as far as they
    are used up now. Raises Invalid as a checkout would, for an option without a destination, and
    for answers in two currencies, which do not compare.
    """
    if asked.option_id is not None and not asked.destination:
        raise Invalid("a way of shipping has a destination", code="missing", path="$.destination")
    rules = shelf.book.rules(now)
    shipping = None if shelf.shipping is None else _Tables(shelf.shipping.table(now))
    still = replace(shelf, book=_Book(rules), shipping=shipping)

    def pay(asked: Asked, offer: Offer, at: datetime) -> tuple[Part | None, ...]:
        return paying(
            offer.quote.total.minor,
            offer.quote.total.currency,
            asked.credits,
            asked.customer.id if asked.customer else None,
            asker=asker,
            ledgers=ledgers,
            guesses=guesses,
            at=at,
        )

    before = _told(asked, still, pay, at)
    if policy is not None:
        rules = rules.with_policy(policy.groups, policy.rounding)
        still = replace(still, book=_Book(rules))
    if promotion is not None:
        still = replace(still, book=_Book(rules.with_promotion(promotion)))
        if promotion.code_required:
            still = replace(still, standings=_Opened(still.standings, promotion.id))
            other = replace(other, codes=(*other.codes, CODE))
    after = _told(other, still, pay, then)
    if before.offer.quote.currency != after.offer.quote.currency:
        said = f"{before.offer.quote.currency} and {after.offer.quote.currency} do not compare"
        raise Invalid(said, code="currency_mismatch", path="$.currency")
    return before, after, difference(before.offer.quote, after.offer.quote)


Paying = Callable[[Asked, Offer, datetime], tuple[Part | None, ...]]


def _told(asked: Asked, shelf: Shelf, pay: Paying, at: datetime) -> Told:
    offer = offer_for(asked.basis, shelf, at, stock=None, strict=True, explain=True)
    return Told(offer, pay(asked, offer, at))


class _Book:
    """Rules that are the same at every instant that is asked about."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules

    def rules(self, at: datetime) -> Rules:
        return self._rules


class _Tables:
    """A shipping table that is the same at every instant that is asked about."""

    def __init__(self, table: ShippingTable) -> None:
        self._table = table

    def table(self, at: datetime) -> ShippingTable:
        return self._table


class _Opened:
    """What is left of limited things, and the code of a draft beside it."""

    def __init__(self, standings: Standings, promotion_id: str) -> None:
        self._standings, self._promotion_id = standings, promotion_id

    def standing(
        self, basket: Basket, rules: Rules, who: str | None, *, surely: bool = False
    ) -> Standing:
        found = self._standings.standing(basket, rules, who, surely=surely)
        opened = {**found.codes, normal(CODE): CodeFacts(self._promotion_id)}
        return replace(found, codes=opened)
