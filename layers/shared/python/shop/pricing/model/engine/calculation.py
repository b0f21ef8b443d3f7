"""A basket at work: what each line costs by now, and who has taken hold of it.

Lines are numbered in canonical order (law of prices, 1.4) and amounts are minor units: nothing here
leaves the engine, so nothing here is frozen.
"""

from dataclasses import dataclass, field

from shop.kernel.money import Rounding
from shop.pricing.model.basket import Basket, BasketLine
from shop.pricing.model.effects import GiftWith
from shop.pricing.model.promotion_index import Candidate
from shop.pricing.model.trace import PricingStage, TraceEntry
from shop.pricing.model.usage_limits import UsageLimits

OPEN, STOPPED, CLOSED = 0, 1, 2


class UnitRun:
    """Units of one line that cost the same, as far as no set has them yet (law of prices, 6.1)."""

    __slots__ = ("cost", "free", "line")

    def __init__(self, line: int, cost: int, free: int) -> None:
        self.line = line
        self.cost = cost
        self.free = free


@dataclass(slots=True)
class DiscountProposal:
    """What a promotion would do here: reckoned, not carried out.

    ``off`` are line numbers and amounts; a deal over the whole order leaves them open and gives
    ``spread``, an amount to be split over ``takes`` when it is carried out. ``takes`` are the lines
    it takes hold of (``None``: those of ``off``). ``reason`` says why it does not apply.
    """

    line_discounts: list[tuple[int, int]] = field(default_factory=list)
    order_discount: int = 0
    affected_lines: list[int] | None = None
    claims: list[tuple[UnitRun, int]] = field(default_factory=list)
    allotted: dict[int, int] | None = None
    gift: int = 0
    worth: int = 0
    shipping: int = 0
    reason: str = ""
    detail: str = ""

    @property
    def amount(self) -> int:
        """What it takes off, all in all."""
        if self.order_discount or self.shipping:
            return self.order_discount + self.shipping
        return sum(amount for _, amount in self.line_discounts)


class QuoteCalculation:
    """One quote in the making."""

    __slots__ = (
        "any_locked",
        "basket",
        "codes_by_promotion",
        "cost",
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
        "ship_discounts",
        "ship_reduced",
        "shipping",
        "shipping_locked",
        "skip",
        "trace",
        "units",
    )

    def __init__(
        self,
        basket: Basket,
        lines: list[BasketLine],
        prices: list[int],
        ship: int | None,
        rounding: Rounding,
        limits: UsageLimits,
    ) -> None:
        self.basket = basket
        self.currency = basket.currency
        self.lines = lines
        self.quantity = [line.quantity for line in lines]
        self.cost = [price * line.quantity for price, line in zip(prices, lines, strict=True)]
        self.locked = [OPEN] * len(lines)
        self.skip = [False] * len(lines)
        self.reduced = [False] * len(lines)
        self.any_locked = False
        self.discounts: list[list[tuple[Candidate, int]]] = [[] for _ in lines]
        self.runs: list[list[UnitRun]] = []
        self.shipping = ship
        self.ship_discounts: list[tuple[Candidate, int]] = []
        self.ship_reduced = False
        self.shipping_locked = OPEN
        self.rounding = rounding
        self.limits = limits
        self.gifts: list[tuple[Candidate, GiftWith, int]] = []
        self.gifts_remaining = dict(limits.gifts_remaining)
        self.units: dict[str, int] = {}
        self.codes_by_promotion: dict[str, str] = {}
        self.trace: list[TraceEntry] = []

    def visible_lines(self, candidate: Candidate, numbers: list[int]) -> list[int]:
        """Of these lines those that the promotion sees (law of prices, 4.4 and 4.7)."""
        if candidate.step is PricingStage.GIFTS or candidate.step is PricingStage.SHIPPING:
            return numbers
        shut, skip = self.locked, self.skip
        if candidate.exclusive:
            reduced = self.reduced
            return [n for n in numbers if not (shut[n] or skip[n] or reduced[n])]
        if self.any_locked:
            return [n for n in numbers if not (shut[n] or skip[n])]
        return numbers

    def invisible_reason(self, candidate: Candidate, numbers: list[int]) -> str:
        """The reason why none of these lines is seen."""
        if all(self.locked[n] == CLOSED for n in numbers):
            return "closed"
        if candidate.exclusive and any(self.reduced[n] and not self.locked[n] for n in numbers):
            return "not_alone"
        if any(self.skip[n] for n in numbers):
            return "earlier_in_group"
        return "stopped"

    def split_into_units(self) -> None:
        """Each line into runs of units that cost the same, the dearer ones first."""
        self.runs = []
        for number, cost in enumerate(self.cost):
            each, over = divmod(cost, self.quantity[number])
            runs = [UnitRun(number, each + 1, over)] if over else []
            runs.append(UnitRun(number, each, self.quantity[number] - over))
            self.runs.append(runs)

    def unlock_step(self) -> None:
        """A step is over: what was stopped for its length is open again."""
        if self.any_locked:
            self.locked = [CLOSED if state == CLOSED else OPEN for state in self.locked]
            self.any_locked = any(self.locked)

    def trace_promotion(
        self,
        candidate: Candidate,
        amount: int = 0,
        applied: bool = False,
        reason: str = "",
        detail: str = "",
        lines: tuple[str, ...] = (),
    ) -> None:
        """Write down that this promotion was tried."""
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
