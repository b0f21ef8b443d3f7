"""The answer: what each line, the shipping and the whole cost, exact to the minor unit and to the
unit.
"""

from collections.abc import Iterable
from dataclasses import field
from datetime import datetime
from decimal import Decimal
from typing import Any

from shop.kernel.frozen import frozen
from shop.kernel.money import Money
from shop.pricing.model.rounding import RoundingPolicy
from shop.pricing.model.trace import TraceEntry
from shop.tax.model.rates import SHIPPING, STANDARD

REVERSE_CHARGE_NOTICE = (
    "a business of another member state owes the VAT itself: none is charged"
    " (reverse charge, Directive 2006/112/EC, Art. 138 and 196)"
)
"""What is said where no tax is charged to a business."""


@frozen
class AppliedDiscount:
    """What one promotion took off a line or the shipping. Never zero."""

    promotion_id: str
    title: str
    amount: Money
    code: str | None = None


@frozen
class LineTax:
    """The tax of a line. ``rate`` is in parts per million (8.875 % is 88750), as exact as any law
    writes it. ``tax_class`` is what its goods are taxed as.
    """

    rate: int
    amount: Money
    included: bool
    name: str = ""
    tax_class: str = STANDARD

    @property
    def percent(self) -> Decimal:
        return Decimal(self.rate) / 10_000


@frozen
class UnitPrices:
    """``units`` units of a line that came to the same: each to ``total`` before added tax, and
    ``tax`` tax.

    Minor units. A line has at most three runs, however many units it has.
    """

    units: int
    total: int
    tax: int


@frozen
class QuoteLine:
    """A line priced. ``total`` = ``subtotal`` - ``discount``; what is paid adds the tax where it is
    not included.

    ``list_price`` is the catalogue's unit price, ``unit_price`` the one that the price lists gave;
    ``price_list`` names the list. ``units`` is the split that refunds are taken from.
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
        """What the customer pays for this line, tax and all."""
        return self.total if self.tax.included else self.total + self.tax.amount

    def refund(self, units: Iterable[int]) -> Money:
        """What these units came to, tax and all: unit numbers from 0, each at most once.

        The refunds of any division of a line sum to :attr:`payable`, to the minor unit.
        Raises ``ValueError`` for a unit that the line does not have, or has had twice.
        """
        wanted = list(units)
        if len(set(wanted)) != len(wanted):
            raise ValueError("a unit is refunded once")
        back = 0
        for unit in wanted:
            if not 0 <= unit < self.quantity:
                raise ValueError(f"line {self.id} has no unit {unit}")
            start = 0
            for run in self.units:
                start += run.units
                if unit < start:
                    back += run.total if self.tax.included else run.total + run.tax
                    break
        return Money(back, self.subtotal.currency)

    def refund_next(self, already: int, units: int) -> Money:
        """What the next ``units`` units came to where ``already`` have gone back: the usual way to
        count.
        """
        return self.refund(range(already, already + units))


@frozen
class ShippingQuote:
    """The shipping priced: ``total`` = ``price`` - its discounts."""

    price: Money
    discounts: tuple[AppliedDiscount, ...]
    total: Money
    tax: LineTax
    method: str | None = None


@frozen
class GiftLine:
    """Something given along; it costs nothing and is in no sum. ``value`` is what it is worth, for
    show.
    """

    promotion_id: str
    sku: str
    title: str
    quantity: int
    value: Money | None = None
    variant_id: str = ""


@frozen
class CodeOutcome:
    """What became of a code that was entered. ``reason`` uses UCP's codes where it has one."""

    code: str
    applied: bool
    reason: str = ""
    detail: str = ""
    promotion_id: str | None = None
    amount: Money | None = None


@frozen
class LimitUsage:
    """What the order uses up when it is placed, counted in its own transaction.

    ``units`` of a quota or of a gift (``gift_sku``), and one use of ``code``, as it was typed
    (:func:`shop.kernel.codes.normalize_code` gives the form it is kept in).
    """

    promotion_id: str
    units: int = 0
    code: str | None = None
    gift_sku: str | None = None


@frozen
class PriceNotice:
    """Something the customer must be told, as a price that changed since the client saw it."""

    code: str
    detail: str
    line_id: str | None = None


