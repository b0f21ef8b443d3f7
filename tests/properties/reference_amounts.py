"""Rounding, splitting and the state of a calculation, for the reference implementation.

Numbers in comments are the sections of docs/rules/pricing.md.
"""

from dataclasses import dataclass, field
from fractions import Fraction
from math import floor

from shop.pricing.model.basket import BasketLine
from shop.pricing.model.promotions import Promotion
from shop.pricing.model.targeting import Selection


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


def split_amount(amount: int, weights: list[int]) -> list[int]:  # 1.3
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


def split_evenly(amount: int, units: int) -> list[int]:  # 1.5
    return split_amount(amount, [1] * units)


@dataclass
class LineState:
    """A line during the calculation."""

    line: BasketLine
    price: int
    cost: int
    reduced: bool = False
    locked: bool = False
    locked_for_step: bool = False
    taken_in_group: bool = False  # reduced by an earlier promotion of a "first" group


@dataclass
class Unit:
    state: LineState
    place: int
    cost: int
    is_claimed: bool = False


@dataclass
class Result:
    """The effect of a promotion, calculated but not applied."""

    promotion: Promotion
    discounts: dict[str, int] = field(default_factory=dict)
    affected: list[LineState] = field(default_factory=list)
    units: list[Unit] = field(default_factory=list)
    counted_units: dict[str, int] = field(default_factory=dict)
    gift_units: int = 0
    gift_value: int = 0
    shipping_discount: int = 0
    applies: bool = False

    def saving(self) -> int:
        return sum(self.discounts.values()) + self.shipping_discount + self.gift_value


def is_selected(selection: Selection, line: BasketLine) -> bool:  # 4.4
    is_excluded = (
        line.product_id in selection.not_products
        or line.variant_id in selection.not_variants
        or bool(set(line.categories) & set(selection.not_categories))
    )
    if is_excluded:
        return False
    if not selection.products and not selection.variants and not selection.categories:
        return True
    return (
        line.product_id in selection.products
        or line.variant_id in selection.variants
        or bool(set(line.categories) & set(selection.categories))
    )


def normalized(code: str) -> str:  # 4.2
    result = ""
    for character in code.upper():
        if character in " -_.":
            continue
        result += {"I": "1", "L": "1", "O": "0"}.get(character, character)
    return result
