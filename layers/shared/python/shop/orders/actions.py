"""What happens to an order after it was placed: paid, allocated, shipped, tracked, called off."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from shop.inventory.model import Claim
from shop.inventory.ports import Holds
from shop.kernel.errors import Conflict, Stale
from shop.kernel.ids import derived_id
from shop.kernel.transactions import Clash, Ledger, Part
from shop.orders.model import Order, Parcel, ParcelStatus, Status, Tracking, drawn
from shop.orders.ports import Orders, Waits, Workflow
from shop.payments.model import PaymentStatus, Report
from shop.payments.ports import PaymentProvider

TRIES = 5
"""How often a change is tried anew when somebody else was faster."""


def _insist(attempt: Callable[[], Order]) -> Order:
    for left in reversed(range(TRIES)):
        try:
            return attempt()
        except Stale:
            if not left:
                raise
    raise AssertionError


def _commit(ledger: Ledger, *parts: Part) -> None:
    try:
        ledger.commit(*parts)
    except Clash:
        raise Stale("somebody else changed this order or its stock meanwhile") from None


def _called_off(
    order: Order,
    reason: str,
    at: datetime,
    who: str,
    *,
    orders: Orders,
    stock: Holds[Any],
    ledger: Ledger,
    also: tuple[Part, ...] = (),
) -> Order:
    after, events = order.cancelled(reason, at, who)
    holds = order.holds
    _commit(
        ledger,
        orders.changing(order, after, events),
        lambda writes: stock.release(writes, holds),
        *also,
    )
    return replace(after, version=order.version + 1)


def record_payment(
    order_id: str,
    report: Report,
    *,
    at: datetime,
    who: str,
    orders: Orders,
    stock: Holds[Any],
    ledger: Ledger,
    read: Order | None = None,
    also: Callable[[Order], tuple[Part, ...]] | None = None,
) -> Order:
    """Take note of what the provider says of an order's payment.

    A payment that is certain confirms the order. One that failed calls a placed order off and
    gives its stock back, in one transaction (with the parts ``also`` adds to it). The same report
    twice changes nothing. ``read`` saves a read where the caller just wrote the order.
    """
    known = [] if read is None else [read]

    def attempt() -> Order:
        order = known.pop() if known else orders.by_id(order_id)
        after, events = order.with_payment(report, at, who)
        if after.payment.status is PaymentStatus.FAILED and after.status is Status.PLACED:
            return _called_off(
                replace(after, version=order.version),
                report.reason or "payment_failed",
                at,
                who,
                orders=orders,
                stock=stock,
                ledger=ledger,
                also=also(after) if also else (),
            )
        if after == order:
            return order
        return orders.save(order, after, events)

    return _insist(attempt)


def cancel_order(
    order_id: str,
    reason: str,
    *,
    at: datetime,
    who: str,
    orders: Orders,
    stock: Holds[Any],
    ledger: Ledger,
    owner: str | None = None,
) -> Order:
    """Call an order off and give its stock back; asked for twice, the second changes nothing.

    The money goes back by the event, never from here. Raises Conflict once a piece was shipped.
    """

    def attempt() -> Order:
        order = orders.by_id(order_id) if owner is None else orders.of(owner, order_id)
        if order.status is Status.CANCELLED:
            return order
        return _called_off(order, reason, at, who, orders=orders, stock=stock, ledger=ledger)

    return _insist(attempt)


def expire_order(
    order_id: str,
    *,
    at: datetime,
    orders: Orders,
    stock: Holds[Any],
    ledger: Ledger,
    provider: PaymentProvider,
) -> Order:
    """The deadline passed without a payment: the provider is asked once more before anything is undone.

    A payment that turns out certain confirms the order. Otherwise the payment is cancelled first
    and the order called off after it, so that no payment can arrive for goods already resold; one
    that slips between is given back by its event.
    """
    order = orders.by_id(order_id)
    if order.status is not Status.PLACED:
        return order
    report = provider.find(order_id)
    if report is not None and report.status not in (
        PaymentStatus.AUTHORISED,
        PaymentStatus.CAPTURED,
        PaymentStatus.FAILED,
    ):
        report = provider.cancel(report.reference, key=f"cancel:{order_id}")
    if report is not None:
        order = record_payment(
            order_id, report, at=at, who="deadline", orders=orders, stock=stock, ledger=ledger
        )
        if order.status is not Status.PLACED:
            return order
    return cancel_order(
        order_id,
        "payment_expired",
        at=at,
        who="deadline",
        orders=orders,
        stock=stock,
        ledger=ledger,
    )


def settle_called_off(
    order_id: str,
    *,
    at: datetime,
    orders: Orders,
    stock: Holds[Any],
    ledger: Ledger,
    provider: PaymentProvider,
) -> Order:
    """Give the money of an order that was called off or came back, once: void it or refund it."""
    order = orders.by_id(order_id)
    if order.status not in (Status.CANCELLED, Status.RETURNED):
        return order
    report = provider.find(order_id)
    if report is None:
        return order
    if report.status is not PaymentStatus.FAILED:
        report = provider.cancel(report.reference, key=f"cancel:{order_id}")
    return record_payment(
        order_id, report, at=at, who=provider.name, orders=orders, stock=stock, ledger=ledger
    )


def capture_payment(
    order_id: str,
    *,
    at: datetime,
    orders: Orders,
    stock: Holds[Any],
    ledger: Ledger,
    provider: PaymentProvider,
) -> Order:
    """Take the money once the goods have left. Taken before, it is not taken again."""
    order = orders.by_id(order_id)
    if order.payment.status is not PaymentStatus.AUTHORISED or order.payment.reference is None:
        return order
    report = provider.capture(order.payment.reference, order.amount, key=f"capture:{order_id}")
    return record_payment(
        order_id, report, at=at, who=provider.name, orders=orders, stock=stock, ledger=ledger
    )


def allocate_order(order_id: str, *, at: datetime, orders: Orders) -> Order:
    """Decide which location ships which line."""

    def attempt() -> Order:
        order = orders.by_id(order_id)
        after, events = order.allocated(at, "workflow")
        return orders.save(order, after, events) if events else order

    return _insist(attempt)


def ship_order(
    order_id: str,
    *,
    carrier: str,
    tracking_number: str,
    tracking_url: str | None,
    lines: Mapping[str, int] | None,
    at: datetime,
    who: str,
    orders: Orders,
    stock: Holds[Any],
    ledger: Ledger,
) -> Order:
    """Hand a parcel to a carrier: ``lines`` maps line ids to pieces, ``None`` means all that is left.

    The same parcel reported twice changes nothing. Raises Conflict for an order that is not
    confirmed or a tracking number that is another parcel's, Invalid for pieces not left to ship.
    """
    parcel_id = derived_id("par", order_id, carrier.casefold(), tracking_number)

    def attempt() -> Order:
        order = orders.by_id(order_id)
        if any(parcel.id == parcel_id for parcel in order.parcels):
            return order
        pieces = (
            {line.id: line.active - line.shipped for line in order.lines}
            if lines is None
            else dict(lines)
        )
        pieces = {line_id: count for line_id, count in pieces.items() if count or lines}
        parcel = Parcel(parcel_id, carrier, tracking_number, pieces, at, tracking_url)
        after, events = order.with_parcel(parcel, who)
        wanted: dict[str, int] = {}
        for line in order.lines:
            if count := pieces.get(line.id, 0):
                wanted[line.sku] = wanted.get(line.sku, 0) + count
        taken, _ = drawn(order.holds, wanted)
        try:
            ledger.commit(
                orders.changing(order, after, events),
                orders.tracking(carrier, tracking_number, order_id, parcel_id),
                lambda writes: stock.ship(
                    writes, taken, order=order_id, actor=who, at=at, claim=Claim.RESERVED
                ),
            )
        except Clash as clash:
            if orders.name(order_id) in clash.about:
                raise Stale("somebody else changed this order meanwhile") from None
            raise Conflict(
                "this tracking number belongs to another parcel",
                code="tracking_number_taken",
                path="$.tracking_number",
            ) from None
        return replace(after, version=order.version + 1)

    return _insist(attempt)


def move_parcel(
    carrier: str,
    tracking_number: str,
    heard: Tracking,
    *,
    at: datetime,
    orders: Orders,
) -> Order:
    """Take note of what a carrier says of a parcel. Raises NotFound for a parcel that is not ours."""
    order_id, parcel_id = orders.parcel(carrier, tracking_number)

    def attempt() -> Order:
        order = orders.by_id(order_id)
        after, events = order.tracked(parcel_id, heard, at, f"carrier {carrier}")
        return order if after == order else orders.save(order, after, events)

    return _insist(attempt)


def complete_order(order_id: str, *, at: datetime, orders: Orders) -> Order:
    """Close an order that has arrived. Closed before, it stays as it is."""

    def attempt() -> Order:
        order = orders.by_id(order_id)
        if order.status is Status.COMPLETED:
            return order
        after, events = order.completed(at, "workflow")
        return orders.save(order, after, events)

    return _insist(attempt)


def give_up_delivery(order_id: str, *, at: datetime, orders: Orders) -> Order:
    """A parcel came back, was lost, or was never heard of again: the refund follows from the event."""

    def attempt() -> Order:
        order = orders.by_id(order_id)
        if order.status is not Status.CONFIRMED:
            return order
        statuses = {parcel.status for parcel in order.parcels}
        lost = statuses & {ParcelStatus.LOST, ParcelStatus.RETURNED}
        after, events = order.returned(min(lost).value if lost else "not_delivered", at, "workflow")
        return orders.save(order, after, events)

    return _insist(attempt)


STEPS = ("payment", "shipment", "delivery")


def _ready(order: Order, step: str) -> bool | None:
    """Whether a step may go on (True), must wait (False), or can never go on (None)."""
    if order.status in (Status.CANCELLED, Status.RETURNED):
        return None
    if step == "payment":
        return order.status is not Status.PLACED
    if step == "shipment":
        return order.shipped
    lost = any(p.status in (ParcelStatus.LOST, ParcelStatus.RETURNED) for p in order.parcels)
    return None if lost else order.delivered


def wait_for(
    order_id: str,
    step: str,
    token: str,
    *,
    at: datetime,
    orders: Orders,
    waits: Waits,
    workflow: Workflow,
) -> None:
    """Let the workflow wait for a step of the order, or go on at once if it happened already.

    The token is written first and the order read after it; :func:`advance` reads the token after
    the order was written. So whichever comes first, one of the two sees the other.
    """
    waits.wait(order_id, step, token, at + timedelta(days=90))
    _answer(orders.by_id(order_id), step, token, workflow)


def advance(order_id: str, *, orders: Orders, waits: Waits, workflow: Workflow) -> None:
    """Wake whichever step of the workflow the order's new state lets go on."""
    order = orders.by_id(order_id)
    for step in STEPS:
        if _ready(order, step) is False:
            return
        token = waits.token(order_id, step)
        if token is not None:
            _answer(order, step, token, workflow)


def _answer(order: Order, step: str, token: str, workflow: Workflow) -> None:
    ready = _ready(order, step)
    if ready:
        workflow.resume(token, {"order_id": order.id})
    elif ready is None:
        workflow.abort(token, "CalledOff", order.cancel_reason or order.status.value)
