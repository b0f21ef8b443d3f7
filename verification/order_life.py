"""Proof 9: the order's life cycle.

Hypothesis drives up to four orders at once through 50 steps, 2,000 times: bought with every token,
paid late, called off, shipped in parts, tracked by a carrier of no manners, swept, their deadlines
passing at any time, their provider down, every event late, twice and in any order; over the state
machine that is deployed, on the doubles that run the stores' own suites. After each step the books
balance, and at the end every order has come to an end and settled. The broken shop forgets refunds.
"""

from collections import Counter
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import seed as seeded
from hypothesis.stateful import run_state_machine_as_test

from shop.orders.model import MAY_BECOME, OrderStatus
from tests.unit.orders.order_simulation import OrderSimulation
from tests.unit.orders.test_state_machine import OrderLifeCycle, WithoutRefunds
from verification.options import Options
from verification.report import TestReport

NUMBER = 9
CLAIM = "order life cycle"
LIVES, STEPS = 2_000, 50
BROKEN = "money of orders called off is not given back"


def prove(options: Options) -> list[TestReport]:
    """Run the proof, or its broken variant."""
    clock = options.clock()
    counted: Counter[str] = Counter()

    class Watched(OrderLifeCycle):
        def __init__(self) -> None:
            super().__init__()
            self.simulation = WithoutRefunds() if options.broken else OrderSimulation()
            self.seen: dict[str, OrderStatus] = {}

        def check_invariants(self, *more: Any, **others: Any) -> None:
            counted["steps"] += 1
            for order in self.simulation.orders.list_all():
                before = self.seen.get(order.id, order.status)
                reached = before is order.status or order.status in _onward(before)
                counted["illegal"] += not reached
                self.seen[order.id] = order.status
            super().check_invariants(*more, **others)

        def teardown(self) -> None:
            super().teardown()
            counted["lives"] += 1
            for order in self.simulation.orders.list_all():
                counted[order.status.value] += 1

    run = settings(
        max_examples=options.points or LIVES,
        stateful_step_count=STEPS,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    findings: tuple[str, ...] = ()
    try:
        run_state_machine_as_test(seeded(options.seed)(Watched), settings=run)
    except (AssertionError, BaseExceptionGroup) as error:
        findings = (f"{type(error).__name__}: {error}"[:500],)
    ends = ", ".join(
        f"{status} {counted[status]:,}" for status in OrderStatus if not MAY_BECOME[status]
    )
    figures = (
        f"{counted['lives']:,} lives, {counted['steps']:,} steps in memory ({ends}), "
        f"illegal transitions {counted['illegal']}, books out of order {len(findings)}"
    )
    return [
        TestReport(
            NUMBER,
            CLAIM,
            passed=not findings and not counted["illegal"],
            figures=figures,
            seed=options.seed,
            seconds=clock(),
            findings=findings,
            broken=BROKEN if options.broken else None,
        )
    ]


def _onward(status: OrderStatus) -> set[OrderStatus]:
    """Where an order may be some steps later; one step here may be several of the order's."""
    onward: set[OrderStatus] = set()
    ahead = set(MAY_BECOME[status])
    while ahead:
        onward |= ahead
        ahead = {after for each in ahead for after in MAY_BECOME[each]} - onward
    return onward
