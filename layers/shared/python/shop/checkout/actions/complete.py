"""Buy: place the order once, then ask for the money."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from shop.cart.actions import NO_EXHAUSTED_GIFTS
from shop.cart.model import Message
from shop.checkout.actions.dependencies import CheckoutDependencies, PaymentInput
from shop.checkout.actions.messages import (
    exhausted_gifts,
    exhausted_usage_messages,
    first_reduced_credit,
    option_unavailable_message,
    payment_pending_message,
    price_changed_message,
    raise_if_completed,
    short_line_messages,
)
from shop.checkout.actions.offer import choose_valid_offer, is_current, offered_lines, remake_offer
from shop.checkout.actions.payment import resume_placement
from shop.checkout.actions.results import UNPAID_STATUSES, CheckoutResult, CompletionGuard
from shop.checkout.model import (
    MAX_ROWS_PER_TRANSACTION,
    CheckoutSession,
    Offer,
    build_order,
    with_order,
)
from shop.credits.actions.payment import allocate_credits, usage_of_allocations
from shop.credits.model.payment_split import CreditAllocation
from shop.inventory.model import Reservation, Shortage
from shop.inventory.model.shards import INBOUND_SHARD
from shop.inventory.ports import StockRepository
from shop.kernel.errors import Conflict, InvalidRequest, Unavailable
from shop.kernel.idempotency import IdempotentRequest, stored_response
from shop.kernel.money import Money
from shop.kernel.unit_of_work import ConditionFailed, PartitionThrottled
from shop.kernel.usage import UsageReservation
from shop.orders.model import GUEST_OWNER, Order
from shop.orders.model import OrderStatus as OrderStatus
from shop.pricing.model.price_snapshot import TOTAL_CHANGED, PriceSnapshot

MAX_ATTEMPTS = 8
"""Times that stock and uses are drawn: at the end of a rush, others are often faster."""
ROWS_PER_CREDIT = 2
"""An account's head and its newest entry."""
FIXED_ROWS_PER_ORDER = 3
"""Rows that an order writes beside its stock and its uses: itself, the session, the key."""


