"""One process's share of the buyers, clients and sweepers of a load test.

Buyers complete checkouts through the shop's own handler. Their sessions, which lack nothing, are
written by the shop's own store beforehand.
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
from functions.credits import get_gift_card_balance, issue_gift_card
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
from shop.pricing.model.usage import CODE_USES, CUSTOMER_USES, QUOTA
from shop.pricing.store.coupons import DynamoCouponRepository
from shop.pricing.store.promotions import DynamoPromotionRepository
from shop.pricing.store.usage_shards import DynamoUsageCounterRepository, counter_key
from shop.storage.connection import connection
from shop.storage.transactions import DynamoUnitOfWork
from tests.doubles.pricing import MemoryReferenceChecker
from tests.kit.faults import Crash, Fault, FaultInjector, fault_injection
from tests.kit.invariants import read_system_state, violations
from tests.kit.products import checkout_body, mug, payment_body, publish_with_stock
from tests.kit.shop import ApiResponse, Context, call
from tests.kit.system_state import SystemState
from verification.emulator import create_shop_tables
from verification.purchase_driver import STAFF, as_staff
from verification.sales_mutants import CHECKOUT_MUTANTS, naive_sweep, write_mutant
from verification.simulated_aws import Clock
from verification.worker_pool import ProgressReporter
from verification.worker_result import WorkerResult

SKU = "MUG-RED"
COUPON_CODE = "RACE100"
SALE_ID = "flash"
PEAK_ORDERS_PER_SECOND = 1_000
"""Traffic peak that a flash sale is prepared for."""
COMPLETE = "POST /checkout-sessions/{id}/complete"
SESSIONS_PER_TRANSACTION = 100
MAX_ATTEMPTS = 20
"""Attempts of a buyer who is asked to come back in a moment."""
KILLS = (Fault.CRASH_BEFORE, Fault.CRASH_AFTER, Fault.DISCONNECTED)
CALLS_TO_COMPLETE = 6
"""Calls of the handler among which one is drawn at which it is killed."""
MAX_FINDINGS = 20

Requested = Sequence[tuple[str, int]]
"""Variants and quantities of a checkout."""


def session_id(number: int) -> str:
    """Return the id of a buyer's checkout session."""
    return f"chk_crowd{number:08d}"


# ---------------------------------------------------------------------- preparation


def prepare_shop(progress: ProgressReporter, *, pieces: int, uses: int = 0, quota: int = 0) -> None:
    """Create the tables, and put this many pieces of two mugs on sale.

    ``uses`` creates a coupon that takes a tenth off, once per customer. ``quota`` creates a flash
    sale of the red mug that is prepared for a traffic peak, with stock and quota split into shards.
    """
    create_shop_tables()
    publish_with_stock(mug(), pieces=pieces)
    now = datetime.now(UTC)
    if quota:
        _publish_flash_sale(quota, now)
    if uses:
        effect = {"kind": "order_percent", "basis_points": 1000}
        promotion = {"id": "tenth", "title": "A tenth", "code_required": True, "effect": effect}
        _publish(promotion, now)
        coupon = Coupon("ten", "tenth", code=COUPON_CODE, quantity=uses, per_customer=1)
        create_coupon(
            coupon,
            coupons=DynamoCouponRepository(),
            promotions=DynamoPromotionRepository(),
            at=now,
        )


def _publish_flash_sale(quota: int, now: datetime) -> None:
    price = [{"amount": 999, "currency": "USD"}]
    effect = {"kind": "flash_sale", "price": price, "quota": quota}
    goods = {"variants": ["mug.1"]}
    _publish({"id": SALE_ID, "title": "Flash", "goods": goods, "effect": effect}, now)
    reshard_for_peak(SKU, PEAK_ORDERS_PER_SECOND, stock=DynamoStockRepository())
    reshard_counter(
        QUOTA,
        SALE_ID,
        quota,
        PEAK_ORDERS_PER_SECOND,
        rows=DynamoUsageCounterRepository(),
        stock=counter_shards(),
        at=now,
    )


def _publish(raw: dict[str, Any], now: datetime) -> None:
    promotion, promotions = Promotion.from_dict(raw), DynamoPromotionRepository()
    create_promotion(promotion, promotions=promotions, assortment=MemoryReferenceChecker(), at=now)
    publish_promotion(promotion.id, promotions=promotions, at=now)


def issue_card(
    progress: ProgressReporter, *, requested: Requested, orders: float
) -> dict[str, Any]:
    """Issue a gift card that holds the totals of so many orders; return code, amount, total."""
    total = _template(tuple(requested)).offer.quote.total.minor
    amount = int(total * orders)
    body = {"amount": amount, "currency": "USD", "reason": "load test"}
    with as_staff("staff"):
        answer = call(issue_gift_card.handler, "POST /staff/gift-cards", body, claims=STAFF)
    assert answer.status == 201, answer.text
    return {"code": answer.json["code"], "amount": amount, "total": total}


