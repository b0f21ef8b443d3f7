"""Ports of credits. Every write states the state that it is based on."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from shop.credits.model.accounts import CreditAccount
    from shop.kernel.unit_of_work import WriteOperation


class CreditAccountRepository(Protocol):
    """The accounts of points, store credit and gift cards."""

    def get(self, account_name: str) -> CreditAccount:
        """Return the account as last written, without entries if it was never written."""

    def condition_key(self, account_name: str) -> str:
        """Return the key by which :meth:`append_op` is recognized in ``ConditionFailed``."""

    def append_op(self, before: CreditAccount, after: CreditAccount) -> WriteOperation:
        """Append the entries of one command, if none was appended since ``before`` was read."""

    def record_command_op(self, command: str, seed: bytes) -> WriteOperation:
        """Record a command that may run once on any account, with its random bytes."""

    def seed_of(self, command: str) -> bytes | None:
        """Return the random bytes of a recorded command, or ``None`` if it was not recorded."""

    def list_expiring(self, at: datetime, max_accounts: int) -> Sequence[str]:
        """Return accounts with a grant that expired in the last days and was not moved out."""

    def mark_swept(self, account_name: str, at: datetime) -> None:
        """Record that the units which expired before today were moved out."""


class CodeAttemptLimiter(Protocol):
    """Limits the unknown codes of one caller, discount codes and gift cards together."""

    def record_attempts(self, actor: str, codes: int, at: datetime, *, path: str) -> None:
        """Record attempts before the codes, sent at ``path``, are looked up. Raises RateLimited."""

    def forgive(self, actor: str, codes: int, at: datetime) -> None:
        """Subtract attempts whose codes exist."""
