"""Payment of an order: provider reports, capture and refund."""

from collections.abc import Callable
from datetime import datetime

from shop.kernel.errors import Conflict, Unavailable
from shop.kernel.money import Money
from shop.kernel.unit_of_work import WriteOperation
from shop.orders.actions.cancellation import cancel_loaded_order, cancel_order
from shop.orders.actions.order_writes import OrderWrites
from shop.orders.actions.retry import retry_on_conflict
from shop.orders.model import TERMINATED, Order, OrderStatus
from shop.orders.ports import OrderRepository
from shop.payments.model import AUTHORIZATION_GRACE, PaymentStatus, ProviderPaymentState
from shop.payments.ports import PaymentProvider

PAYMENT_UNANSWERED = "payment_unanswered"
"""Reason of an order that was cancelled because the request for its payment had no answer."""

MAX_REFUND_ATTEMPTS = 5
"""How often an excess is computed again, because another refund of the payment came first."""


def record_payment(
    order_id: str,
    state: ProviderPaymentState,
    *,
    at: datetime,
    actor: str,
    writes: OrderWrites,
    loaded: Order | None = None,
    cancel_reason: str | None = None,
    extra_writes: Callable[[Order], tuple[WriteOperation, ...]] | None = None,
) -> Order:
    """Merge a provider's report into an order, and return the order.

    Several processes report one payment: the checkout with the provider's answer, the webhook's
    consumer, the reconciliation and the expiry. They may run at the same time and in any order.
    Each write states the version that it read, so one of them wins. The others read the newer order
    and merge again; a report that is known already changes nothing.

    A certain payment confirms the order. A failed or cancelled payment cancels an unshipped order
    and releases its stock in one transaction (in batches for a large order), with
    ``extra_writes``. ``cancel_reason`` overrides the provider's reason. ``loaded`` is the order as
    the caller has just read or written it, which saves a read. Raises Contention if other writers
    win every attempt.
    """
    preloaded = [] if loaded is None else [loaded]

    def attempt() -> Order:
        # Only the first attempt uses the loaded order: a retry must read the newer version.
        order = preloaded.pop() if preloaded else writes.orders.get_by_id(order_id)
        after, events = order.with_payment(state, at, actor)
        # The order and its stock change together: a lost payment must not leave reserved units.
        if _must_cancel(after):
            return cancel_loaded_order(
                after,
                cancel_reason or state.reason or f"payment_{state.status}",
                at,
                actor,
                writes=writes,
                prior_events=events,
                extra_writes=extra_writes(after) if extra_writes else (),
            )
        # Another process recorded this report before: no write and no second event.
        if after == order:
            return order
        return writes.orders.save(order, after, events)

    return retry_on_conflict(attempt)


def _must_cancel(order: Order) -> bool:
    """Whether the payment failed and no piece is shipped; after a shipment staff decide."""
    if order.payment.status not in (PaymentStatus.FAILED, PaymentStatus.CANCELLED):
        return False
    unshipped = not any(line.shipped for line in order.lines)
    return order.status is OrderStatus.PLACED or (
        order.status is OrderStatus.CONFIRMED and unshipped
    )


def _save_payment_state(
    order_id: str, state: ProviderPaymentState, at: datetime, actor: str, orders: OrderRepository
) -> Order:
    """Record the result of a capture or refund, which never changes the order's status."""

    def attempt() -> Order:
        order = orders.get_by_id(order_id)
        after, events = order.with_payment(state, at, actor)
        return order if after == order else orders.save(order, after, events)

    return retry_on_conflict(attempt)


def provider_state(order: Order, provider: PaymentProvider) -> ProviderPaymentState | None:
    """Return the provider's state of an order's payment; ``None`` without a payment.

    A stored reference is preferred: providers find a payment by order id only for about a day.
    """
    if not order.amount.minor:
        return None  # paid by credits alone: the provider has no payment
    if order.payment.reference is not None:
        return provider.get_payment(order.payment.reference)[1]
    return provider.find_by_order(order.id, order.amount)


def is_unanswered(order: Order) -> bool:
    """Whether no report of the payment of an unpaid order has arrived."""
    unpaid = order.status in (OrderStatus.PLACING, OrderStatus.PLACED)
    return unpaid and order.payment.status is PaymentStatus.CREATED


