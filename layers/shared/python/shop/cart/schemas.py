"""A cart in UCP's words: what is read from a request, what is written into an answer.

Unknown fields are refused, so that a misspelt one is not lost in silence; fields that UCP gives to
the shop's side (``totals``, ``id``) may be sent back and are not read.
"""

import os
from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from shop.cart.actions import CartInput, CartResult
from shop.cart.model import (
    GIFT_LINE_PREFIX,
    MAX_LINES,
    CartItem,
    LineInput,
    Message,
    PricedLines,
    image_url,
    title,
)
from shop.credits.model.loyalty import PROGRAM, earned_points
from shop.kernel.contacts import Buyer
from shop.kernel.ids import derived_id
from shop.kernel.text_validation import (
    validate_currency,
    validate_email,
    validate_line,
    validate_phone,
)
from shop.places.model.countries import validate_country
from shop.pricing.model.quote import Quote
from shop.pricing.model.quote_lines import QuoteLine

MAX_QUANTITY = 10_000
"""The most pieces of one line that a shopper may ask for; beyond that is a typing error."""

Id = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Text = Annotated[str, StringConstraints(max_length=500), AfterValidator(validate_line)]
Name = Annotated[str, StringConstraints(max_length=100), AfterValidator(validate_line)]
PostalCode = Annotated[str, StringConstraints(max_length=20), AfterValidator(validate_line)]
Country = Annotated[str, AfterValidator(validate_country)]
Currency = Annotated[str, AfterValidator(validate_currency)]
Phone = Annotated[str, AfterValidator(validate_phone)]
Email = Annotated[str, AfterValidator(validate_email)]


class StrictRequestModel(BaseModel):
    """What all shapes of requests share: strict types, unknown fields refused."""

    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)


class OpenRequestModel(BaseModel):
    """A part of a request that UCP leaves open to others; what is not known is not read."""

    model_config = ConfigDict(extra="ignore", strict=True, defer_build=True)


class ItemRef(StrictRequestModel):
    """Which variant is meant. The rest is the shop's to say and not read."""

    id: Id
    title: Any = None
    price: Any = None
    image_url: Any = None
    quantity_unit: Any = None
    unit_price: Any = None


class LineRequest(StrictRequestModel):
    id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.:-]{1,64}$")] | None = None
    item: ItemRef
    quantity: Annotated[int, Field(ge=1, le=MAX_QUANTITY)]
    totals: Any = None
    parent_id: Any = None


def _vat_number(text: str) -> str:
    from shop.tax.gateway.vat_numbers import StdnumVatNumbers  # few buyers have one

    number = StdnumVatNumbers().normalize(text)
    if number is None:
        raise ValueError("this is no VAT number of the European Union, such as FR40303265045")
    return number


TaxId = Annotated[str, StringConstraints(max_length=30), AfterValidator(_vat_number)]


class BuyerRequest(StrictRequestModel):
    """Who buys. The e-mail address is all that a guest needs to give."""

    email: Email | None = None
    first_name: Name | None = None
    last_name: Name | None = None
    full_name: Name | None = None
    phone_number: Phone | None = None
    tax_id: TaxId | None = None
    """A VAT number of the European Union: who buys as a business of another member state owes the
    tax itself."""
    consent: Any = None

    def to_buyer(self) -> Buyer:
        return Buyer(**self.model_dump(exclude={"consent"}))


class BuyerContextRequest(OpenRequestModel):
    """Hints of where the buyer is; an address outranks them."""

    address_country: Country | None = None
    address_region: Name | None = None
    postal_code: PostalCode | None = None
    currency: Currency | None = None


class DiscountsRequest(OpenRequestModel):
    """Discount codes; what was applied is the shop's to say."""

    codes: (
        Annotated[
            list[Annotated[str, StringConstraints(strip_whitespace=True, max_length=64)]],
            Field(max_length=10),
        ]
        | None
    ) = None


