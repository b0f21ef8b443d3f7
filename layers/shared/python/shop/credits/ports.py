"""Ports of credits."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from shop.credits.model.accounts import CreditAccount
    from shop.kernel.unit_of_work import WriteOperation


class CreditAccountRepository(Protocol):
    """Points, gift cards and store credit."""

    def get(self, account: str) -> CreditAccount:
        """The account's ledger; an empty one where nothing was posted."""

    def condition_key(self, account: str) -> str:
        """Return the key by which :meth:`append_op` is recognized in ``ConditionFailed``."""

    def append_op(self, before: CreditAccount, after: CreditAccount) -> WriteOperation:
        """Append what is new, one command, if nothing was appended since; else it clashes."""

    def record_command_op(self, command: str, seed: bytes) -> WriteOperation:
        """Note a command that is not to be given again, whatever account it is about, with the
        random bytes it drew."""

    def seed_of(self, command: str) -> bytes | None:
        """What a command that was noted drew; ``None`` for one that was not, or drew nothing."""

    def list_expiring(self, at: datetime, max_results: int) -> Sequence[str]:
        """Accounts of which something has expired in the last days and was not swept."""

    def mark_swept(self, account: str, at: datetime) -> None:
        """What had expired before today was moved out."""


class CodeAttemptLimiter(Protocol):
    """How many codes somebody tried that there are not: discount codes and gift cards alike."""

    def record_attempts(self, actor: str, codes: int, at: datetime, *, path: str) -> None:
        """Before so many new codes, sent at ``path``, are looked up. Raises TooMany."""

    def forgive(self, actor: str, codes: int, at: datetime) -> None:
        """So many of them exist: they were no guesses."""
