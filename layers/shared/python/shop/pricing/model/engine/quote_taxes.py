"""Tax of one quote: rates, reverse charge, trace (docs/rules/pricing.md §10)."""

from collections.abc import Iterable
from datetime import date, datetime

from shop.kernel.money import Money, apportion, ratio
from shop.places.model.destination import Destination
from shop.pricing.model.basket import Basket, BasketLine
from shop.pricing.model.engine.calculation import QuoteCalculation
from shop.pricing.model.quote_lines import QuoteLine, ShippingQuote
from shop.pricing.model.rule_set import Market, RuleSet
from shop.pricing.model.trace import (
    UNTAXED_DECIDED,
    UNTAXED_UNDECIDED,
    ZIP_UNKNOWN,
    PricingStep,
    TraceEntry,
)
from shop.tax.model.rates import (
    MILLION,
    SHIPPING,
    STANDARD,
    TaxArea,
    TaxRate,
    tax_area,
    taxed_from,
)

Goods = Iterable[tuple[str, int]]
"""Tax class and amount of each line."""


class QuoteTaxes:
    """The tax rates of one basket, and whether its prices include them."""

    def __init__(self, basket: Basket, rules: RuleSet, at: datetime) -> None:
        self._table = rules.tax
        self.market: Market = rules.market(basket.market)
        stated = basket.destination and taxed_from(self.market.home, basket.destination)
        # §10.2: before the destination is known, prices that include tax use the seller's home.
        self.destination: Destination | None = None
        if self.market.tax != "none":
            self.destination = stated or (
                self.market.home if self.market.tax == "included" else None
            )
        self._day: date = self.market.day(at)
        self._rates: dict[str, TaxRate | None] = {}
        self.reverse_charge = self.market.tax != "none" and self._table.is_reverse_charge(
            basket.customer.vat_id if basket.customer else None,
            basket.destination,
            self.market.home,
        )
        # §10.4: prices that include tax are converted to net, and the quote then adds no tax.
        self._converts_to_net = self.reverse_charge and self.market.tax == "included"
        self.included = self.market.tax == "included" and not self.reverse_charge
        self._rounding = rules.rounding
        self._rules = rules
        self._stated = stated

    def _rate(self, tax_class: str) -> TaxRate | None:
        if self.destination is None:
            return None
        if tax_class not in self._rates:
            self._rates[tax_class] = self._table.rate(tax_class, self.destination, self._day)
        return self._rates[tax_class]

    def starting_amount(self, amount: int, tax_class: str) -> int:
        """Return the amount before promotions: net under reverse charge, else unchanged."""
        return self._net(amount, self._rate(tax_class)) if self._converts_to_net else amount

    def _net(self, amount: int, rate: TaxRate | None) -> int:
        if rate is None:
            return amount
        return ratio(amount * MILLION, MILLION + rate.rate, self._rounding.mode)

    def starting_shipping(self, amount: int, goods: Goods) -> int:
        """Return the cost of shipping before promotions, like :meth:`starting_amount`."""
        if not self._converts_to_net:
            return amount
        return sum(self._net(base, rate) for rate, base in self._shipping_shares(amount, goods))

    def starting_price(self, price: Money, line: BasketLine) -> int:
        return self.starting_amount(price.minor, line.tax_class)

    def tax_of(self, tax_class: str, total: int) -> tuple[int, int, str]:
        """Return rate, tax and name of the tax for an amount of a class.

        The rate is in parts per million.
        """
        rate = None if self.reverse_charge else self._rate(tax_class)
        if rate is None:
            return 0, 0, "reverse charge" if self.reverse_charge else ""
        return rate.rate, self.amount_at(total, rate.rate), rate.name

    def shipping_taxes(self, total: int, goods: Goods) -> list[tuple[int, int, int, str]]:
        """Return base, rate, tax and name for each part of the shipping (§10.3a)."""
        if self.reverse_charge:
            return [(total, 0, 0, "reverse charge")]
        taxes = []
        for rate, base in self._shipping_shares(total, goods):
            if rate is None:
                taxes.append((base, 0, 0, ""))
            else:
                taxes.append((base, rate.rate, self.amount_at(base, rate.rate), rate.name))
        return taxes

    def _shipping_shares(self, amount: int, goods: Goods) -> list[tuple[TaxRate | None, int]]:
        """Divide the cost of shipping over the rates of the goods, by their amounts.

        Where prices include tax, the division of gross amounts is that of net amounts: each part
        of the goods has the same net share of the shipping, and the same rate on it.
        """
        own = self._rate(SHIPPING)
        if own is not None and own.tax_class == SHIPPING:
            return [(own, amount)]
        sums: dict[tuple[int, str], int] = {}
        rates: dict[tuple[int, str], TaxRate | None] = {}
        for tax_class, cost in goods:
            rate = self._rate(tax_class)
            key = (rate.rate, rate.name) if rate is not None else (0, "")
            sums[key] = sums.get(key, 0) + cost
            rates[key] = rate
        if not sums:
            return [(own, amount)]
        keys = sorted(sums, key=lambda key: (-key[0], key[1]))
        bases = apportion(amount, [sums[key] for key in keys])
        shares = [(rates[key], base) for key, base in zip(keys, bases, strict=True)]
        return [share for share in shares if share[1]] or shares[:1]

    def amount_at(self, total: int, rate: int) -> int:
        """Return the tax of an amount at a rate, rounded once (§10.3)."""
        base = MILLION + rate if self.included else MILLION
        return ratio(total * rate, base, self._rounding.for_tax)

    def trace(
        self, calculation: QuoteCalculation, lines: list[QuoteLine], delivery: ShippingQuote | None
    ) -> None:
        """Add each rate to the trace, with its tax and the lines it applies to."""
        if self.destination is None:
            calculation.trace += self._entries_without_rates()
            return
        place = _name(self.destination)
        sums: dict[tuple[int, str], tuple[int, list[str]]] = {}
        for line in lines:
            amount, ids = sums.setdefault((line.tax.rate, line.tax.name), (0, []))
            ids.append(line.id)
            sums[line.tax.rate, line.tax.name] = (amount + line.tax.amount.minor, ids)
        for part in delivery.taxes if delivery is not None else ():
            amount, ids = sums.setdefault((part.tax.rate, part.tax.name), (0, []))
            ids.append("shipping")
            sums[part.tax.rate, part.tax.name] = (amount + part.tax.amount.minor, ids)
        # A rate of 0 in a country with rates by region says nothing until the region is known.
        named = self._table.regions_named(self.destination.country)
        unlocated = bool(named) and self.destination.region is None
        reason, untaxed = "", "The region is not known yet." if unlocated else "not taxed"
        if not (unlocated or self.reverse_charge or self._rate(STANDARD)):
            entry = self._untaxed_entry(self.destination)
            reason, untaxed = entry.reason, entry.detail
        local = self._table.local_rate(self.destination, self._day)
        for (rate, name), (amount, ids) in sums.items():
            detail = f"{name} {rate / 10_000:g} %" if rate else name or untaxed
            if local is not None and rate == local.combined:
                detail = f"{detail} ({local.parts})"
            calculation.trace.append(
                TraceEntry(
                    PricingStep.TAX,
                    place,
                    rate > 0,
                    amount,
                    "" if rate or name else reason,
                    detail,
                    tuple(ids),
                )
            )
        if self._table.is_zip_unknown(self.destination, self._day):
            zip_code = self.destination.postal_code or "(none)"
            detail = f"ZIP code {zip_code} has no local rate: the state's rate applies."
            calculation.trace.append(
                TraceEntry(PricingStep.TAX, place, False, reason=ZIP_UNKNOWN, detail=detail)
            )

    def _entries_without_rates(self) -> list[TraceEntry]:
        """Return the reason why a market or an unknown destination has no rates."""
        if self._stated is not None:
            return [self._untaxed_entry(self._stated)]
        if self.market.tax == "none":
            return []
        detail = "The destination is not known yet."
        return [TraceEntry(PricingStep.TAX, self.market.id, False, detail=detail)]

    def _untaxed_entry(self, destination: Destination) -> TraceEntry:
        """Return the reason why no rate applies to a destination (§10.5b)."""
        area, place = tax_area(destination), _name(destination)
        decision = self._rules.untaxed_decision(self.market, destination)
        if area.is_outside or (decision is None and self._is_abroad(area)):
            detail = f"{area.name} is outside the tax area of {destination.country}"
            return TraceEntry(PricingStep.TAX, place, False, detail=detail)
        if decision is None:
            return TraceEntry(
                PricingStep.TAX,
                place,
                False,
                reason=UNTAXED_UNDECIDED,
                detail=f"No tax is charged in {place}, and nobody decided so.",
            )
        by = f"{decision.actor}, {self.market.day(decision.at)}"
        return TraceEntry(
            PricingStep.TAX,
            place,
            False,
            reason=UNTAXED_DECIDED,
            detail=f"No tax is charged in {place}: {decision.reason} ({by})",
        )

    def _is_abroad(self, area: TaxArea) -> bool:
        """Whether a territory counts as another country, for which the shop has no rates."""
        return bool(area.name) and not self._table.has_rates(area.place.country)


def _name(place: Destination) -> str:
    return "-".join(part for part in (place.country, place.region) if part)
