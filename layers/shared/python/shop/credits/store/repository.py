"""Credit accounts in DynamoDB: one row for each command, never rewritten."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from shop.credits.model.accounts import CreditAccount, CreditEntryType, LedgerEntry
from shop.credits.store.rows import (
    DONE,
    HEAD,
    CreditRow,
    account_key,
    command_key,
    entry_key,
    expiring_key,
)
from shop.kernel.errors import Problem
from shop.kernel.unit_of_work import WriteOperation
from shop.serialization import from_json, to_json

EXPIRY_LOOKBACK = timedelta(days=7)
"""How long the daily job looks for expired grants, in case some of its runs failed."""


class DynamoCreditAccountRepository:
    """See :class:`shop.credits.ports.CreditAccountRepository`."""

    def get(self, account_name: str) -> CreditAccount:
        # Consistent: the balance decides what may be spent, and a retry follows a lost write.
        rows = CreditRow.query(
            account_key(account_name), CreditRow.sk.startswith(entry_key()), consistent_read=True
        )
        problems: list[Problem] = []
        entries = [from_json(LedgerEntry, raw, "$", problems) for row in rows for raw in row.doc]
        if problems:
            raise ValueError(f"Credit account {account_name} is unreadable: {problems[0]}")
        return CreditAccount(account_name, tuple(e for e in entries if e is not None))

    def condition_key(self, account_name: str) -> str:
        return account_key(account_name)

    def append_op(self, before: CreditAccount, after: CreditAccount) -> WriteOperation:
        number = before.commands
        added = after.entries[len(before.entries) :]
        head = CreditRow(account_key(after.account), HEAD)
        unchanged = CreditRow.version == number if number else CreditRow.pk.does_not_exist()
        entry = CreditRow(
            account_key(after.account),
            entry_key(number),
            doc=[to_json(one) for one in added],
        )
        expiry_days = {
            one.expires.date()
            for one in added
            if one.kind is CreditEntryType.GRANT and one.expires is not None
        }

        def write(writes: Any) -> None:
            if not added:
                return
            # The head's version serializes commands: of two that read the same number, one fails.
            actions = [
                CreditRow.version.set(number + 1),
                CreditRow.balance.add(after.balance - before.balance),
            ]
            writes.update(head, actions, unchanged)
            writes.save(entry, CreditRow.pk.does_not_exist())
            for day in expiry_days:
                writes.save(CreditRow(expiring_key(day), after.account))

        return write

    def record_command_op(self, command: str, seed: bytes) -> WriteOperation:
        row = CreditRow(command_key(command), DONE, doc={"seed": seed.hex()})
        return lambda writes: writes.save(row, CreditRow.pk.does_not_exist())

    def seed_of(self, command: str) -> bytes | None:
        try:
            row = CreditRow.get(command_key(command), DONE, consistent_read=True)
        except CreditRow.DoesNotExist:
            return None
        return bytes.fromhex(row.doc["seed"]) if row.doc else None

    def list_expiring(self, at: datetime, max_accounts: int) -> Sequence[str]:
        found: list[str] = []
        for days in range(EXPIRY_LOOKBACK.days, -1, -1):
            if len(found) < max_accounts:
                key = expiring_key((at - timedelta(days=days)).date())
                rows = CreditRow.query(key, limit=max_accounts - len(found))
                found += [row.sk for row in rows if row.sk not in found]
        return found

    def mark_swept(self, account_name: str, at: datetime) -> None:
        # Not today's row: a grant that expires later today is looked for again tomorrow.
        for days in range(EXPIRY_LOOKBACK.days, 0, -1):
            CreditRow(expiring_key((at - timedelta(days=days)).date()), account_name).delete()
