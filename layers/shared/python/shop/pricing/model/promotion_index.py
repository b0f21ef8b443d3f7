"""Rules made ready to be asked: promotions in the order in which they are tried, found by what they
touch.
"""

from collections.abc import Iterable, Sequence

from shop.pricing.model.basket import BasketLine
from shop.pricing.model.effects import Bundle, Effect
from shop.pricing.model.promotions import Promotion, StackingGroup, StackingMode
from shop.pricing.model.targeting import Selection
from shop.pricing.model.trace import PricingStage

_STEPS = (
    PricingStage.LINES,
    PricingStage.SETS,
    PricingStage.ORDER,
    PricingStage.GIFTS,
    PricingStage.SHIPPING,
)


class Candidate:
    """A promotion with what the engine asks of it on every quote, looked up once."""

    __slots__ = (
        "code_required",
        "conditions",
        "effect",
        "exclusive",
        "goods",
        "group",
        "id",
        "leaves_out",
        "mode",
        "place",
        "promotion",
        "step",
        "stop",
        "thresholds",
    )

    def __init__(self, promotion: Promotion, group: StackingGroup) -> None:
        self.promotion = promotion
        self.id = promotion.id
        self.effect: Effect = promotion.effect
        self.step: PricingStage = promotion.effect.step
        self.group = group.id
        self.mode = group.mode
        self.exclusive = promotion.stacking.exclusive
        self.stop = promotion.stacking.stop
        self.code_required = promotion.code_required
        self.conditions = promotion.conditions
        self.thresholds = bool(self.conditions.min_quantity or self.conditions.min_amount)
        self.goods: tuple[Selection, ...] = (
            tuple(part.goods for part in promotion.effect.parts)
            if isinstance(promotion.effect, Bundle)
            else (promotion.goods,)
        )
        self.leaves_out = any(
            goods.not_products or goods.not_variants or goods.not_categories for goods in self.goods
        )
        self.place = 0


class PromotionIndex:
    """The candidates of some rules, numbered in the order in which they are tried (law of prices,
    4.6).
    """

    def __init__(self, promotions: Sequence[Promotion], groups: Sequence[StackingGroup]) -> None:
        declared = {group.id: group for group in groups}

        def group_of(promotion: Promotion) -> StackingGroup:
            name = promotion.stacking.group
            return declared.get(name) or StackingGroup(name, StackingMode.BEST)

        candidates = [Candidate(promotion, group_of(promotion)) for promotion in promotions]
        candidates.sort(
            key=lambda c: (
                _STEPS.index(c.step),
                group_of(c.promotion).priority,
                c.group,
                c.promotion.stacking.priority,
                c.id,
            )
        )
        self.candidates = candidates
        self.by_id = {candidate.id: candidate for candidate in candidates}
        self._everywhere: list[int] = []
        self._by_product: dict[str, list[int]] = {}
        self._by_variant: dict[str, list[int]] = {}
        self._by_category: dict[str, list[int]] = {}
        for place, candidate in enumerate(candidates):
            candidate.place = place
            if any(goods.everything for goods in candidate.goods):
                self._everywhere.append(place)
                continue
            for goods in candidate.goods:
                _post(self._by_product, goods.products, place)
                _post(self._by_variant, goods.variants, place)
                _post(self._by_category, goods.categories, place)

    def candidates_for(self, lines: Sequence[BasketLine]) -> list[tuple[Candidate, list[int]]]:
        """The candidates about any of the lines, in order, each with the lines' numbers."""
        touched: dict[int, list[int]] = {}
        by_product, by_variant, by_category = (
            self._by_product,
            self._by_variant,
            self._by_category,
        )
        for number, line in enumerate(lines):
            postings = by_product.get(line.product_id)
            if postings:
                _note(touched, postings, number)
            postings = by_variant.get(line.variant_id)
            if postings:
                _note(touched, postings, number)
            for category in line.categories:
                postings = by_category.get(category)
                if postings:
                    _note(touched, postings, number)
        every = list(range(len(lines)))
        if every:
            for place in self._everywhere:
                touched[place] = every
        found = []
        for place in sorted(touched):
            candidate, numbers = self.candidates[place], touched[place]
            if candidate.leaves_out:
                numbers = [
                    number
                    for number in numbers
                    if any(goods.contains(lines[number]) for goods in candidate.goods)
                ]
            if numbers:
                found.append((candidate, numbers))
        return found


def _post(postings: dict[str, list[int]], names: Iterable[str], place: int) -> None:
    for name in names:
        places = postings.setdefault(name, [])
        if not places or places[-1] != place:
            places.append(place)


def _note(touched: dict[int, list[int]], postings: list[int], number: int) -> None:
    for place in postings:
        numbers = touched.get(place)
        if numbers is None:
            touched[place] = [number]
        elif numbers[-1] != number:
            numbers.append(number)
