"""A basket as staff ask what if, and what would change."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from shop.credits.model.payment_split import CreditInstrument
from shop.kernel.errors import InvalidRequest
from shop.kernel.text_validation import validate_currency, validate_email
from shop.places.model.destination import Destination
from shop.pricing.model.basket import CustomerFacts
from shop.pricing.model.promotions import Promotion
from shop.pricing.schemas.base import Country, Id, Instant
from shop.pricing.schemas.policy import PricingPolicyBody
from shop.pricing.schemas.promotions import PromotionBody
from shop.tax.ports import VatNumbers

Currency = Annotated[str, AfterValidator(validate_currency)]
Email = Annotated[str, AfterValidator(validate_email)]
Word = Annotated[str, StringConstraints(min_length=1, max_length=100)]

_CLOSED = ConfigDict(extra="forbid", strict=True, defer_build=True)


class SimulationCustomerBody(BaseModel):
    """Who buys: with an ``id`` that customer's groups, segments and earlier orders count as they
    are, and what is said here beside them. A guest is counted by ``email``.
    """

    model_config = _CLOSED

    id: Word | None = None
    groups: list[str] = Field(default_factory=list)
    segments: list[str] = Field(default_factory=list)
    previous_orders: Annotated[int, Field(ge=0)] | None = None
    tax_id: Annotated[str, StringConstraints(max_length=30)] | None = None
    email: Email | None = None

    def facts(self, vat_ids: VatNumbers, path: str) -> CustomerFacts:
        """Raises Invalid for what is no VAT number."""
        number = None if self.tax_id is None else vat_ids.normalize(self.tax_id)
        if self.tax_id is not None and number is None:
            raise InvalidRequest(
                "this is no VAT number", code="vat_id_invalid", path=f"{path}.tax_id"
            )
        return CustomerFacts(
            self.id, tuple(self.groups), tuple(self.segments), self.previous_orders, number
        )


class SimulationLineBody(BaseModel):
    model_config = _CLOSED

    item: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    quantity: Annotated[int, Field(ge=1, le=10_000)]


class DestinationBody(BaseModel):
    """Where it is delivered to, as far as tax and shipping ask."""

    model_config = _CLOSED

    address_country: Country
    address_region: Word | None = None
    postal_code: Annotated[str, StringConstraints(max_length=20)] | None = None


class SimulationCreditBody(BaseModel):
    """What it is to be paid with: the code of a gift card, or the customer's own."""

    model_config = _CLOSED

    type: Literal["gift_card", "store_credit", "loyalty"]
    code: Annotated[str, StringConstraints(min_length=8, max_length=64)] | None = None
    amount: Annotated[int, Field(ge=1)] | None = None

    def instrument(self) -> CreditInstrument:
        return CreditInstrument(self.type, self.code or "", self.amount)


class SimulationBody(BaseModel):
    """A basket as at the checkout, and what is to be different about it: the instant (``then``),
    the customer, a promotion (written here, or a stored one by id), the pricing policy.

    ``country``, ``region`` and ``postal_code`` are where the buyer may be; with a ``destination``
    there are ways of shipping, of which ``option`` is one, without it the cheapest.
    """

    model_config = _CLOSED

    lines: Annotated[list[SimulationLineBody], Field(min_length=1, max_length=2_000)]
    currency: Currency | None = None
    country: Country | None = None
    region: Word | None = None
    postal_code: Annotated[str, StringConstraints(max_length=20)] | None = None
    destination: DestinationBody | None = None
    option: Word | None = None
    channel: Literal["web", "app", "agent"] = "web"
    codes: Annotated[
        list[Annotated[str, StringConstraints(strip_whitespace=True, max_length=64)]],
        Field(max_length=10),
    ] = Field(default_factory=list)
    credits: Annotated[list[SimulationCreditBody], Field(max_length=10)] = Field(
        default_factory=list
    )
    customer: SimulationCustomerBody | None = None
    at: Instant | None = None
    compare_at_time: Instant | None = None
    other_customer: SimulationCustomerBody | None = None
    promotion: PromotionBody | None = None
    promotion_id: Id | None = None
    policy: PricingPolicyBody | None = None

    def shipping_destination(self) -> Destination | None:
        """Return the address that gives shipping options, if there is one."""
        if self.destination is None:
            return None
        return Destination(
            self.destination.address_country,
            self.destination.address_region,
            self.destination.postal_code,
        )

    def location(self) -> Destination | None:
        """Return the buyer's location, which applies without a destination."""
        if self.country is None:
            return None
        return Destination(self.country, self.region, self.postal_code)

    def draft(self) -> Promotion | None:
        """The promotion that is written here. Raises Invalid with every contradiction."""
        return self.promotion.promotion() if self.promotion is not None else None

    def with_single_promotion(self) -> "SimulationBody":
        """This, where it has one promotion at most. Raises Invalid."""
        if self.promotion is not None and self.promotion_id is not None:
            said = "a promotion is written here or named, not both"
            raise InvalidRequest(said, code="value_contradiction", path="$.promotion_id")
        return self


class SimulationView(BaseModel):
    """Both answers of the checkout, each a quote with its trace, the ways of shipping, what is said
    of it, and what credits leave to pay; and what the second changes.
    """

    before: dict[str, Any]
    after: dict[str, Any]
    difference: dict[str, Any]


_AT_THE_CHECKOUT = (
    (re.compile(r"^\$\.line_items(\[\d+\])\.item\b.*"), r"$.lines\1.item"),
    (re.compile(r"^\$\.line_items"), "$.lines"),
    (re.compile(r"^\$\.fulfillment\..*selected_option_id$"), "$.option"),
    (re.compile(r"^\$\.context\."), "$."),
    (re.compile(r"^\$\.discounts\.codes"), "$.codes"),
    (re.compile(r"^\$\.payment\.instruments"), "$.credits"),
    (re.compile(r"^\$\.buyer\."), "$.customer."),
)
"""What a checkout calls its fields, and what they are called here."""

Names = Sequence[tuple[re.Pattern[str], str]]


def translate_path(path: str | None, names: Names = _AT_THE_CHECKOUT) -> str | None:
    """A path of the checkout, as this body has it."""
    if path is None:
        return None
    for name, ours in names:
        told = name.sub(ours, path, count=1)
        if told != path:
            return told
    return path


@contextmanager
def translated_errors(*, draft: str | None = None) -> Iterator[None]:
    """Refusals of the checkout, or of the draft in that field, with the paths of this body."""
    names = ((re.compile(r"^\$"), f"$.{draft}"),) if draft else _AT_THE_CHECKOUT
    try:
        yield
    except InvalidRequest as refusal:
        problems = [replace(p, path=translate_path(p.path, names)) for p in refusal.problems]
        raise InvalidRequest(refusal.detail, code=refusal.code, problems=problems) from None
