"""Concurrent claims in a process of their own; run by test_concurrent_claims.py.

``python -m tests.functions.checkout.concurrent_claims <name> <objects> [unconditional | apart]``
waits for a line on standard input, so that all processes begin together. Then four threads race for
each of the guest's carts and their checkouts: two customers claim the cart, one the checkout, and
the guest changes the cart. It prints, by cart, the customers that got the cart or the checkout, and
the number of the guest's changes.

Two broken variants must be noticed by the test. ``unconditional`` claims move rows without their
conditions. Claims ``apart`` move the cart and its checkout in two transactions.
"""

import json
import sys
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from shop.cart import store as cart_store
from shop.cart.model import Cart
from shop.checkout import store as session_store
from shop.checkout.actions.claim import Claims
from shop.composition.claims import claims
from shop.kernel.errors import NotFound, VersionConflict
from shop.kernel.unit_of_work import ConditionFailed
from shop.storage.transactions import DynamoUnitOfWork

NOW = datetime.now(UTC)


def main() -> None:
    name, objects = sys.argv[1], int(sys.argv[2])
    for variant in sys.argv[3:]:
        {"unconditional": without_conditions, "apart": in_two_transactions}[variant]()
    won: dict[str, list[str]] = defaultdict(list)
    changes: dict[str, int] = defaultdict(int)
    print("ready", flush=True)
    sys.stdin.readline()
    with ThreadPoolExecutor(4) as pool:
        for number in range(objects):
            cart_id, session_id = f"cart_{number}", f"chk_{number}"
            guest = pool.submit(change_as_guest, cart_id)
            running = {
                f"{name}-a": pool.submit(claim_cart, f"{name}-a", cart_id),
                f"{name}-b": pool.submit(claim_cart, f"{name}-b", cart_id),
                f"{name}-c": pool.submit(claim_session, f"{name}-c", session_id),
            }
            won[cart_id] += [who for who, one in running.items() if one.result()]
            changes[cart_id] += guest.result()
    print(json.dumps({"winners": won, "changes": changes}))


def claim_cart(customer: str, cart_id: str) -> bool:
    return _succeeds(lambda: claims().claim_cart(customer, cart_id, NOW))


def claim_session(customer: str, session_id: str) -> bool:
    return _succeeds(lambda: claims().claim_session(customer, session_id, NOW))


def _succeeds(claim: Callable[[], object]) -> bool:
    """Return whether the claim moved the object; it is repeated while others change it."""
    while True:
        try:
            claim()
        except VersionConflict:
            continue
        except NotFound:
            return False
        return True


def change_as_guest(cart_id: str) -> int:
    """Add units to the guest's cart until it is gone; return the number of changes."""
    carts = cart_store.DynamoCartRepository()
    made = 0
    while made < 20:
        try:
            before = carts.get("guest", cart_id, NOW)
            (line,) = before.lines
            lines = (replace(line, quantity=line.quantity + 1),)
            after = replace(before, lines=lines, version=before.version + 1)
            DynamoUnitOfWork().commit(carts.update_op(before, after))
        except NotFound:
            break
        except ConditionFailed:
            continue
        made += 1
    return made


def without_conditions() -> None:
    def insert(self: Any, thing: Any) -> Any:
        return lambda writes: writes.save(_row_of(thing))

    def delete(self: Any, thing: Any) -> Any:
        return lambda writes: writes.delete(_row_of(thing))

    for repository in (
        cart_store.DynamoCartRepository,
        session_store.DynamoCheckoutSessionRepository,
    ):
        assert {"insert_op", "delete_op"} <= vars(repository).keys()
        type.__setattr__(repository, "insert_op", insert)
        type.__setattr__(repository, "delete_op", delete)


def _row_of(thing: Any) -> Any:
    module: Any = cart_store if isinstance(thing, Cart) else session_store
    return module._row(thing)


def in_two_transactions() -> None:
    def commit(self: Claims, writes: Any) -> bool:
        try:
            for first in range(0, len(writes), 2):
                self.uow.commit(*writes[first : first + 2])
        except ConditionFailed:
            return False
        return True

    assert "_commit" in vars(Claims)
    type.__setattr__(Claims, "_commit", commit)


if __name__ == "__main__":
    main()
