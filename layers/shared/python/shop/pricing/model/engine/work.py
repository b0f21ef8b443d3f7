"""A basket at work: what each line costs by now, and who has taken hold of it.

Lines are numbered in canonical order (law of prices, 1.4) and amounts are minor units: nothing here
leaves the engine, so nothing here is frozen.
"""

from dataclasses import dataclass, field

from shop.kernel.money import Rounding
from shop.pricing.model.basket import Basket, BasketLine
from shop.pricing.model.effects import GiftWith
from shop.pricing.model.plan import Candidate
from shop.pricing.model.standing import Standing
from shop.pricing.model.trace import Step, TraceEntry

OPEN, STOPPED, CLOSED = 0, 1, 2


class Run:
    """Units of one line that cost the same, as far as no set has them yet (law of prices, 6.1)."""

    __slots__ = ("cost", "free", "line")

    def __init__(self, line: int, cost: int, free: int) -> None:
        self.line = line
        self.cost = cost
        self.free = free


@dataclass(slots=True)
class Deal:
    """What a promotion would do here: reckoned, not carried out.

    ``off`` are line numbers and amounts; a deal over the whole order leaves them open and gives
    ``spread``, an amount to be split over ``takes`` when it is carried out. ``takes`` are the lines
    it takes hold of (``None``: those of ``off``). ``reason`` says why it does not apply.
    """

    off: list[tuple[int, int]] = field(default_factory=list)
    spread: int = 0
    takes: list[int] | None = None
    claims: list[tuple[Run, int]] = field(default_factory=list)
    allotted: dict[int, int] | None = None
    gift: int = 0
    worth: int = 0
    shipping: int = 0
    reason: str = ""
    detail: str = ""

    @property
    def amount(self) -> int:
        """What it takes off, all in all."""
        if self.spread or self.shipping:
            return self.spread + self.shipping
        return sum(amount for _, amount in self.off)


class Work:
    """One quote in the making."""

    __slots__ = (
        "any_shut",
        "basket",
        "cost",
        "currency",
        "discounts",
        "gifts",
        "gifts_left",
        "lines",
        "opened",
        "quantity",
        "reduced",
        "rounding",
        "runs",
        "ship",
        "ship_discounts",
        "ship_reduced",
        "ship_shut",
        "shut",
        "skip",
        "standing",
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
        standing: Standing,
    ) -> None:
        self.basket = basket
        self.currency = basket.currency
        self.lines = lines
        self.quantity = [line.quantity for line in lines]
        self.cost = [price * line.quantity for price, line in zip(prices, lines, strict=True)]
        self.shut = [OPEN] * len(lines)
        self.skip = [False] * len(lines)
        self.reduced = [False] * len(lines)
        self.any_shut = False
        self.discounts: list[list[tuple[Candidate, int]]] = [[] for _ in lines]
        self.runs: list[list[Run]] = []
        self.ship = ship
        self.ship_discounts: list[tuple[Candidate, int]] = []
        self.ship_reduced = False
        self.ship_shut = OPEN
        self.rounding = rounding
        self.standing = standing
        self.gifts: list[tuple[Candidate, GiftWith, int]] = []
        self.gifts_left = dict(standing.gifts_left)
        self.units: dict[str, int] = {}
        self.opened: dict[str, str] = {}
        self.trace: list[TraceEntry] = []

    def seen(self, candidate: Candidate, numbers: list[int]) -> list[int]:
        """Of these lines those that the promotion sees (law of prices, 4.4 and 4.7)."""
        if candidate.step is Step.GIFTS or candidate.step is Step.SHIPPING:
            return numbers
        shut, skip = self.shut, self.skip
        if candidate.exclusive:
            reduced = self.reduced
            return [n for n in numbers if not (shut[n] or skip[n] or reduced[n])]
        if self.any_shut:
            return [n for n in numbers if not (shut[n] or skip[n])]
        return numbers

    def why_unseen(self, candidate: Candidate, numbers: list[int]) -> str:
        """The reason why none of these lines is seen."""
        if all(self.shut[n] == CLOSED for n in numbers):
            return "closed"
        if candidate.exclusive and any(self.reduced[n] and not self.shut[n] for n in numbers):
            return "not_alone"
        if any(self.skip[n] for n in numbers):
            return "earlier_in_group"
        return "stopped"

    def split_into_units(self) -> None:
        """Each line into runs of units that cost the same, the dearer ones first."""
        self.runs = []
        for number, cost in enumerate(self.cost):
            each, over = divmod(cost, self.quantity[number])
            runs = [Run(number, each + 1, over)] if over else []
            runs.append(Run(number, each, self.quantity[number] - over))
            self.runs.append(runs)

    def reopen(self) -> None:
        """A step is over: what was stopped for its length is open again."""
        if self.any_shut:
            self.shut = [CLOSED if state == CLOSED else OPEN for state in self.shut]
            self.any_shut = any(self.shut)

    def note(
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
                self.opened.get(candidate.id),
            )
        )
