"""What happens to an order after it was placed: paid, allocated, shipped, tracked, called off."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count
from typing import Any, TypeVar

from shop.inventory.model import Claim
from shop.inventory.model.bins import AWAITED
from shop.inventory.ports import Holds
from shop.kernel.errors import Conflict, NotFound, Stale, Unavailable
from shop.kernel.events import Event
from shop.kernel.idempotency import Ask, Keys, once
from shop.kernel.ids import derived_id
from shop.kernel.money import Money
from shop.kernel.transactions import Change, Clash, Ledger, Part
from shop.orders.actions.batches import give_up_placing, move_batches, owing
from shop.orders.model import (
    AT_ONCE,
    CALLED_OFF,
    GUEST,
    SHIPPED_AT_ONCE,
    Order,
    Parcel,
    ParcelStatus,
    Status,
    Tracking,
    drawn,
    in_batches,
)
from shop.orders.ports import Letter, Letters, Mail, Orders, Uses, Waits, Workflow
from shop.payments.model import PaymentStatus, Report
from shop.payments.ports import PaymentProvider

T = TypeVar("T")

EXPIRED = "payment_expired"
UNDER_WAY = timedelta(seconds=45)
"""Longer than a Lambda that asks for money can live, shorter than the first wait before a retry."""
PAYING = timedelta(minutes=2)
"""How long after it was placed an order is left to its buyer before the provider is asked."""
TRIES = 5
"""How often a change is tried anew when somebody else was faster."""


def insist(attempt: Callable[[], T]) -> T:
    """Do it again, a few times, while somebody else is faster. Raises Stale after that."""
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
    tallies: Uses,
    ledger: Ledger,
    told: tuple[Event, ...] = (),
    also: tuple[Part, ...] = (),
) -> Order:
    after, events = order.cancelled(reason, at, who)
    _giving_back(
        order,
        after,
        (*told, *events),
        at,
        tallies.giving(order.uses),
        *also,
        orders=orders,
        stock=stock,
        ledger=ledger,
    )
    return replace(after, version=order.version + 1)


def _giving_back(
    order: Order,
    after: Order,
    events: tuple[Event, ...],
    at: datetime,
    *more: Part,
    orders: Orders,
    stock: Holds[Any],
    ledger: Ledger,
) -> None:
    """Write what an order became; all its stock goes back to sale, with the write or after it."""
    if len(order.holds) + len(order.uses) <= AT_ONCE:
        changing = orders.changing(order, after, events)
        _commit(ledger, changing, lambda writes: stock.release(writes, order.holds), *more)
        return
    parted = in_batches(order.holds, str(order.version + 1))
    changing = orders.changing(order, after, (*events, order.stock_to_move(at)))
    _commit(ledger, changing, *owing(order.id, parted, orders), *more)
    _move_now(order.id, orders=orders, stock=stock, ledger=ledger)


def _move_now(order_id: str, *, orders: Orders, stock: Holds[Any], ledger: Ledger) -> None:
    # What is not done now is done when the order's event is heard.
    with suppress(Unavailable, Stale):
        move_batches(order_id, orders=orders, stock=stock, ledger=ledger)


def find_order(customer: str | None, order_id: str, *, orders: Orders) -> Order:
    """An order for whoever asks. Raises NotFound for what is another customer's.

    A guest's order opens to everybody who knows its unguessable id, so a customer who is signed in
    now also finds what was bought without signing in; a customer's order opens to that customer.
    """
    if customer is not None:
        try:
            return _placed_one(orders.of(customer, order_id))
        except NotFound:
            pass
    return _placed_one(orders.of(GUEST, order_id))


def _placed_one(order: Order) -> Order:
    if order.never_placed:
        raise NotFound("there is no such order")
    return order


def record_payment(
    order_id: str,
    report: Report,
    *,
    at: datetime,
    who: str,
    orders: Orders,
    stock: Holds[Any],
    tallies: Uses,
    ledger: Ledger,
    read: Order | None = None,
    because: str | None = None,
    also: Callable[[Order], tuple[Part, ...]] | None = None,
) -> Order:
    """Take note of what the provider says of an order's payment.

    A payment that is certain confirms the order. One that failed or was cancelled calls an order
    off that has not been shipped, and gives its stock back, in one transaction (with the parts
    ``also`` adds to it); ``because`` is the reason told, otherwise the provider's. The same report
    twice changes nothing. ``read`` saves a read where the caller just wrote the order.
    """
    known = [] if read is None else [read]

    def attempt() -> Order:
        order = known.pop() if known else orders.by_id(order_id)
        after, events = order.with_payment(report, at, who)
        if _lost_its_payment(after):
            return _called_off(
                after,
                because or report.reason or f"payment_{report.status}",
                at,
                who,
                orders=orders,
                stock=stock,
                tallies=tallies,
                ledger=ledger,
                told=events,
                also=also(after) if also else (),
            )
        if after == order:
            return order
        return orders.save(order, after, events)

    return insist(attempt)


def _lost_its_payment(order: Order) -> bool:
    if order.payment.status not in (PaymentStatus.FAILED, PaymentStatus.CANCELLED):
        return False
    unshipped = not any(line.shipped for line in order.lines)
    return order.status is Status.PLACED or (order.status is Status.CONFIRMED and unshipped)


def _noted(order_id: str, report: Report, at: datetime, who: str, orders: Orders) -> Order:
    """Record a report of money that only follows what the order already is."""

    def attempt() -> Order:
        order = orders.by_id(order_id)
        after, events = order.with_payment(report, at, who)
        return order if after == order else orders.save(order, after, events)

    return insist(attempt)


def cancel_order(
    order_id: str,
    reason: str,
    *,
    at: datetime,
    who: str,
    orders: Orders,
    stock: Holds[Any],
    tallies: Uses,
    ledger: Ledger,
    owner: str | None = None,
    unless_paid: bool = False,
) -> Order:
    """Call an order off and give back its stock and its uses; asked for twice, once.

    The money goes back by the event, never from here. Raises Conflict once a piece was shipped.
    ``unless_paid`` leaves an order alone that was confirmed meanwhile, and gives it as it is: the
    write states the version that was looked at, so nobody is told one thing and done another.
    """

    def attempt() -> Order:
        order = orders.by_id(order_id) if owner is None else orders.of(owner, order_id)
        if order.status is Status.CANCELLED or (unless_paid and order.was_confirmed):
            return order
        if order.status is Status.PLACING:
            return give_up_placing(
                order,
                reason,
                at=at,
                who=who,
                orders=orders,
                stock=stock,
                tallies=tallies,
                ledger=ledger,
            )
        return _called_off(
            order, reason, at, who, orders=orders, stock=stock, tallies=tallies, ledger=ledger
        )

    return insist(attempt)


def expire_order(
    order_id: str,
    *,
    at: datetime,
    orders: Orders,
    stock: Holds[Any],
    tallies: Uses,
    ledger: Ledger,
    provider: PaymentProvider,
) -> Order:
    """The deadline passed without a payment: the provider is asked before anything is undone.

    A payment that turns out certain confirms the order. Otherwise the payment is cancelled first
    and the order called off after it, so that no payment can arrive for goods already resold; one
    that slips between is given back by its event.
    """
    order = orders.by_id(order_id)
    if order.status not in (Status.PLACING, Status.PLACED):
        return order
    report = _asked(order, provider) if order.status is Status.PLACED else None
    if report is not None and report.status not in (
        PaymentStatus.AUTHORISED,
        PaymentStatus.CAPTURED,
        PaymentStatus.FAILED,
        PaymentStatus.CANCELLED,
    ):
        report = provider.cancel(report.reference, key=f"cancel:{order_id}")
    if report is not None:
        order = record_payment(
            order_id,
            report,
            at=at,
            who="deadline",
            because=None if report.status is PaymentStatus.FAILED else EXPIRED,
            orders=orders,
            stock=stock,
            tallies=tallies,
            ledger=ledger,
        )
        if order.status is not Status.PLACED:
            return order
    return cancel_order(
        order_id,
        EXPIRED,
        at=at,
        who="deadline",
        orders=orders,
        stock=stock,
        tallies=tallies,
        ledger=ledger,
    )


def expire_overdue(
    *,
    at: datetime,
    orders: Orders,
    stock: Holds[Any],
    tallies: Uses,
    ledger: Ledger,
    provider: PaymentProvider,
    most: int = 200,
) -> tuple[int, int]:
    """Expire what the workflow should have expired: at most ``most`` orders, the oldest first.

    May run twice at once. An order whose provider does not answer is left for the next time.
    Returns how many orders were looked at and how many of them are no longer unpaid.
    """
    overdue = orders.overdue(at, most)
    settled = 0
    for order_id in overdue:
        try:
            order = expire_order(
                order_id,
                at=at,
                orders=orders,
                stock=stock,
                tallies=tallies,
                ledger=ledger,
                provider=provider,
            )
        except (Unavailable, Conflict):
            continue
        settled += order.status not in (Status.PLACING, Status.PLACED)
    return len(overdue), settled


def _asked(order: Order, provider: PaymentProvider) -> Report | None:
    """Where an order's payment stands at the provider: by its reference, once it is written down.

    A provider finds an order's payment without it for a day or so, but not for ever.
    """
    if order.payment.reference is not None:
        return provider.payment(order.payment.reference)[1]
    return provider.find(order.id, order.amount)


def reconcile_payments(
    *,
    at: datetime,
    orders: Orders,
    stock: Holds[Any],
    tallies: Uses,
    ledger: Ledger,
    provider: PaymentProvider,
    most: int = 200,
) -> tuple[int, int]:
    """Ask the provider of orders that wait for their payment: a webhook may have been lost.

    At most ``most`` orders, the oldest first, and none so young that its buyer may still be paying.
    What the provider says is merged as its webhook would be, so it may run twice at once, and
    beside the webhook. A provider that does not answer is asked again next time. Returns how many
    orders were looked at and how many of them no longer wait.
    """
    looked = settled = 0
    for order_id in orders.waiting(at - PAYING, most):
        looked += 1
        try:
            order = orders.by_id(order_id)
            report = _asked(order, provider)
            if report is None or report.status is PaymentStatus.CREATED:
                continue
            order = record_payment(
                order_id,
                report,
                at=at,
                who=provider.name,
                orders=orders,
                stock=stock,
                tallies=tallies,
                ledger=ledger,
                read=order,
            )
        except Unavailable:
            break
        except Conflict:
            continue
        settled += order.status is not Status.PLACED
    return looked, settled


def settle_payment(
    order_id: str, *, at: datetime, orders: Orders, provider: PaymentProvider
) -> Order:
    """Give back what is not due: void or refund an order called off, or refund a part of it.

    The provider's word counts for what was taken, so this mends a report that never reached us.
    Done twice it gives back once: a refund's key names the amount that is left to the shop. Raises
    Unavailable while a payment that the provider does not know of may still be on its way to it.
    """
    order = orders.by_id(order_id)
    if not order.amount.minor:
        return order  # paid by credits alone: no money moved
    report = _asked(order, provider)
    if report is None:
        if order.status in CALLED_OFF and at - order.history[-1].at < UNDER_WAY:
            raise Unavailable("a payment may be on its way to the provider; look again")
        return order
    if order.status in CALLED_OFF:
        if report.status not in (PaymentStatus.FAILED, PaymentStatus.CANCELLED):
            report = provider.cancel(report.reference, key=f"cancel:{order_id}")
    else:
        more = report.captured - report.refunded - order.due
        if more > 0:
            report = provider.refund(
                report.reference,
                Money(more, order.currency),
                key=f"refund:{order_id}:{order.due}",
            )
    return _noted(order_id, report, at, provider.name, orders)


def capture_payment(
    order_id: str, *, at: datetime, orders: Orders, provider: PaymentProvider
) -> Order:
    """Take the money once the goods have left: what is due for them. Taken before, not again."""
    order = orders.by_id(order_id)
    if order.payment.status is not PaymentStatus.AUTHORISED or order.payment.reference is None:
        return order
    due = Money(order.due, order.currency)
    report = provider.capture(order.payment.reference, due, key=f"capture:{order_id}")
    return _noted(order_id, report, at, provider.name, orders)


def capture_when_possible(
    order_id: str, *, at: datetime, orders: Orders, provider: PaymentProvider
) -> Order:
    """Take the money, or leave it for now where the provider does not answer.

    The goods are on their way: that they arrive does not hang on the provider. The order's last
    step takes the money too and, where that fails, leaves the order to a person.
    """
    try:
        return capture_payment(order_id, at=at, orders=orders, provider=provider)
    except Unavailable:
        return orders.by_id(order_id)


def allocate_order(order_id: str, *, at: datetime, orders: Orders) -> Order:
    """Decide which location ships which line. Of an order called off meanwhile, none does."""

    def attempt() -> Order:
        order = orders.by_id(order_id)
        if order.status in CALLED_OFF:
            return order
        after, events = order.allocated(at, "workflow")
        return orders.save(order, after, events) if events else order

    return insist(attempt)


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
    """Hand a parcel to a carrier: ``lines`` maps line ids to pieces, ``None`` is all that is left.

    The same parcel told twice changes nothing. Raises Conflict for an order that is not confirmed
    or of which nothing is left to ship, for a parcel that left with other contents and for a
    tracking number that is another order's; Invalid for pieces not left to ship.
    """
    parcel = _handing_over(
        order_id, carrier, tracking_number, tracking_url, lines, at, who, orders, stock
    )

    def attempt() -> Order:
        change = parcel()
        if change.parts:
            _commit(ledger, *change.parts)
        return change.value

    order = insist(attempt)
    if _left_in_batches(order):
        _move_now(order_id, orders=orders, stock=stock, ledger=ledger)
    return order


def _left_in_batches(order: Order) -> bool:
    """Whether a parcel may have had more articles than one transaction takes out of stock."""
    return any(len(parcel.lines) > SHIPPED_AT_ONCE for parcel in order.parcels)


def ship_order_once(
    ask: Ask,
    order_id: str,
    render: Callable[[Order], Mapping[str, Any]],
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
    keys: Keys,
) -> Mapping[str, Any]:
    """As :func:`ship_order`, under a key that is kept with the answer in the same transaction."""
    parcel = _handing_over(
        order_id, carrier, tracking_number, tracking_url, lines, at, who, orders, stock
    )
    seen: list[Order] = []

    def make() -> Change[Order]:
        change = parcel()
        seen.append(change.value)
        return change

    answer = insist(lambda: once(ask, make, render, keys=keys, ledger=ledger))
    if _left_in_batches(seen[-1]):
        _move_now(order_id, orders=orders, stock=stock, ledger=ledger)
    return answer


def _handing_over(
    order_id: str,
    carrier: str,
    tracking_number: str,
    tracking_url: str | None,
    lines: Mapping[str, int] | None,
    at: datetime,
    who: str,
    orders: Orders,
    stock: Holds[Any],
) -> Callable[[], Change[Order]]:
    """What is to be committed for a parcel; asked again, when that failed, it finds out why."""
    parcel_id = derived_id("par", order_id, carrier.casefold(), tracking_number)
    tries = count()

    def change() -> Change[Order]:
        order = orders.by_id(order_id)
        known = next((parcel for parcel in order.parcels if parcel.id == parcel_id), None)
        if known is not None:
            order.told_again(known, lines, tracking_url)
            return Change(order, ())
        if next(tries):
            _refuse_taken(carrier, tracking_number, orders)
        pieces = (
            {line_id: left for line_id, left in order.to_ship.items() if left}
            if lines is None
            else dict(lines)
        )
        parcel = Parcel(parcel_id, carrier, tracking_number, pieces, at, tracking_url)
        after, events = order.with_parcel(parcel, who)
        taken, _ = drawn(order.holds, order.skus_of(parcel))
        leaving: tuple[Part, ...] = (
            lambda writes: stock.ship(
                writes, taken, order=order_id, actor=who, at=at, claim=Claim.RESERVED
            ),
        )
        if len(taken) > SHIPPED_AT_ONCE:
            if any(hold.shard == AWAITED for hold in taken):
                raise Conflict("goods that are still to come cannot leave", code="goods_awaited")
            parted = in_batches(taken, str(order.version + 1), shipped=(who, at))
            leaving = owing(order_id, parted, orders)
            events = (*events, order.stock_to_move(at))
        return Change(
            replace(after, version=order.version + 1),
            (
                orders.changing(order, after, events),
                orders.tracking(carrier, tracking_number, order_id, parcel_id),
                *leaving,
            ),
        )

    return change


def _refuse_taken(carrier: str, tracking_number: str, orders: Orders) -> None:
    try:
        orders.parcel(carrier, tracking_number)
    except NotFound:
        return
    raise Conflict(
        "this tracking number belongs to another parcel",
        code="tracking_number_taken",
        path="$.tracking_number",
    )


def move_parcel(
    carrier: str,
    tracking_number: str,
    heard: Tracking,
    *,
    at: datetime,
    orders: Orders,
) -> Order:
    """Take note of what a carrier says of a parcel. Raises NotFound for one that is not ours.

    Raises Invalid for a report that cannot be true: it will not be truer later.
    """
    order_id, parcel_id = orders.parcel(carrier, tracking_number)

    def attempt() -> Order:
        order = orders.by_id(order_id)
        after, events = order.tracked(parcel_id, heard, at, f"carrier {carrier}")
        return order if after == order else orders.save(order, after, events)

    return insist(attempt)


def complete_order(order_id: str, *, at: datetime, orders: Orders) -> Order:
    """Close an order that has arrived. Closed before, it stays as it is."""

    def attempt() -> Order:
        order = orders.by_id(order_id)
        if order.status is Status.COMPLETED:
            return order
        after, events = order.completed(at, "workflow")
        return orders.save(order, after, events)

    return insist(attempt)


def release_allocation(
    order_id: str,
    *,
    at: datetime,
    orders: Orders,
    stock: Holds[Any],
    tallies: Uses,
    ledger: Ledger,
) -> Order:
    """What was not shipped in time is called off and its stock given back; what was stays sold.

    An order of which nothing was shipped is cancelled whole. One that goes on in part keeps its
    uses of coupons and sales: its prices were made with them.
    """

    def attempt() -> Order:
        order = orders.by_id(order_id)
        if order.status is not Status.CONFIRMED or order.shipped:
            return order
        if not any(line.shipped for line in order.lines):
            return _called_off(
                order,
                "not_shipped",
                at,
                "deadline",
                orders=orders,
                stock=stock,
                tallies=tallies,
                ledger=ledger,
            )
        after, events = order.shortened(at, "deadline")
        _giving_back(order, after, events, at, orders=orders, stock=stock, ledger=ledger)
        return replace(after, version=order.version + 1)

    return insist(attempt)


def give_up_delivery(order_id: str, *, late: bool, at: datetime, orders: Orders) -> Order:
    """Parcels came back, were lost, or (``late``) were never heard of again.

    The refund follows from the event. Raises Conflict while parcels are on their way in time:
    whatever broke, it was not the delivery.
    """

    def attempt() -> Order:
        order = orders.by_id(order_id)
        if order.status is not Status.CONFIRMED or order.delivered:
            return order
        if not (late or order.landed):
            raise Conflict("the parcels are on their way", code="order_state")
        ends = {parcel.status for parcel in order.parcels} & {
            ParcelStatus.LOST,
            ParcelStatus.RETURNED,
        }
        reason = min(ends).value if ends else "not_delivered"
        after, events = order.returned(reason, at, "deadline" if late else "carrier")
        return orders.save(order, after, events)

    return insist(attempt)


def confirm_by_mail(
    order_id: str,
    *,
    letter: Callable[[Order], Letter],
    at: datetime,
    orders: Orders,
    letters: Letters,
    mail: Mail,
) -> bool:
    """Write to the buyer that the order is confirmed, once. Returns whether a letter left now.

    Raises Unavailable when somebody else is at it just now: try again later.
    """
    order = orders.by_id(order_id)
    if order.status in CALLED_OFF or not letters.taken(order_id, "confirmation", at):
        return False
    written = letter(order)
    mail.send(order.email, written)
    letters.sent(order_id, "confirmation", at)
    return True


STEPS = ("payment", "shipment", "delivery")


def _ready(order: Order, step: str) -> bool | None:
    """Whether a step may go on (True), must wait (False), or can never go on (None)."""
    if order.status in CALLED_OFF:
        return None
    if step == "payment":
        return order.status is not Status.PLACED
    if order.status is Status.PLACED:
        return False
    if step == "shipment":
        return order.shipped
    if order.delivered or order.status is Status.COMPLETED:
        return True
    return None if order.landed else False


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
    waits.wait(order_id, step, token, at)
    _answer(orders.by_id(order_id), step, token, workflow)


def advance(order_id: str, *, orders: Orders, waits: Waits, workflow: Workflow) -> None:
    """Wake whichever step of the workflow the order's new state lets go on."""
    order = orders.by_id(order_id)
    ready = [step for step in STEPS if _ready(order, step) is not False]
    for step, token in waits.tokens(order_id, ready).items():
        _answer(order, step, token, workflow)


def _answer(order: Order, step: str, token: str, workflow: Workflow) -> None:
    ready = _ready(order, step)
    if ready:
        workflow.resume(token, {"order_id": order.id})
    elif ready is None:
        workflow.abort(token, "CalledOff", order.cancel_reason or order.status.value)
