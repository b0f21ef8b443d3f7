"""Credit accounts in memory."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from shop.credits.model.accounts import CreditAccount
from shop.kernel.unit_of_work import WriteOperation


@dataclass
class MemoryCreditAccounts:
    """See :class:`shop.credits.ports.CreditAccountRepository`. ``MemoryUnitOfWork`` commits it."""

    rows: dict[str, CreditAccount] = field(default_factory=dict)
    seeds: dict[str, bytes] = field(default_factory=dict)
    expiring: set[tuple[str, str]] = field(default_factory=set)
    """Pairs of day and account."""

    def get(self, account_name: str) -> CreditAccount:
        return self.rows.get(account_name, CreditAccount(account_name))

    def condition_key(self, account_name: str) -> str:
        return account_name

    def append_op(self, before: CreditAccount, after: CreditAccount) -> WriteOperation:
        account_name = after.account

        def is_unchanged() -> bool:
            return self.get(account_name).commands == before.commands

        def append() -> None:
            self.rows[account_name] = after
            for entry in after.entries[len(before.entries) :]:
                if entry.expires is not None:
                    self.expiring.add((f"{entry.expires:%Y-%m-%d}", account_name))

        return lambda writes: writes.add(account_name, is_unchanged, append)

    def record_command_op(self, command: str, seed: bytes) -> WriteOperation:
        return lambda writes: writes.add(
            command,
            lambda: command not in self.seeds,
            lambda: self.seeds.update({command: seed}),
        )

    def seed_of(self, command: str) -> bytes | None:
        return self.seeds.get(command)

    def list_expiring(self, at: datetime, max_accounts: int) -> Sequence[str]:
        today = f"{at:%Y-%m-%d}"
        accounts = dict.fromkeys(name for day, name in sorted(self.expiring) if day <= today)
        return list(accounts)[:max_accounts]

    def mark_swept(self, account_name: str, at: datetime) -> None:
        today = f"{at:%Y-%m-%d}"
        self.expiring = {
            (day, name) for day, name in self.expiring if name != account_name or day >= today
        }


@dataclass
class MemoryCodeAttempts:
    """See :class:`shop.credits.ports.CodeAttemptLimiter`; counts without a limit."""

    attempts: dict[str, int] = field(default_factory=dict)

    def record_attempts(self, actor: str, codes: int, at: datetime, *, path: str) -> None:
        self.attempts[actor] = self.attempts.get(actor, 0) + codes

    def forgive(self, actor: str, codes: int, at: datetime) -> None:
        self.attempts[actor] -= codes