class SessionRequest(StrictRequestModel):
    """What carts and checkouts have in common, with the fields that are the shop's to fill."""

    line_items: Annotated[list[LineRequest], Field(min_length=1, max_length=MAX_LINES)]
    context: BuyerContextRequest | None = None
    buyer: BuyerRequest | None = None
    signals: dict[str, Any] | None = None
    attribution: dict[str, Any] | None = None
    ucp: Any = None
    id: Any = None
    status: Any = None
    currency: Any = None
    totals: Any = None
    actions: Any = None
    messages: Any = None
    links: Any = None
    policies: Any = None
    expires_at: Any = None
    continue_url: Any = None
    discounts: DiscountsRequest | None = None
    loyalty: Any = None

    @model_validator(mode="after")
    def _small(self) -> "SessionRequest":
        if self.attribution is not None and len(str(self.attribution)) > 2_000:
            raise ValueError("attribution is longer than 2,000 characters")
        return self

    def discount_codes(self) -> tuple[str, ...] | None:
        """The discount codes sent, ``None`` where none were spoken of."""
        if self.discounts is None or self.discounts.codes is None:
            return None
        return tuple(code for code in self.discounts.codes if code)

    def requested_lines(self) -> list[LineInput]:
        return [
            LineInput(line.id, line.item.id, line.quantity)
            for line in self.line_items
            if not (line.id or "").startswith(GIFT_LINE_PREFIX)
        ]


class CartRequest(SessionRequest):
    """The body of creating or replacing a cart."""

    def to_input(self, channel: str = "web") -> CartInput:
        context = self.context or BuyerContextRequest()
        return CartInput(
            channel=channel,
            lines=self.requested_lines(),
            country=context.address_country,
            region=context.address_region,
            postal_code=context.postal_code,
            buyer=self.buyer.to_buyer() if self.buyer else Buyer(),
            attribution=self.attribution or {},
            codes=self.discount_codes(),
            currency=context.currency,
        )


def shop_page() -> str | None:
    """Where a stage shows carts and checkouts to people, as a template with ``{kind}`` and
    ``{id}``; ``None`` where it has no pages, only this interface.
    """
    return os.environ.get("SHOP_PAGE")


def continue_url_view(page: str | None, kind: str, id_: str) -> dict[str, str]:
    """UCP's ``continue_url``, where a buyer can go on by hand; nothing where there is no page."""
    return {} if page is None else {"continue_url": page.format(kind=kind, id=id_)}


def cart_view(result: CartResult, page: str | None) -> dict[str, Any]:
    """A cart as UCP's ``shopping/cart.json``, without the envelope."""
    cart = result.cart
    view: dict[str, Any] = {
        "id": cart.id,
        "line_items": [*lines_view(result.priced), *gifts_view(result.priced.quote)],
        "currency": result.priced.quote.currency,
        "totals": totals_view(result.priced.quote),
        **continue_url_view(page, "cart", cart.id),
        "expires_at": cart.expires_at.isoformat(),
    }
    if cart.owner != "guest":
        view["loyalty"] = loyalty_view(cart.owner, result.priced.quote)
    discounts = discounts_view(cart.codes, result.priced.quote)
    if discounts:
        view["discounts"] = discounts
    if buyer := cart.buyer.to_dict():
        view["buyer"] = buyer
    context = {
        "address_country": cart.country,
        "address_region": cart.region,
        "postal_code": cart.postal_code,
    }
    if cart.country:
        view["context"] = {name: value for name, value in context.items() if value}
    if result.priced.messages:
        view["messages"] = messages_view(result.priced.messages)
    return view


def lines_view(priced: PricedLines) -> list[dict[str, Any]]:
    """Line items with their totals."""
    return [_line_view(item, priced.quote.line(item.line.id)) for item in priced.items]


def _line_view(item: CartItem, line: QuoteLine) -> dict[str, Any]:
    result: dict[str, Any] = {
        "id": item.variant.id,
        "title": title(item),
        "price": line.unit_price.minor,
    }
    if picture := image_url(item):
        result["image_url"] = picture
    return {
        "id": line.id,
        "item": result,
        "quantity": line.quantity,
        "totals": line_totals_view(line),
    }