def complete_checkout(
    session_id: str,
    payment: PaymentInput,
    idempotent_request: IdempotentRequest,
    deps: CheckoutDependencies,
    render: Callable[[CheckoutResult], Mapping[str, Any]],
    guard: CompletionGuard = lambda session: None,
    *,
    rate_limit_subject: str,
) -> Mapping[str, Any]:
    """Buy: place the order once, then ask for the money. Returns the rendered answer.

    Short stock, a coupon or sale used up, a declined payment or a price that changed meanwhile are
    answers, not errors: the checkout as it stands, with messages. Raises Unavailable where the
    provider cannot be reached: the same request again goes on from there. Raises KeyReused,
    NotFound, and Conflict once the checkout is completed under another key or canceled.
    """
    credential = payment.credential
    if credential is not None:
        deps.provider.validate_credential(credential)
    covered: tuple[int, Sequence[CreditAllocation | None]] | None = None
    for _ in range(MAX_ATTEMPTS):
        session = deps.sessions.get(idempotent_request.owner, session_id, idempotent_request.at)
        deps = deps.for_destination(session.destination)
        if session.order_id is not None or session.canceled:
            stored = stored_response(idempotent_request, deps.idempotency)
            if stored is not None:
                return stored
        session.raise_if_closed()
        if session.order_id is not None:
            order = deps.orders.get(idempotent_request.owner, session.order_id)
            if session.placement_key == idempotent_request.key:
                return resume_placement(
                    session, order, credential, idempotent_request, deps, render
                )
            raise_if_completed(order)
            if order.status in UNPAID_STATUSES:
                return render(CheckoutResult(session, order, (payment_pending_message(),)))
        rules = deps.pricing.rule_source.rules(idempotent_request.at)
        if session.offer.is_short or not is_current(session.offer, rules, idempotent_request.at):
            renewed = _renewed(session, idempotent_request.at, deps)
            if renewed.offer.quote.total != session.offer.quote.total:
                return render(
                    CheckoutResult(
                        renewed, None, (_told(session, renewed, deps, idempotent_request.at),)
                    )
                )
            previous, way = session.offer.option, renewed.offer.option
            if previous is not None and way is not None and previous.id != way.id:
                return render(
                    CheckoutResult(
                        renewed, None, (option_unavailable_message(previous.title, way, "error"),)
                    )
                )
            session = renewed
        if not session.ready:
            return render(CheckoutResult(replace(session, order_id=None)))
        held = guard(session)
        if held is not None:
            waiting = replace(session, order_id=None)
            return render(CheckoutResult(waiting, None, (held.message,), held.continue_url))
        if not payment.ids and session.offer.quote.total.minor:
            why = f"{session.offer.quote.total} are to be paid, and nothing to pay with was sent"
            raise InvalidRequest(why, code="missing", path="$.payment.instruments")
        parts = allocate_credits(
            session.offer.quote.total.minor,
            session.offer.quote.currency,
            payment.credits,
            None if idempotent_request.owner == GUEST_OWNER else idempotent_request.owner,
            rate_limit_subject=rate_limit_subject,
            credit_accounts=deps.credit_accounts,
            code_attempts=deps.code_attempts,
            at=idempotent_request.at,
        )
        if covered is not None and covered[0] == session.offer.quote.total.minor:
            place = first_reduced_credit(covered[1], parts)
            if place is not None:
                why = "somebody else used it at this moment; look at what it has left"
                path = f"$.payment.instruments[{place}]"
                raise InvalidRequest(why, code="payment_failed", path=path)
        covered = (session.offer.quote.total.minor, parts)
        if refusal := _not_covered(session, payment, parts):
            return render(CheckoutResult(replace(session, order_id=None), None, (refusal,)))
        try:
            session, order = _place(session, idempotent_request, deps, payment, parts)
        except _BackorderUnconfirmed:
            # It would ship later than anybody said: the buyer is told first, where it is so.
            session = _renewed(session, idempotent_request.at, deps, stock=deps.pricing.stock)
            if session.offer.ships_from or not session.ready:
                return render(CheckoutResult(replace(session, order_id=None)))
            continue
        except _StockShortage as early:
            spent: Sequence[UsageReservation] = ()
            shortages = early.short
        except (ConditionFailed, PartitionThrottled) as clash:
            if {
                deps.sessions.condition_key(session),
                deps.idempotency.condition_key(idempotent_request),
            } & clash.keys:
                _refuse_another_request(idempotent_request, deps)
                continue
            spent = deps.usage.exhausted(clash, session.offer.usage)
            shortages = deps.stock.shortages_from(clash, session.offer.demands())
        else:
            return resume_placement(session, order, credential, idempotent_request, deps, render)
        short = short_line_messages(shortages, session)
        gone = exhausted_gifts(shortages, session)
        if spent or gone:
            before = session
            session = _renewed(
                session, idempotent_request.at, deps, consistent=True, exhausted_gifts=gone
            )
            if gone and not spent:
                # The offer says itself which gift there is none of; it is not placed unsaid.
                return render(CheckoutResult(replace(session, order_id=None), None, short))
            if session.offer.quote.total != before.offer.quote.total:
                told = (
                    *exhausted_usage_messages(spent, before),
                    _told(before, session, deps, idempotent_request.at),
                )
                return render(
                    CheckoutResult(replace(session, order_id=None), None, (*short, *told))
                )
        if short:
            return render(CheckoutResult(replace(session, order_id=None), None, short))
    raise Unavailable("too many want this at the same moment; try again", code="contention")


def _not_covered(
    session: CheckoutSession, payment: PaymentInput, parts: Sequence[CreditAllocation | None]
) -> Message | None:
    """What is wrong with a tender that does not come to the total, or to more."""
    due = session.offer.quote.total.minor - sum(part.amount for part in parts if part)
    if payment.credential is None and due:
        why = f"the credits leave {Money(due, session.offer.quote.currency)} to pay"
    elif payment.amount is not None and payment.amount != due:
        why = f"the instruments do not come to the total; {due} is left for this one"
    else:
        return None
    path = f"$.payment.instruments[{max(0, len(payment.ids) - 1)}]"
    return Message("error", "payment_failed", why, path, "recoverable")


