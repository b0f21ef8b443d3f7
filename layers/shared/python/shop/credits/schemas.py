"""Request and response types of points, store credit and gift cards."""

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

from shop.credits.actions.gift_cards import GiftCardTerms
from shop.credits.model.account_names import points_account, store_credit_account
from shop.credits.model.accounts import CreditAccount
from shop.credits.model.loyalty import POINT_VALUE
from shop.credits.ports import CreditAccountRepository
from shop.kernel.errors import InvalidRequest
from shop.kernel.money import CURRENCIES
from shop.kernel.time_bounds import validate_instant

MAX_ENTRIES_SHOWN = 100
_ORDER_ID = re.compile("ord_[a-z2-7]{26}")

Instant = Annotated[AwareDatetime, Field(strict=False), AfterValidator(validate_instant)]
"""Instant in ISO 8601 with a time zone.
Example: 2026-12-31T23:59:59Z"""
CurrencyCode = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
"""Currency as an ISO 4217 code.
Example: USD"""
Reason = Annotated[str, StringConstraints(min_length=3, max_length=200, strip_whitespace=True)]
"""Reason for the change, 3 to 200 characters.
Example: Goodwill for a late parcel"""


class CreditAdjustmentBody(BaseModel):
    """Points or store credit that staff grant (above zero) or withdraw (below zero).

    ``amount`` is points, or minor units of ``currency`` for store credit.
    """

    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)

    kind: Literal["points", "store_credit"]
    """Kind of credit to change.
    Example: store_credit"""
    amount: int
    """Points, or minor units of the currency; an amount below zero withdraws.
    Example: 500"""
    currency: CurrencyCode | None = None
    """Currency of store credit as an ISO 4217 code; absent for points.
    Example: USD"""
    reason: Reason
    expires: Instant | None = None
    """Instant at which granted credit expires; without it never."""

    def account_name(self, customer_id: str) -> str:
        """Return the name of the account. Raises InvalidRequest for a wrong currency."""
        if self.kind == "points":
            if self.currency is not None:
                raise InvalidRequest(
                    "Points have no currency. Omit this field.",
                    code="value_contradiction",
                    path="$.currency",
                )
            return points_account(customer_id)
        return store_credit_account(customer_id, _known_currency(self.currency))


class GiftCardBody(BaseModel):
    """A gift card to issue. ``amount`` is in minor units of its currency."""

    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)

    amount: Annotated[int, Field(ge=1, le=10**9)]
    """Value of the card in minor units of its currency.
    Example: 5000"""
    currency: CurrencyCode
    reason: Reason
    expires: Instant | None = None
    """Instant at which the card expires; without it never."""

    def terms(self, actor: str) -> GiftCardTerms:
        """Return the terms of the card. Raises InvalidRequest for an unknown currency."""
        return GiftCardTerms(
            self.amount,
            _known_currency(self.currency),
            with_actor(self.reason, actor),
            self.expires,
        )


class GiftCardView(BaseModel):
    """A gift card that was issued. A repeated ``Idempotency-Key`` returns the same code."""

    code: str
    """Code of the card; the shop stores its digest only."""
    amount: int
    """Value of the card in minor units of its currency."""
    currency: str
    """Currency as an ISO 4217 code."""
    expires: datetime | None = None
    """Instant at which the card expires; absent if never."""

    @classmethod
    def of(cls, code: str, terms: GiftCardTerms) -> "GiftCardView":
        return cls(code=code, amount=terms.amount, currency=terms.currency, expires=terms.expires)


class GiftCardBalanceBody(BaseModel):
    """The code of a gift card, and its currency."""

    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)

    code: Annotated[str, StringConstraints(min_length=8, max_length=64)]
    """Code of the gift card, 8 to 64 characters.
    Example: GIFT-7K2M-9QXT-4HNB"""
    currency: CurrencyCode


class VoidGiftCardBody(GiftCardBalanceBody):
    """A gift card to void, with the reason."""

    reason: Reason