def abandon_unanswered_payment(
    order: Order, *, at: datetime, writes: OrderWrites, provider: PaymentProvider
) -> Order:
    """Cancel an order whose payment request has no answer, and return the order.

    The provider is asked first, and a payment that it has processed is recorded instead. A payment
    that is only opened is cancelled at the provider, so that no later request can pay it. A request
    that still reaches the provider pays a cancelled order; its event refunds it. Call this only
    :data:`AUTHORIZATION_GRACE` after the request. May run twice at the same time. Raises
    Unavailable while the provider is down.
    """
    # An order that is still being placed has no payment yet.
    state = provider_state(order, provider) if order.status is OrderStatus.PLACED else None
    if state is not None and state.status is PaymentStatus.CREATED:
        try:
            state = provider.cancel(state.reference, key=f"cancel:{order.id}")
        except Conflict:
            return writes.orders.get_by_id(order.id)  # it is being processed at this moment
    if state is None:
        return cancel_order(
            order.id,
            PAYMENT_UNANSWERED,
            at=at,
            actor=provider.name,
            unless_paid=True,
            writes=writes,
        )
    return record_payment(
        order.id,
        state,
        at=at,
        actor=provider.name,
        writes=writes,
        cancel_reason=None if state.status is PaymentStatus.FAILED else PAYMENT_UNANSWERED,
    )


def refund_excess_payment(
    order_id: str, *, at: datetime, orders: OrderRepository, provider: PaymentProvider
) -> Order:
    """Refund what the provider holds beyond the amount due, by a void, a full or a partial refund.

    Uses the provider's amounts, so it also corrects an order that missed a report. May run twice,
    also at the same time. Raises Unavailable while an authorization may still be in flight.
    """
    order = orders.get_by_id(order_id)
    if not order.amount.minor:
        return order  # paid by credits alone: no money moved
    state = provider_state(order, provider)
    if state is None:
        # No payment yet. Right after the cancellation one may still arrive, so the event is
        # delivered again later; after the grace period there is nothing to refund.
        if order.status in TERMINATED and at - order.history[-1].at < AUTHORIZATION_GRACE:
            raise Unavailable("A payment may still be in flight. Please try again.")
        return order
    if order.status in TERMINATED:
        # Nothing is due: void the authorization, or refund the whole captured amount.
        if state.status not in (PaymentStatus.FAILED, PaymentStatus.CANCELLED):
            state = provider.cancel(state.reference, key=f"cancel:{order_id}")
    else:
        # An order that continues without some pieces keeps the amount that is due.
        state = _refund_down_to_due(order, state, provider)
    return _save_payment_state(order_id, state, at, provider.name, orders)


def _refund_down_to_due(
    order: Order, state: ProviderPaymentState, provider: PaymentProvider
) -> ProviderPaymentState:
    """Refund captured money beyond the amount due, and return the payment's state after it.

    The idempotency key of a refund contains the amount refunded before it. Of two refunds that were
    computed from the same balance, the provider therefore makes one only, and the other is computed
    again. Raises Unavailable if others come first each time.
    """
    for _ in range(MAX_REFUND_ATTEMPTS):
        excess = state.captured - state.refunded - order.due
        if excess <= 0:
            return state
        try:
            state = provider.refund(
                state.reference,
                Money(excess, order.currency),
                key=f"refund:{order.id}:{state.refunded}",
            )
        except Conflict:
            # Another refund came first: the key has another amount, or less money remains.
            state = provider.get_payment(state.reference)[1]
    raise Unavailable("Other refunds of this payment are under way. Please try again.")


def capture_payment(
    order_id: str, *, at: datetime, orders: OrderRepository, provider: PaymentProvider
) -> Order:
    """Capture the amount that is due; a captured payment stays as it is. Raises Unavailable.

    If nothing is due, because every shipped piece has come back, the authorization is voided. Less
    may be due when the result is recorded; the event of that record then refunds the difference.
    """
    order = orders.get_by_id(order_id)
    reference = order.payment.reference
    if order.payment.status is not PaymentStatus.AUTHORIZED or reference is None:
        return order
    # The keys make a repetition after a lost response return the first result. That of a capture
    # contains its amount: a provider rejects a key that comes again with another amount.
    try:
        if not order.due:
            state = provider.cancel(reference, key=f"cancel:{order_id}")
        else:
            due = Money(order.due, order.currency)
            state = provider.capture(reference, due, key=f"capture:{order_id}:{order.due}")
    except Conflict:
        # The payment changed since it was recorded, such as by a capture whose answer was lost.
        state = provider.get_payment(reference)[1]
        if state.status is PaymentStatus.AUTHORIZED:
            raise
    return _save_payment_state(order_id, state, at, provider.name, orders)


def capture_when_possible(
    order_id: str, *, at: datetime, orders: OrderRepository, provider: PaymentProvider
) -> Order:
    """Capture the payment, unless the provider is unavailable.

    The parcels are in transit, so a provider outage must not stop the workflow. The workflow's last
    step captures again; if that fails as well, staff handle the order.
    """
    try:
        return capture_payment(order_id, at=at, orders=orders, provider=provider)
    except Unavailable:
        return orders.get_by_id(order_id)
