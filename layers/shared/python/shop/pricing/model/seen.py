"""What a client was shown, and what is said where the same costs something else now (law of prices,
3.5).
"""

from collections.abc import Iterator, Mapping
from dataclasses import field, replace
from typing import Any

from shop.kernel.frozen import frozen
from shop.kernel.money import Money
from shop.pricing.model.basket import Basket
from shop.pricing.model.coupons import normal
from shop.pricing.model.effects import FlashSale
from shop.pricing.model.quote import Notice, Quote, Use
from shop.pricing.model.rules import Rules
from shop.pricing.model.standing import CodeFacts, Standing
from shop.pricing.model.trace import Step

PRICE = "price_changed"
"""A unit costs something else."""
LINE = "line_total_changed"
"""A unit costs what it did, and its line something else: what reduces the line is another."""
TOTAL = "total_changed"
"""The whole costs something else."""
CHANGED = (PRICE, LINE, TOTAL)


@frozen
class Seen:
    """What a basket was shown at, in minor units of ``currency``.

    ``prices`` are unit prices and ``lines`` what lines came to before promotions on the whole
    order, both by line id; ``off`` what each promotion took off, and ``uses`` what the basket would
    have used up. What is not in here was not shown.
    """

    currency: str
    total: int | None = None
    prices: Mapping[str, int] = field(default_factory=dict)
    lines: Mapping[str, int] = field(default_factory=dict)
    off: Mapping[str, int] = field(default_factory=dict)
    uses: tuple[Use, ...] = ()

    @classmethod
    def of(cls, quote: Quote) -> "Seen":
        """What a client sees who is shown this quote."""
        whole = {entry.rule for entry in quote.trace if entry.step is Step.ORDER}
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
    def by(cls, basket: Basket) -> "Seen | None":
        """What a basket says of what its client was shown; ``None`` where it says nothing."""
        mine = basket.currency
        prices = {
            line.id: line.seen_price.minor
            for line in basket.lines
            if line.seen_price is not None and line.seen_price.currency == mine
        }
        total = basket.seen_total
        told = total.minor if total is not None and total.currency == mine else None
        return cls(mine, told, prices) if prices or told is not None else None

    def notices(self, now: Quote, rules: Rules, titles: Mapping[str, str]) -> tuple[Notice, ...]:
        """What costs something else in ``now``, a quote of the very basket that was shown.

        Nothing is said between two currencies. ``titles`` are the lines' by id.
        """
        if now.currency != self.currency:
            return ()
        after = Seen.of(now)
        found = [
            notice
            for line in now.lines
            for notice in self._of_line(line.id, titles.get(line.id, line.id), line.quantity, after)
        ]
        if self.total is not None and after.total is not None and self.total != after.total:
            why = "".join(f"; {said}" for said in self._why(after, now, rules))
            told = f"what was shown at {self._money(self.total)} comes to {now.total} now{why}"
            found.append(Notice(TOTAL, told))
        return tuple(found)

    def _of_line(self, id_: str, title: str, quantity: int, after: "Seen") -> Iterator[Notice]:
        was, is_ = self.prices.get(id_), after.prices[id_]
        if was is not None and was != is_:
            said = f"{title} now costs {self._money(is_)}; it was shown at {self._money(was)}"
            yield Notice(PRICE, said, id_)
            return
        was, is_ = self.lines.get(id_), after.lines[id_]
        if was is not None and was != is_:
            told = f"{quantity} × {title}"
            said = f"{told}: {self._money(is_)} now; shown at {self._money(was)}"
            yield Notice(LINE, said, id_)

    def _money(self, minor: int) -> Money:
        return Money(minor, self.currency)

    def _why(self, after: "Seen", now: Quote, rules: Rules) -> Iterator[str]:
        """The promotions that take off another amount, by name where there still is one."""
        spent = {entry.rule for entry in now.trace if entry.reason == "quota_spent"}
        codes = {o.code for o in now.codes if o.reason == "discount_code_exhausted"}
        spent |= {use.promotion_id for use in self.uses if use.code in codes}
        known = {p.id: p for p in (*rules.past, *rules.promotions)}
        for id_ in {**self.off, **after.off}:
            was, is_ = self.off.get(id_, 0), after.off.get(id_, 0)
            promotion = known.get(id_)
            if was == is_ or promotion is None:
                continue
            if is_ and was:
                yield f"{promotion.title} takes {self._money(is_)} off, not {self._money(was)}"
            elif is_:
                yield f"{promotion.title} takes {self._money(is_)} off"
            elif promotion.why_not_now(now.at) == "over":
                yield f"{promotion.title} has ended"
            elif id_ in spent:
                yield f"{promotion.title} is used up"
            else:
                yield f"{promotion.title} takes nothing off any more"

    def standing(self, now: Standing, rules: Rules) -> Standing:
        """What is left for the basket that was shown, from what was looked up for another one.

        Where the other basket is not about a limit, it is taken to be as it was: a code is good,
        and of a sale there is what was shown.
        """
        codes = {normal(u.code): CodeFacts(u.promotion_id) for u in self.uses if u.code}
        units = {use.promotion_id: use.units for use in self.uses}
        sales = [p.id for p in rules.promotions if isinstance(p.effect, FlashSale)]
        first = any(p.id in self.off and p.conditions.first_order for p in rules.promotions)
        return replace(
            now,
            codes={**codes, **now.codes},
            quota_left={**{id_: units.get(id_, 0) for id_ in sales}, **now.quota_left},
            orders_before=0 if first and now.orders_before is None else now.orders_before,
        )

    def to_dict(self) -> dict[str, Any]:
        """JSON values, compact; the unit prices are kept with the lines."""
        told: dict[str, Any] = {"total": self.total, "lines": dict(self.lines)}
        if self.off:
            told["off"] = dict(self.off)
        if self.uses:
            told["uses"] = [[u.promotion_id, u.units, u.code] for u in self.uses]
        return told

    @classmethod
    def from_dict(cls, told: dict[str, Any], currency: str, prices: Mapping[str, int]) -> "Seen":
        """What :meth:`to_dict` wrote."""
        uses = tuple(Use(id_, units, code) for id_, units, code in told.get("uses", ()))
        return cls(currency, told["total"], prices, told["lines"], told.get("off", {}), uses)
