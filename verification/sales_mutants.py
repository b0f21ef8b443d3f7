"""Ways to sell that look right and are not. The verification run on them too, and must fail.

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

from functions.checkout.complete_checkout import deps, front
from functions.staff_orders import create_return
from functions.workflows import await_shipment
from shop.checkout.actions import CheckoutResult
from shop.checkout.model import CheckoutSession, build_order, with_order
from shop.checkout.schemas import CompleteRequest, checkout_view
from shop.entrypoints.http import Request, endpoint
from shop.entrypoints.scheduler import scheduled
from shop.inventory.model import StockLevel, find_shortages, out_of_stock_error
from shop.inventory.store import DynamoStockRepository
from shop.kernel.errors import Conflict, VersionConflict
from shop.kernel.idempotency import stored_response
from shop.kernel.ids import new_id
from shop.kernel.unit_of_work import ConditionFailed, WriteOperation
from shop.orders.actions.payments import record_payment
from shop.orders.model import Order, OrderStatus
from shop.payments.model import Credential
from shop.pricing.model.coupons import normalize_code
from shop.pricing.store.rows import CODE, PricingRow
from shop.storage.connection import connection
from shop.storage.transactions import DynamoUnitOfWork


def _naive(
    buy: Callable[[Request[CompleteRequest], CheckoutSession], tuple[CheckoutSession, Order]],
) -> Any:
    """A door around a naive way to buy: the key is looked up first and answered last."""

    @endpoint(CompleteRequest, capability="dev.ucp.shopping.checkout")
    def handler(request: Request[CompleteRequest]) -> Mapping[str, Any]:
        kept = stored_response(request.idempotent, deps.idempotency)
        if kept is not None:
            return kept
        session = deps.sessions.get(request.caller.owner, request.path["id"], request.received_at)
        session.raise_if_closed()
        if session.order_id is not None:
            session = replace(session, order_id=None)
        session, order = buy(request, session)
        answer = checkout_view(CheckoutResult(session, order), front)
        deps.uow.commit(deps.idempotency.claim(request.idempotent, answer))
        return answer

    return handler


def _stock_then_order(
    request: Request[CompleteRequest], session: CheckoutSession
) -> tuple[CheckoutSession, Order]:
    """Stock in one call, the order in the next: a crash between leaves goods that nobody sells."""
    holds = deps.stock.pick_shards(session.offer.demands())
    deps.uow.commit(lambda writes: _reserve(writes, holds))
    order, after = _order(request, session, session.next_order_id, holds)
    deps.uow.commit(
        deps.orders.place_op(order, order.place()[1]),
        deps.sessions.update_op(session, after),
        deps.usage.consume(order.usage),
    )
    return after, _paid(request, order)


def _random_ids(
    request: Request[CompleteRequest], session: CheckoutSession
) -> tuple[CheckoutSession, Order]:
    """A new id for each try, the session marked afterwards: whoever asks twice buys twice."""
    holds = deps.stock.pick_shards(session.offer.demands())
    order, after = _order(request, session, new_id("ord"), holds)
    deps.uow.commit(
        deps.orders.place_op(order, order.place()[1]),
        lambda writes: _reserve(writes, holds),
        deps.usage.consume(order.usage),
    )
    order = _paid(request, order)
    deps.uow.commit(deps.sessions.update_op(session, after))
    return after, order


def _charge_first(
    request: Request[CompleteRequest], session: CheckoutSession
) -> tuple[CheckoutSession, Order]:
    """The money first, the order afterwards: a crash between takes money for nothing."""
    holds = deps.stock.pick_shards(session.offer.demands())
    order, after = _order(request, session, new_id("ord"), holds)
    report = deps.provider.authorise(
        order.id, order.amount, _credential(request.body), key=order.id
    )
    deps.uow.commit(
        deps.orders.place_op(order, order.place()[1]),
        deps.sessions.update_op(session, after),
        lambda writes: _reserve(writes, holds),
        deps.usage.consume(order.usage),
    )
    return after, _recorded(request, order, report)


def _credential(body: CompleteRequest) -> Credential:
    credential = body.payment_input().credential
    if credential is None:
        raise Conflict("these pay in money only")
    return credential


def _order(
    request: Request[CompleteRequest], session: CheckoutSession, order_id: str, holds: Any
) -> tuple[Order, CheckoutSession]:
    fresh = build_order(
        session, deps.provider.name, request.received_at, request.received_at + deps.payment_window
    )
    uses = tuple(deps.usage.pick_shards(fresh.usage))
    order, _ = replace(fresh, id=order_id, reservations=holds, usage=uses).place()
    return order, with_order(session, order, request.idempotent.key)


def _paid(request: Request[CompleteRequest], order: Order) -> Order:
    credential = _credential(request.body)
    report = deps.provider.authorise(order.id, order.amount, credential, key=order.id)
    return _recorded(request, order, report)


def _recorded(request: Request[CompleteRequest], order: Order, report: Any) -> Order:
    return record_payment(
        order.id,
        report,
        at=request.received_at,
        actor=deps.provider.name,
        writes=deps.order_writes,
        read=order,
    )


def _reserve(writes: Any, wanted: Any) -> None:
    deps.stock.reserve(writes, wanted)


def _read_then_write(
    request: Request[CompleteRequest], session: CheckoutSession
) -> tuple[CheckoutSession, Order]:
    """Look whether enough is there, then take it: by then somebody else has looked as well."""
    short = find_shortages(session.offer.demands(), _levels(session))
    if short:
        raise out_of_stock_error(short)
    holds = deps.stock.pick_shards(session.offer.demands())
    order, after = _order(request, session, session.next_order_id, holds)
    deps.uow.commit(
        deps.orders.place_op(order, order.place()[1]),
        deps.sessions.update_op(session, after),
        lambda writes: _reserve(_Heedless(writes), holds),
        lambda writes: deps.usage.consume(order.usage)(_Heedless(writes)),
    )
    return after, _paid(request, order)


def _read_then_count(
    request: Request[CompleteRequest], session: CheckoutSession
) -> tuple[CheckoutSession, Order]:
    """Look whether a use of the coupon is left, then count it: somebody else has looked as well."""
    names = [f"CODE#{normalize_code(code)}" for code in session.codes]
    rows = PricingRow.batch_get([(name, CODE) for name in names], consistent_read=True)
    if any(row.remaining < 1 for row in rows):
        raise Conflict("this code has no uses left", code="discount_code_exhausted")
    holds = deps.stock.pick_shards(session.offer.demands())
    order, after = _order(request, session, session.next_order_id, holds)
    deps.uow.commit(
        deps.orders.place_op(order, order.place()[1]),
        deps.sessions.update_op(session, after),
        lambda writes: _reserve(writes, holds),
        lambda writes: deps.usage.consume(order.usage)(_Heedless(writes)),
    )
    return after, _paid(request, order)


def _levels(session: CheckoutSession) -> Mapping[str, StockLevel]:
    stock = DynamoStockRepository()
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
    overdue = deps.orders.list_overdue(at, 200)
    for order_id in overdue:
        order = deps.orders.get_by_id(order_id)
        if order.status is not OrderStatus.PLACED:
            continue
        holds = order.reservations
        try:
            deps.uow.commit(partial(_release, holds=holds), deps.usage.release(order.usage))
            after, events = order.cancel("payment_expired", at, "sweep")
            deps.orders.save(order, after, events)
        except (ConditionFailed, VersionConflict):
            continue
    return {"overdue": len(overdue), "expired": len(overdue)}


def _release(writes: Any, holds: Any) -> None:
    deps.stock.release(writes, holds)


NAIVE: Mapping[str, Any] = {
    "read, then write": _naive(_read_then_write),
    "read, then count": _naive(_read_then_count),
    "two calls": _naive(_stock_then_order),
    "random ids": _naive(_random_ids),
    "charge first": _naive(_charge_first),
}
"""The doors, by the names that the verification know them by."""


class _PartByPart:
    """A ledger that writes what belongs together in a call each."""

    def commit(self, *parts: WriteOperation) -> None:
        for part in parts:
            DynamoUnitOfWork(connection()).commit(part)


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
        "context",
        replace(await_shipment.context, uow=_PartByPart()),
    ),
    "key afterwards": (create_return, "uow", _PartByPart()),
}
"""Where it is, what is replaced there, and what by."""
