"""Load tests, worker functions of the sale: buyers, repeated requests and sweepers.

Each function is one process's share. Buyers complete checkouts through the shop's own handler.
"""

import hashlib
import random
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import timedelta
from functools import partial
from typing import Any
from unittest.mock import patch

import shop.entrypoints.scheduler
from functions.checkout import complete_checkout
from functions.credits import get_gift_card_balance
from functions.scheduled import expire_unpaid_orders
from tests.kit.faults import Crash, Fault, FaultInjector, fault_injection
from tests.kit.products import payment_body
from tests.kit.shop import ApiResponse, Context, call
from verification.load_test import EMPTY_CARD_CODES, session_id
from verification.sales_mutants import CHECKOUT_MUTANTS, naive_sweep, write_mutant
from verification.simulated_aws import Clock
from verification.worker_pool import ProgressReporter

COMPLETE = "POST /checkout-sessions/{id}/complete"
MAX_ATTEMPTS = 20
"""Attempts of a buyer whom the shop asks to retry."""
KILLS = (Fault.CRASH_BEFORE, Fault.CRASH_AFTER, Fault.DISCONNECTED)
CALLS_TO_COMPLETE = 6
"""Calls of the handler, of which one is drawn at which the handler is killed."""


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
            # Another customer used the card at this moment: read its balance, and try again.
            used_up = outcome in EMPTY_CARD_CODES
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
    """Send the same request under each key from all clients; kill some midway, and retry them.

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
