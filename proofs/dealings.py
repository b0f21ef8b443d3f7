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

import shop.checkout.actions.buying
import shop.orders.actions.batches
import shop.orders.actions.calling_off
import shop.orders.actions.shipping
import shop.orders.model.goods
from functions.checkout import complete_checkout, create_checkout
from proofs.backstage import PATIENCE, Backstage
from proofs.purchase import Handler, Purchase
from proofs.stockroom import STOCKROOM
from proofs.stories import ORDINARY, Act, Dealing
from shop.checkout.model import Session
from shop.checkout.store import DynamoSessions
from shop.inventory.store import DynamoStock
from shop.kernel.errors import NotFound
from shop.orders.model import Order
from shop.orders.store import DynamoOrders
from shop.pricing.actions.coupons import make_coupon
from shop.pricing.actions.promotions import draft_promotion, publish_promotion
from shop.pricing.model.coupons import Coupon
from shop.pricing.model.promotions import Promotion
from shop.pricing.store.book import rule_book
from shop.pricing.store.calendar import DynamoPromotions
from shop.pricing.store.coupons import DynamoCoupons
from shop.pricing.store.rows import CODE, PricingRow
from shop.storage.table import connection
from shop.storage.transactions import DynamoLedger
from tests.doubles.pricing import MemoryAssortment
from tests.kit.faults import Call, Fault, Wire, undisturbed
from tests.kit.goods import checkout_body, mug, put_on_sale
from tests.kit.shop import call

OPENED = 5
"""Units of each SKU in stock when a dealing begins. It asks for 2 of one and 1 of the other."""
DEALINGS: tuple[Dealing, ...] = (*ORDINARY, *STOCKROOM)


class Temper(StrEnum):
    """What a buyer does whose request failed."""

    PATIENT = "asks again at once"
    GONE = "never asks again"
    LATE = "asks again when the deadline has passed"


@contextmanager
def parted() -> Iterator[None]:
    """Transactions that carry an article each, so that an order of two is one of many."""
    with ExitStack() as stack:
        for room in (
            shop.orders.model.goods,
            shop.orders.actions.calling_off,
            shop.orders.actions.shipping,
            shop.orders.actions.batches,
        ):
            for name in ("AT_ONCE", "SHIPPED_AT_ONCE"):
                if hasattr(room, name):
                    stack.enter_context(patch.object(room, name, 1))
        stack.enter_context(patch.object(shop.checkout.actions.buying, "MOST_ROWS", 0))
        yield


@dataclass(frozen=True)
class Point:
    """One way to disturb a dealing: faults, and rivals who act meanwhile, by the call's number."""

    dealing: Dealing
    faults: tuple[tuple[int, Fault], ...] = ()
    overtaken: tuple[tuple[int, Act], ...] = ()
    temper: Temper = Temper.PATIENT

    def __str__(self) -> str:
        what = [f"{fault} at {number}" for number, fault in self.faults]
        what += [f"{act.name} before {number}" for number, act in self.overtaken]
        return f"{self.dealing.name}; {', '.join(what) or 'undisturbed'}; buyer {self.temper}"


@dataclass
class Course:
    """How a dealing went: whose calls they were, and what was not as it should be."""

    calls: list[tuple[Act | None, Call]]
    wrong: list[str]
    struck: int


