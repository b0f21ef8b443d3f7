"""A basket priced: from the unit prices over the promotions to tax and sums."""

from dataclasses import replace
from datetime import date, datetime

from shop.kernel.money import Money, ratio
from shop.pricing.model.basket import SHIPPING, Basket, BasketLine, Destination
from shop.pricing.model.effects import GiftWith
from shop.pricing.model.engine.codes import opened, outcomes_of
from shop.pricing.model.engine.stacking import Touching, promote
from shop.pricing.model.engine.work import Work
from shop.pricing.model.plan import Candidate
from shop.pricing.model.price_lists import UnitPrice, unit_prices
from shop.pricing.model.quote import (
    Delivery,
    Discount,
    Gift,
    Quote,
    QuoteLine,
    Tax,
    UnitRun,
    Use,
)
from shop.pricing.model.rounding import MILLION, RoundingPolicy
from shop.pricing.model.rules import Market, Rules
from shop.pricing.model.seen import Seen
from shop.pricing.model.standing import UNTOUCHED, Standing
from shop.pricing.model.tax import TaxRate
from shop.pricing.model.trace import Step, TraceEntry


def priced(
    basket: Basket,
    rules: Rules,
    at: datetime,
    standing: Standing = UNTOUCHED,
    explain: bool = False,
) -> Quote:
    """Price a basket. See :func:`shop.pricing.actions.quote`."""
    basket.check()
    taxes = _Taxes(basket, rules, at)
    starts = unit_prices(basket, rules.lists_in_order, at)
    prices = {line.id: taxes.quoted(starts[line.id].price, line) for line in basket.lines}
    ordered = sorted(basket.lines, key=lambda line: _canonical(line, prices[line.id]))
    charge = basket.shipping
    shipping = None if charge is None else taxes.net(charge.minor, SHIPPING)
    work = Work(
        basket,
        ordered,
        [prices[line.id] for line in ordered],
        shipping,
        rules.rounding.mode,
        standing,
    )
    _trace_prices(work, starts, prices)
    work.opened, outcomes = opened(basket, rules.plan, standing, at)
    promote(work, _tried(work, rules, at, explain))
    lines = _quoted_lines(work, starts, prices, taxes, rules.rounding)
    delivery = None if shipping is None else _delivery(work, shipping, taxes)
    tax = sum(line.tax.amount.minor for line in lines) + (
        delivery.tax.amount.minor if delivery else 0
    )
    taxes.explain(work, lines, delivery)
    subtotal = sum(line.subtotal.minor for line in lines)
    cost = sum(work.cost) + (work.ship or 0)
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
        codes=outcomes_of(outcomes, work.trace, currency) if outcomes else (),
        uses=_uses(work),
        reverse_charge=taxes.reversed,
    )
    seen = Seen.by(basket)
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


def _tried(work: Work, rules: Rules, at: datetime, explain: bool) -> Touching:
    """The promotions to be tried, in order; the trace says of others why not, if asked."""
    tried: Touching = []
    found = rules.plan.touching(work.lines)
    for candidate, numbers in found:
        reason = candidate.promotion.why_not_now(at)
        wanted = explain or candidate.id in work.opened
        if not reason:
            reason = candidate.conditions.who(work.basket)
            wanted = wanted or not candidate.code_required
        if not reason and candidate.code_required and candidate.id not in work.opened:
            reason = "no_code"
            wanted = explain
        if not reason:
            tried.append((candidate, numbers))
        elif wanted:
            work.note(candidate, reason=reason)
    if explain:
        touched = {candidate.id for candidate, _ in found}
        for candidate in rules.plan.candidates:
            if candidate.id not in touched:
                work.note(candidate, reason="touches_nothing")
    return tried


