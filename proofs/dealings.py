"""Dealings with the shop, from the checkout to the last refund, that a proof disturbs.

A dealing is a list of acts. Between two acts all that follows by itself comes to rest: events,
workflow, webhooks. Whoever acts does so again when that fails, by their temper; at the end the
payment's deadline passes. The wire numbers the calls of it all, so that any of them can go wrong.
"""

import itertools
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import partial
from typing import Any
from unittest.mock import patch

import shop.checkout.actions.buying
import shop.orders.actions.batches
import shop.orders.actions.calling_off
import shop.orders.actions.shipping
import shop.orders.model.goods
from functions.checkout import cancel_checkout, complete_checkout, create_checkout
from functions.sandbox import answer_challenge
from functions.scheduled import expire_unpaid_orders
from functions.staff_orders import cancel_order, ship_order
from functions.webhooks import receive_carrier_event
from functions.workflows import expire_order, release_allocation
from proofs.backstage import PATIENCE, WEBHOOK_SECRET, Backstage, Clock
from shop.checkout.model import Session
from shop.checkout.store import DynamoSessions
from shop.edge.webhook import key_of, signature
from shop.inventory.actions import Slip, write_off
from shop.inventory.store import DynamoStock
from shop.kernel.counts import Count
from shop.kernel.errors import NotFound
from shop.kernel.ids import derived_id
from shop.orders.store import DynamoOrders
from shop.pricing.store.rows import CODE, PricingRow
from shop.storage.table import connection
from shop.storage.transactions import DynamoLedger
from tests.kit.faults import Call, Fault, Wire, undisturbed
from tests.kit.goods import checkout_body, mug, paying, put_on_sale
from tests.kit.invariants import told_truly
from tests.kit.shop import Context, Response, call

OPENED = 5
"""Units of each SKU in stock when a dealing begins. It asks for 2 of one and 1 of the other."""
STAFF: Mapping[str, Any] = {
    "sub": "staff",
    "username": "staff",
    "iss": "http://issuer.test",
    "token_use": "access",
    "client_id": "shop-client",
    "cognito:groups": "[staff fulfilment]",
}


class Temper(StrEnum):
    """What a buyer does whose request failed."""

    PATIENT = "asks again at once"
    GONE = "never asks again"
    LATE = "asks again when the deadline has passed"


class Failed(Exception):
    """An answer that says: try again."""


Handler = Callable[[dict[str, Any], Any], dict[str, Any]]


