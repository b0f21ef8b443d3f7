"""Leave a checkout."""

from dataclasses import replace
from typing import Any

from shop.checkout.actions.shown import Shown
from shop.checkout.actions.telling import refuse_if_bought
from shop.checkout.ports import Sessions
from shop.inventory.ports import Holds
from shop.kernel.idempotency import Ask
from shop.kernel.transactions import Change, Ledger
from shop.orders.actions.calling_off import cancel_order
from shop.orders.ports import Orders, Uses


def cancel_checkout(
    session_id: str,
    ask: Ask,
    *,
    sessions: Sessions,
    orders: Orders,
    stock: Holds[Any],
    tallies: Uses,
    ledger: Ledger,
) -> Change[Shown]:
    """Leave a checkout. A payment that is still being confirmed is called off with it.

    Raises Conflict once it is completed (then the order is what can be cancelled) or canceled.
    """
    session = sessions.of(ask.owner, session_id, ask.at)
    session.open_or_refuse()
    order = None
    if session.order_id is not None:
        order = orders.of(ask.owner, session.order_id)
        refuse_if_bought(order)
        order = cancel_order(
            order.id,
            "checkout_canceled",
            at=ask.at,
            who=ask.owner,
            owner=ask.owner,
            unless_paid=True,
            orders=orders,
            stock=stock,
            tallies=tallies,
            ledger=ledger,
        )
        refuse_if_bought(order)
    after = replace(session, canceled=True, version=session.version + 1)
    return Change(Shown(after, order), (sessions.changing(session, after),))
