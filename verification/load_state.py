"""Load tests, worker function after the sale: the invariants, and what was sold."""

from collections import Counter

from shop.orders.model import OrderStatus
from shop.pricing.model.usage import CODE_USES, CUSTOMER_USES, QUOTA
from shop.pricing.store.usage_shards import counter_key
from tests.kit.invariants import read_system_state, violations
from tests.kit.system_state import SystemState
from verification.load_test import session_id
from verification.worker_pool import ProgressReporter
from verification.worker_result import WorkerResult

MAX_FINDINGS = 20


def check_state(progress: ProgressReporter, *, keys: int = 0, history: bool = True) -> WorkerResult:
    """Check the invariants, and count orders, charges, usage and credits."""
    state = read_system_state(
        idempotency_keys={session_id(n): 1 for n in range(keys)}, history=history
    )
    found = violations(state)
    result = WorkerResult(
        violations=len(found),
        findings=tuple(str(violation) for violation in found[:MAX_FINDINGS]),
    )
    result.rules.update(violation.rule for violation in found)
    _count_orders(state, result)
    _count_limits(state, result)
    oversold = sum(-row["available"] for row in state.stock.values() if row["available"] < 0)
    result.counts["orders without stock"] = result.rules["I5"] + oversold
    return result


def _count_orders(state: SystemState, result: WorkerResult) -> None:
    counts = result.counts
    counts.update(f"orders {order.status}" for order in state.orders)
    sold = [order for order in state.orders if order.status is not OrderStatus.CANCELLED]
    counts["sold"] = sum(line.quantity for order in sold for line in order.lines)
    counts["orders"] = len(sold)
    charges = [charge for charges in state.charges.values() for charge in charges]
    counts["charges"] = len(charges)
    counts["charged"] = sum(charge.held for charge in charges)
    counts["paid by credits"] = sum(order.paid_by_credits for order in sold)
    usage = [each for order in sold for each in order.usage]
    counts["coupon orders"] = sum(each.kind == CODE_USES for each in usage)
    counts["coupon customers"] = len({u.name for u in usage if u.kind == CUSTOMER_USES})
    reserved: Counter[str] = Counter()
    for order in sold:
        # An unpaid order's reservation is abandoned, so whatever it still holds has leaked.
        if order.status is not OrderStatus.PLACED:
            for reservation in order.reservations:
                reserved[reservation.sku] += reservation.quantity
    for sku, row in state.stock.items():
        counts["leaked"] += abs(row["reserved"] + row["committed"] - reserved[sku])


def _count_limits(state: SystemState, result: WorkerResult) -> None:
    counts = result.counts
    for name, row in state.usage.items():
        counts["coupon uses"] += row["used"] if name.startswith(counter_key(CODE_USES, "")) else 0
        counts["quota"] += row["used"] if name.startswith(counter_key(QUOTA, "")) else 0
        counts["negative usage"] += sum(number < 0 for number in row.values())
    for stored in state.credit_accounts.values():
        counts["credit balance"] += stored.balance
