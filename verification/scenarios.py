"""Dealings with the shop, from the checkout to the last refund, that a proof disturbs.

A dealing is a list of acts. Between two acts all that follows by itself comes to rest: events,
workflow, webhooks. Whoever acts does so again when that fails, by their temper; at the end the
payment's deadline passes. The wire numbers the calls of it all, so that any of them can go wrong.
"""

import itertools
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from functools import partial
from typing import Any
from unittest.mock import patch

import shop.checkout.actions.placement
import shop.orders.actions.batched_placement
import shop.orders.actions.cancellation
import shop.orders.actions.shipments
import shop.orders.model.lines
from functions.checkout import complete_checkout, create_checkout
from shop.checkout.model import CheckoutSession
from shop.checkout.store import DynamoCheckoutSessionRepository
from shop.inventory.store import DynamoStockRepository
from shop.kernel.errors import NotFound
from shop.orders.model import Order
from shop.orders.store import DynamoOrderRepository
from shop.pricing.actions.coupons import create_coupon
from shop.pricing.actions.promotions import create_promotion, publish_promotion
from shop.pricing.model.coupons import Coupon
from shop.pricing.model.promotions import Promotion
from shop.pricing.store.coupons import DynamoCouponRepository
from shop.pricing.store.promotions import DynamoPromotionRepository
from shop.pricing.store.rows import CODE, PricingRow
from shop.pricing.store.rule_set_cache import rule_set_cache
from shop.storage.connection import connection
from shop.storage.transactions import DynamoUnitOfWork
from tests.doubles.pricing import MemoryReferenceChecker
from tests.kit.faults import Call, Fault, FaultInjector, undisturbed
from tests.kit.products import checkout_body, mug, publish_with_stock
from tests.kit.shop import call
from verification.inventory_scenarios import STOCKROOM
from verification.purchase_driver import Handler, Purchase
from verification.scenario_steps import ORDINARY, Action, Scenario
from verification.simulated_aws import PATIENCE, SimulatedAws

OPENED = 5
"""Units of each SKU in stock when a dealing begins. It asks for 2 of one and 1 of the other."""
DEALINGS: tuple[Scenario, ...] = (*ORDINARY, *STOCKROOM)


class RetryBehavior(StrEnum):
    """What a buyer does whose request failed."""

    PATIENT = "asks again at once"
    GONE = "never asks again"
    LATE = "asks again when the deadline has passed"


@contextmanager
def parted() -> Iterator[None]:
    """Transactions that carry an article each, so that an order of two is one of many."""
    with ExitStack() as stack:
        for room in (
            shop.orders.model.lines,
            shop.orders.actions.cancellation,
            shop.orders.actions.shipments,
            shop.orders.actions.batched_placement,
        ):
            for name in ("MAX_RESERVATIONS_PER_BATCH", "MAX_SHIPPED_PER_BATCH"):
                if hasattr(room, name):
                    stack.enter_context(patch.object(room, name, 1))
        stack.enter_context(
            patch.object(shop.checkout.actions.placement, "MAX_ROWS_PER_TRANSACTION", 0)
        )
        yield


@dataclass(frozen=True)
class FaultPoint:
    """One way to disturb a dealing: faults, and rivals who act meanwhile, by the call's number."""

    dealing: Scenario
    faults: tuple[tuple[int, Fault], ...] = ()
    overtaken: tuple[tuple[int, Action], ...] = ()
    temper: RetryBehavior = RetryBehavior.PATIENT

    def __str__(self) -> str:
        what = [f"{fault} at {number}" for number, fault in self.faults]
        what += [f"{act.name} before {number}" for number, act in self.overtaken]
        return f"{self.dealing.name}; {', '.join(what) or 'undisturbed'}; buyer {self.temper}"


@dataclass
class ScenarioRun:
    """How a dealing went: whose calls they were, and what was not as it should be."""

    calls: list[tuple[Action | None, Call]]
    wrong: list[str]
    struck: int


