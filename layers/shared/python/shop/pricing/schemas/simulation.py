"""Request and response types of simulated checkouts."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from shop.credits.model.payment_split import CreditInstrument
from shop.kernel.errors import InvalidRequest
from shop.kernel.text_validation import validate_currency, validate_email
from shop.places.model.countries import validate_stated_country
from shop.places.model.destination import Destination, StatedPlace, checked_destination
from shop.pricing.model.basket import CustomerFacts
from shop.pricing.model.promotions import Promotion
from shop.pricing.model.quote import Quote
from shop.pricing.schemas.base import Id, Instant, StaffWarning
from shop.pricing.schemas.policy import PricingPolicyBody
from shop.pricing.schemas.promotions import PromotionBody
from shop.pricing.schemas.quotes import QuoteView
from shop.tax.ports import VatNumbers

StatedCountry = Annotated[str, AfterValidator(validate_stated_country)]
"""Country by code or name; it is read with the region: Northern Ireland is a region of GB.
Example: US"""
Currency = Annotated[str, AfterValidator(validate_currency)]
"""Currency as an ISO 4217 code.
Example: USD"""
Email = Annotated[str, AfterValidator(validate_email)]
"""Email address.
Example: ada@example.com"""
Word = Annotated[str, StringConstraints(min_length=1, max_length=100)]
"""Text of 1 to 100 characters."""

_CLOSED = ConfigDict(extra="forbid", strict=True, defer_build=True)


class SimulationCustomerBody(BaseModel):
    """A customer to simulate.

    With an ``id``, the stored groups, segments and orders of that customer count too.
    """

    model_config = _CLOSED

    id: Word | None = None
    """Id of an existing customer; absent for a guest."""
    groups: list[str] = Field(default_factory=list)
    """Names of further customer groups.
    Example: ["trade"]"""
    segments: list[str] = Field(default_factory=list)
    """Names of further customer segments.
    Example: ["newsletter"]"""
    previous_orders: Annotated[int, Field(ge=0)] | None = None
    """Number of earlier orders; with 0 this is the first order.
    Example: 0"""
    tax_id: Annotated[str, StringConstraints(max_length=30)] | None = None
    """VAT number of the European Union, of a business.
    Example: FR40303265045"""
    email: Email | None = None
    """Email address, by which the uses of a guest are counted.
    Example: ada@example.com"""

    def facts(self, vat_ids: VatNumbers, path: str) -> CustomerFacts:
        """Return the facts for the rules. Raises InvalidRequest for an invalid VAT number."""
        number = None if self.tax_id is None else vat_ids.normalize(self.tax_id)
        if self.tax_id is not None and number is None:
            raise InvalidRequest(
                "Tax id must be a VAT number of the European Union, such as FR40303265045.",
                code="vat_id_invalid",
                path=f"{path}.tax_id",
            )
        return CustomerFacts(
            self.id, tuple(self.groups), tuple(self.segments), self.previous_orders, number
        )


class SimulationLineBody(BaseModel):
    """A line of the simulated checkout."""

    model_config = _CLOSED

    item: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    """Id of the variant.
    Example: mug.1"""
    quantity: Annotated[int, Field(ge=1, le=10_000)]
    """Number of units, from 1 to 10,000.
    Example: 2"""


class DestinationBody(BaseModel):
    """A shipping destination, as far as tax and shipping need it."""

    model_config = _CLOSED

    address_country: StatedCountry
    address_region: Word | None = None
    """Region within the country, such as a US state, by code or name.
    Example: CA"""
    postal_code: Annotated[str, StringConstraints(max_length=20)] | None = None
    """Postal code, 20 characters at most.
    Example: "94107"
    """


class SimulationCreditBody(BaseModel):
    """A gift card, store credit or points to pay with."""

    model_config = _CLOSED

    type: Literal["gift_card", "store_credit", "loyalty"]
    """Type of the credit.
    Example: gift_card"""
    code: Annotated[str, StringConstraints(min_length=8, max_length=64)] | None = None
    """Code of a gift card, 8 to 64 characters.
    Example: GIFT-7K2M-9QXT-4HNB"""
    amount: Annotated[int, Field(ge=1)] | None = None
    """Amount to pay in minor units; without it as much as possible.
    Example: 1000"""

    def instrument(self) -> CreditInstrument:
        return CreditInstrument(self.type, self.code or "", self.amount)


class SimulationBody(BaseModel):
    """A checkout to simulate, and the changes to compare it with.

    The comparison may differ in its instant, customer, promotion and pricing policy. A
    ``destination`` gives shipping options. Without it, ``country``, ``region`` and ``postal_code``
    locate the buyer.
    """

    model_config = _CLOSED

    lines: Annotated[list[SimulationLineBody], Field(min_length=1, max_length=2_000)]
    """Lines of the checkout.
    Example: [{"item": "mug.1", "quantity": 2}]"""
    currency: Currency | None = None
    country: StatedCountry | None = None
    region: Word | None = None
    """Region within the buyer's country, such as a US state, by code or name.
    Example: CA"""
    postal_code: Annotated[str, StringConstraints(max_length=20)] | None = None
    """Postal code of the buyer, 20 characters at most.
    Example: "94107"
    """
    destination: DestinationBody | None = None
    """Shipping destination, which gives shipping options."""
    option: Word | None = None
    """Id of the shipping option; without it the cheapest applies.
    Example: us-express"""
    channel: Literal["web", "app", "agent"] = "web"
    """Sales channel of the checkout.
    Example: web"""
    codes: Annotated[
        list[Annotated[str, StringConstraints(strip_whitespace=True, max_length=64)]],
        Field(max_length=10),
    ] = Field(default_factory=list)
    """Discount codes, 10 at most.
    Example: ["SAVE10"]"""
    credits: Annotated[list[SimulationCreditBody], Field(max_length=10)] = Field(
        default_factory=list
    )
    """Credits to pay with, 10 at most."""
    customer: SimulationCustomerBody | None = None
    """Customer of the checkout; absent for a guest."""
    at: Instant | None = None
    """Instant of the checkout; without it the current time."""
    compare_at_time: Instant | None = None
    """Instant of the comparison; without it the same instant."""
    other_customer: SimulationCustomerBody | None = None
    """Customer of the comparison; without it the same customer."""
    promotion: PromotionBody | None = None
    """Draft of a promotion that the comparison applies."""
    promotion_id: Id | None = None
    """Id of a stored promotion that the comparison applies."""
    policy: PricingPolicyBody | None = None
    """Draft of a pricing policy that the comparison applies."""

    def shipping_destination(self) -> Destination | None:
        """Return the address that gives shipping options, if there is one.

        Raises InvalidRequest (``region_unknown``).
        """
        if self.destination is None:
            return None
        stated = self.destination
        return checked_destination(
            StatedPlace(
                stated.address_country, stated.address_region, postal_code=stated.postal_code
            ),
            ("$.destination.address_country", "$.destination.address_region"),
        )

    def location(self) -> Destination | None:
        """Return the buyer's location, which applies without a destination.

        Raises InvalidRequest (``region_unknown``).
        """
        if self.country is None:
            return None
        place = StatedPlace(self.country, self.region, postal_code=self.postal_code)
        return checked_destination(place, ("$.country", "$.region"))

    def draft(self) -> Promotion | None:
        """Return the draft, if there is one. Raises InvalidRequest with every problem."""
        return self.promotion.promotion() if self.promotion is not None else None

    def with_single_promotion(self) -> "SimulationBody":
        """Return this body. Raises InvalidRequest if it has both a draft and a promotion id."""
        if self.promotion is not None and self.promotion_id is not None:
            message = "Send promotion or promotion_id, not both."
            raise InvalidRequest(message, code="value_contradiction", path="$.promotion_id")
        return self


class SimulatedOptionView(BaseModel):
    """A shipping option of the simulated checkout."""

    id: str
    """Id of the shipping method."""
    title: str
    """Name of the option, as buyers see it."""
    price: int
    """Price before discounts, in minor units."""


class SimulatedMessageView(BaseModel):
    """A message of the simulated checkout to its buyer."""

    type: str
    """Type of the message: error, warning or info."""
    code: str
    """Code of the message."""
    content: str
    """Message in words."""
    path: str | None = None
    """JSONPath of the field in this request; absent if there is none."""
    severity: str | None = None
    """Severity of an error, as UCP defines it; absent for other messages."""


class LimitedUseView(BaseModel):
    """Limited uses that the order would consume."""

    promotion_id: str
    """Id of the promotion."""
    units: int
    """Units of a quota or gift; 0 for a code."""
    code: str | None = None
    """Discount code that is used once; absent if none."""
    gift_sku: str | None = None
    """Stock keeping unit of the gift; absent if none."""


class SimulatedCheckoutView(QuoteView):
    """A simulated checkout: its quote, shipping options, messages and payment."""

    subtotal: int
    """Price of the goods before discounts, in minor units."""
    discount: int
    """Discounts on goods and shipping, in minor units."""
    tax: int
    """Tax on goods and shipping, in minor units."""
    total: int
    """Total in minor units, with shipping and tax."""
    uses: list[LimitedUseView]
    """Limited uses that the order would consume."""
    option: str | None = None
    """Id of the selected shipping option; absent without a destination."""
    options: list[SimulatedOptionView]
    """Shipping options, the cheapest first."""
    messages: list[SimulatedMessageView]
    """Messages to the buyer."""
    warnings: list[StaffWarning]
    """Warnings that no buyer sees."""
    credits: list[int]
    """Amounts that the credits pay, in minor units and in the order of the request."""
    due: int
    """Amount due after the credits, in minor units."""

    @classmethod
    def from_quote(cls, quote: Quote, **checkout: Any) -> "SimulatedCheckoutView":
        """Return the view of a quote; ``checkout`` are the fields that a quote does not have."""
        return cls(
            **dict(QuoteView.of(quote)),
            subtotal=quote.subtotal.minor,
            discount=quote.discount.minor,
            tax=quote.tax.minor,
            total=quote.total.minor,
            uses=[
                LimitedUseView(
                    promotion_id=use.promotion_id,
                    units=use.units,
                    code=use.code,
                    gift_sku=use.gift_sku,
                )
                for use in quote.uses
            ],
            warnings=[
                *StaffWarning.of_untaxed(quote.untaxed_undecided),
                *StaffWarning.of_zip(unknown=quote.zip_unknown),
            ],
            **checkout,
        )


class SimulationDifferenceView(BaseModel):
    """The values that differ, each as a pair: in ``before`` and in ``after``."""

    currency: str
    """Currency of all amounts as an ISO 4217 code."""
    sums: dict[str, tuple[int, int]]
    """Amounts in minor units, by name: subtotal, discount, shipping, tax and total."""
    lines: dict[str, tuple[int, int]]
    """Amounts to pay in minor units, by line id."""
    rules: dict[str, tuple[str, str]]
    """Results of rules, by step and id: the applied amount, or the reason for none."""


class SimulationView(BaseModel):
    """Two simulated checkouts, and their differences."""

    before: SimulatedCheckoutView
    """Checkout as requested."""
    after: SimulatedCheckoutView
    """Checkout with the changes of the comparison."""
    difference: SimulationDifferenceView
    """Differences between the two."""


_CHECKOUT_PATHS = (
    (re.compile(r"^\$\.line_items(\[\d+\])\.item\b.*"), r"$.lines\1.item"),
    (re.compile(r"^\$\.line_items"), "$.lines"),
    (re.compile(r"^\$\.fulfillment\..*selected_option_id$"), "$.option"),
    (re.compile(r"^\$\.fulfillment\..*\.(address_country|address_region)$"), r"$.destination.\1"),
    (re.compile(r"^\$\.context\.address_(country|region)$"), r"$.\1"),
    (re.compile(r"^\$\.context\."), "$."),
    (re.compile(r"^\$\.discounts\.codes"), "$.codes"),
    (re.compile(r"^\$\.payment\.instruments"), "$.credits"),
    (re.compile(r"^\$\.buyer\."), "$.customer."),
)
"""JSONPaths of a checkout's fields, each with the path of the same field in this body."""

PathRules = Sequence[tuple[re.Pattern[str], str]]


def translate_path(path: str | None, rules: PathRules = _CHECKOUT_PATHS) -> str | None:
    """Return the path in this body of a field of the checkout."""
    if path is None:
        return None
    for pattern, replacement in rules:
        translated = pattern.sub(replacement, path, count=1)
        if translated != path:
            return translated
    return path


@contextmanager
def translated_errors(*, draft: str | None = None) -> Iterator[None]:
    """Translate the paths of errors to those of this body.

    The errors are of the checkout, or of the field ``draft`` (a promotion or a policy).
    """
    rules = ((re.compile(r"^\$"), f"$.{draft}"),) if draft else _CHECKOUT_PATHS
    try:
        yield
    except InvalidRequest as error:
        problems = [replace(p, path=translate_path(p.path, rules)) for p in error.problems]
        raise InvalidRequest(error.detail, code=error.code, problems=problems) from None