def _place(
    session: CheckoutSession,
    idempotent_request: IdempotentRequest,
    deps: CheckoutDependencies,
    payment: PaymentInput,
    parts: Sequence[CreditAllocation | None],
) -> tuple[CheckoutSession, Order]:
    offer = session.offer
    holds = deps.stock.pick_shards(offer.demands())
    late = _late(holds, offer)
    fresh = build_order(
        session,
        deps.provider.name,
        idempotent_request.at,
        idempotent_request.at + deps.payment_window,
    )
    used = [(part, id_) for part, id_ in zip(parts, payment.ids, strict=False) if part is not None]
    fresh = replace(
        fresh,
        usage=(
            *deps.usage.pick_shards(fresh.usage),
            *usage_of_allocations(fresh.id, [part for part, _ in used]),
        ),
        credits=tuple((part.account, part.amount, id_) for part, id_ in used),
    )
    if (
        len(holds)
        + len(fresh.usage)
        + ROWS_PER_CREDIT * len(used)
        + FIXED_ROWS_PER_ORDER
        + bool(late)
        > MAX_ROWS_PER_TRANSACTION
    ):
        return _begin_placing(session, fresh, idempotent_request, deps)
    order, events = replace(fresh, reservations=holds).place()
    after = with_order(session, order, idempotent_request.key)
    deps.placing.commit(
        deps.orders.place_op(order, events),
        deps.sessions.update_op(session, after),
        deps.idempotency.claim(idempotent_request, None),
        lambda writes: _reserve(deps, writes, holds),
        deps.usage.consume(order.usage),
    )
    return after, order


def _late(reservations: Sequence[Reservation], offer: Offer) -> set[str]:
    """The SKUs that are ordered ahead. Raises _Ahead for one that the offer does not say so of."""
    late = {hold.sku for hold in reservations if hold.shard == INBOUND_SHARD}
    if late - set(offer.ships_from):
        raise _BackorderUnconfirmed
    return late


def _begin_placing(
    session: CheckoutSession,
    fresh: Order,
    idempotent_request: IdempotentRequest,
    deps: CheckoutDependencies,
) -> tuple[CheckoutSession, Order]:
    """Put an order of many articles down; its stock is taken after it. Raises _Short and _Ahead
    before."""
    demands = session.offer.demands()
    short = deps.stock.shortages_from(_StockUnchecked(), demands)
    if short:
        raise _StockShortage(short)
    _late(deps.stock.pick_shards(demands), session.offer)  # by what was seen just now
    order = replace(fresh, status=OrderStatus.PLACING)
    after = with_order(session, order, idempotent_request.key)
    deps.uow.commit(
        deps.orders.place_op(order, ()),
        deps.orders.open_batches(order.id),
        deps.sessions.update_op(session, after),
        deps.idempotency.claim(idempotent_request, None),
        deps.usage.consume(order.usage),
    )
    return after, order


def _reserve(deps: CheckoutDependencies, writes: Any, holds: Any) -> None:
    deps.stock.reserve(writes, holds)


def _told(
    before: CheckoutSession, after: CheckoutSession, deps: CheckoutDependencies, at: datetime
) -> Message:
    """Why a checkout was not bought that would have cost other than it was shown at."""
    previous, now = before.offer.quote, after.offer.quote
    notices = PriceSnapshot.from_quote(previous).notices(
        now, deps.pricing.rule_source.rules(at), {}
    )
    told = (notice.detail for notice in notices if notice.code == TOTAL_CHANGED)
    return price_changed_message(
        next(told, f"the total was {previous.total} and is {now.total} now")
    )


def _refuse_another_request(
    idempotent_request: IdempotentRequest, deps: CheckoutDependencies
) -> None:
    taken = deps.idempotency.get(idempotent_request)
    if taken is not None and taken.payload_hash != idempotent_request.payload_hash:
        stored_response(idempotent_request, deps.idempotency)


def _renewed(
    session: CheckoutSession,
    at: datetime,
    deps: CheckoutDependencies,
    *,
    consistent: bool = False,
    exhausted_gifts: Mapping[str, int] = NO_EXHAUSTED_GIFTS,
    stock: StockRepository | None = None,
) -> CheckoutSession:
    offer = remake_offer(
        session,
        deps.pricing,
        at,
        stock=stock,
        consistent=consistent,
        exhausted_gifts=exhausted_gifts,
    )
    if not consistent:
        offer = choose_valid_offer(session.offer, offer, at)
    if offer.quote is session.offer.quote and not session.offer.is_short:
        return session
    after = replace(
        session, offer=offer, lines=offered_lines(session.lines, offer), version=session.version + 1
    )
    try:
        deps.uow.commit(deps.sessions.update_op(session, after))
    except ConditionFailed:
        raise Conflict("this checkout was changed meanwhile; look at it again") from None
    return after


class _BackorderUnconfirmed(Exception):
    """Goods would be ordered ahead that were offered as if they were here."""


class _StockUnchecked(Exception):
    """Nobody was refused yet: what is short is asked beforehand."""


class _StockShortage(Exception):
    """Something is short, found out before anything was written."""

    def __init__(self, short: Sequence[Shortage]) -> None:
        super().__init__()
        self.short = short
