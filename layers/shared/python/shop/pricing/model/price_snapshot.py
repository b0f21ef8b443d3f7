"""The amounts that a client displayed, and their comparison with new ones.

Business rules: docs/rules/pricing.md §3.5.
"""

from collections.abc import Iterator, Mapping
from dataclasses import field, replace
from typing import Any

from shop.kernel.codes import normalize_code
from shop.kernel.frozen import frozen
from shop.kernel.money import Money
from shop.pricing.model.effects import FlashSale
from shop.pricing.model.quote import LimitUsage, Quote
from shop.pricing.model.rule_set import RuleSet
from shop.pricing.model.trace import PricingStep
from shop.pricing.model.usage_limits import CodeStatus, UsageLimits

PRICE_CHANGED = "price_changed"
"""A unit price changed."""
LINE_TOTAL_CHANGED = "line_total_changed"
"""The total of a line changed because of promotions; its unit price did not change."""
TOTAL_CHANGED = "total_changed"
"""The total changed."""
CHANGE_CODES = (PRICE_CHANGED, LINE_TOTAL_CHANGED, TOTAL_CHANGED)


@frozen
class PriceNotice:
    """A message about an amount that differs from the displayed one (§3.5a)."""

    code: str
    detail: str
    line_id: str | None = None


@frozen
class PriceSnapshot:
    """The amounts of a displayed basket, in minor units of ``currency``.

    - ``prices``: unit prices by line id
    - ``lines``: totals of lines before order promotions, by line id
    - ``discounts``: discounts by promotion id
    - ``uses``: the limited uses that the basket would have consumed

    A missing amount was not displayed.
    """

    currency: str
    total: int | None = None
    prices: Mapping[str, int] = field(default_factory=dict)
    lines: Mapping[str, int] = field(default_factory=dict)
    discounts: Mapping[str, int] = field(default_factory=dict)
    uses: tuple[LimitUsage, ...] = ()

    @classmethod
    def from_quote(cls, quote: Quote) -> "PriceSnapshot":
        """Return the amounts that a client displays for a quote."""
        order_promotions = {entry.rule for entry in quote.trace if entry.step is PricingStep.ORDER}
        discounts: dict[str, int] = {}
        lines: dict[str, int] = {}
        for line in quote.lines:
            line_total = line.subtotal.minor
            for discount in line.discounts:
                id_, amount = discount.promotion_id, discount.amount.minor
                discounts[id_] = discounts.get(id_, 0) + amount
                # §3.5a: a promotion on the whole order is reported with the total only.
                line_total -= 0 if id_ in order_promotions else amount
            lines[line.id] = line_total
        for discount in quote.delivery.discounts if quote.delivery is not None else ():
            id_, amount = discount.promotion_id, discount.amount.minor
            discounts[id_] = discounts.get(id_, 0) + amount
        return cls(
            quote.currency,
            quote.total.minor,
            {line.id: line.unit_price.minor for line in quote.lines},
            lines,
            discounts,
            tuple(use for use in quote.uses if use.code or use.gift_sku is None),
        )

    def notices(
        self, quote: Quote, rules: RuleSet, titles: Mapping[str, str]
    ) -> tuple[PriceNotice, ...]:
        """Return a notice for each amount that a new quote of the displayed basket changes.

        ``titles`` are the titles of the lines, by line id. Amounts in two currencies are not
        compared.
        """
        if quote.currency != self.currency:
            return ()
        current = PriceSnapshot.from_quote(quote)
        notices = [
            notice
            for line in quote.lines
            for notice in self._line_notices(
                line.id, titles.get(line.id, line.id), line.quantity, current
            )
        ]
        if self.total is not None and current.total is not None and self.total != current.total:
            causes = "".join(f"; {cause}" for cause in self._causes(current, quote, rules))
            detail = (
                f"The displayed total of {self._money(self.total)} is now {quote.total}{causes}."
            )
            notices.append(PriceNotice(TOTAL_CHANGED, detail))
        return tuple(notices)

    def _line_notices(
        self, id_: str, title: str, quantity: int, current: "PriceSnapshot"
    ) -> Iterator[PriceNotice]:
        old, new = self.prices.get(id_), current.prices[id_]
        if old is not None and old != new:
            yield PriceNotice(PRICE_CHANGED, self._changed(title, old, new), id_)
            # §3.5a: the changed unit price explains the changed total of the line.
            return
        old, new = self.lines.get(id_), current.lines[id_]
        if old is not None and old != new:
            detail = self._changed(f"{quantity} × {title}", old, new)
            yield PriceNotice(LINE_TOTAL_CHANGED, detail, id_)

    def _changed(self, name: str, old: int, new: int) -> str:
        return f"{name} now costs {self._money(new)}; it was displayed at {self._money(old)}."

    def _money(self, minor: int) -> Money:
        return Money(minor, self.currency)

    def _causes(self, current: "PriceSnapshot", quote: Quote, rules: RuleSet) -> Iterator[str]:
        """Name the promotions whose discount changed."""
        exhausted = {entry.rule for entry in quote.trace if entry.reason == "quota_exhausted"}
        codes = {o.code for o in quote.codes if o.reason == "discount_code_exhausted"}
        exhausted |= {use.promotion_id for use in self.uses if use.code in codes}
        by_id = {p.id: p for p in (*rules.ended_promotions, *rules.promotions)}
        for id_ in {**self.discounts, **current.discounts}:
            old, new = self.discounts.get(id_, 0), current.discounts.get(id_, 0)
            promotion = by_id.get(id_)
            if old == new or promotion is None:
                continue
            if new and old:
                amounts = f"{self._money(new)} off instead of {self._money(old)}"
                yield f"{promotion.title} takes {amounts}"
            elif new:
                yield f"{promotion.title} takes {self._money(new)} off"
            elif promotion.reason_not_running(quote.at) == "ended":
                yield f"{promotion.title} has ended"
            elif id_ in exhausted:
                yield f"{promotion.title} is used up"
            else:
                yield f"{promotion.title} no longer applies"

    def limits_for(self, limits: UsageLimits, rules: RuleSet) -> UsageLimits:
        """Derive the limits of the displayed basket from those of the current one.

        The current basket may lack a code or an article that the displayed one had. Its limits then
        count as unchanged, so that only changes by the shop are reported (§3.5a).
        """
        codes = {normalize_code(u.code): CodeStatus(u.promotion_id) for u in self.uses if u.code}
        units = {use.promotion_id: use.units for use in self.uses}
        flash_sales = [p.id for p in rules.promotions if isinstance(p.effect, FlashSale)]
        had_first_order = any(
            p.id in self.discounts and p.conditions.first_order for p in rules.promotions
        )
        return replace(
            limits,
            codes={**codes, **limits.codes},
            quota_remaining={
                **{id_: units.get(id_, 0) for id_ in flash_sales},
                **limits.quota_remaining,
            },
            previous_orders=(
                0 if had_first_order and limits.previous_orders is None else limits.previous_orders
            ),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return compact JSON values. The caller stores the unit prices with its lines."""
        document: dict[str, Any] = {"total": self.total, "lines": dict(self.lines)}
        if self.discounts:
            document["discounts"] = dict(self.discounts)
        if self.uses:
            document["uses"] = [[u.promotion_id, u.units, u.code] for u in self.uses]
        return document

    @classmethod
    def from_dict(
        cls, raw: dict[str, Any], currency: str, prices: Mapping[str, int]
    ) -> "PriceSnapshot":
        """Read what :meth:`to_dict` wrote."""
        uses = tuple(LimitUsage(id_, units, code) for id_, units, code in raw.get("uses", ()))
        return cls(currency, raw["total"], prices, raw["lines"], raw.get("discounts", {}), uses)
