"""A reference implementation of docs/rules/pricing.md: brute force, written from that page alone.

It shares only the types of baskets and rules with the shop. Every unit is an object, every share a
fraction, and nothing is indexed or cached. Numbers in comments are the sections of the page.
"""

from datetime import datetime
from typing import Any

from shop.pricing.model.basket import Basket
from shop.pricing.model.promotions import Promotion
from shop.pricing.model.rule_set import RuleSet
from shop.pricing.model.usage_limits import UsageLimits
from tests.properties.reference_amounts import LineState, Result, Unit, split_evenly
from tests.properties.reference_effects import ReferenceEffects


class ReferenceCalculation(ReferenceEffects):
    """The calculation of one quote: stacking (4.6) and the order of the steps (2)."""

    def apply(self, result: Result, only: set[str] | None = None) -> None:
        promotion, stacking = result.promotion, result.promotion.stacking
        amount = 0
        units = 0
        for state in self.lines:
            saved = result.discounts.get(state.line.id, 0)
            if only is not None and state.line.id not in only:
                continue
            if saved:
                state.cost -= saved
                assert state.cost >= 0
                state.reduced = True
                amount += saved
                units += result.counted_units.get(state.line.id, 0)
            if state in result.affected:
                state.locked = state.locked or stacking.exclusive
                state.locked_for_step = state.locked_for_step or stacking.stop
        for unit in result.units:
            unit.is_claimed = True
        if result.shipping_discount:
            self.shipping -= result.shipping_discount
            self.shipping_reduced = True
            amount += result.shipping_discount
            if stacking.exclusive or stacking.stop:
                self.shipping_locked = True
        if result.gift_units:
            effect: Any = promotion.effect
            self.gifts[effect.sku] = self.gifts.get(effect.sku, 0) + result.gift_units
            if effect.sku in self.gifts_remaining:
                self.gifts_remaining[effect.sku] -= result.gift_units
        self.applied[promotion.id] = self.applied.get(promotion.id, 0) + amount
        if units:
            self.uses[promotion.id] = self.uses.get(promotion.id, 0) + units

    def run_step(self, name: str) -> None:
        opened = self.opened_promotions()
        running = [
            p
            for p in self.rules.promotions
            if p.effect.step.value == name
            and self.applies_to_customer(p)
            and (not p.code_required or p.id in opened)
        ]
        declared = {group.id: group for group in self.rules.groups}

        def group_key(group_id: str) -> tuple[int, str]:
            group = declared.get(group_id)
            return (group.priority if group else 100, group_id)

        for group_id in sorted({p.stacking.group for p in running}, key=group_key):
            members = sorted(
                (p for p in running if p.stacking.group == group_id),
                key=lambda p: (p.stacking.priority, p.id),
            )
            mode = declared[group_id].mode.value if group_id in declared else "best"
            if mode == "best":
                self.apply_best(name, members)
            elif mode == "first":
                self.apply_first(name, members)
            else:
                for promotion in members:
                    result = self.evaluate(promotion)
                    if result.applies:
                        self.apply(result)
        for state in self.lines:
            state.locked_for_step = False

    def apply_best(self, name: str, members: list[Promotion]) -> None:
        results = [r for r in (self.evaluate(p) for p in members) if r.applies]
        if name != "lines":
            if results:
                self.apply(max(results, key=Result.saving))
            return
        winners: dict[str, Result] = {}
        for state in self.lines:
            line_id = state.line.id
            candidates = [r for r in results if r.discounts.get(line_id, 0) > 0]
            if candidates:
                winners[line_id] = max(candidates, key=lambda r: r.discounts[line_id])
        for result in results:
            only = {line_id for line_id, winner in winners.items() if winner is result}
            if only:
                self.apply(result, only)

    def apply_first(self, name: str, members: list[Promotion]) -> None:
        for promotion in members:
            result = self.evaluate(promotion)
            if not result.applies:
                continue
            self.apply(result)
            if name != "lines":
                return
            for state in self.lines:
                if state.line.id in result.discounts:
                    state.taken_in_group = True
        for state in self.lines:
            state.taken_in_group = False

    # ------------------------------------------------------------------ 2 calculation order

    def quote(self) -> dict[str, Any]:
        market = self.rules.market(self.basket.market)
        reverse = self.reverse_charge()
        self.set_prices(converts_to_net=reverse and market.tax == "included")
        self.run_step("lines")
        self.units = []
        for state in self.lines:  # 6.1
            for place, cost in enumerate(split_evenly(state.cost, state.line.quantity)):
                self.units.append(Unit(state, place, cost))
        for step in ("sets", "order", "gifts", "shipping"):
            self.run_step(step)
        included = market.tax == "included" and not reverse
        units = {
            state.line.id: self.taxed_units(
                state, 0 if reverse else self.rate(state.line.tax_class), included
            )
            for state in self.lines
        }
        taxes = {line_id: sum(tax for _, tax in split) for line_id, split in units.items()}
        shipping_parts = self.shipping_parts(  # 10.3a
            self.shipping, [(state.line.tax_class, state.cost) for state in self.lines]
        )
        tax = sum(taxes.values())
        if not reverse:
            tax += sum(self.tax_of(part, rate, included) for part, rate in shipping_parts)
        subtotal = sum(state.price * state.line.quantity for state in self.lines)
        cost = sum(state.cost for state in self.lines)
        return {  # 2.3
            "subtotal": subtotal,
            "shipping": self.shipping_price,
            "discount": subtotal - cost + self.shipping_price - self.shipping,
            "tax": tax,
            "total": cost + self.shipping + (0 if included else tax),
            "lines": {
                state.line.id: (
                    state.price,
                    self.price_lists[state.line.id],
                    state.cost,
                    taxes[state.line.id],
                )
                for state in self.lines
            },
            "applied": dict(self.applied),
            "uses": dict(self.uses),
            "gifts": dict(self.gifts),
            "units": units,
            "codes": self.code_outcomes(),
        }

    def set_prices(self, *, converts_to_net: bool) -> None:  # 3, 10.4
        self.lines = []
        self.price_lists: dict[str, str | None] = {}
        gross: list[tuple[str, int]] = []
        for line in self.basket.lines:
            price, self.price_lists[line.id] = self.price_of(line)
            if converts_to_net:
                gross.append((line.tax_class, price * line.quantity))
                price = self.net(price, self.rate(line.tax_class))
            self.lines.append(LineState(line, price, price * line.quantity))
        if converts_to_net:
            parts = self.shipping_parts(self.shipping_price, gross)
            self.shipping_price = self.shipping = sum(self.net(*part) for part in parts)
        self.lines.sort(  # 1.4
            key=lambda state: (
                state.line.variant_id,
                state.line.sku,
                state.price,
                state.line.quantity,
                state.line.tax_class,
                state.line.product_id,
                state.line.categories,
                state.line.id,
            )
        )

    def taxed_units(  # 10.3
        self, state: LineState, rate: int, included: bool
    ) -> list[tuple[int, int]]:
        costs = split_evenly(state.cost, state.line.quantity)
        if self.rules.rounding.tax_by == "unit":
            taxes = [self.tax_of(cost, rate, included) for cost in costs]
        else:  # the line's tax is split as its cost is
            taxes = split_evenly(self.tax_of(state.cost, rate, included), state.line.quantity)
        return list(zip(costs, taxes, strict=True))


def reference_quote(
    basket: Basket, *, rules: RuleSet, at: datetime, limits: UsageLimits
) -> dict[str, Any]:
    """The amounts of a quote, as the page defines them."""
    return ReferenceCalculation(basket, rules, at, limits).quote()
