"""Response types of quotes: every price, discount and tax, and the evaluated rules."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict

from shop.kernel.money import Money
from shop.pricing.model.quote import REVERSE_CHARGE_NOTICE, CodeOutcome, GiftLine, Quote
from shop.pricing.model.quote_lines import AppliedDiscount, LineTax, QuoteLine, ShippingQuote
from shop.pricing.model.trace import PricingStep, TraceEntry


class _ResponseModel(BaseModel):
    model_config = ConfigDict(defer_build=True)


class DiscountView(_ResponseModel):
    """The discount that a promotion gave."""

    promotion_id: str
    """Id of the promotion."""
    title: str
    """Title of the promotion when the order was placed."""
    code: str | None = None
    """Discount code that the promotion required; absent if none."""
    amount: int
    """Amount of the discount in minor units."""

    @classmethod
    def all_of(cls, discounts: tuple[AppliedDiscount, ...]) -> list["DiscountView"]:
        return [
            cls(promotion_id=d.promotion_id, title=d.title, code=d.code, amount=d.amount.minor)
            for d in discounts
        ]


class TaxView(_ResponseModel):
    """The tax of a line or of the shipping."""

    tax_class: str
    """Tax class of the goods."""
    name: str
    """Name of the tax."""
    rate_ppm: int
    """Rate in parts per million; 190000 is 19 %."""
    amount: int
    """Tax in minor units."""
    included: bool
    """Whether the price includes the tax."""
    jurisdiction: str | None = None
    """Country, or country and region, whose rate applies; absent if no location is known."""
    reverse_charge: bool = False
    """Whether a business in another member state owes the tax (Directive 2006/112/EC, Art. 138 and
    196)."""

    @classmethod
    def of(cls, tax: LineTax, jurisdiction: str | None, *, reverse_charge: bool) -> "TaxView":
        return cls(
            tax_class=tax.tax_class,
            name=tax.name,
            rate_ppm=tax.rate,
            amount=tax.amount.minor,
            included=tax.included,
            jurisdiction=jurisdiction,
            reverse_charge=reverse_charge,
        )


class UnitPricingView(_ResponseModel):
    """Units of a line that have the same price. Refunds are computed from them."""

    units: int
    """Number of units."""
    discount: int
    """Discount on each unit, in minor units."""
    total: int
    """Price of each unit after the discount, in minor units."""
    tax: int
    """Tax of each unit, in minor units."""


class LinePricingView(_ResponseModel):
    """The price of a line."""

    id: str
    """Id of the line."""
    quantity: int
    """Number of units."""
    list_price: int
    """Unit price of the catalog, in minor units of ``list_currency``."""
    list_currency: str
    """Currency of the catalog's price as an ISO 4217 code."""
    price_list: str | None = None
    """Id of the price list that gave the unit price; absent if the catalog did."""
    compare_at: int | None = None
    """Higher price that is displayed beside the unit price, in minor units."""
    lowest_30_days: int | None = None
    """Lowest price of the 30 days before a reduction (Directive 98/6/EC), in minor units."""
    unit_price: int
    """Unit price before discounts, in minor units."""
    subtotal: int
    """Unit price times quantity, in minor units."""
    discounts: list[DiscountView]
    """Discounts on the line."""
    total: int
    """Subtotal less discounts, in minor units."""
    tax: TaxView
    """Tax of the line."""
    units: list[UnitPricingView]
    """Split of the line into units of the same price."""

    @classmethod
    def of(cls, line: QuoteLine, tax: TaxView) -> "LinePricingView":
        price = line.unit_price.minor
        return cls(
            id=line.id,
            quantity=line.quantity,
            list_price=line.list_price.minor,
            list_currency=line.list_price.currency,
            price_list=line.price_list,
            compare_at=_minor(line.compare_at),
            lowest_30_days=_minor(line.lowest_30_days),
            unit_price=price,
            subtotal=line.subtotal.minor,
            discounts=DiscountView.all_of(line.discounts),
            total=line.total.minor,
            tax=tax,
            units=[
                UnitPricingView(
                    units=run.units, discount=price - run.total, total=run.total, tax=run.tax
                )
                for run in line.units
            ],
        )


class ShippingTaxView(TaxView):
    """The tax on the part of the shipping that follows the goods of one rate."""

    base: int
    """Part of the shipping's total, in minor units; with the tax if the price includes it."""


class ShippingPricingView(_ResponseModel):
    """The price of shipping."""

    method: str | None = None
    """Id of the shipping method."""
    price: int
    """Price before discounts, in minor units."""
    discounts: list[DiscountView]
    """Discounts on shipping."""
    total: int
    """Price less discounts, in minor units."""
    tax: int
    """Tax of the shipping in minor units: the sum of ``taxes``."""
    taxes: list[ShippingTaxView]
    """Tax by rate, highest rate first. Their bases sum to the total."""

    @classmethod
    def of(cls, delivery: ShippingQuote, taxes: list[ShippingTaxView]) -> "ShippingPricingView":
        return cls(
            method=delivery.method,
            price=delivery.price.minor,
            discounts=DiscountView.all_of(delivery.discounts),
            total=delivery.total.minor,
            tax=delivery.tax.minor,
            taxes=taxes,
        )


