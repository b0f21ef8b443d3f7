"""Credit accounts in DynamoDB: one row for each command, never rewritten."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from shop.credits.model.accounts import CreditAccount, CreditEntryType, LedgerEntry
from shop.credits.store.rows import DONE, HEAD, CreditRow, account_key
from shop.kernel.errors import Problem
from shop.kernel.unit_of_work import WriteOperation
from shop.serialization import from_json, to_json

EXPIRY_LOOKBACK = timedelta(days=7)
"""For how long a day's expiries are looked for, should the sweep have missed it."""


class DynamoCreditAccountRepository:
    """See :class:`shop.credits.ports.CreditAccountRepository`."""

    def get(self, account: str) -> CreditAccount:
        rows = CreditRow.query(
            account_key(account), CreditRow.sk.startswith("ENTRY#"), consistent_read=True
        )
        problems: list[Problem] = []
        postings = [from_json(LedgerEntry, told, "$", problems) for row in rows for told in row.doc]
        if problems:
            raise ValueError(f"account {account} cannot be read: {problems[0]}")
        return CreditAccount(account, tuple(p for p in postings if p is not None))

    def condition_key(self, account: str) -> str:
        return account_key(account)

    def append_op(self, before: CreditAccount, after: CreditAccount) -> WriteOperation:
        number = before.commands
        fresh = after.entries[len(before.entries) :]
        head = CreditRow(account_key(after.account), HEAD)
        delta = after.balance - before.balance
        unchanged = CreditRow.version == number if number else CreditRow.pk.does_not_exist()
        entry = CreditRow(
            account_key(after.account),
            f"ENTRY#{number:08d}",
            doc=[to_json(posting) for posting in fresh],
        )
        days = {
            f"{posting.expires:%Y-%m-%d}"
            for posting in fresh
            if posting.kind is CreditEntryType.GRANT and posting.expires is not None
        }

        def write(writes: Any) -> None:
            if not fresh:
                return
            actions = [CreditRow.version.set(number + 1), CreditRow.balance.add(delta)]
            writes.update(head, actions, unchanged)
            writes.save(entry, CreditRow.pk.does_not_exist())
            for day in days:
                writes.save(CreditRow(f"EXPIRING#{day}", after.account))

        return write

    def record_command_op(self, command: str, seed: bytes) -> WriteOperation:
        row = CreditRow(f"COMMAND#{command}", DONE, doc={"seed": seed.hex()})
        return lambda writes: writes.save(row, CreditRow.pk.does_not_exist())

    def seed_of(self, command: str) -> bytes | None:
        try:
            row = CreditRow.get(f"COMMAND#{command}", DONE, consistent_read=True)
        except CreditRow.DoesNotExist:
            return None
        return bytes.fromhex(row.doc["seed"]) if row.doc else None

    def list_expiring(self, at: datetime, max_results: int) -> Sequence[str]:
        found: list[str] = []
        for days in range(EXPIRY_LOOKBACK.days, -1, -1):
            if len(found) < max_results:
                day = f"EXPIRING#{at - timedelta(days=days):%Y-%m-%d}"
                rows = CreditRow.query(day, limit=max_results - len(found))
                found += [row.sk for row in rows if row.sk not in found]
        return found

    def mark_swept(self, account: str, at: datetime) -> None:
        # What expires later today is looked for again tomorrow.
        for days in range(EXPIRY_LOOKBACK.days, 0, -1):
            CreditRow(f"EXPIRING#{at - timedelta(days=days):%Y-%m-%d}", account).delete()
