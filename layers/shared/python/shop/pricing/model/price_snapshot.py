"""What a client was shown, and what is said where the same costs something else now (law of prices,
3.5).
"""

from collections.abc import Iterator, Mapping
from dataclasses import field, replace
from typing import Any

from shop.kernel.codes import normalize_code
from shop.kernel.frozen import frozen
from shop.kernel.money import Money
from shop.pricing.model.basket import Basket
from shop.pricing.model.effects import FlashSale
from shop.pricing.model.quote import LimitUsage, PriceNotice, Quote
from shop.pricing.model.rule_set import RuleSet
from shop.pricing.model.trace import PricingStage
from shop.pricing.model.usage_limits import CodeStatus, UsageLimits

PRICE_CHANGED = "price_changed"
"""A unit costs something else."""
LINE_TOTAL_CHANGED = "line_total_changed"
"""A unit costs what it did, and its line something else: what reduces the line is another."""
TOTAL_CHANGED = "total_changed"
"""The whole costs something else."""
CHANGE_CODES = (PRICE_CHANGED, LINE_TOTAL_CHANGED, TOTAL_CHANGED)


@frozen
class PriceSnapshot:
    """What a basket was shown at, in minor units of ``currency``.

    ``prices`` are unit prices and ``lines`` what lines came to before promotions on the whole
    order, both by line id; ``off`` what each promotion took off, and ``uses`` what the basket would
    have used up. What is not in here was not shown.
    """

    currency: str
    total: int | None = None
    prices: Mapping[str, int] = field(default_factory=dict)
    lines: Mapping[str, int] = field(default_factory=dict)
    discounts: Mapping[str, int] = field(default_factory=dict)
    uses: tuple[LimitUsage, ...] = ()

    @classmethod
    def from_quote(cls, quote: Quote) -> "PriceSnapshot":
        """What a client sees who is shown this quote."""
        whole = {entry.rule for entry in quote.trace if entry.step is PricingStage.ORDER}
        off: dict[str, int] = {}
        lines: dict[str, int] = {}
        for line in quote.lines:
            own = line.subtotal.minor
            for discount in line.discounts:
                id_, amount = discount.promotion_id, discount.amount.minor
                off[id_] = off.get(id_, 0) + amount
                own -= 0 if id_ in whole else amount
            lines[line.id] = own
        for discount in quote.delivery.discounts if quote.delivery is not None else ():
            off[discount.promotion_id] = off.get(discount.promotion_id, 0) + discount.amount.minor
        return cls(
            quote.currency,
            quote.total.minor,
            {line.id: line.unit_price.minor for line in quote.lines},
            lines,
            off,
            tuple(use for use in quote.uses if use.code or use.gift_sku is None),
        )

    @classmethod
    def from_basket(cls, basket: Basket) -> "PriceSnapshot | None":
        """What a basket says of what its client was shown; ``None`` where it says nothing."""
        mine = basket.currency
        prices = {
            line.id: line.seen_price.minor
            for line in basket.lines
            if line.seen_price is not None and line.seen_price.currency == mine
        }
        total = basket.seen_total
        payload = total.minor if total is not None and total.currency == mine else None
        return cls(mine, payload, prices) if prices or payload is not None else None

    def notices(
        self, now: Quote, rules: RuleSet, titles: Mapping[str, str]
    ) -> tuple[PriceNotice, ...]:
        """What costs something else in ``now``, a quote of the very basket that was shown.

        Nothing is said between two currencies. ``titles`` are the lines' by id.
        """
        if now.currency != self.currency:
            return ()
        after = PriceSnapshot.from_quote(now)
        found = [
            notice
            for line in now.lines
            for notice in self._of_line(line.id, titles.get(line.id, line.id), line.quantity, after)
        ]
        if self.total is not None and after.total is not None and self.total != after.total:
            why = "".join(f"; {detail}" for detail in self._why(after, now, rules))
            payload = f"what was shown at {self._money(self.total)} comes to {now.total} now{why}"
            found.append(PriceNotice(TOTAL_CHANGED, payload))
        return tuple(found)

    def _of_line(
        self, id_: str, title: str, quantity: int, after: "PriceSnapshot"
    ) -> Iterator[PriceNotice]:
        old_price, new_price = self.prices.get(id_), after.prices[id_]
        if old_price is not None and old_price != new_price:
            detail = f"{title} now costs {self._money(new_price)}; it was shown at {self._money(old_price)}"
            yield PriceNotice(PRICE_CHANGED, detail, id_)
            return
        old_price, new_price = self.lines.get(id_), after.lines[id_]
        if old_price is not None and old_price != new_price:
            payload = f"{quantity} × {title}"
            detail = f"{payload}: {self._money(new_price)} now; shown at {self._money(old_price)}"
            yield PriceNotice(LINE_TOTAL_CHANGED, detail, id_)

    def _money(self, minor: int) -> Money:
        return Money(minor, self.currency)

    def _why(self, after: "PriceSnapshot", now: Quote, rules: RuleSet) -> Iterator[str]:
        """The promotions that take off another amount, by name where there still is one."""
        spent = {entry.rule for entry in now.trace if entry.reason == "quota_spent"}
        codes = {o.code for o in now.codes if o.reason == "discount_code_exhausted"}
        spent |= {use.promotion_id for use in self.uses if use.code in codes}
        known = {p.id: p for p in (*rules.past, *rules.promotions)}
        for id_ in {**self.discounts, **after.discounts}:
            old_price, new_price = self.discounts.get(id_, 0), after.discounts.get(id_, 0)
            promotion = known.get(id_)
            if old_price == new_price or promotion is None:
                continue
            if new_price and old_price:
                yield f"{promotion.title} takes {self._money(new_price)} off, not {self._money(old_price)}"
            elif new_price:
                yield f"{promotion.title} takes {self._money(new_price)} off"
            elif promotion.reason_not_running(now.at) == "over":
                yield f"{promotion.title} has ended"
            elif id_ in spent:
                yield f"{promotion.title} is used up"
            else:
                yield f"{promotion.title} takes nothing off any more"

    def limits_for(self, now: UsageLimits, rules: RuleSet) -> UsageLimits:
        """What is left for the basket that was shown, from what was looked up for another one.

        Where the other basket is not about a limit, it is taken to be as it was: a code is good,
        and of a sale there is what was shown.
        """
        codes = {normalize_code(u.code): CodeStatus(u.promotion_id) for u in self.uses if u.code}
        units = {use.promotion_id: use.units for use in self.uses}
        sales = [p.id for p in rules.promotions if isinstance(p.effect, FlashSale)]
        first = any(p.id in self.discounts and p.conditions.first_order for p in rules.promotions)
        return replace(
            now,
            codes={**codes, **now.codes},
            quota_remaining={**{id_: units.get(id_, 0) for id_ in sales}, **now.quota_remaining},
            orders_before=0 if first and now.orders_before is None else now.orders_before,
        )

    def to_dict(self) -> dict[str, Any]:
        """JSON values, compact; the unit prices are kept with the lines."""
        payload: dict[str, Any] = {"total": self.total, "lines": dict(self.lines)}
        if self.discounts:
            payload["off"] = dict(self.discounts)
        if self.uses:
            payload["uses"] = [[u.promotion_id, u.units, u.code] for u in self.uses]
        return payload

    @classmethod
    def from_dict(
        cls, raw: dict[str, Any], currency: str, prices: Mapping[str, int]
    ) -> "PriceSnapshot":
        """What :meth:`to_dict` wrote."""
        uses = tuple(LimitUsage(id_, units, code) for id_, units, code in raw.get("uses", ()))
        return cls(currency, raw["total"], prices, raw["lines"], raw.get("off", {}), uses)
