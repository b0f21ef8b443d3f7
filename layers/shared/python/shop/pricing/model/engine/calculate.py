"""A basket priced: from the unit prices over the promotions to tax and sums."""

from dataclasses import replace
from datetime import date, datetime

from shop.kernel.money import Money, ratio
from shop.places.model.destination import Destination
from shop.pricing.model.basket import Basket, BasketLine
from shop.pricing.model.effects import GiftWith
from shop.pricing.model.engine.calculation import QuoteCalculation
from shop.pricing.model.engine.discount_codes import code_outcomes, open_promotions
from shop.pricing.model.engine.stacking import CandidateLines, apply_promotions
from shop.pricing.model.price_lists import UnitPrice, unit_prices
from shop.pricing.model.price_snapshot import PriceSnapshot
from shop.pricing.model.promotion_index import Candidate
from shop.pricing.model.quote import (
    AppliedDiscount,
    GiftLine,
    LimitUsage,
    LineTax,
    Quote,
    QuoteLine,
    ShippingQuote,
    UnitPrices,
)
from shop.pricing.model.rounding import RoundingPolicy
from shop.pricing.model.rule_set import Market, RuleSet
from shop.pricing.model.trace import PricingStage, TraceEntry
from shop.pricing.model.usage_limits import NO_USAGE, UsageLimits
from shop.tax.model.rates import MILLION, SHIPPING, TaxRate


def calculate_quote(
    basket: Basket,
    rules: RuleSet,
    at: datetime,
    limits: UsageLimits = NO_USAGE,
    explain: bool = False,
) -> Quote:
    """Price a basket. See :func:`shop.pricing.actions.quote`."""
    basket.validate()
    taxes = _Taxes(basket, rules, at)
    starts = unit_prices(basket, rules.lists_in_order, at)
    prices = {line.id: taxes.quoted(starts[line.id].price, line) for line in basket.lines}
    ordered = sorted(basket.lines, key=lambda line: _canonical(line, prices[line.id]))
    charge = basket.shipping
    shipping = None if charge is None else taxes.net(charge.minor, SHIPPING)
    work = QuoteCalculation(
        basket,
        ordered,
        [prices[line.id] for line in ordered],
        shipping,
        rules.rounding.mode,
        limits,
    )
    _trace_prices(work, starts, prices)
    work.codes_by_promotion, outcomes = open_promotions(basket, rules.plan, limits, at)
    apply_promotions(work, _tried(work, rules, at, explain))
    lines = _quoted_lines(work, starts, prices, taxes, rules.rounding)
    delivery = None if shipping is None else _delivery(work, shipping, taxes)
    tax = sum(line.tax.amount.minor for line in lines) + (
        delivery.tax.amount.minor if delivery else 0
    )
    taxes.explain(work, lines, delivery)
    subtotal = sum(line.subtotal.minor for line in lines)
    cost = sum(work.cost) + (work.shipping or 0)
    total = cost + (0 if taxes.included else tax)
    currency = basket.currency
    quoted = Quote(
        lines=tuple(lines),
        subtotal=Money(subtotal, currency),
        discount=Money(subtotal + (shipping or 0) - cost, currency),
        shipping=Money(shipping or 0, currency),
        tax=Money(tax, currency),
        total=Money(total, currency),
        currency=currency,
        rounding=rules.rounding,
        trace=tuple(work.trace),
        tax_included=taxes.included,
        at=at,
        rules_version=rules.version,
        delivery=delivery,
        gifts=tuple(_gift(*given, currency) for given in work.gifts),
        codes=code_outcomes(outcomes, work.trace, currency) if outcomes else (),
        uses=_uses(work),
        reverse_charge=taxes.reversed,
    )
    seen = PriceSnapshot.from_basket(basket)
    if seen is None:
        return quoted
    titles = {line.id: line.title for line in basket.lines}
    return replace(quoted, notices=seen.notices(quoted, rules, titles))


def _canonical(line: BasketLine, price: int) -> tuple[object, ...]:
    """The order of lines whatever their order in the basket (law of prices, 1.4)."""
    return (
        line.variant_id,
        line.sku,
        price,
        line.quantity,
        line.tax_class,
        line.product_id,
        line.categories,
        line.id,
    )


