"""Orders of very many articles, for the verification of large orders."""

import json
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

from functions.checkout import complete_checkout, create_checkout, update_checkout
from shop.catalog.model import Variant
from shop.inventory.actions import AuditInfo, write_off_stock
from shop.inventory.model import MAIN_LOCATION
from shop.inventory.store import DynamoStockRepository
from shop.kernel.errors import ShopError
from shop.kernel.money import Money
from shop.orders.model import OrderStatus
from shop.orders.store import DynamoOrderRepository
from tests.kit.faults import Crash, Fault, FaultInjector
from tests.kit.invariants import read_system_state, violations
from tests.kit.products import checkout_body, mug, payment_body, publish_with_stock
from tests.kit.shop import ApiResponse, call
from verification.order_mutants import order_mutant
from verification.purchase_driver import Purchase, RequestFailed
from verification.simulated_aws import SimulatedAws, simulated_aws
from verification.worker_pool import ProgressReporter
from verification.worker_result import WorkerResult

VARIANTS_PER_PRODUCT = 50
PIECES = 20
"""Stock of each article; an order requests 1 to 7, and one more of the first on a second line."""
SHORT_EVERY = 30
"""For the rejected order one article in so many is short, and the first and the last."""
KILLS = (Fault.CRASH_BEFORE, Fault.CRASH_AFTER)
MAX_FINDINGS = 20


@dataclass
class LargePurchase(Purchase):
    """One buyer, and one checkout of every article."""

    checkout_id: str = ""

    @property
    def session_id(self) -> str:
        return self.checkout_id


@dataclass
class Articles:
    """Articles on sale, and what each order requests: variant and quantity by line."""

    lines: list[tuple[str, int]]
    skus: Mapping[str, str]
    """SKU by variant."""

    @property
    def requested(self) -> Counter[str]:
        pieces: Counter[str] = Counter()
        for variant, quantity in self.lines:
            pieces[self.skus[variant]] += quantity
        return pieces

    def available(self) -> dict[str, int]:
        """Return the stored available quantity of each SKU."""
        skus = list(self.skus.values())
        levels = DynamoStockRepository().get_levels_at([(sku, MAIN_LOCATION) for sku in skus])
        return dict.fromkeys(skus, 0) | {level.sku: level.available for level in levels}


