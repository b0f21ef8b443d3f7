"""How credits share the payment of an order, and its refunds."""

from datetime import UTC, datetime

import pytest

from shop.credits.actions.payment import allocate_credits
from shop.credits.model.account_names import points_account, store_credit_account
from shop.credits.model.accounts import CreditAccount
from shop.credits.model.payment_split import CreditAllocation, CreditInstrument, excess_credits
from shop.kernel.errors import InvalidRequest
from tests.doubles.credits import MemoryCodeAttempts, MemoryCreditAccounts

NOW = datetime(2026, 11, 22, tzinfo=UTC)
POINTS, STORE_CREDIT = points_account("ann"), store_credit_account("ann", "USD")


def allocate(
    total: int, balances: dict[str, int], *types: str
) -> tuple[CreditAllocation | None, ...]:
    """Allocate a total in USD to credits of Ann with these balances."""
    accounts = {
        name: CreditAccount(name).grant("g", balance, NOW) if balance else CreditAccount(name)
        for name, balance in balances.items()
    }
    return allocate_credits(
        total,
        "USD",
        [CreditInstrument(type) for type in types],
        "ann",
        rate_limit_subject="ann",
        credit_accounts=MemoryCreditAccounts(accounts),
        code_attempts=MemoryCodeAttempts(),
        at=NOW,
    )


def test_credits_pay_in_the_order_sent() -> None:
    balances = {POINTS: 300, STORE_CREDIT: 900}

    assert allocate(1000, balances, "loyalty", "store_credit") == (
        CreditAllocation(POINTS, 300, 300),
        CreditAllocation(STORE_CREDIT, 700, 700),
    )
    assert allocate(900, balances, "store_credit", "loyalty") == (
        CreditAllocation(STORE_CREDIT, 900, 900),
        None,
    )


def test_empty_credit_is_rejected_while_an_amount_is_due() -> None:
    with pytest.raises(InvalidRequest) as error:
        allocate(1000, {POINTS: 0, STORE_CREDIT: 900}, "loyalty", "store_credit")

    assert error.value.code == "credit_insufficient"
    assert error.value.problems[0].path == "$.payment.instruments[0]"


@pytest.mark.parametrize("steps", [[1000], [1, 999], [500, 500], [499, 2, 499], [250] * 4], ids=str)
def test_refunds_in_any_steps_return_every_payment_once(steps: list[int]) -> None:
    # Given an order of 1000 that two credits pay in part
    total, paid = 1000, [("a", 300), ("b", 200)]
    refunded, money, returned = 0, 0, {"a": 0, "b": 0}

    for step in steps:
        # When a step is refunded
        refunded += step
        excess = dict(excess_credits(paid, total - refunded))

        # Then money comes back first, then the credit that was used last, and nothing twice
        assert all(excess.get(name, 0) >= amount for name, amount in returned.items())
        assert refunded - sum(excess.values()) == min(refunded, 500)
        assert excess.get("b", 0) == max(0, min(200, refunded - 500))
        returned |= excess
        money = refunded - sum(excess.values())

    assert (money, returned) == (500, {"a": 300, "b": 200})