def _tried(
    calculation: QuoteCalculation, rules: RuleSet, at: datetime, explain: bool
) -> CandidateLines:
    """The promotions to be tried, in order; the trace says of others why not, if asked."""
    tried: CandidateLines = []
    found = rules.plan.candidates_for(calculation.lines)
    for candidate, numbers in found:
        reason = candidate.promotion.reason_not_running(at)
        wanted = explain or candidate.id in calculation.codes_by_promotion
        if not reason:
            reason = candidate.conditions.customer_mismatch_reason(calculation.basket)
            wanted = wanted or not candidate.code_required
        if (
            not reason
            and candidate.code_required
            and candidate.id not in calculation.codes_by_promotion
        ):
            reason = "no_code"
            wanted = explain
        if not reason:
            tried.append((candidate, numbers))
        elif wanted:
            calculation.trace_promotion(candidate, reason=reason)
    if explain:
        touched = {candidate.id for candidate, _ in found}
        for candidate in rules.plan.candidates:
            if candidate.id not in touched:
                calculation.trace_promotion(candidate, reason="touches_nothing")
    return tried


class _Taxes:
    """The rates of one quote, and whether prices include them."""

    def __init__(self, basket: Basket, rules: RuleSet, at: datetime) -> None:
        self._table = rules.tax
        self.market: Market = rules.market(basket.market)
        self.where: Destination | None = None
        if self.market.tax != "none":
            self.where = basket.destination or (
                self.market.home if self.market.tax == "included" else None
            )
        self._day: date = self.market.day(at)
        self._known: dict[str, TaxRate | None] = {}
        home = self.market.home.country if self.market.home else None
        self.reversed = self.market.tax != "none" and self._table.is_reverse_charge(
            basket.customer.vat_id if basket.customer else None, basket.destination, home
        )
        self._strip = self.reversed and self.market.tax == "included"
        self.included = self.market.tax == "included" and not self.reversed
        self._rounding = rules.rounding

    def _rate(self, tax_class: str) -> TaxRate | None:
        if self.where is None:
            return None
        if tax_class not in self._known:
            self._known[tax_class] = self._table.rate(tax_class, self.where, self._day)
        return self._known[tax_class]

    def net(self, amount: int, tax_class: str) -> int:
        """The amount a quote starts from: without the tax it includes, where the charge is
        reversed.
        """
        rate = self._rate(tax_class) if self._strip else None
        if rate is None:
            return amount
        return ratio(amount * MILLION, MILLION + rate.rate, self._rounding.mode)

    def quoted(self, price: Money, line: BasketLine) -> int:
        return self.net(price.minor, line.tax_class)

    def on(self, tax_class: str, total: int) -> tuple[int, int, str]:
        """Rate, tax and name of the tax for an amount of that class."""
        rate = None if self.reversed else self._rate(tax_class)
        if rate is None:
            return 0, 0, "reverse charge" if self.reversed else ""
        return rate.rate, self.of(total, rate.rate), rate.name

    def of(self, total: int, rate: int) -> int:
        return ratio(
            total * rate, MILLION + rate if self.included else MILLION, self._rounding.mode
        )

    def explain(
        self, calculation: QuoteCalculation, lines: list[QuoteLine], delivery: ShippingQuote | None
    ) -> None:
        """Write down each rate, what it came to, and on which lines."""
        if self.where is None:
            if self.market.tax != "none":
                calculation.trace.append(
                    TraceEntry(
                        PricingStage.TAX,
                        self.market.id,
                        False,
                        detail="the destination is not known yet",
                    )
                )
            return
        place = "-".join(part for part in (self.where.country, self.where.region) if part)
        sums: dict[tuple[int, str], tuple[int, list[str]]] = {}
        for line in lines:
            amount, ids = sums.setdefault((line.tax.rate, line.tax.name), (0, []))
            ids.append(line.id)
            sums[line.tax.rate, line.tax.name] = (amount + line.tax.amount.minor, ids)
        if delivery is not None:
            amount, ids = sums.setdefault((delivery.tax.rate, delivery.tax.name), (0, []))
            ids.append("shipping")
            sums[delivery.tax.rate, delivery.tax.name] = (amount + delivery.tax.amount.minor, ids)
        for (rate, name), (amount, ids) in sums.items():
            detail = f"{name} {rate / 10_000:g} %" if rate else name or "not taxed"
            calculation.trace.append(
                TraceEntry(
                    PricingStage.TAX, place, rate > 0, amount, detail=detail, lines=tuple(ids)
                )
            )


def _trace_prices(
    calculation: QuoteCalculation, starts: dict[str, UnitPrice], prices: dict[str, int]
) -> None:
    """Each price list that gave a price, and what its lines come to."""
    by_list: dict[str, list[BasketLine]] = {}
    for line in calculation.lines:
        price_list = starts[line.id].price_list
        if price_list is not None:
            by_list.setdefault(price_list, []).append(line)
    for price_list, lines in by_list.items():
        calculation.trace.append(
            TraceEntry(
                PricingStage.PRICE,
                price_list,
                True,
                sum(prices[line.id] * line.quantity for line in lines),
                lines=tuple(line.id for line in lines),
            )
        )


