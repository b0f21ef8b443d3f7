"""The priced lines and the shipping of a quote, exact to each unit."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from shop.kernel.frozen import frozen
from shop.kernel.money import Money
from shop.tax.model.rates import SHIPPING, STANDARD


@frozen
class AppliedDiscount:
    """The discount of one promotion on a line or on shipping; always above zero."""

    promotion_id: str
    title: str
    amount: Money
    code: str | None = None

    def to_list(self) -> list[Any]:
        values = [self.promotion_id, self.title, self.amount.minor]
        return values if self.code is None else [*values, self.code]

    @classmethod
    def from_list(cls, raw: list[Any], currency: str) -> "AppliedDiscount":
        return cls(raw[0], raw[1], Money(raw[2], currency), raw[3] if len(raw) > 3 else None)


@frozen
class LineTax:
    """The tax of a line, or of shipping.

    ``rate`` is in parts per million: 88,750 is 8.875 %. ``tax_class`` is the class of the goods.
    """

    rate: int
    amount: Money
    included: bool
    name: str = ""
    tax_class: str = STANDARD

    @property
    def percent(self) -> Decimal:
        return Decimal(self.rate) / 10_000

    @property
    def label(self) -> str:
        """Name and rate, as buyers read them."""
        return f"{self.name or 'tax'} {self.rate / 10_000:g} %"

    def to_list(self, default_class: str = STANDARD) -> list[Any] | None:
        """Return JSON values; ``None`` for untaxed goods of the default class."""
        if self.tax_class != default_class:
            return [self.rate, self.amount.minor, self.name, self.tax_class]
        return [self.rate, self.amount.minor, self.name] if self.rate or self.name else None

    @classmethod
    def from_list(
        cls, raw: list[Any] | None, currency: str, included: bool, default_class: str = STANDARD
    ) -> "LineTax":
        rate, amount, name, tax_class = [*(raw or [0, 0, ""]), default_class][:4]
        return cls(rate, Money(amount, currency), included, name, tax_class)


@frozen
class UnitPrices:
    """A run of ``units`` units of a line with equal amounts, in minor units.

    Each unit costs ``total`` before added tax, and has ``tax``. A line has at most three runs,
    however many units it has.
    """

    units: int
    total: int
    tax: int


@frozen
class QuoteLine:
    """A priced line: ``total`` = ``subtotal`` - ``discount``; added tax comes on top.

    ``list_price`` is the catalog's unit price, ``unit_price`` the one after price lists, and
    ``price_list`` the list that set it. Refunds are calculated from ``units``.
    """

    id: str
    unit_price: Money
    quantity: int
    subtotal: Money
    discounts: tuple[AppliedDiscount, ...]
    total: Money
    tax: LineTax
    units: tuple[UnitPrices, ...]
    list_price: Money
    price_list: str | None = None
    compare_at: Money | None = None
    lowest_30_days: Money | None = None

    @property
    def discount(self) -> Money:
        return Money(self.subtotal.minor - self.total.minor, self.subtotal.currency)

    @property
    def payable(self) -> Money:
        """The amount that the customer pays for this line, including tax."""
        return self.total if self.tax.included else self.total + self.tax.amount

    def refund(self, units: Iterable[int]) -> Money:
        """Return the price of these units, including tax. Units are numbered from 0.

        The refunds of any division of a line sum to :attr:`payable` (docs/rules/pricing.md §1.5).
        Raises ``ValueError`` for a repeated unit, and for a unit that the line does not have.
        """
        numbers = list(units)
        if len(set(numbers)) != len(numbers):
            raise ValueError("Each unit may be refunded once.")
        amount = 0
        for number in numbers:
            if not 0 <= number < self.quantity:
                raise ValueError(f"Line {self.id} has no unit {number}.")
            end = 0
            for run in self.units:
                end += run.units
                if number < end:
                    amount += run.total if self.tax.included else run.total + run.tax
                    break
        return Money(amount, self.subtotal.currency)

    def refund_next(self, already: int, units: int) -> Money:
        """Return the price of the next ``units`` units, after ``already`` refunded units."""
        return self.refund(range(already, already + units))

    def tax_from(self, first: int) -> int:
        """Return the tax of the units from number ``first`` on, in minor units."""
        tax, end = 0, 0
        for run in self.units:
            start, end = end, end + run.units
            tax += run.tax * max(0, end - max(start, first))
        return tax

    def to_dict(self) -> dict[str, Any]:
        list_price = self.list_price
        return without_none(
            id=self.id,
            price=self.unit_price.minor,
            quantity=self.quantity,
            subtotal=self.subtotal.minor,
            discounts=[discount.to_list() for discount in self.discounts] or None,
            total=self.total.minor,
            tax=self.tax.to_list(),
            units=[[run.units, run.total, run.tax] for run in self.units],
            # The catalog price may be in another currency, so its currency is stored (§3.1).
            list_price=(
                None if list_price == self.unit_price else [list_price.minor, list_price.currency]
            ),
            price_list=self.price_list,
            compare_at=minor_or_none(self.compare_at),
            lowest_30_days=minor_or_none(self.lowest_30_days),
        )

    @classmethod
    def from_dict(cls, raw: dict[str, Any], currency: str, included: bool) -> "QuoteLine":
        price = Money(raw["price"], currency)
        list_price = raw.get("list_price")
        return cls(
            id=raw["id"],
            unit_price=price,
            quantity=raw["quantity"],
            subtotal=Money(raw["subtotal"], currency),
            discounts=_discounts_from(raw, currency),
            total=Money(raw["total"], currency),
            tax=LineTax.from_list(raw.get("tax"), currency, included),
            units=tuple(UnitPrices(*run) for run in raw["units"]),
            list_price=price if list_price is None else Money(list_price[0], list_price[1]),
            price_list=raw.get("price_list"),
            compare_at=money_or_none(raw.get("compare_at"), currency),
            lowest_30_days=money_or_none(raw.get("lowest_30_days"), currency),
        )


@frozen
class ShippingTax:
    """The tax on the part of the shipping that follows the goods of one rate.

    ``base`` is that part of the shipping's total; it includes the tax if the prices do.
    """

    base: Money
    tax: LineTax


@frozen
class ShippingQuote:
    """The priced shipping: ``total`` = ``price`` - its discounts.

    The bases of ``taxes`` sum to ``total``. Shipping of goods with one rate has one entry.
    """

    price: Money
    discounts: tuple[AppliedDiscount, ...]
    total: Money
    taxes: tuple[ShippingTax, ...]
    method: str | None = None

    @property
    def tax(self) -> Money:
        """The sum of the taxes."""
        return Money(sum(part.tax.amount.minor for part in self.taxes), self.total.currency)

    def to_dict(self) -> dict[str, Any]:
        one_rate = len(self.taxes) == 1
        return without_none(
            price=self.price.minor,
            discounts=[discount.to_list() for discount in self.discounts] or None,
            total=self.total.minor,
            tax=self.taxes[0].tax.to_list(SHIPPING) if one_rate else None,
            taxes=(
                None
                if one_rate
                else [[part.base.minor, part.tax.to_list(SHIPPING)] for part in self.taxes]
            ),
            method=self.method,
        )

    @classmethod
    def from_dict(cls, raw: dict[str, Any], currency: str, included: bool) -> "ShippingQuote":
        stored = raw.get("taxes") or [[raw["total"], raw.get("tax")]]
        return cls(
            price=Money(raw["price"], currency),
            discounts=_discounts_from(raw, currency),
            total=Money(raw["total"], currency),
            taxes=tuple(
                ShippingTax(
                    Money(base, currency), LineTax.from_list(tax, currency, included, SHIPPING)
                )
                for base, tax in stored
            ),
            method=raw.get("method"),
        )


def _discounts_from(raw: dict[str, Any], currency: str) -> tuple[AppliedDiscount, ...]:
    return tuple(
        AppliedDiscount.from_list(discount, currency) for discount in raw.get("discounts", ())
    )


def minor_or_none(amount: Money | None) -> int | None:
    return None if amount is None else amount.minor


def money_or_none(minor: int | None, currency: str) -> Money | None:
    return None if minor is None else Money(minor, currency)


def without_none(**values: Any) -> dict[str, Any]:
    """Return the values that are set; stored quotes omit the others."""
    return {name: value for name, value in values.items() if value is not None}
