"""Gift cards, store credit and points: given, spent in part, given back, taken back, expired.

Every movement is a command with an id of its own: given twice, it counts once. A spend stands in
the order's own transaction (:class:`shop.pricing.ports.UsageCounters`); all others are made here.
"""

import hmac
from collections.abc import Callable, Sequence
from datetime import datetime

from shop.credits.model.accounts import CREDIT, CreditAccount
from shop.credits.model.loyalty import (
    POINT_VALUE,
    POINTS_VALIDITY,
    earned_points,
    generate_gift_card_code,
    gift_card_account,
    points_account,
    store_credit_account,
)
from shop.credits.ports import CodeAttemptLimiter, CreditAccountRepository
from shop.kernel.errors import IdempotencyKeyReused, InvalidRequest, NotFound, VersionConflict
from shop.kernel.frozen import frozen
from shop.kernel.ids import derived_id
from shop.kernel.unit_of_work import ConditionFailed
from shop.kernel.unit_of_work import UnitOfWork as Transactions
from shop.kernel.usage import UsageReservation

MAX_UNITS = 10**9
"""Units of one movement beyond which it is a slip of the keyboard."""
MAX_ATTEMPTS = 6
SEED_BYTES = 32
"""Random bytes of a gift card's code."""


@frozen(slots=False)
class CreditInstrument:
    """A credit that somebody wants to pay with: ``gift_card`` (``token`` is its code),
    ``store_credit`` or ``loyalty``; ``amount`` in minor units, ``None`` for as much as there is.
    """

    type: str
    token: str = ""
    amount: int | None = None


@frozen
class CreditAllocation:
    """What an instrument pays: ``units`` of its account, ``amount`` in minor units of money."""

    account: str
    units: int
    amount: int


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
    """What each instrument pays of a total, in their order; ``None`` for one that is not needed.

    One that has nothing left while something is due is refused, so that nobody's money pays in its
    place unasked. ``asker`` is who tries gift cards: as often as is no guessing, discount codes
    included. Raises TooMany beyond that, and :class:`Invalid` (``payment_failed``) for an unknown
    card, a credit of nobody's, an account named twice, and an amount that is not there; UCP,
    "Split payments".
    """
    parts: list[CreditAllocation | None] = []
    due, seen = total, set[str]()
    for place, instrument in enumerate(instruments):
        path = f"$.payment.instruments[{place}]"
        account, worth = _account(instrument, currency, customer, path)
        if account in seen:
            raise InvalidRequest("this credit is named twice", code="payment_failed", path=path)
        seen.add(account)
        if instrument.type == "gift_card":
            card = _card(
                account,
                rate_limit_subject,
                path,
                credit_accounts=credit_accounts,
                code_attempts=code_attempts,
                at=at,
            )
            if card is None:
                raise InvalidRequest("there is no such gift card", code="payment_failed", path=path)
            book = card
        else:
            book = credit_accounts.get(account)
        there = book.available(at) * worth
        wish = instrument.amount
        if wish is not None and (wish > there or wish > due or wish % worth):
            why = f"{wish} cannot be paid from it: {there} there, {due} due"
            raise InvalidRequest(why, code="payment_failed", path=path)
        if due >= worth > there:
            why = f"nothing is left of it, and {due} is due; look at it again, or pay without it"
            raise InvalidRequest(why, code="payment_failed", path=path)
        units = min(there if wish is None else wish, due) // worth
        parts.append(CreditAllocation(account, units, units * worth) if units else None)
        due -= units * worth
    return tuple(parts)


def _card(
    account: str,
    rate_limit_subject: str,
    path: str,
    *,
    credit_accounts: CreditAccountRepository,
    code_attempts: CodeAttemptLimiter,
    at: datetime,
) -> CreditAccount | None:
    """A gift card somebody named, ``None`` where there is none.

    It is counted before it is looked up, so that many at once try no more than one after another,
    and counted back where it turns out to exist. Raises TooMany.
    """
    code_attempts.record_attempts(rate_limit_subject, 1, at, path=path)
    book = credit_accounts.get(account)
    if not book.entries:
        return None
    code_attempts.forgive(rate_limit_subject, 1, at)
    return book


