"""An account of credit under any interleaving of whoever reads and writes it: it balances, nothing
is spent that is not there, and no command counts twice.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from shop.credits.model.accounts import CreditAccount, CreditEntryType
from shop.kernel.errors import Conflict, InvalidRequest
from shop.kernel.unit_of_work import ConditionFailed
from tests.doubles.credits import MemoryCreditAccounts
from tests.doubles.inventory import MemoryUnitOfWork

NOW = datetime(2026, 11, 22, tzinfo=UTC)
ACTORS, STEPS, ORDERS = 4, 60, 5

randoms = st.integers(0, 2**48).map(Random)


def command(chance: Random, number: int, at: datetime) -> Callable[[CreditAccount], CreditAccount]:
    """Something somebody does; a few of them again under a command that was given before."""
    amount, order = chance.randint(1, 120), f"order-{chance.randrange(ORDERS)}"
    known = f"c{chance.randrange(number + 1)}" if chance.random() < 0.2 else f"c{number}"
    match chance.randrange(6):
        case 0:
            lasts = at + timedelta(hours=chance.randint(1, 40)) if chance.random() < 0.5 else None
            return lambda book: book.grant(known, amount, at, expires=lasts, reference=order)
        case 1 | 2:
            return lambda book: book.spend(known, amount, at, reference=order)
        case 3:
            return lambda book: book.reverse_spend(known, amount, at, reference=order)
        case 4:
            return lambda book: book.reverse_grant(known, amount, at, reference=order)
        case _:
            return lambda book: book.expire(known, at)


def holds(book: CreditAccount, at: datetime) -> None:
    balances = book.balances()
    assert sum(balances.values()) == 0
    assert book.balance == balances.get(book.account, 0) >= 0
    lots = book.lots()
    assert all(lot.remaining >= 0 for lot in lots)
    assert sum(lot.remaining for lot in lots) == book.balance
    assert 0 <= book.available(at) <= book.balance
    granted = sum(p.amount for p in book.entries if p.kind is CreditEntryType.GRANT)
    for order in (f"order-{n}" for n in range(ORDERS)):
        assert 0 <= book.spent_total(order) <= granted
    for id_ in {p.id for p in book.entries}:
        mine = [p for p in book.entries if p.id == id_]
        assert len({(p.kind, p.at) for p in mine}) == 1, "one command, one movement"
        assert len({p.lot for p in mine}) == len(mine)


@given(randoms)
@settings(max_examples=150, deadline=None)
def test_an_account_balances_under_concurrent_commands(chance: Random) -> None:
    ledgers, ledger = MemoryCreditAccounts(), MemoryUnitOfWork()
    pending: dict[int, tuple[CreditAccount, CreditAccount]] = {}
    at, before = NOW, ledgers.get("ann")
    for number in range(STEPS):
        actor = chance.randrange(ACTORS)
        at += timedelta(minutes=chance.randint(0, 90))
        if actor in pending:
            read, after = pending.pop(actor)
            try:
                ledger.commit(ledgers.append_op(read, after))
            except ConditionFailed:
                assert ledgers.get("ann").entries != read.entries
        else:
            read = ledgers.get("ann")
            try:
                after = command(chance, number, at)(read)
            except (Conflict, InvalidRequest):
                continue
            if after != read:
                pending[actor] = (read, after)
        now = ledgers.get("ann")
        assert now.entries[: len(before.entries)] == before.entries, "it only grows"
        before = now
        holds(now, at)
