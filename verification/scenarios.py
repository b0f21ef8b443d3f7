"""Runs scenarios at the shop, with or without faults.

A scenario is a list of actions. Between two actions, all work that follows by itself finishes:
events, workflow, webhooks. An actor repeats a failed action according to its retry behavior. At the
end the payment deadline passes. The calls of the whole run are numbered, so that any can fail.
"""

import itertools
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from functools import partial
from typing import Any
from unittest.mock import patch

import shop.checkout.actions.complete
from functions.checkout import complete_checkout, create_checkout
from shop.checkout.model import CheckoutSession
from shop.checkout.store import DynamoCheckoutSessionRepository
from shop.inventory.store import DynamoStockRepository
from shop.kernel.errors import NotFound
from shop.orders.model import Order, OrderStatus
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
from shop.tax.store.cache import tax_table_cache
from tests.doubles.pricing import MemoryReferenceChecker
from tests.kit.faults import Call, Fault, FaultInjector, without_faults
from tests.kit.products import checkout_body, mug, publish_with_stock
from tests.kit.shop import call
from verification.inventory_scenarios import INVENTORY_SCENARIOS
from verification.purchase_driver import Handler, Purchase
from verification.scenario_steps import ORDINARY_SCENARIOS, Action, Scenario
from verification.simulated_aws import MAX_REDELIVERIES, SimulatedAws

OPENING_STOCK = 5
"""Units of each SKU in stock before a scenario, which requests 2 of one and 1 of the other."""
PREPARED_PURCHASES = 48
"""Purchases prepared at once: as many sessions as one transaction writes with room to spare."""
SCENARIOS: tuple[Scenario, ...] = (*ORDINARY_SCENARIOS, *INVENTORY_SCENARIOS)
BATCH_LIMITS = ("MAX_RESERVATIONS_PER_BATCH", "MAX_SHIPPED_PER_BATCH")


class RetryBehavior(StrEnum):
    """What a buyer does after a failed request."""

    AT_ONCE = "retries at once"
    NEVER = "never retries"
    LATE = "retries after the deadline"


@contextmanager
def one_article_per_transaction() -> Iterator[None]:
    """Limit each transaction to one article, so that an order of two takes the path of many."""
    with ExitStack() as stack:
        for limit in BATCH_LIMITS:
            # Every module that imported the constant has its own copy.
            modules = [
                module
                for name, module in list(sys.modules.items())
                if name.startswith("shop.") and hasattr(module, limit)
            ]
            assert modules, f"no module of the shop has {limit}"
            for module in modules:
                # An allocated back-order writes two rows, so there one article needs two.
                rows = 2 if module.__name__.endswith(".backorders") else 1
                stack.enter_context(patch.object(module, limit, rows))
        # No order fits into one transaction.
        stack.enter_context(
            patch.object(shop.checkout.actions.placement, "MAX_ROWS_PER_TRANSACTION", 0)
        )
        yield


@dataclass(frozen=True)
class FaultPoint:
    """One disturbance of a scenario: faults and concurrent actions by the number of the call."""

    scenario: Scenario
    faults: tuple[tuple[int, Fault], ...] = ()
    concurrent: tuple[tuple[int, Action], ...] = ()
    retry: RetryBehavior = RetryBehavior.AT_ONCE

    def __str__(self) -> str:
        events = [f"{fault} at {number}" for number, fault in self.faults]
        events += [f"{action.name} before {number}" for number, action in self.concurrent]
        return f"{self.scenario.name}; {', '.join(events) or 'undisturbed'}; buyer {self.retry}"


@dataclass
class ScenarioRun:
    """The calls of a run with the action that made them, and its problems."""

    calls: list[tuple[Action | None, Call]]
    problems: list[str]
    faults_applied: int


