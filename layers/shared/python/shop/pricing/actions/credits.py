"""Gift cards, store credit and points: given, spent in part, given back, taken back, expired.

Every movement is a command with an id of its own: given twice, it counts once. A spend stands in
the order's own transaction (:class:`shop.pricing.ports.Tallies`); all others are made here.
"""

import hmac
from collections.abc import Callable, Sequence
from datetime import datetime

from shop.kernel.counts import Count
from shop.kernel.errors import Invalid, KeyReused, NotFound, Stale
from shop.kernel.frozen import frozen
from shop.kernel.ids import derived_id
from shop.kernel.transactions import Clash
from shop.kernel.transactions import Ledger as Transactions
from shop.pricing.model.counts import CREDIT
from shop.pricing.model.credits import Ledger
from shop.pricing.model.loyalty import (
    POINTS_LAST,
    WORTH,
    card_code,
    card_of,
    earned,
    points_of,
    store_credit_of,
)
from shop.pricing.ports import Guesses, Ledgers

MOST = 10**9
"""Units of one movement beyond which it is a slip of the keyboard."""
TRIES = 6
SEED = 32
"""Random bytes of a gift card's code."""


@frozen(slots=False)
class Instrument:
    """A credit that somebody wants to pay with: ``gift_card`` (``token`` is its code),
    ``store_credit`` or ``loyalty``; ``amount`` in minor units, ``None`` for as much as there is.
    """

    type: str
    token: str = ""
    amount: int | None = None


@frozen
class Part:
    """What an instrument pays: ``units`` of its account, ``amount`` in minor units of money."""

    account: str
    units: int
    amount: int


def paying(
    total: int,
    currency: str,
    instruments: Sequence[Instrument],
    customer: str | None,
    *,
    asker: str,
    ledgers: Ledgers,
    guesses: Guesses,
    at: datetime,
) -> tuple[Part | None, ...]:
    """What each instrument pays of a total, in their order; ``None`` for one that is not needed.

    One that has nothing left while something is due is refused, so that nobody's money pays in its
    place unasked. ``asker`` is who tries gift cards: as often as is no guessing, discount codes
    included. Raises TooMany beyond that, and :class:`Invalid` (``payment_failed``) for an unknown
    card, a credit of nobody's, an account named twice, and an amount that is not there; UCP,
    "Split payments".
    """
    parts: list[Part | None] = []
    due, seen = total, set[str]()
    for place, instrument in enumerate(instruments):
        path = f"$.payment.instruments[{place}]"
        account, worth = _account(instrument, currency, customer, path)
        if account in seen:
            raise Invalid("this credit is named twice", code="payment_failed", path=path)
        seen.add(account)
        if instrument.type == "gift_card":
            card = _card(account, asker, path, ledgers=ledgers, guesses=guesses, at=at)
            if card is None:
                raise Invalid("there is no such gift card", code="payment_failed", path=path)
            book = card
        else:
            book = ledgers.of(account)
        there = book.available(at) * worth
        wish = instrument.amount
        if wish is not None and (wish > there or wish > due or wish % worth):
            why = f"{wish} cannot be paid from it: {there} there, {due} due"
            raise Invalid(why, code="payment_failed", path=path)
        if due >= worth > there:
            why = f"nothing is left of it, and {due} is due; look at it again, or pay without it"
            raise Invalid(why, code="payment_failed", path=path)
        units = min(there if wish is None else wish, due) // worth
        parts.append(Part(account, units, units * worth) if units else None)
        due -= units * worth
    return tuple(parts)


def _card(
    account: str, asker: str, path: str, *, ledgers: Ledgers, guesses: Guesses, at: datetime
) -> Ledger | None:
    """A gift card somebody named, ``None`` where there is none.

    It is counted before it is looked up, so that many at once try no more than one after another,
    and counted back where it turns out to exist. Raises TooMany.
    """
    guesses.trying(asker, 1, at, path=path)
    book = ledgers.of(account)
    if not book.postings:
        return None
    guesses.known(asker, 1, at)
    return book


def _account(
    instrument: Instrument, currency: str, customer: str | None, path: str
) -> tuple[str, int]:
    if instrument.type == "gift_card":
        return card_of(instrument.token, currency), 1
    if customer is None:
        raise Invalid("sign in to pay with this", code="payment_failed", path=path)
    if instrument.type == "store_credit":
        return store_credit_of(customer, currency), 1
    if instrument.type == "loyalty" and currency in WORTH:
        return points_of(customer), WORTH[currency]
    raise Invalid("this does not pay here", code="payment_failed", path=path)


def counts_for(order_id: str, parts: Sequence[Part]) -> tuple[Count, ...]:
    """What an order takes from the accounts, as it is counted in its transaction."""
    return tuple(Count(CREDIT, f"{p.account}|{order_id}", p.units, None, "") for p in parts)


def move(
    account: str,
    change: Callable[[Ledger], Ledger],
    *,
    ledgers: Ledgers,
    ledger: Transactions,
) -> Ledger:
    """Change an account and write what is new, against whoever else does at the same moment."""
    for _ in range(TRIES):
        before = ledgers.of(account)
        after = change(before)
        if after == before:
            return before
        try:
            ledger.commit(ledgers.posting(before, after))
        except Clash:
            continue
        return after
    raise Stale("this account is being changed; try again")


