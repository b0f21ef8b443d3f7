"""Accounts of points, store credit and gift cards: a row for each command, never rewritten.

====================================  ==================  ==========================================
PK                                    SK                  what
====================================  ==================  ==========================================
``CREDIT#<account>``                  ``HEAD``            how many commands there are; the balance
``CREDIT#<account>``                  ``ENTRY#<n>``       the postings of the n-th command
``EXPIRING#<day>``                    account             something of it expires on that day
``COMMAND#<id>``                      ``DONE``            a command that is not to be given again:
                                                          the random bytes it drew
====================================  ==================  ==========================================
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from shop.kernel.errors import Problem
from shop.kernel.unit_of_work import WriteOperation
from shop.pricing.model.credits import CreditAccount, CreditEntryType, LedgerEntry
from shop.pricing.store.rows import HEAD, PricingRow
from shop.serialization import from_json, to_json

EXPIRY_LOOKBACK = timedelta(days=7)
"""For how long a day's expiries are looked for, should the sweep have missed it."""
SWEPT = "DONE"


class DynamoCreditAccountRepository:
    """See :class:`shop.pricing.ports.CreditAccountRepository`."""

    def get(self, account: str) -> CreditAccount:
        rows = PricingRow.query(
            account_key(account), PricingRow.sk.startswith("ENTRY#"), consistent_read=True
        )
        problems: list[Problem] = []
        postings = [from_json(LedgerEntry, told, "$", problems) for row in rows for told in row.doc]
        if problems:
            raise ValueError(f"account {account} cannot be read: {problems[0]}")
        return CreditAccount(account, tuple(p for p in postings if p is not None))

    def append_op(self, before: CreditAccount, after: CreditAccount) -> WriteOperation:
        number = before.commands
        fresh = after.entries[len(before.entries) :]
        head = PricingRow(account_key(after.account), HEAD)
        delta = after.balance - before.balance
        unchanged = PricingRow.version == number if number else PricingRow.pk.does_not_exist()
        entry = PricingRow(
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
            actions = [PricingRow.version.set(number + 1), PricingRow.remaining.add(delta)]
            writes.update(head, actions, unchanged)
            writes.save(entry, PricingRow.pk.does_not_exist())
            for day in days:
                writes.save(PricingRow(f"EXPIRING#{day}", after.account))

        return write

    def record_command_op(self, command: str, seed: bytes) -> WriteOperation:
        row = PricingRow(f"COMMAND#{command}", SWEPT, doc={"seed": seed.hex()})
        return lambda writes: writes.save(row, PricingRow.pk.does_not_exist())

    def seed_of(self, command: str) -> bytes | None:
        try:
            row = PricingRow.get(f"COMMAND#{command}", SWEPT, consistent_read=True)
        except PricingRow.DoesNotExist:
            return None
        return bytes.fromhex(row.doc["seed"]) if row.doc else None

    def list_expiring(self, at: datetime, max_results: int) -> Sequence[str]:
        found: list[str] = []
        for days in range(EXPIRY_LOOKBACK.days, -1, -1):
            if len(found) < max_results:
                day = f"EXPIRING#{at - timedelta(days=days):%Y-%m-%d}"
                rows = PricingRow.query(day, limit=max_results - len(found))
                found += [row.sk for row in rows if row.sk not in found]
        return found

    def mark_swept(self, account: str, at: datetime) -> None:
        # What expires later today is looked for again tomorrow.
        for days in range(EXPIRY_LOOKBACK.days, 0, -1):
            PricingRow(f"EXPIRING#{at - timedelta(days=days):%Y-%m-%d}", account).delete()


def account_key(account: str) -> str:
    return f"CREDIT#{account}"
