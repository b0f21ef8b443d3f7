"""Calculate the quote of a basket: the seven steps of docs/rules/pricing.md §2.1."""

from datetime import datetime

from shop.kernel.money import Money
from shop.pricing.model.basket import Basket, BasketLine
from shop.pricing.model.effects import FreeGift
from shop.pricing.model.engine.calculation import QuoteCalculation
from shop.pricing.model.engine.discount_codes import code_outcomes, open_promotions
from shop.pricing.model.engine.quote_taxes import QuoteTaxes
from shop.pricing.model.engine.stacking import CandidateLines, apply_promotions
from shop.pricing.model.price_lists import UnitPrice, unit_prices
from shop.pricing.model.promotion_index import Candidate
from shop.pricing.model.quote import CodeOutcome, GiftLine, LimitUsage, Quote
from shop.pricing.model.quote_lines import (
    AppliedDiscount,
    LineTax,
    QuoteLine,
    ShippingQuote,
    ShippingTax,
    UnitPrices,
)
from shop.pricing.model.rounding import RoundingPolicy
from shop.pricing.model.rule_set import RuleSet
from shop.pricing.model.trace import PricingStep, TraceEntry
from shop.pricing.model.usage_limits import NO_USAGE, UsageLimits
from shop.tax.model.rates import SHIPPING


def calculate_quote(
    basket: Basket,
    rules: RuleSet,
    at: datetime,
    limits: UsageLimits = NO_USAGE,
    explain: bool = False,
) -> Quote:
    """Price a basket.

    :func:`shop.pricing.actions.quotes.quote` describes the parameters.
    """
    basket.validate()

    # Step 1, price (§3): the unit price of each line before promotions.
    taxes = QuoteTaxes(basket, rules, at)
    listed = unit_prices(basket, rules.price_lists_by_priority, at)
    prices = {line.id: taxes.starting_price(listed[line.id].price, line) for line in basket.lines}
    # §1.4: canonical order, so that the order of the lines in the basket changes no total.
    lines = sorted(basket.lines, key=lambda line: _canonical_key(line, prices[line.id]))
    charge = basket.shipping
    shipping = None
    if charge is not None:
        goods = [(li.tax_class, listed[li.id].price.minor * li.quantity) for li in basket.lines]
        shipping = taxes.starting_shipping(charge.minor, goods)
    calculation = QuoteCalculation(
        basket,
        lines,
        [prices[line.id] for line in lines],
        shipping,
        rules.rounding.mode,
        limits,
    )
    _trace_price_lists(calculation, listed, prices)

    # Steps 2 to 6, lines, sets, order, gifts, shipping (§5 to §9): one pass over the candidates,
    # which are sorted by step. Codes come first, because they open promotions (§4.2).
    calculation.codes_by_promotion, pending_outcomes = open_promotions(basket, rules, limits, at)
    apply_promotions(calculation, _candidates(calculation, rules, at, explain))

    # Step 7, tax (§10): on the costs after all reductions.
    quote_lines = _quote_lines(calculation, listed, prices, taxes, rules.rounding)
    delivery = None if shipping is None else _delivery(calculation, shipping, taxes)
    taxes.trace(calculation, quote_lines, delivery)

    # The outcome of a code follows from the trace, so it comes after all promotions (§4.2).
    codes = code_outcomes(pending_outcomes, calculation.trace, basket.currency)
    return _quote(calculation, rules, at, taxes, quote_lines, delivery, codes)


def _quote(
    calculation: QuoteCalculation,
    rules: RuleSet,
    at: datetime,
    taxes: QuoteTaxes,
    lines: list[QuoteLine],
    delivery: ShippingQuote | None,
    codes: tuple[CodeOutcome, ...],
) -> Quote:
    """Add up the sums of §2.3."""
    currency = calculation.currency
    tax = sum(line.tax.amount.minor for line in lines)
    shipping = 0
    if delivery is not None:
        tax += delivery.tax.minor
        shipping = delivery.price.minor
    subtotal = sum(line.subtotal.minor for line in lines)
    cost = sum(calculation.cost) + (calculation.shipping or 0)
    return Quote(
        lines=tuple(lines),
        subtotal=Money(subtotal, currency),
        discount=Money(subtotal + shipping - cost, currency),
        shipping=Money(shipping, currency),
        tax=Money(tax, currency),
        total=Money(cost + (0 if taxes.included else tax), currency),
        currency=currency,
        rounding=rules.rounding,
        trace=tuple(calculation.trace),
        tax_included=taxes.included,
        at=at,
        rules_version=rules.version,
        delivery=delivery,
        gifts=tuple(_gift_line(*gift, currency) for gift in calculation.gifts),
        codes=codes,
        uses=_limit_usage(calculation),
        reverse_charge=taxes.reverse_charge,
    )