def loyalty_view(customer: str, quote: Quote) -> dict[str, Any]:
    """UCP's loyalty extension: what a signed-in customer will earn. Balances are told to them."""
    goods = quote.subtotal - quote.goods_discount
    points = earned_points(goods.minor, goods.currency)
    return {
        PROGRAM: {
            "id": derived_id("member", customer),
            "name": "Points",
            "provisional": False,
            "rewards": [
                {
                    "currency": {"name": "Points", "code": "PTS"},
                    "earning_forecast": {"amount": points},
                }
            ],
        }
    }


def gifts_view(quote: Quote) -> list[dict[str, Any]]:
    """What is given along, as lines that cost nothing."""
    return [
        {
            "id": f"{GIFT_LINE_PREFIX}{gift.promotion_id}",
            "item": {"id": gift.variant_id or gift.sku, "title": gift.title, "price": 0},
            "quantity": gift.quantity,
            "totals": [{"type": "subtotal", "amount": 0}, {"type": "total", "amount": 0}],
        }
        for gift in quote.gifts
    ]


def line_totals_view(line: QuoteLine) -> list[dict[str, Any]]:
    """A line's totals: subtotal, what was taken off, and what is left; tax stands on the whole."""
    totals = [{"type": "subtotal", "amount": line.subtotal.minor}]
    if line.discount.minor:
        totals.append({"type": "items_discount", "amount": -line.discount.minor})
    totals.append({"type": "total", "amount": line.total.minor})
    return totals


def discounts_view(codes: Sequence[str], quote: Quote) -> dict[str, Any] | None:
    """UCP's discount extension: the codes typed, and what every promotion took off where.

    In the order in which they were reckoned; allocations sum to the amount of each.
    """
    applied: dict[str, dict[str, Any]] = {}
    charges = [(f"$.line_items[{index}]", line.discounts) for index, line in enumerate(quote.lines)]
    if quote.delivery is not None:
        charges.append(("$.totals.shipping", quote.delivery.discounts))
    for path, discounts in charges:
        for discount in discounts:
            told = applied.setdefault(
                discount.promotion_id,
                {
                    **({"code": discount.code} if discount.code else {"automatic": True}),
                    "title": discount.title,
                    "amount": 0,
                    "allocations": [],
                },
            )
            told["amount"] += discount.amount.minor
            told["allocations"].append({"path": path, "amount": discount.amount.minor})
    reckoned = [entry.rule for entry in quote.trace if entry.applied]
    order = {rule: place for place, rule in reversed(list(enumerate(reckoned)))}
    ranked = sorted(applied, key=lambda id_: order.get(id_, len(order)))
    if not codes and not ranked:
        return None
    return {
        "codes": list(codes),
        "applied": [{**applied[id_], "priority": n} for n, id_ in enumerate(ranked, start=1)],
    }


def totals_view(quote: Quote) -> list[dict[str, Any]]:
    """Totals that add up: all entries but the last sum to it.

    Tax that prices include is told as a line of the subtotal's breakdown, since it is no addition.
    """
    totals: list[dict[str, Any]] = [
        {"type": "subtotal", "display_text": "Subtotal", "amount": quote.subtotal.minor}
    ]
    goods = quote.goods_discount.minor
    if goods:
        totals.append({"type": "items_discount", "display_text": "Discount", "amount": -goods})
    if quote.discount.minor - goods:
        totals.append(
            {
                "type": "discount",
                "display_text": "Shipping discount",
                "amount": goods - quote.discount.minor,
            }
        )
    if quote.delivery is not None:
        totals.append(
            {"type": "fulfillment", "display_text": "Shipping", "amount": quote.shipping.minor}
        )
    if quote.tax_added.minor:
        totals.append({"type": "tax", "display_text": "Tax", "amount": quote.tax_added.minor})
    said = "Total"
    if quote.tax_included and quote.tax.minor:
        said = f"Total (includes tax of {quote.tax})"
    totals.append({"type": "total", "display_text": said, "amount": quote.total.minor})
    return totals


def messages_view(messages: Sequence[Message]) -> list[dict[str, Any]]:
    """Messages as UCP writes them."""
    return [
        {
            name: value
            for name, value in (
                ("type", message.type),
                ("code", message.code),
                ("path", message.path),
                ("content", message.content),
                ("severity", message.severity),
            )
            if value is not None
        }
        for message in messages
    ]