class Shop:
    """The shop of a proof: it hands out prepared purchases and disturbs them."""

    def __init__(self, stage: SimulatedAws, door: Handler | None = None) -> None:
        self.stage = stage
        self.last: Purchase
        """Whose dealing ran last."""
        self.purchases: dict[str, tuple[Purchase, FaultPoint]] = {}
        self._door = door or complete_checkout.handler
        self._ready: list[Purchase] = []
        self._numbers = itertools.count(1)
        self._template, self._free = _templates()

    def run(self, point: FaultPoint) -> ScenarioRun:
        """Let a dealing happen, disturbed as the point says, and come to rest."""
        dealing = point.dealing
        purchase = self.last = self._purchase()
        purchase.token = dealing.token
        purchase.overdue = self.stage.overdue
        if dealing.free:
            self._let_have(purchase, self._free)
        with parted() if dealing.in_batches else nullcontext(), dealing.scene(purchase):
            course = self._run(point, purchase)
        course.wrong += purchase.wrong
        order = self._order(purchase)
        if order is not None and not dealing.always(order):
            course.wrong.append(f"{order.id} is not as it is in every {dealing.name}")
        left_alone = not (point.faults or point.overtaken)
        became = dealing.becomes is None or (order is not None and dealing.becomes(order))
        if left_alone and not became:
            course.wrong.append("undisturbed it did not become what it is called")
        return course

    def _run(self, point: FaultPoint, purchase: Purchase) -> ScenarioRun:
        self.purchases[purchase.session_id] = (purchase, point)
        stage = self.stage
        stage.begin(point.dealing.name)
        stage.held = set(point.dealing.hold)
        owners: list[Action | None] = []
        open_acts: list[Action] = []
        rivals = {number: self._rival(act, purchase) for number, act in point.overtaken}
        with FaultInjector(dict(point.faults), rivals) as wire:

            def owned(act: Action | None) -> None:
                owners.extend([act] * (len(wire.calls) - len(owners)))

            for act in point.dealing.acts:
                if act.client and open_acts:
                    open_acts.append(act)
                    continue
                if not self._done(act, purchase, point, wire):
                    open_acts.append(act)
                owned(act)
                stage.come_to_rest(wire)
                owned(None)
            with undisturbed():
                self._slept(purchase)
            stage.deadline(wire)
            stage.held.clear()
            stage.come_to_rest(wire)
            if point.temper is RetryBehavior.LATE:
                for act in open_acts:
                    stage.delivered(act.name, partial(_did, act, purchase), wire)
                    stage.come_to_rest(wire)
            if point.dealing.in_batches:
                # No workflow knows of an order that was never placed: only the sweep does.
                with undisturbed():
                    purchase.sweep()
                stage.come_to_rest(wire)
            stage.deadline(wire)
            owned(None)
        wrong = [*stage.stuck, *stage.slept, *purchase.untrue(stage.executions)]
        wrong += [f"{e.order_id}: {e.failed}" for e in stage.executions.values() if e.failed]
        return ScenarioRun(list(zip(owners, wire.calls, strict=True)), wrong, len(wire.struck))

    def _order(self, purchase: Purchase) -> Order | None:
        try:
            return DynamoOrderRepository().get_by_id(purchase.order_id())
        except NotFound:
            return None

    def _let_have(self, purchase: Purchase, template: CheckoutSession) -> None:
        now = datetime.now(UTC)
        sessions = DynamoCheckoutSessionRepository()
        before = sessions.get("guest", purchase.session_id, now)
        after = replace(_session(template, purchase, now), version=before.version + 1)
        DynamoUnitOfWork(connection()).commit(sessions.update_op(before, after))

    def _rival(self, act: Action, purchase: Purchase) -> Callable[[Call], None]:
        return lambda _: self.stage.meanwhile(lambda: act.do(purchase))

    def _done(
        self, act: Action, purchase: Purchase, point: FaultPoint, wire: FaultInjector
    ) -> bool:
        """Whether the act was done, by whoever does it and in their temper."""
        patient = not act.client or point.temper is RetryBehavior.PATIENT
        patience = PATIENCE if patient else 0
        done = self.stage.delivered(act.name, lambda: _did(act, purchase), wire, patience=patience)
        if done is None and not patient:
            self.stage.stuck.pop()
        return done is not None

    def _slept(self, purchase: Purchase) -> None:
        """Before the deadline: a workflow that waits for what is known already was not woken."""
        orders = DynamoOrderRepository()
        for execution in self.stage.executions.values():
            if execution.waits and execution.at == 0:
                order = orders.get_by_id(execution.order_id)
                if order.status.value != "placed":
                    self.stage.slept.append(f"the workflow slept; the order is {order.status}")

    def _purchase(self) -> Purchase:
        if not self._ready:
            self._prepare(48)
        return self._ready.pop(0)

    def _prepare(self, number: int) -> None:
        """Put goods in stock and sessions in the table for so many purchases."""
        now = datetime.now(UTC)
        made = [Purchase(next(self._numbers), door=self._door) for _ in range(number)]
        opened = {sku: OPENED for purchase in made for sku in purchase.skus}
        sessions = DynamoCheckoutSessionRepository()
        with undisturbed():
            DynamoStockRepository().create_levels(opened, actor="proof", reason="opening", at=now)
            with PricingRow.batch_write() as codes:
                for purchase in made:
                    codes.save(
                        PricingRow(f"CODE#{purchase.code}", CODE, remaining=1, used=0, doc={})
                    )
            DynamoUnitOfWork(connection()).commit(
                *(sessions.insert_op(_session(self._template, p, now)) for p in made)
            )
        self._ready += made


def _did(act: Action, purchase: Purchase) -> bool:
    act.do(purchase)
    return True


def _templates() -> tuple[CheckoutSession, CheckoutSession]:
    """What the buyers' checkouts are like, and one that codes pay for."""
    publish_with_stock(mug(), pieces=100_000)
    effects = {"order_percent": "PROOF-GOODS", "shipping_off": "PROOF-WAY"}
    now = datetime.now(UTC)
    for kind, code in effects.items():
        told = {"id": kind, "title": kind, "code_required": True}
        effect = {"kind": kind, "basis_points": 10_000}
        promotion = Promotion.from_dict({**told, "effect": effect})
        calendar = DynamoPromotionRepository()
        create_promotion(
            promotion, promotions=calendar, assortment=MemoryReferenceChecker(), at=now
        )
        publish_promotion(promotion.id, promotions=calendar, at=now)
        coupon = Coupon(f"all-{kind}", kind, code=code)
        create_coupon(coupon, coupons=DynamoCouponRepository(), promotions=calendar, at=now)
    rule_set_cache().clear()
    free = {"discounts": {"codes": list(effects.values())}}
    return _begun(), _begun(**free)


def _begun(**more: Any) -> CheckoutSession:
    body = checkout_body(("mug.1", 2), ("mug.2", 1), **more)
    answer = call(create_checkout.handler, "POST /checkout-sessions", body)
    return DynamoCheckoutSessionRepository().get("guest", answer.json["id"], datetime.now(UTC))


def _session(template: CheckoutSession, purchase: Purchase, at: datetime) -> CheckoutSession:
    lines = tuple(
        replace(line, sku=sku)
        for line, sku in zip(template.offer.lines, purchase.skus, strict=True)
    )
    quote = replace(template.offer.quote, at=at)
    return replace(
        template,
        id=purchase.session_id,
        offer=replace(template.offer, lines=lines, quote=quote, usage=purchase.counts),
        created_at=at,
    )