def _canonical_key(line: BasketLine, price: int) -> tuple[object, ...]:
    """Return the sort key of the canonical order (§1.4)."""
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


def _candidates(
    calculation: QuoteCalculation, rules: RuleSet, at: datetime, explain: bool
) -> CandidateLines:
    """Return the promotions in force for this basket, in the order of §4.6.

    Other promotions are traced with the reason: without ``explain``, only those to which the
    shopper can react.
    """
    candidates: CandidateLines = []
    matching = rules.promotion_index.candidates_for(calculation.lines)
    codes = calculation.codes_by_promotion
    for candidate, numbers in matching:
        # §4.1: the instant comes first. Shoppers see this reason only for their own codes.
        reason = candidate.promotion.reason_not_running(at)
        is_traced = explain or candidate.id in codes
        if not reason:
            # §4.1: then channel, market and customer, to which a shopper can react.
            reason = candidate.conditions.mismatch_reason(calculation.basket)
            # Promotions behind a code stay out of the trace of shoppers without the code.
            is_traced = is_traced or not candidate.code_required
        # §4.2: the code comes last. Only ``explain`` reveals that a code exists.
        if not reason and candidate.code_required and candidate.id not in codes:
            reason = "code_missing"
            is_traced = explain
        if not reason:
            candidates.append((candidate, numbers))
        elif is_traced:
            calculation.trace_promotion(candidate, reason=reason)
    if explain:
        matching_ids = {candidate.id for candidate, _ in matching}
        for candidate in rules.promotion_index.candidates:
            if candidate.id not in matching_ids:
                calculation.trace_promotion(candidate, reason="no_matching_goods")
    return candidates


def _trace_price_lists(
    calculation: QuoteCalculation, listed: dict[str, UnitPrice], prices: dict[str, int]
) -> None:
    """Add each price list that set a price to the trace, with the cost of its lines."""
    by_list: dict[str, list[BasketLine]] = {}
    for line in calculation.lines:
        price_list = listed[line.id].price_list
        if price_list is not None:
            by_list.setdefault(price_list, []).append(line)
    for price_list, lines in by_list.items():
        calculation.trace.append(
            TraceEntry(
                PricingStep.PRICE,
                price_list,
                True,
                sum(prices[line.id] * line.quantity for line in lines),
                lines=tuple(line.id for line in lines),
            )
        )


def _quote_lines(
    calculation: QuoteCalculation,
    listed: dict[str, UnitPrice],
    prices: dict[str, int],
    taxes: QuoteTaxes,
    rounding: RoundingPolicy,
) -> list[QuoteLine]:
    """Return the lines in the order of the basket, each with its tax and its units."""
    currency = calculation.currency
    numbers = {line.id: n for n, line in enumerate(calculation.lines)}
    tax_by_unit = rounding.tax_by == "unit"
    quote_lines = []
    for line in calculation.basket.lines:
        n = numbers[line.id]
        total, quantity, unit_price = calculation.cost[n], line.quantity, listed[line.id]
        price = prices[line.id]
        rate, tax, name = taxes.tax_of(line.tax_class, total)
        if tax_by_unit and rate:
            units, tax = _taxed_units(total, quantity, rate, taxes)
        else:
            units = _split_by_unit(total, tax, quantity)
        quote_lines.append(
            QuoteLine(
                id=line.id,
                unit_price=Money(price, currency),
                quantity=quantity,
                subtotal=Money(price * quantity, currency),
                discounts=_applied_discounts(calculation, calculation.discounts[n]),
                total=Money(total, currency),
                tax=LineTax(rate, Money(tax, currency), taxes.included, name, line.tax_class),
                units=units,
                list_price=line.unit_price,
                price_list=unit_price.price_list,
                compare_at=_in_currency(unit_price.compare_at, line, currency, taxes),
                lowest_30_days=_in_currency(line.lowest_30_days, line, currency, taxes),
            )
        )
    return quote_lines