class RoundingView(_ResponseModel):
    """The rounding of amounts."""

    mode: str
    """Rounding of halves: half_even, half_up or half_down."""
    tax_by: str
    """Whether tax is rounded by line or by unit."""
    tax_mode: str
    """Rounding of halves of tax: half_even, half_up or half_down."""


class GiftView(_ResponseModel):
    """A gift that came with the order."""

    promotion_id: str
    """Id of the promotion."""
    sku: str
    """Stock keeping unit of the gift."""
    title: str
    """Name of the gift."""
    quantity: int
    """Number of units."""
    value: int | None = None
    """Value of a unit in minor units, for display; absent if the promotion has none."""

    @classmethod
    def of(cls, gift: GiftLine) -> "GiftView":
        return cls(
            promotion_id=gift.promotion_id,
            sku=gift.sku,
            title=gift.title,
            quantity=gift.quantity,
            value=_minor(gift.value),
        )


class CodeView(_ResponseModel):
    """A discount code that the buyer entered, and its result."""

    code: str
    """Code as the buyer entered it."""
    applied: bool
    """Whether the code gave a discount."""
    promotion_id: str | None = None
    """Id of the promotion; absent for an unknown code."""
    amount: int | None = None
    """Discount in minor units; absent if there is none."""
    reason: str
    """UCP's reason code for a code that was not applied."""
    detail: str
    """Reason in words."""

    @classmethod
    def of(cls, code: CodeOutcome) -> "CodeView":
        return cls(
            code=code.code,
            applied=code.applied,
            promotion_id=code.promotion_id,
            amount=_minor(code.amount),
            reason=code.reason,
            detail=code.detail,
        )


class TraceEntryView(_ResponseModel):
    """A pricing rule that was evaluated, in order of evaluation."""

    step: PricingStep
    """Step of the price calculation."""
    rule: str
    """Id of the promotion, price list or tax jurisdiction."""
    applied: bool
    """Whether the rule changed the price."""
    amount: int
    """Discount, or for tax its amount, in minor units."""
    reason: str
    """Reason code of a rule that was not applied, such as quantity_too_low."""
    detail: str
    """Explanation in words."""
    lines: list[str]
    """Ids of the lines that the rule changed."""
    code: str | None = None
    """Discount code that enabled the rule; absent if none."""

    @classmethod
    def of(cls, entry: TraceEntry) -> "TraceEntryView":
        return cls(
            step=entry.step,
            rule=entry.rule,
            applied=entry.applied,
            amount=entry.amount,
            reason=entry.reason,
            detail=entry.detail,
            lines=list(entry.lines),
            code=entry.code,
        )


class QuoteView(_ResponseModel):
    """The price calculation of an order or checkout. Amounts are minor units of ``currency``."""

    at: datetime
    """Instant of the quote."""
    rules_version: str
    """Version of the pricing rules that were in force then."""
    currency: str
    """Currency of all amounts as an ISO 4217 code."""
    rounding: RoundingView
    """Rounding of amounts."""
    tax_included: bool
    """Whether prices include the tax."""
    reverse_charge: bool
    """Whether a business in another member state owes the tax."""
    reverse_charge_reason: str | None = None
    """Notice about the reverse charge; absent if it does not apply."""
    lines: list[LinePricingView]
    """Prices of the lines."""
    shipping: ShippingPricingView | None = None
    """Price of shipping; absent without a shipping option."""
    gifts: list[GiftView]
    """Gifts that came with the order."""
    codes: list[CodeView]
    """Discount codes that the buyer entered."""
    trace: list[TraceEntryView]
    """Rules in the order of their evaluation."""

    @classmethod
    def of(cls, quote: Quote) -> "QuoteView":
        jurisdictions = {
            line_id: entry.rule
            for entry in quote.trace
            if entry.step is PricingStep.TAX
            for line_id in entry.lines
        }

        def taxed(tax: LineTax, line_id: str) -> TaxView:
            return TaxView.of(tax, jurisdictions.get(line_id), reverse_charge=quote.reverse_charge)

        delivery = quote.delivery
        return cls(
            at=quote.at,
            rules_version=quote.rules_version,
            currency=quote.currency,
            rounding=RoundingView(
                mode=quote.rounding.mode.value,
                tax_by=quote.rounding.tax_by,
                tax_mode=quote.rounding.for_tax.value,
            ),
            tax_included=quote.tax_included,
            reverse_charge=quote.reverse_charge,
            reverse_charge_reason=REVERSE_CHARGE_NOTICE if quote.reverse_charge else None,
            lines=[LinePricingView.of(line, taxed(line.tax, line.id)) for line in quote.lines],
            shipping=(
                None
                if delivery is None
                else ShippingPricingView.of(
                    delivery,
                    [
                        ShippingTaxView(base=part.base.minor, **dict(taxed(part.tax, "shipping")))
                        for part in delivery.taxes
                    ],
                )
            ),
            gifts=[GiftView.of(gift) for gift in quote.gifts],
            codes=[CodeView.of(code) for code in quote.codes],
            trace=[TraceEntryView.of(entry) for entry in quote.trace],
        )


def _minor(amount: Money | None) -> int | None:
    return None if amount is None else amount.minor
