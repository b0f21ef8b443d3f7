"""Many at one shop at once: one process's share of the buyers, sweepers and clients of a proof.

They buy through the door itself. What each needs beforehand, a session that lacks nothing, is
written by the shop's own store; from then on the door, its transaction and the provider do all.
"""

import hashlib
import random
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache, partial
from typing import Any
from unittest.mock import patch

import shop.entrypoints.scheduler
from functions.checkout import complete_checkout, create_checkout
from functions.scheduled import expire_unpaid_orders
from shop.cart.model import usage_key
from shop.checkout.model import CheckoutSession
from shop.checkout.store import DynamoCheckoutSessionRepository
from shop.inventory.actions.sharding import reshard_for_peak
from shop.inventory.store import DynamoStockRepository, counter_shards
from shop.orders.model import OrderStatus
from shop.pricing.actions.coupons import create_coupon
from shop.pricing.actions.promotions import create_promotion, publish_promotion
from shop.pricing.actions.usage_sharding import reshard_counter
from shop.pricing.model.coupons import Coupon
from shop.pricing.model.promotions import Promotion
from shop.pricing.model.usage import QUOTA
from shop.pricing.store.coupons import DynamoCouponRepository
from shop.pricing.store.promotions import DynamoPromotionRepository
from shop.pricing.store.usage_shards import DynamoUsageCounterRepository
from shop.storage.connection import connection
from shop.storage.transactions import DynamoUnitOfWork
from tests.doubles.pricing import MemoryReferenceChecker
from tests.kit.faults import Crash, Fault, FaultInjector, faulty
from tests.kit.invariants import read_system_state, violations
from tests.kit.products import checkout_body, mug, payment_body, publish_with_stock
from tests.kit.shop import ApiResponse, Context, call
from verification.emulator import furnish
from verification.sales_mutants import NAIVE, SWEEP
from verification.simulated_aws import Clock
from verification.worker_pool import Tell
from verification.worker_result import WorkerResult

SKU = "MUG-RED"
CODE = "RACE100"
FLASH = "flash"
RUSH = 1_000
"""Orders a second that a flash sale is prepared for."""
COMPLETE = "POST /checkout-sessions/{id}/complete"
AT_ONCE = 100
"""Rows that one transaction writes."""
TRIES = 20
"""How often a buyer asks again who is told to come back in a moment."""
KILLED = (Fault.CRASH_BEFORE, Fault.CRASH_AFTER, Fault.CUT_OFF)
LONGEST = 6
"""Calls of a handler among which the one is drawn at which it is killed."""


def session_id(number: int) -> str:
    """The checkout of a buyer."""
    return f"chk_crowd{number:08d}"


def open_shop(tell: Tell, *, pieces: int, uses: int = 0, quota: int = 0) -> None:
    """Make the tables, and put so many pieces of each of two mugs on sale; a coupon has ``uses``.

    The coupon takes a tenth off, once for each customer. A ``quota`` is that of a flash sale of the
    red mug; it is prepared for a rush, as the stock is, so both are in many bins.
    """
    furnish()
    publish_with_stock(mug(), pieces=pieces)
    now, calendar = datetime.now(UTC), DynamoPromotionRepository()
    if quota:
        price = [{"amount": 999, "currency": "USD"}]
        effect: dict[str, Any] = {"kind": "flash_sale", "price": price, "quota": quota}
        goods = {"variants": ["mug.1"]}
        _publish({"id": FLASH, "title": "Flash", "goods": goods, "effect": effect}, now)
        reshard_for_peak(SKU, RUSH, stock=DynamoStockRepository())
        reshard_counter(
            QUOTA,
            FLASH,
            quota,
            RUSH,
            rows=DynamoUsageCounterRepository(),
            stock=counter_shards(),
            at=now,
        )
    if not uses:
        return
    effect = {"kind": "order_percent", "basis_points": 1000}
    _publish({"id": "tenth", "title": "A tenth", "code_required": True, "effect": effect}, now)
    coupon = Coupon("ten", "tenth", code=CODE, quantity=uses, per_customer=1)
    create_coupon(coupon, coupons=DynamoCouponRepository(), promotions=calendar, at=now)


def _publish(raw: dict[str, Any], now: datetime) -> None:
    promotion, calendar = Promotion.from_dict(raw), DynamoPromotionRepository()
    create_promotion(promotion, promotions=calendar, assortment=MemoryReferenceChecker(), at=now)
    publish_promotion(promotion.id, promotions=calendar, at=now)


