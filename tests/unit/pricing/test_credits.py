"""Points, gift cards and store credit: a ledger that balances."""

from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from shop.credits.model.accounts import (
    AvailableCredit,
    CreditAccount,
    EarnRule,
    settle,
    split_refund,
)
from shop.kernel.errors import Conflict, InvalidRequest
from shop.kernel.money import Money

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def test_what_expires_first_is_spent_first() -> None:
    ledger = (
        CreditAccount("ann")
        .grant("g1", 100, NOW)
        .grant("g2", 50, NOW, expires=NOW + 2 * DAY)
        .grant("g3", 30, NOW, expires=NOW + DAY)
        .spend("s1", 60, NOW, reference="order")
    )
    assert {lot.id: lot.remaining for lot in ledger.lots()} == {"g3": 0, "g2": 20, "g1": 100}
    assert ledger.available(NOW) == 120
    assert ledger.available(NOW + 2 * DAY) == 100


def test_expired_credit_cannot_be_spent_even_before_anybody_sweeps() -> None:
    ledger = CreditAccount("ann").grant("g", 50, NOW, expires=NOW + DAY)
    with pytest.raises(Conflict) as refusal:
        ledger.spend("s", 1, NOW + DAY, reference="order")
    assert refusal.value.code == "credit_insufficient"
    swept = ledger.expire("x", NOW + DAY)
    assert swept.balances() == {"shop": -50, "ann": 0, "expired": 50}
    assert swept.expire("x", NOW + DAY) is swept


def test_a_command_given_twice_counts_once() -> None:
    ledger = CreditAccount("ann").grant("g", 50, NOW).spend("s", 20, NOW, reference="order")
    assert ledger.spend("s", 20, NOW, reference="order") is ledger
    assert ledger.grant("g", 50, NOW) is ledger
    with pytest.raises(Conflict) as refusal:
        ledger.spend("s", 21, NOW, reference="order")
    assert refusal.value.code == "posting_differs"


def test_a_refund_goes_back_to_the_lots_it_came_from_and_never_exceeds_the_payment() -> None:
    ledger = (
        CreditAccount("ann")
        .grant("old", 30, NOW, expires=NOW + DAY)
        .grant("new", 100, NOW)
        .spend("s", 70, NOW, reference="order")
        .reverse_spend("b1", 50, NOW, reference="order")
    )
    assert {lot.id: lot.remaining for lot in ledger.lots()} == {"old": 10, "new": 100}
    with pytest.raises(Conflict) as refusal:
        ledger.reverse_spend("b2", 21, NOW, reference="order")
    assert refusal.value.code == "refund_exceeds_payment"
    later = ledger.reverse_spend("b2", 20, NOW + 2 * DAY, reference="order")
    assert later.available(NOW + 2 * DAY) == 100, "what expired meanwhile stays expired"


def test_points_of_returned_goods_go_as_far_as_they_are_there() -> None:
    ledger = (
        CreditAccount("ann")
        .grant("g", 100, NOW, reference="order")
        .grant("other", 10, NOW, reference="other")
        .spend("s", 80, NOW, reference="later")
    )
    ledger = ledger.reverse_grant("t", 50, NOW, reference="order")
    assert {lot.id: lot.remaining for lot in ledger.lots()} == {"g": 0, "other": 10}


def test_amounts_are_above_zero_and_credit_is_not_born_expired() -> None:
    for wrong in (0, -5):
        with pytest.raises(InvalidRequest):
            CreditAccount("ann").grant("g", wrong, NOW)
    with pytest.raises(InvalidRequest):
        CreditAccount("ann").grant("g", 5, NOW, expires=NOW)


@pytest.mark.slow
def test_every_random_life_of_an_account_balances() -> None:
    for seed in range(300):
        rng = Random(seed)
        ledger, at = CreditAccount("ann"), NOW
        for step in range(25):
            at += timedelta(hours=rng.randint(0, 20))
            order = f"o{rng.randint(0, 3)}"
            id, amount = f"c{rng.randint(0, step)}", rng.randint(1, 60)
            before = ledger
            try:
                match rng.choice(["grant", "grant", "spend", "spend", "back", "take", "expire"]):
                    case "grant":
                        expires = rng.choice([None, at + rng.randint(1, 4) * DAY])
                        ledger = ledger.grant(id, amount, at, expires=expires, reference=order)
                    case "spend":
                        ledger = ledger.spend(id, amount, at, reference=order)
                    case "back":
                        ledger = ledger.reverse_spend(id, amount, at, reference=order)
                    case "take":
                        ledger = ledger.reverse_grant(id, amount, at, reference=order)
                    case _:
                        ledger = ledger.expire(id, at)
            except Conflict:
                assert ledger is before
            balances = ledger.balances()
            assert sum(balances.values()) == 0
            assert balances.get("ann", 0) == sum(lot.remaining for lot in ledger.lots())
            assert all(lot.remaining >= 0 for lot in ledger.lots())
            assert all(balances.get(pot, 0) >= 0 for pot in ("ann", "orders", "expired"))
            assert ledger.entries[: len(before.entries)] == before.entries, "append-only"


def test_credits_pay_in_the_order_they_are_offered() -> None:
    paid = settle(
        Money(1000, "USD"),
        [
            AvailableCredit("empty", Money(0, "USD")),
            AvailableCredit("a", Money(300, "USD")),
            AvailableCredit("b", Money(900, "USD")),
        ],
    )
    assert paid.paid == (("a", Money(300, "USD")), ("b", Money(700, "USD")))
    assert paid.due == Money(0, "USD")


def test_refunds_in_any_steps_give_everything_back_once() -> None:
    settlement = settle(
        Money(1000, "USD"),
        [AvailableCredit("a", Money(300, "USD")), AvailableCredit("b", Money(200, "USD"))],
    )
    for steps in ([1000], [1, 999], [500, 500], [499, 2, 499], [250] * 4):
        gone, pots = 0, {None: 0, "a": 0, "b": 0}
        for step in steps:
            for pot, share in split_refund(Money(step, "USD"), settlement, Money(gone, "USD")):
                pots[pot] += share.minor
            gone += step
        assert pots == {None: 500, "a": 300, "b": 200}
    with pytest.raises(Conflict):
        split_refund(Money(1, "USD"), settlement, Money(1000, "USD"))


def test_returns_in_any_steps_take_the_same_points() -> None:
    rule = EarnRule(Money(100, "USD"), points=2, times=(("gold", 3),))
    goods = Money(12_345, "USD")
    assert rule.earned(goods) == 246
    assert rule.earned(goods, ("gold",)) == 738
    assert rule.earned(Money(12_345, "EUR")) == 0
    for steps in ([12_345], [99, 99, 99, 12_048], [1] * 45 + [12_300]):
        gone, taken = Money(0, "USD"), 0
        for step in steps:
            taken += rule.points_to_reverse(goods, gone, Money(step, "USD"))
            gone += Money(step, "USD")
        assert taken == 246
