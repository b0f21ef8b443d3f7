"""Changes of one credit account: by staff, and by the expiry of grants."""

from collections.abc import Callable
from datetime import datetime

from shop.credits.model.accounts import CreditAccount
from shop.credits.ports import CreditAccountRepository
from shop.kernel.errors import InvalidRequest, VersionConflict
from shop.kernel.unit_of_work import ConditionFailed, UnitOfWork

MAX_UNITS = 10**9
"""Units of one movement; more is taken for a typing error."""
MAX_ATTEMPTS = 6
EXPIRY_BATCH_SIZE = 500
"""Accounts that one run of the expiry looks at."""


def update_account(
    account_name: str,
    change: Callable[[CreditAccount], CreditAccount],
    *,
    credit_accounts: CreditAccountRepository,
    uow: UnitOfWork,
) -> CreditAccount:
    """Change an account and write the new entries.

    ``change`` may be called several times, each time with the account as last written. Raises
    VersionConflict if other writers win every attempt.
    """
    for _ in range(MAX_ATTEMPTS):
        before = credit_accounts.get(account_name)
        after = change(before)
        if after == before:
            return before
        try:
            uow.commit(credit_accounts.append_op(before, after))
        except ConditionFailed:
            # Another command was appended since the read; decide again on the new balance.
            continue
        return after
    raise VersionConflict("This account is changing at the moment. Please try again.")


def adjust_credits(
    account_name: str,
    amount: int,
    *,
    command: str,
    reason: str,
    expires: datetime | None,
    credit_accounts: CreditAccountRepository,
    uow: UnitOfWork,
    at: datetime,
) -> CreditAccount:
    """Grant (above zero) or withdraw (below zero) units by hand, with a reason.

    Raises InvalidRequest for an amount out of range, and Conflict (``credit_insufficient``) where
    the account holds less.
    """
    if not amount or abs(amount) > MAX_UNITS:
        raise InvalidRequest(
            f"Amount must be 1 to {MAX_UNITS} to grant, or -1 to -{MAX_UNITS} to withdraw.",
            path="$.amount",
        )

    def change(account: CreditAccount) -> CreditAccount:
        if amount > 0:
            return account.grant(command, amount, at, expires=expires, reference=reason)
        return account.withdraw(command, -amount, at, reference=reason)

    return update_account(account_name, change, credit_accounts=credit_accounts, uow=uow)


def expire_credits(
    at: datetime,
    *,
    credit_accounts: CreditAccountRepository,
    uow: UnitOfWork,
    max_accounts: int = EXPIRY_BATCH_SIZE,
) -> int:
    """Move expired units out and return the number of accounts that had some.

    Expired units are never spent, moved out or not; this only keeps the balances clean.
    """
    changed, command = 0, f"expire:{at:%Y-%m-%d}"

    def change(account: CreditAccount) -> CreditAccount:
        return account.expire(command, at)

    for account_name in credit_accounts.list_expiring(at, max_accounts):
        before = credit_accounts.get(account_name)
        after = update_account(account_name, change, credit_accounts=credit_accounts, uow=uow)
        # After the write: a run that is cut off between the two finds the account again.
        credit_accounts.mark_swept(account_name, at)
        changed += after.commands > before.commands
    return changed