class _Taxes:
    """The rates of one quote, and whether prices include them."""

    def __init__(self, basket: Basket, rules: Rules, at: datetime) -> None:
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
        self.reversed = self.market.tax != "none" and self._table.reverses(
            basket.customer, basket.destination, home
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

    def explain(self, work: Work, lines: list[QuoteLine], delivery: Delivery | None) -> None:
        """Write down each rate, what it came to, and on which lines."""
        if self.where is None:
            if self.market.tax != "none":
                work.trace.append(
                    TraceEntry(
                        Step.TAX, self.market.id, False, detail="the destination is not known yet"
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
            work.trace.append(
                TraceEntry(Step.TAX, place, rate > 0, amount, detail=detail, lines=tuple(ids))
            )


def _trace_prices(work: Work, starts: dict[str, UnitPrice], prices: dict[str, int]) -> None:
    """Each price list that gave a price, and what its lines come to."""
    by_list: dict[str, list[BasketLine]] = {}
    for line in work.lines:
        price_list = starts[line.id].price_list
        if price_list is not None:
            by_list.setdefault(price_list, []).append(line)
    for price_list, lines in by_list.items():
        work.trace.append(
            TraceEntry(
                Step.PRICE,
                price_list,
                True,
                sum(prices[line.id] * line.quantity for line in lines),
                lines=tuple(line.id for line in lines),
            )
        )


def _quoted_lines(
    work: Work,
    starts: dict[str, UnitPrice],
    prices: dict[str, int],
    taxes: _Taxes,
    rounding: RoundingPolicy,
) -> list[QuoteLine]:
    currency = work.currency
    number = {line.id: n for n, line in enumerate(work.lines)}
    by_unit = rounding.tax_by == "unit"
    quoted = []
    for line in work.basket.lines:
        n = number[line.id]
        total, quantity, start = work.cost[n], line.quantity, starts[line.id]
        price = prices[line.id]
        rate, tax, name = taxes.on(line.tax_class, total)
        if by_unit and rate:
            each, over = divmod(total, quantity)
            dear, rest = taxes.of(each + 1, rate), taxes.of(each, rate)
            tax = over * dear + (quantity - over) * rest
            units = tuple(
                run
                for run in (
                    UnitRun(over, each + 1, dear),
                    UnitRun(quantity - over, each, rest),
                )
                if run.units
            )
        else:
            units = split(total, tax, quantity)
        quoted.append(
            QuoteLine(
                id=line.id,
                unit_price=Money(price, currency),
                quantity=quantity,
                subtotal=Money(price * quantity, currency),
                discounts=_discounts(work, work.discounts[n]),
                total=Money(total, currency),
                tax=Tax(rate, Money(tax, currency), taxes.included, name, line.tax_class),
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


def _discounts(work: Work, taken: list[tuple[Candidate, int]]) -> tuple[Discount, ...]:
    return tuple(
        [
            Discount(
                candidate.id,
                candidate.promotion.title,
                Money(amount, work.currency),
                work.opened.get(candidate.id),
            )
            for candidate, amount in taken
        ]
    )


def _delivery(work: Work, price: int, taxes: _Taxes) -> Delivery:
    currency = work.currency
    total = work.ship or 0
    rate, tax, name = taxes.on(SHIPPING, total)
    return Delivery(
        Money(price, currency),
        _discounts(work, work.ship_discounts),
        Money(total, currency),
        Tax(rate, Money(tax, currency), taxes.included, name, SHIPPING),
        work.basket.shipping_method,
    )


def _gift(candidate: Candidate, effect: GiftWith, units: int, currency: str) -> Gift:
    value = next((amount for amount in effect.value if amount.currency == currency), None)
    return Gift(candidate.id, effect.sku, effect.title, units, value, effect.variant)


def _uses(work: Work) -> tuple[Use, ...]:
    """What the order uses up when it is placed."""
    uses = []
    gifts = {candidate.id: (effect.sku, units) for candidate, effect, units in work.gifts}
    for entry in work.trace:
        if not entry.applied:
            continue
        units = work.units.get(entry.rule, 0)
        sku = None
        if entry.rule in gifts:
            sku, units = gifts[entry.rule]
        if units or entry.code is not None:
            uses.append(Use(entry.rule, units, entry.code, sku))
    return tuple(uses)


def split(total: int, tax: int, quantity: int) -> tuple[UnitRun, ...]:
    """Both amounts over the units by largest remainder: the first units carry what is left over."""
    if quantity == 1:
        return (UnitRun(1, total, tax),)
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
