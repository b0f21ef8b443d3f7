"""What had arrived is sent back: staff took it in, and the money goes back."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from shop.kernel.idempotency import Ask, Keys, once
from shop.kernel.transactions import Change, Ledger
from shop.orders.actions.writing import insist
from shop.orders.model import Order
from shop.orders.ports import Orders


def take_back(
    ask: Ask,
    order_id: str,
    pieces: Mapping[str, int],
    reason: str,
    render: Callable[[Order], Mapping[str, Any]],
    *,
    who: str,
    orders: Orders,
    keys: Keys,
    ledger: Ledger,
) -> Mapping[str, Any]:
    """Note pieces that came back, by line; asked twice under one key, once.

    Money, points and credits follow from the event. What came back is not for sale by this: staff
    look at it first. Raises Conflict for an order that is not completed, NotFound, and Invalid for
    more than the buyer has.
    """

    def make() -> Change[Order]:
        order = orders.by_id(order_id)
        after, events = order.taken_back(pieces, reason, ask.at, who)
        changing = orders.changing(order, after, events)
        return Change(replace(after, version=order.version + 1), (changing,))

    return insist(lambda: once(ask, make, render, keys=keys, ledger=ledger))
