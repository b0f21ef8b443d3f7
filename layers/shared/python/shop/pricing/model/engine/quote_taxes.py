"""Tax of one quote: rates, reverse charge, trace (docs/rules/pricing.md §10)."""

from datetime import date, datetime

from shop.kernel.money import Money, ratio
from shop.places.model.destination import Destination
from shop.pricing.model.basket import Basket, BasketLine
from shop.pricing.model.engine.calculation import QuoteCalculation
from shop.pricing.model.quote_lines import QuoteLine, ShippingQuote
from shop.pricing.model.rule_set import Market, RuleSet
from shop.pricing.model.trace import PricingStep, TraceEntry
from shop.tax.model.rates import MILLION, TaxRate, tax_area


class QuoteTaxes:
    """The tax rates of one basket, and whether its prices include them."""

    def __init__(self, basket: Basket, rules: RuleSet, at: datetime) -> None:
        self._table = rules.tax
        self.market: Market = rules.market(basket.market)
        # §10.2: before the destination is known, prices that include tax use the seller's home.
        self.destination: Destination | None = None
        if self.market.tax != "none":
            self.destination = basket.destination or (
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

    def _rate(self, tax_class: str) -> TaxRate | None:
        if self.destination is None:
            return None
        if tax_class not in self._rates:
            self._rates[tax_class] = self._table.rate(tax_class, self.destination, self._day)
        return self._rates[tax_class]

    def starting_amount(self, amount: int, tax_class: str) -> int:
        """Return the amount before promotions: net under reverse charge, else unchanged."""
        rate = self._rate(tax_class) if self._converts_to_net else None
        if rate is None:
            return amount
        return ratio(amount * MILLION, MILLION + rate.rate, self._rounding.mode)

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

    def amount_at(self, total: int, rate: int) -> int:
        """Return the tax of an amount at a rate, rounded once (§10.3)."""
        return ratio(
            total * rate, MILLION + rate if self.included else MILLION, self._rounding.mode
        )

    def trace(
        self, calculation: QuoteCalculation, lines: list[QuoteLine], delivery: ShippingQuote | None
    ) -> None:
        """Add each rate to the trace, with its tax and the lines it applies to."""
        if self.destination is None:
            if self.market.tax != "none":
                calculation.trace.append(
                    TraceEntry(
                        PricingStep.TAX,
                        self.market.id,
                        False,
                        detail="The destination is not known yet.",
                    )
                )
            return
        place = "-".join(
            part for part in (self.destination.country, self.destination.region) if part
        )
        sums: dict[tuple[int, str], tuple[int, list[str]]] = {}
        for line in lines:
            amount, ids = sums.setdefault((line.tax.rate, line.tax.name), (0, []))
            ids.append(line.id)
            sums[line.tax.rate, line.tax.name] = (amount + line.tax.amount.minor, ids)
        if delivery is not None:
            amount, ids = sums.setdefault((delivery.tax.rate, delivery.tax.name), (0, []))
            ids.append("shipping")
            sums[delivery.tax.rate, delivery.tax.name] = (amount + delivery.tax.amount.minor, ids)
        # A rate of 0 in a country with rates by region says nothing until the region is known.
        named = self._table.regions_named(self.destination.country)
        unlocated = bool(named) and self.destination.region is None
        untaxed = "The region is not known yet." if unlocated else "not taxed"
        area = tax_area(self.destination)
        if area.name:
            untaxed = f"{area.name} is outside the tax area of {self.destination.country}"
        for (rate, name), (amount, ids) in sums.items():
            detail = f"{name} {rate / 10_000:g} %" if rate else name or untaxed
            calculation.trace.append(
                TraceEntry(
                    PricingStep.TAX, place, rate > 0, amount, detail=detail, lines=tuple(ids)
                )
            )
