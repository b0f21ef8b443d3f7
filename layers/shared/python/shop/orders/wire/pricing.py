"""How the prices of an order came about, as staff read it.

All of it was written down with the order: what becomes of a promotion, a list or a rate later
changes nothing here.
"""

from datetime import datetime

from pydantic import BaseModel, ConfigDict

from shop.kernel.money import Money
from shop.orders.model import Order
from shop.orders.wire.staff import StaffOrder
from shop.pricing.model.quote import REVERSED, Delivery, Discount, Quote, QuoteLine, Tax
from shop.pricing.model.trace import Step


class _Out(BaseModel):
    model_config = ConfigDict(defer_build=True)


class Reduction(_Out):
    """What a promotion took off, under the title it had then."""

    promotion_id: str
    title: str
    code: str | None = None
    amount: int

    @classmethod
    def all_of(cls, discounts: tuple[Discount, ...]) -> list["Reduction"]:
        return [
            cls(promotion_id=d.promotion_id, title=d.title, code=d.code, amount=d.amount.minor)
            for d in discounts
        ]


class TaxTold(_Out):
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
    def of(cls, tax: Tax, where: str | None, *, reverse_charge: bool) -> "TaxTold":
        return cls(
            tax_class=tax.tax_class,
            name=tax.name,
            rate=tax.rate,
            amount=tax.amount.minor,
            included=tax.included,
            jurisdiction=where,
            reverse_charge=reverse_charge,
        )


class Units(_Out):
    """So many units of a line that came to the same: each to ``total``, ``discount`` below the
    unit price, with ``tax``. Refunds are counted off by them.
    """

    units: int
    discount: int
    total: int
    tax: int


class LinePricing(_Out):
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
    discounts: list[Reduction]
    total: int
    tax: TaxTold
    units: list[Units]

    @classmethod
    def of(cls, line: QuoteLine, tax: TaxTold) -> "LinePricing":
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
            discounts=Reduction.all_of(line.discounts),
            total=line.total.minor,
            tax=tax,
            units=[
                Units(units=run.units, discount=price - run.total, total=run.total, tax=run.tax)
                for run in line.units
            ],
        )


class ShippingPricing(_Out):
    """The shipping: ``price`` less ``discounts`` is ``total``."""

    method: str | None = None
    price: int
    discounts: list[Reduction]
    total: int
    tax: TaxTold

    @classmethod
    def of(cls, delivery: Delivery, tax: TaxTold) -> "ShippingPricing":
        return cls(
            method=delivery.method,
            price=delivery.price.minor,
            discounts=Reduction.all_of(delivery.discounts),
            total=delivery.total.minor,
            tax=tax,
        )


class RoundingTold(_Out):
    """How halves were decided, and whether tax was rounded by ``line`` or by ``unit``."""

    mode: str
    tax_by: str


class GiftTold(_Out):
    promotion_id: str
    sku: str
    title: str
    quantity: int
    value: int | None = None


class CodeTold(_Out):
    """A code that was entered: what it opened and took off, or why not."""

    code: str
    applied: bool
    promotion_id: str | None = None
    amount: int | None = None
    reason: str
    detail: str


class TraceTold(_Out):
    """A rule that was tried, in the order of work: what it took off, or why not."""

    step: Step
    rule: str
    applied: bool
    amount: int
    reason: str
    detail: str
    lines: list[str]
    code: str | None = None


class OrderPricing(_Out):
    """The quote that an order was placed with. Amounts are minor units of ``currency``.

    ``rules_version`` names the rules that were in force at ``at``.
    """

    at: datetime
    rules_version: str
    currency: str
    rounding: RoundingTold
    tax_included: bool
    reverse_charge: bool
    reverse_charge_reason: str | None = None
    lines: list[LinePricing]
    shipping: ShippingPricing | None = None
    gifts: list[GiftTold]
    codes: list[CodeTold]
    trace: list[TraceTold]

    @classmethod
    def of(cls, quote: Quote) -> "OrderPricing":
        where = {
            line_id: entry.rule
            for entry in quote.trace
            if entry.step is Step.TAX
            for line_id in entry.lines
        }

        def taxed(tax: Tax, line_id: str) -> TaxTold:
            return TaxTold.of(tax, where.get(line_id), reverse_charge=quote.reverse_charge)

        delivery = quote.delivery
        return cls(
            at=quote.at,
            rules_version=quote.rules_version,
            currency=quote.currency,
            rounding=RoundingTold.model_validate(quote.rounding.to_dict()),
            tax_included=quote.tax_included,
            reverse_charge=quote.reverse_charge,
            reverse_charge_reason=REVERSED if quote.reverse_charge else None,
            lines=[LinePricing.of(line, taxed(line.tax, line.id)) for line in quote.lines],
            shipping=(
                None
                if delivery is None
                else ShippingPricing.of(delivery, taxed(delivery.tax, "shipping"))
            ),
            gifts=[
                GiftTold(
                    promotion_id=gift.promotion_id,
                    sku=gift.sku,
                    title=gift.title,
                    quantity=gift.quantity,
                    value=_minor(gift.value),
                )
                for gift in quote.gifts
            ],
            codes=[
                CodeTold(
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
                TraceTold(
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


class PricedOrder(StaffOrder):
    """Everything the shop knows of an order, and how its prices came about."""

    pricing: OrderPricing | None = None

    @classmethod
    def of(cls, order: Order) -> "PricedOrder":
        quote = order.priced
        told = cls.told(order)
        return cls(**told, pricing=None if quote is None else OrderPricing.of(quote))
