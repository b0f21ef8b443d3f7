"""Look at a checkout."""

from contextlib import suppress
from dataclasses import replace
from datetime import datetime

from shop.cart.actions import PricingContext
from shop.checkout.actions.offer import (
    choose_valid_offer,
    is_current,
    offered_lines,
    previous_offer,
    remake_offer,
)
from shop.checkout.actions.results import CheckoutResult
from shop.checkout.ports import CheckoutSessionRepository
from shop.inventory.ports import StockRepository
from shop.kernel.unit_of_work import ConditionFailed, UnitOfWork
from shop.orders.ports import OrderRepository


def get_checkout(
    owner: str,
    session_id: str,
    *,
    sessions: CheckoutSessionRepository,
    orders: OrderRepository,
    pricing: PricingContext,
    stock: StockRepository,
    uow: UnitOfWork,
    at: datetime,
) -> CheckoutResult:
    """Look at a checkout. What would be offered now is shown where the offer holds no longer, and
    where the same has become cheaper.
    """
    session = sessions.get(owner, session_id, at)
    if session.order_id is not None:
        return CheckoutResult(session, orders.get(owner, session.order_id))
    if session.canceled:
        return CheckoutResult(session)
    timely = is_current(session.offer, pricing.rule_source.rules(at), at)
    if timely and not session.offer.is_short:
        return CheckoutResult(session)
    requested_ids = None if session.offer.is_fresh(at) and not session.offer.is_short else stock
    now = remake_offer(
        session, pricing, at, stock=requested_ids, previous_offer=previous_offer(session)
    )
    offer = choose_valid_offer(session.offer, now, at)
    after = replace(session, offer=offer, lines=offered_lines(session.lines, offer))
    other = offer.quote.total != session.offer.quote.total
    if other or (offer.quote is not session.offer.quote and not timely):
        # What is shown is what is bought, so it is kept. Who was faster has shown something newer.
        after = replace(after, version=session.version + 1)
        with suppress(ConditionFailed):
            uow.commit(sessions.update_op(session, after))
    return CheckoutResult(after)
