"""Get a checkout."""

from contextlib import suppress
from datetime import datetime

from shop.cart.actions import PricingContext
from shop.checkout.actions.offer import at_current_prices
from shop.checkout.actions.results import CheckoutResult
from shop.checkout.ports import CheckoutSessionRepository
from shop.kernel.unit_of_work import ConditionFailed, UnitOfWork
from shop.orders.ports import OrderRepository


def get_checkout(
    owner: str,
    session_id: str,
    *,
    sessions: CheckoutSessionRepository,
    orders: OrderRepository,
    pricing: PricingContext,
    uow: UnitOfWork,
    at: datetime,
) -> CheckoutResult:
    """Return a checkout with the offer that holds at this instant. Raises NotFound.

    A new offer replaces one that has expired or has become cheaper.
    """
    session = sessions.get(owner, session_id, at)
    if session.order_id is not None:
        return CheckoutResult(session, orders.get(session.owner, session.order_id))
    if session.canceled:
        return CheckoutResult(session)
    after = at_current_prices(session, pricing, at)
    if after.version != session.version:
        # A concurrent request that wins this write has shown a newer offer.
        with suppress(ConditionFailed):
            uow.commit(sessions.update_op(session, after))
    return CheckoutResult(after)