@frozen
class Quote:
    """A basket priced at an instant.

    ``subtotal + shipping - discount (+ tax, where it is not included) = total``: ``shipping`` is
    the option's price before reductions and ``discount`` all that was taken off, goods and
    shipping.
    """

    lines: tuple[QuoteLine, ...]
    subtotal: Money
    discount: Money
    shipping: Money
    tax: Money
    total: Money
    currency: str
    rounding: RoundingPolicy
    trace: tuple[TraceEntry, ...]
    tax_included: bool
    at: datetime
    rules_version: str
    delivery: ShippingQuote | None = None
    gifts: tuple[GiftLine, ...] = ()
    codes: tuple[CodeOutcome, ...] = ()
    uses: tuple[LimitUsage, ...] = ()
    notices: tuple[PriceNotice, ...] = ()
    reverse_charge: bool = False
    _by_id: dict[str, QuoteLine] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    """Filled when a line is first asked for: baskets of a thousand lines ask for each."""

    @property
    def tax_added(self) -> Money:
        """The tax that comes on top of the prices: nothing where they include it."""
        return Money(0, self.currency) if self.tax_included else self.tax

    @property
    def goods_discount(self) -> Money:
        """What was taken off the goods alone."""
        return Money(sum(line.discount.minor for line in self.lines), self.currency)

    @property
    def applied(self) -> tuple[str, ...]:
        """The rules that applied, in order."""
        return tuple(entry.rule for entry in self.trace if entry.applied)

    def line(self, line_id: str) -> QuoteLine:
        """The line of that id; raises ``KeyError``."""
        if not self._by_id:
            self._by_id.update({line.id: line for line in self.lines})
        return self._by_id[line_id]

    def to_dict(self) -> dict[str, Any]:
        """JSON values, compact: amounts are minor units of the one currency, and what is empty is
        left out.
        """
        payload: dict[str, Any] = {
            "currency": self.currency,
            "subtotal": self.subtotal.minor,
            "discount": self.discount.minor,
            "shipping": self.shipping.minor,
            "tax": self.tax.minor,
            "total": self.total.minor,
            "tax_included": self.tax_included,
            "rounding": self.rounding.to_dict(),
            "at": self.at.isoformat(),
            "rules": self.rules_version,
            "lines": [_line_out(line) for line in self.lines],
        }
        if self.delivery is not None:
            payload["delivery"] = _delivery_out(self.delivery)
        if self.gifts:
            payload["gifts"] = [
                _slim(
                    promotion=g.promotion_id,
                    sku=g.sku,
                    title=g.title,
                    quantity=g.quantity,
                    value=_minor(g.value),
                    variant=g.variant_id or None,
                )
                for g in self.gifts
            ]
        if self.codes:
            payload["codes"] = [
                _slim(
                    code=c.code,
                    applied=c.applied,
                    reason=c.reason or None,
                    detail=c.detail or None,
                    promotion=c.promotion_id,
                    amount=_minor(c.amount),
                )
                for c in self.codes
            ]
        if self.uses:
            payload["uses"] = [
                _slim(promotion=u.promotion_id, units=u.units, code=u.code, gift=u.gift_sku)
                for u in self.uses
            ]
        if self.notices:
            payload["notices"] = [
                _slim(code=n.code, detail=n.detail, line=n.line_id) for n in self.notices
            ]
        if self.reverse_charge:
            payload["reverse_charge"] = True
        payload["trace"] = [entry.to_dict() for entry in self.trace]
        return payload

    @classmethod
    def from_dict(cls, raw: dict[str, Any]) -> "Quote":
        """The quote that :meth:`to_dict` wrote."""
        currency = raw["currency"]
        included = raw["tax_included"]

        def money(minor: int) -> Money:
            return Money(minor, currency)

        def maybe(minor: int | None) -> Money | None:
            return None if minor is None else Money(minor, currency)

        delivery = raw.get("delivery")
        return cls(
            lines=tuple(_line_in(line, currency, included) for line in raw["lines"]),
            subtotal=money(raw["subtotal"]),
            discount=money(raw["discount"]),
            shipping=money(raw["shipping"]),
            tax=money(raw["tax"]),
            total=money(raw["total"]),
            currency=currency,
            rounding=RoundingPolicy.from_dict(raw["rounding"]),
            trace=tuple(TraceEntry.from_dict(entry) for entry in raw["trace"]),
            tax_included=included,
            at=datetime.fromisoformat(raw["at"]),
            rules_version=raw["rules"],
            delivery=None if delivery is None else _delivery_in(delivery, currency, included),
            gifts=tuple(
                GiftLine(
                    g["promotion"],
                    g["sku"],
                    g["title"],
                    g["quantity"],
                    maybe(g.get("value")),
                    g.get("variant", ""),
                )
                for g in raw.get("gifts", ())
            ),
            codes=tuple(
                CodeOutcome(
                    c["code"],
                    c["applied"],
                    c.get("reason", ""),
                    c.get("detail", ""),
                    c.get("promotion"),
                    maybe(c.get("amount")),
                )
                for c in raw.get("codes", ())
            ),
            uses=tuple(
                LimitUsage(u["promotion"], u["units"], u.get("code"), u.get("gift"))
                for u in raw.get("uses", ())
            ),
            notices=tuple(
                PriceNotice(n["code"], n["detail"], n.get("line")) for n in raw.get("notices", ())
            ),
            reverse_charge=raw.get("reverse_charge", False),
        )


