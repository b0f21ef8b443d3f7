"""Dealings in orders of very many articles (for the proof of large orders)."""

import json
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from functions.checkout import complete_checkout, create_checkout, update_checkout
from shop.catalog.model import Variant
from shop.inventory.actions import AuditInfo, write_off_stock
from shop.inventory.store import DynamoStockRepository
from shop.kernel.errors import ShopError
from shop.kernel.money import Money
from shop.orders.model import OrderStatus
from shop.orders.store import DynamoOrderRepository
from tests.kit.faults import Crash, Fault, FaultInjector
from tests.kit.invariants import read_system_state, violations
from tests.kit.products import checkout_body, mug, payment_body, publish_with_stock
from tests.kit.shop import ApiResponse, call
from verification.order_mutants import careless
from verification.purchase_driver import Failed, Purchase
from verification.simulated_aws import SimulatedAws, backstage
from verification.worker_pool import Tell
from verification.worker_result import WorkerResult

IN_A_PRODUCT = 50
PIECES = 20
"""Of each article in stock; 1 to 7 are asked for, and one more of the first on a second line."""
SHORT_EACH = 30
"""Where an order is to be refused, one article in so many is short, and the first and the last."""
DEADLY = (Fault.CRASH_BEFORE, Fault.CRASH_AFTER)
SHOWN = 20


@dataclass
class LargePurchase(Purchase):
    """One buyer, one checkout of everything there is."""

    checkout: str = ""

    @property
    def session_id(self) -> str:
        return self.checkout


@dataclass
class Goods:
    """What is on sale, and what each order asks for: variant and pieces by line."""

    lines: list[tuple[str, int]]
    skus: Mapping[str, str]
    """By variant."""

    @property
    def wanted(self) -> Counter[str]:
        pieces: Counter[str] = Counter()
        for variant, quantity in self.lines:
            pieces[self.skus[variant]] += quantity
        return pieces

    def left(self) -> dict[str, int]:
        """Pieces for sale, as last written."""
        levels = DynamoStockRepository().current_levels_by_location(list(self.skus.values()))
        return {sku: sum(level.available for level in each) for sku, each in levels.items()}