class ScenarioRunner:
    """Prepares purchases and runs scenarios with them. One per process."""

    def __init__(self, aws: SimulatedAws, handler: Handler | None = None) -> None:
        self.aws = aws
        self.last: Purchase
        """Purchase of the last run."""
        self.purchases: dict[str, tuple[Purchase, FaultPoint]] = {}
        self._handler = handler or complete_checkout.handler
        self._prepared: list[Purchase] = []
        self._numbers = itertools.count(1)
        self._template, self._free_template = _templates()

    def run(self, point: FaultPoint) -> ScenarioRun:
        """Run a scenario with the faults of a point until all work has finished."""
        scenario = point.scenario
        purchase = self.last = self._next_purchase()
        purchase.token = scenario.token
        purchase.time_out = self.aws.time_out_shipment
        if scenario.free:
            self._replace_session(purchase, self._free_template)
        batches = one_article_per_transaction() if scenario.in_batches else nullcontext()
        with batches, scenario.setup(purchase):
            run = self._run(point, purchase)
        run.problems += purchase.problems
        order = _find_order(purchase)
        if order is not None and not scenario.always(order):
            run.problems.append(f"{order.id} violates the condition of {scenario.name}")
        undisturbed = not (point.faults or point.concurrent)
        as_expected = scenario.expected is None or (order is not None and scenario.expected(order))
        if undisturbed and not as_expected:
            run.problems.append("did not reach its expected state without faults")
        return run

    def _run(self, point: FaultPoint, purchase: Purchase) -> ScenarioRun:
        self.purchases[purchase.session_id] = (purchase, point)
        aws, scenario = self.aws, point.scenario
        aws.begin(scenario.name)
        aws.held_queues = set(scenario.held_queues)
        callers: list[Action | None] = []
        abandoned: list[Action] = []
        rivals = {number: self._concurrent(action, purchase) for number, action in point.concurrent}
        with FaultInjector(dict(point.faults), rivals) as injector:

            def attribute_calls_to(action: Action | None) -> None:
                callers.extend([action] * (len(injector.calls) - len(callers)))

            for action in scenario.actions:
                # A buyer without a response does not go on to the next step.
                if action.by_buyer and abandoned:
                    abandoned.append(action)
                    continue
                if not self._do(action, purchase, point, injector):
                    abandoned.append(action)
                attribute_calls_to(action)
                aws.finish_work(injector)
                attribute_calls_to(None)
            with without_faults():
                self._note_missed_wakeups()
            self._end(point, purchase, injector, abandoned)
            attribute_calls_to(None)
        problems = [
            *aws.undelivered,
            *aws.missed_wakeups,
            *purchase.false_statements(aws.executions),
        ]
        problems += [f"{e.order_id}: {e.failure}" for e in aws.executions.values() if e.failure]
        calls = list(zip(callers, injector.calls, strict=True))
        return ScenarioRun(calls, problems, len(injector.applied))

    def _end(
        self,
        point: FaultPoint,
        purchase: Purchase,
        injector: FaultInjector,
        abandoned: list[Action],
    ) -> None:
        """Let the payment deadline pass, late retries happen, and all work finish."""
        aws = self.aws
        aws.pass_deadline(injector)
        aws.held_queues.clear()
        aws.finish_work(injector)
        if point.retry is RetryBehavior.LATE:
            for action in abandoned:
                aws.deliver(action.name, partial(_did, action, purchase), injector)
                aws.finish_work(injector)
        if point.scenario.in_batches:
            # An order that was never placed has no workflow. Only the sweep finds it.
            with without_faults():
                purchase.sweep()
            aws.finish_work(injector)
        # A late retry may have placed an order with a deadline of its own.
        aws.pass_deadline(injector)

    def _replace_session(self, purchase: Purchase, template: CheckoutSession) -> None:
        now = datetime.now(UTC)
        sessions = DynamoCheckoutSessionRepository()
        before = sessions.get("guest", purchase.session_id, now)
        after = replace(_session(template, purchase, now), version=before.version + 1)
        DynamoUnitOfWork(connection()).commit(sessions.update_op(before, after))

    def _concurrent(self, action: Action, purchase: Purchase) -> Callable[[Call], None]:
        return lambda _: self.aws.run_concurrently(lambda: action.do(purchase))

    def _do(
        self, action: Action, purchase: Purchase, point: FaultPoint, injector: FaultInjector
    ) -> bool:
        """Run the action, with the retries of its actor; return whether it succeeded."""
        retries = not action.by_buyer or point.retry is RetryBehavior.AT_ONCE
        done = self.aws.deliver(
            action.name,
            lambda: _did(action, purchase),
            injector,
            redeliveries=MAX_REDELIVERIES if retries else 0,
        )
        if done is None and not retries:
            # The buyer's own choice, and no failure of the shop.
            self.aws.undelivered.pop()
        return done is not None

    def _note_missed_wakeups(self) -> None:
        """Before the deadline: note workflows that still wait for a payment that is decided."""
        orders = DynamoOrderRepository()
        for execution in self.aws.executions.values():
            if execution.waits and execution.position == 0:
                order = orders.get_by_id(execution.order_id)
                if order.status is not OrderStatus.PLACED:
                    self.aws.missed_wakeups.append(
                        f"the workflow still waits for the payment; the order is {order.status}"
                    )

    def _next_purchase(self) -> Purchase:
        if not self._prepared:
            self._prepare(PREPARED_PURCHASES)
        return self._prepared.pop(0)

    def _prepare(self, number: int) -> None:
        """Store stock, codes and checkout sessions of new purchases."""
        now = datetime.now(UTC)
        new = [Purchase(next(self._numbers), handler=self._handler) for _ in range(number)]
        levels = {sku: OPENING_STOCK for purchase in new for sku in purchase.skus}
        sessions = DynamoCheckoutSessionRepository()
        with without_faults():
            DynamoStockRepository().create_levels(
                levels, actor="verification", reason="opening", at=now
            )
            with PricingRow.batch_write() as codes:
                for purchase in new:
                    key = f"CODE#{purchase.code}"
                    codes.save(PricingRow(key, CODE, remaining=1, used=0, doc={}))
            DynamoUnitOfWork(connection()).commit(
                *(sessions.insert_op(_session(self._template, p, now)) for p in new)
            )
        self._prepared += new


