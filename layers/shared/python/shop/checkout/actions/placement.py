"""Place the order of a checkout, in one transaction or, for many articles, in batches.

Every function returns an outcome. Nothing here retries; the loop of
:mod:`shop.checkout.actions.complete` does.
"""

from collections.abc import Sequence
from dataclasses import replace

from shop.cart.actions import FAST_LOOKUP, LimitLookup
from shop.checkout.actions.dependencies import Completion
from shop.checkout.actions.messages import (
    exhausted_gifts,
    exhausted_usage_messages,
    price_changed_message,
    short_line_messages,
)
from shop.checkout.actions.offer import choose_valid_offer, offered_lines, remake_offer
from shop.checkout.actions.results import CheckoutResult
from shop.checkout.model import (
    MAX_ROWS_PER_TRANSACTION,
    CheckoutSession,
    Offer,
    build_order,
    with_order,
)
from shop.credits.actions.payment import usage_of_allocations
from shop.credits.model.payment_split import CreditAllocation
from shop.inventory.model import Reservation, Shortage
from shop.inventory.model.shards import INBOUND_SHARD
from shop.kernel.errors import VersionConflict
from shop.kernel.frozen import frozen
from shop.kernel.idempotency import stored_record
from shop.kernel.unit_of_work import (
    ConditionFailed,
    PartitionThrottled,
    UnitOfWork,
    WriteOperation,
)
from shop.kernel.usage import UsageReservation
from shop.orders.model import Order, OrderCredit, OrderStatus

ROWS_PER_CREDIT = 2
"""The head of a credit account and its newest entry."""
FIXED_ROWS_PER_ORDER = 3
"""Rows beside stock and usage: the order, the session, the idempotency key."""


@frozen(slots=False)
class Placed:
    """The order is written. Its payment is the next step."""

    session: CheckoutSession
    order: Order


@frozen(slots=False)
class Rejected:
    """The order cannot be placed as offered; the buyer sees the reasons."""

    result: CheckoutResult


@frozen(slots=False)
class Retry:
    """Another request was faster, and a new attempt may succeed."""


@frozen(slots=False)
class _Exhausted:
    """Stock or limited uses ran out; both are empty if an attempt with other shards may pass."""

    shortages: Sequence[Shortage] = ()
    usage: Sequence[UsageReservation] = ()


@frozen(slots=False)
class _CheckedShort(_Exhausted):
    """Stock was short before any write."""


@frozen(slots=False)
class _BackorderUnconfirmed:
    """Goods would ship later than the buyer was shown."""


_Written = Placed | Retry | _Exhausted | _BackorderUnconfirmed


def place_order(
    session: CheckoutSession, completion: Completion, parts: Sequence[CreditAllocation | None]
) -> Placed | Rejected | Retry:
    """Write the order of a session that is ready, and explain to the buyer if that fails.

    ``parts`` are the amounts that credits pay, in the order of the instruments. Raises
    IdempotencyKeyReused for a key that another payload claimed, and VersionConflict for a session
    that another request changed.
    """
    outcome = _write_order(session, completion, parts)
    if isinstance(outcome, _BackorderUnconfirmed | _CheckedShort) and _is_claimed(completion):
        # The stock was checked without the key, so a request with the same key may be the one that
        # took it. The next attempt continues from its order.
        return Retry()
    if isinstance(outcome, _BackorderUnconfirmed):
        return _offer_backorder(session, completion)
    if isinstance(outcome, _Exhausted):
        return _explain_exhaustion(session, completion, outcome)
    return outcome


def _write_order(
    session: CheckoutSession, completion: Completion, parts: Sequence[CreditAllocation | None]
) -> _Written:
    offer, writes = session.offer, completion.deps.writes
    reservations = writes.stock.pick_shards(offer.demands())
    # The buyer sees a ship date before such an order is placed, not after.
    if _unconfirmed_backorders(reservations, offer):
        return _BackorderUnconfirmed()
    order = _new_order(session, completion, parts)
    rows = (
        len(reservations)
        + len(order.usage)
        + ROWS_PER_CREDIT * len(order.credits)
        + FIXED_ROWS_PER_ORDER
        + bool(_backordered(reservations))  # the entry that finds the order when goods arrive
    )
    if rows > MAX_ROWS_PER_TRANSACTION:
        return _begin_batched_placement(session, order, completion)
    placed, events = replace(order, reservations=reservations).place()
    return _commit(
        writes.placement_uow,
        session,
        placed,
        completion,
        writes.orders.place_op(placed, events),
        lambda transaction: _reserve(completion, transaction, reservations),
        writes.usage.consume(placed.usage),
    )


def _new_order(
    session: CheckoutSession, completion: Completion, parts: Sequence[CreditAllocation | None]
) -> Order:
    """Return the order with its usage and credits, which the same transaction consumes."""
    deps = completion.deps
    order = build_order(
        session, deps.provider.name, completion.at, completion.at + deps.payment_window
    )
    used = [
        (part, instrument_id)
        for part, instrument_id in zip(parts, completion.payment.ids, strict=False)
        if part is not None
    ]
    return replace(
        order,
        usage=(
            *deps.writes.usage.pick_shards(order.usage),
            *usage_of_allocations(order.id, [part for part, _ in used]),
        ),
        credits=tuple(
            OrderCredit(part.account, part.amount, instrument_id) for part, instrument_id in used
        ),
    )


