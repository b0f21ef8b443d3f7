"""Begin a checkout, from lines or from a cart."""

from shop.cart.actions import PricingContext
from shop.cart.model import assign_line_ids, customer_facts, expiry_at, usage_key
from shop.cart.ports import CartRepository
from shop.checkout.actions.offer import (
    OfferRequest,
    make_offer,
    offered_lines,
    previous_offer_of_cart,
)
from shop.checkout.actions.results import CheckoutInput, CheckoutResult
from shop.checkout.model import SESSION_TTL, CheckoutSession, destination_from
from shop.checkout.ports import CheckoutSessionRepository
from shop.credits.ports import CodeAttemptLimiter
from shop.inventory.ports import StockRepository
from shop.kernel.errors import InvalidRequest
from shop.kernel.idempotency import IdempotentRequest
from shop.kernel.ids import new_id
from shop.kernel.unit_of_work import StagedChange
from shop.pricing.actions.coupons import track_code_attempts


def create_checkout(
    checkout_input: CheckoutInput,
    idempotent_request: IdempotentRequest,
    *,
    sessions: CheckoutSessionRepository,
    carts: CartRepository,
    pricing: PricingContext,
    stock: StockRepository,
    code_attempts: CodeAttemptLimiter,
    rate_limit_subject: str,
) -> StagedChange[CheckoutResult]:
    """Begin a checkout from lines or a cart. Raises Invalid for what is not sold, NotFound."""
    buyer, country, region, postal = (
        checkout_input.buyer,
        checkout_input.country,
        checkout_input.region,
        checkout_input.postal_code,
    )
    attribution, currency = checkout_input.attribution, checkout_input.currency
    codes = checkout_input.codes or ()
    known: tuple[str, ...] = ()
    before = None
    if checkout_input.cart_id is not None:
        cart = carts.get(idempotent_request.owner, checkout_input.cart_id, idempotent_request.at)
        lines, before = cart.lines, previous_offer_of_cart(cart)
        buyer = {**buyer, **cart.buyer}
        if cart.country:
            country, region, postal = cart.country, cart.region, cart.postal_code
        attribution = cart.attribution or attribution
        currency = currency or cart.currency
        codes, known = (
            cart.codes if checkout_input.codes is None else checkout_input.codes,
            cart.codes,
        )
    elif checkout_input.lines is not None:
        lines = assign_line_ids(checkout_input.lines)
    else:
        raise InvalidRequest(
            "line_items or a cart_id are needed", code="missing", path="$.line_items"
        )
    with track_code_attempts(
        codes, known, rate_limit_subject, code_attempts, idempotent_request.at
    ) as judged:
        basis = OfferRequest(
            owner=idempotent_request.owner,
            lines=lines,
            codes=codes,
            destination=destination_from(checkout_input.destination, country, region, postal),
            delivered=bool(checkout_input.destination),
            option_id=checkout_input.option_id,
            currency=currency,
            channel=checkout_input.channel,
            usage_key=usage_key(idempotent_request.owner, buyer),
            customer=customer_facts(idempotent_request.owner, buyer),
        )
        strict = checkout_input.cart_id is None
        offer = make_offer(
            basis, pricing, idempotent_request.at, stock=stock, previous_offer=before, strict=strict
        )
        judged(offer.quote)
    session = CheckoutSession(
        id=new_id("chk"),
        owner=idempotent_request.owner,
        lines=offered_lines(lines, offer),
        offer=offer,
        created_at=idempotent_request.at,
        expires_at=expiry_at(idempotent_request.at, SESSION_TTL),
        buyer=buyer,
        destination=checkout_input.destination,
        country=country,
        region=region,
        postal_code=postal,
        attribution=attribution,
        cart_id=checkout_input.cart_id,
        channel=checkout_input.channel,
        codes=codes,
    )
    return StagedChange(CheckoutResult(session), (sessions.insert_op(session),))
