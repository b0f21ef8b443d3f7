"""The request that an offer answers, and facts from the offer before it."""

from collections.abc import Mapping, Sequence
from dataclasses import field, replace

from shop.cart.model import Cart, CartLine, customer_facts, usage_key
from shop.checkout.actions.results import CheckoutInput
from shop.checkout.model import CheckoutSession, Offer, stated_place
from shop.kernel.frozen import frozen
from shop.places.model.destination import Destination, StatedPlace
from shop.pricing.model.basket import CustomerFacts
from shop.pricing.model.price_snapshot import PriceSnapshot
from shop.pricing.model.rule_set import Market, RuleSet
from shop.shipping.model import ShippingOption


@frozen(slots=False)
class OfferRequest:
    """Everything that the client decides and an offer depends on.

    ``delivered`` is whether there is an address and not only a location hint. ``usage_key`` is the
    key under which the customer's uses of limited coupons and sales are counted.
    """

    owner: str
    lines: tuple[CartLine, ...]
    codes: tuple[str, ...]
    place: StatedPlace
    delivered: bool
    option_id: str | None
    currency: str | None
    channel: str
    usage_key: str | None
    customer: CustomerFacts | None = None

    @property
    def destination(self) -> Destination | None:
        """Return the codes of the place; ``None`` before a country is known."""
        return self.place.destination

    def market_in(self, rules: RuleSet) -> Market:
        """Return the market of the destination; the first one before a country is known."""
        return rules.market_for(self.destination)

    def is_same(self, other: "OfferRequest") -> bool:
        """Return whether both have the same content, ignoring the customer of the usage."""
        return (
            replace(self, lines=(), usage_key=None, place=other.place)
            == replace(other, lines=(), usage_key=None)
            and self.destination == other.destination
            and same_content(self.lines, other.lines)
        )

    def with_defaults_from(self, offer: Offer) -> "OfferRequest":
        """Return this request with the choices that the shop made for the client."""
        return replace(self, option_id=offer.option_id, currency=offer.quote.currency)


def same_content(lines: Sequence[CartLine], other: Sequence[CartLine]) -> bool:
    """Return whether two lists of lines agree in ids, variants and quantities."""
    return [line.content for line in lines] == [line.content for line in other]


@frozen(slots=False)
class PreviousOffer:
    """The offer shown last: its request, its prices and its shipping option."""

    request: OfferRequest
    shown: PriceSnapshot
    shipping_option: ShippingOption | None = None


@frozen(slots=False)
class KnownStock:
    """Facts from an earlier read of the stock, so that it need not be read again.

    ``kits`` are the parts of kits (units of each part SKU, by the kit's SKU) and ``ship_dates`` the
    dates of back-orders and pre-orders, by SKU.
    """

    kits: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    ship_dates: Mapping[str, str] = field(default_factory=dict)


def known_stock_of(offer: Offer) -> KnownStock:
    """Return the facts about stock that an offer was made with."""
    return KnownStock(offer.kits, offer.ships_from)


def previous_offer(session: CheckoutSession) -> PreviousOffer:
    """Return the offer that a session was shown with last."""
    return PreviousOffer(
        offer_request_of(session),
        PriceSnapshot.from_quote(session.offer.quote),
        session.offer.option,
    )


def previous_offer_of_cart(cart: Cart) -> PreviousOffer | None:
    """Return the prices that a cart was shown with last; ``None`` if none were recorded."""
    if cart.shown is None:
        return None
    request = OfferRequest(
        owner=cart.owner,
        lines=cart.lines,
        codes=cart.codes,
        place=cart.place,
        delivered=False,
        option_id=None,
        currency=cart.currency,
        channel=cart.channel,
        usage_key=usage_key(cart.owner, cart.buyer.email),
        customer=customer_facts(cart.owner, cart.buyer.tax_id),
    )
    return PreviousOffer(request, cart.shown)


def offer_request_from(
    owner: str, lines: tuple[CartLine, ...], codes: tuple[str, ...], content: CheckoutInput
) -> OfferRequest:
    """Return the request that a client's input stands for."""
    return OfferRequest(
        owner=owner,
        lines=lines,
        codes=codes,
        place=stated_place(
            content.destination, content.country, content.region, content.postal_code
        ),
        delivered=content.destination is not None,
        option_id=content.option_id,
        currency=content.currency,
        channel=content.channel,
        usage_key=usage_key(owner, content.buyer.email),
        customer=customer_facts(owner, content.buyer.tax_id),
    )


def offer_request_of(session: CheckoutSession) -> OfferRequest:
    """Return the request that a session stands for."""
    return OfferRequest(
        owner=session.owner,
        lines=session.lines,
        codes=session.codes,
        place=stated_place(
            session.destination, session.country, session.region, session.postal_code
        ),
        delivered=session.destination is not None,
        option_id=session.offer.option_id,
        currency=session.offer.quote.currency,
        channel=session.channel,
        usage_key=usage_key(session.owner, session.buyer.email),
        customer=customer_facts(session.owner, session.buyer.tax_id),
    )
