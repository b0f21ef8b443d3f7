"""Points and refunds of an order after its completion and its returns."""

from datetime import UTC, datetime

import pytest

from shop.credits.actions.order_settlement import OrderCredits, settle_order_credits
from shop.credits.model.account_names import points_account
from shop.credits.model.loyalty import EarnRule
from shop.kernel.money import Money
from tests.doubles.credits import MemoryCreditAccounts
from tests.doubles.inventory import MemoryUnitOfWork

NOW = datetime(2026, 11, 22, tzinfo=UTC)


def test_points_are_earned_for_every_full_amount_in_its_currency() -> None:
    rule = EarnRule(Money(100, "USD"), points=2)

    assert rule.earned(Money(12_345, "USD")) == 246
    assert rule.earned(Money(12_345, "EUR")) == 0


@pytest.mark.parametrize(
    "returns",
    [[12_345], [99, 99, 99, 12_048], [1] * 45 + [12_300]],
    ids=["at once", "four returns", "46 returns"],
)
def test_any_division_into_returns_reverses_the_same_points(returns: list[int]) -> None:
    # Given a completed order of 123.45 that earned its points
    credit_accounts, uow = MemoryCreditAccounts(), MemoryUnitOfWork()
    remaining = 12_345

    def settle() -> int:
        """Settle the order twice, as a repeated event does, and return the points."""
        order = OrderCredits("order", "ann", "USD", remaining, completed=True)
        for _ in range(2):
            settle_order_credits(order, credit_accounts=credit_accounts, uow=uow, at=NOW)
        return credit_accounts.get(points_account("ann")).available(NOW)

    assert settle() == 123

    for returned in returns:
        # When goods are returned
        remaining -= returned

        # Then exactly the points of the remaining goods are left
        assert settle() == remaining // 100

    assert credit_accounts.get(points_account("ann")).reversed_grant_total("order") == 123