def line_up(
    tell: Tell,
    *,
    first: int,
    number: int,
    requested: Sequence[tuple[str, int]],
    with_coupon: bool = False,
) -> None:
    """Write so many sessions that lack nothing but the word, each for the wanted pieces.

    With the coupon they belong to half as many customers.
    """
    sessions, ledger = DynamoCheckoutSessionRepository(), DynamoUnitOfWork(connection())
    template = _template(requested, with_coupon)
    made = [
        replace(template, id=session_id(first + at), created_at=datetime.now(UTC))
        for at in range(number)
    ]
    if with_coupon:
        made = [_of_customer(session, (first + at) // 2) for at, session in enumerate(made)]
    for start in range(0, number, AT_ONCE):
        batch = made[start : start + AT_ONCE]
        ledger.commit(*(sessions.insert_op(session) for session in batch))
        tell(len(batch))


def rush(
    tell: Tell, *, first: int, number: int, threads: int, heedless: str | None = None
) -> dict[str, int]:
    """So many buyers ask for the goods, as fast as they come; what they were told, counted.

    ``heedless`` names the broken door they go through.
    """
    door = NAIVE[heedless] if heedless else complete_checkout.handler

    def buy(buyer: int) -> str:
        answer = insisting(lambda: complete(door, buyer, "tok_success", f"rush-{buyer}"))
        tell(1)
        return said_to(answer)

    with ThreadPoolExecutor(threads) as crowd:
        return dict(Counter(crowd.map(buy, range(first, first + number))))


def abandon(tell: Tell, *, first: int, number: int, threads: int, seed: int) -> dict[str, int]:
    """So many buyers reserve; three in ten leave it at that, and handlers are killed in between."""

    def reserve(buyer: int) -> tuple[bool, int]:
        chance = random.Random(f"{seed} {buyer}")
        leaves = chance.random() < 0.3
        token = chance.choice(
            ("tok_never", "tok_challenge", "tok_success")
            if leaves
            else ("tok_success", "tok_success", "tok_declined")
        )
        killed = 0
        for _ in range(5):
            at = chance.randrange(LONGEST)
            dies = chance.random() < 0.4 or (leaves and token == "tok_success")  # noqa: S105
            plan = {at: chance.choice(KILLED)} if dies else {}
            try:
                with FaultInjector(plan) as wire:
                    answer = complete(complete_checkout.handler, buyer, token, f"reserve-{buyer}")
                killed += bool(wire.struck)
                if answer.status < 500 or leaves:
                    break
            except Crash:
                killed += 1
                if leaves:
                    break
        tell(1)
        return leaves, killed

    with faulty(), ThreadPoolExecutor(threads) as crowd:
        ends = list(crowd.map(reserve, range(first, first + number)))
    return {"abandoned": sum(left for left, _ in ends), "killed": sum(killed for _, killed in ends)}


def sweep(tell: Tell, *, seed: int, number: int, naive: bool = False) -> dict[str, int]:
    """The clock stands past every deadline; sweep until nothing is overdue, dying now and then."""
    chance = random.Random(f"sweep {seed} {number}")
    door: Callable[..., Any] = SWEEP if naive else expire_unpaid_orders.handler
    killed = rounds = quiet = 0
    with ExitStack() as stack:
        stack.enter_context(faulty())
        stack.enter_context(patch.object(shop.entrypoints.scheduler, "datetime", Clock))
        stack.enter_context(patch.object(Clock, "ahead", timedelta(minutes=31)))
        while quiet < 2 and rounds < 60:
            rounds += 1
            plan = {chance.randrange(40, 600): chance.choice(KILLED)} if rounds < 20 else {}
            try:
                with FaultInjector(plan):
                    swept = door({}, Context())
                quiet = quiet + 1 if swept["overdue"] == 0 else 0
                tell(swept["settled"])
            except Crash:
                killed += 1
            except Exception:  # noqa: BLE001  cut off: the clock wakes the next one
                killed += 1
    return {"killed": killed, "rounds": rounds}


def insist(
    tell: Tell, *, clients: int, keys: int, seed: int, number: int, naive: bool = False
) -> dict[str, Any]:
    """So many clients send the same request under each key, some killed half-way, and compare."""
    door = NAIVE["random ids"] if naive else complete_checkout.handler
    answers: dict[int, set[str]] = {key: set() for key in range(keys)}
    counted: Counter[str] = Counter()
    lock = threading.Lock()

    def ask(client: int) -> None:
        chance = random.Random(f"{seed} {number} {client}")
        for buyer in range(keys):
            key = f"insist-{buyer}-0123456789abcdef"
            said = text = ""
            for _ in range(TRIES):
                dies = chance.random() < 0.1
                plan = {chance.randrange(LONGEST): chance.choice(KILLED)} if dies else {}
                try:
                    with FaultInjector(plan):
                        answer = complete(door, buyer, "tok_success", key)
                except Crash:
                    with lock:
                        counted["killed"] += 1
                    continue
                said, text = said_to(answer), answer.text
                if answer.status < 500:
                    break
            with lock:
                counted[said] += 1
                answers[buyer].add(hashlib.sha256(text.encode()).hexdigest())
            if chance.random() < 0.05:
                other = insisting(partial(complete, door, buyer, "tok_declined", key))
                with lock:
                    counted["mismatches"] += 1
                    counted["refused"] += other.status == 409
            tell(1)

    with faulty(), ThreadPoolExecutor(clients) as crowd:
        list(crowd.map(ask, range(clients)))
    return {"counted": dict(counted), "answers": {k: sorted(v) for k, v in answers.items()}}


def judge(tell: Tell, *, keys: int = 0, prefix: str = "", history: bool = True) -> WorkerResult:
    """Read the books and count what the verification speak of."""
    one_key = {session_id(n): 1 for n in range(keys)}
    books = read_system_state(keys=one_key, history=history)
    found = violations(books)
    tally = WorkerResult()
    for violation in found:
        tally.rules[violation.rule] += 1
    tally.violations = len(found)
    tally.findings = tuple(str(violation) for violation in found[:20])
    tally.counted.update(f"orders {order.status}" for order in books.orders)
    sold = [order for order in books.orders if order.status is not OrderStatus.CANCELLED]
    tally.counted["sold"] = sum(line.quantity for order in sold for line in order.lines)
    tally.counted["orders"] = len(sold)
    tally.counted["charges"] = sum(len(charges) for charges in books.charges.values())
    held: Counter[str] = Counter()
    for order in sold:
        if order.status is not OrderStatus.PLACED:
            for hold in order.reservations:
                held[hold.sku] += hold.quantity
    coupons = [count for order in sold for count in order.usage]
    tally.counted["coupon orders"] = sum(count.kind == "code" for count in coupons)
    tally.counted["coupon customers"] = len({c.name for c in coupons if c.kind == "customer"})
    for name, row in books.tallies.items():
        tally.counted["coupon uses"] += row["used"] if name.startswith("CODE#") else 0
        tally.counted["coupon below zero"] += sum(number < 0 for number in row.values())
        tally.counted["quota"] += row["used"] if name.startswith("QUOTA#") else 0
    for sku, row in books.stock.items():
        tally.counted["available"] += row["available"]
        tally.counted["leaked"] += abs(row["reserved"] + row["committed"] - held[sku])
    without = [v for v in found if v.rule == "I5"]
    oversold = sum(-row["available"] for row in books.stock.values() if row["available"] < 0)
    tally.counted["orders without stock"] = len(without) + oversold
    return tally


def complete(door: Any, buyer: int, token: str, key: str) -> ApiResponse:
    return call(door, COMPLETE, payment_body(token), key=key, id=session_id(buyer))


def insisting(ask: Callable[[], ApiResponse]) -> ApiResponse:
    """Ask again while the shop says to come back in a moment."""
    answer = ask()
    for _ in range(TRIES):
        if answer.status not in (429, 503):
            break
        answer = ask()
    return answer


def said_to(answer: ApiResponse) -> str:
    said = answer.json
    return str(said.get("status", answer.status))


def _of_customer(session: CheckoutSession, number: int) -> CheckoutSession:
    buyer = replace(session.buyer, email=f"client{number}@example.com")
    who = usage_key(session.owner, buyer.email)
    counts = tuple(
        replace(count, name=f"{count.name.split('#')[0]}#{who}")
        if count.kind == "customer"
        else count
        for count in session.offer.usage
    )
    return replace(session, buyer=buyer, offer=replace(session.offer, usage=counts))


@lru_cache(maxsize=8)
def _made(wanted: tuple[tuple[str, int], ...], with_coupon: bool) -> CheckoutSession:
    body = checkout_body(*wanted)
    if with_coupon:
        body["discounts"] = {"codes": [CODE]}
    answer = call(create_checkout.handler, "POST /checkout-sessions", body)
    assert answer.status == 201, answer.text
    return DynamoCheckoutSessionRepository().get("guest", answer.json["id"], datetime.now(UTC))


def _template(requested: Sequence[tuple[str, int]], with_coupon: bool = False) -> CheckoutSession:
    return _made(tuple((item, pieces) for item, pieces in requested), with_coupon)
