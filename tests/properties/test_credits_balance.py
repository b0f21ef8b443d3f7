"""A credit account under concurrent commands: it balances, and no command counts twice."""

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


def random_command(
    rng: Random, number: int, at: datetime
) -> Callable[[CreditAccount], CreditAccount]:
    """Return a random command; one in five has the id of an earlier command."""
    amount, order = rng.randint(1, 120), f"order-{rng.randrange(ORDERS)}"
    id_ = f"c{rng.randrange(number + 1)}" if rng.random() < 0.2 else f"c{number}"
    match rng.randrange(6):
        case 0:
            expires = at + timedelta(hours=rng.randint(1, 40)) if rng.random() < 0.5 else None
            return lambda account: account.grant(id_, amount, at, expires=expires, reference=order)
        case 1 | 2:
            return lambda account: account.spend(id_, amount, at, reference=order)
        case 3:
            return lambda account: account.reverse_spend(id_, amount, at, reference=order)
        case 4:
            return lambda account: account.reverse_grant(id_, amount, at, reference=order)
        case _:
            return lambda account: account.expire(id_, at)


def assert_balanced(account: CreditAccount, at: datetime) -> None:
    """Assert that entries, lots and balances agree, and that no command has two movements."""
    balances = account.balances()
    assert sum(balances.values()) == 0
    assert account.balance == balances.get(account.account, 0) >= 0
    lots = account.lots()
    assert all(lot.remaining >= 0 for lot in lots)
    assert sum(lot.remaining for lot in lots) == account.balance
    assert 0 <= account.available(at) <= account.balance
    granted = sum(e.amount for e in account.entries if e.kind is CreditEntryType.GRANT)
    for order in (f"order-{n}" for n in range(ORDERS)):
        assert 0 <= account.spent_total(order) <= granted
    for id_ in {entry.id for entry in account.entries}:
        entries = [entry for entry in account.entries if entry.id == id_]
        assert len({(entry.kind, entry.at) for entry in entries}) == 1
        assert len({entry.lot for entry in entries}) == len(entries)


@given(randoms)
@settings(max_examples=150, deadline=None)
def test_account_balances_under_concurrent_commands(rng: Random) -> None:
    credit_accounts, uow = MemoryCreditAccounts(), MemoryUnitOfWork()
    pending: dict[int, tuple[CreditAccount, CreditAccount]] = {}
    at, before = NOW, credit_accounts.get("ann")
    for number in range(STEPS):
        # When an actor reads the account and decides, or writes its earlier decision
        actor = rng.randrange(ACTORS)
        at += timedelta(minutes=rng.randint(0, 90))
        if actor in pending:
            read, after = pending.pop(actor)
            try:
                uow.commit(credit_accounts.append_op(read, after))
            except ConditionFailed:
                assert credit_accounts.get("ann").entries != read.entries
        else:
            read = credit_accounts.get("ann")
            try:
                after = random_command(rng, number, at)(read)
            except (Conflict, InvalidRequest):
                continue
            if after != read:
                pending[actor] = (read, after)

        # Then entries are only added, and the account balances
        current = credit_accounts.get("ann")
        assert current.entries[: len(before.entries)] == before.entries
        before = current
        assert_balanced(current, at)
