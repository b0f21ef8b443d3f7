"""Verification 6: webhooks in any order reach one final state.

Every valid report of a provider about a payment, and of carriers about two shipments, arrives in
any order, once or several times, through the shop's own actions. In any order, the payment, the
shipments and the order end as they do when every report arrives once and in time. The mutant keeps
the report that arrived last.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from shop.orders.model import Order, OrderStatus, Shipment, ShipmentStatus, TrackingEvent
from shop.payments.model import Payment, PaymentStatus, ProviderPaymentState
from tests.kit.orders import BLACK_FRIDAY, make_order
from verification.options import Options
from verification.report import VerificationReport

NUMBER = 6
CLAIM = "webhooks in any order"
SEQUENCES = 6_000
MAX_REPEATED = 8
"""Reports of a sequence that arrive once more."""
MAX_FINDINGS = 5
MUTANT = "the report that arrived last counts"

Report = ProviderPaymentState | tuple[str, TrackingEvent]
"""A provider's report of a payment, or a carrier's report of the shipment with this id."""
Apply = Callable[[Order, Report, datetime], Order]


def run(options: Options) -> list[VerificationReport]:
    """Run the verification, or its mutant."""
    elapsed = options.stopwatch()
    chance = random.Random(options.seed)
    sequences = options.points or SEQUENCES
    apply = _keep_last if options.broken else _apply
    findings: list[str] = []
    wrong = 0
    for number in range(sequences):
        reports = _reports(chance)
        arrivals = [*reports, *chance.choices(reports, k=chance.randrange(MAX_REPEATED + 1))]
        chance.shuffle(arrivals)
        expected, actual = _final_state(apply, reports), _final_state(apply, arrivals)
        if actual != expected:
            wrong += 1
            if len(findings) < MAX_FINDINGS:
                findings.append(f"sequence {number}: {actual} instead of {expected}")
    return [
        VerificationReport(
            NUMBER,
            CLAIM,
            passed=wrong == 0,
            figures=f"{sequences:,} sequences of up to 20 deliveries, other final states {wrong}",
            seed=options.seed,
            seconds=elapsed(),
            findings=tuple(findings),
            mutant=MUTANT if options.broken else None,
        )
    ]


def _reports(chance: random.Random) -> list[Report]:
    """Draw the valid reports of one order: its payment, and its two shipments."""
    total = make_order().total
    authorized = ProviderPaymentState("pay_1", PaymentStatus.AUTHORIZED, authorized=total)
    captured = replace(authorized, status=PaymentStatus.CAPTURED, captured=total)
    challenge = ProviderPaymentState(
        "pay_1", PaymentStatus.REQUIRES_ACTION, action_url="/challenge"
    )
    ends: list[list[ProviderPaymentState]] = [
        [authorized, captured],
        [authorized, captured, replace(captured, refunded=chance.randrange(1, total))],
        [authorized],
        [replace(captured, authorized=0)],
    ]
    reports: list[Report] = [ProviderPaymentState("pay_1", PaymentStatus.CREATED), challenge]
    reports += [ProviderPaymentState("pay_1", PaymentStatus.PROCESSING), *chance.choice(ends)]
    for shipment_id in ("par_1", "par_2"):
        at = BLACK_FRIDAY
        for number in range(chance.randrange(5)):
            at += timedelta(minutes=chance.randrange(90))
            status = chance.choice(list(ShipmentStatus))
            reports.append((shipment_id, TrackingEvent(f"{shipment_id}.{number}", at, status)))
    return reports


def _shipped_order() -> Order:
    """Return an order with two shipments; payment and shipments change independently."""
    order, _ = make_order().place()
    order = replace(order, status=OrderStatus.CONFIRMED)
    for number, line in enumerate(order.lines, 1):
        shipment = Shipment(
            f"par_{number}", "ups", f"{number}", {line.id: line.quantity}, BLACK_FRIDAY
        )
        order, _ = order.with_shipment(shipment, "staff")
    return order


def _final_state(apply: Apply, arrivals: Sequence[Report]) -> tuple[object, ...]:
    order = _shipped_order()
    for minute, report in enumerate(arrivals):
        order = apply(order, report, BLACK_FRIDAY + timedelta(days=1, minutes=minute))
    payment: Payment = order.payment
    totals = tuple(payment.total_of(kind) for kind in ("authorized", "captured", "refunded"))
    shipments = tuple(shipment.status.value for shipment in order.shipments)
    delivered = tuple(line.delivered for line in order.lines)
    return (payment.status.value, payment.action_url, totals, shipments, delivered)


def _apply(order: Order, report: Report, at: datetime) -> Order:
    if isinstance(report, ProviderPaymentState):
        return order.with_payment(report, at, "provider")[0]
    return order.with_tracking(*report, at, "carrier")[0]


def _keep_last(order: Order, report: Report, at: datetime) -> Order:
    if isinstance(report, ProviderPaymentState):
        fresh = Payment(order.payment.provider).with_provider_state(report, at)
        return replace(order, payment=fresh)
    shipment_id, tracking = report
    shipments = tuple(
        replace(shipment, tracking=(tracking,)) if shipment.id == shipment_id else shipment
        for shipment in order.shipments
    )
    return replace(order, shipments=shipments)
