"""Gift cards: issue and void."""

import hmac
from collections.abc import Callable
from datetime import datetime

from shop.credits.actions.lookup import unknown_gift_card
from shop.credits.model.account_names import generate_gift_card_code, gift_card_account
from shop.credits.model.accounts import CreditAccount
from shop.credits.ports import CreditAccountRepository
from shop.kernel.errors import IdempotencyKeyReused
from shop.kernel.frozen import frozen
from shop.kernel.ids import derived_id
from shop.kernel.unit_of_work import ConditionFailed, UnitOfWork

SEED_BYTES = 32
"""Random bytes from which a gift card's code is derived."""


@frozen
class GiftCardTerms:
    """Value and expiry of a new gift card, in minor units of its currency, with the reason."""

    amount: int
    currency: str
    reason: str
    expires: datetime | None = None

    def match(self, account: CreditAccount) -> bool:
        """Whether the account was opened with these terms."""
        grant = account.entries[0]
        return (grant.amount, grant.expires, grant.reference) == (
            self.amount,
            self.expires,
            self.reason,
        )


def issue_gift_card(
    terms: GiftCardTerms,
    *,
    key: str,
    random_bytes: Callable[[int], bytes],
    credit_accounts: CreditAccountRepository,
    uow: UnitOfWork,
    at: datetime,
) -> str:
    """Issue a gift card and return its code. The same ``key`` returns the same code again.

    The code is derived from stored random bytes and from the key, which is never stored. A copy of
    the table therefore contains no code. Raises IdempotencyKeyReused for a key that issued a card
    with other terms.
    """
    command = derived_id("card", key)
    seed = credit_accounts.seed_of(command) or random_bytes(SEED_BYTES)
    code, account = _card_of(seed, key, terms, credit_accounts)
    if not account.entries:
        opened = account.grant(
            command, terms.amount, at, expires=terms.expires, reference=terms.reason
        )
        try:
            uow.commit(
                credit_accounts.append_op(account, opened),
                credit_accounts.record_command_op(command, seed),
            )
        except ConditionFailed:
            # Another request with this key was faster: its seed decides the code.
            code, account = _card_of(
                credit_accounts.seed_of(command) or seed, key, terms, credit_accounts
            )
        else:
            return code
    if account.entries and terms.match(account):
        return code
    raise IdempotencyKeyReused(
        "This Idempotency-Key issued another gift card. Use a new key for a new card.",
        path="Idempotency-Key",
    )


def _card_of(
    seed: bytes, key: str, terms: GiftCardTerms, credit_accounts: CreditAccountRepository
) -> tuple[str, CreditAccount]:
    """Return the code that follows from seed and key, and its account."""
    digest = hmac.digest(seed, key.encode(), "sha256")
    code = generate_gift_card_code(lambda size: digest[:size])
    return code, credit_accounts.get(gift_card_account(code, terms.currency))


def voiding(command: str, *, reason: str, at: datetime) -> Callable[[CreditAccount], CreditAccount]:
    """Return the change that withdraws all units of a gift card.

    A repeated command withdraws nothing more. The change raises NotFound (``gift_card_unknown``).
    """

    def change(account: CreditAccount) -> CreditAccount:
        if not account.entries:
            raise unknown_gift_card(path="$.code")
        return account.void(command, at, reference=reason)

    return change
