"""Mutants of checkout, sweep and single writes. Each verification must fail on its mutants.

Each mutant makes one common mistake: it reads before it writes without a condition, splits one
write into several, or stores the response last. The bug shows only if a call fails in between or
two actors act at the same time. Where it needs two actors, a :class:`Rendezvous` makes them meet,
so that its detection does not depend on the speed of the machine.
"""

import dataclasses
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from datetime import datetime
from functools import partial
from types import ModuleType
from typing import Any
from unittest.mock import patch

from functions.checkout.complete_checkout import deps, settings
from functions.staff_orders import create_return
from functions.workflows import await_shipment
from shop.checkout.actions.results import CheckoutResult
from shop.checkout.model import CheckoutSession, build_order, with_order
from shop.checkout.schemas import CompleteRequest
from shop.checkout.schemas.views import checkout_view
from shop.credits.store.repository import DynamoCreditAccountRepository
from shop.entrypoints.http import Request, endpoint
from shop.entrypoints.scheduler import scheduled
from shop.inventory.model import StockLevel, find_shortages, out_of_stock_error
from shop.inventory.store import DynamoStockRepository
from shop.kernel.codes import normalize_code
from shop.kernel.errors import Conflict, VersionConflict
from shop.kernel.idempotency import stored_response
from shop.kernel.ids import new_id
from shop.kernel.unit_of_work import ConditionFailed, WriteOperation
from shop.orders.actions.payments import record_payment
from shop.orders.model import Order, OrderStatus
from shop.payments.model import Credential
from shop.pricing.store.rows import CODE, PricingRow
from shop.storage.connection import connection
from shop.storage.transactions import DynamoUnitOfWork
from verification.load_test import THREADS

SWEEP_BATCH = 200
PARTNER_TIMEOUT_SECONDS = 2.0
Place = Callable[[Request[CompleteRequest], CheckoutSession], tuple[CheckoutSession, Order]]


class Rendezvous:
    """Stops a thread between its read and its write until other threads have read as well."""

    def __init__(self, parties: int) -> None:
        self._barrier = threading.Barrier(parties)

    def wait(self) -> None:
        """Wait for the others. A thread without partners, the last one, continues alone."""
        with suppress(threading.BrokenBarrierError):
            self._barrier.wait(PARTNER_TIMEOUT_SECONDS)
        if self._barrier.broken:
            self._barrier.reset()


_buyers = Rendezvous(THREADS)
_spenders, _sweepers = Rendezvous(2), Rendezvous(2)


def _naive_checkout(place: Place) -> Any:
    """Wrap a mutant's placement: the key is looked up first, and its response is stored last."""

    @endpoint(CompleteRequest, capability="dev.ucp.shopping.checkout")
    def handler(request: Request[CompleteRequest]) -> Mapping[str, Any]:
        stored = stored_response(request.idempotent, deps.idempotency)
        if stored is not None:
            return stored
        session = deps.sessions.get(request.caller.owner, request.path["id"], request.received_at)
        session.raise_if_closed()
        if session.order_id is not None:
            session = replace(session, order_id=None)
        session, order = place(request, session)
        answer = checkout_view(CheckoutResult(session, order), settings)
        deps.writes.uow.commit(deps.idempotency.claim(request.idempotent, answer))
        return answer

    return handler


def _stock_then_order(
    request: Request[CompleteRequest], session: CheckoutSession
) -> tuple[CheckoutSession, Order]:
    """Write the stock first and the order next: a crash in between loses the reserved stock."""
    reservations = deps.writes.stock.pick_shards(session.offer.demands())
    deps.writes.uow.commit(partial(_reserve, reservations=reservations))
    order, after = _build(request, session, session.next_order_id, reservations)
    deps.writes.uow.commit(
        deps.writes.orders.place_op(order, order.place()[1]),
        deps.sessions.update_op(session, after),
        deps.writes.usage.consume(order.usage),
    )
    return after, _pay(request, order)


