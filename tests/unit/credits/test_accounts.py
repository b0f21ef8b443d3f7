"""Credit accounts: lots, expiry, repeated commands, and balances that sum to zero."""

from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from shop.credits.model.accounts import CreditAccount
from shop.kernel.errors import Conflict, InvalidRequest

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def remaining_by_lot(account: CreditAccount) -> dict[str, int]:
    return {lot.id: lot.remaining for lot in account.lots()}


def test_credit_that_expires_first_is_spent_first() -> None:
    account = (
        CreditAccount("ann")
        .grant("never", 100, NOW)
        .grant("in two days", 50, NOW, expires=NOW + 2 * DAY)
        .grant("tomorrow", 30, NOW, expires=NOW + DAY)
        .spend("s1", 60, NOW, reference="order")
    )

    assert remaining_by_lot(account) == {"tomorrow": 0, "in two days": 20, "never": 100}
    assert account.available(NOW) == 120
    assert account.available(NOW + 2 * DAY) == 100


def test_expired_credit_cannot_be_spent_before_it_is_moved_out() -> None:
    account = CreditAccount("ann").grant("g", 50, NOW, expires=NOW + DAY)

    with pytest.raises(Conflict) as error:
        account.spend("s", 1, NOW + DAY, reference="order")

    assert error.value.code == "credit_insufficient"
    moved_out = account.expire("x", NOW + DAY)
    assert moved_out.balances() == {"shop": -50, "ann": 0, "expired": 50}
    assert moved_out.expire("x", NOW + DAY) is moved_out


def test_repeated_command_counts_once() -> None:
    account = CreditAccount("ann").grant("g", 50, NOW).spend("s", 20, NOW, reference="order")

    assert account.spend("s", 20, NOW, reference="order") is account
    assert account.grant("g", 50, NOW) is account
    with pytest.raises(Conflict) as error:
        account.spend("s", 21, NOW, reference="order")
    assert error.value.code == "ledger_entry_differs"


def test_refund_returns_to_its_lots_and_never_exceeds_the_payment() -> None:
    # Given an order that was paid from two lots, and was refunded in part
    account = (
        CreditAccount("ann")
        .grant("old", 30, NOW, expires=NOW + DAY)
        .grant("new", 100, NOW)
        .spend("s", 70, NOW, reference="order")
        .reverse_spend("b1", 50, NOW, reference="order")
    )
    assert remaining_by_lot(account) == {"old": 10, "new": 100}

    # When more is refunded than it still holds, then the refund is rejected
    with pytest.raises(Conflict) as error:
        account.reverse_spend("b2", 21, NOW, reference="order")
    assert error.value.code == "refund_exceeds_payment"

    # When the rest is refunded after one lot expired, then this lot stays expired
    later = account.reverse_spend("b2", 20, NOW + 2 * DAY, reference="order")
    assert later.available(NOW + 2 * DAY) == 100


def test_points_of_returned_goods_are_reversed_as_far_as_available() -> None:
    account = (
        CreditAccount("ann")
        .grant("g", 100, NOW, reference="order")
        .grant("other", 10, NOW, reference="other")
        .spend("s", 80, NOW, reference="later")
    )

    account = account.reverse_grant("t", 50, NOW, reference="order")

    assert remaining_by_lot(account) == {"g": 0, "other": 10}


def test_grant_needs_a_positive_amount_and_a_future_expiry() -> None:
    for amount in (0, -5):
        with pytest.raises(InvalidRequest):
            CreditAccount("ann").grant("g", amount, NOW)
    with pytest.raises(InvalidRequest):
        CreditAccount("ann").grant("g", 5, NOW, expires=NOW)


@pytest.mark.slow
def test_every_random_sequence_of_commands_balances() -> None:
    for seed in range(300):
        random = Random(seed)
        account, at = CreditAccount("ann"), NOW
        for step in range(25):
            # Given a random command, sometimes with the id of an earlier one
            at += timedelta(hours=random.randint(0, 20))
            order = f"o{random.randint(0, 3)}"
            id, amount = f"c{random.randint(0, step)}", random.randint(1, 60)
            before = account

            # When it runs
            try:
                match random.choice(["grant", "grant", "spend", "spend", "back", "take", "expire"]):
                    case "grant":
                        expires = random.choice([None, at + random.randint(1, 4) * DAY])
                        account = account.grant(id, amount, at, expires=expires, reference=order)
                    case "spend":
                        account = account.spend(id, amount, at, reference=order)
                    case "back":
                        account = account.reverse_spend(id, amount, at, reference=order)
                    case "take":
                        account = account.reverse_grant(id, amount, at, reference=order)
                    case _:
                        account = account.expire(id, at)
            except Conflict:
                assert account is before

            # Then all accounts sum to zero, none is overdrawn, and entries are only added
            balances = account.balances()
            assert sum(balances.values()) == 0
            assert balances.get("ann", 0) == sum(lot.remaining for lot in account.lots())
            assert all(lot.remaining >= 0 for lot in account.lots())
            assert all(balances.get(name, 0) >= 0 for name in ("ann", "orders", "expired"))
            assert account.entries[: len(before.entries)] == before.entries