def _minor(amount: Money | None) -> int | None:
    return None if amount is None else amount.minor


def _slim(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _discounts_out(discounts: tuple[AppliedDiscount, ...]) -> list[list[Any]] | None:
    return [
        [d.promotion_id, d.title, d.amount.minor] + ([d.code] if d.code is not None else [])
        for d in discounts
    ] or None


def _discounts_in(raw: Iterable[list[Any]], currency: str) -> tuple[AppliedDiscount, ...]:
    return tuple(
        AppliedDiscount(d[0], d[1], Money(d[2], currency), d[3] if len(d) > 3 else None)
        for d in raw
    )


def _tax_out(tax: LineTax, usual: str = STANDARD) -> list[Any] | None:
    if tax.tax_class != usual:
        return [tax.rate, tax.amount.minor, tax.name, tax.tax_class]
    return [tax.rate, tax.amount.minor, tax.name] if tax.rate or tax.name else None


def _tax_in(raw: list[Any] | None, currency: str, included: bool, usual: str = STANDARD) -> LineTax:
    rate, amount, name, tax_class = [*(raw or [0, 0, ""]), usual][:4]
    return LineTax(rate, Money(amount, currency), included, name, tax_class)


def _line_out(line: QuoteLine) -> dict[str, Any]:
    listed = line.list_price
    return _slim(
        id=line.id,
        price=line.unit_price.minor,
        quantity=line.quantity,
        subtotal=line.subtotal.minor,
        discounts=_discounts_out(line.discounts),
        total=line.total.minor,
        tax=_tax_out(line.tax),
        units=[[run.units, run.total, run.tax] for run in line.units],
        listed=None if listed == line.unit_price else [listed.minor, listed.currency],
        list=line.price_list,
        compare_at=_minor(line.compare_at),
        lowest_30_days=_minor(line.lowest_30_days),
    )


def _line_in(raw: dict[str, Any], currency: str, included: bool) -> QuoteLine:
    price = Money(raw["price"], currency)
    listed = raw.get("listed")
    compare_at = raw.get("compare_at")
    lowest = raw.get("lowest_30_days")
    return QuoteLine(
        id=raw["id"],
        unit_price=price,
        quantity=raw["quantity"],
        subtotal=Money(raw["subtotal"], currency),
        discounts=_discounts_in(raw.get("discounts", ()), currency),
        total=Money(raw["total"], currency),
        tax=_tax_in(raw.get("tax"), currency, included),
        units=tuple(UnitPrices(*run) for run in raw["units"]),
        list_price=price if listed is None else Money(listed[0], listed[1]),
        price_list=raw.get("list"),
        compare_at=None if compare_at is None else Money(compare_at, currency),
        lowest_30_days=None if lowest is None else Money(lowest, currency),
    )


def _delivery_out(delivery: ShippingQuote) -> dict[str, Any]:
    return _slim(
        price=delivery.price.minor,
        discounts=_discounts_out(delivery.discounts),
        total=delivery.total.minor,
        tax=_tax_out(delivery.tax, SHIPPING),
        method=delivery.method,
    )


def _delivery_in(raw: dict[str, Any], currency: str, included: bool) -> ShippingQuote:
    return ShippingQuote(
        price=Money(raw["price"], currency),
        discounts=_discounts_in(raw.get("discounts", ()), currency),
        total=Money(raw["total"], currency),
        tax=_tax_in(raw.get("tax"), currency, included, SHIPPING),
        method=raw.get("method"),
    )
