"""Update a checkout."""

from dataclasses import replace
from datetime import datetime

from shop.cart.actions import PricingContext
from shop.cart.model import assign_line_ids, expiry_at
from shop.checkout.actions.messages import payment_pending_message, raise_if_completed
from shop.checkout.actions.offer import choose_valid_offer, make_offer, offered_lines
from shop.checkout.actions.offer_request import (
    OfferRequest,
    PreviousOffer,
    known_stock_of,
    offer_request_from,
    previous_offer,
    same_content,
)
from shop.checkout.actions.results import UNPAID_STATUSES, CheckoutInput, CheckoutResult
from shop.checkout.model import SESSION_TTL, CheckoutSession, Offer
from shop.checkout.ports import CheckoutSessionRepository
from shop.credits.ports import CodeAttemptLimiter
from shop.kernel.errors import InvalidRequest
from shop.kernel.idempotency import IdempotentRequest
from shop.kernel.unit_of_work import StagedChange
from shop.orders.model import Order
from shop.orders.ports import OrderRepository
from shop.pricing.actions.coupons import track_code_attempts


def update_checkout(
    session_id: str,
    checkout_input: CheckoutInput,
    idempotent_request: IdempotentRequest,
    *,
    sessions: CheckoutSessionRepository,
    orders: OrderRepository,
    pricing: PricingContext,
    code_attempts: CodeAttemptLimiter,
    rate_limit_subject: str,
) -> StagedChange[CheckoutResult]:
    """Replace the content of a checkout.

    While a payment is being confirmed nothing changes, and the response says so. Raises NotFound,
    Conflict for a completed or canceled checkout, InvalidRequest for variants and shipping options
    that are not offered, and RateLimited for too many unknown codes.
    """
    owner, at = idempotent_request.owner, idempotent_request.at
    session = sessions.get(owner, session_id, at)
    session.raise_if_closed()
    if (order := _pending_order(session, orders)) is not None:
        # The order is a snapshot of this session, so a change would not reach it.
        return StagedChange(CheckoutResult(session, order, (payment_pending_message(),)), ())
    session.raise_unless_owned_by(owner)
    if checkout_input.lines is None:
        raise InvalidRequest("Send line_items.", code="missing", path="$.line_items")
    lines = assign_line_ids(checkout_input.lines, session.lines)
    codes = session.codes if checkout_input.codes is None else checkout_input.codes
    with_currency = replace(
        checkout_input, currency=checkout_input.currency or session.offer.quote.currency
    )
    request = offer_request_from(owner, lines, codes, with_currency)
    with track_code_attempts(
        codes, session.codes, rate_limit_subject, code_attempts, at
    ) as forgive_known:
        offer = _updated_offer(session, request, pricing, at)
        forgive_known(offer.quote)
    after = replace(
        session,
        lines=offered_lines(lines, offer),
        offer=offer,
        buyer=checkout_input.buyer,
        destination=checkout_input.destination,
        country=checkout_input.country,
        region=checkout_input.region,
        postal_code=checkout_input.postal_code,
        attribution=checkout_input.attribution or session.attribution,
        channel=checkout_input.channel,
        codes=codes,
        order_id=None,
        has_guest_offer=False,
        version=session.version + 1,
        expires_at=expiry_at(at, SESSION_TTL),
    )
    return StagedChange(CheckoutResult(after), (sessions.update_op(session, after),))


def _pending_order(session: CheckoutSession, orders: OrderRepository) -> Order | None:
    """Return the order whose payment is not certain yet. Raises Conflict for a completed one."""
    if session.order_id is None:
        return None
    order = orders.get(session.owner, session.order_id)
    raise_if_completed(order)
    return order if order.status in UNPAID_STATUSES else None


def _updated_offer(
    session: CheckoutSession, request: OfferRequest, pricing: PricingContext, at: datetime
) -> Offer:
    """Return the offer for a request.

    A repeated request keeps the session's offer while that is fresh and costs less.
    """
    previous = previous_offer(session)
    same_lines = same_content(request.lines, session.lines)
    stock_is_known = same_lines and _stock_is_known(session.offer, at)
    offer = make_offer(
        request,
        pricing,
        at,
        known_stock=known_stock_of(session.offer) if stock_is_known else None,
        previous=previous,
        strict=True,
    )
    if _asks_for_same(request, previous, offer):
        return choose_valid_offer(session, offer, at)
    return offer


def _stock_is_known(offer: Offer, at: datetime) -> bool:
    """Return whether the offer is fresh and no line is short or sold ahead."""
    return not offer.is_short and not offer.ships_from and offer.is_fresh(at)


def _asks_for_same(request: OfferRequest, previous: PreviousOffer, offer: Offer) -> bool:
    """Return whether a request equals the previous one, so that the previous offer may hold."""
    completed = request.with_defaults_from(offer)
    if request.option_id == previous.request.option_id:
        # The client repeats a choice that the shop had to replace: that is no new choice.
        completed = replace(completed, option_id=request.option_id)
    return previous.request.is_same(completed) and previous.request.usage_key == completed.usage_key