def _did(action: Action, purchase: Purchase) -> bool:
    action.do(purchase)
    return True


def _find_order(purchase: Purchase) -> Order | None:
    try:
        return DynamoOrderRepository().get_by_id(purchase.order_id)
    except NotFound:
        return None


def _templates() -> tuple[CheckoutSession, CheckoutSession]:
    """Return an ordinary checkout session, and one whose total discount codes reduce to zero."""
    publish_with_stock(mug(), pieces=100_000)
    effects = {"order_percent": "FREE-GOODS", "shipping_off": "FREE-SHIPPING"}
    now = datetime.now(UTC)
    for kind, code in effects.items():
        promotion = Promotion.from_dict(
            {
                "id": kind,
                "title": kind,
                "code_required": True,
                "effect": {"kind": kind, "off_ppm": 1_000_000},
            }
        )
        promotions = DynamoPromotionRepository()
        create_promotion(
            promotion, promotions=promotions, assortment=MemoryReferenceChecker(), at=now
        )
        publish_promotion(promotion.id, promotions=promotions, at=now)
        coupon = Coupon(f"all-{kind}", kind, code=code)
        create_coupon(coupon, coupons=DynamoCouponRepository(), promotions=promotions, at=now)
    rule_set_cache(tax_table_cache()).clear()
    return _create_session(), _create_session(discounts={"codes": list(effects.values())})


def _create_session(**fields: Any) -> CheckoutSession:
    body = checkout_body(("mug.1", 2), ("mug.2", 1), **fields)
    answer = call(create_checkout.handler, "POST /checkout-sessions", body)
    return DynamoCheckoutSessionRepository().get("guest", answer.json["id"], datetime.now(UTC))


def _session(template: CheckoutSession, purchase: Purchase, at: datetime) -> CheckoutSession:
    """Return the template as a session of this purchase, with its SKUs and its limited usage."""
    lines = tuple(
        replace(line, sku=sku)
        for line, sku in zip(template.offer.lines, purchase.skus, strict=True)
    )
    quote = replace(template.offer.quote, at=at)
    return replace(
        template,
        id=purchase.session_id,
        offer=replace(template.offer, lines=lines, quote=quote, usage=purchase.usage),
        created_at=at,
    )
