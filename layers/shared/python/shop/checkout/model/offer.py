"""An offer: lines, their quote and the shipping options, as shown to the buyer."""

from collections.abc import Mapping, Sequence
from dataclasses import field, replace
from datetime import datetime, timedelta

from shop.cart.model import GIFT_LINE_PREFIX, STOCK_CODES, CartItem, Message, image_url, title
from shop.catalog.model import product_id_from
from shop.inventory.model import Demand
from shop.inventory.model.kits import Kit, expand_kits
from shop.kernel.frozen import frozen
from shop.kernel.usage import UsageReservation
from shop.pricing.model.quote import Quote
from shop.shipping.model import ShippingOption

OFFER_TTL = timedelta(minutes=15)
"""Time within which an offer can be bought as shown."""
MAX_ROWS_PER_TRANSACTION = 100
"""DynamoDB's limit for one transaction. Larger orders are placed in several."""


@frozen(slots=False)
class OfferLine:
    """A line of an offer, with the catalog data that later responses and the order need."""

    id: str
    product_id: str
    variant_id: str
    sku: str
    title: str
    quantity: int
    image_url: str | None = None


@frozen(slots=False)
class Offer:
    """The price of the lines, and the shipping options."""

    lines: tuple[OfferLine, ...]
    quote: Quote
    options: tuple[ShippingOption, ...] = ()
    option_id: str | None = None
    messages: tuple[Message, ...] = ()
    usage: tuple[UsageReservation, ...] = ()
    """Uses of limited coupons and sales that an order of this offer consumes."""
    group_buy: str | None = None
    """Id of the group buy whose code gives the price."""
    group_ends: datetime | None = None
    """Instant from which the group buy accepts no more members."""
    kits: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """Parts of the kits among the lines: units of each part SKU, by the kit's SKU."""
    ships_from: Mapping[str, str] = field(default_factory=dict)
    """Ship dates (ISO 8601) that the buyer was shown, by SKU of a back-order or pre-order."""
    ship_zone: str = "UTC"
    """IANA time zone of the market, whose days the ship dates are."""
    undeliverable: str | None = None
    """A value of :class:`shop.shipping.model.Undeliverable`, if there is no shipping option."""

    @property
    def gifts(self) -> tuple[OfferLine, ...]:
        """Return the gifts as lines of the order that cost nothing."""
        return tuple(
            OfferLine(
                f"{GIFT_LINE_PREFIX}{gift.promotion_id}",
                product_id_from(gift.variant_id),
                gift.variant_id,
                gift.sku,
                gift.title,
                gift.quantity,
            )
            for gift in self.quote.gifts
        )

    @property
    def option(self) -> ShippingOption | None:
        """Return the shipping option that is selected."""
        return next((option for option in self.options if option.id == self.option_id), None)

    @property
    def is_short(self) -> bool:
        """Return whether the stock was short when the offer was made. It may have changed."""
        return any(message.code == "out_of_stock" for message in self.messages)

    def with_stock_of(self, other: "Offer") -> "Offer":
        """Return this offer with the stock, and the messages about it, of another one."""
        messages = [each for each in self.messages if each.code not in STOCK_CODES]
        messages += [each for each in other.messages if each.code in STOCK_CODES]
        return replace(
            self,
            messages=tuple(messages),
            kits=other.kits,
            ships_from=other.ships_from,
            ship_zone=other.ship_zone,
        )

    def is_fresh(self, at: datetime) -> bool:
        """Return whether the offer can be bought as shown.

        The price of a group buy ends with the group, which may be before :data:`OFFER_TTL`.
        """
        group_ended = self.group_ends is not None and at >= self.group_ends
        return at - self.quote.at < OFFER_TTL and not group_ended

    def demands(self) -> tuple[Demand, ...]:
        """Return the units per SKU, with lines of one SKU added up and kits as their parts."""
        kits = {sku: Kit(sku, parts) for sku, parts in self.kits.items()}
        lines = (*self.lines, *self.gifts)
        return expand_kits([Demand(line.sku, line.quantity) for line in lines], kits)

    def parts_of(self, sku: str) -> tuple[tuple[str, int], ...]:
        """Return the parts of a kit, for the order's line; nothing for any other SKU."""
        return tuple(self.kits.get(sku, {}).items())


def offer_lines(items: Sequence[CartItem]) -> tuple[OfferLine, ...]:
    """Return the lines of an offer from priced items."""
    return tuple(
        OfferLine(
            item.line.id,
            item.product.id,
            item.variant.id,
            item.variant.sku,
            title(item),
            item.line.quantity,
            image_url(item),
        )
        for item in items
    )
