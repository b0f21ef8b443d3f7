"""Prices, taxes and conditions in the reference implementation.

Numbers in comments are the sections of docs/rules/pricing.md.
"""

import zoneinfo
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any

from shop.pricing.model.basket import Basket, BasketLine
from shop.pricing.model.promotions import Promotion
from shop.pricing.model.rule_set import RuleSet
from shop.pricing.model.usage_limits import UsageLimits
from tests.properties.reference_amounts import LineState, is_selected, normalized, round_share


class NoPriceError(Exception):
    """1.1: a line has no price in the basket's currency."""


class ReferenceConditions:
    """Prices, taxes and conditions of one quote."""

    lines: list[LineState]

    def __init__(self, basket: Basket, rules: RuleSet, at: datetime, limits: UsageLimits) -> None:
        self.basket = basket
        self.rules = rules
        self.at = at
        self.limits = limits
        self.mode = rules.rounding.mode.value
        self.tax_mode = rules.rounding.for_tax.value
        self.applied: dict[str, int] = {}
        self.uses: dict[str, int] = {}
        self.gifts: dict[str, int] = {}
        self.gifts_remaining = dict(limits.gifts_remaining)
        self.shipping_price = basket.shipping.minor if basket.shipping else 0
        self.shipping = self.shipping_price
        self.shipping_reduced = False
        self.shipping_locked = False

    # ------------------------------------------------------------------ 3 price

    def in_force(self, window: Any) -> bool:  # 4.1
        if window.starts is not None and self.at < window.starts:
            return False
        if window.ends is not None and self.at >= window.ends:
            return False
        local = self.at.astimezone(zoneinfo.ZoneInfo(window.zone))
        day = local.date()
        if window.hours is not None:
            begin, end = window.hours
            clock = local.time()
            if begin < end:
                if not (begin <= clock < end):
                    return False
            else:
                if not (clock >= begin or clock < end):
                    return False
                if clock < end:
                    day -= timedelta(days=1)
        return not window.weekdays or day.weekday() in window.weekdays

    def price_of(self, line: BasketLine) -> tuple[int, str | None]:
        basket = self.basket
        units_of_variant = sum(x.quantity for x in basket.lines if x.variant_id == line.variant_id)
        candidates = []
        for price_list in self.rules.price_lists:
            if price_list.currency != basket.currency or not self.in_force(price_list.window):
                continue
            if price_list.markets and basket.market not in price_list.markets:
                continue
            if price_list.channels and basket.channel not in price_list.channels:
                continue
            groups = basket.customer.groups if basket.customer else ()
            if price_list.groups and not set(groups) & set(price_list.groups):
                continue
            for article in (line.variant_id, line.product_id):
                reached = [
                    e
                    for e in price_list.entries
                    if e.article == article and e.min_quantity <= units_of_variant
                ]
                if reached:
                    entry = max(reached, key=lambda e: e.min_quantity)
                    candidates.append((price_list.priority, entry.price, price_list.id))
                    break
        if candidates:
            _, price, name = min(candidates)
            return price, name
        if line.unit_price.currency != basket.currency:
            raise NoPriceError
        return line.unit_price.minor, None

    # ------------------------------------------------------------------ 10 tax

    def tax_destination(self) -> Any:
        market = self.rules.market(self.basket.market)
        if market.tax == "none":
            return None
        if self.basket.destination is not None:
            return self.basket.destination
        return market.home if market.tax == "included" else None

    def rate(self, tax_class: str) -> int:  # 10.1
        destination = self.tax_destination()
        if destination is None or tax_class == "zero":
            return 0
        market = self.rules.market(self.basket.market)
        day = self.at.astimezone(zoneinfo.ZoneInfo(market.zone)).date()
        for requested_class in (tax_class, "standard"):
            for region in (destination.region, None):
                for rate in self.rules.tax.rates:
                    if (rate.country, rate.region, rate.tax_class) != (
                        destination.country,
                        region,
                        requested_class,
                    ):
                        continue
                    if rate.since is not None and day < rate.since:
                        continue
                    if rate.until is not None and day >= rate.until:
                        continue
                    return rate.rate
        return 0

    def shipping_parts(self, amount: int, goods: list[tuple[str, int]]) -> list[tuple[int, int]]:
        """The parts of a shipping cost, each with its rate (10.3a)."""
        destination = self.tax_destination()
        own = [
            rate.rate
            for region in ((destination.region, None) if destination else ())
            for rate in self.rules.tax.rates
            if (rate.country, rate.region, rate.tax_class)
            == (destination.country, region, "shipping")
        ]
        if own or not goods:
            return [(amount, own[0] if own else self.rate("standard"))]
        by_rate: dict[int, int] = {}
        for tax_class, cost in goods:
            by_rate[self.rate(tax_class)] = by_rate.get(self.rate(tax_class), 0) + cost
        rates = sorted(by_rate, reverse=True)
        weights = [by_rate[rate] for rate in rates]
        if not any(weights):
            weights = [1] * len(rates)
        shares = [Fraction(amount * weight, sum(weights)) for weight in weights]  # 1.3
        parts = [int(share) for share in shares]
        by_remainder = sorted(range(len(parts)), key=lambda i: parts[i] - shares[i])
        for i in by_remainder[: amount - sum(parts)]:
            parts[i] += 1
        return list(zip(parts, rates, strict=True))

    def reverse_charge(self) -> bool:  # 10.4
        market = self.rules.market(self.basket.market)
        destination, customer = self.basket.destination, self.basket.customer
        if market.tax == "none" or market.home is None or destination is None:
            return False
        if customer is None or not customer.vat_id:
            return False
        # 10.9: Northern Ireland counts as a member for goods.
        union, home = {*self.rules.tax.union, "XI"}, market.home.country
        issuer = {"EL": "GR"}.get(customer.vat_id[:2], customer.vat_id[:2])
        return (
            home in union
            and destination.country in union
            and destination.country != home
            and issuer in union
            and issuer != home
        )

    def net(self, amount: int, rate: int) -> int:
        return round_share(Fraction(amount * 1_000_000, 1_000_000 + rate), self.mode)

    def tax_of(self, amount: int, rate: int, included: bool) -> int:  # 10.3
        base = 1_000_000 + rate if included else 1_000_000
        return round_share(Fraction(amount * rate, base), self.tax_mode)

    # ------------------------------------------------------------------ 4 conditions

    def applies_to_customer(self, promotion: Promotion) -> bool:  # 4.1
        conditions, basket, customer = (
            promotion.conditions,
            self.basket,
            self.basket.customer,
        )
        if not promotion.published:
            return False
        if promotion.ended_at is not None and self.at >= promotion.ended_at:
            return False
        if not self.in_force(conditions.window):
            return False
        if conditions.channels and basket.channel not in conditions.channels:
            return False
        if conditions.markets and basket.market not in conditions.markets:
            return False
        groups = customer.groups if customer else ()
        segments = customer.segments if customer else ()
        if conditions.groups and not set(groups) & set(conditions.groups):
            return False
        if conditions.segments and not set(segments) & set(conditions.segments):
            return False
        if conditions.signed_in and (customer is None or customer.id is None):
            return False
        return not (conditions.first_order and (customer is None or customer.previous_orders != 0))

    def opened_promotions(self) -> dict[str, str]:  # 4.2
        """The promotions that a valid code opens, each with its code."""
        opened: dict[str, str] = {}
        known = []
        for raw_code in self.basket.codes:
            code = normalized(raw_code)
            if code in known:
                continue
            known.append(code)
            status = self.limits.codes.get(code)
            if status is None or not self.is_valid(status):
                continue
            opened.setdefault(status.promotion_id, code)
        return opened

    def code_outcomes(self) -> list[tuple[str, int] | str]:  # 4.2
        """The outcome of each code, in the order of the basket."""
        opened, known = self.opened_promotions(), list[str]()
        outcomes: list[tuple[str, int] | str] = []
        for raw_code in self.basket.codes:
            code = normalized(raw_code)
            status = self.limits.codes.get(code)
            promotions = [promotion for promotion, by in opened.items() if by == code]
            if code in known:
                outcomes.append("discount_code_already_applied")
            elif promotions:
                if promotions[0] in self.applied:
                    outcomes.append(("applied", self.applied[promotions[0]]))
                else:
                    outcomes.append("rejected")
            elif status is not None and self.is_valid(status):
                outcomes.append("discount_code_already_applied")
            else:
                outcomes.append("rejected")
            known.append(code)
        return outcomes

    def is_valid(self, status: Any) -> bool:  # 4.2
        if status.starts is not None and self.at < status.starts:
            return False
        if status.ends is not None and self.at >= status.ends:
            return False
        if status.uses_remaining is not None and status.uses_remaining < 1:
            return False
        return status.customer_uses_remaining is None or status.customer_uses_remaining >= 1

    def amount(self, amounts: Any) -> int | None:  # 4.3
        for money in amounts:
            if money.currency == self.basket.currency:
                return int(money.minor)
        return None

    def is_visible(self, promotion: Promotion, state: LineState) -> bool:  # 4.4, 4.7
        if promotion.effect.kind in ("gift", "shipping_off"):
            return True
        if state.locked or state.locked_for_step or state.taken_in_group:
            return False
        return not (promotion.stacking.exclusive and state.reduced)

    def targets(self, promotion: Promotion, line: BasketLine) -> bool:
        if promotion.effect.kind == "bundle":  # 6.3
            return any(is_selected(part.goods, line) for part in promotion.effect.parts)  # type: ignore[union-attr]
        return is_selected(promotion.goods, line)

    def visible_lines(self, promotion: Promotion) -> list[LineState]:
        return [
            state
            for state in self.lines
            if self.targets(promotion, state.line) and self.is_visible(promotion, state)
        ]

    def meets_thresholds(self, promotion: Promotion) -> bool:  # 4.5
        conditions = promotion.conditions
        counted_goods = conditions.of
        if counted_goods is None:
            counted = self.visible_lines(promotion)
        else:
            counted = [
                state
                for state in self.lines
                if is_selected(counted_goods, state.line) and self.is_visible(promotion, state)
            ]
        if sum(state.line.quantity for state in counted) < conditions.min_quantity:
            return False
        if conditions.min_amount:
            minimum = self.amount(conditions.min_amount)
            if minimum is None or sum(state.cost for state in counted) < minimum:
                return False
        return True
