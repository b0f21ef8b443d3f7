"""The result of pricing a basket: sums, lines, gifts, codes and trace."""

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime
from typing import Any

from shop.kernel.frozen import frozen
from shop.kernel.money import Money
from shop.pricing.model.quote_lines import (
    LineTax,
    QuoteLine,
    ShippingQuote,
    minor_or_none,
    money_or_none,
    without_none,
)
from shop.pricing.model.rounding import RoundingPolicy
from shop.pricing.model.trace import UNTAXED_UNDECIDED, ZIP_UNKNOWN, TraceEntry

REVERSE_CHARGE_NOTICE = (
    "No VAT is charged: a business in another member state accounts for the VAT itself"
    " (reverse charge, Directive 2006/112/EC, Art. 138 and 196)."
)
"""The notice on documents without tax for a business (docs/rules/pricing.md §10.4)."""


@frozen
class GiftLine:
    """A free gift, outside all sums. ``value`` is displayed only."""

    promotion_id: str
    sku: str
    title: str
    quantity: int
    value: Money | None = None
    variant_id: str = ""

    def to_dict(self) -> dict[str, Any]:
        return without_none(
            promotion=self.promotion_id,
            sku=self.sku,
            title=self.title,
            quantity=self.quantity,
            value=minor_or_none(self.value),
            variant=self.variant_id or None,
        )

    @classmethod
    def from_dict(cls, raw: dict[str, Any], currency: str) -> "GiftLine":
        return cls(
            raw["promotion"],
            raw["sku"],
            raw["title"],
            raw["quantity"],
            money_or_none(raw.get("value"), currency),
            raw.get("variant", ""),
        )


@frozen
class CodeOutcome:
    """The outcome of a discount code.

    ``reason`` is UCP's error code where UCP defines one.
    """

    code: str
    applied: bool
    reason: str = ""
    detail: str = ""
    promotion_id: str | None = None
    amount: Money | None = None

    def to_dict(self) -> dict[str, Any]:
        return without_none(
            code=self.code,
            applied=self.applied,
            reason=self.reason or None,
            detail=self.detail or None,
            promotion=self.promotion_id,
            amount=minor_or_none(self.amount),
        )

    @classmethod
    def from_dict(cls, raw: dict[str, Any], currency: str) -> "CodeOutcome":
        return cls(
            raw["code"],
            raw["applied"],
            raw.get("reason", ""),
            raw.get("detail", ""),
            raw.get("promotion"),
            money_or_none(raw.get("amount"), currency),
        )


@frozen
class LimitUsage:
    """A limited use that the order consumes in its transaction.

    It consumes ``units`` of a quota or of a gift (``gift_sku``), and one use of ``code``. The code
    is as the customer wrote it (:func:`shop.kernel.codes.normalize_code` returns the stored form).
    """

    promotion_id: str
    units: int = 0
    code: str | None = None
    gift_sku: str | None = None

    def to_dict(self) -> dict[str, Any]:
        return without_none(
            promotion=self.promotion_id, units=self.units, code=self.code, gift=self.gift_sku
        )

    @classmethod
    def from_dict(cls, raw: dict[str, Any]) -> "LimitUsage":
        return cls(raw["promotion"], raw["units"], raw.get("code"), raw.get("gift"))