def deal(tell: Tell, *, articles: int, crashes: int, flaw: str | None, seed: int) -> WorkerResult:
    """Buy everything at once, in every way that the proof looks at, and judge the books."""
    tally = WorkerResult()
    findings: list[str] = []
    with careless(flaw), backstage(seed) as stage:
        desk = _Desk(stage, _stocked(articles), tally)

        def ends(name: str, story: Callable[[], list[str]]) -> bool:
            stage.begin(name)
            try:
                wrong = [*story(), *stage.stuck]
            except (Failed, ShopError, ValueError, LookupError) as error:
                wrong = [f"broke down: {error!r}"[:300]]
            findings.extend(f"[{name}] {each}" for each in wrong)
            tell(1)
            return not wrong

        tally.counted["ended well"] += ends("delivered", desk.delivered)
        tally.counted["ended well"] += ends("called off", desk.called_off)
        tally.counted["ended well"] += ends("declined", desk.declined)
        places = [(number, fault) for number in desk.transactions for fault in DEADLY]
        tally.possible = len(places)
        for turn in range(min(crashes, len(places))):
            number, fault = places[turn * len(places) // crashes]
            back = turn % 2 == 1
            name = f"{fault} at {number}, {'comes back' if back else 'gone'}"
            tally.points += 1
            tally.corrupt += not ends(name, lambda n=number, f=fault, b=back: desk.cut_off(n, f, b))  # type: ignore[misc]
        tally.counted["ended well"] += ends("refused", desk.refused)
        found = violations(
            read_system_state(keys={p.session_id: len(p.keys) for p in desk.purchases})
        )
    tally.violations = len(found)
    tally.findings = (*findings, *map(str, found))[:SHOWN]
    return tally


def _stocked(articles: int) -> Goods:
    lines: list[tuple[str, int]] = []
    skus: dict[str, str] = {}
    for start in range(0, articles, IN_A_PRODUCT):
        name = f"many{start // IN_A_PRODUCT}"
        variants = tuple(
            Variant(
                id=f"{name}.{place - start + 1}",
                sku=f"MANY-{place:05d}",
                title=f"Cake stand number {place} in assorted colours",
                price=Money(100 + place % 97, "USD"),
                weight_g=10,
            )
            for place in range(start, min(start + IN_A_PRODUCT, articles))
        )
        publish_with_stock(replace(mug(name), variants=variants), pieces=PIECES)
        lines += [(variant.id, 1 + place % 7) for place, variant in enumerate(variants)]
        skus |= {variant.id: variant.sku for variant in variants}
    return Goods([*lines, (lines[0][0], 1)], skus)


class _Desk:
    """Where large orders are dealt in. A story gives back the stock that it took, or ships it."""

    def __init__(self, stage: SimulatedAws, skus: Goods, tally: WorkerResult) -> None:
        self._stage, self._goods, self._tally = stage, skus, tally
        self.purchases: list[LargePurchase] = []
        self.transactions: list[int] = []
        """The saga's transactions among the calls that buying makes, undisturbed."""

    def delivered(self) -> list[str]:
        counted = self._tally.counted
        body = checkout_body(*self._goods.lines)
        answer, counted["ms create"] = _timed(self._create, body)
        again = {
            **body,
            "line_items": [
                {name: line[name] for name in ("id", "item", "quantity")}
                for line in answer.json["line_items"]
            ],
        }
        counted["lines"] = len(self._goods.lines)
        counted["bytes"], counted["bytes again"] = len(json.dumps(body)), len(json.dumps(again))
        purchase = self._of(answer)
        route = "PUT /checkout-sessions/{id}"
        changed, counted["ms put"] = _timed(
            lambda sent: call(update_checkout.handler, route, sent, id=purchase.session_id), again
        )
        if changed.status != 200:
            return [f"could not be sent back: {changed.status} {changed.text[:200]}"]
        with FaultInjector() as wire:
            _, counted["ms complete"] = _timed(lambda _: purchase.complete(), None)
        counted["calls"] = len(wire.calls)
        writes = [each for each in wire.calls if each.operation == "TransactWriteItems"]
        self.transactions = [each.number for each in writes]
        wrong = self._whole(purchase)
        self._rest()
        purchase.ship()
        self._rest()
        purchase.parcel("delivered")
        self._rest()
        return [*wrong, *self._is(purchase, OrderStatus.COMPLETED)]

    def called_off(self) -> list[str]:
        before = self._goods.left()
        purchase = self._begun()
        purchase.complete()
        self._rest()
        wrong = self._whole(purchase)
        purchase.call_off()
        self._rest()
        return [*wrong, *self._is(purchase, OrderStatus.CANCELLED), *self._all_back(before)]

    def declined(self) -> list[str]:
        before = self._goods.left()
        purchase = self._begun()
        purchase.complete("declined", "tok_declined")
        self._rest()
        return [*self._is(purchase, OrderStatus.CANCELLED), *self._all_back(before)]

    def refused(self) -> list[str]:
        """Much of it is short: all of it is told, line by line, and nothing is taken."""
        stock, lines, wanted = DynamoStockRepository(), self._goods.lines, self._goods.wanted
        skus = [self._goods.skus[variant] for variant, _ in lines]
        short = {*skus[::SHORT_EACH], skus[-2]}
        purchase = self._begun()
        for sku in sorted(short):
            now = stock.level(sku)
            slip = AuditInfo("staff", datetime.now(UTC), "broken")
            write_off_stock(
                sku,
                now.available - wanted[sku] + 1,
                slip,
                expected_version=now.version,
                stock_writer=stock,
            )
        before = self._goods.left()
        route = "POST /checkout-sessions/{id}/complete"
        answer = call(
            complete_checkout.handler, route, payment_body("tok_success"), id=purchase.session_id
        )
        told = {m.get("path") for m in answer.json["messages"] if m["code"] == "out_of_stock"}
        expected = {f"$.line_items[{n}].quantity" for n, sku in enumerate(skus) if sku in short}
        wrong = self._all_back(before)
        if told != expected:
            wrong.append(f"{len(told)} of {len(expected)} short lines were told")
        if answer.json["status"] != "incomplete":
            wrong.append(f"is {answer.json['status']}")
        return wrong

    def cut_off(self, number: int, fault: Fault, back: bool) -> list[str]:
        """The process that buys dies; its buyer asks again, or the deadline passes."""
        before = self._goods.left()
        purchase = self._begun()
        with FaultInjector({number: fault}) as wire:
            try:
                purchase.complete()
            except Crash:
                wire.heal()
        if not wire.struck:
            return ["it was not cut off there"]
        wrong: list[str] = []
        if back:
            purchase.complete()
            self._rest()
            wrong += self._whole(purchase)
            purchase.call_off()
            self._rest()
        else:
            self._rest()
            purchase.sweep()
            self._stage.deadline(FaultInjector())
        return [*wrong, *self._all_back(before)]

    def _create(self, body: Mapping[str, Any]) -> ApiResponse:
        answer = call(create_checkout.handler, "POST /checkout-sessions", body)
        if answer.status != 201:
            raise Failed(answer.text[:300])
        return answer

    def _begun(self) -> LargePurchase:
        return self._of(self._create(checkout_body(*self._goods.lines)))

    def _of(self, answer: ApiResponse) -> LargePurchase:
        purchase = LargePurchase(len(self.purchases) + 1, checkout=answer.json["id"])
        self.purchases.append(purchase)
        return purchase

    def _rest(self) -> None:
        self._stage.come_to_rest(FaultInjector())

    def _whole(self, purchase: LargePurchase) -> list[str]:
        order = DynamoOrderRepository().get_by_id(purchase.order_id())
        held: Counter[str] = Counter()
        for hold in order.reservations:
            held[hold.sku] += hold.quantity
        wanted = self._goods.wanted
        if order.status is OrderStatus.CONFIRMED and held == wanted:
            return []
        return [f"{order.status}, holds {sum(held.values())} of {sum(wanted.values())}"]

    def _is(self, purchase: LargePurchase, status: OrderStatus) -> list[str]:
        order = DynamoOrderRepository().get_by_id(purchase.order_id())
        return [] if order.status is status else [f"is {order.status}, not {status}"]

    def _all_back(self, before: Mapping[str, int]) -> list[str]:
        now = self._goods.left()
        missing = {sku: before[sku] - left for sku, left in now.items() if before[sku] != left}
        if not missing:
            return []
        return [f"of {len(missing)} articles {sum(missing.values())} pieces did not come back"]


def _timed(do: Callable[[Any], Any], sent: Any) -> tuple[Any, int]:
    began = time.monotonic()
    return do(sent), round((time.monotonic() - began) * 1000)
