"""DynamoDB calls and units of each endpoint on a customer's way to an order.

Each handler is called twice and the second call is counted: a warm Lambda has the rule set, the
switches and the waiting rooms in memory and reads them once in three seconds.
bench/capacity.py and docs/capacity.md use the same numbers.
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
from tests.functions.orders.test_write_units import index_entries
from tests.functions.orders.test_write_units import item_units as stored_units
from tests.functions.orders.test_write_units import units as write_units
from tests.kit.aws_call_counter import Call, count_calls
from tests.kit.products import checkout_body, lines, mug, payment_body, publish_with_stock
from tests.kit.shop import ApiResponse, call

pytestmark = pytest.mark.usefixtures("cloud")

CREATE = "POST /checkout-sessions"
TWO = (("mug.1", 2), ("mug.2", 1))


def read_units(made: Call) -> dict[str, float]:
    """Return read units by table; one unit reads 4 KB consistently, or 8 KB eventually."""
    parameters = made.parameters
    if made.operation == "BatchGetItem":
        return {
            table: len(each["Keys"]) * (1.0 if each.get("ConsistentRead") else 0.5)
            for table, each in parameters["RequestItems"].items()
        }
    if made.operation in ("GetItem", "Query"):
        return {made.table: 1.0 if parameters.get("ConsistentRead") else 0.5}
    return {}


def cost(request: Callable[[], ApiResponse]) -> Cost:
    assert request().status in (200, 201)
    with count_calls() as calls:
        response = request()
    assert response.status in (200, 201), response.text
    counted = [made for made in calls.made if "sandbox_payments" not in made.table]
    reads, writes = Counter[str](), Counter[str]()
    for made in counted:
        for table, read in read_units(made).items():
            reads[table] += read  # type: ignore[assignment]
        for table, units in by_table(made).items():
            writes[table] += units
    return Cost(
        len(counted),
        {table: units for table, units in sorted(reads.items()) if units},
        dict(sorted(writes.items())),
    )


def by_table(made: Call) -> dict[str, int]:
    """Return write units by table; those of a transaction are counted per table."""
    if made.operation != "TransactWriteItems":
        return {made.table: write_units(made)} if write_units(made) else {}
    units = Counter[str]()
    for each in made.parameters["TransactItems"]:
        for action in each.values():
            key = action.get("Key") or action["Item"]
            names = {name: key[name] for name in ("PK", "SK") if name in key}
            units[action["TableName"]] += 2 * stored_units(action["TableName"], names)
            units[action["TableName"]] += index_entries(action["TableName"], action.get("Item", {}))
    return dict(units)


def open_checkout() -> str:
    checkout: dict[str, Any] = call(create_checkout.handler, CREATE, checkout_body(*TWO)).json
    return str(checkout["id"])


def with_cold_levels(request: Callable[[], ApiResponse]) -> Callable[[], ApiResponse]:
    """Return a request whose stock levels are not in the cache of the last two seconds."""

    def cold_request() -> ApiResponse:
        level_cache().clear()
        return request()

    return cold_request


def requests() -> dict[str, Callable[[], ApiResponse]]:
    cart = call(create_cart.handler, "POST /carts", {"line_items": lines(*TWO)}).json["id"]
    shown, ready = open_checkout(), [open_checkout(), open_checkout()]
    session = "/checkout-sessions/{id}"
    buy, pay = f"POST {session}/complete", payment_body("tok_success")
    return {
        "POST /catalog/search": with_cold_levels(
            lambda: call(search_catalog.handler, "POST /catalog/search", {"query": "mug"})
        ),
        "POST /catalog/lookup": with_cold_levels(
            lambda: call(lookup_catalog.handler, "POST /catalog/lookup", {"ids": ["mug.1"]})
        ),
        "POST /catalog/product": with_cold_levels(
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
        f"GET {session}": lambda: call(get_checkout.handler, f"GET {session}", id=shown),
        f"PUT {session}": lambda: call(
            update_checkout.handler, f"PUT {session}", checkout_body(*TWO), id=shown
        ),
        buy: lambda: call(complete_checkout.handler, buy, pay, id=ready.pop()),
    }


def test_endpoints_stay_within_their_dynamodb_budgets(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hour = timedelta(hours=1)  # caches must not expire on a slow machine
    monkeypatch.setattr(rule_set_cache, "RULES_CACHE_TTL", hour)
    monkeypatch.setattr(waiting_rooms, "ROOMS_CACHE_TTL", hour)
    monkeypatch.setattr(cache, "TABLE_CACHE_TTL", hour)
    monkeypatch.setattr(locations, "LOCATIONS_CACHE_SECONDS", 3600.0)
    publish_with_stock(mug(), pieces=500)
    assert {route: cost(request) for route, request in requests().items()} == REQUEST_COSTS


def test_cached_product_page_reads_its_product_only() -> None:
    publish_with_stock(mug(), pieces=500)
    call(get_product.handler, "POST /catalog/product", {"id": "mug"})
    with count_calls() as calls:
        call(get_product.handler, "POST /catalog/product", {"id": "mug"})
    assert [made.table.rpartition("-")[2] for made in calls.made] == ["catalog"]


def test_counted_calls_stay_within_the_budgets() -> None:
    over = {
        route: (REQUEST_COSTS[route].calls, budget)
        for route, budget in BUDGETS.items()
        if REQUEST_COSTS[route].calls > budget
    }
    # The only exception: a product page also reads stock that is not in the two-second cache.
    assert over == {"POST /catalog/product": (2, 1)}
    complete = REQUEST_COSTS["POST /checkout-sessions/{id}/complete"]
    assert sum(complete.writes.values()) <= 14
    assert sum(complete.reads.values()) <= 6


def test_units_per_order_cover_the_counted_units() -> None:
    from bench.capacity import units_per_order

    needed = units_per_order()
    for table, indexes in UNITS_PER_ORDER.items():
        reads, writes = needed.get(table, (0.0, 0.0))
        assert indexes[""].reads >= reads, (table, reads)
        assert indexes[""].writes >= writes, (table, writes)