@dataclass
class Purchase:
    """One buyer, one checkout session, two SKUs of their own: so what goes wrong has a name."""

    number: int
    token: str = "tok_success"  # noqa: S105  a test token of the sandbox
    door: Handler = complete_checkout.handler
    """The door that buys; a broken one takes its place to show that the proof sees it."""
    told: list[tuple[str, str, tuple[str, ...]]] = field(default_factory=list)
    """Key, status and message codes of every answer the buyer got."""
    keys: set[str] = field(default_factory=set)

    @property
    def session_id(self) -> str:
        return f"chk_proof{self.number:08d}"

    @property
    def skus(self) -> tuple[str, str]:
        return f"P{self.number}-RED", f"P{self.number}-BLUE"

    @property
    def code(self) -> str:
        return f"P{self.number}"

    @property
    def counts(self) -> tuple[Count, ...]:
        """A coupon with one use, one for this customer, and the last units of a sale."""
        return (
            Count("code", self.code, 1, None, "tenth"),
            Count("customer", f"{self.code}#jane", 1, 1, "tenth"),
            Count("quota", self.code, 3, 3, "flash"),
        )

    def order_id(self, attempt: int = 1) -> str:
        return derived_id("ord", self.session_id, str(attempt))

    @property
    def reference(self) -> str:
        return derived_id("pay", self.order_id())

    # what people do; each raises Failed where it is to be done again

    def complete(self, key: str = "first", token: str | None = None) -> None:
        self.keys.add(key)
        answer = call(
            self.door,
            "POST /checkout-sessions/{id}/complete",
            paying(token or self.token),
            key=self._key(key),
            id=self.session_id,
        )
        self._heard(key, answer)

    def leave(self) -> None:
        answer = call(
            cancel_checkout.handler,
            "POST /checkout-sessions/{id}/cancel",
            key=self._key("leave"),
            id=self.session_id,
        )
        self._heard("leave", answer)

    def approve(self, yes: bool) -> None:
        answer = call(
            answer_challenge.handler,
            "POST /sandbox/challenges/{reference}",
            {"approved": yes},
            reference=self.reference,
        )
        _final(answer)

    def ship(self, lines: Sequence[Mapping[str, Any]] | None = None, number: str = "A") -> None:
        body: dict[str, Any] = {"carrier": "acme", "tracking_number": self.tracking(number)}
        if lines is not None:
            body["lines"] = lines
        route = "POST /staff/orders/{id}/parcels"
        with as_staff():
            _final(call(ship_order.handler, route, body, claims=STAFF, id=self.order_id()))

    def call_off(self) -> None:
        route, body = "POST /staff/orders/{id}/cancel", {"reason": "the mug is cracked"}
        with as_staff():
            _final(call(cancel_order.handler, route, body, claims=STAFF, id=self.order_id()))

    def parcel(self, status: str, number: str = "A") -> None:
        """The carrier says where a parcel is, if it was given one."""
        with undisturbed():
            try:
                DynamoOrders().parcel("acme", self.tracking(number))
            except NotFound:
                return
        at = Clock.now()
        event = {
            "id": f"{self.number}-{number}-{status}",
            "tracking_number": self.tracking(number),
            "status": status,
            "occurred_at": at.isoformat(),
        }
        text = _json(event)
        headers = signature(key_of(WEBHOOK_SECRET), event["id"], at, text.encode())
        answer = call(
            receive_carrier_event.handler,
            "POST /webhooks/carriers/{carrier}",
            raw=text,
            headers=headers,
            key="",
            carrier="acme",
        )
        _final(answer)

    def expire(self) -> None:
        """The workflow's undo of an unpaid order, run by somebody at any moment."""
        told = {"order_id": self.order_id(), "failure": {"Error": "States.Timeout"}}
        try:
            expire_order.handler(told, Context())
        except NotFound:
            return

    def release(self) -> None:
        """The workflow's undo of an order that was not shipped in time."""
        try:
            release_allocation.handler({"order_id": self.order_id()}, Context())
        except NotFound:
            return

    def sweep(self) -> None:
        """The clock finds what the workflow should have expired."""
        Clock.ahead = max(Clock.ahead, timedelta(minutes=31))
        expire_unpaid_orders.handler({}, Context())

    def snatch(self) -> None:
        """What is left of one of the articles turns out to be broken."""
        stock = DynamoStock()
        now = stock.level(self.skus[1])
        left = now.available
        if left > 0:
            slip = Slip("staff", Clock.now(), "broken")
            write_off(self.skus[1], left, slip, expected_version=now.version, stock=stock)

    def tracking(self, number: str) -> str:
        return f"P{self.number}-{number}"

    def _key(self, key: str) -> str:
        return f"{self.session_id}-{key}-0123456789"

    def _heard(self, key: str, answer: Response) -> None:
        said = answer.json
        codes = tuple(m["code"] for m in said.get("messages", ()) if "code" in m)
        if answer.status >= 500 or "stale" in codes:
            raise Failed(answer.text)
        self.told.append((key, said.get("status", ""), codes))

    def untrue(self, order_ids: Iterable[str]) -> list[str]:
        """What the buyer was told and is not so, now that all is at rest; with their orders."""
        orders = [DynamoOrders().by_id(order_id) for order_id in order_ids]
        last = max(orders, key=lambda order: order.placed_at, default=None)
        wrong = (told_truly(last, status, codes) for _, status, codes in self.told)
        # A buyer who was declined under one key may have bought under the next.
        return [w for w in wrong if w and not (len(self.keys) > 1 and "failed" in w)]


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


def _final(answer: Response) -> None:
    if answer.status >= 500 or (answer.status == 409 and answer.json.get("code") == "stale"):
        raise Failed(answer.text)


@dataclass(frozen=True)
class Act:
    """Something somebody does. ``client``: a buyer does it, who may lose patience."""

    name: str
    do: Callable[[Purchase], None]
    client: bool = False


@dataclass(frozen=True)
class Dealing:
    """A story. ``rivals`` act while a call of ``disturbed`` acts stalls; ``hold`` are queues that
    deliver nothing until the deadline has passed."""

    name: str
    acts: tuple[Act, ...]
    token: str = "tok_success"  # noqa: S105  a test token of the sandbox
    rivals: tuple[Act, ...] = ()
    hold: frozenset[str] = frozenset()
    in_batches: bool = False
    """As an order of many articles is bought: its stock moves an article at a time."""


def _as_client(name: str, do: Callable[[Purchase], None]) -> Act:
    return Act(name, do, client=True)


BUY = _as_client("complete", Purchase.complete)
BUY_AGAIN = _as_client("complete again", lambda p: p.complete("second", "tok_success"))
LEAVE = _as_client("leave", Purchase.leave)
APPROVE = _as_client("approve", lambda p: p.approve(True))
REFUSE = _as_client("refuse", lambda p: p.approve(False))
SHIP = Act("ship", Purchase.ship)
SHIP_ONE = Act("ship one", lambda p: p.ship([{"id": "li_1", "quantity": 1}]))
SHIP_OTHERWISE = Act("ship otherwise", lambda p: p.ship(number="B"))
CALL_OFF = Act("call off", Purchase.call_off)
ARRIVE = Act("arrive", lambda p: p.parcel("delivered"))
LOSE = Act("lose", lambda p: p.parcel("lost"))
EXPIRE = Act("expire", Purchase.expire)
SWEEP = Act("sweep", Purchase.sweep)
SNATCH = Act("write off what is left", Purchase.snatch)
RELEASE = Act("release", Purchase.release)

