"""Settle the credits of an order after its completion, return or partial cancellation."""

from datetime import datetime

from shop.credits.actions.accounts import update_account
from shop.credits.model.account_names import is_points_account, points_account
from shop.credits.model.accounts import CreditAccount
from shop.credits.model.loyalty import POINT_VALUE, POINTS_VALIDITY, earned_points
from shop.credits.ports import CreditAccountRepository
from shop.kernel.frozen import frozen
from shop.kernel.unit_of_work import UnitOfWork


@frozen(slots=False)
class OrderCredits:
    """The facts of an order that decide its credits. Amounts are minor units.

    ``goods_total`` is the cost of the goods that the customer keeps. ``excess`` is the amount that
    credits paid beyond the order's present value, by account. A ``completed`` order earns points.
    """

    order_id: str
    customer: str | None
    currency: str
    goods_total: int
    excess: tuple[tuple[str, int], ...] = ()
    completed: bool = False


def settle_order_credits(
    order: OrderCredits,
    *,
    credit_accounts: CreditAccountRepository,
    uow: UnitOfWork,
    at: datetime,
) -> None:
    """Refund excess credits, then book the points that these goods earn.

    A repeated call changes nothing: each step compares the state that the order asks for with the
    entries that exist.
    """
    for account_name, amount in order.excess:
        unit_value = POINT_VALUE.get(order.currency, 1) if is_points_account(account_name) else 1
        units = amount // unit_value

        def refund(account: CreditAccount, units: int = units) -> CreditAccount:
            missing = units - account.reversed_spend_total(order.order_id)
            if missing <= 0:
                return account
            return account.reverse_spend(
                f"{order.order_id}:back:{units}", missing, at, reference=order.order_id
            )

        update_account(account_name, refund, credit_accounts=credit_accounts, uow=uow)
    if order.customer is None:  # a guest earns no points
        return

    def book_points(account: CreditAccount) -> CreditAccount:
        return _with_points(account, order, at)

    update_account(
        points_account(order.customer), book_points, credit_accounts=credit_accounts, uow=uow
    )


def _with_points(account: CreditAccount, order: OrderCredits, at: datetime) -> CreditAccount:
    """Return the account with the points that these goods earn, granted once."""
    earned = earned_points(order.goods_total, order.currency)
    granted = account.granted_total(order.order_id)
    if granted is None:
        if not (order.completed and earned):
            return account
        return account.grant(
            f"{order.order_id}:earn",
            earned,
            at,
            expires=at + POINTS_VALIDITY,
            reference=order.order_id,
        )
    # Computed from the remaining goods, not from each return: any division into returns then
    # reverses the same points.
    excess = granted - account.reversed_grant_total(order.order_id) - earned
    if excess <= 0:
        return account
    return account.reverse_grant(
        f"{order.order_id}:less:{earned}", excess, at, reference=order.order_id
    )
