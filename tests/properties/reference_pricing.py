"""A second reading of docs/rules/pricing.md: brute force, slow, and written from that page alone.

It shares with the shop only the types in which baskets and rules are written down. Every unit is a
separate thing here, every share a fraction, and nothing is indexed, cached or clever. Numbers in
comments are the paragraphs of the page.
"""

import zoneinfo
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fractions import Fraction
from math import floor
from typing import Any

from shop.pricing.model.basket import Basket, BasketLine
from shop.pricing.model.promotions import Promotion
from shop.pricing.model.rule_set import RuleSet
from shop.pricing.model.targeting import Selection
from shop.pricing.model.usage_limits import UsageLimits


class NoPriceError(Exception):
    """1.1: a line has no price in the basket's currency."""


def round_share(share: Fraction, mode: str) -> int:  # 1.2
    below = floor(share)
    rest = share - below
    if rest > Fraction(1, 2):
        return below + 1
    if rest < Fraction(1, 2):
        return below
    if mode == "half_up":
        return below + 1
    if mode == "half_down":
        return below
    return below if below % 2 == 0 else below + 1


def share_out(amount: int, weights: list[int]) -> list[int]:  # 1.3
    if not weights:
        return []
    if sum(weights) == 0:
        weights = [1 for _ in weights]
    exact = [Fraction(amount * weight, sum(weights)) for weight in weights]
    parts = [floor(share) for share in exact]
    remainders = [share - floor(share) for share in exact]
    while sum(parts) < amount:
        best = None
        for place, remainder in enumerate(remainders):
            if best is None or remainder > remainders[best]:
                best = place
        assert best is not None
        parts[best] += 1
        remainders[best] = Fraction(-1)
    return parts


def evenly(amount: int, units: int) -> list[int]:  # 1.5
    return share_out(amount, [1] * units)


@dataclass
class Goods:
    """A line at work."""

    line: BasketLine
    price: int
    cost: int
    reduced: bool = False
    closed: bool = False
    stopped: bool = False
    in_group: bool = False  # reduced by an earlier promotion of a "first" group


@dataclass
class Unit:
    goods: Goods
    place: int
    cost: int
    serves: bool = False


@dataclass
class Result:
    """What a promotion would do, reckoned but not carried out."""

    promotion: Promotion
    off: dict[str, int] = field(default_factory=dict)
    takes: list[Goods] = field(default_factory=list)
    units: list[Unit] = field(default_factory=list)
    allotted: dict[str, int] = field(default_factory=dict)
    gift: int = 0
    value: int = 0
    shipping: int = 0
    applies: bool = False

    def deal(self) -> int:
        return sum(self.off.values()) + self.shipping + self.value


def selected(selection: Selection, line: BasketLine) -> bool:  # 4.4
    out = (
        line.product_id in selection.not_products
        or line.variant_id in selection.not_variants
        or bool(set(line.categories) & set(selection.not_categories))
    )
    if out:
        return False
    if not selection.products and not selection.variants and not selection.categories:
        return True
    return (
        line.product_id in selection.products
        or line.variant_id in selection.variants
        or bool(set(line.categories) & set(selection.categories))
    )


def folded(code: str) -> str:  # 4.2
    kept = ""
    for letter in code.upper():
        if letter in " -_.":
            continue
        kept += {"I": "1", "L": "1", "O": "0"}.get(letter, letter)
    return kept


