"""CPU time of each request: what a Lambda computes, without the database.

``python -m bench.handlers`` calls the handlers in one process, over HTTP to an emulated DynamoDB in
another, and prints the CPU time of each beside its budget. The figure is the tenth percentile,
which other work on the machine disturbs least. A figure over its budget is marked, and the exit
code is 1 at twice a budget, which other work cannot explain. ``--slow MS`` adds so much to every
request, and the benchmark must detect it.

A whole order is its eight requests, from the search to the order. The peers' figures were measured
on such a machine and include their databases. Ours is the Lambda alone, which is billed by the
millisecond; DynamoDB is billed by the unit.
"""

import argparse
import itertools
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

from verification.emulator import emulated_aws

ROUNDS, WARM_UP = 120, 20
PRODUCTS = 30
LIST, DETAIL, ADD, ORDER = "list 20 products", "product detail", "add the first item", "whole order"
BUDGETS = {LIST: 1.5, DETAIL: 1.5, ADD: 3.0, ORDER: 15.0}
"""Milliseconds of CPU."""
TOLERANCE = 2
"""Multiple of a budget at which the benchmark fails."""
PEERS = {LIST: (3.3, 21), DETAIL: (13, 25), ADD: (33, 195), ORDER: (146, 986)}
"""Vendure 3.7.3 and Medusa 2.21.2: milliseconds of CPU of Node and PostgreSQL together."""

Request = Callable[[Any], Any]
"""Sends a request, given the previous response; returns its own."""


def requests() -> dict[str, Request]:
    """Return the requests of an order by name, in the order in which they are sent."""
    from functions.cart import create_cart, update_cart
    from functions.catalog import get_product, search_catalog
    from functions.checkout import complete_checkout, create_checkout, update_checkout
    from functions.orders import get_order
    from tests.kit.products import checkout_body, lines, payment_body
    from tests.kit.shop import call

    two = (("mug0.1", 2), ("mug1.2", 1))
    checkout_path = "/checkout-sessions/{id}"

    def send(module: Any, route: str, body: Any = None, **path: Any) -> Any:
        answer = call(module.handler, route, body, **path)
        if answer.status not in (200, 201):
            raise RuntimeError(f"{answer.status} {answer.text[:300]}")
        return answer.json

    search = {"query": "mug", "pagination": {"limit": 20}}
    one_item, two_items = {"line_items": lines(*two[:1])}, {"line_items": lines(*two)}
    return {
        LIST: lambda _: send(search_catalog, "POST /catalog/search", search),
        DETAIL: lambda _: send(get_product, "POST /catalog/product", {"id": "mug0"}),
        ADD: lambda _: send(create_cart, "POST /carts", one_item),
        "update a cart": lambda cart: send(
            update_cart, "PUT /carts/{id}", two_items, id=cart["id"]
        ),
        "create a checkout": lambda cart: send(
            create_checkout, "POST /checkout-sessions", {"cart_id": cart["id"]}
        ),
        "update a checkout": lambda checkout: send(
            update_checkout, f"PUT {checkout_path}", checkout_body(*two), id=checkout["id"]
        ),
        "complete a checkout": lambda checkout: send(
            complete_checkout,
            f"POST {checkout_path}/complete",
            payment_body("tok_success"),
            id=checkout["id"],
        ),
        "get the order": lambda completed: send(
            get_order, "GET /orders/{id}", id=completed["order"]["id"]
        ),
    }


def publish_mugs(number: int) -> None:
    """Put so many products of two variants on sale."""
    from tests.kit.products import mug, publish_with_stock

    for n in range(number):
        publish_with_stock(mug(f"mug{n}"), pieces=100_000)


def measure(slow: float = 0.0) -> dict[str, list[float]]:
    """Return the CPU milliseconds of each request by round; ``slow`` are added to each."""
    in_order = requests()
    found: dict[str, list[float]] = {name: [] for name in (*in_order, ORDER)}
    for turn in range(WARM_UP + ROUNDS):
        response: Any = None
        total = 0.0
        for name, send in in_order.items():
            started = time.process_time_ns()
            response = send(response)
            if slow:
                _spin(slow)
            duration = (time.process_time_ns() - started) / 1e6
            total += duration
            if turn >= WARM_UP:
                found[name].append(duration)
        if turn >= WARM_UP:
            found[ORDER].append(total)
    return found


def _spin(milliseconds: float) -> None:
    """Use so much CPU time."""
    end = time.process_time_ns() + milliseconds * 1e6
    for _ in itertools.takewhile(lambda _: time.process_time_ns() < end, itertools.count()):
        pass


def main() -> int:
    """Measure and print all requests; return 1 if one takes a multiple of its budget."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--slow", type=float, default=0.0, help="milliseconds added to a request")
    arguments = parser.parse_args()
    failed = False
    with emulated_aws():
        publish_mugs(PRODUCTS)
        found = measure(arguments.slow)
    for name, times in found.items():
        median, low = statistics.median(times), statistics.quantiles(times, n=10)[0]
        line = f"{name:20} {low:6.2f} ms CPU (median {median:.2f})"
        if name in BUDGETS:
            budget, (vendure, medusa) = BUDGETS[name], PEERS[name]
            failed = failed or low > TOLERANCE * budget
            line += (
                f", budget {budget:g} ms: {'ok' if low <= budget else 'OVER'}, "
                f"{low / budget:.1f} of it; Vendure {vendure / low:.1f} times as much, "
                f"Medusa {medusa / low:.0f}"
            )
        print(line)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
