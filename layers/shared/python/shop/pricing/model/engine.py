"""The order of work: price, tax, sums."""

from datetime import datetime

from shop.kernel.errors import Invalid
from shop.kernel.money import Money, ratio
from shop.pricing.model.basket import Basket, BasketLine, Destination
from shop.pricing.model.quote import (
    MILLION,
    Delivery,
    Quote,
    QuoteLine,
    RoundingPolicy,
    Tax,
    UnitRun,
)
from shop.pricing.model.rules import Market, Rules
from shop.pricing.model.tax import SHIPPING, TaxRate
from shop.pricing.model.trace import Step, TraceEntry


def priced(basket: Basket, rules: Rules, at: datetime) -> Quote:
    """Price a basket. See :func:`shop.pricing.actions.quote`."""
    basket.check()
    market = rules.market(basket.market)
    currency = basket.currency
    included = market.tax == "included"
    where = _taxed_at(basket, market)
    day = market.day(at)
    trace: list[TraceEntry] = []
    lines = []
    for line in basket.lines:
        if line.unit_price.currency != currency:
            raise Invalid(
                f"{line.sku} has no price in {currency}", code="no_price_in_currency"
            )
        rate = rules.tax.rate(line.tax_class, where, day) if where else None
        lines.append(_line(line, rate, included, rules.rounding))
    delivery = None
    if basket.shipping is not None:
        rate = rules.tax.rate(SHIPPING, where, day) if where else None
        tax = _tax_of(basket.shipping.minor, rate, included, rules.rounding)
        delivery = Delivery(
            basket.shipping,
            (),
            basket.shipping,
            Tax(rate.rate if rate else 0, Money(tax, currency), included, rate.name if rate else ""),
            basket.shipping_method,
        )
    subtotal = sum(line.subtotal.minor for line in lines)
    shipping = delivery.price.minor if delivery else 0
    tax_sum = sum(line.tax.amount.minor for line in lines) + (
        delivery.tax.amount.minor if delivery else 0
    )
    trace.append(
        TraceEntry(
            Step.TAX,
            market.tax,
            bool(tax_sum),
            tax_sum,
            detail=where.country if where else "no destination yet",
        )
    )
    return Quote(
        lines=tuple(lines),
        subtotal=Money(subtotal, currency),
        discount=Money(0, currency),
        shipping=Money(shipping, currency),
        tax=Money(tax_sum, currency),
        total=Money(subtotal + shipping + (0 if included else tax_sum), currency),
        currency=currency,
        rounding=rules.rounding,
        trace=tuple(trace),
        tax_included=included,
        at=at,
        rules_version=rules.version,
        delivery=delivery,
    )


def _taxed_at(basket: Basket, market: Market) -> Destination | None:
    if market.tax == "none":
        return None
    return basket.destination or (market.home if market.tax == "included" else None)


def _tax_of(total: int, rate: TaxRate | None, included: bool, rounding: RoundingPolicy) -> int:
    if rate is None:
        return 0
    return ratio(total * rate.rate, MILLION + (rate.rate if included else 0), rounding.mode)


def _line(
    line: BasketLine, rate: TaxRate | None, included: bool, rounding: RoundingPolicy
) -> QuoteLine:
    currency = line.unit_price.currency
    subtotal = line.unit_price * line.quantity
    total = subtotal.minor
    tax = _tax_of(total, rate, included, rounding)
    return QuoteLine(
        id=line.id,
        unit_price=line.unit_price,
        quantity=line.quantity,
        subtotal=subtotal,
        discounts=(),
        total=subtotal,
        tax=Tax(rate.rate if rate else 0, Money(tax, currency), included, rate.name if rate else ""),
        units=split(total, tax, line.quantity),
        list_price=line.unit_price,
        compare_at=line.compare_at,
        lowest_30_days=line.lowest_30_days,
    )


def split(total: int, tax: int, quantity: int) -> tuple[UnitRun, ...]:
    """Both amounts over the units by largest remainder: the first units carry what is left over."""
    total_each, totals_over = divmod(total, quantity)
    tax_each, taxes_over = divmod(tax, quantity)
    runs = []
    start = 0
    for end in sorted({totals_over, taxes_over, quantity}):
        if end > start:
            runs.append(
                UnitRun(
                    end - start,
                    total_each + (1 if start < totals_over else 0),
                    tax_each + (1 if start < taxes_over else 0),
                )
            )
            start = end
    return tuple(runs)
