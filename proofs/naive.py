"""Ways to sell that look right and are not. The proofs run on them too, and must fail.

Each is what shops do: look the key up first, do the work in steps, store the answer last. Each has
one flaw that shows only when something goes wrong in between.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any
from unittest.mock import patch

from functions.checkout.complete_checkout import front, till
from functions.staff_orders import take_back
from functions.workflows import await_shipment
from shop.checkout.actions import Shown
from shop.checkout.model import Session, order_from, placed
from shop.checkout.wire import CompleteRequest, checkout_view
from shop.edge.http import Request, endpoint
from shop.edge.schedule import scheduled
from shop.inventory.model import StockLevel, out_of_stock, shortages
from shop.inventory.store import DynamoStock
from shop.kernel.errors import Conflict, Stale
from shop.kernel.idempotency import answer_kept
from shop.kernel.ids import new_id
from shop.kernel.transactions import Clash, Part
from shop.orders.actions.paying import record_payment
from shop.orders.model import Order, Status
from shop.payments.model import Credential
from shop.pricing.model.coupons import normal
from shop.pricing.store.rows import CODE, PricingRow
from shop.storage.table import connection
from shop.storage.transactions import DynamoLedger


def _naive(buy: Callable[[Request[CompleteRequest], Session], tuple[Session, Order]]) -> Any:
    """A door around a naive way to buy: the key is looked up first and answered last."""

    @endpoint(CompleteRequest, capability="dev.ucp.shopping.checkout")
    def handler(request: Request[CompleteRequest]) -> Mapping[str, Any]:
        kept = answer_kept(request.ask, till.keys)
        if kept is not None:
            return kept
        session = till.sessions.of(request.caller.owner, request.path["id"], request.at)
        session.open_or_refuse()
        if session.order_id is not None:
            session = replace(session, order_id=None)
        session, order = buy(request, session)
        answer = checkout_view(Shown(session, order), front)
        till.ledger.commit(till.keys.taking(request.ask, answer))
        return answer

    return handler


def _stock_then_order(request: Request[CompleteRequest], session: Session) -> tuple[Session, Order]:
    """Stock in one call, the order in the next: a crash between leaves goods that nobody sells."""
    holds = till.stock.draw(session.offer.demands())
    till.ledger.commit(lambda writes: _reserve(writes, holds))
    order, after = _order(request, session, session.next_order_id, holds)
    till.ledger.commit(
        till.orders.placing(order, order.placed()[1]),
        till.sessions.changing(session, after),
        till.tallies.taking(order.uses),
    )
    return after, _paid(request, order)


def _random_ids(request: Request[CompleteRequest], session: Session) -> tuple[Session, Order]:
    """A new id for each try, the session marked afterwards: whoever asks twice buys twice."""
    holds = till.stock.draw(session.offer.demands())
    order, after = _order(request, session, new_id("ord"), holds)
    till.ledger.commit(
        till.orders.placing(order, order.placed()[1]),
        lambda writes: _reserve(writes, holds),
        till.tallies.taking(order.uses),
    )
    order = _paid(request, order)
    till.ledger.commit(till.sessions.changing(session, after))
    return after, order


def _charge_first(request: Request[CompleteRequest], session: Session) -> tuple[Session, Order]:
    """The money first, the order afterwards: a crash between takes money for nothing."""
    holds = till.stock.draw(session.offer.demands())
    order, after = _order(request, session, new_id("ord"), holds)
    report = till.provider.authorise(
        order.id, order.amount, _credential(request.body), key=order.id
    )
    till.ledger.commit(
        till.orders.placing(order, order.placed()[1]),
        till.sessions.changing(session, after),
        lambda writes: _reserve(writes, holds),
        till.tallies.taking(order.uses),
    )
    return after, _recorded(request, order, report)


def _credential(body: CompleteRequest) -> Credential:
    credential = body.tender().credential
    if credential is None:
        raise Conflict("these pay in money only")
    return credential


def _order(
    request: Request[CompleteRequest], session: Session, order_id: str, holds: Any
) -> tuple[Order, Session]:
    fresh = order_from(session, till.provider.name, request.at, request.at + till.payment_window)
    uses = tuple(till.tallies.draw(fresh.uses))
    order, _ = replace(fresh, id=order_id, holds=holds, uses=uses).placed()
    return order, placed(session, order, request.ask.key)


def _paid(request: Request[CompleteRequest], order: Order) -> Order:
    credential = _credential(request.body)
    report = till.provider.authorise(order.id, order.amount, credential, key=order.id)
    return _recorded(request, order, report)


def _recorded(request: Request[CompleteRequest], order: Order, report: Any) -> Order:
    return record_payment(
        order.id,
        report,
        at=request.at,
        who=till.provider.name,
        orders=till.orders,
        stock=till.stock,
        tallies=till.tallies,
        ledger=till.ledger,
        read=order,
    )


def _reserve(writes: Any, wanted: Any) -> None:
    till.stock.reserve(writes, wanted)


def _read_then_write(request: Request[CompleteRequest], session: Session) -> tuple[Session, Order]:
    """Look whether enough is there, then take it: by then somebody else has looked as well."""
    short = shortages(session.offer.demands(), _levels(session))
    if short:
        raise out_of_stock(short)
    holds = till.stock.draw(session.offer.demands())
    order, after = _order(request, session, session.next_order_id, holds)
    till.ledger.commit(
        till.orders.placing(order, order.placed()[1]),
        till.sessions.changing(session, after),
        lambda writes: _reserve(_Heedless(writes), holds),
        lambda writes: till.tallies.taking(order.uses)(_Heedless(writes)),
    )
    return after, _paid(request, order)


def _read_then_count(request: Request[CompleteRequest], session: Session) -> tuple[Session, Order]:
    """Look whether a use of the coupon is left, then count it: somebody else has looked as well."""
    names = [f"CODE#{normal(code)}" for code in session.codes]
    rows = PricingRow.batch_get([(name, CODE) for name in names], consistent_read=True)
    if any(row.left < 1 for row in rows):
        raise Conflict("this code has no uses left", code="discount_code_exhausted")
    holds = till.stock.draw(session.offer.demands())
    order, after = _order(request, session, session.next_order_id, holds)
    till.ledger.commit(
        till.orders.placing(order, order.placed()[1]),
        till.sessions.changing(session, after),
        lambda writes: _reserve(writes, holds),
        lambda writes: till.tallies.taking(order.uses)(_Heedless(writes)),
    )
    return after, _paid(request, order)


def _levels(session: Session) -> Mapping[str, StockLevel]:
    stock = DynamoStock()
    return {demand.sku: stock.level(demand.sku) for demand in session.offer.demands()}


class _Heedless:
    """A transaction that forgets the conditions of its updates."""

    def __init__(self, writes: Any) -> None:
        self._writes = writes

    def update(self, model: Any, actions: Any, condition: Any = None) -> None:
        self._writes.update(model, actions)


@scheduled
def SWEEP(at: datetime) -> dict[str, Any]:  # noqa: N802  a door, like those above
    """Stock goes back in one call, the order is called off in the next: twice, when two sweep."""
    overdue = till.orders.overdue(at, 200)
    for order_id in overdue:
        order = till.orders.by_id(order_id)
        if order.status is not Status.PLACED:
            continue
        holds = order.holds
        try:
            till.ledger.commit(partial(_release, holds=holds), till.tallies.giving(order.uses))
            after, events = order.cancelled("payment_expired", at, "sweep")
            till.orders.save(order, after, events)
        except (Clash, Stale):
            continue
    return {"overdue": len(overdue), "settled": len(overdue)}


def _release(writes: Any, holds: Any) -> None:
    till.stock.release(writes, holds)


NAIVE: Mapping[str, Any] = {
    "read, then write": _naive(_read_then_write),
    "read, then count": _naive(_read_then_count),
    "two calls": _naive(_stock_then_order),
    "random ids": _naive(_random_ids),
    "charge first": _naive(_charge_first),
}
"""The doors, by the names that the proofs know them by."""


class _PartByPart:
    """A ledger that writes what belongs together in a call each."""

    def commit(self, *parts: Part) -> None:
        for part in parts:
            DynamoLedger(connection()).commit(part)


@contextmanager
def careless(name: str | None) -> Iterator[None]:
    """A room of the shop in which one write is several, where the name is one of :data:`ROOMS`."""
    with ExitStack() as stack:
        if name is not None and name in ROOMS:
            room, attribute, flawed = ROOMS[name]
            stack.enter_context(patch.object(room, attribute, flawed))
        yield


ROOMS: Mapping[str, tuple[Any, str, Any]] = {
    "move in two calls": (
        await_shipment,
        "sourcing",
        replace(await_shipment.sourcing, ledger=_PartByPart()),
    ),
    "key afterwards": (take_back, "ledger", _PartByPart()),
}
"""Where it is, what is replaced there, and what by."""
