"""Pay an order with credits."""

from collections.abc import Sequence
from datetime import datetime

from shop.credits.actions.lookup import find_gift_card
from shop.credits.model.account_names import (
    gift_card_account,
    points_account,
    store_credit_account,
)
from shop.credits.model.accounts import CreditAccount
from shop.credits.model.loyalty import POINT_VALUE
from shop.credits.model.payment_split import (
    CreditAllocation,
    CreditInstrument,
    allocated_units,
)
from shop.credits.ports import CodeAttemptLimiter, CreditAccountRepository
from shop.kernel.errors import InvalidRequest
from shop.kernel.usage import CREDIT, UsageReservation

GIFT_CARD, STORE_CREDIT, LOYALTY = "gift_card", "store_credit", "loyalty"


def allocate_credits(
    total: int,
    currency: str,
    instruments: Sequence[CreditInstrument],
    customer: str | None,
    *,
    rate_limit_subject: str,
    credit_accounts: CreditAccountRepository,
    code_attempts: CodeAttemptLimiter,
    at: datetime,
) -> tuple[CreditAllocation | None, ...]:
    """Return the part of a total that each instrument pays, in the order sent.

    An instrument that is not needed has ``None``. Source of the order: UCP, "Split payments".

    Raises InvalidRequest with the path of the instrument: ``gift_card_unknown``, ``duplicate``,
    ``credit_insufficient``, ``payment_amount_invalid``, and the codes of a credit that the customer
    cannot use. Raises RateLimited for too many unknown gift cards of the caller
    (``rate_limit_subject``); discount codes count as well.
    """
    allocations: list[CreditAllocation | None] = []
    due, used_accounts = total, set[str]()
    for position, instrument in enumerate(instruments):
        path = f"$.payment.instruments[{position}]"
        account_name, unit_value = _account_of(instrument, currency, customer, path)
        if account_name in used_accounts:
            raise InvalidRequest(
                "Each credit may pay once. Remove this one.", code="duplicate", path=path
            )
        used_accounts.add(account_name)
        account: CreditAccount | None
        if instrument.type == GIFT_CARD:
            account = find_gift_card(
                account_name,
                rate_limit_subject=rate_limit_subject,
                path=path,
                credit_accounts=credit_accounts,
                code_attempts=code_attempts,
                at=at,
            )
            if account is None:
                raise InvalidRequest(
                    "This gift card is unknown. Check its code and currency.",
                    code="gift_card_unknown",
                    path=path,
                )
        else:
            account = credit_accounts.get(account_name)
        available = account.available(at) * unit_value
        units = allocated_units(due, available, unit_value, instrument.amount)
        if units is None:
            raise _cannot_pay(instrument, unit_value, due, available, path)
        allocation = CreditAllocation(account_name, units, units * unit_value)
        allocations.append(allocation if units else None)
        due -= allocation.amount
    return tuple(allocations)


def _account_of(
    instrument: CreditInstrument, currency: str, customer: str | None, path: str
) -> tuple[str, int]:
    """Return the name of the account, and the value of one unit in minor units."""
    if instrument.type == GIFT_CARD:
        return gift_card_account(instrument.token, currency), 1
    if instrument.type not in (STORE_CREDIT, LOYALTY):
        raise InvalidRequest(
            f"Type must be {GIFT_CARD}, {STORE_CREDIT} or {LOYALTY}.",
            code="value_unknown",
            path=f"{path}.type",
        )
    if customer is None:
        raise InvalidRequest("Sign in to pay with this credit.", code="sign_in_required", path=path)
    if instrument.type == STORE_CREDIT:
        return store_credit_account(customer, currency), 1
    if currency not in POINT_VALUE:
        raise InvalidRequest(
            f"Points cannot pay in {currency}. Pay without them.",
            code="currency_mismatch",
            path=path,
        )
    return points_account(customer), POINT_VALUE[currency]


def _cannot_pay(
    instrument: CreditInstrument, unit_value: int, due: int, available: int, path: str
) -> InvalidRequest:
    """Return the error for a credit that cannot pay its amount, or not one whole unit."""
    if instrument.amount is not None and instrument.amount <= available:
        return InvalidRequest(
            f"Amount must be at most {due}, and a multiple of {unit_value}.",
            code="payment_amount_invalid",
            path=f"{path}.amount",
        )
    return InvalidRequest(
        f"This credit has {available}, and {due} is due. Change its amount, or pay without it.",
        code="credit_insufficient",
        path=path,
    )


def usage_of_allocations(
    order_id: str, allocations: Sequence[CreditAllocation]
) -> tuple[UsageReservation, ...]:
    """Return the credit that the order's transaction spends, as usage reservations."""
    return tuple(
        UsageReservation(CREDIT, f"{part.account}|{order_id}", part.units, None, "")
        for part in allocations
    )
