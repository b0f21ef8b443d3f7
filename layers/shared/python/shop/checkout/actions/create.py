"""Create a checkout, from lines or from a cart."""

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime

from shop.cart.actions import PricingContext
from shop.cart.model import Cart, CartLine, assign_line_ids, expiry_at
from shop.cart.ports import CartRepository
from shop.checkout.actions.messages import cart_changed_message, checkout_resumed_message
from shop.checkout.actions.offer import at_current_prices, make_offer, offered_lines
from shop.checkout.actions.offer_request import (
    offer_request_from,
    offer_request_of,
    previous_offer,
    previous_offer_of_cart,
)
from shop.checkout.actions.results import UNPAID_STATUSES, CheckoutInput, CheckoutResult
from shop.checkout.model import SESSION_TTL, CheckoutSession, Offer
from shop.checkout.ports import CheckoutSessionRepository
from shop.credits.ports import CodeAttemptLimiter
from shop.kernel.errors import InvalidRequest, NotFound
from shop.kernel.idempotency import IdempotentRequest
from shop.kernel.ids import new_id
from shop.kernel.unit_of_work import StagedChange
from shop.orders.ports import OrderRepository
from shop.pricing.actions.coupons import track_code_attempts


def create_checkout(
    checkout_input: CheckoutInput,
    idempotent_request: IdempotentRequest,
    *,
    sessions: CheckoutSessionRepository,
    carts: CartRepository,
    orders: OrderRepository,
    pricing: PricingContext,
    code_attempts: CodeAttemptLimiter,
    rate_limit_subject: str,
) -> StagedChange[CheckoutResult]:
    """Create a checkout from lines or from a cart; return the open one of a cart that has one.

    A cart names its checkout, and is written with it on condition that it is unchanged. Of two
    requests at the same moment one therefore fails; made again, it finds the other's checkout.

    Raises NotFound for an unknown cart, InvalidRequest for variants that are not sold (lines of a
    cart that are no longer sold are left out instead), and RateLimited for too many unknown codes.
    """
    owner, at = idempotent_request.owner, idempotent_request.at
    cart = None
    if checkout_input.cart_id is not None:
        cart = carts.get(owner, checkout_input.cart_id, at)
        if (found := _open_checkout(cart, sessions, orders, at)) is not None:
            return _resume_checkout(found, cart, sessions, pricing, at)
        checkout_input = _with_cart(checkout_input, cart)
        lines = cart.lines
    elif checkout_input.lines is not None:
        lines = assign_line_ids(checkout_input.lines)
    else:
        raise InvalidRequest("Send line_items or a cart_id.", code="missing", path="$.line_items")
    codes, known_codes = checkout_input.codes or (), cart.codes if cart is not None else ()
    with track_code_attempts(
        codes, known_codes, rate_limit_subject, code_attempts, at
    ) as forgive_known:
        offer = make_offer(
            offer_request_from(owner, lines, codes, checkout_input),
            pricing,
            at,
            previous=previous_offer_of_cart(cart) if cart is not None else None,
            strict=cart is None,
        )
        forgive_known(offer.quote)
    session = _new_session(owner, lines, offer, checkout_input, cart, at)
    writes = [sessions.insert_op(session)]
    if cart is not None:
        named = replace(cart, checkout_id=session.id, version=cart.version + 1)
        writes.append(carts.update_op(cart, named))
    return StagedChange(CheckoutResult(session), tuple(writes))


def _new_session(
    owner: str,
    lines: tuple[CartLine, ...],
    offer: Offer,
    checkout_input: CheckoutInput,
    cart: Cart | None,
    at: datetime,
) -> CheckoutSession:
    return CheckoutSession(
        id=new_id("chk"),
        owner=owner,
        lines=offered_lines(lines, offer),
        offer=offer,
        created_at=at,
        expires_at=expiry_at(at, SESSION_TTL),
        buyer=checkout_input.buyer,
        destination=checkout_input.destination,
        country=checkout_input.country,
        region=checkout_input.region,
        postal_code=checkout_input.postal_code,
        attribution=checkout_input.attribution,
        cart_id=checkout_input.cart_id,
        cart_digests=_digests(cart) if cart is not None else {},
        channel=checkout_input.channel,
        codes=checkout_input.codes or (),
    )


