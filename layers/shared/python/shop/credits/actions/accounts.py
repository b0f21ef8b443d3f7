"""Changes of one credit account: by staff, and by the expiry of grants."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from shop.credits.model.accounts import CreditAccount
from shop.credits.ports import CreditAccountRepository
from shop.kernel.errors import Contention, InvalidRequest, VersionConflict
from shop.kernel.idempotency import IdempotencyStore, IdempotentRequest, run_idempotent
from shop.kernel.unit_of_work import ConditionFailed, StagedChange, UnitOfWork

MAX_UNITS = 10**9
"""Highest number of units of one movement; a higher one counts as a typing error."""
MAX_ATTEMPTS = 6
EXPIRY_BATCH_SIZE = 500
"""Accounts that one run of the expiry processes."""


def update_account(
    account_name: str,
    change: Callable[[CreditAccount], CreditAccount],
    *,
    credit_accounts: CreditAccountRepository,
    uow: UnitOfWork,
) -> CreditAccount:
    """Change an account and write the new entries.

    ``change`` may be called several times, each time with the account as last written. Raises
    Contention if other writers win every attempt.
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
    raise Contention("Other requests are changing this account. Try again.")


def change_account_once(
    request: IdempotentRequest,
    account_name: str,
    change: Callable[[CreditAccount], CreditAccount],
    render: Callable[[CreditAccount], Mapping[str, Any]],
    *,
    credit_accounts: CreditAccountRepository,
    idempotency: IdempotencyStore,
    uow: UnitOfWork,
) -> Mapping[str, Any]:
    """Change an account once per idempotency key, and return the rendered account.

    Raises IdempotencyKeyReused if the key belongs to another request, and Contention if other
    writers win every attempt.
    """

    def stage() -> StagedChange[CreditAccount]:
        before = credit_accounts.get(account_name)
        after = change(before)
        return StagedChange(after, (credit_accounts.append_op(before, after),))

    try:
        return run_idempotent(
            request, stage, render, idempotency=idempotency, uow=uow, attempts=MAX_ATTEMPTS
        )
    except VersionConflict:
        raise Contention("Other requests are changing this account. Try again.") from None


def adjustment(
    amount: int, *, command: str, reason: str, expires: datetime | None, at: datetime
) -> Callable[[CreditAccount], CreditAccount]:
    """Return the change that grants (above zero) or withdraws (below zero) units by hand.

    Raises InvalidRequest for an amount out of range. The change raises Conflict
    (``credit_insufficient``) if the account holds less.
    """
    if not amount or abs(amount) > MAX_UNITS:
        raise InvalidRequest(
            f"Amount must be from 1 to {MAX_UNITS}, or from -{MAX_UNITS} to -1 to withdraw.",
            code="amount_invalid",
            path="$.amount",
        )

    def change(account: CreditAccount) -> CreditAccount:
        if amount > 0:
            return account.grant(command, amount, at, expires=expires, reference=reason)
        return account.withdraw(command, -amount, at, reference=reason)

    return change


def expire_credits(
    at: datetime,
    *,
    credit_accounts: CreditAccountRepository,
    uow: UnitOfWork,
    max_accounts: int = EXPIRY_BATCH_SIZE,
) -> int:
    """Move expired units out and return the number of accounts that had some.

    Expired units are never spent, whether or not they were moved out. This job only makes the
    stored balances equal to the units that can be spent.
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
