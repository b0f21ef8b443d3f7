"""Verification 9: the life cycle of an order.

Hypothesis drives up to four orders at once through 50 steps, 2,000 times: bought with every token,
paid late, cancelled, shipped in parts, tracked by an unreliable carrier, swept; deadlines pass at
any time, the provider fails, and every event is late, repeated and in any order. The deployed state
machine runs on the test doubles that pass the stores' own suites. After each step the invariants
hold, and at the end every order has reached a final state. The mutant forgets refunds.
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
from verification.report import VerificationReport

NUMBER = 9
CLAIM = "order life cycle"
ORDER_LIVES, STEPS = 2_000, 50
MUTANT = "cancelled orders are not refunded"


def run(options: Options) -> list[VerificationReport]:
    """Run the verification, or its mutant."""
    elapsed = options.stopwatch()
    counts: Counter[str] = Counter()
    run_settings = settings(
        max_examples=options.points or ORDER_LIVES,
        stateful_step_count=STEPS,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    findings: tuple[str, ...] = ()
    watched = seeded(options.seed)(_watched(counts, broken=options.broken))
    try:
        run_state_machine_as_test(watched, settings=run_settings)
    except (AssertionError, BaseExceptionGroup) as error:
        findings = (f"{type(error).__name__}: {error}"[:500],)
    final = ", ".join(
        f"{status} {counts[status]:,}" for status in OrderStatus if not MAY_BECOME[status]
    )
    return [
        VerificationReport(
            NUMBER,
            CLAIM,
            # A run without orders would find nothing wrong.
            passed=not findings and not counts["illegal"] and counts["orders"] > 0,
            figures=(
                f"{counts['lives']:,} lives, {counts['steps']:,} steps in memory ({final}), "
                f"illegal transitions {counts['illegal']}, broken invariants {len(findings)}"
            ),
            seed=options.seed,
            seconds=elapsed(),
            findings=findings,
            mutant=MUTANT if options.broken else None,
        )
    ]


def _watched(counts: Counter[str], *, broken: bool) -> type[OrderLifeCycle]:
    """Return the state machine of the unit tests, with every transition counted."""

    class Watched(OrderLifeCycle):
        def __init__(self) -> None:
            super().__init__()
            self.simulation = WithoutRefunds() if broken else OrderSimulation()
            self.last_status: dict[str, OrderStatus] = {}

        def check_invariants(self, *args: Any, **kwargs: Any) -> None:
            counts["steps"] += 1
            for order in self.simulation.orders.list_all():
                before = self.last_status.get(order.id, order.status)
                legal = before is order.status or order.status in _reachable(before)
                counts["illegal"] += not legal
                self.last_status[order.id] = order.status
            super().check_invariants(*args, **kwargs)

        def teardown(self) -> None:
            super().teardown()
            counts["lives"] += 1
            for order in self.simulation.orders.list_all():
                counts["orders"] += 1
                counts[order.status.value] += 1

    return Watched


def _reachable(status: OrderStatus) -> set[OrderStatus]:
    """Return every later status: one step of the machine may be several of an order."""
    reachable: set[OrderStatus] = set()
    ahead = set(MAY_BECOME[status])
    while ahead:
        reachable |= ahead
        ahead = {after for each in ahead for after in MAY_BECOME[each]} - reachable
    return reachable
