"""How the prices of an order came about, as staff read it.

All of it was written down with the order: what becomes of a promotion, a list or a rate later
changes nothing here.
"""

from datetime import datetime

from pydantic import BaseModel, ConfigDict

from shop.kernel.money import Money
from shop.orders.model import Order
from shop.orders.schemas.staff import StaffOrder
from shop.pricing.model.quote import REVERSE_CHARGE_NOTICE, Quote
from shop.pricing.model.quote_lines import AppliedDiscount, LineTax, QuoteLine, ShippingQuote
from shop.pricing.model.trace import PricingStep


class _Out(BaseModel):
    model_config = ConfigDict(defer_build=True)


class DiscountView(_Out):
    """What a promotion took off, under the title it had then."""

    promotion_id: str
    title: str
    code: str | None = None
    amount: int

    @classmethod
    def all_of(cls, discounts: tuple[AppliedDiscount, ...]) -> list["DiscountView"]:
        return [
            cls(promotion_id=d.promotion_id, title=d.title, code=d.code, amount=d.amount.minor)
            for d in discounts
        ]


class TaxView(_Out):
    """The tax of a line or of the shipping: ``rate`` in parts per million (190000 is 19 %).

    ``jurisdiction`` is the country, or country and region, whose rate it is; none where no place
    was known. With ``reverse_charge`` the customer owes the tax, a business of another member
    state (Directive 2006/112/EC, Art. 138 and 196).
    """

    tax_class: str
    name: str
    rate: int
    amount: int
    included: bool
    jurisdiction: str | None = None
    reverse_charge: bool = False

    @classmethod
    def of(cls, tax: LineTax, where: str | None, *, reverse_charge: bool) -> "TaxView":
        return cls(
            tax_class=tax.tax_class,
            name=tax.name,
            rate=tax.rate,
            amount=tax.amount.minor,
            included=tax.included,
            jurisdiction=where,
            reverse_charge=reverse_charge,
        )


class UnitPricingView(_Out):
    """So many units of a line that came to the same: each to ``total``, ``discount`` below the
    unit price, with ``tax``. Refunds are counted off by them.
    """

    units: int
    discount: int
    total: int
    tax: int


class LinePricingView(_Out):
    """A line: ``list_price`` of the catalogue (in ``list_currency``), ``unit_price`` as the price
    list gave it, less ``discounts`` is ``total``.
    """

    id: str
    quantity: int
    list_price: int
    list_currency: str
    price_list: str | None = None
    compare_at: int | None = None
    lowest_30_days: int | None = None
    unit_price: int
    subtotal: int
    discounts: list[DiscountView]
    total: int
    tax: TaxView
    units: list[UnitPricingView]

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


class ShippingPricingView(_Out):
    """The shipping: ``price`` less ``discounts`` is ``total``."""

    method: str | None = None
    price: int
    discounts: list[DiscountView]
    total: int
    tax: TaxView

    @classmethod
    def of(cls, delivery: ShippingQuote, tax: TaxView) -> "ShippingPricingView":
        return cls(
            method=delivery.method,
            price=delivery.price.minor,
            discounts=DiscountView.all_of(delivery.discounts),
            total=delivery.total.minor,
            tax=tax,
        )


class RoundingView(_Out):
    """How halves were decided, and whether tax was rounded by ``line`` or by ``unit``."""

    mode: str
    tax_by: str


class GiftView(_Out):
    promotion_id: str
    sku: str
    title: str
    quantity: int
    value: int | None = None


class CodeView(_Out):
    """A code that was entered: what it opened and took off, or why not."""

    code: str
    applied: bool
    promotion_id: str | None = None
    amount: int | None = None
    reason: str
    detail: str


class TraceEntryView(_Out):
    """A rule that was tried, in the order of work: what it took off, or why not."""

    step: PricingStep
    rule: str
    applied: bool
    amount: int
    reason: str
    detail: str
    lines: list[str]
    code: str | None = None


class OrderPricingView(_Out):
    """The quote that an order was placed with. Amounts are minor units of ``currency``.

    ``rules_version`` names the rules that were in force at ``at``.
    """

    at: datetime
    rules_version: str
    currency: str
    rounding: RoundingView
    tax_included: bool
    reverse_charge: bool
    reverse_charge_reason: str | None = None
    lines: list[LinePricingView]
    shipping: ShippingPricingView | None = None
    gifts: list[GiftView]
    codes: list[CodeView]
    trace: list[TraceEntryView]

    @classmethod
    def of(cls, quote: Quote) -> "OrderPricingView":
        path = {
            line_id: entry.rule
            for entry in quote.trace
            if entry.step is PricingStep.TAX
            for line_id in entry.lines
        }

        def taxed(tax: LineTax, line_id: str) -> TaxView:
            return TaxView.of(tax, path.get(line_id), reverse_charge=quote.reverse_charge)

        delivery = quote.delivery
        return cls(
            at=quote.at,
            rules_version=quote.rules_version,
            currency=quote.currency,
            rounding=RoundingView.model_validate(quote.rounding.to_dict()),
            tax_included=quote.tax_included,
            reverse_charge=quote.reverse_charge,
            reverse_charge_reason=REVERSE_CHARGE_NOTICE if quote.reverse_charge else None,
            lines=[LinePricingView.of(line, taxed(line.tax, line.id)) for line in quote.lines],
            shipping=(
                None
                if delivery is None
                else ShippingPricingView.of(delivery, taxed(delivery.tax, "shipping"))
            ),
            gifts=[
                GiftView(
                    promotion_id=gift.promotion_id,
                    sku=gift.sku,
                    title=gift.title,
                    quantity=gift.quantity,
                    value=_minor(gift.value),
                )
                for gift in quote.gifts
            ],
            codes=[
                CodeView(
                    code=code.code,
                    applied=code.applied,
                    promotion_id=code.promotion_id,
                    amount=_minor(code.amount),
                    reason=code.reason,
                    detail=code.detail,
                )
                for code in quote.codes
            ],
            trace=[
                TraceEntryView(
                    step=entry.step,
                    rule=entry.rule,
                    applied=entry.applied,
                    amount=entry.amount,
                    reason=entry.reason,
                    detail=entry.detail,
                    lines=list(entry.lines),
                    code=entry.code,
                )
                for entry in quote.trace
            ],
        )


def _minor(amount: Money | None) -> int | None:
    return None if amount is None else amount.minor


class PricedOrderView(StaffOrder):
    """Everything the shop knows of an order, and how its prices came about."""

    pricing: OrderPricingView | None = None

    @classmethod
    def of(cls, order: Order) -> "PricedOrderView":
        quote = order.placed_quote
        told = cls.fields_of(order)
        return cls(**told, pricing=None if quote is None else OrderPricingView.of(quote))
