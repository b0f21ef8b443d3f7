"""Complete a checkout: place the order once, then authorize its payment."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from shop.cart.model import Message
from shop.checkout.actions.dependencies import CheckoutDependencies, Completion
from shop.checkout.actions.messages import (
    first_reduced_credit,
    option_unavailable_message,
    payment_pending_message,
    payment_split_messages,
    payment_unanswered_error,
    price_changed_message,
    raise_if_completed,
)
from shop.checkout.actions.offer import is_current
from shop.checkout.actions.payment import continue_placement, final_response
from shop.checkout.actions.placement import Placed, Rejected, place_order, renew_offer
from shop.checkout.actions.results import (
    UNPAID_STATUSES,
    CheckoutResult,
    CompletionGuard,
    PaymentInput,
)
from shop.checkout.model import CheckoutSession
from shop.credits.actions.payment import allocate_credits
from shop.credits.model.payment_split import CreditAllocation
from shop.kernel.errors import InvalidRequest, NotFound, Unavailable
from shop.kernel.frozen import frozen
from shop.kernel.idempotency import (
    IdempotencyRecord,
    IdempotentRequest,
    stored_record,
    stored_response,
)
from shop.kernel.money import Money
from shop.orders.actions.payments import abandon_unanswered_payment, is_unanswered
from shop.orders.model import GUEST_OWNER, Order, OrderStatus
from shop.payments.model import AUTHORIZATION_GRACE

MAX_ATTEMPTS = 8
"""Attempts to place an order. At the end of a sale other buyers often win the last shards."""


@frozen(slots=False)
class Current:
    """The session's offer holds, or its renewal costs the same."""

    session: CheckoutSession


@frozen(slots=False)
class Changed:
    """The total or the shipping option changed: the buyer decides again."""

    result: CheckoutResult


@frozen(slots=False)
class Covered:
    """The instruments pay ``total`` (minor units); ``parts`` are the credits' shares."""

    total: int
    parts: tuple[CreditAllocation | None, ...]


@frozen(slots=False)
class Uncovered:
    """The instruments do not add up to the total."""

    result: CheckoutResult


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
    """Place the order of a checkout and authorize its payment; return the rendered response.

    Short stock, an exhausted coupon, a changed price and a declined payment are responses, not
    errors: the checkout as it is now, with messages. Raises:

    - NotFound; Conflict for a checkout that is canceled, or completed under another key;
    - InvalidRequest for a payment that the provider cannot read or credits that pay nothing;
    - IdempotencyKeyReused for a key that came with another payload;
    - Unavailable if the provider is down or demand is too high. The same request resumes later.
    """
    if payment.credential is not None:
        deps.provider.validate_credential(payment.credential)
    completion = Completion(idempotent_request, payment, deps, render, guard, rate_limit_subject)
    previous: Covered | None = None
    # This loop is the only place that retries: another buyer may win a shard or a coupon use.
    for _ in range(MAX_ATTEMPTS):
        try:
            session = deps.sessions.get(idempotent_request.owner, session_id, idempotent_request.at)
        except NotFound as error:
            # A customer may have claimed the checkout after this guest got a response.
            return _stored_response(completion, error)
        attempt = completion.for_destination(session.destination)
        # Step 1: resume a placement under this key, or report one under another key.
        if (response := _resume(session, attempt)) is not None:
            return response
        if session.owner != idempotent_request.owner:
            continue  # a guest's payment has failed meanwhile, so the session can be claimed
        # Step 2: check that the offer still holds.
        offered = _current_offer(session, attempt)
        if isinstance(offered, Changed):
            return render(offered.result)
        session = offered.session
        # Step 3: check that nothing is missing and no waiting room blocks the session.
        if (blocked := _blocked(session, guard)) is not None:
            return render(blocked)
        # Step 4: check that the instruments pay the total.
        covered = _cover_total(session, attempt, previous)
        if isinstance(covered, Uncovered):
            return render(covered.result)
        previous = covered
        # Step 5: place the order in one transaction, then authorize the payment.
        outcome = place_order(session, attempt, covered.parts)
        if isinstance(outcome, Placed):
            return continue_placement(outcome.session, outcome.order, attempt)
        if isinstance(outcome, Rejected):
            return render(outcome.result)
    raise Unavailable("High demand. Please try again.", code="contention")


def _stored_response(completion: Completion, error: NotFound) -> Mapping[str, Any]:
    """Return the stored response of this request. Raises ``error`` without one."""
    response = stored_response(completion.request, completion.deps.idempotency)
    if response is None:
        raise error
    return response


def _resume(session: CheckoutSession, completion: Completion) -> Mapping[str, Any] | None:
    """Return the response of an earlier placement from this session; ``None`` to place an order."""
    if not session.has_placed_order and not session.canceled:
        return None  # the ordinary case: the key is not looked up, which saves a read
    record = stored_record(completion.request, completion.deps.idempotency)
    if record is not None and record.response is not None:
        return record.response
    session.raise_if_closed()
    order, own_order = _placed_orders(session, record, completion)
    if own_order is not None and (
        own_order is order or own_order.status is not OrderStatus.CANCELLED
    ):
        # A retry of the request that placed this order: continue from the state of the order. The
        # key names it, because the session may have been read before that request.
        return continue_placement(session, own_order, completion)
    if order is not None:
        order = _abandon_if_unanswered(order, completion)
        raise_if_completed(order)
    if own_order is not None:
        # The order of this key was cancelled before its response was stored, and the session went
        # on. No other order can be placed under the key.
        result = CheckoutResult(session, own_order, payment_split_messages(own_order))
        return final_response(completion.render(result), completion)
    if order is not None and order.status in UNPAID_STATUSES:
        # A payment under another key is under way. A second order would charge the buyer twice.
        message = payment_pending_message(_seconds_to_answer(order, completion))
        return completion.render(CheckoutResult(session, order, (message,)))
    return None  # every earlier order was cancelled, so the buyer may try again


