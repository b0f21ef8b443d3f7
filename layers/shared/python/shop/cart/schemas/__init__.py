"""Requests of a cart, in UCP's terms.

Unknown fields are rejected, so that a misspelt field is reported. Fields that only the shop sets
(``totals``, ``id``) may be sent back and are ignored.
"""

from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from shop.cart.actions import CartInput
from shop.cart.model import GIFT_LINE_PREFIX, MAX_LINES, LineInput, hinted_place
from shop.kernel.contacts import Buyer
from shop.kernel.text_validation import (
    absent_if_blank,
    validate_currency,
    validate_email,
    validate_line,
    validate_phone,
)
from shop.places.model.destination import StatedPlace

MAX_QUANTITY = 10_000
"""Units of one line at most; a larger number is a typing error."""

Id = Annotated[str, StringConstraints(min_length=1, max_length=200)]
"""Identifier of 1 to 200 characters."""
Text = Annotated[str, StringConstraints(max_length=500), AfterValidator(validate_line)]
Name = Annotated[str, StringConstraints(max_length=100), AfterValidator(validate_line)]
PostalCode = Annotated[str, StringConstraints(max_length=20), AfterValidator(validate_line)]
"""Postal code, 20 characters at most.
Example: "94107"
"""
Country = Annotated[str, StringConstraints(max_length=100), AfterValidator(validate_line)]
"""Country as an ISO 3166-1 alpha-2 code; a code of three letters or a name is converted.
Example: US"""
Region = Annotated[str, StringConstraints(max_length=100), AfterValidator(validate_line)]
"""Region, such as a US state, as the second part of an ISO 3166-2 code; a name is converted.
Example: CA"""
Currency = Annotated[str, AfterValidator(validate_currency)]
"""Currency as an ISO 4217 code.
Example: USD"""
Phone = Annotated[str, AfterValidator(validate_phone)]
"""Phone number of 5 to 15 digits (ITU-T E.164), with the usual separators.
Example: +1 212 555 0100"""
Email = Annotated[str, AfterValidator(validate_email)]
"""Email address.
Example: ada@example.com"""


ReadOnly = Any
"""Field that only the shop sets; a request may send it back, and its value is ignored."""
Signals = dict[str, Any]
"""Signals about the buyer's environment, as UCP extensions define them; the shop ignores them."""
Attribution = dict[str, Any]
"""Source of the visit, as the platform defines it; 2,000 characters at most."""


class StrictRequestModel(BaseModel):
    """Base of request types: strict types, and unknown fields are rejected."""

    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)


class OpenRequestModel(BaseModel):
    """Base of request parts that UCP leaves open: unknown fields are ignored."""

    model_config = ConfigDict(extra="ignore", strict=True, defer_build=True)


class ItemRef(StrictRequestModel):
    """The variant of a line. Other fields of UCP's item are set by the shop and ignored."""

    id: Id
    """Id of the variant.
    Example: mug.1"""
    title: ReadOnly = None
    price: ReadOnly = None
    image_url: ReadOnly = None
    quantity_unit: ReadOnly = None
    unit_price: ReadOnly = None


class LineRequest(StrictRequestModel):
    """A line of a cart or checkout."""

    id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.:-]{1,64}$")] | None = None
    """Id of the line; the shop assigns one if it is absent.
    Example: li_1"""
    item: ItemRef
    """The variant to buy.
    Example: {"id": "mug.1"}"""
    quantity: Annotated[int, Field(ge=1, le=MAX_QUANTITY)]
    """Number of units, from 1 to 10,000.
    Example: 2"""
    totals: ReadOnly = None
    parent_id: ReadOnly = None
    availability: ReadOnly = None


def _vat_number(text: str) -> str:
    from shop.tax.gateway.vat_numbers import StdnumVatNumbers  # lazy: few buyers have a VAT number

    number = StdnumVatNumbers().normalize(text)
    if number is None:
        raise PydanticCustomError(
            "vat_id_invalid",
            "Must be a VAT number of the European Union, such as FR40303265045.",
        )
    return number


TaxId = Annotated[str, StringConstraints(max_length=30), AfterValidator(_vat_number)]
"""VAT number of the European Union; a business of another member state pays the VAT itself.
Example: FR40303265045"""


Purpose = Annotated[
    str,
    StringConstraints(
        max_length=200,
        pattern=r"^[a-z](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9_-]*[a-z0-9_])?)+$",
    ),
]
"""Purpose of a consent, or a segment of one, as a reverse domain name.
Example: dev.ucp.consent.marketing"""


class ConsentSegmentRequest(StrictRequestModel):
    """A decision of the buyer about a part of a purpose, such as emails."""

    granted: bool
    """Whether the buyer consents."""
    source: Literal["business", "platform"]
    """Origin of the decision: a default of the shop, or the buyer's own choice on the platform.
    Example: platform"""
    description: ReadOnly = None
    links: ReadOnly = None