class VoidGiftCardView(BaseModel):
    """The amount that was withdrawn under this ``Idempotency-Key``, and the balance."""

    voided: int
    """Amount that was withdrawn, in minor units."""
    balance: int
    """Balance of the card in minor units."""
    currency: str
    """Currency as an ISO 4217 code."""


class GiftCardBalanceView(BaseModel):
    """The balance of a gift card in minor units."""

    balance: int
    """Balance of the card in minor units."""
    currency: str
    """Currency as an ISO 4217 code."""


class CreditEntryView(BaseModel):
    """A movement into the account (amount above zero) or out of it (below zero)."""

    at: datetime
    """Instant of the movement."""
    kind: str
    """Kind of the movement."""
    amount: int
    """Points, or minor units of the account's currency; below zero for a movement out."""
    reference: str
    """Order id or reason of the movement; customers see order ids only."""
    expires: datetime | None = None
    """Instant at which the credit expires; absent if never."""


class CreditAccountView(BaseModel):
    """An account: the units available now, and up to 100 movements, the newest first."""

    available: int
    """Points, or minor units of the currency, that can be spent now."""
    currency: str | None = None
    """Currency of store credit as an ISO 4217 code; absent for points."""
    expires_next: datetime | None = None
    """Instant at which the next part of the credit expires; absent if none does."""
    movements: list[CreditEntryView]
    """Movements of the account, the newest first, 100 at most."""

    @classmethod
    def of(
        cls, account: CreditAccount, at: datetime, currency: str | None = None
    ) -> "CreditAccountView":
        expiries = [lot.expires for lot in account.lots() if lot.remaining and lot.is_valid_at(at)]
        return cls(
            available=account.available(at),
            currency=currency,
            expires_next=expiries[0] if expiries else None,  # lots are sorted by expiry
            movements=[
                CreditEntryView(
                    at=entry.at,
                    kind=entry.kind.value,
                    amount=entry.amount if entry.target == account.account else -entry.amount,
                    reference=entry.reference,
                    expires=entry.expires,
                )
                for entry in reversed(account.entries[-MAX_ENTRIES_SHOWN:])
            ],
        )


class CreditsView(BaseModel):
    """Points of a customer, and store credit by currency."""

    points: CreditAccountView
    """Loyalty points of the customer."""
    store_credit: dict[str, CreditAccountView]
    """Store credit by currency, as ISO 4217 code; currencies without movements are absent."""


def credits_view(
    customer_id: str, credit_accounts: CreditAccountRepository, at: datetime
) -> CreditsView:
    """Return a customer's points, and store credit in the currencies that have some."""
    by_currency = {
        currency: credit_accounts.get(store_credit_account(customer_id, currency))
        for currency in POINT_VALUE
    }
    return CreditsView(
        points=CreditAccountView.of(credit_accounts.get(points_account(customer_id)), at),
        store_credit={
            currency: CreditAccountView.of(account, at, currency)
            for currency, account in by_currency.items()
            if account.entries
        },
    )


def own_credits_view(
    customer_id: str, credit_accounts: CreditAccountRepository, at: datetime
) -> CreditsView:
    """Return the credits as their customer sees them, without staff names and reasons."""
    view = credits_view(customer_id, credit_accounts, at)
    for account in (view.points, *view.store_credit.values()):
        for movement in account.movements:
            # Order ids are the customer's own; staff write every other reference.
            if not _ORDER_ID.fullmatch(movement.reference):
                movement.reference = ""
    return view


def with_actor(reason: str, actor: str) -> str:
    """Return the reason with the staff user who gave it."""
    return f"{reason} (by {actor})"


def _known_currency(currency: str | None) -> str:
    if currency is None or currency not in CURRENCIES:
        raise InvalidRequest(
            "Currency must be an ISO 4217 code such as USD.",
            code="currency_unknown",
            path="$.currency",
        )
    return currency
