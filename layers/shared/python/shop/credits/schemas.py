"""Points, store credit and gift cards as they are shown and posted by hand."""

import re
from datetime import datetime
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
)

from shop.credits.model.accounts import CreditAccount
from shop.credits.model.loyalty import POINT_VALUE, points_account, store_credit_account
from shop.credits.ports import CreditAccountRepository
from shop.kernel.errors import InvalidRequest
from shop.kernel.money import CURRENCIES
from shop.kernel.time_bounds import validate_instant

Instant = Annotated[AwareDatetime, Field(strict=False), AfterValidator(validate_instant)]
_ORDER = re.compile("ord_[a-z2-7]{26}")
"""What a movement refers to that a customer knows: an order. All else is what staff wrote."""


class CreditAdjustmentBody(BaseModel):
    """Points or store credit given (above zero) or taken (below) by hand, with the reason why."""

    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)

    kind: Literal["points", "store_credit"]
    amount: int
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")] | None = None
    reason: Annotated[str, StringConstraints(min_length=3, max_length=200, strip_whitespace=True)]
    expires: Instant | None = None

    def account(self, customer_id: str) -> str:
        if self.kind == "points":
            if self.currency is not None:
                raise InvalidRequest(
                    "points have no currency", code="not_allowed", path="$.currency"
                )
            return points_account(customer_id)
        if self.currency not in CURRENCIES:
            raise InvalidRequest(
                "store credit has a currency", code="currency_unknown", path="$.currency"
            )
        return store_credit_account(customer_id, str(self.currency))


class GiftCardBody(BaseModel):
    """A gift card to be issued: minor units of its currency."""

    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)

    amount: Annotated[int, Field(ge=1, le=10**9)]
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
    reason: Annotated[str, StringConstraints(min_length=3, max_length=200, strip_whitespace=True)]
    expires: Instant | None = None

    def checked(self) -> "GiftCardBody":
        if self.currency not in CURRENCIES:
            raise InvalidRequest("no such currency", code="currency_unknown", path="$.currency")
        return self


class GiftCardView(BaseModel):
    """A gift card as it was issued. Its code is told to whoever holds the ``Idempotency-Key``."""

    code: str
    amount: int
    currency: str
    expires: datetime | None = None


class GiftCardBalanceBody(BaseModel):
    """Which gift card, in which currency."""

    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)

    code: Annotated[str, StringConstraints(min_length=8, max_length=64)]
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]


class VoidGiftCardBody(GiftCardBalanceBody):
    """A gift card that is to be worth nothing any more, and why."""

    reason: Annotated[str, StringConstraints(min_length=3, max_length=200, strip_whitespace=True)]


class VoidGiftCardView(BaseModel):
    """What was taken of a gift card under this ``Idempotency-Key``, and what it has left."""

    voided: int
    balance: int
    currency: str


class GiftCardBalanceView(BaseModel):
    balance: int
    currency: str


class CreditEntryView(BaseModel):
    """A movement: above zero came in, below went out."""

    at: datetime
    kind: str
    amount: int
    reference: str
    expires: datetime | None = None


class CreditAccountView(BaseModel):
    """An account: what can be spent now, and its movements, newest first, 100 at most."""

    available: int
    currency: str | None = None
    expires_next: datetime | None = None
    movements: list[CreditEntryView]

    @classmethod
    def of(
        cls, uow: CreditAccount, at: datetime, currency: str | None = None
    ) -> "CreditAccountView":
        lots = [lot for lot in uow.lots() if lot.remaining and lot.is_valid_at(at) and lot.expires]
        return cls(
            available=uow.available(at),
            currency=currency,
            expires_next=lots[0].expires if lots else None,
            movements=[
                CreditEntryView(
                    at=p.at,
                    kind=p.kind.value,
                    amount=p.amount if p.target == uow.account else -p.amount,
                    reference=p.reference,
                    expires=p.expires,
                )
                for p in reversed(uow.entries[-100:])
            ],
        )


class CreditsView(BaseModel):
    """Points and store credit of a customer, the latter by currency."""

    points: CreditAccountView
    store_credit: dict[str, CreditAccountView]


def own_credits_view(
    customer_id: str, credit_accounts: CreditAccountRepository, at: datetime
) -> CreditsView:
    """What a customer sees of it: of what staff did by hand neither who did it nor why."""
    view = credits_view(customer_id, credit_accounts, at)
    for account in (view.points, *view.store_credit.values()):
        for movement in account.movements:
            if not _ORDER.fullmatch(movement.reference):
                movement.reference = ""
    return view


def credits_view(
    customer_id: str, credit_accounts: CreditAccountRepository, at: datetime
) -> CreditsView:
    """What somebody has; store credit in the currencies that the shop deals in."""
    books = {c: credit_accounts.get(store_credit_account(customer_id, c)) for c in POINT_VALUE}
    return CreditsView(
        points=CreditAccountView.of(credit_accounts.get(points_account(customer_id)), at),
        store_credit={
            c: CreditAccountView.of(book, at, c) for c, book in books.items() if book.entries
        },
    )