BOUGHT = Dealing("bought", (BUY,), rivals=(BUY, BUY_AGAIN, LEAVE, EXPIRE))
DECLINED = Dealing("declined", (BUY,), "tok_declined", rivals=(BUY, BUY_AGAIN, LEAVE, EXPIRE))
DECLINED_THEN_BOUGHT = Dealing("declined, then bought", (BUY, BUY_AGAIN), "tok_declined")
PENDING = Dealing("pending", (BUY,), "tok_pending", rivals=(BUY, LEAVE, EXPIRE))
PENDING_DECLINED = Dealing("pending, declined", (BUY,), "tok_pending_declined", rivals=(LEAVE,))
NEVER = Dealing("never paid", (BUY,), "tok_never", rivals=(LEAVE, EXPIRE))
CHALLENGED = Dealing("challenged", (BUY, APPROVE), "tok_challenge", rivals=(LEAVE, EXPIRE))
REFUSED = Dealing("challenge refused", (BUY, REFUSE), "tok_challenge", rivals=(EXPIRE,))
LEFT = Dealing("left while pending", (BUY, LEAVE), "tok_never", rivals=(BUY, LEAVE, EXPIRE))
LEFT_PAID = Dealing("left, then paid", (BUY, LEAVE), "tok_pending", hold=frozenset({"settlements"}))
LATE_MONEY = Dealing(
    "settled after the deadline", (BUY,), "tok_pending", hold=frozenset({"settlements"})
)
LATE_WORD = Dealing("told after the deadline", (BUY,), "tok_pending", hold=frozenset({"payments"}))
SWEPT = Dealing("swept", (BUY, SWEEP), "tok_never", rivals=(LEAVE,))
CALLED_OFF = Dealing("called off by staff", (BUY, CALL_OFF), rivals=(SHIP, CALL_OFF))
DELIVERED = Dealing("delivered", (BUY, SHIP, ARRIVE), rivals=(CALL_OFF, SHIP_OTHERWISE, RELEASE))
SHORTENED = Dealing(
    "shipped in part", (BUY, SHIP_ONE, RELEASE, ARRIVE), rivals=(SHIP_OTHERWISE, CALL_OFF)
)
LOST = Dealing("lost on the way", (BUY, SHIP, LOSE))

MANY = Dealing("many bought", (BUY,), rivals=(BUY, BUY_AGAIN, LEAVE, EXPIRE, SNATCH))
MANY_DECLINED = Dealing("many declined", (BUY, BUY_AGAIN), "tok_declined", rivals=(LEAVE, EXPIRE))
MANY_NEVER = Dealing("many never paid", (BUY,), "tok_never", rivals=(LEAVE, EXPIRE, SNATCH))
MANY_LEFT = Dealing("many left", (BUY, LEAVE), "tok_never", rivals=(BUY, EXPIRE))
MANY_SWEPT = Dealing("many swept", (BUY, SWEEP), "tok_never", rivals=(LEAVE,))
MANY_CALLED_OFF = Dealing("many called off by staff", (BUY, CALL_OFF), rivals=(SHIP, CALL_OFF))
MANY_DELIVERED = Dealing("many delivered", (BUY, SHIP, ARRIVE), rivals=(CALL_OFF, RELEASE))
MANY_SHORTENED = Dealing(
    "many shipped in part", (BUY, SHIP_ONE, RELEASE, ARRIVE), rivals=(SHIP_OTHERWISE, CALL_OFF)
)

DEALINGS: tuple[Dealing, ...] = (
    BOUGHT,
    DECLINED,
    DECLINED_THEN_BOUGHT,
    PENDING,
    PENDING_DECLINED,
    NEVER,
    CHALLENGED,
    REFUSED,
    LEFT,
    LEFT_PAID,
    LATE_MONEY,
    LATE_WORD,
    SWEPT,
    CALLED_OFF,
    DELIVERED,
    SHORTENED,
    LOST,
    *(
        replace(dealing, in_batches=True)
        for dealing in (
            MANY,
            MANY_DECLINED,
            MANY_NEVER,
            MANY_LEFT,
            MANY_SWEPT,
            MANY_CALLED_OFF,
            MANY_DELIVERED,
            MANY_SHORTENED,
        )
    ),
)


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
        self._template = _template()

    def run(self, point: Point) -> Course:
        """Let a dealing happen, disturbed as the point says, and come to rest."""
        with parted() if point.dealing.in_batches else nullcontext():
            return self._run(point)

    def _run(self, point: Point) -> Course:
        purchase = self.last = self._purchase()
        purchase.token = point.dealing.token
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


def _template() -> Session:
    put_on_sale(mug(), pieces=100_000)
    answer = call(
        create_checkout.handler,
        "POST /checkout-sessions",
        checkout_body(("mug.1", 2), ("mug.2", 1)),
    )
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


class as_staff:  # noqa: N801  reads as a phrase
    """The environment of a Lambda behind the staff's authorizer."""

    def __enter__(self) -> None:
        self._before = {name: os.environ[name] for name in ("ACCESS", "ACCESS_GROUPS")}
        os.environ.update(ACCESS="staff", ACCESS_GROUPS="staff,fulfilment")

    def __exit__(self, *_: object) -> None:
        os.environ.update(self._before)