def _random_ids(
    request: Request[CompleteRequest], session: CheckoutSession
) -> tuple[CheckoutSession, Order]:
    """Draw a new order id per attempt and update the session last: a retry buys twice."""
    reservations = deps.writes.stock.pick_shards(session.offer.demands())
    order, after = _build(request, session, new_id("ord"), reservations)
    deps.writes.uow.commit(
        deps.writes.orders.place_op(order, order.place()[1]),
        partial(_reserve, reservations=reservations),
        deps.writes.usage.consume(order.usage),
    )
    order = _pay(request, order)
    deps.writes.uow.commit(deps.sessions.update_op(session, after))
    return after, order


def _charge_first(
    request: Request[CompleteRequest], session: CheckoutSession
) -> tuple[CheckoutSession, Order]:
    """Request the payment before the order exists: a crash in between charges for nothing."""
    reservations = deps.writes.stock.pick_shards(session.offer.demands())
    order, after = _build(request, session, new_id("ord"), reservations)
    payment = deps.provider.authorize(
        order.id, order.amount, _credential(request.body), key=order.id
    )
    deps.writes.uow.commit(
        deps.writes.orders.place_op(order, order.place()[1]),
        deps.sessions.update_op(session, after),
        partial(_reserve, reservations=reservations),
        deps.writes.usage.consume(order.usage),
    )
    return after, _record_payment(request, order, payment)


def _read_then_write(
    request: Request[CompleteRequest], session: CheckoutSession
) -> tuple[CheckoutSession, Order]:
    """Check the stock, then write it without a condition: two buyers may check at once."""
    stock = DynamoStockRepository()
    levels: Mapping[str, StockLevel] = {
        demand.sku: stock.level(demand.sku) for demand in session.offer.demands()
    }
    short = find_shortages(session.offer.demands(), levels)
    if short:
        raise out_of_stock_error(short)
    _buyers.wait()
    reservations = deps.writes.stock.pick_shards(session.offer.demands())
    order, after = _build(request, session, session.next_order_id, reservations)
    deps.writes.uow.commit(
        deps.writes.orders.place_op(order, order.place()[1]),
        deps.sessions.update_op(session, after),
        lambda writes: _reserve(WithoutConditions(writes), reservations),
        lambda writes: deps.writes.usage.consume(order.usage)(WithoutConditions(writes)),
    )
    return after, _pay(request, order)


def _read_then_count(
    request: Request[CompleteRequest], session: CheckoutSession
) -> tuple[CheckoutSession, Order]:
    """Check the coupon's remaining uses, then count one without a condition."""
    names = [f"CODE#{normalize_code(code)}" for code in session.codes]
    rows = PricingRow.batch_get([(name, CODE) for name in names], consistent_read=True)
    if any(row.remaining < 1 for row in rows):
        raise Conflict("The code has no uses left.", code="discount_code_exhausted")
    _buyers.wait()
    reservations = deps.writes.stock.pick_shards(session.offer.demands())
    order, after = _build(request, session, session.next_order_id, reservations)
    deps.writes.uow.commit(
        deps.writes.orders.place_op(order, order.place()[1]),
        deps.sessions.update_op(session, after),
        partial(_reserve, reservations=reservations),
        lambda writes: deps.writes.usage.consume(order.usage)(WithoutConditions(writes)),
    )
    return after, _pay(request, order)


def _credential(body: CompleteRequest) -> Credential:
    credential = body.payment_input().credential
    if credential is None:
        raise Conflict("This mutant accepts money only.", code="payment_failed")
    return credential


def _build(
    request: Request[CompleteRequest], session: CheckoutSession, order_id: str, reservations: Any
) -> tuple[Order, CheckoutSession]:
    fresh = build_order(
        session, deps.provider.name, request.received_at, request.received_at + deps.payment_window
    )
    usage = tuple(deps.writes.usage.pick_shards(fresh.usage))
    order, _ = replace(fresh, id=order_id, reservations=reservations, usage=usage).place()
    return order, with_order(session, order)


def _pay(request: Request[CompleteRequest], order: Order) -> Order:
    credential = _credential(request.body)
    payment = deps.provider.authorize(order.id, order.amount, credential, key=order.id)
    return _record_payment(request, order, payment)


def _record_payment(request: Request[CompleteRequest], order: Order, payment: Any) -> Order:
    return record_payment(
        order.id,
        payment,
        at=request.received_at,
        actor=deps.provider.name,
        writes=deps.writes,
        loaded=order,
    )