def _account(
    instrument: CreditInstrument, currency: str, customer: str | None, path: str
) -> tuple[str, int]:
    if instrument.type == "gift_card":
        return gift_card_account(instrument.token, currency), 1
    if customer is None:
        raise InvalidRequest("sign in to pay with this", code="payment_failed", path=path)
    if instrument.type == "store_credit":
        return store_credit_account(customer, currency), 1
    if instrument.type == "loyalty" and currency in POINT_VALUE:
        return points_account(customer), POINT_VALUE[currency]
    raise InvalidRequest("this does not pay here", code="payment_failed", path=path)


def usage_of_allocations(
    order_id: str, parts: Sequence[CreditAllocation]
) -> tuple[UsageReservation, ...]:
    """What an order takes from the accounts, as it is counted in its transaction."""
    return tuple(
        UsageReservation(CREDIT, f"{p.account}|{order_id}", p.units, None, "") for p in parts
    )


def update_account(
    account: str,
    change: Callable[[CreditAccount], CreditAccount],
    *,
    credit_accounts: CreditAccountRepository,
    writes: Transactions,
) -> CreditAccount:
    """Change an account and write what is new, against whoever else does at the same moment."""
    for _ in range(MAX_ATTEMPTS):
        before = credit_accounts.get(account)
        after = change(before)
        if after == before:
            return before
        try:
            writes.commit(credit_accounts.append_op(before, after))
        except ConditionFailed:
            continue
        return after
    raise VersionConflict("this account is being changed; try again")


def adjust_credits(
    account: str,
    amount: int,
    *,
    command: str,
    reason: str,
    expires: datetime | None,
    credit_accounts: CreditAccountRepository,
    writes: Transactions,
    at: datetime,
) -> CreditAccount:
    """Give (above zero) or take (below) by hand, with a reason. The same command counts once.

    Raises Invalid for nothing, and Conflict, ``credit_insufficient``, for more than there is.
    """
    if not amount or abs(amount) > MAX_UNITS:
        raise InvalidRequest(f"from 1 to {MAX_UNITS}, or below zero to take", path="$.amount")

    def change(book: CreditAccount) -> CreditAccount:
        if amount > 0:
            return book.grant(command, amount, at, expires=expires, reference=reason)
        return book.withdraw(command, -amount, at, reference=reason)

    return update_account(account, change, credit_accounts=credit_accounts, writes=writes)


def issue_gift_card(
    amount: int,
    currency: str,
    *,
    key: str,
    reason: str,
    expires: datetime | None,
    draw: Callable[[int], bytes],
    credit_accounts: CreditAccountRepository,
    writes: Transactions,
    at: datetime,
) -> tuple[str, CreditAccount]:
    """A new gift card: its code, and its account. Asked again with the same ``key``, the same code.

    The code is made of random bytes that are kept and of the key, which is not: whoever reads the
    table finds no code in it. Raises KeyReused for a key that issued another card.
    """
    command = derived_id("card", key)
    seed = credit_accounts.seed_of(command) or draw(SEED_BYTES)
    for _ in range(2):
        code = generate_gift_card_code(
            lambda n, seed=seed: hmac.digest(seed, key.encode(), "sha256")[:n]  # type: ignore[misc]
        )
        book = credit_accounts.get(gift_card_account(code, currency))
        if not book.entries:
            after = book.grant(command, amount, at, expires=expires, reference=reason)
            try:
                writes.commit(
                    credit_accounts.append_op(book, after),
                    credit_accounts.record_command_op(command, seed),
                )
            except ConditionFailed:
                issued = credit_accounts.seed_of(command)
                if issued is None or issued == seed:
                    break
                seed = issued
                continue
            return code, after
        first = book.entries[0]
        if (first.amount, first.expires, first.reference) == (amount, expires, reason):
            return code, book
        break
    raise IdempotencyKeyReused(
        "this Idempotency-Key issued another card; use a new key for a new one",
        path="Idempotency-Key",
    )