class ConsentRequest(ConsentSegmentRequest):
    """A decision of the buyer about a purpose, such as marketing."""

    segments: Annotated[dict[Purpose, ConsentSegmentRequest], Field(max_length=20)] | None = None
    """Decisions about parts of the purpose, 20 at most; each overrides the purpose's own.
    Example: {"dev.ucp.consent.marketing.email": {"granted": true, "source": "platform"}}"""


class BuyerRequest(StrictRequestModel):
    """The person or business that buys. A guest needs an email address only."""

    email: Email | None = None
    first_name: Name | None = None
    """Given name.
    Example: Ada"""
    last_name: Name | None = None
    """Family name.
    Example: Lovelace"""
    full_name: Name | None = None
    """Full name, if it is not split into given and family name.
    Example: Ada Lovelace"""
    phone_number: Phone | None = None
    tax_id: TaxId | None = None
    """VAT number of the European Union; a business of another member state pays the VAT itself."""
    consent: Annotated[dict[Purpose, ConsentRequest], Field(max_length=20)] | None = None
    """Consents by purpose, 20 at most, as UCP's buyer consent extension defines them.
    Example: {"dev.ucp.consent.marketing": {"granted": true, "source": "platform"}}"""

    _blank_is_absent = field_validator("first_name", "last_name", "full_name")(absent_if_blank)

    def to_buyer(self) -> Buyer:
        consent = {
            purpose: each.model_dump(exclude_none=True, exclude=_SET_BY_SHOP)
            for purpose, each in (self.consent or {}).items()
        }
        return Buyer(**self.model_dump(exclude={"consent"}), consent=consent or None)


_SET_BY_SHOP: Any = {
    "description": True,
    "links": True,
    "segments": {"__all__": {"description", "links"}},
}
"""Members of a consent that a client may send back; the shop's own are shown."""


class BuyerContextRequest(OpenRequestModel):
    """Hints about the buyer's location and currency; a shipping address takes precedence."""

    address_country: Country | None = None
    address_region: Region | None = None
    postal_code: PostalCode | None = None
    currency: Currency | None = None

    _blank_is_absent = field_validator("address_country", "address_region", "postal_code")(
        absent_if_blank
    )

    def place(self) -> StatedPlace:
        """Return the hinted place, with a code for each text that has one."""
        return hinted_place(
            self.address_country, self.address_region, self.postal_code
        ).with_codes()


class DiscountsRequest(OpenRequestModel):
    """Discount codes. Only the shop sets the applied discounts; they are ignored."""

    codes: (
        Annotated[
            list[Annotated[str, StringConstraints(strip_whitespace=True, max_length=64)]],
            Field(max_length=10),
        ]
        | None
    ) = None
    """Discount codes as the buyer entered them, 10 at most; they replace the current ones.
    Example: ["SAVE10"]"""


class SessionRequest(StrictRequestModel):
    """The fields that carts and checkouts share."""

    line_items: Annotated[list[LineRequest], Field(min_length=1, max_length=MAX_LINES)]
    """The lines; they replace the current ones.
    Example: [{"item": {"id": "mug.1"}, "quantity": 2}]"""
    context: BuyerContextRequest | None = None
    """Hints about the buyer's location and currency."""
    buyer: BuyerRequest | None = None
    """The person or business that buys."""
    signals: Signals | None = None
    attribution: Attribution | None = None
    ucp: ReadOnly = None
    id: ReadOnly = None
    status: ReadOnly = None
    currency: ReadOnly = None
    totals: ReadOnly = None
    actions: ReadOnly = None
    messages: ReadOnly = None
    links: ReadOnly = None
    policies: ReadOnly = None
    expires_at: ReadOnly = None
    continue_url: ReadOnly = None
    discounts: DiscountsRequest | None = None
    """Discount codes; without it the current codes stay."""
    loyalty: ReadOnly = None

    @model_validator(mode="after")
    def _attribution_within_limit(self) -> "SessionRequest":
        if self.attribution is not None and len(str(self.attribution)) > 2_000:
            raise PydanticCustomError(
                "text_invalid", "Attribution must have at most 2,000 characters in all."
            )
        return self

    def discount_codes(self) -> tuple[str, ...] | None:
        """Return the discount codes; ``None`` keeps the current ones."""
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
    """The body that creates or replaces a cart."""

    def to_input(self, channel: str = "web") -> CartInput:
        context = self.context or BuyerContextRequest()
        place = context.place()
        return CartInput(
            channel=channel,
            lines=self.requested_lines(),
            country=place.country,
            region=place.region,
            postal_code=place.postal_code,
            buyer=self.buyer.to_buyer() if self.buyer else Buyer(),
            attribution=self.attribution or {},
            codes=self.discount_codes(),
            currency=context.currency,
        )