class Shop:
    """The shop of a proof: it hands out prepared purchases and disturbs them."""

    def __init__(self, stage: Backstage, door: Handler | None = None) -> None:
        self.stage = stage
        self.last: Purchase
        """Whose dealing ran last."""
        self.purchases: dict[str, tuple[Purchase, Point]] = {}
        self._door = door or complete_checkout.handler
        self._ready: list[Purchase] = []
        self._numbers = itertools.count(1)
        self._template, self._free = _templates()

    def run(self, point: Point) -> Course:
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

    def _run(self, point: Point, purchase: Purchase) -> Course:
        self.purchases[purchase.session_id] = (purchase, point)
        stage = self.stage
        stage.begin(point.dealing.name)
        stage.held = set(point.dealing.hold)
        owners: list[Act | None] = []
        open_acts: list[Act] = []
        rivals = {number: self._rival(act, purchase) for number, act in point.overtaken}
        with Wire(dict(point.faults), rivals) as wire:

            def owned(act: Act | None) -> None:
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
            if point.temper is Temper.LATE:
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
        return Course(list(zip(owners, wire.calls, strict=True)), wrong, len(wire.struck))

    def _order(self, purchase: Purchase) -> Order | None:
        try:
            return DynamoOrders().by_id(purchase.order_id())
        except NotFound:
            return None

    def _let_have(self, purchase: Purchase, template: Session) -> None:
        now = datetime.now(UTC)
        sessions = DynamoSessions()
        before = sessions.of("guest", purchase.session_id, now)
        after = replace(_session(template, purchase, now), version=before.version + 1)
        DynamoLedger(connection()).commit(sessions.changing(before, after))

    def _rival(self, act: Act, purchase: Purchase) -> Callable[[Call], None]:
        return lambda _: self.stage.meanwhile(lambda: act.do(purchase))

    def _done(self, act: Act, purchase: Purchase, point: Point, wire: Wire) -> bool:
        """Whether the act was done, by whoever does it and in their temper."""
        patient = not act.client or point.temper is Temper.PATIENT
        patience = PATIENCE if patient else 0
        done = self.stage.delivered(act.name, lambda: _did(act, purchase), wire, patience=patience)
        if done is None and not patient:
            self.stage.stuck.pop()
        return done is not None

    def _slept(self, purchase: Purchase) -> None:
        """Before the deadline: a workflow that waits for what is known already was not woken."""
        orders = DynamoOrders()
        for execution in self.stage.executions.values():
            if execution.waits and execution.at == 0:
                order = orders.by_id(execution.order_id)
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
        sessions = DynamoSessions()
        with undisturbed():
            DynamoStock().open(opened, actor="proof", reason="opening", at=now)
            with PricingRow.batch_write() as codes:
                for purchase in made:
                    codes.save(PricingRow(f"CODE#{purchase.code}", CODE, left=1, used=0, doc={}))
            DynamoLedger(connection()).commit(
                *(sessions.adding(_session(self._template, p, now)) for p in made)
            )
        self._ready += made


def _did(act: Act, purchase: Purchase) -> bool:
    act.do(purchase)
    return True


def _templates() -> tuple[Session, Session]:
    """What the buyers' checkouts are like, and one that codes pay for."""
    put_on_sale(mug(), pieces=100_000)
    effects = {"order_percent": "PROOF-GOODS", "shipping_off": "PROOF-WAY"}
    now = datetime.now(UTC)
    for kind, code in effects.items():
        told = {"id": kind, "title": kind, "code_required": True}
        effect = {"kind": kind, "basis_points": 10_000}
        promotion = Promotion.from_dict({**told, "effect": effect})
        calendar = DynamoPromotions()
        draft_promotion(promotion, promotions=calendar, assortment=MemoryAssortment(), at=now)
        publish_promotion(promotion.id, promotions=calendar, at=now)
        coupon = Coupon(f"all-{kind}", kind, code=code)
        make_coupon(coupon, coupons=DynamoCoupons(), promotions=calendar, at=now)
    rule_book().forget()
    free = {"discounts": {"codes": list(effects.values())}}
    return _begun(), _begun(**free)


def _begun(**more: Any) -> Session:
    body = checkout_body(("mug.1", 2), ("mug.2", 1), **more)
    answer = call(create_checkout.handler, "POST /checkout-sessions", body)
    return DynamoSessions().of("guest", answer.json["id"], datetime.now(UTC))


def _session(template: Session, purchase: Purchase, at: datetime) -> Session:
    lines = tuple(
        replace(line, sku=sku)
        for line, sku in zip(template.offer.lines, purchase.skus, strict=True)
    )
    quote = replace(template.offer.quote, at=at)
    return replace(
        template,
        id=purchase.session_id,
        offer=replace(template.offer, lines=lines, quote=quote, counts=purchase.counts),
        created_at=at,
    )