class Naive:
    """One quote."""

    def __init__(self, basket: Basket, rules: RuleSet, at: datetime, limits: UsageLimits) -> None:
        self.basket = basket
        self.rules = rules
        self.at = at
        self.standing = limits
        self.mode = rules.rounding.mode.value
        self.applied: dict[str, int] = {}
        self.uses: dict[str, int] = {}
        self.gifts: dict[str, int] = {}
        self.gifts_left = dict(limits.gifts_remaining)
        self.shipping_price = basket.shipping.minor if basket.shipping else 0
        self.shipping = self.shipping_price
        self.shipping_reduced = False
        self.shipping_closed = False

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
        together = sum(x.quantity for x in basket.lines if x.variant_id == line.variant_id)
        offers = []
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
                    if e.article == article and e.min_quantity <= together
                ]
                if reached:
                    entry = max(reached, key=lambda e: e.min_quantity)
                    offers.append((price_list.priority, entry.price, price_list.id))
                    break
        if offers:
            _, price, name = min(offers)
            return price, name
        if line.unit_price.currency != basket.currency:
            raise NoPriceError
        return line.unit_price.minor, None

    # ------------------------------------------------------------------ 10 tax

    def where(self) -> Any:
        market = self.rules.market(self.basket.market)
        if market.tax == "none":
            return None
        if self.basket.destination is not None:
            return self.basket.destination
        return market.home if market.tax == "included" else None

    def rate(self, tax_class: str) -> int:  # 10.1
        where = self.where()
        if where is None or tax_class == "zero":
            return 0
        market = self.rules.market(self.basket.market)
        day = self.at.astimezone(zoneinfo.ZoneInfo(market.zone)).date()
        for wanted in (tax_class, "standard"):
            for region in (where.region, None):
                for rate in self.rules.tax.rates:
                    if (rate.country, rate.region, rate.tax_class) != (
                        where.country,
                        region,
                        wanted,
                    ):
                        continue
                    if rate.since is not None and day < rate.since:
                        continue
                    if rate.until is not None and day >= rate.until:
                        continue
                    return rate.rate
        return 0

    def reverse_charge(self) -> bool:  # 10.4
        market = self.rules.market(self.basket.market)
        where, customer = self.basket.destination, self.basket.customer
        if market.tax == "none" or market.home is None or where is None:
            return False
        if customer is None or not customer.vat_id:
            return False
        union, home = self.rules.tax.union, market.home.country
        given_by = {"EL": "GR"}.get(customer.vat_id[:2], customer.vat_id[:2])
        return (
            home in union
            and where.country in union
            and where.country != home
            and given_by in union
            and given_by != home
        )

    def net(self, amount: int, tax_class: str) -> int:
        rate = self.rate(tax_class)
        return round_share(Fraction(amount * 1_000_000, 1_000_000 + rate), self.mode)

    def tax_on(self, amount: int, rate: int, included: bool) -> int:  # 10.3
        of = 1_000_000 + rate if included else 1_000_000
        return round_share(Fraction(amount * rate, of), self.mode)

    # ------------------------------------------------------------------ 4 conditions

    def asked_for(self, promotion: Promotion) -> bool:  # 4.1
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

    def opened(self) -> dict[str, str]:  # 4.2
        """Promotions opened by a good code, and that code."""
        found: dict[str, str] = {}
        seen = []
        for typed in self.basket.codes:
            code = folded(typed)
            if code in seen:
                continue
            seen.append(code)
            facts = self.standing.codes.get(code)
            if facts is None or not self.good(facts):
                continue
            found.setdefault(facts.promotion_id, code)
        return found

    def of_codes(self) -> list[tuple[str, int] | str]:  # 4.2
        """What became of each code, in the order in which they were entered."""
        opened, seen = self.opened(), list[str]()
        told: list[tuple[str, int] | str] = []
        for typed in self.basket.codes:
            code = folded(typed)
            facts = self.standing.codes.get(code)
            stands = [promotion for promotion, by in opened.items() if by == code]
            if code in seen:
                told.append("discount_code_already_applied")
            elif stands:
                if stands[0] in self.applied:
                    told.append(("applied", self.applied[stands[0]]))
                else:
                    told.append("refused")
            elif facts is not None and self.good(facts):
                told.append("discount_code_already_applied")
            else:
                told.append("refused")
            seen.append(code)
        return told

    def good(self, facts: Any) -> bool:  # 4.2
        if facts.starts is not None and self.at < facts.starts:
            return False
        if facts.ends is not None and self.at >= facts.ends:
            return False
        if facts.uses_remaining is not None and facts.uses_remaining < 1:
            return False
        return facts.customer_uses_remaining is None or facts.customer_uses_remaining >= 1

    def amount(self, amounts: Any) -> int | None:  # 4.3
        for money in amounts:
            if money.currency == self.basket.currency:
                return int(money.minor)
        return None

    def sees(self, promotion: Promotion, skus: Goods) -> bool:  # 4.4, 4.7
        if promotion.effect.kind in ("gift", "shipping_off"):
            return True
        if skus.closed or skus.stopped or skus.in_group:
            return False
        return not (promotion.stacking.exclusive and skus.reduced)

    def about(self, promotion: Promotion, line: BasketLine) -> bool:
        if promotion.effect.kind == "bundle":  # 6.3
            return any(selected(part.goods, line) for part in promotion.effect.parts)  # type: ignore[union-attr]
        return selected(promotion.goods, line)

    def in_sight(self, promotion: Promotion) -> list[Goods]:
        return [g for g in self.goods if self.about(promotion, g.line) and self.sees(promotion, g)]

    def reached(self, promotion: Promotion) -> bool:  # 4.5
        conditions = promotion.conditions
        of = conditions.of
        if of is None:
            counted = self.in_sight(promotion)
        else:
            counted = [g for g in self.goods if selected(of, g.line) and self.sees(promotion, g)]
        if sum(g.line.quantity for g in counted) < conditions.min_quantity:
            return False
        if conditions.min_amount:
            least = self.amount(conditions.min_amount)
            if least is None or sum(g.cost for g in counted) < least:
                return False
        return True

    # ------------------------------------------------------------------ the effects

    def reckon(self, promotion: Promotion) -> Result:
        result = Result(promotion)
        sight = self.in_sight(promotion)
        if not sight or not self.reached(promotion):
            return result
        effect: Any = promotion.effect
        getattr(self, "reckon_" + effect.kind)(effect, sight, result)
        if effect.kind != "gift":
            result.applies = result.deal() > 0  # 4.8
        return result

    def take_lines(self, off: dict[str, int], sight: list[Goods], result: Result) -> None:
        for goods in sight:
            if off.get(goods.line.id, 0) > 0:
                result.off[goods.line.id] = off[goods.line.id]
                result.takes.append(goods)

    def reckon_percent_off(self, effect: Any, sight: list[Goods], result: Result) -> None:
        off = [
            round_share(Fraction(g.cost * effect.basis_points, 10_000), self.mode) for g in sight
        ]
        if effect.up_to:
            cap = self.amount(effect.up_to)
            if cap is None:
                return
            if sum(off) > cap:
                off = share_out(cap, off)
        self.take_lines({g.line.id: o for g, o in zip(sight, off, strict=True)}, sight, result)

    def reckon_amount_off(self, effect: Any, sight: list[Goods], result: Result) -> None:
        each = self.amount(effect.amount)
        if each is None:
            return
        self.take_lines(
            {
                g.line.id: min(g.cost, each * (g.line.quantity if effect.per == "unit" else 1))
                for g in sight
            },
            sight,
            result,
        )

    def reckon_limited_price(self, effect: Any, sight: list[Goods], result: Result) -> None:
        price = self.amount(effect.price)
        if price is None:
            return
        self.take_lines({g.line.id: g.cost - price * g.line.quantity for g in sight}, sight, result)

    def reckon_group_price(self, effect: Any, sight: list[Goods], result: Result) -> None:
        self.reckon_limited_price(effect, sight, result)

    def reckon_flash_sale(self, effect: Any, sight: list[Goods], result: Result) -> None:
        promotion = result.promotion
        left = [10**9]
        if effect.quota is not None:
            left.append(self.standing.quota_remaining.get(promotion.id, effect.quota))
        if effect.per_customer is not None:
            had = self.standing.customer_used.get(promotion.id, 0)
            left.append(effect.per_customer - had)
        units = max(0, min(left))
        price = self.amount(effect.price) if effect.price else None
        if effect.price and price is None:
            return
        off = {}
        for goods in sight:
            allotted = min(units, goods.line.quantity)
            dearest = sorted(evenly(goods.cost, goods.line.quantity), reverse=True)[:allotted]
            if price is not None:
                saved = sum(dearest) - price * allotted
            else:
                saved = round_share(Fraction(sum(dearest) * effect.basis_points, 10_000), self.mode)
            if saved > 0:
                off[goods.line.id] = saved
                if len(left) > 1:
                    result.allotted[goods.line.id] = allotted
                units -= allotted
        self.take_lines(off, sight, result)

    def free_units(self, goods_list: list[Goods]) -> list[Unit]:
        return [u for u in self.units if u.goods in goods_list and not u.serves]

    def reckon_buy_get(self, effect: Any, sight: list[Goods], result: Result) -> None:
        promotion = result.promotion
        buyable = self.free_units(sight)
        if effect.get is None:
            gettable = list(buyable)
        else:
            gettable = self.free_units(
                [g for g in self.goods if selected(effect.get, g.line) and self.sees(promotion, g)]
            )
        n = 0
        while effect.times is None or n < effect.times:
            if not self.can_be_had(buyable, gettable, n + 1, effect):
                break
            n += 1
        if n == 0:
            return
        ahead = sorted(gettable, key=lambda u: u.cost)  # stable: canonical order remains
        got: list[Unit] = []
        for unit in ahead:
            if len(got) == n * effect.get_quantity:
                break
            rest = [u for u in buyable if u is not unit and u not in got]
            if len(rest) >= n * effect.buy_quantity:
                got.append(unit)
        left = sorted([u for u in buyable if u not in got], key=lambda u: -u.cost)
        bought = left[: n * effect.buy_quantity]
        off: dict[str, int] = {}
        for unit in got:
            saved = round_share(Fraction(unit.cost * effect.basis_points, 10_000), self.mode)
            line_id = unit.goods.line.id
            off[line_id] = off.get(line_id, 0) + saved
        result.off = {line_id: saved for line_id, saved in off.items() if saved}
        result.units = got + bought
        result.takes = [u.goods for u in result.units]

    def can_be_had(self, buyable: list[Unit], gettable: list[Unit], n: int, effect: Any) -> bool:
        """Whether n times so many can be bought and n times so many others got: 6.2."""
        both = [u for u in buyable if u in gettable]
        for from_both in range(len(both) + 1):
            can_buy = len(buyable) - len(both) + from_both
            can_get = len(gettable) - len(both) + (len(both) - from_both)
            if can_buy >= n * effect.buy_quantity and can_get >= n * effect.get_quantity:
                return True
        return False

    def reckon_bundle(self, effect: Any, sight: list[Goods], result: Result) -> None:
        price = self.amount(effect.price)
        if price is None:
            return
        free = self.free_units(sight)
        off: dict[str, int] = {}
        n = 0
        while effect.times is None or n < effect.times:
            picked: list[Unit] = []
            full = True
            for part in effect.parts:
                fitting = [
                    u for u in free if selected(part.goods, u.goods.line) and u not in picked
                ]
                fitting.sort(key=lambda u: -u.cost)
                if len(fitting) < part.quantity:
                    full = False
                    break
                picked += fitting[: part.quantity]
            saved = sum(u.cost for u in picked) - price
            if not full or saved <= 0:
                break
            used = [g for g in self.goods if any(u.goods is g for u in picked)]
            shares = share_out(saved, [sum(u.cost for u in picked if u.goods is g) for g in used])
            for goods, share in zip(used, shares, strict=True):
                off[goods.line.id] = off.get(goods.line.id, 0) + share
            result.units += picked
            free = [u for u in free if u not in picked]
            n += 1
        result.off = {line_id: saved for line_id, saved in off.items() if saved}
        result.takes = [u.goods for u in result.units]

    def off_the_order(self, amount: int, sight: list[Goods], result: Result) -> None:  # 7.1
        base = sum(g.cost for g in sight)
        shares = share_out(min(amount, base), [g.cost for g in sight])
        for goods, share in zip(sight, shares, strict=True):
            if share:
                result.off[goods.line.id] = share
        result.takes = list(sight)

    def reckon_order_percent(self, effect: Any, sight: list[Goods], result: Result) -> None:
        base = sum(g.cost for g in sight)
        amount = round_share(Fraction(base * effect.basis_points, 10_000), self.mode)
        if effect.up_to:
            cap = self.amount(effect.up_to)
            if cap is None:
                return
            amount = min(amount, cap)
        self.off_the_order(amount, sight, result)

    def reckon_order_amount(self, effect: Any, sight: list[Goods], result: Result) -> None:
        amount = self.amount(effect.amount)
        if amount is not None:
            self.off_the_order(amount, sight, result)

    def reckon_spend_save(self, effect: Any, sight: list[Goods], result: Result) -> None:
        base = sum(g.cost for g in sight)
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
            amount = round_share(Fraction(base * tier.basis_points, 10_000), self.mode)
        self.off_the_order(amount, sight, result)

    def reckon_every_spend(self, effect: Any, sight: list[Goods], result: Result) -> None:
        base = sum(g.cost for g in sight)
        for every in effect.every:
            if every.spend.currency == self.basket.currency:
                times = base // every.spend.minor
                if effect.times is not None:
                    times = min(times, effect.times)
                self.off_the_order(times * every.save.minor, sight, result)

    def reckon_gift(self, effect: Any, sight: list[Goods], result: Result) -> None:  # 8.1
        left = self.gifts_left.get(effect.sku, effect.quantity)
        result.gift = min(effect.quantity, max(0, left))
        result.applies = result.gift > 0
        result.value = (self.amount(effect.value) or 0) * result.gift

    def reckon_shipping_off(  # 9.1
        self, effect: Any, sight: list[Goods], result: Result
    ) -> None:
        if self.basket.shipping is None or self.shipping == 0 or self.shipping_closed:
            return
        if result.promotion.stacking.exclusive and self.shipping_reduced:
            return
        if effect.methods and self.basket.shipping_method not in effect.methods:
            return
        off = 0
        if effect.basis_points is not None:
            off = round_share(Fraction(self.shipping * effect.basis_points, 10_000), self.mode)
        elif effect.amount:
            off = self.amount(effect.amount) or 0
        elif effect.price:
            price = self.amount(effect.price)
            off = 0 if price is None else self.shipping - price
        result.shipping = max(0, min(off, self.shipping))

    # ------------------------------------------------------------------ 4.6 stacking

    def carry_out(self, result: Result, only: set[str] | None = None) -> None:
        promotion, stacking = result.promotion, result.promotion.stacking
        taken = 0
        units = 0
        for goods in self.goods:
            saved = result.off.get(goods.line.id, 0)
            if only is not None and goods.line.id not in only:
                continue
            if saved:
                goods.cost -= saved
                assert goods.cost >= 0
                goods.reduced = True
                taken += saved
                units += result.allotted.get(goods.line.id, 0)
            if goods in result.takes:
                goods.closed = goods.closed or stacking.exclusive
                goods.stopped = goods.stopped or stacking.stop
        for unit in result.units:
            unit.serves = True
        if result.shipping:
            self.shipping -= result.shipping
            self.shipping_reduced = True
            taken += result.shipping
            if stacking.exclusive or stacking.stop:
                self.shipping_closed = True
        if result.gift:
            effect: Any = promotion.effect
            self.gifts[effect.sku] = self.gifts.get(effect.sku, 0) + result.gift
            if effect.sku in self.gifts_left:
                self.gifts_left[effect.sku] -= result.gift
        self.applied[promotion.id] = self.applied.get(promotion.id, 0) + taken
        if units:
            self.uses[promotion.id] = self.uses.get(promotion.id, 0) + units

    def step(self, name: str) -> None:
        opened = self.opened()
        running = [
            p
            for p in self.rules.promotions
            if p.effect.step.value == name
            and self.asked_for(p)
            and (not p.code_required or p.id in opened)
        ]
        declared = {g.id: g for g in self.rules.groups}

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
                self.best(name, members)
            elif mode == "first":
                self.first(name, members)
            else:
                for promotion in members:
                    result = self.reckon(promotion)
                    if result.applies:
                        self.carry_out(result)
        for goods in self.goods:
            goods.stopped = False

    def best(self, name: str, members: list[Promotion]) -> None:
        results = [r for r in (self.reckon(p) for p in members) if r.applies]
        if name != "lines":
            if results:
                self.carry_out(max(results, key=Result.deal))
            return
        wins: dict[str, Result] = {}
        for goods in self.goods:
            line_id = goods.line.id
            offers = [r for r in results if r.off.get(line_id, 0) > 0]
            if offers:
                wins[line_id] = max(offers, key=lambda r: r.off[line_id])
        for result in results:
            only = {line_id for line_id, winner in wins.items() if winner is result}
            if only:
                self.carry_out(result, only)

    def first(self, name: str, members: list[Promotion]) -> None:
        for promotion in members:
            result = self.reckon(promotion)
            if not result.applies:
                continue
            self.carry_out(result)
            if name != "lines":
                return
            for goods in self.goods:
                if goods.line.id in result.off:
                    goods.in_group = True
        for goods in self.goods:
            goods.in_group = False

    # ------------------------------------------------------------------ 2 the order of work

    def quote(self) -> dict[str, Any]:
        basket = self.basket
        market = self.rules.market(basket.market)
        included = market.tax == "included"
        reverse = self.reverse_charge()
        self.goods = []
        self.price_lists: dict[str, str | None] = {}
        for line in basket.lines:
            price, self.price_lists[line.id] = self.price_of(line)
            if reverse and included:
                price = self.net(price, line.tax_class)
            self.goods.append(Goods(line, price, price * line.quantity))
        if reverse and included:
            self.shipping_price = self.shipping = self.net(self.shipping_price, "shipping")
        self.goods.sort(  # 1.4
            key=lambda g: (
                g.line.variant_id,
                g.line.sku,
                g.price,
                g.line.quantity,
                g.line.tax_class,
                g.line.product_id,
                g.line.categories,
                g.line.id,
            )
        )
        self.units: list[Unit] = []
        self.step("lines")
        for goods in self.goods:  # 6.1
            for place, cost in enumerate(evenly(goods.cost, goods.line.quantity)):
                self.units.append(Unit(goods, place, cost))
        self.step("sets")
        self.step("order")
        self.step("gifts")
        self.step("shipping")
        included = included and not reverse
        taxes: dict[str, int] = {}
        units: dict[str, list[tuple[int, int]]] = {}
        for goods in self.goods:
            rate = 0 if reverse else self.rate(goods.line.tax_class)
            costs = evenly(goods.cost, goods.line.quantity)
            if self.rules.rounding.tax_by == "unit":
                split = [self.tax_on(cost, rate, included) for cost in costs]
            else:  # 10.3: the line's tax is split as its cost is
                split = evenly(self.tax_on(goods.cost, rate, included), goods.line.quantity)
            taxes[goods.line.id] = sum(split)
            units[goods.line.id] = list(zip(costs, split, strict=True))
        shipping_rate = 0 if reverse else self.rate("shipping")
        shipping_tax = self.tax_on(self.shipping, shipping_rate, included)
        tax = sum(taxes.values()) + shipping_tax
        subtotal = sum(g.price * g.line.quantity for g in self.goods)
        cost = sum(g.cost for g in self.goods)
        return {
            "subtotal": subtotal,
            "shipping": self.shipping_price,
            "discount": subtotal - cost + self.shipping_price - self.shipping,
            "tax": tax,
            "total": cost + self.shipping + (0 if included else tax),
            "lines": {
                g.line.id: (
                    g.price,
                    self.price_lists[g.line.id],
                    g.cost,
                    taxes[g.line.id],
                )
                for g in self.goods
            },
            "applied": dict(self.applied),
            "uses": dict(self.uses),
            "gifts": dict(self.gifts),
            "units": {g.line.id: units[g.line.id] for g in self.goods},
            "codes": self.of_codes(),
        }


def naive_quote(
    basket: Basket, *, rules: RuleSet, at: datetime, limits: UsageLimits
) -> dict[str, Any]:
    """The amounts of a quote, as the page says."""
    return Naive(basket, rules, at, limits).quote()
