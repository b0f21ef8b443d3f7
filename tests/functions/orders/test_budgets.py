"""What each endpoint asks of DynamoDB, counted in calls and units: a shopper's way to an order.

Every door is asked twice and the second time is counted: a warm Lambda has the rule book, the
switches and the waiting rooms in memory, and renews them once in three seconds. What is counted is
what bench/capacity.py and docs/capacity.md reckon with.
"""

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from bench.capacity import BUDGETS, REQUEST_COSTS, Cost
from functions.cart import create_cart, get_cart, update_cart
from functions.catalog import get_product, lookup_catalog, search_catalog
from functions.checkout import complete_checkout, create_checkout, get_checkout, update_checkout
from shop.inventory.store import level_cache, locations
from shop.peak.model.traffic_peaks import UNITS_PER_ORDER
from shop.peak.store import waiting_rooms
from shop.pricing.store import rule_set_cache
from shop.shipping.store import cache
from tests.functions.orders.test_units import index_entries
from tests.functions.orders.test_units import item_units as stored_units
from tests.functions.orders.test_units import units as write_units
from tests.kit.aws_call_counter import Call, count_calls
from tests.kit.products import checkout_body, lines, mug, payment_body, publish_with_stock
from tests.kit.shop import ApiResponse, call

pytestmark = pytest.mark.usefixtures("cloud")

CREATE = "POST /checkout-sessions"
TWO = (("mug.1", 2), ("mug.2", 1))


def read_units(made: Call) -> dict[str, float]:
    """Table → units; one reads 4 KB as last written, or twice as much as it was a moment ago."""
    asked = made.parameters
    if made.operation == "BatchGetItem":
        return {
            table: len(each["Keys"]) * (1.0 if each.get("ConsistentRead") else 0.5)
            for table, each in asked["RequestItems"].items()
        }
    if made.operation in ("GetItem", "Query"):
        return {made.table: 1.0 if asked.get("ConsistentRead") else 0.5}
    return {}


def cost(ask: Callable[[], ApiResponse]) -> Cost:
    assert ask().status in (200, 201)
    with count_calls() as calls:
        said = ask()
    assert said.status in (200, 201), said.text
    ours = [made for made in calls.made if "sandbox_payments" not in made.table]
    reads, writes = Counter[str](), Counter[str]()
    for made in ours:
        for table, read in read_units(made).items():
            reads[table] += read  # type: ignore[assignment]
        for table, units in by_table(made).items():
            writes[table] += units
    return Cost(
        len(ours),
        {table: units for table, units in sorted(reads.items()) if units},
        dict(sorted(writes.items())),
    )


def by_table(made: Call) -> dict[str, int]:
    """Write units of each table; a transaction's are told apart."""
    if made.operation != "TransactWriteItems":
        return {made.table: write_units(made)} if write_units(made) else {}
    found = Counter[str]()
    for each in made.parameters["TransactItems"]:
        for action in each.values():
            key = action.get("Key") or action["Item"]
            names = {name: key[name] for name in ("PK", "SK") if name in key}
            found[action["TableName"]] += 2 * stored_units(action["TableName"], names)
            found[action["TableName"]] += index_entries(action["TableName"], action.get("Item", {}))
    return dict(found)


def opened() -> str:
    checkout: dict[str, Any] = call(create_checkout.handler, CREATE, checkout_body(*TWO)).json
    return str(checkout["id"])


def looked_at_anew(look: Callable[[], ApiResponse]) -> Callable[[], ApiResponse]:
    """A page whose goods nobody looked at in the last two seconds."""

    def ask() -> ApiResponse:
        level_cache().clear()
        return look()

    return ask


def doors() -> dict[str, Callable[[], ApiResponse]]:
    cart = call(create_cart.handler, "POST /carts", {"line_items": lines(*TWO)}).json["id"]
    shown, ready = opened(), [opened(), opened()]
    one = "/checkout-sessions/{id}"
    buy, pay = f"POST {one}/complete", payment_body("tok_success")
    return {
        "POST /catalog/search": lambda: call(
            search_catalog.handler, "POST /catalog/search", {"query": "mug"}
        ),
        "POST /catalog/lookup": looked_at_anew(
            lambda: call(lookup_catalog.handler, "POST /catalog/lookup", {"ids": ["mug.1"]})
        ),
        "POST /catalog/product": looked_at_anew(
            lambda: call(get_product.handler, "POST /catalog/product", {"id": "mug"})
        ),
        "POST /carts": lambda: call(
            create_cart.handler, "POST /carts", {"line_items": lines(*TWO)}
        ),
        "GET /carts/{id}": lambda: call(get_cart.handler, "GET /carts/{id}", id=cart),
        "PUT /carts/{id}": lambda: call(
            update_cart.handler, "PUT /carts/{id}", {"line_items": lines(*TWO)}, id=cart
        ),
        CREATE: lambda: call(create_checkout.handler, CREATE, checkout_body(*TWO)),
        f"GET {one}": lambda: call(get_checkout.handler, f"GET {one}", id=shown),
        f"PUT {one}": lambda: call(
            update_checkout.handler, f"PUT {one}", checkout_body(*TWO), id=shown
        ),
        buy: lambda: call(complete_checkout.handler, buy, pay, id=ready.pop()),
    }


def test_every_endpoint_asks_of_dynamodb_what_was_counted_and_no_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hour = timedelta(hours=1)  # however slow this machine is
    monkeypatch.setattr(rule_set_cache, "RULES_CACHE_TTL", hour)
    monkeypatch.setattr(waiting_rooms, "ROOMS_CACHE_TTL", hour)
    monkeypatch.setattr(cache, "TABLE_CACHE_TTL", hour)
    monkeypatch.setattr(locations, "LOCATIONS_CACHE_SECONDS", 3600.0)
    publish_with_stock(mug(), pieces=500)
    assert {route: cost(ask) for route, ask in doors().items()} == REQUEST_COSTS


def test_a_page_that_many_look_at_reads_its_product_alone() -> None:
    publish_with_stock(mug(), pieces=500)
    call(get_product.handler, "POST /catalog/product", {"id": "mug"})
    with count_calls() as calls:
        call(get_product.handler, "POST /catalog/product", {"id": "mug"})
    assert [made.table.rpartition("-")[2] for made in calls.made] == ["catalog"]


def test_what_was_counted_keeps_the_budgets() -> None:
    over = {
        route: (REQUEST_COSTS[route].calls, most)
        for route, most in BUDGETS.items()
        if REQUEST_COSTS[route].calls > most
    }
    # The one that does not: a page shows stock beside the product, where it was not read in the
    # last two seconds.
    assert over == {"POST /catalog/product": (2, 1)}
    complete = REQUEST_COSTS["POST /checkout-sessions/{id}/complete"]
    assert sum(complete.writes.values()) <= 14
    assert sum(complete.reads.values()) <= 6


def test_tables_are_warmed_for_what_an_order_was_counted_to_cost() -> None:
    from bench.capacity import units_per_order

    needed = units_per_order()
    for table, indexes in UNITS_PER_ORDER.items():
        reads, writes = needed.get(table, (0.0, 0.0))
        assert indexes[""].reads >= reads, (table, reads)
        assert indexes[""].writes >= writes, (table, writes)
