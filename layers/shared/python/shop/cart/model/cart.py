"""A cart, its lines, and the customer that it is priced for."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import field
from datetime import datetime, timedelta
from typing import Any

from shop.catalog.model import Product, Variant
from shop.kernel.contacts import Buyer, mailbox_of
from shop.kernel.errors import InvalidRequest, Problem
from shop.kernel.frozen import frozen
from shop.kernel.ids import derived_id
from shop.kernel.text_folding import fold
from shop.places.model.destination import Destination, StatedPlace
from shop.pricing.model.basket import CustomerFacts
from shop.pricing.model.price_snapshot import PriceSnapshot

CART_TTL = timedelta(days=30)
"""Life of a cart after its last change."""

GIFT_LINE_PREFIX = "gift:"
"""Prefix of the ids of lines that a promotion adds. Clients may send these lines back; they are
ignored."""

MAX_LINES = 2_000
"""Maximum number of lines. The longest known real invoice has 1,114."""

_ID_PREFIX = "li_"


@frozen(slots=False)
class LineInput:
    """A line as a client sends it: an ``id`` if the client knows one, a variant, a quantity."""

    id: str | None
    variant_id: str
    quantity: int


@frozen(slots=False)
class CartLine:
    """A quantity of one variant.

    ``shown_price`` is the unit price last shown to the client, in minor units.
    """

    id: str
    variant_id: str
    quantity: int
    shown_price: int | None = None

    @property
    def content(self) -> tuple[str, str, int]:
        """Return the part that the client decides: id, variant and quantity."""
        return self.id, self.variant_id, self.quantity


@frozen(slots=False)
class CartItem:
    """A line with its product and variant."""

    line: CartLine
    product: Product
    variant: Variant


@frozen(slots=False)
class Cart:
    """The lines that a shopper has chosen.

    ``country``, ``region`` and ``postal_code`` are hints about the shopper's location.
    """

    id: str
    owner: str
    lines: tuple[CartLine, ...]
    currency: str
    created_at: datetime
    expires_at: datetime
    country: str | None = None
    region: str | None = None
    postal_code: str | None = None
    buyer: Buyer = field(default_factory=Buyer)
    attribution: Mapping[str, Any] = field(default_factory=dict)
    channel: str = "web"
    codes: tuple[str, ...] = ()
    """Discount codes as typed, including those that have no effect at present."""
    shown: PriceSnapshot | None = None
    """The prices shown at the last write; ``None`` if no prices were recorded."""
    checkout_id: str | None = None
    """Id of the checkout that was created last from this cart, open or not."""
    version: int = 1

    @property
    def place(self) -> StatedPlace:
        """Return the location hints as the client stated them."""
        return hinted_place(self.country, self.region, self.postal_code)

    @property
    def destination(self) -> Destination | None:
        """Return the known part of the destination; ``None`` before a country is known."""
        return self.place.destination


def hinted_place(country: str | None, region: str | None, postal_code: str | None) -> StatedPlace:
    """Return the place that location hints state."""
    return StatedPlace(country, region, None, postal_code, is_hint=True)


def expiry_at(at: datetime, lifetime: timedelta) -> datetime:
    """Return the end of a lifetime in whole seconds, the resolution of DynamoDB's TTL.

    A response before the write and one after a read then show the same instant.
    """
    return (at + lifetime).replace(microsecond=0)


def assign_line_ids(
    inputs: Sequence[LineInput], current_lines: Sequence[CartLine] = ()
) -> tuple[CartLine, ...]:
    """Give every line an id and the price that was last shown for it.

    A line that names an id keeps it. A line without one takes the id of a current line of its
    variant, so that a client that sends no ids still sees stable ones. All others get new ids.

    Raises :class:`InvalidRequest` (``duplicate``) for an id that is used twice.
    """
    by_id = {line.id: line for line in current_lines}
    named_ids = {line.id for line in inputs if line.id}
    reusable: dict[str, list[str]] = {}
    for current in current_lines:
        if current.id not in named_ids:
            reusable.setdefault(current.variant_id, []).append(current.id)
    used: set[str] = set()
    highest = _highest_number([*by_id, *named_ids])
    lines = []
    for index, line in enumerate(inputs):
        line_id = line.id
        if line_id is None and reusable.get(line.variant_id):
            line_id = reusable[line.variant_id].pop(0)
        if line_id is None:
            highest += 1
            line_id = f"{_ID_PREFIX}{highest}"
        if line_id in used:
            raise InvalidRequest(
                f"Two lines have the id {line_id}. Give each line an id of its own, or none.",
                code="duplicate",
                path=f"$.line_items[{index}].id",
            )
        used.add(line_id)
        known = by_id.get(line_id)
        # A line that now holds another variant was never shown at the old one's price.
        same_variant = known is not None and known.variant_id == line.variant_id
        shown_price = known.shown_price if known is not None and same_variant else None
        lines.append(CartLine(line_id, line.variant_id, line.quantity, shown_price))
    return tuple(lines)


def _highest_number(ids: Collection[str]) -> int:
    """Return the highest number among generated ids, so that a new id never repeats one."""
    numbers = (id_.removeprefix(_ID_PREFIX) for id_ in ids if id_.startswith(_ID_PREFIX))
    return max((int(number) for number in numbers if number.isdigit()), default=0)


def usage_key(owner: str, email: str | None) -> str | None:
    """Return the key under which a customer's uses of coupons and sales are counted.

    A signed-in customer is counted by account, a guest by a digest of the mailbox. The result is
    ``None`` for a guest without an email address.
    """
    if owner != "guest":
        return owner
    mailbox = _normalize_mailbox(email or "")
    return derived_id("mail", mailbox) if mailbox else None


def _normalize_mailbox(email: str) -> str:
    """Return one spelling for all spellings of a mailbox.

    Case and a ``+tag`` do not distinguish mailboxes, nor do dots at Gmail, nor the two spellings of
    an international domain.
    """
    # An address that a former release stored may be invalid now: it is counted as it is.
    name, at, domain = (mailbox_of(email) or fold(email)).rpartition("@")
    if not at:
        return ""
    name = name.split("+", 1)[0] or name
    if domain in ("gmail.com", "googlemail.com"):
        name, domain = name.replace(".", "") or name, "gmail.com"
    return f"{name}@{domain}"


def customer_facts(owner: str, vat_id: str | None) -> CustomerFacts | None:
    """Return the facts that pricing rules may use; ``None`` for a guest without a VAT number."""
    if owner == "guest":
        return CustomerFacts(vat_id=vat_id) if vat_id else None
    return CustomerFacts(owner, vat_id=vat_id)


def unknown_items_error(
    lines: Sequence[CartLine], variants: Collection[str]
) -> InvalidRequest | None:
    """Return an error that names every line whose variant is not sold; ``None`` if all are sold."""
    problems = [
        Problem(
            "item_unavailable",
            f"{line.variant_id} is not sold. Remove this line.",
            f"$.line_items[{index}].item.id",
        )
        for index, line in enumerate(lines)
        if line.variant_id not in variants
    ]
    if not problems:
        return None
    return InvalidRequest(problems[0].detail, code="item_unavailable", problems=problems)


def title(item: CartItem) -> str:
    """Return the product's title, with the variant's where the product has several."""
    if len(item.product.variants) == 1 or item.variant.title in ("", item.product.title):
        return item.product.title
    return f"{item.product.title} – {item.variant.title}"


def image_url(item: CartItem) -> str | None:
    """Return the variant's image, else the product's first one."""
    media = item.variant.media or (item.product.media[0] if item.product.media else None)
    return media.url if media else None