def _reserve(writes: Any, reservations: Any) -> None:
    deps.writes.stock.reserve(writes, reservations)


def _release(writes: Any, reservations: Any) -> None:
    deps.writes.stock.release(writes, reservations)


class WithoutConditions:
    """A transaction that drops the conditions of its writes."""

    def __init__(self, writes: Any) -> None:
        self._writes = writes

    def update(self, model: Any, actions: Any, condition: Any = None) -> None:
        self._writes.update(model, actions)

    def save(self, model: Any, condition: Any = None) -> None:
        self._writes.save(model)


CHECKOUT_MUTANTS: Mapping[str, Any] = {
    "read, then write": _naive_checkout(_read_then_write),
    "read, then count": _naive_checkout(_read_then_count),
    "two calls": _naive_checkout(_stock_then_order),
    "random ids": _naive_checkout(_random_ids),
    "charge first": _naive_checkout(_charge_first),
}
"""Handlers that complete a checkout, by the name of their mistake."""


@scheduled
def naive_sweep(at: datetime) -> dict[str, Any]:
    """Release stock first and cancel the order next: two sweepers release it twice."""
    overdue = deps.writes.orders.list_overdue(at, SWEEP_BATCH)
    for order_id in overdue:
        order = deps.writes.orders.get_by_id(order_id)
        if order.status is not OrderStatus.PLACED:
            continue
        _sweepers.wait()
        try:
            deps.writes.uow.commit(
                partial(_release, reservations=order.reservations),
                deps.writes.usage.release(order.usage),
            )
            after, events = order.cancel("payment_expired", at, "sweep")
            deps.writes.orders.save(order, after, events)
        except (ConditionFailed, VersionConflict):
            continue  # another sweeper was faster
    return {"overdue": len(overdue), "expired": len(overdue)}


class _SeparateCommits:
    """A unit of work that commits each write in a transaction of its own."""

    def commit(self, *writes: WriteOperation) -> None:
        for write in writes:
            DynamoUnitOfWork(connection()).commit(write)


@contextmanager
def _separate_commits(module: ModuleType) -> Iterator[None]:
    """Replace every unit of work among a handler module's dependencies."""
    with ExitStack() as stack:
        replaced = 0
        for name, value in list(vars(module).items()):
            if isinstance(value, DynamoUnitOfWork):
                mutant: Any = _SeparateCommits()
            elif dataclasses.is_dataclass(value) and not isinstance(value, type):
                fields = [
                    each.name
                    for each in dataclasses.fields(value)
                    if isinstance(getattr(value, each.name), DynamoUnitOfWork)
                ]
                if not fields:
                    continue
                mutant = replace(value, **dict.fromkeys(fields, _SeparateCommits()))
            else:
                continue
            stack.enter_context(patch.object(module, name, mutant))
            replaced += 1
        assert replaced, f"{module.__name__} has no unit of work"
        yield


@contextmanager
def _unconditional_credits() -> Iterator[None]:
    """Write credit entries without their condition: two spends may read the same balance."""
    append = DynamoCreditAccountRepository.append_op

    def append_unconditionally(
        accounts: DynamoCreditAccountRepository, before: Any, after: Any
    ) -> WriteOperation:
        # The account was read before this call, so both spenders know the same balance.
        _spenders.wait()
        write = append(accounts, before, after)
        return lambda writes: write(WithoutConditions(writes))

    with patch.object(DynamoCreditAccountRepository, "append_op", append_unconditionally):
        yield


WRITE_MUTANTS: Mapping[str, Callable[[], Any]] = {
    "move in two calls": partial(_separate_commits, await_shipment),
    "key afterwards": partial(_separate_commits, create_return),
    "unconditional credits": _unconditional_credits,
}
"""Mutants that change one write of the shop, by the name of their mistake."""


@contextmanager
def write_mutant(name: str | None) -> Iterator[None]:
    """Apply a mutant of :data:`WRITE_MUTANTS`; any other name leaves the shop as it is."""
    with ExitStack() as stack:
        if name is not None and name in WRITE_MUTANTS:
            stack.enter_context(WRITE_MUTANTS[name]())
        yield
