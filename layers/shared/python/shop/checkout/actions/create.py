"""Create a checkout, from lines or from a cart."""

from dataclasses import replace

from shop.cart.actions import PricingContext
from shop.cart.model import Cart, assign_line_ids, expiry_at
from shop.cart.ports import CartRepository
from shop.checkout.actions.offer import make_offer, offered_lines
from shop.checkout.actions.offer_request import offer_request_from, previous_offer_of_cart
from shop.checkout.actions.results import CheckoutInput, CheckoutResult
from shop.checkout.model import SESSION_TTL, CheckoutSession
from shop.checkout.ports import CheckoutSessionRepository
from shop.credits.ports import CodeAttemptLimiter
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
    code_attempts: CodeAttemptLimiter,
    rate_limit_subject: str,
) -> StagedChange[CheckoutResult]:
    """Create a checkout from lines or from a cart.

    Raises NotFound for an unknown cart, InvalidRequest for variants that are not sold (lines of a
    cart that are no longer sold are left out instead), and RateLimited for too many unknown codes.
    """
    owner, at = idempotent_request.owner, idempotent_request.at
    cart = None
    if checkout_input.cart_id is not None:
        cart = carts.get(owner, checkout_input.cart_id, at)
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
    session = CheckoutSession(
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
        channel=checkout_input.channel,
        codes=codes,
    )
    return StagedChange(CheckoutResult(session), (sessions.insert_op(session),))


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