def _with_cart(checkout_input: CheckoutInput, cart: Cart) -> CheckoutInput:
    """Return the input with the cart's content, which has precedence.

    Source: UCP, ``cart_id`` of "Checkout with Cart": the cart's line items, context and buyer are
    used and overlapping fields ignored. A currency or codes that are sent replace the cart's.
    """
    if cart.country:
        checkout_input = replace(
            checkout_input,
            country=cart.country,
            region=cart.region,
            postal_code=cart.postal_code,
        )
    return replace(
        checkout_input,
        buyer=cart.buyer.with_defaults_from(checkout_input.buyer),
        attribution=cart.attribution or checkout_input.attribution,
        currency=checkout_input.currency or cart.currency,
        codes=cart.codes if checkout_input.codes is None else checkout_input.codes,
    )


# ----------------------------------------------------------------- the open checkout of a cart


def _open_checkout(
    cart: Cart, sessions: CheckoutSessionRepository, orders: OrderRepository, at: datetime
) -> CheckoutResult | None:
    """Return the cart's checkout; ``None`` if none exists or it is completed, canceled or expired.

    Source: UCP, "Cart-to-Checkout Conversion": a business returns an existing incomplete checkout.
    """
    if cart.checkout_id is None:
        return None
    try:
        session = sessions.get(cart.owner, cart.checkout_id, at)
    except NotFound:
        return None  # it has expired
    if session.canceled:
        return None
    if session.order_id is None:
        return CheckoutResult(session)
    order = orders.get(session.owner, session.order_id)
    return None if order.was_confirmed else CheckoutResult(session, order)


def _resume_checkout(
    found: CheckoutResult,
    cart: Cart,
    sessions: CheckoutSessionRepository,
    pricing: PricingContext,
    at: datetime,
) -> StagedChange[CheckoutResult]:
    """Return the open checkout of a cart, with the parts of the cart that changed since."""
    session, order = found.session, found.order
    digests = _digests(cart)
    changed = {name for name, old in session.cart_digests.items() if digests[name] != old}
    # The order is a snapshot of the session, so a change would not reach it.
    locked = order is not None and order.status in UNPAID_STATUSES
    messages = [checkout_resumed_message()]
    if changed:
        messages.append(cart_changed_message(changed, locked=locked))
    if changed and not locked:
        after, order = _with_changed_parts(session, cart, changed, pricing, at), None
    elif order is None:
        after = at_current_prices(session, pricing, at)
    else:
        after = session
    return StagedChange(
        CheckoutResult(after, order, tuple(messages)),
        (sessions.update_op(session, after),) if after.version != session.version else (),
    )


def _with_changed_parts(
    session: CheckoutSession,
    cart: Cart,
    changed: Collection[str],
    pricing: PricingContext,
    at: datetime,
) -> CheckoutSession:
    """Return the session with these parts of the cart, and an offer for them.

    The buyer may have edited the other parts, and the delivery, in the checkout: they stay.
    """
    after = session
    if "lines" in changed:
        after = replace(after, lines=cart.lines)
    if "codes" in changed:
        after = replace(after, codes=cart.codes)
    if "buyer" in changed:
        after = replace(after, buyer=cart.buyer.with_defaults_from(after.buyer))
    if "location" in changed:
        after = replace(
            after, country=cart.country, region=cart.region, postal_code=cart.postal_code
        )
    request = offer_request_of(after)
    if "currency" in changed:
        request = replace(request, currency=cart.currency)
    offer = make_offer(request, pricing, at, previous=previous_offer(session))
    return replace(
        after,
        lines=offered_lines(after.lines, offer),
        offer=offer,
        cart_digests=_digests(cart),
        order_id=None,
        has_guest_offer=False,
        version=session.version + 1,
        expires_at=expiry_at(at, SESSION_TTL),
    )


def _digests(cart: Cart) -> Mapping[str, str]:
    """Return a digest of each part of a cart that a checkout takes over, by the part's name.

    Prices are not among them: the shop changes them, not the buyer.
    """
    parts = {
        "lines": [line.content for line in cart.lines],
        "codes": cart.codes,
        "buyer": cart.buyer.to_dict(),
        "location": [cart.country, cart.region, cart.postal_code],
        "currency": cart.currency,
    }
    return {name: _digest(part) for name, part in parts.items()}


def _digest(part: object) -> str:
    return hashlib.sha256(json.dumps(part, sort_keys=True).encode()).hexdigest()[:16]
