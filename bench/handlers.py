"""How much of a processor each request takes: what a Lambda computes, without the database.

``python -m bench.handlers`` calls the doors in one process, over HTTP to an emulated DynamoDB in
another, and prints the CPU time of each beside its budget. It is judged by the tenth that others on
the machine disturbed least; whatever is over its budget is called so, and it exits with 1 where
something takes twice as much, which no other machine explains. ``--slow MS`` adds so much to every
request, and must be found out. The whole order is its eight requests, from the search to the order.
The peers' figures were measured on such a machine with their databases' share; ours is the
Lambda's alone, which is what is paid for by the millisecond: DynamoDB is paid for by the unit.
"""

import argparse
import itertools
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

from verification.emulator import emulated_aws

ROUNDS, WARM = 120, 20
LIST, DETAIL, ADD, ORDER = "list 20 products", "product detail", "add the first item", "whole order"
BUDGETS = {LIST: 1.5, DETAIL: 1.5, ADD: 3.0, ORDER: 15.0}
"""Milliseconds of CPU."""
TOLERATED = 2
"""Times its budget."""
PEERS = {LIST: (3.3, 21), DETAIL: (13, 25), ADD: (33, 195), ORDER: (146, 986)}
"""Vendure 3.7.3 and Medusa 2.21.2: milliseconds of CPU of Node and PostgreSQL together."""


def doors() -> dict[str, Callable[[Any], Any]]:
    """A request by what it does; each returns its answer, and the order's follow one another."""
    from functions.cart import create_cart, update_cart
    from functions.catalog import get_product, search_catalog
    from functions.checkout import complete_checkout, create_checkout, update_checkout
    from functions.orders import get_order
    from tests.kit.products import checkout_body, lines, payment_body
    from tests.kit.shop import call

    two = (("mug0.1", 2), ("mug1.2", 1))
    one = "/checkout-sessions/{id}"

    def checked(answer: Any) -> Any:
        if answer.status not in (200, 201):
            raise RuntimeError(f"{answer.status} {answer.text[:300]}")
        return answer.json

    search = {"query": "mug", "pagination": {"limit": 20}}
    return {
        LIST: lambda _: checked(call(search_catalog.handler, "POST /catalog/search", search)),
        DETAIL: lambda _: checked(
            call(get_product.handler, "POST /catalog/product", {"id": "mug0"})
        ),
        ADD: lambda _: checked(
            call(create_cart.handler, "POST /carts", {"line_items": lines(*two[:1])})
        ),
        "change a cart": lambda cart: checked(
            call(update_cart.handler, "PUT /carts/{id}", {"line_items": lines(*two)}, id=cart["id"])
        ),
        "begin a checkout": lambda cart: checked(
            call(create_checkout.handler, "POST /checkout-sessions", {"cart_id": cart["id"]})
        ),
        "change a checkout": lambda checkout: checked(
            call(update_checkout.handler, f"PUT {one}", checkout_body(*two), id=checkout["id"])
        ),
        "buy": lambda checkout: checked(
            call(
                complete_checkout.handler,
                f"POST {one}/complete",
                payment_body("tok_success"),
                id=checkout["id"],
            )
        ),
        "look at the order": lambda bought: checked(
            call(get_order.handler, "GET /orders/{id}", id=bought["order"]["id"])
        ),
    }


def stocked(products: int) -> None:
    """So many products of two variants on sale, all of them mugs."""
    from tests.kit.products import mug, publish_with_stock

    for n in range(products):
        publish_with_stock(mug(f"mug{n}"), pieces=100_000)


def measured(slow: float = 0.0) -> dict[str, list[float]]:
    """CPU milliseconds of each request, round by round; ``slow`` are added to each."""
    way = doors()
    found: dict[str, list[float]] = {name: [] for name in (*way, ORDER)}
    for turn in range(WARM + ROUNDS):
        said: Any = None
        together = 0.0
        for name, ask in way.items():
            began = time.process_time_ns()
            said = ask(said)
            if slow:
                _spin(slow)
            took = (time.process_time_ns() - began) / 1e6
            together += took
            if turn >= WARM:
                found[name].append(took)
        if turn >= WARM:
            found[ORDER].append(together)
    return found


def _spin(milliseconds: float) -> None:
    until = time.process_time_ns() + milliseconds * 1e6
    for _ in itertools.takewhile(lambda _: time.process_time_ns() < until, itertools.count()):
        pass


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--slow", type=float, default=0.0, help="milliseconds added to a request")
    told = parser.parse_args()
    far = False
    with emulated_aws():
        stocked(30)
        found = measured(told.slow)
    for name, times in found.items():
        median, least = statistics.median(times), statistics.quantiles(times, n=10)[0]
        line = f"{name:20} {least:6.2f} ms CPU (median {median:.2f})"
        if name in BUDGETS:
            budget, (vendure, medusa) = BUDGETS[name], PEERS[name]
            far = far or least > TOLERATED * budget
            line += (
                f", budget {budget:g} ms: {'ok' if least <= budget else 'OVER'}, "
                f"{least / budget:.1f} of it; Vendure {vendure / least:.1f} times as much, "
                f"Medusa {medusa / least:.0f}"
            )
        print(line)
    return 1 if far else 0


if __name__ == "__main__":
    sys.exit(main())