def _taxed_units(
    total: int, quantity: int, rate: int, taxes: QuoteTaxes
) -> tuple[tuple[UnitPrices, ...], int]:
    """Tax and round each unit by itself (§10.3, ``tax_by: unit``).

    Return the units and the sum of their taxes.
    """
    unit_cost, remainder = divmod(total, quantity)
    higher_tax, tax = taxes.amount_at(unit_cost + 1, rate), taxes.amount_at(unit_cost, rate)
    units = (
        UnitPrices(remainder, unit_cost + 1, higher_tax),
        UnitPrices(quantity - remainder, unit_cost, tax),
    )
    return (
        tuple(run for run in units if run.units),
        remainder * higher_tax + (quantity - remainder) * tax,
    )


def _split_by_unit(total: int, tax: int, quantity: int) -> tuple[UnitPrices, ...]:
    """Split cost and tax of a line over its units (§1.5)."""
    if quantity == 1:
        return (UnitPrices(1, total, tax),)
    unit_cost, cost_remainder = divmod(total, quantity)
    unit_tax, tax_remainder = divmod(tax, quantity)
    runs = []
    start = 0
    # The two remainders cut the units into at most three runs of equal units.
    for end in sorted({cost_remainder, tax_remainder, quantity}):
        if end > start:
            runs.append(
                UnitPrices(
                    end - start,
                    unit_cost + (1 if start < cost_remainder else 0),
                    unit_tax + (1 if start < tax_remainder else 0),
                )
            )
            start = end
    return tuple(runs)


def _in_currency(
    amount: Money | None, line: BasketLine, currency: str, taxes: QuoteTaxes
) -> Money | None:
    """Convert a price for comparison like the line's price: net under reverse charge.

    Return ``None`` if it is in another currency (§1.1).
    """
    if amount is None or amount.currency != currency:
        return None
    return Money(taxes.starting_price(amount, line), currency)


def _applied_discounts(
    calculation: QuoteCalculation, discounts: list[tuple[Candidate, int]]
) -> tuple[AppliedDiscount, ...]:
    return tuple(
        [
            AppliedDiscount(
                candidate.id,
                candidate.promotion.title,
                Money(amount, calculation.currency),
                calculation.codes_by_promotion.get(candidate.id),
            )
            for candidate, amount in discounts
        ]
    )


def _delivery(calculation: QuoteCalculation, price: int, taxes: QuoteTaxes) -> ShippingQuote:
    currency = calculation.currency
    total = calculation.shipping or 0
    goods = [
        (line.tax_class, cost)
        for line, cost in zip(calculation.lines, calculation.cost, strict=True)
    ]
    return ShippingQuote(
        Money(price, currency),
        _applied_discounts(calculation, calculation.shipping_discounts),
        Money(total, currency),
        tuple(
            ShippingTax(
                Money(base, currency),
                LineTax(rate, Money(tax, currency), taxes.included, name, SHIPPING),
            )
            for base, rate, tax, name in taxes.shipping_taxes(total, goods)
        ),
        calculation.basket.shipping_method,
    )


def _gift_line(candidate: Candidate, effect: FreeGift, units: int, currency: str) -> GiftLine:
    value = next((amount for amount in effect.value if amount.currency == currency), None)
    return GiftLine(candidate.id, effect.sku, effect.title, units, value, effect.variant)


def _limit_usage(calculation: QuoteCalculation) -> tuple[LimitUsage, ...]:
    """Return the limited uses that the order consumes when it is placed (§14.1)."""
    uses = []
    gifts = {candidate.id: (effect.sku, units) for candidate, effect, units in calculation.gifts}
    for entry in calculation.trace:
        if not entry.applied:
            continue
        units = calculation.counted_units.get(entry.rule, 0)
        sku = None
        if entry.rule in gifts:
            sku, units = gifts[entry.rule]
        if units or entry.code is not None:
            uses.append(LimitUsage(entry.rule, units, entry.code, sku))
    return tuple(uses)