def _quoted_lines(
    calculation: QuoteCalculation,
    starts: dict[str, UnitPrice],
    prices: dict[str, int],
    taxes: _Taxes,
    rounding: RoundingPolicy,
) -> list[QuoteLine]:
    currency = calculation.currency
    number = {line.id: n for n, line in enumerate(calculation.lines)}
    by_unit = rounding.tax_by == "unit"
    quoted = []
    for line in calculation.basket.lines:
        n = number[line.id]
        total, quantity, start = calculation.cost[n], line.quantity, starts[line.id]
        price = prices[line.id]
        rate, tax, name = taxes.on(line.tax_class, total)
        if by_unit and rate:
            each, over = divmod(total, quantity)
            dear, rest = taxes.of(each + 1, rate), taxes.of(each, rate)
            tax = over * dear + (quantity - over) * rest
            units = tuple(
                run
                for run in (
                    UnitPrices(over, each + 1, dear),
                    UnitPrices(quantity - over, each, rest),
                )
                if run.units
            )
        else:
            units = split_by_unit(total, tax, quantity)
        quoted.append(
            QuoteLine(
                id=line.id,
                unit_price=Money(price, currency),
                quantity=quantity,
                subtotal=Money(price * quantity, currency),
                discounts=_discounts(calculation, calculation.discounts[n]),
                total=Money(total, currency),
                tax=LineTax(rate, Money(tax, currency), taxes.included, name, line.tax_class),
                units=units,
                list_price=line.unit_price,
                price_list=start.price_list,
                compare_at=_in_currency(start.compare_at, line, currency, taxes),
                lowest_30_days=_in_currency(line.lowest_30_days, line, currency, taxes),
            )
        )
    return quoted


def _in_currency(
    amount: Money | None, line: BasketLine, currency: str, taxes: _Taxes
) -> Money | None:
    """A price to compare with, told as the basket's prices are; none of another currency."""
    if amount is None or amount.currency != currency:
        return None
    return Money(taxes.quoted(amount, line), currency)


def _discounts(
    calculation: QuoteCalculation, taken: list[tuple[Candidate, int]]
) -> tuple[AppliedDiscount, ...]:
    return tuple(
        [
            AppliedDiscount(
                candidate.id,
                candidate.promotion.title,
                Money(amount, calculation.currency),
                calculation.codes_by_promotion.get(candidate.id),
            )
            for candidate, amount in taken
        ]
    )


def _delivery(calculation: QuoteCalculation, price: int, taxes: _Taxes) -> ShippingQuote:
    currency = calculation.currency
    total = calculation.shipping or 0
    rate, tax, name = taxes.on(SHIPPING, total)
    return ShippingQuote(
        Money(price, currency),
        _discounts(calculation, calculation.ship_discounts),
        Money(total, currency),
        LineTax(rate, Money(tax, currency), taxes.included, name, SHIPPING),
        calculation.basket.shipping_method,
    )


def _gift(candidate: Candidate, effect: GiftWith, units: int, currency: str) -> GiftLine:
    value = next((amount for amount in effect.value if amount.currency == currency), None)
    return GiftLine(candidate.id, effect.sku, effect.title, units, value, effect.variant)


def _uses(calculation: QuoteCalculation) -> tuple[LimitUsage, ...]:
    """What the order uses up when it is placed."""
    uses = []
    gifts = {candidate.id: (effect.sku, units) for candidate, effect, units in calculation.gifts}
    for entry in calculation.trace:
        if not entry.applied:
            continue
        units = calculation.units.get(entry.rule, 0)
        sku = None
        if entry.rule in gifts:
            sku, units = gifts[entry.rule]
        if units or entry.code is not None:
            uses.append(LimitUsage(entry.rule, units, entry.code, sku))
    return tuple(uses)


def split_by_unit(total: int, tax: int, quantity: int) -> tuple[UnitPrices, ...]:
    """Both amounts over the units by largest remainder: the first units carry what is left over."""
    if quantity == 1:
        return (UnitPrices(1, total, tax),)
    total_each, totals_over = divmod(total, quantity)
    tax_each, taxes_over = divmod(tax, quantity)
    runs = []
    start = 0
    for end in sorted({totals_over, taxes_over, quantity}):
        if end > start:
            runs.append(
                UnitPrices(
                    end - start,
                    total_each + (1 if start < totals_over else 0),
                    tax_each + (1 if start < taxes_over else 0),
                )
            )
            start = end
    return tuple(runs)
