"""Change what a checkout is."""

from dataclasses import replace
from datetime import datetime

from shop.cart.actions import PricingContext
from shop.cart.model import assign_line_ids, customer_facts, expiry_at, usage_key
from shop.checkout.actions.messages import payment_pending_message, raise_if_completed
from shop.checkout.actions.offer import (
    OfferRequest,
    choose_valid_offer,
    make_offer,
    offered_lines,
    previous_offer,
)
from shop.checkout.actions.results import UNPAID_STATUSES, CheckoutInput, CheckoutResult
from shop.checkout.model import SESSION_TTL, Offer, destination_from
from shop.checkout.ports import CheckoutSessionRepository
from shop.credits.ports import CodeAttemptLimiter
from shop.inventory.ports import StockRepository
from shop.kernel.errors import InvalidRequest
from shop.kernel.idempotency import IdempotentRequest
from shop.kernel.unit_of_work import StagedChange
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
    stock: StockRepository,
    code_attempts: CodeAttemptLimiter,
    rate_limit_subject: str,
) -> StagedChange[CheckoutResult]:
    """Replace what a checkout is. Raises Conflict once it is completed or canceled.

    While a payment is being confirmed nothing is changed; the answer shows the checkout and says
    so.
    """
    session = sessions.get(idempotent_request.owner, session_id, idempotent_request.at)
    session.raise_if_closed()
    order = orders.get(idempotent_request.owner, session.order_id) if session.order_id else None
    if order is not None:
        raise_if_completed(order)
        if order.status in UNPAID_STATUSES:
            return StagedChange(CheckoutResult(session, order, (payment_pending_message(),)), ())
    if checkout_input.lines is None:
        raise InvalidRequest("line_items are needed", code="missing", path="$.line_items")
    lines = assign_line_ids(checkout_input.lines, session.lines)
    same_goods = [(n.id, n.variant_id, n.quantity) for n in lines] == [
        (n.id, n.variant_id, n.quantity) for n in session.lines
    ]
    codes = session.codes if checkout_input.codes is None else checkout_input.codes
    changed = replace(
        session,
        lines=lines,
        buyer=checkout_input.buyer,
        destination=checkout_input.destination,
        country=checkout_input.country,
        region=checkout_input.region,
        postal_code=checkout_input.postal_code,
        attribution=checkout_input.attribution or session.attribution,
        channel=checkout_input.channel,
        codes=codes,
        order_id=None,
        placement_key=None,
        version=session.version + 1,
        expires_at=expiry_at(idempotent_request.at, SESSION_TTL),
    )
    with track_code_attempts(
        codes, session.codes, rate_limit_subject, code_attempts, idempotent_request.at
    ) as judged:
        basis = OfferRequest(
            owner=idempotent_request.owner,
            lines=lines,
            codes=codes,
            destination=destination_from(
                checkout_input.destination,
                checkout_input.country,
                checkout_input.region,
                checkout_input.postal_code,
            ),
            delivered=bool(checkout_input.destination),
            option_id=checkout_input.option_id,
            currency=checkout_input.currency or session.offer.quote.currency,
            channel=checkout_input.channel,
            usage_key=usage_key(idempotent_request.owner, checkout_input.buyer),
            customer=customer_facts(idempotent_request.owner, checkout_input.buyer),
        )
        before = previous_offer(session)
        offer = make_offer(
            basis,
            pricing,
            idempotent_request.at,
            stock=None
            if same_goods and _told_lately(session.offer, idempotent_request.at)
            else stock,
            previous_offer=before,
            strict=True,
            kits=session.offer.kits,
            ship_dates=session.offer.ships_from,
        )
        judged(offer.quote)
    requested_ids = basis.with_defaults_from(offer)
    if basis.option_id == before.request.option_id:
        requested_ids = replace(requested_ids, option_id=basis.option_id)
    if (
        before.request.is_same(requested_ids)
        and before.request.usage_key == requested_ids.usage_key
    ):
        offer = choose_valid_offer(session.offer, offer, idempotent_request.at)
    after = replace(changed, offer=offer, lines=offered_lines(lines, offer))
    return StagedChange(CheckoutResult(after), (sessions.update_op(session, after),))


def _told_lately(offer: Offer, at: datetime) -> bool:
    """Whether what an offer says of the stock, and of kits, need not be looked up again."""
    return not offer.is_short and not offer.ships_from and offer.is_fresh(at)
