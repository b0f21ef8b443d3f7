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

from shop.kernel.data import read, written
from shop.kernel.errors import Problem
from shop.kernel.transactions import Part
from shop.pricing.model.credits import Kind, Ledger, Posting
from shop.pricing.store.rows import HEAD, PricingRow

BACK = timedelta(days=7)
"""For how long a day's expiries are looked for, should the sweep have missed it."""
DONE = "DONE"


class DynamoLedgers:
    """See :class:`shop.pricing.ports.Ledgers`."""

    def of(self, account: str) -> Ledger:
        rows = PricingRow.query(
            key_of(account), PricingRow.sk.startswith("ENTRY#"), consistent_read=True
        )
        problems: list[Problem] = []
        postings = [read(Posting, told, "$", problems) for row in rows for told in row.doc]
        if problems:
            raise ValueError(f"account {account} cannot be read: {problems[0]}")
        return Ledger(account, tuple(p for p in postings if p is not None))

    def posting(self, before: Ledger, after: Ledger) -> Part:
        number = before.commands
        fresh = after.postings[len(before.postings) :]
        head = PricingRow(key_of(after.account), HEAD)
        delta = after.balance - before.balance
        unchanged = PricingRow.version == number if number else PricingRow.pk.does_not_exist()
        entry = PricingRow(
            key_of(after.account),
            f"ENTRY#{number:08d}",
            doc=[written(posting) for posting in fresh],
        )
        days = {
            f"{posting.expires:%Y-%m-%d}"
            for posting in fresh
            if posting.kind is Kind.GRANT and posting.expires is not None
        }

        def write(writes: Any) -> None:
            if not fresh:
                return
            actions = [PricingRow.version.set(number + 1), PricingRow.left.add(delta)]
            writes.update(head, actions, unchanged)
            writes.save(entry, PricingRow.pk.does_not_exist())
            for day in days:
                writes.save(PricingRow(f"EXPIRING#{day}", after.account))

        return write

    def once(self, command: str, seed: bytes) -> Part:
        row = PricingRow(f"COMMAND#{command}", DONE, doc={"seed": seed.hex()})
        return lambda writes: writes.save(row, PricingRow.pk.does_not_exist())

    def seed_of(self, command: str) -> bytes | None:
        try:
            row = PricingRow.get(f"COMMAND#{command}", DONE, consistent_read=True)
        except PricingRow.DoesNotExist:
            return None
        return bytes.fromhex(row.doc["seed"]) if row.doc else None

    def expiring(self, at: datetime, most: int) -> Sequence[str]:
        found: list[str] = []
        for days in range(BACK.days, -1, -1):
            if len(found) < most:
                day = f"EXPIRING#{at - timedelta(days=days):%Y-%m-%d}"
                rows = PricingRow.query(day, limit=most - len(found))
                found += [row.sk for row in rows if row.sk not in found]
        return found

    def swept(self, account: str, at: datetime) -> None:
        # What expires later today is looked for again tomorrow.
        for days in range(BACK.days, 0, -1):
            PricingRow(f"EXPIRING#{at - timedelta(days=days):%Y-%m-%d}", account).delete()


def key_of(account: str) -> str:
    return f"CREDIT#{account}"
