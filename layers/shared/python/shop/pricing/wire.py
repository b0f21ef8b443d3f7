"""Promotions and coupons as staff write and read them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from shop.kernel.data import written
from shop.kernel.errors import Invalid
from shop.kernel.instants import instant
from shop.kernel.money import CURRENCIES
from shop.kernel.paging import Page, place_in, to_cursor
from shop.kernel.text import country, currency
from shop.pricing.model import CustomerFacts, Promotion, Quote
from shop.pricing.model.coupons import Coupon
from shop.pricing.model.credits import Ledger
from shop.pricing.model.difference import Difference
from shop.pricing.model.effects import GiftWith
from shop.pricing.model.group_buy import GroupBuy
from shop.pricing.model.history import PriceHistory
from shop.pricing.model.known import Known
from shop.pricing.model.loyalty import WORTH, points_of, store_credit_of
from shop.pricing.model.price_lists import PriceList
from shop.pricing.ports import Ledgers

Country = Annotated[str, AfterValidator(country)]
Instant = Annotated[AwareDatetime, Field(strict=False), AfterValidator(instant)]
Id = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]


class PromotionBody(BaseModel):
    """A promotion as docs/law/pricing.md describes it. What it may hold, the model checks itself:
    each problem comes back with its path.
    """

    model_config = ConfigDict(extra="allow", defer_build=True)

    def promotion(self, id_: str | None = None) -> Promotion:
        """Raises Invalid with field and reason of every contradiction."""
        told = dict(self.model_extra or {})
        for name in ("published", "published_at", "ended_at", "version", "status"):
            told.pop(name, None)
        if id_ is not None:
            told["id"] = id_
        promotion = Promotion.from_dict(told)
        effect = promotion.effect
        if isinstance(effect, GiftWith) and not effect.variant:
            said = "a gift is taken out of stock: say which variant it is"
            raise Invalid(said, code="variant_missing", path="$.effect.variant")
        return promotion


class PromotionView(BaseModel):
    """A promotion with its state at this instant; further members as they were written."""

    model_config = ConfigDict(extra="allow", defer_build=True)

    id: str
    title: str
    status: str
    version: int

    @classmethod
    def of(cls, promotion: Promotion, at: datetime) -> "PromotionView":
        status, version = promotion.status(at).value, promotion.version
        return cls(**{**promotion.to_dict(), "status": status, "version": version})


class PromotionListView(BaseModel):
    promotions: list[PromotionView]
    cursor: str | None = None

    @classmethod
    def of(cls, page: Page[Promotion], at: datetime) -> "PromotionListView":
        return cls(promotions=[PromotionView.of(p, at) for p in page.items], cursor=page.cursor)


class PriceListBody(BaseModel):
    """A price list as docs/law/pricing.md (§3) describes it; the model checks what it may hold.

    With ``version`` a change is refused where somebody else changed the list since.
    """

    model_config = ConfigDict(extra="allow", defer_build=True)

    version: int | None = None

    def price_list(self, id_: str | None = None) -> PriceList:
        """Raises Invalid with field and reason of every contradiction."""
        told = dict(self.model_extra or {})
        for name in ("status", "created_at", "past"):
            told.pop(name, None)
        if id_ is not None:
            told["id"] = id_
        return PriceList.from_dict(told)


class PriceListView(BaseModel):
    """A price list with its state at this instant; further members as they were written."""

    model_config = ConfigDict(extra="allow", defer_build=True)

    id: str
    currency: str
    status: str
    version: int

    @classmethod
    def of(cls, price_list: PriceList, at: datetime) -> "PriceListView":
        told = price_list.to_dict()
        told.pop("past", None)
        return cls(**{**told, "version": price_list.version, "status": price_list.status(at)})


class PriceListSummary(BaseModel):
    """A price list without its prices."""

    id: str
    title: str
    currency: str
    status: str
    version: int
    entries: int
    priority: int
    markets: list[str]
    channels: list[str]
    groups: list[str]
    starts: datetime | None = None
    ends: datetime | None = None

    @classmethod
    def of(cls, price_list: PriceList, at: datetime) -> "PriceListSummary":
        return cls(
            id=price_list.id,
            title=price_list.title,
            currency=price_list.currency,
            status=price_list.status(at),
            version=price_list.version,
            entries=len(price_list.entries),
            priority=price_list.priority,
            markets=list(price_list.markets),
            channels=list(price_list.channels),
            groups=list(price_list.groups),
            starts=price_list.window.starts,
            ends=price_list.window.ends,
        )


class PriceListsView(BaseModel):
    """The price lists, those that go first first."""

    price_lists: list[PriceListSummary]
    cursor: str | None = None


def price_lists_view(
    lists: Sequence[PriceList], at: datetime, *, limit: int, cursor: str | None
) -> PriceListsView:
    """A page of the lists, in the order of their ids."""
    after = place_in(cursor)
    rest = [n for n in sorted(lists, key=lambda n: n.id) if after is None or n.id > after]
    more = to_cursor({"after": rest[limit - 1].id}) if len(rest) > limit else None
    return PriceListsView(
        price_lists=[PriceListSummary.of(n, at) for n in rest[:limit]], cursor=more
    )


class PricePointView(BaseModel):
    """From ``since`` on one unit was announced at ``price``; ``regular`` is what that was off."""

    since: datetime
    price: int
    regular: int | None = None


class ReductionView(BaseModel):
    """The reduction that runs, and the lowest price of the thirty days before it began."""

    began: datetime
    price: int
    lowest_30_days: int | None
    percent: int


class PriceHistoryView(BaseModel):
    """All amounts are minor units of ``currency``."""

    article: str
    market: str
    currency: str
    points: list[PricePointView]
    reduction: ReductionView | None = None

    @classmethod
    def of(
        cls, history: PriceHistory, market: str, currency: str, at: datetime
    ) -> "PriceHistoryView":
        now = history.reduction(at)
        return cls(
            article=history.article,
            market=market,
            currency=currency,
            points=[
                PricePointView(
                    since=p.since,
                    price=p.price.minor,
                    regular=p.regular.minor if p.regular else None,
                )
                for p in history.points
            ],
            reduction=None
            if now is None
            else ReductionView(
                began=now.began,
                price=now.price.minor,
                lowest_30_days=now.lowest.minor if now.lowest else None,
                percent=now.percent,
            ),
        )


class CouponBody(BaseModel):
    """A coupon: with ``code`` one code used by many, without it codes are issued in batches."""

    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)

    id: Id
    promotion_id: Id
    code: Annotated[str, StringConstraints(max_length=64)] | None = None
    quantity: int | None = None
    per_code: int = 1
    per_customer: int | None = None
    starts: Instant | None = None
    ends: Instant | None = None

    def coupon(self) -> Coupon:
        return Coupon(**{name: getattr(self, name) for name in type(self).model_fields})


class CouponView(BaseModel):
    model_config = ConfigDict(extra="allow", defer_build=True)

    id: str
    promotion_id: str

    @classmethod
    def of(cls, coupon: Coupon) -> "CouponView":
        return cls(**written(coupon))


class BatchBody(BaseModel):
    """How many codes, and what they begin with."""

    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)

    count: int
    prefix: str = ""


class BatchView(BaseModel):
    """How many codes were issued, a few of them, and where all are."""

    issued: int
    examples: list[str]
    codes_at: str


class GroupBuyBody(BaseModel):
    """Which promotion a group is to be opened for."""

    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)

    promotion_id: Id


class GroupBuyView(BaseModel):
    """A group that buys together: whoever gives its ``code`` at the checkout joins it.

    ``members`` have paid; of ``places_left`` some may be taken by orders that are being paid.
    """

    id: str
    promotion_id: str
    code: str
    status: str
    size: int
    members: int
    places_left: int
    deadline: str


def group_buy_view(group: GroupBuy, at: datetime) -> dict[str, Any]:
    """A group as it is shown; a deadline that is past has failed it, whoever closes it later."""
    return GroupBuyView(
        id=group.id,
        promotion_id=group.promotion_id,
        code=group.code,
        status=group.status_at(at).value,
        size=group.size,
        members=len(group.seats),
        places_left=group.size - len(group.seats),
        deadline=group.deadline.isoformat(),
    ).model_dump()


class CodesView(BaseModel):
    """Codes of a coupon, up to 1,000 at a time."""

    codes: list[str]
    cursor: str | None = None


class CustomerBody(BaseModel):
    """What the rules may know of a customer."""

    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)

    id: str | None = None
    groups: list[str] = Field(default_factory=list)
    segments: list[str] = Field(default_factory=list)
    orders_before: Annotated[int, Field(ge=0)] | None = None

    def facts(self) -> CustomerFacts:
        return CustomerFacts(self.id, tuple(self.groups), tuple(self.segments), self.orders_before)


class PlacingBody(BaseModel):
    """The groups and segments of a customer, in place of those before."""

    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)

    groups: list[str] = Field(default_factory=list)
    segments: list[str] = Field(default_factory=list)
    version: int | None = None


class KnownView(BaseModel):
    """Groups and segments of a customer, as the rules know them."""

    customer_id: str
    groups: list[str]
    segments: list[str]
    version: int

    @classmethod
    def of(cls, known: Known) -> "KnownView":
        return cls(
            customer_id=known.customer_id,
            groups=list(known.groups),
            segments=list(known.segments),
            version=known.version,
        )


class AdjustBody(BaseModel):
    """Points or store credit given (above zero) or taken (below) by hand, with the reason why."""

    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)

    kind: Literal["points", "store_credit"]
    amount: int
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")] | None = None
    reason: Annotated[str, StringConstraints(min_length=3, max_length=200, strip_whitespace=True)]
    expires: Instant | None = None

    def account(self, customer_id: str) -> str:
        if self.kind == "points":
            return points_of(customer_id)
        if self.currency not in CURRENCIES:
            raise Invalid("store credit has a currency", code="currency_unknown", path="$.currency")
        return store_credit_of(customer_id, str(self.currency))


class CardBody(BaseModel):
    """A gift card to be issued: minor units of its currency."""

    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)

    amount: Annotated[int, Field(ge=1, le=10**9)]
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
    reason: Annotated[str, StringConstraints(min_length=3, max_length=200, strip_whitespace=True)]
    expires: Instant | None = None

    def checked(self) -> "CardBody":
        if self.currency not in CURRENCIES:
            raise Invalid("no such currency", code="currency_unknown", path="$.currency")
        return self


class CardView(BaseModel):
    """A gift card as it was issued. The code is told this once."""

    code: str
    amount: int
    currency: str
    expires: datetime | None = None


class BalanceBody(BaseModel):
    """Which gift card, in which currency."""

    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)

    code: Annotated[str, StringConstraints(min_length=8, max_length=64)]
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]


class BalanceView(BaseModel):
    balance: int
    currency: str


class MovementView(BaseModel):
    """A movement: above zero came in, below went out."""

    at: datetime
    kind: str
    amount: int
    reference: str
    expires: datetime | None = None


class AccountView(BaseModel):
    """An account: what can be spent now, and its movements, newest first, 100 at most."""

    available: int
    currency: str | None = None
    expires_next: datetime | None = None
    movements: list[MovementView]

    @classmethod
    def of(cls, ledger: Ledger, at: datetime, currency: str | None = None) -> "AccountView":
        lots = [lot for lot in ledger.lots() if lot.left and lot.lives_at(at) and lot.expires]
        return cls(
            available=ledger.available(at),
            currency=currency,
            expires_next=lots[0].expires if lots else None,
            movements=[
                MovementView(
                    at=p.at,
                    kind=p.kind.value,
                    amount=p.amount if p.target == ledger.account else -p.amount,
                    reference=p.reference,
                    expires=p.expires,
                )
                for p in reversed(ledger.postings[-100:])
            ],
        )


class CreditsView(BaseModel):
    """Points and store credit of a customer, the latter by currency."""

    points: AccountView
    store_credit: dict[str, AccountView]


def credits_view(customer_id: str, ledgers: Ledgers, at: datetime) -> CreditsView:
    """What somebody has; store credit in the currencies that the shop deals in."""
    books = {c: ledgers.of(store_credit_of(customer_id, c)) for c in WORTH}
    return CreditsView(
        points=AccountView.of(ledgers.of(points_of(customer_id)), at),
        store_credit={c: AccountView.of(book, at, c) for c, book in books.items() if book.postings},
    )


class WantedBody(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)

    item: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    quantity: Annotated[int, Field(ge=1, le=10_000)]


class WhatIfBody(BaseModel):
    """A basket, and what is to be different about it: the instant, the customer, a promotion."""

    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)

    lines: Annotated[list[WantedBody], Field(min_length=1, max_length=200)]
    country: Country | None = None
    codes: Annotated[list[str], Field(max_length=10)] = Field(default_factory=list)
    customer: CustomerBody | None = None
    at: Instant | None = None
    then: Instant | None = None
    other_customer: CustomerBody | None = None
    promotion: PromotionBody | None = None


class WhatIfView(BaseModel):
    """Both quotes, each with its trace, and what the second changes."""

    before: dict[str, Any]
    after: dict[str, Any]
    difference: dict[str, Any]

    @classmethod
    def of(cls, before: Quote, after: Quote, changes: Difference) -> "WhatIfView":
        return cls(before=before.to_dict(), after=after.to_dict(), difference=changes.to_dict())


def batch_view(coupon_id: str, codes: Sequence[str]) -> BatchView:
    return BatchView(
        issued=len(codes),
        examples=list(codes[:3]),
        codes_at=f"/staff/coupons/{coupon_id}/codes",
    )


def place_asked(query: Mapping[str, str]) -> tuple[str | None, str | None]:
    """``?country=`` and ``?currency=``, ``None`` where they are not named. Raises Invalid."""
    checks = {"country": country, "currency": currency}
    for name, check in checks.items():
        try:
            if name in query:
                check(query[name])
        except ValueError as error:
            raise Invalid(str(error), code=f"{name}_unknown", path=name) from None
    return query.get("country"), query.get("currency")


def limit_asked(text: str | None) -> int:
    """``?limit=`` of a list: 50 unless told, 200 at most."""
    if text is None:
        return 50
    if not (text.isascii() and text.isdigit() and 0 < len(text) < 7 and int(text)):
        raise Invalid("a limit is a whole number above zero", path="limit")
    return min(int(text), 200)
