"""An index of promotions by the goods that they target."""

from collections.abc import Iterable, Sequence

from shop.pricing.model.basket import BasketLine
from shop.pricing.model.effects import Bundle, Effect
from shop.pricing.model.promotions import Promotion, StackingGroup, StackingMode
from shop.pricing.model.targeting import Selection
from shop.pricing.model.trace import PricingStep

_STEPS = (
    PricingStep.LINES,
    PricingStep.SETS,
    PricingStep.ORDER,
    PricingStep.GIFTS,
    PricingStep.SHIPPING,
)


class Candidate:
    """A promotion with attributes that every quote needs, computed once per rule set."""

    __slots__ = (
        "code_required",
        "conditions",
        "effect",
        "exclusive",
        "goods",
        "group",
        "has_exclusions",
        "has_thresholds",
        "id",
        "mode",
        "promotion",
        "step",
        "stop",
    )

    def __init__(self, promotion: Promotion, group: StackingGroup) -> None:
        self.promotion = promotion
        self.id = promotion.id
        self.effect: Effect = promotion.effect
        self.step: PricingStep = promotion.effect.step
        self.group = group.id
        self.mode = group.mode
        self.exclusive = promotion.stacking.exclusive
        self.stop = promotion.stacking.stop
        self.code_required = promotion.code_required
        self.conditions = promotion.conditions
        self.has_thresholds = bool(self.conditions.min_quantity or self.conditions.min_amount)
        # §6.3: a bundle targets the goods of its parts.
        self.goods: tuple[Selection, ...] = (
            tuple(part.goods for part in promotion.effect.parts)
            if isinstance(promotion.effect, Bundle)
            else (promotion.goods,)
        )
        self.has_exclusions = any(goods.has_exclusions for goods in self.goods)


class PromotionIndex:
    """The candidates of a rule set in the order of docs/rules/pricing.md §4.6.

    Positions in that order are indexed by product, variant and category. A quote therefore touches
    only the promotions of its own goods, however many the shop runs.
    """

    def __init__(self, promotions: Sequence[Promotion], groups: Sequence[StackingGroup]) -> None:
        declared = {group.id: group for group in groups}

        def group_of(promotion: Promotion) -> StackingGroup:
            # §4.6: an undeclared group has mode "best" and the default priority.
            name = promotion.stacking.group
            return declared.get(name) or StackingGroup(name, StackingMode.BEST)

        candidates = [Candidate(promotion, group_of(promotion)) for promotion in promotions]
        # §4.6: by step, group and priority. Ids come last, so that the order is always the same.
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
        self._for_all_goods: list[int] = []
        self._by_product: dict[str, list[int]] = {}
        self._by_variant: dict[str, list[int]] = {}
        self._by_category: dict[str, list[int]] = {}
        for position, candidate in enumerate(candidates):
            if any(goods.everything for goods in candidate.goods):
                self._for_all_goods.append(position)
                continue
            for goods in candidate.goods:
                _index_names(self._by_product, goods.products, position)
                _index_names(self._by_variant, goods.variants, position)
                _index_names(self._by_category, goods.categories, position)

    def candidates_for(self, lines: Sequence[BasketLine]) -> list[tuple[Candidate, list[int]]]:
        """Return the candidates that target a line, in order, each with its line numbers."""
        matches: dict[int, list[int]] = {}
        by_product, by_variant, by_category = (
            self._by_product,
            self._by_variant,
            self._by_category,
        )
        for number, line in enumerate(lines):
            positions = by_product.get(line.product_id)
            if positions:
                _add_line(matches, positions, number)
            positions = by_variant.get(line.variant_id)
            if positions:
                _add_line(matches, positions, number)
            for category in line.categories:
                positions = by_category.get(category)
                if positions:
                    _add_line(matches, positions, number)
        all_numbers = list(range(len(lines)))
        if all_numbers:
            for position in self._for_all_goods:
                matches[position] = all_numbers
        candidates = []
        for position in sorted(matches):
            candidate, numbers = self.candidates[position], matches[position]
            # The index holds inclusions only: exclusions are checked line by line.
            if candidate.has_exclusions:
                numbers = [
                    number
                    for number in numbers
                    if any(goods.contains(lines[number]) for goods in candidate.goods)
                ]
            if numbers:
                candidates.append((candidate, numbers))
        return candidates


def _index_names(index: dict[str, list[int]], names: Iterable[str], position: int) -> None:
    for name in names:
        positions = index.setdefault(name, [])
        # Two parts of one bundle may name the same goods.
        if not positions or positions[-1] != position:
            positions.append(position)


def _add_line(matches: dict[int, list[int]], positions: list[int], number: int) -> None:
    for position in positions:
        numbers = matches.get(position)
        if numbers is None:
            matches[position] = [number]
        # A line may match by product, variant and category at once.
        elif numbers[-1] != number:
            numbers.append(number)