def _seconds_to_answer(order: Order, completion: Completion) -> int | None:
    """Return the time that an unanswered payment still has; ``None`` for an answered one."""
    if not is_unanswered(order):
        return None
    left = order.placed_at + AUTHORIZATION_GRACE - completion.at
    return max(0, math.ceil(left.total_seconds()))


def _abandon_if_unanswered(order: Order, completion: Completion) -> Order:
    """Return an order of another key; one whose payment had no answer in time is abandoned.

    Its request has ended by then. A charge that arrives still is refunded, because its order is
    cancelled.
    """
    if _seconds_to_answer(order, completion) != 0:
        return order
    deps = completion.deps
    try:
        return abandon_unanswered_payment(
            order, at=completion.at, writes=deps.writes, provider=deps.provider
        )
    except Unavailable as error:
        raise payment_unanswered_error(error) from None


def _placed_orders(
    session: CheckoutSession, record: IdempotencyRecord | None, completion: Completion
) -> tuple[Order | None, Order | None]:
    """Return the order that was placed last from a session, and the order of this key."""
    orders, owner = completion.deps.writes.orders, completion.request.owner
    # An order that is being paid by a guest stays the guest's.
    order = orders.get(session.owner, session.order_id) if session.order_id is not None else None
    if record is None or record.subject is None:
        return order, None
    if order is not None and order.id == record.subject:
        return order, order
    return order, orders.get(owner, record.subject)


def _current_offer(session: CheckoutSession, completion: Completion) -> Current | Changed:
    """Renew an offer that expired, was made under other rules, or was short of stock."""
    rules = completion.deps.pricing.rule_source.rules(completion.at)
    # The ordinary case: the buyer pays the offer as shown.
    if not session.offer.is_short and is_current(session, rules, completion.at):
        return Current(session)
    renewed = renew_offer(session, completion)
    # A purchase never costs more, or ships otherwise, than the buyer has seen.
    if renewed.offer.quote.total != session.offer.quote.total:
        message = price_changed_message(session.offer.quote, renewed.offer.quote, rules)
        return Changed(CheckoutResult(renewed, None, (message,)))
    old, new = session.offer.option, renewed.offer.option
    if old is not None and new is not None and old.id != new.id:
        message = option_unavailable_message(old.title, new, "error")
        return Changed(CheckoutResult(renewed, None, (message,)))
    return Current(renewed)


def _blocked(session: CheckoutSession, guard: CompletionGuard) -> CheckoutResult | None:
    """Return the response for a session that is incomplete or held in a waiting room."""
    # The session's own messages name the missing fields.
    if not session.ready:
        return CheckoutResult(session)
    blocked = guard(session)
    if blocked is None:
        return None
    return CheckoutResult(session, None, (blocked.message,), blocked.continue_url)


def _cover_total(
    session: CheckoutSession, completion: Completion, previous: Covered | None
) -> Covered | Uncovered:
    """Allocate the credits and check that all instruments together pay the total.

    ``previous`` is the allocation of the attempt before. A credit that now pays less was spent
    elsewhere meanwhile; charging the other instrument more than before would surprise the buyer.
    """
    total, payment = session.offer.quote.total, completion.payment
    if not payment.ids and total.minor:
        raise InvalidRequest(
            f"{total} is due, and no instrument pays it. Nothing was bought. Send an instrument.",
            code="payment_failed",
            path="$.payment.instruments",
        )
    owner = completion.request.owner
    covered = Covered(
        total.minor,
        allocate_credits(
            total.minor,
            total.currency,
            payment.credits,
            None if owner == GUEST_OWNER else owner,
            rate_limit_subject=completion.rate_limit_subject,
            credit_accounts=completion.deps.credit_accounts,
            code_attempts=completion.deps.code_attempts,
            at=completion.at,
        ),
    )
    if previous is not None and previous.total == covered.total:
        index = first_reduced_credit(previous.parts, covered.parts)
        if index is not None:
            raise InvalidRequest(
                "Another purchase has just used this credit. Check its balance and try again.",
                code="credit_insufficient",
                path=f"$.payment.instruments[{index}]",
            )
    if message := _coverage_message(total, payment, covered.parts):
        return Uncovered(CheckoutResult(session, None, (message,)))
    return covered


def _coverage_message(
    total: Money, payment: PaymentInput, parts: Sequence[CreditAllocation | None]
) -> Message | None:
    """Return the error for instruments that pay less or more than the total."""
    due = Money(total.minor - sum(part.amount for part in parts if part), total.currency)
    # Credits alone were sent, and they do not suffice.
    if payment.credential is None and due.minor:
        code = "payment_failed"
        text = f"The credits leave {due} to pay. Nothing was bought. Add another instrument."
    elif payment.amount is not None and payment.amount != due.minor:
        code = "payment_amount_invalid"
        text = f"The amount of this instrument must be {due}, the rest of the total."
    else:
        return None
    path = f"$.payment.instruments[{max(0, len(payment.ids) - 1)}]"
    return Message("error", code, text, path, "recoverable")
