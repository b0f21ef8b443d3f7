"""Get a checkout."""

from contextlib import suppress
from dataclasses import replace
from datetime import datetime

from shop.cart.actions import PricingContext
from shop.checkout.actions.offer import choose_valid_offer, is_current, offered_lines, remake_offer
from shop.checkout.actions.offer_request import previous_offer
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
        return CheckoutResult(session, orders.get(owner, session.order_id))
    if session.canceled:
        return CheckoutResult(session)
    current = is_current(session.offer, pricing.rule_source.rules(at), at)
    if current and not session.offer.is_short:
        return CheckoutResult(session)
    new_offer = remake_offer(
        session,
        pricing,
        at,
        read_stock=session.offer.is_short or not session.offer.is_fresh(at),
        previous=previous_offer(session),
    )
    offer = choose_valid_offer(session.offer, new_offer, at)
    after = replace(session, offer=offer, lines=offered_lines(session.lines, offer))
    price_changed = offer.quote.total != session.offer.quote.total
    if price_changed or (offer.quote is not session.offer.quote and not current):
        # The offer that is shown is the one that is bought, so it is written. A concurrent
        # request that wins this write has shown a newer offer.
        after = replace(after, version=session.version + 1)
        with suppress(ConditionFailed):
            uow.commit(sessions.update_op(session, after))
    return CheckoutResult(after)
