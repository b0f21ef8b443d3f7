"""The effects of promotions in the reference implementation.

Numbers in comments are the sections of docs/rules/pricing.md.
"""

from fractions import Fraction
from typing import Any

from shop.pricing.model.promotions import Promotion
from tests.properties.reference_amounts import (
    LineState,
    Result,
    Unit,
    is_selected,
    round_share,
    split_amount,
    split_evenly,
)
from tests.properties.reference_conditions import ReferenceConditions


class ReferenceEffects(ReferenceConditions):
    """The effect of each kind of promotion on one quote."""

    units: list[Unit]

    def evaluate(self, promotion: Promotion) -> Result:
        result = Result(promotion)
        visible = self.visible_lines(promotion)
        if not visible or not self.meets_thresholds(promotion):
            return result
        effect: Any = promotion.effect
        getattr(self, "evaluate_" + effect.kind)(effect, visible, result)
        if effect.kind != "gift":
            result.applies = result.saving() > 0  # 4.8
        return result

    def discount_lines(
        self, discounts: dict[str, int], visible: list[LineState], result: Result
    ) -> None:
        for state in visible:
            if discounts.get(state.line.id, 0) > 0:
                result.discounts[state.line.id] = discounts[state.line.id]
                result.affected.append(state)

    def evaluate_percent_off(self, effect: Any, visible: list[LineState], result: Result) -> None:
        discounts = [
            round_share(Fraction(state.cost * effect.off_ppm, 1_000_000), self.mode)
            for state in visible
        ]
        if effect.up_to:
            cap = self.amount(effect.up_to)
            if cap is None:
                return
            if sum(discounts) > cap:
                discounts = split_amount(cap, discounts)
        self.discount_lines(
            {state.line.id: amount for state, amount in zip(visible, discounts, strict=True)},
            visible,
            result,
        )

    def evaluate_amount_off(self, effect: Any, visible: list[LineState], result: Result) -> None:
        each = self.amount(effect.amount)
        if each is None:
            return
        self.discount_lines(
            {
                state.line.id: min(
                    state.cost, each * (state.line.quantity if effect.per == "unit" else 1)
                )
                for state in visible
            },
            visible,
            result,
        )

    def evaluate_limited_price(self, effect: Any, visible: list[LineState], result: Result) -> None:
        price = self.amount(effect.price)
        if price is None:
            return
        self.discount_lines(
            {state.line.id: state.cost - price * state.line.quantity for state in visible},
            visible,
            result,
        )

    def evaluate_group_price(self, effect: Any, visible: list[LineState], result: Result) -> None:
        self.evaluate_limited_price(effect, visible, result)

    def evaluate_flash_sale(self, effect: Any, visible: list[LineState], result: Result) -> None:
        promotion = result.promotion
        limits = [10**9]
        if effect.quota is not None:
            limits.append(self.limits.quota_remaining.get(promotion.id, effect.quota))
        if effect.per_customer is not None:
            used = self.limits.customer_used.get(promotion.id, 0)
            limits.append(effect.per_customer - used)
        units = max(0, min(limits))
        price = self.amount(effect.price) if effect.price else None
        if effect.price and price is None:
            return
        discounts = {}
        for state in visible:
            allotted = min(units, state.line.quantity)
            most_expensive = sorted(split_evenly(state.cost, state.line.quantity), reverse=True)[
                :allotted
            ]
            if price is not None:
                saved = sum(most_expensive) - price * allotted
            else:
                saved = round_share(
                    Fraction(sum(most_expensive) * effect.off_ppm, 1_000_000), self.mode
                )
            if saved > 0:
                discounts[state.line.id] = saved
                if len(limits) > 1:
                    result.counted_units[state.line.id] = allotted
                units -= allotted
        self.discount_lines(discounts, visible, result)

    def unclaimed_units(self, states: list[LineState]) -> list[Unit]:
        return [u for u in self.units if u.state in states and not u.is_claimed]

    def evaluate_buy_get(self, effect: Any, visible: list[LineState], result: Result) -> None:
        promotion = result.promotion
        buyable = self.unclaimed_units(visible)
        if effect.get is None:
            gettable = list(buyable)
        else:
            gettable = self.unclaimed_units(
                [
                    state
                    for state in self.lines
                    if is_selected(effect.get, state.line) and self.is_visible(promotion, state)
                ]
            )
        n = 0
        while effect.times is None or n < effect.times:
            if not self.is_possible(buyable, gettable, n + 1, effect):
                break
            n += 1
        if n == 0:
            return
        cheapest_first = sorted(gettable, key=lambda u: u.cost)  # stable: canonical order remains
        got: list[Unit] = []
        for unit in cheapest_first:
            if len(got) == n * effect.get_quantity:
                break
            rest = [u for u in buyable if u is not unit and u not in got]
            if len(rest) >= n * effect.buy_quantity:
                got.append(unit)
        most_expensive_first = sorted([u for u in buyable if u not in got], key=lambda u: -u.cost)
        bought = most_expensive_first[: n * effect.buy_quantity]
        discounts: dict[str, int] = {}
        for unit in got:
            saved = round_share(Fraction(unit.cost * effect.off_ppm, 1_000_000), self.mode)
            line_id = unit.state.line.id
            discounts[line_id] = discounts.get(line_id, 0) + saved
        result.discounts = {line_id: saved for line_id, saved in discounts.items() if saved}
        result.units = got + bought
        result.affected = [u.state for u in result.units]

    def is_possible(self, buyable: list[Unit], gettable: list[Unit], n: int, effect: Any) -> bool:
        """Whether n times the units to buy and n times other units to get are available (6.2)."""
        both = [u for u in buyable if u in gettable]
        for from_both in range(len(both) + 1):
            can_buy = len(buyable) - len(both) + from_both
            can_get = len(gettable) - len(both) + (len(both) - from_both)
            if can_buy >= n * effect.buy_quantity and can_get >= n * effect.get_quantity:
                return True
        return False

    def evaluate_bundle(self, effect: Any, visible: list[LineState], result: Result) -> None:
        price = self.amount(effect.price)
        if price is None:
            return
        free = self.unclaimed_units(visible)
        discounts: dict[str, int] = {}
        n = 0
        while effect.times is None or n < effect.times:
            picked: list[Unit] = []
            is_complete = True
            for part in effect.parts:
                matching = [
                    u for u in free if is_selected(part.goods, u.state.line) and u not in picked
                ]
                matching.sort(key=lambda u: -u.cost)
                if len(matching) < part.quantity:
                    is_complete = False
                    break
                picked += matching[: part.quantity]
            saved = sum(u.cost for u in picked) - price
            if not is_complete or saved <= 0:
                break
            used = [state for state in self.lines if any(u.state is state for u in picked)]
            shares = split_amount(
                saved, [sum(u.cost for u in picked if u.state is state) for state in used]
            )
            for state, share in zip(used, shares, strict=True):
                discounts[state.line.id] = discounts.get(state.line.id, 0) + share
            result.units += picked
            free = [u for u in free if u not in picked]
            n += 1
        result.discounts = {line_id: saved for line_id, saved in discounts.items() if saved}
        result.affected = [u.state for u in result.units]

    def discount_order(self, amount: int, visible: list[LineState], result: Result) -> None:  # 7.1
        base = sum(state.cost for state in visible)
        shares = split_amount(min(amount, base), [state.cost for state in visible])
        for state, share in zip(visible, shares, strict=True):
            if share:
                result.discounts[state.line.id] = share
        result.affected = list(visible)

    def evaluate_order_percent(self, effect: Any, visible: list[LineState], result: Result) -> None:
        base = sum(state.cost for state in visible)
        amount = round_share(Fraction(base * effect.off_ppm, 1_000_000), self.mode)
        if effect.up_to:
            cap = self.amount(effect.up_to)
            if cap is None:
                return
            amount = min(amount, cap)
        self.discount_order(amount, visible, result)

    def evaluate_order_amount(self, effect: Any, visible: list[LineState], result: Result) -> None:
        amount = self.amount(effect.amount)
        if amount is not None:
            self.discount_order(amount, visible, result)

    def evaluate_spend_save(self, effect: Any, visible: list[LineState], result: Result) -> None:
        base = sum(state.cost for state in visible)
        tiers = [
            t
            for t in effect.tiers
            if t.spend.currency == self.basket.currency and t.spend.minor <= base
        ]
        if not tiers:
            return
        tier = max(tiers, key=lambda t: t.spend.minor)
        if tier.save is not None:
            amount = tier.save.minor
        else:
            amount = round_share(Fraction(base * tier.off_ppm, 1_000_000), self.mode)
        self.discount_order(amount, visible, result)

    def evaluate_every_spend(self, effect: Any, visible: list[LineState], result: Result) -> None:
        base = sum(state.cost for state in visible)
        for every in effect.every:
            if every.spend.currency == self.basket.currency:
                times = base // every.spend.minor
                if effect.times is not None:
                    times = min(times, effect.times)
                self.discount_order(times * every.save.minor, visible, result)

    def evaluate_gift(self, effect: Any, visible: list[LineState], result: Result) -> None:  # 8.1
        remaining = self.gifts_remaining.get(effect.sku, effect.quantity)
        result.gift_units = min(effect.quantity, max(0, remaining))
        result.applies = result.gift_units > 0
        result.gift_value = (self.amount(effect.value) or 0) * result.gift_units

    def evaluate_shipping_off(  # 9.1
        self, effect: Any, visible: list[LineState], result: Result
    ) -> None:
        if self.basket.shipping is None or self.shipping == 0 or self.shipping_locked:
            return
        if result.promotion.stacking.exclusive and self.shipping_reduced:
            return
        if effect.methods and self.basket.shipping_method not in effect.methods:
            return
        discount = 0
        if effect.off_ppm is not None:
            discount = round_share(Fraction(self.shipping * effect.off_ppm, 1_000_000), self.mode)
        elif effect.amount:
            discount = self.amount(effect.amount) or 0
        elif effect.price:
            price = self.amount(effect.price)
            discount = 0 if price is None else self.shipping - price
        result.shipping_discount = max(0, min(discount, self.shipping))