def void_gift_card(
    code: str,
    currency: str,
    *,
    command: str,
    reason: str,
    credit_accounts: CreditAccountRepository,
    writes: Transactions,
    at: datetime,
) -> tuple[int, CreditAccount]:
    """Take all that a gift card has left: how much that was, and its account. The same command
    again takes nothing more. Raises NotFound for a card that there is not.
    """
    account = gift_card_account(code, currency)

    def emptied(book: CreditAccount) -> CreditAccount:
        if not book.entries:
            raise NotFound("there is no such gift card", code="gift_card_unknown", path="$.code")
        return book.void(command, at, reference=reason)

    book = update_account(account, emptied, credit_accounts=credit_accounts, writes=writes)
    return sum(posting.amount for posting in book.entries if posting.id == command), book


@frozen(slots=False)
class OrderCredits:
    """What credits ask of an order: whose, and what its goods cost that the customer keeps.

    ``over`` is what the customer paid by credits beyond what the order is still worth, by account,
    in money; ``completed`` whether points are earned by now. Amounts are minor units.
    """

    order_id: str
    customer: str | None
    currency: str
    kept: int
    over: tuple[tuple[str, int], ...] = ()
    completed: bool = False


def settle_order_credits(
    sold: OrderCredits,
    *,
    credit_accounts: CreditAccountRepository,
    writes: Transactions,
    at: datetime,
) -> None:
    """Bring the accounts up to what became of an order. Asked twice, it changes nothing more.

    Points are earned once, for what was kept; goods that come back later take theirs along. What
    was paid by credits and is not owed any more goes back into the lots it came from.
    """
    for account, amount in sold.over:
        worth = POINT_VALUE.get(sold.currency, 1) if account.startswith("points/") else 1
        units = amount // worth

        def back(book: CreditAccount, units: int = units) -> CreditAccount:
            more = units - book.reversed_spend_total(sold.order_id)
            if more <= 0:
                return book
            return book.reverse_spend(
                f"{sold.order_id}:back:{units}", more, at, reference=sold.order_id
            )

        update_account(account, back, credit_accounts=credit_accounts, writes=writes)
    if sold.customer is None:
        return
    due = earned_points(sold.kept, sold.currency)

    def points(book: CreditAccount) -> CreditAccount:
        had = book.granted_total(sold.order_id)
        if had is None:
            if not (sold.completed and due):
                return book
            lasts = at + POINTS_VALIDITY
            return book.grant(
                f"{sold.order_id}:earn", due, at, expires=lasts, reference=sold.order_id
            )
        excess = had - book.reversed_grant_total(sold.order_id) - due
        if excess <= 0:
            return book
        return book.reverse_grant(
            f"{sold.order_id}:less:{due}", excess, at, reference=sold.order_id
        )

    update_account(
        points_account(sold.customer), points, credit_accounts=credit_accounts, writes=writes
    )


def expire_credits(
    at: datetime,
    *,
    credit_accounts: CreditAccountRepository,
    writes: Transactions,
    max_results: int = 500,
) -> int:
    """Move out what has expired. Housekeeping: what has expired is never spent, swept or not."""
    swept, command = 0, f"expire:{at:%Y-%m-%d}"

    def tidied(book: CreditAccount) -> CreditAccount:
        return book.expire(command, at)

    for account in credit_accounts.list_expiring(at, max_results):
        before = credit_accounts.get(account)
        after = update_account(account, tidied, credit_accounts=credit_accounts, writes=writes)
        credit_accounts.mark_swept(account, at)
        swept += after.commands > before.commands
    return swept


def gift_card_balance(
    code: str,
    currency: str,
    *,
    rate_limit_subject: str,
    credit_accounts: CreditAccountRepository,
    code_attempts: CodeAttemptLimiter,
    at: datetime,
) -> int:
    """What a gift card has left, in minor units. Raises NotFound, and TooMany for guessing."""
    account = gift_card_account(code, currency)
    book = _card(
        account,
        rate_limit_subject,
        "$.code",
        credit_accounts=credit_accounts,
        code_attempts=code_attempts,
        at=at,
    )
    if book is None:
        raise NotFound("there is no such gift card", code="gift_card_unknown")
    return book.available(at)