def place_orders(
    progress: ProgressReporter, *, articles: int, crashes: int, mutant: str | None, seed: int
) -> WorkerResult:
    """Place large orders in every course, kill some placements, and check the invariants."""
    result = WorkerResult()
    findings: list[str] = []
    with order_mutant(mutant), simulated_aws(seed) as aws:
        orders = LargeOrders(aws, _stock_articles(articles), result)

        def succeeds(name: str, course: Callable[[], list[str]]) -> bool:
            aws.begin(name)
            try:
                problems = [*course(), *aws.undelivered]
            except (RequestFailed, ShopError, ValueError, LookupError) as error:
                problems = [f"failed: {error!r}"[:300]]
            findings.extend(f"[{name}] {problem}" for problem in problems)
            progress(1)
            return not problems

        result.counts["succeeded"] += succeeds("delivered", orders.deliver)
        result.counts["succeeded"] += succeeds("cancelled", orders.cancel)
        result.counts["succeeded"] += succeeds("declined", orders.decline)
        points = [(number, fault) for number in orders.transactions for fault in KILLS]
        result.possible = len(points)
        for turn in range(min(crashes, len(points))):
            number, fault = points[turn * len(points) // crashes]
            retries = turn % 2 == 1
            name = f"{fault} at {number}, {'retried' if retries else 'not retried'}"
            result.points += 1
            course = partial(orders.kill_placement, number, fault, retries=retries)
            result.violated_points += not succeeds(name, course)
        # Last, because it writes off stock.
        result.counts["succeeded"] += succeeds("rejected", orders.reject)
        found = violations(
            read_system_state(
                idempotency_keys={p.session_id: len(p.keys) for p in orders.purchases}
            )
        )
    result.violations = len(found)
    result.findings = (*findings, *map(str, found))[:MAX_FINDINGS]
    return result


def _stock_articles(articles: int) -> Articles:
    lines: list[tuple[str, int]] = []
    skus: dict[str, str] = {}
    for start in range(0, articles, VARIANTS_PER_PRODUCT):
        name = f"many{start // VARIANTS_PER_PRODUCT}"
        variants = tuple(
            Variant(
                id=f"{name}.{number - start + 1}",
                sku=f"MANY-{number:05d}",
                title=f"Cake stand number {number} in assorted colours",
                price=Money(100 + number % 97, "USD"),
                weight_g=10,
            )
            for number in range(start, min(start + VARIANTS_PER_PRODUCT, articles))
        )
        publish_with_stock(replace(mug(name), variants=variants), pieces=PIECES)
        lines += [(variant.id, 1 + number % 7) for number, variant in enumerate(variants)]
        skus |= {variant.id: variant.sku for variant in variants}
    return Articles([*lines, (lines[0][0], 1)], skus)


class LargeOrders:
    """Places large orders. Every course ships the stock that it reserved, or releases it."""

    def __init__(self, aws: SimulatedAws, articles: Articles, result: WorkerResult) -> None:
        self._aws, self._articles, self._result = aws, articles, result
        self.purchases: list[LargePurchase] = []
        self.transactions: list[int] = []
        """Numbers of the placement's transactions among the calls of a run without faults."""

    def deliver(self) -> list[str]:
        """Create, update, complete, ship and deliver an order; measure it on the way."""
        counts = self._result.counts
        body = checkout_body(*self._articles.lines)
        answer, counts["ms create"] = _timed(partial(self._create, body))
        with_ids = {
            **body,
            "line_items": [
                {name: line[name] for name in ("id", "item", "quantity")}
                for line in answer.json["line_items"]
            ],
        }
        counts["lines"] = len(self._articles.lines)
        counts["bytes"] = len(json.dumps(body))
        counts["bytes with ids"] = len(json.dumps(with_ids))
        purchase = self._purchase(answer)
        route = "PUT /checkout-sessions/{id}"
        updated, counts["ms update"] = _timed(
            partial(call, update_checkout.handler, route, with_ids, id=purchase.session_id)
        )
        if updated.status != 200:
            return [f"could not be updated: {updated.status} {updated.text[:200]}"]
        with FaultInjector() as injector:
            _, counts["ms complete"] = _timed(purchase.complete)
        counts["calls"] = len(injector.calls)
        writes = [each for each in injector.calls if each.operation == "TransactWriteItems"]
        self.transactions = [each.number for each in writes]
        problems = self._not_placed_in_full(purchase)
        self._finish_work()
        purchase.ship()
        self._finish_work()
        purchase.report_shipment("delivered")
        self._finish_work()
        return [*problems, *self._not_in(OrderStatus.COMPLETED, purchase)]

    def cancel(self) -> list[str]:
        """Complete an order, and let staff cancel it."""
        before = self._articles.available()
        purchase = self._begin()
        purchase.complete()
        self._finish_work()
        problems = self._not_placed_in_full(purchase)
        purchase.cancel_order()
        self._finish_work()
        return [
            *problems,
            *self._not_in(OrderStatus.CANCELLED, purchase),
            *self._not_released(before),
        ]

    def decline(self) -> list[str]:
        """Complete an order with a payment that is declined."""
        before = self._articles.available()
        purchase = self._begin()
        purchase.complete("declined", "tok_declined")
        self._finish_work()
        return [*self._not_in(OrderStatus.CANCELLED, purchase), *self._not_released(before)]

    def reject(self) -> list[str]:
        """Complete an order with many short articles: each is named, and nothing is written."""
        requested = self._articles.requested
        skus = [self._articles.skus[variant] for variant, _ in self._articles.lines]
        short = {*skus[::SHORT_EVERY], skus[-2]}
        purchase = self._begin()
        for sku in sorted(short):
            _leave_one_too_few(sku, requested[sku])
        before = self._articles.available()
        answer = call(
            complete_checkout.handler,
            "POST /checkout-sessions/{id}/complete",
            payment_body("tok_success"),
            id=purchase.session_id,
        )
        messages = answer.json["messages"]
        named = {each.get("path") for each in messages if each["code"] == "out_of_stock"}
        expected = {f"$.line_items[{n}].quantity" for n, sku in enumerate(skus) if sku in short}
        problems = self._not_released(before)
        if named != expected:
            problems.append(f"{len(named)} of {len(expected)} short lines were named")
        if answer.json["status"] != "incomplete":
            problems.append(f"is {answer.json['status']}")
        return problems

    def kill_placement(self, number: int, fault: Fault, *, retries: bool) -> list[str]:
        """Kill the buyer's process at this call; the buyer retries, or the deadline passes."""
        before = self._articles.available()
        purchase = self._begin()
        with FaultInjector({number: fault}) as injector:
            try:
                purchase.complete()
            except Crash:
                injector.reconnect()
        if not injector.applied:
            return ["the process was not killed there"]
        problems: list[str] = []
        if retries:
            purchase.complete()
            self._finish_work()
            problems += self._not_placed_in_full(purchase)
            purchase.cancel_order()
            self._finish_work()
        else:
            self._finish_work()
            purchase.sweep()
            self._aws.pass_deadline(FaultInjector())
        return [*problems, *self._not_released(before)]

    # ------------------------------------------------------------------ steps and checks

    def _create(self, body: Mapping[str, Any]) -> ApiResponse:
        answer = call(create_checkout.handler, "POST /checkout-sessions", body)
        if answer.status != 201:
            raise RequestFailed(answer.text[:300])
        return answer

    def _begin(self) -> LargePurchase:
        return self._purchase(self._create(checkout_body(*self._articles.lines)))

    def _purchase(self, answer: ApiResponse) -> LargePurchase:
        purchase = LargePurchase(len(self.purchases) + 1, checkout_id=answer.json["id"])
        self.purchases.append(purchase)
        return purchase

    def _finish_work(self) -> None:
        self._aws.finish_work(FaultInjector())

    def _not_placed_in_full(self, purchase: LargePurchase) -> list[str]:
        order = DynamoOrderRepository().get_by_id(purchase.order_id)
        reserved: Counter[str] = Counter()
        for reservation in order.reservations:
            reserved[reservation.sku] += reservation.quantity
        requested = self._articles.requested
        if order.status is OrderStatus.CONFIRMED and reserved == requested:
            return []
        return [f"{order.status}, holds {reserved.total()} of {requested.total()}"]

    def _not_in(self, status: OrderStatus, purchase: LargePurchase) -> list[str]:
        order = DynamoOrderRepository().get_by_id(purchase.order_id)
        return [] if order.status is status else [f"is {order.status} instead of {status}"]

    def _not_released(self, before: Mapping[str, int]) -> list[str]:
        after = self._articles.available()
        missing = {sku: before[sku] - n for sku, n in after.items() if before[sku] != n}
        if not missing:
            return []
        return [f"{sum(missing.values())} pieces of {len(missing)} articles were not released"]


def _leave_one_too_few(sku: str, requested: int) -> None:
    stock = DynamoStockRepository()
    level = stock.level(sku)
    write_off_stock(
        sku,
        level.available - requested + 1,
        AuditInfo("staff", datetime.now(UTC), "broken"),
        expected_version=level.version,
        stock_writer=stock,
    )


def _timed(request: Callable[[], Any]) -> tuple[Any, int]:
    """Run a request; return its result and its duration in milliseconds."""
    started = time.monotonic()
    return request(), round((time.monotonic() - started) * 1000)
