"""Look up gift cards by their codes, with a limit on unknown codes."""

from datetime import datetime

from shop.credits.model.account_names import gift_card_account
from shop.credits.model.accounts import CreditAccount
from shop.credits.ports import CodeAttemptLimiter, CreditAccountRepository
from shop.kernel.errors import NotFound


def find_gift_card(
    account_name: str,
    *,
    rate_limit_subject: str,
    path: str,
    credit_accounts: CreditAccountRepository,
    code_attempts: CodeAttemptLimiter,
    at: datetime,
) -> CreditAccount | None:
    """Return the account of a gift card, or ``None`` for an unknown code.

    Raises RateLimited after too many unknown codes of the caller (``rate_limit_subject``).
    ``path`` is the place of the code in the request, for the error.
    """
    # The attempt is recorded before the lookup, so that parallel requests share one limit.
    code_attempts.record_attempts(rate_limit_subject, 1, at, path=path)
    account = credit_accounts.get(account_name)
    if not account.entries:
        return None
    code_attempts.forgive(rate_limit_subject, 1, at)
    return account


def gift_card_balance(
    code: str,
    currency: str,
    *,
    rate_limit_subject: str,
    credit_accounts: CreditAccountRepository,
    code_attempts: CodeAttemptLimiter,
    at: datetime,
) -> int:
    """Return the balance of a gift card in minor units.

    Raises NotFound (``gift_card_unknown``), and RateLimited as :func:`find_gift_card`.
    """
    account = find_gift_card(
        gift_card_account(code, currency),
        rate_limit_subject=rate_limit_subject,
        path="$.code",
        credit_accounts=credit_accounts,
        code_attempts=code_attempts,
        at=at,
    )
    if account is None:
        raise unknown_gift_card()
    return account.available(at)


def unknown_gift_card(path: str | None = None) -> NotFound:
    return NotFound(
        "This gift card is unknown. Check its code and currency.",
        code="gift_card_unknown",
        path=path,
    )
