"""Claims of several processes on MiniStack, whose DynamoDB locks items like AWS.

Of all customers who claim a guest's cart or its checkout at one moment, exactly one gets both. A
change of the guest at that moment comes first and is kept, or fails.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from shop.cart import store as cart_store
from shop.cart.model import Cart, CartLine
from shop.checkout import store as session_store
from shop.checkout.model import CheckoutSession, Offer, OfferLine
from shop.kernel.money import Money
from shop.pricing.model.basket import Basket, BasketLine
from shop.pricing.model.engine import calculate_quote
from shop.pricing.model.rule_set import RuleSet
from shop.pricing.model.usage_limits import NO_USAGE
from shop.storage import connection
from shop.storage.transactions import DynamoUnitOfWork
from tests.kit.ministack import ministack

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
NOW = datetime.now(UTC)
OBJECTS, PROCESSES = 12, 3


@pytest.fixture
def endpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Start a MiniStack with a guest's carts, each with an open checkout."""
    with ministack(tmp_path) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        monkeypatch.setattr(connection._Connection, "shared", None)
        for row in (cart_store._Row, session_store._Row):
            monkeypatch.setattr(row, "_connection", None)
        cart_store._Row.create_table(billing_mode="PAY_PER_REQUEST", wait=True)
        carts = cart_store.DynamoCartRepository()
        sessions = session_store.DynamoCheckoutSessionRepository()
        for number in range(OBJECTS):
            cart = Cart(
                id=f"cart_{number}",
                owner="guest",
                lines=(CartLine("li_1", "mug.1", 1),),
                currency="USD",
                created_at=NOW,
                expires_at=NOW + timedelta(days=1),
                checkout_id=f"chk_{number}",
            )
            session = open_session(f"chk_{number}", cart.id)
            DynamoUnitOfWork().commit(carts.insert_op(cart), sessions.insert_op(session))
        yield url


def open_session(session_id: str, cart_id: str) -> CheckoutSession:
    line = BasketLine("li_1", "mug", "mug.1", "MUG", "Mug", Money(1299, "USD"), 1)
    quote = calculate_quote(Basket((line,), "USD"), RuleSet(), NOW, NO_USAGE)
    return CheckoutSession(
        id=session_id,
        owner="guest",
        lines=(CartLine("li_1", "mug.1", 1),),
        offer=Offer((OfferLine("li_1", "mug", "mug.1", "MUG", "Mug", 1),), quote),
        created_at=NOW,
        expires_at=NOW + timedelta(days=1),
        cart_id=cart_id,
    )


def race(endpoint: str, *variants: str) -> tuple[dict[str, list[str]], dict[str, int]]:
    """Run the claims in several processes at once; return winners and changes by cart."""
    running = [
        subprocess.Popen(
            [
                sys.executable,
                "-m",
                "tests.functions.checkout.concurrent_claims",
                f"p{number}",
                str(OBJECTS),
                *variants,
            ],
            cwd=ROOT,
            env={
                **os.environ,
                "AWS_ENDPOINT_URL": endpoint,
                "PYTHONPATH": f"{ROOT}:{ROOT / 'layers/shared/python'}",
            },
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(PROCESSES)
    ]
    for process in running:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    # The timeout is a guard against a hanging process only.
    for process in running:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    results = [json.loads(process.communicate(timeout=600)[0]) for process in running]
    assert [process.returncode for process in running] == [0] * PROCESSES
    winners: dict[str, list[str]] = {}
    changes: dict[str, int] = {}
    for result in results:
        for cart_id, names in result["winners"].items():
            winners.setdefault(cart_id, []).extend(names)
        for cart_id, count in result["changes"].items():
            changes[cart_id] = changes.get(cart_id, 0) + count
    return winners, changes


def owners() -> dict[str, list[tuple[str, Any]]]:
    """Return the owners and rows of each cart and checkout, by its id."""
    found: dict[str, list[tuple[str, Any]]] = {}
    for row in cart_store._Row.scan(consistent_read=True):
        _, owner, id_ = row.pk.split("#")
        found.setdefault(id_, []).append((owner, row))
    return found


def faults(endpoint: str, *variants: str) -> list[str]:
    """Return what a race broke: an object of two owners, a split pair, a lost change."""
    winners, changes = race(endpoint, *variants)
    stored = owners()
    carts = cart_store.DynamoCartRepository()
    broken = []
    for number in range(OBJECTS):
        cart_id = f"cart_{number}"
        cart_owners = [owner for owner, _ in stored[cart_id]]
        session_owners = [owner for owner, _ in stored[f"chk_{number}"]]
        if len(cart_owners) != 1 or len(session_owners) != 1:
            broken.append("owners")
            continue
        if cart_owners != session_owners:
            broken.append("split")
        if winners[cart_id] != cart_owners:
            broken.append("winners")
        (line,) = carts.get(cart_owners[0], cart_id, NOW).lines
        if line.quantity != 1 + changes[cart_id]:
            broken.append("changes")
    return broken


def test_exactly_one_customer_gets_a_cart_and_its_checkout(endpoint: str) -> None:
    assert faults(endpoint) == []
    # Nothing is left with the guest, and each process had its chance.
    assert all(owner != "guest" for each in owners().values() for owner, _ in each)


@pytest.mark.parametrize(
    ("variant", "expected"),
    [("unconditional", {"owners", "winners", "changes"}), ("apart", {"split", "owners"})],
)
def test_claims_without_conditions_or_in_two_transactions_are_detected(
    endpoint: str, variant: str, expected: set[str]
) -> None:
    assert expected & set(faults(endpoint, variant))