@frozen
class Quote:
    """A basket priced at an instant.

    ``total = subtotal + shipping - discount``, plus ``tax`` if prices exclude it. ``shipping`` is
    the price of the option before reductions; ``discount`` is the sum of all discounts on goods and
    shipping (§2.3).
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
    reverse_charge: bool = False
    _by_id: dict[str, QuoteLine] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    """Filled on the first lookup: callers look up every line of baskets with a thousand lines."""

    @property
    def tax_added(self) -> Money:
        """The tax on top of the prices; zero if prices include it."""
        return Money(0, self.currency) if self.tax_included else self.tax

    @property
    def taxes(self) -> tuple[tuple[str, int], ...]:
        """The tax by its name and rate, such as ``("VAT 19 %", 798)``; the amounts sum to it.

        Each amount is the sum of the rounded taxes of its lines and of shipping (§10.3).
        """
        sums: dict[str, int] = {}
        charges = [line.tax for line in self.lines]
        if self.delivery is not None:
            charges += [part.tax for part in self.delivery.taxes]
        for tax in charges:
            if tax.amount.minor:
                sums[tax.label] = sums.get(tax.label, 0) + tax.amount.minor
        return tuple(sums.items())

    def values_by_tax(self, removed: Mapping[str, int]) -> dict[str, tuple[int, int]]:
        """Return value with tax, and tax, by the label of the tax; the label of no tax is empty.

        The first ``removed`` units of each line are left out, and shipping if no unit remains.
        """
        values: dict[str, tuple[int, int]] = {}

        def add(tax: LineTax, value: int, amount: int) -> None:
            label = tax.label if tax.rate else ""
            known_value, known_amount = values.get(label, (0, 0))
            values[label] = known_value + value, known_amount + amount

        for line in self.lines:
            first = removed.get(line.id, 0)
            if first < line.quantity:
                value = line.refund_next(first, line.quantity - first).minor
                add(line.tax, value, line.tax_from(first))
        for part in self.delivery.taxes if values and self.delivery is not None else ():
            amount = part.tax.amount.minor
            add(part.tax, part.base.minor + (0 if part.tax.included else amount), amount)
        return values

    @property
    def untaxed_undecided(self) -> str | None:
        """The place that is sold to without tax although nobody decided so (§10.5b)."""
        return next((entry.rule for entry in self.trace if entry.reason == UNTAXED_UNDECIDED), None)

    @property
    def zip_unknown(self) -> bool:
        """Whether the state's rate applies because the ZIP code has no local one (§10.5c)."""
        return any(entry.reason == ZIP_UNKNOWN for entry in self.trace)

    @property
    def goods_discount(self) -> Money:
        """The sum of the discounts on goods, without shipping."""
        return Money(sum(line.discount.minor for line in self.lines), self.currency)

    @property
    def applied(self) -> tuple[str, ...]:
        """The ids of the rules that applied, in order."""
        return tuple(entry.rule for entry in self.trace if entry.applied)

    def line(self, line_id: str) -> QuoteLine:
        """Return the line of this id. Raises ``KeyError``."""
        if not self._by_id:
            self._by_id.update({line.id: line for line in self.lines})
        return self._by_id[line_id]

    def to_dict(self) -> dict[str, Any]:
        """Return compact JSON values: amounts in minor units, no empty fields."""
        document: dict[str, Any] = {
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
            "lines": [line.to_dict() for line in self.lines],
        }
        if self.delivery is not None:
            document["delivery"] = self.delivery.to_dict()
        if self.gifts:
            document["gifts"] = [gift.to_dict() for gift in self.gifts]
        if self.codes:
            document["codes"] = [outcome.to_dict() for outcome in self.codes]
        if self.uses:
            document["uses"] = [use.to_dict() for use in self.uses]
        if self.reverse_charge:
            document["reverse_charge"] = True
        document["trace"] = [entry.to_dict() for entry in self.trace]
        return document

    @classmethod
    def from_dict(cls, raw: dict[str, Any]) -> "Quote":
        """Read what :meth:`to_dict` wrote."""
        currency = raw["currency"]
        included = raw["tax_included"]
        delivery = raw.get("delivery")
        return cls(
            lines=tuple(QuoteLine.from_dict(line, currency, included) for line in raw["lines"]),
            subtotal=Money(raw["subtotal"], currency),
            discount=Money(raw["discount"], currency),
            shipping=Money(raw["shipping"], currency),
            tax=Money(raw["tax"], currency),
            total=Money(raw["total"], currency),
            currency=currency,
            rounding=RoundingPolicy.from_dict(raw["rounding"]),
            trace=tuple(TraceEntry.from_dict(entry) for entry in raw["trace"]),
            tax_included=included,
            at=datetime.fromisoformat(raw["at"]),
            rules_version=raw["rules"],
            delivery=(
                None if delivery is None else ShippingQuote.from_dict(delivery, currency, included)
            ),
            gifts=tuple(GiftLine.from_dict(gift, currency) for gift in raw.get("gifts", ())),
            codes=tuple(CodeOutcome.from_dict(code, currency) for code in raw.get("codes", ())),
            uses=tuple(LimitUsage.from_dict(use) for use in raw.get("uses", ())),
            reverse_charge=raw.get("reverse_charge", False),
        )