def create_sessions(
    progress: ProgressReporter,
    *,
    first: int,
    number: int,
    requested: Requested,
    with_coupon: bool = False,
) -> None:
    """Write sessions that are ready to complete. With the coupon, two belong to each customer."""
    sessions, uow = DynamoCheckoutSessionRepository(), DynamoUnitOfWork(connection())
    template = _template(tuple((item, pieces) for item, pieces in requested), with_coupon)
    created = [
        replace(template, id=session_id(first + n), created_at=datetime.now(UTC))
        for n in range(number)
    ]
    if with_coupon:
        created = [_of_customer(each, (first + n) // 2) for n, each in enumerate(created)]
    for start in range(0, number, SESSIONS_PER_TRANSACTION):
        batch = created[start : start + SESSIONS_PER_TRANSACTION]
        uow.commit(*(sessions.insert_op(session) for session in batch))
        progress(len(batch))


def _of_customer(session: CheckoutSession, number: int) -> CheckoutSession:
    buyer = replace(session.buyer, email=f"client{number}@example.com")
    customer = usage_key(session.owner, buyer.email)
    usage = tuple(
        replace(each, name=f"{each.name.split('#')[0]}#{customer}")
        if each.kind == CUSTOMER_USES
        else each
        for each in session.offer.usage
    )
    return replace(session, buyer=buyer, offer=replace(session.offer, usage=usage))


@lru_cache(maxsize=8)
def _template(requested: tuple[tuple[str, int], ...], with_coupon: bool = False) -> CheckoutSession:
    body = checkout_body(*requested)
    if with_coupon:
        body["discounts"] = {"codes": [COUPON_CODE]}
    answer = call(create_checkout.handler, "POST /checkout-sessions", body)
    assert answer.status == 201, answer.text
    return DynamoCheckoutSessionRepository().get("guest", answer.json["id"], datetime.now(UTC))


# ---------------------------------------------------------------------- buyers and sweepers


def complete_sessions(
    progress: ProgressReporter,
    *,
    first: int,
    number: int,
    threads: int,
    mutant: str | None = None,
    gift_card: str | None = None,
) -> dict[str, int]:
    """Complete the sessions of so many buyers as fast as possible; count the outcomes."""
    handler = CHECKOUT_MUTANTS.get(mutant or "", complete_checkout.handler)

    def buy(buyer: int) -> str:
        outcome = ""
        for attempt in range(MAX_ATTEMPTS):
            key = f"buyer-{buyer}-{attempt}"
            send = partial(complete, handler, buyer, "tok_success", key, gift_card=gift_card)
            outcome = outcome_of(retry_while_busy(send))
            # Another customer used the card at this moment: look at its balance, and try again.
            used_up = outcome == "credit_insufficient"
            if not used_up or not gift_card or not _balance(gift_card, buyer):
                break
        progress(1)
        return outcome

    with write_mutant(mutant), ThreadPoolExecutor(threads) as pool:
        return dict(Counter(pool.map(buy, range(first, first + number))))


def abandon_sessions(
    progress: ProgressReporter, *, first: int, number: int, threads: int, seed: int
) -> dict[str, int]:
    """Reserve stock for so many buyers; three in ten abandon it, and handlers are killed."""

    def reserve(buyer: int) -> tuple[bool, int]:
        chance = random.Random(f"{seed} {buyer}")
        abandons = chance.random() < 0.3
        token = chance.choice(
            ("tok_never", "tok_challenge", "tok_success")
            if abandons
            else ("tok_success", "tok_success", "tok_declined")
        )
        killed = 0
        for _ in range(5):
            at = chance.randrange(CALLS_TO_COMPLETE)
            # An abandoned order with a payment that would succeed needs a crash before it.
            dies = chance.random() < 0.4 or (abandons and token == "tok_success")  # noqa: S105
            plan = {at: chance.choice(KILLS)} if dies else {}
            try:
                with FaultInjector(plan) as injector:
                    answer = complete(complete_checkout.handler, buyer, token, f"reserve-{buyer}")
                killed += bool(injector.applied)
                if answer.status < 500 or abandons:
                    break
            except Crash:
                killed += 1
                if abandons:
                    break
        progress(1)
        return abandons, killed

    with fault_injection(), ThreadPoolExecutor(threads) as pool:
        ends = list(pool.map(reserve, range(first, first + number)))
    return {
        "abandoned": sum(abandoned for abandoned, _ in ends),
        "killed": sum(killed for _, killed in ends),
    }


def sweep(
    progress: ProgressReporter, *, seed: int, first: int, number: int, naive: bool = False
) -> dict[str, int]:
    """Run sweepers after every deadline until nothing is overdue; kill them now and then."""
    handler: Callable[..., Any] = naive_sweep if naive else expire_unpaid_orders.handler

    def sweep_until_quiet(sweeper: int) -> int:
        chance = random.Random(f"sweep {seed} {sweeper}")
        killed = rounds = quiet = 0
        while quiet < 2 and rounds < 60:
            rounds += 1
            plan = {chance.randrange(40, 600): chance.choice(KILLS)} if rounds < 20 else {}
            try:
                with FaultInjector(plan):
                    swept = handler({}, Context())
                quiet = quiet + 1 if swept["overdue"] == 0 else 0
                progress(swept["settled"])
            except Crash:
                killed += 1
            except Exception:  # noqa: BLE001  disconnected: the schedule runs the next sweep
                killed += 1
        return killed

    with ExitStack() as stack:
        stack.enter_context(fault_injection())
        stack.enter_context(patch.object(shop.entrypoints.scheduler, "datetime", Clock))
        stack.enter_context(patch.object(Clock, "offset", timedelta(minutes=31)))
        pool = stack.enter_context(ThreadPoolExecutor(number))
        return {"killed": sum(pool.map(sweep_until_quiet, range(first, first + number)))}


def repeat_requests(
    progress: ProgressReporter,
    *,
    clients: int,
    keys: int,
    seed: int,
    number: int,
    naive: bool = False,
) -> dict[str, Any]:
    """Send the same request under each key from all clients; kill some half-way, and retry them.

    Returns the outcomes, and the digests of the different responses per key.
    """
    handler = CHECKOUT_MUTANTS["random ids"] if naive else complete_checkout.handler
    answers: dict[int, set[str]] = {key: set() for key in range(keys)}
    outcomes: Counter[str] = Counter()
    lock = threading.Lock()

    def send(client: int) -> None:
        chance = random.Random(f"{seed} {number} {client}")
        for buyer in range(keys):
            key = f"repeat-{buyer}-0123456789abcdef"
            outcome = text = ""
            for _ in range(MAX_ATTEMPTS):
                dies = chance.random() < 0.1
                plan = {chance.randrange(CALLS_TO_COMPLETE): chance.choice(KILLS)} if dies else {}
                try:
                    with FaultInjector(plan):
                        answer = complete(handler, buyer, "tok_success", key)
                except Crash:
                    with lock:
                        outcomes["killed"] += 1
                    continue
                outcome, text = outcome_of(answer), answer.text
                if answer.status < 500:
                    break
            with lock:
                outcomes[outcome] += 1
                answers[buyer].add(hashlib.sha256(text.encode()).hexdigest())
            if chance.random() < 0.05:
                other = retry_while_busy(partial(complete, handler, buyer, "tok_declined", key))
                with lock:
                    outcomes["mismatches"] += 1
                    outcomes["rejected"] += other.status == 409
            progress(1)

    with fault_injection(), ThreadPoolExecutor(clients) as pool:
        list(pool.map(send, range(clients)))
    return {"outcomes": dict(outcomes), "answers": {k: sorted(v) for k, v in answers.items()}}


def complete(
    handler: Any, buyer: int, token: str, key: str, *, gift_card: str | None = None
) -> ApiResponse:
    """Complete a buyer's session, with the gift card first if there is one."""
    body = payment_body(token)
    if gift_card is not None:
        instrument = {
            "id": "gift_card",
            "handler_id": "credits",
            "type": "gift_card",
            "credential": {"type": "gift_card", "token": gift_card},
        }
        body["payment"]["instruments"].insert(0, instrument)
    handler = _from_own_address(handler, buyer)
    return call(handler, COMPLETE, body, key=key, id=session_id(buyer))


def _balance(gift_card: str, buyer: int) -> int:
    """Return the balance of a card; an overspent one counts as empty."""
    handler = _from_own_address(get_gift_card_balance.handler, buyer)
    body = {"code": gift_card, "currency": "USD"}
    answer = call(handler, "POST /gift-cards/balance", body)
    assert answer.status == 200, answer.text
    return max(0, int(answer.json["balance"]))


def _from_own_address(handler: Any, buyer: int) -> Any:
    """Give each buyer an own address, because attempts with gift cards are limited per address."""
    address = f"10.{buyer >> 16 & 255}.{buyer >> 8 & 255}.{buyer & 255}"

    def handle(event: dict[str, Any], context: Any) -> Any:
        event["requestContext"]["http"]["sourceIp"] = address
        return handler(event, context)

    return handle


def retry_while_busy(send: Callable[[], ApiResponse]) -> ApiResponse:
    """Repeat a request while the shop answers that it is too busy."""
    answer = send()
    for _ in range(MAX_ATTEMPTS):
        if answer.status not in (429, 503):
            break
        answer = send()
    return answer


def outcome_of(answer: ApiResponse) -> str:
    """Return the status of the checkout, or the code of the error."""
    body = answer.json
    if answer.status >= 400 and answer.status < 500:
        codes = [message["code"] for message in body.get("messages", ())]
        return str(codes[0] if codes else answer.status)
    return str(body.get("status", answer.status))


# ---------------------------------------------------------------------- what was sold


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