def _begin_batched_placement(
    session: CheckoutSession, order: Order, completion: Completion
) -> _Written:
    """Write an order of many articles as *placing*; its stock is reserved afterwards.

    A later shortage would reverse all batches, so the stock is checked first.
    """
    writes, demands = completion.deps.writes, session.offer.demands()
    if shortages := writes.stock.shortages_from(None, demands):
        return _CheckedShort(shortages)
    # The check above has refreshed the shard snapshots, so this choice is better informed.
    if _unconfirmed_backorders(writes.stock.pick_shards(demands), session.offer):
        return _BackorderUnconfirmed()
    placing = replace(order, status=OrderStatus.PLACING)
    return _commit(
        writes.uow,
        session,
        placing,
        completion,
        writes.orders.place_op(placing, ()),
        writes.orders.open_batches(placing.id),
        writes.usage.consume(placing.usage),
    )


def _commit(
    uow: UnitOfWork,
    session: CheckoutSession,
    order: Order,
    completion: Completion,
    *operations: WriteOperation,
) -> Placed | Retry | _Exhausted:
    """Write the order, mark its session and claim the key, in one transaction."""
    deps = completion.deps
    after = with_order(session, order)
    try:
        uow.commit(
            *operations,
            deps.sessions.update_op(session, after),
            # The response is not known yet. It is stored when the payment fails for good, and
            # otherwise follows from the state of the order that the key names.
            deps.idempotency.claim(completion.request, None, order.id),
        )
    except (ConditionFailed, PartitionThrottled) as error:
        return _explain_failure(error, session, completion)
    return Placed(after, order)


def _is_claimed(completion: Completion) -> bool:
    """Return whether this request's key is stored. Raises IdempotencyKeyReused."""
    return stored_record(completion.request, completion.deps.idempotency) is not None


def _explain_failure(
    error: ConditionFailed | PartitionThrottled, session: CheckoutSession, completion: Completion
) -> Retry | _Exhausted:
    """Return the reason why the transaction failed, as the rows are now."""
    deps = completion.deps
    own_keys = {
        deps.sessions.condition_key(session),
        deps.idempotency.condition_key(completion.request),
    }
    if own_keys & error.keys:
        # A concurrent request changed the session or claimed the key. The next attempt reads its
        # result; a key that was claimed with another payload raises here.
        stored_record(completion.request, deps.idempotency)
        return Retry()
    usage = deps.writes.usage.exhausted(error, session.offer.usage)
    shortages = deps.writes.stock.shortages_from(error, session.offer.demands())
    return _Exhausted(shortages, usage)


def _offer_backorder(session: CheckoutSession, completion: Completion) -> Rejected | Retry:
    """Show the ship dates before the buyer confirms again; retry if the goods are back."""
    renewed = renew_offer(session, completion, read_stock=True)
    if renewed.offer.ships_from or not renewed.ready:
        return Rejected(CheckoutResult(renewed))
    return Retry()


def _explain_exhaustion(
    session: CheckoutSession, completion: Completion, exhausted: _Exhausted
) -> Rejected | Retry:
    """Return the messages about shortages and lost discounts; retry if the price still holds."""
    short = short_line_messages(exhausted.shortages, session)
    gifts = exhausted_gifts(exhausted.shortages, session)
    renewed = session
    if exhausted.usage or gifts:
        # Cached limits are known to be wrong here, so they are read consistently.
        lookup = LimitLookup(consistent=True, exhausted_gifts=gifts)
        renewed = renew_offer(session, completion, lookup)
        if gifts and not exhausted.usage:
            # The renewed offer says which gift ran out. The buyer decides without it.
            return Rejected(CheckoutResult(renewed, None, short))
        if renewed.offer.quote.total != session.offer.quote.total:
            rules = completion.deps.pricing.rule_source.rules(completion.at)
            messages = (
                *short,
                *exhausted_usage_messages(exhausted.usage, session, renewed),
                price_changed_message(session.offer.quote, renewed.offer.quote, rules),
            )
            return Rejected(CheckoutResult(renewed, None, messages))
    if short:
        return Rejected(CheckoutResult(renewed, None, short))
    return Retry()


def renew_offer(
    session: CheckoutSession,
    completion: Completion,
    lookup: LimitLookup = FAST_LOOKUP,
    *,
    read_stock: bool = False,
) -> CheckoutSession:
    """Return the session with an offer of this instant, after writing it.

    The offer is written before it is shown: the buyer pays the stored one. Raises VersionConflict
    if another request changed the session.
    """
    deps, at = completion.deps, completion.at
    offer = remake_offer(session, deps.pricing, at, read_stock=read_stock, lookup=lookup)
    if not lookup.consistent:
        # A consistent lookup follows a failed transaction: the old offer cannot be placed.
        offer = choose_valid_offer(session, offer, at)
    same_ship_dates = offer.ships_from == session.offer.ships_from
    if offer.quote is session.offer.quote and same_ship_dates and not session.offer.is_short:
        return session  # nothing to write: the old offer holds
    after = replace(
        session,
        offer=offer,
        lines=offered_lines(session.lines, offer),
        has_guest_offer=False,
        version=session.version + 1,
    )
    try:
        deps.writes.uow.commit(deps.sessions.update_op(session, after))
    except ConditionFailed:
        raise VersionConflict(
            "Another request changed this checkout. Read it again and complete it."
        ) from None
    return after


def _backordered(reservations: Sequence[Reservation]) -> set[str]:
    return {each.sku for each in reservations if each.shard == INBOUND_SHARD}


def _unconfirmed_backorders(reservations: Sequence[Reservation], offer: Offer) -> set[str]:
    """Return the SKUs that would be back-ordered without a ship date in the offer."""
    return _backordered(reservations) - set(offer.ships_from)


def _reserve(
    completion: Completion, transaction: object, reservations: Sequence[Reservation]
) -> None:
    completion.deps.writes.stock.reserve(transaction, reservations)