def adjust(
    account: str,
    amount: int,
    *,
    command: str,
    reason: str,
    expires: datetime | None,
    ledgers: Ledgers,
    ledger: Transactions,
    at: datetime,
) -> Ledger:
    """Give (above zero) or take (below) by hand, with a reason. The same command counts once.

    Raises Invalid for nothing, and Conflict, ``credit_insufficient``, for more than there is.
    """
    if not amount or abs(amount) > MOST:
        raise Invalid(f"from 1 to {MOST}, or below zero to take", path="$.amount")

    def change(book: Ledger) -> Ledger:
        if amount > 0:
            return book.grant(command, amount, at, expires=expires, reference=reason)
        return book.withdraw(command, -amount, at, reference=reason)

    return move(account, change, ledgers=ledgers, ledger=ledger)


def issue_card(
    amount: int,
    currency: str,
    *,
    key: str,
    reason: str,
    expires: datetime | None,
    draw: Callable[[int], bytes],
    ledgers: Ledgers,
    ledger: Transactions,
    at: datetime,
) -> tuple[str, Ledger]:
    """A new gift card: its code, and its account. Asked again with the same ``key``, the same code.

    The code is made of random bytes that are kept and of the key, which is not: whoever reads the
    table finds no code in it. Raises KeyReused for a key that issued another card.
    """
    command = derived_id("card", key)
    seed = ledgers.seed_of(command) or draw(SEED)
    for _ in range(2):
        code = card_code(lambda n, seed=seed: hmac.digest(seed, key.encode(), "sha256")[:n])  # type: ignore[misc]
        book = ledgers.of(card_of(code, currency))
        if not book.postings:
            after = book.grant(command, amount, at, expires=expires, reference=reason)
            try:
                ledger.commit(ledgers.posting(book, after), ledgers.once(command, seed))
            except Clash:
                issued = ledgers.seed_of(command)
                if issued is None or issued == seed:
                    break
                seed = issued
                continue
            return code, after
        first = book.postings[0]
        if (first.amount, first.expires, first.reference) == (amount, expires, reason):
            return code, book
        break
    raise KeyReused(
        "this Idempotency-Key issued another card; use a new key for a new one",
        path="Idempotency-Key",
    )


def void_card(
    code: str,
    currency: str,
    *,
    command: str,
    reason: str,
    ledgers: Ledgers,
    ledger: Transactions,
    at: datetime,
) -> tuple[int, Ledger]:
    """Take all that a gift card has left: how much that was, and its account. The same command
    again takes nothing more. Raises NotFound for a card that there is not.
    """
    account = card_of(code, currency)

    def emptied(book: Ledger) -> Ledger:
        if not book.postings:
            raise NotFound("there is no such gift card", code="gift_card_unknown", path="$.code")
        return book.voided(command, at, reference=reason)

    book = move(account, emptied, ledgers=ledgers, ledger=ledger)
    return sum(posting.amount for posting in book.postings if posting.id == command), book


@frozen(slots=False)
class Sold:
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


def keep_up(sold: Sold, *, ledgers: Ledgers, ledger: Transactions, at: datetime) -> None:
    """Bring the accounts up to what became of an order. Asked twice, it changes nothing more.

    Points are earned once, for what was kept; goods that come back later take theirs along. What
    was paid by credits and is not owed any more goes back into the lots it came from.
    """
    for account, amount in sold.over:
        worth = WORTH.get(sold.currency, 1) if account.startswith("points/") else 1
        units = amount // worth

        def back(book: Ledger, units: int = units) -> Ledger:
            more = units - book.given_back(sold.order_id)
            if more <= 0:
                return book
            return book.give_back(
                f"{sold.order_id}:back:{units}", more, at, reference=sold.order_id
            )

        move(account, back, ledgers=ledgers, ledger=ledger)
    if sold.customer is None:
        return
    due = earned(sold.kept, sold.currency)

    def points(book: Ledger) -> Ledger:
        had = book.granted(sold.order_id)
        if had is None:
            if not (sold.completed and due):
                return book
            lasts = at + POINTS_LAST
            return book.grant(
                f"{sold.order_id}:earn", due, at, expires=lasts, reference=sold.order_id
            )
        excess = had - book.taken_back(sold.order_id) - due
        if excess <= 0:
            return book
        return book.take_back(f"{sold.order_id}:less:{due}", excess, at, reference=sold.order_id)

    move(points_of(sold.customer), points, ledgers=ledgers, ledger=ledger)


def expire_due(at: datetime, *, ledgers: Ledgers, ledger: Transactions, most: int = 500) -> int:
    """Move out what has expired. Housekeeping: what has expired is never spent, swept or not."""
    swept, command = 0, f"expire:{at:%Y-%m-%d}"

    def tidied(book: Ledger) -> Ledger:
        return book.expired(command, at)

    for account in ledgers.expiring(at, most):
        before = ledgers.of(account)
        after = move(account, tidied, ledgers=ledgers, ledger=ledger)
        ledgers.swept(account, at)
        swept += after.commands > before.commands
    return swept


def card_balance(
    code: str, currency: str, *, asker: str, ledgers: Ledgers, guesses: Guesses, at: datetime
) -> int:
    """What a gift card has left, in minor units. Raises NotFound, and TooMany for guessing."""
    account = card_of(code, currency)
    book = _card(account, asker, "$.code", ledgers=ledgers, guesses=guesses, at=at)
    if book is None:
        raise NotFound("there is no such gift card", code="gift_card_unknown")
    return book.available(at)
