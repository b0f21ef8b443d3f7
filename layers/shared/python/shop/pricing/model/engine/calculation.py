"""The mutable state of one price calculation.

Lines are numbered in canonical order (docs/rules/pricing.md §1.4), and every amount is a number of
minor units. These classes never leave the engine, so they are mutable for speed.
"""

from dataclasses import dataclass, field

from shop.kernel.money import Rounding
from shop.pricing.model.basket import Basket, BasketLine
from shop.pricing.model.effects import FreeGift
from shop.pricing.model.promotion_index import Candidate
from shop.pricing.model.trace import PricingStep, TraceEntry
from shop.pricing.model.usage_limits import UsageLimits

UNLOCKED, LOCKED_FOR_STEP, LOCKED = 0, 1, 2
"""Lock states of a line, weakest first (§4.7).

A stop promotion locks for the rest of its step, an exclusive promotion for the rest of the
calculation. The states are integers, because the hot path tests them by truth value.
"""


class UnitRun:
    """Units of one line at the same cost; ``free`` of them serve no set yet (§6.1)."""

    __slots__ = ("cost", "free", "line")

    def __init__(self, line: int, cost: int, free: int) -> None:
        self.line = line
        self.cost = cost
        self.free = free


@dataclass(slots=True)
class DiscountProposal:
    """The calculated effect of a promotion, before it is applied.

    ``line_discounts`` are pairs of line number and amount. An order promotion proposes
    ``order_discount`` instead: one amount, split over ``affected_lines`` when it is applied.
    ``affected_lines`` are the lines that the promotion may lock (``None``: those of
    ``line_discounts``). ``counted_units`` are the units per line that count against a limit.
    ``reason`` is set if the promotion does not apply.
    """

    line_discounts: list[tuple[int, int]] = field(default_factory=list)
    order_discount: int = 0
    affected_lines: list[int] | None = None
    claimed_units: list[tuple[UnitRun, int]] = field(default_factory=list)
    counted_units: dict[int, int] | None = None
    gift_units: int = 0
    gift_value: int = 0
    shipping_discount: int = 0
    reason: str = ""
    detail: str = ""

    @property
    def amount(self) -> int:
        """The sum of all discounts on goods and shipping."""
        if self.order_discount or self.shipping_discount:
            return self.order_discount + self.shipping_discount
        return sum(amount for _, amount in self.line_discounts)


class QuoteCalculation:
    """One quote while it is calculated. Lists are indexed by line number."""

    __slots__ = (
        "any_hidden",
        "basket",
        "codes_by_promotion",
        "cost",
        "counted_units",
        "currency",
        "discounts",
        "gifts",
        "gifts_remaining",
        "limits",
        "lines",
        "locked",
        "quantity",
        "reduced",
        "rounding",
        "runs",
        "shipping",
        "shipping_discounts",
        "shipping_locked",
        "shipping_reduced",
        "taken_in_group",
        "trace",
    )

    def __init__(
        self,
        basket: Basket,
        lines: list[BasketLine],
        prices: list[int],
        shipping: int | None,
        rounding: Rounding,
        limits: UsageLimits,
    ) -> None:
        self.basket = basket
        self.currency = basket.currency
        self.lines = lines
        self.quantity = [line.quantity for line in lines]
        self.cost = [price * line.quantity for price, line in zip(prices, lines, strict=True)]
        self.locked = [UNLOCKED] * len(lines)
        self.taken_in_group = [False] * len(lines)
        self.reduced = [False] * len(lines)
        self.any_hidden = False
        self.discounts: list[list[tuple[Candidate, int]]] = [[] for _ in lines]
        self.runs: list[list[UnitRun]] = []
        self.shipping = shipping
        self.shipping_discounts: list[tuple[Candidate, int]] = []
        self.shipping_reduced = False
        self.shipping_locked = UNLOCKED
        self.rounding = rounding
        self.limits = limits
        self.gifts: list[tuple[Candidate, FreeGift, int]] = []
        self.gifts_remaining = dict(limits.gifts_remaining)
        self.counted_units: dict[str, int] = {}
        self.codes_by_promotion: dict[str, str] = {}
        self.trace: list[TraceEntry] = []

    def visible_lines(self, candidate: Candidate, numbers: list[int]) -> list[int]:
        """Return the lines among ``numbers`` that the promotion sees (§4.4, §4.7)."""
        # §4.4: gift and shipping promotions see locked goods too.
        if candidate.step is PricingStep.GIFTS or candidate.step is PricingStep.SHIPPING:
            return numbers
        locked, taken = self.locked, self.taken_in_group
        # §4.7: an exclusive promotion sees only goods that nothing has reduced yet.
        if candidate.exclusive:
            reduced = self.reduced
            return [n for n in numbers if not (locked[n] or taken[n] or reduced[n])]
        # Most baskets lock nothing: skip the scan of all lines.
        if self.any_hidden:
            return [n for n in numbers if not (locked[n] or taken[n])]
        return numbers

    def hidden_reason(self, candidate: Candidate, numbers: list[int]) -> str:
        """Return the reason why the promotion sees none of these lines."""
        if all(self.locked[n] == LOCKED for n in numbers):
            return "locked_by_exclusive"
        if candidate.exclusive and any(self.reduced[n] and not self.locked[n] for n in numbers):
            return "already_reduced"
        if any(self.taken_in_group[n] for n in numbers):
            return "earlier_in_group"
        return "locked_by_stop"

    def split_into_units(self) -> None:
        """Split each line into runs of units of equal cost (§1.5).

        The most expensive units come first.
        """
        self.runs = []
        for number, cost in enumerate(self.cost):
            unit_cost, remainder = divmod(cost, self.quantity[number])
            runs = [UnitRun(number, unit_cost + 1, remainder)] if remainder else []
            runs.append(UnitRun(number, unit_cost, self.quantity[number] - remainder))
            self.runs.append(runs)

    def unlock_step(self) -> None:
        """Release the locks that hold until the end of a step (§4.7)."""
        if self.any_hidden:
            self.locked = [LOCKED if state == LOCKED else UNLOCKED for state in self.locked]
            self.any_hidden = any(self.locked)

    def trace_promotion(
        self,
        candidate: Candidate,
        amount: int = 0,
        applied: bool = False,
        reason: str = "",
        detail: str = "",
        lines: tuple[str, ...] = (),
    ) -> None:
        """Add the result of one promotion to the trace."""
        self.trace.append(
            TraceEntry(
                candidate.step,
                candidate.id,
                applied,
                amount,
                reason,
                detail,
                lines,
                self.codes_by_promotion.get(candidate.id),
            )
        )
