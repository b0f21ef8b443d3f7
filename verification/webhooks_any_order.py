"""Proof 6: webhooks in any order come to one end.

Everything a provider can truly say of a payment, and all that carriers say of two parcels, arrives
in any order, each of it once or several times, over the shop's own actions. Whatever the order, the
payment, the parcels and the order end as they do when everything comes once and in its time. The
broken shop believes what it heard last.
"""

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from shop.orders.model import Order, OrderStatus, Shipment, ShipmentStatus, TrackingEvent
from shop.payments.model import Payment, PaymentStatus, ProviderPaymentState
from tests.kit.orders import BLACK_FRIDAY, make_order
from verification.options import Options
from verification.report import TestReport

NUMBER = 6
CLAIM = "webhooks in any order"
SEQUENCES = 6_000
BROKEN = "what was heard last counts"

Heard = ProviderPaymentState | tuple[str, TrackingEvent]


def prove(options: Options) -> list[TestReport]:
    """Run the proof, or its broken variant."""
    clock = options.clock()
    chance = random.Random(options.seed)
    sequences = options.points or SEQUENCES
    apply = _believing_the_last if options.broken else _as_the_shop_does
    findings: list[str] = []
    wrong = 0
    for number in range(sequences):
        history = _history(chance)
        arrival = [*history, *chance.choices(history, k=chance.randrange(9))]
        chance.shuffle(arrival)
        wanted, got = _end(apply, history), _end(apply, arrival)
        if got != wanted:
            wrong += 1
            if len(findings) < 5:
                findings.append(f"sequence {number}: {got} instead of {wanted}")
    figures = f"{sequences:,} sequences of up to 20 deliveries, other ends {wrong}"
    return [
        TestReport(
            NUMBER,
            CLAIM,
            passed=wrong == 0,
            figures=figures,
            seed=options.seed,
            seconds=clock(),
            findings=tuple(findings),
            broken=BROKEN if options.broken else None,
        )
    ]


def _history(chance: random.Random) -> list[Heard]:
    """What is truly said of one order: how its payment went, and where its two parcels were."""
    total = make_order().total
    sure = ProviderPaymentState("pay_1", PaymentStatus.AUTHORISED, authorised=total)
    taken = replace(sure, status=PaymentStatus.CAPTURED, captured=total)
    asked = ProviderPaymentState("pay_1", PaymentStatus.REQUIRES_ACTION, action_url="/challenge")
    ends: list[list[ProviderPaymentState]] = [
        [sure, taken],
        [sure, taken, replace(taken, refunded=chance.randrange(1, total))],
        [sure],
        [replace(taken, authorised=0)],
    ]
    said: list[Heard] = [ProviderPaymentState("pay_1", PaymentStatus.CREATED), asked]
    said += [ProviderPaymentState("pay_1", PaymentStatus.PROCESSING), *chance.choice(ends)]
    for parcel in ("par_1", "par_2"):
        at = BLACK_FRIDAY
        for number in range(chance.randrange(5)):
            at += timedelta(minutes=chance.randrange(90))
            status = chance.choice(list(ShipmentStatus))
            said.append((parcel, TrackingEvent(f"{parcel}.{number}", at, status)))
    return said


def _shipped() -> Order:
    """An order whose two parcels have left; payments and parcels move apart from each other."""
    order, _ = make_order().place()
    order = replace(order, status=OrderStatus.CONFIRMED)
    for number, line in enumerate(order.lines, 1):
        parcel = Shipment(
            f"par_{number}", "ups", f"{number}", {line.id: line.quantity}, BLACK_FRIDAY
        )
        order, _ = order.with_shipment(parcel, "staff")
    return order


def _end(apply: Any, deliveries: Sequence[Heard]) -> tuple[object, ...]:
    order = _shipped()
    for minute, heard in enumerate(deliveries):
        order = apply(order, heard, BLACK_FRIDAY + timedelta(days=1, minutes=minute))
    payment: Payment = order.payment
    balances = tuple(payment.total_of(kind) for kind in ("authorised", "captured", "refunded"))
    parcels = tuple(parcel.status.value for parcel in order.shipments)
    pieces = tuple(line.delivered for line in order.lines)
    return (payment.status.value, payment.action_url, balances, parcels, pieces)


def _as_the_shop_does(order: Order, heard: Heard, at: datetime) -> Order:
    if isinstance(heard, ProviderPaymentState):
        return order.with_payment(heard, at, "provider")[0]
    return order.with_tracking(*heard, at, "carrier")[0]


def _believing_the_last(order: Order, heard: Heard, at: datetime) -> Order:
    if isinstance(heard, ProviderPaymentState):
        fresh = Payment(order.payment.provider).with_provider_state(heard, at)
        return replace(order, payment=fresh)
    parcel_id, tracking = heard
    parcels = tuple(
        replace(parcel, tracking=(tracking,)) if parcel.id == parcel_id else parcel
        for parcel in order.shipments
    )
    return replace(order, shipments=parcels)
