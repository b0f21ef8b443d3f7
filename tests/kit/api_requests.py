"""A valid request of every route, in an order in which each finds what it needs.

``$name`` stands for a value that an earlier response contained.
"""

import json
import re
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch
from urllib.parse import urlencode

from functions.discovery import get_openapi, get_reference
from infra.openapi_page import write_reference
from shop.inventory.store import counter_level_cache, level_cache, locations_cache
from shop.orders.actions.delivery import complete_order
from shop.peak.store.waiting_rooms import waiting_rooms
from shop.pricing.store.rule_set_cache import rule_set_cache
from shop.shipping.store import shipping_table_cache
from shop.storage.kill_switches import switch_cache
from shop.tax.store.cache import tax_table_cache
from tests.kit.http_api import CUSTOMER, HttpApi, put_all_secrets
from tests.kit.order_fixtures import order_fixture, order_placed_today
from tests.kit.products import checkout_body, lines, mug, publish_with_stock
from tests.kit.shop import ApiResponse, create_queues, create_tables, mock_aws

TOMORROW = (datetime.now(UTC) + timedelta(days=1)).replace(microsecond=0)
NEXT_YEAR = f"{TOMORROW.year + 1}-06-01"

CSV = """Handle,Title,Body (HTML),Option1 Name,Option1 Value,Variant SKU,Variant Price,Status
bowl,Enamel Bowl,,Title,Default Title,BOWL,9.99,active
"""


@dataclass(frozen=True)
class ValidRequest:
    """One request. ``save`` names values of the response, by their JSONPath in short form."""

    route: str
    body: Any = None
    path: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    save: Mapping[str, str] = field(default_factory=dict)

    @property
    def method(self) -> str:
        return self.route.partition(" ")[0]


def valid(route: str, body: Any = None, **options: Any) -> ValidRequest:
    """Return a request; unknown options are path parameters."""
    known = {name: options.pop(name) for name in ("query", "headers", "save") if name in options}
    return ValidRequest(route, body, options, **known)


CATALOG = (
    valid(
        "POST /staff/products",
        {
            "title": "Enamel Plate",
            "variants": [{"sku": "PLATE", "price": {"amount": 1499, "currency": "USD"}}],
        },
        save={"product": "id", "product_etag": "ETag"},
    ),
    valid("GET /staff/products/{id}", id="$product"),
    valid(
        "PUT /staff/products/{id}",
        {
            "title": "Enamel Plate, large",
            "variants": [{"sku": "PLATE", "price": {"amount": 1499, "currency": "USD"}}],
        },
        id="$product",
        headers={"if-match": "$product_etag"},
    ),
    valid("POST /staff/products/{id}/status", {"status": "in_review"}, id="$product"),
    valid("GET /staff/products", query={"status": "published", "limit": 1}),
    valid("GET /staff/exports/products", query={"currency": "USD"}),
    valid(
        "POST /staff/imports",
        CSV,
        query={"currency": "USD"},
        headers={"content-type": "text/csv"},
    ),
    valid("POST /catalog/search", {"query": "mug"}),
    valid("POST /catalog/lookup", {"ids": ["mug"]}),
    valid("POST /catalog/product", {"id": "mug"}),
)

STOCK = (
    valid("GET /staff/locations"),
    valid("PUT /staff/locations/{name}", {"country": "US", "version": 0}, name="boston"),
    valid(
        "PUT /staff/allocation-policy",
        {"preferences": ["nearest"]},
        headers={"if-match": '"0"'},
    ),
    valid("GET /staff/stock/{sku}", sku="MUG-BLUE", save={"blue": "version"}),
    valid(
        "PUT /staff/stock/{sku}",
        {"on_hand": 900, "version": "$blue"},
        sku="MUG-BLUE",
        save={"blue": "version"},
    ),
    valid("GET /staff/stock-levels", query={"sku": "MUG-BLUE"}),
    valid(
        "POST /staff/stock-movements",
        {"kind": "receive", "sku": "MUG-BLUE", "units": 5, "version": "$blue"},
        save={"blue": "version"},
    ),
    valid(
        "POST /staff/stock-takes",
        {
            "lines": [{"sku": "MUG-BLUE", "on_hand": 900, "version": "$blue"}],
            "reason": "Stock take",
        },
    ),
    valid("GET /staff/stock/{sku}", sku="MUG-BLUE", save={"blue": "version"}),
    valid(
        "POST /staff/stock-transfers",
        {
            "kind": "dispatch",
            "sku": "MUG-BLUE",
            "units": 2,
            "source": "main",
            "target": "boston",
            "version": "$blue",
        },
    ),
    valid("GET /staff/stock/{sku}", sku="MUG-BLUE", save={"blue": "version"}),
    valid(
        "PUT /staff/stock-thresholds",
        {"sku": "MUG-BLUE", "low_stock_threshold": 100_000, "version": "$blue"},
    ),
    valid("GET /staff/low-stock"),
    valid("GET /staff/stock-journal", query={"sku": "MUG-BLUE"}),
    valid("GET /staff/stock/{sku}", sku="MUG-BLUE", save={"blue": "version"}),
    valid(
        "PUT /staff/stock-terms/{sku}",
        {"kind": "back_order", "limit": 5, "ships_from": NEXT_YEAR, "version": "$blue"},
        sku="MUG-BLUE",
    ),
    valid("GET /staff/stock-terms/{sku}", sku="MUG-BLUE"),
    valid(
        "PUT /staff/kits/{sku}",
        {"parts": [{"sku": "MUG-RED", "quantity": 2}], "version": 0},
        sku="BOWL",
    ),
    valid("GET /staff/kits/{sku}", sku="BOWL"),
)

PRICING = (
    valid("GET /staff/pricing-policy", save={"policy": "version"}),
    valid(
        "PUT /staff/pricing-policy",
        {
            "groups": [{"id": "default"}],
            "rounding": "half_up",
            "tax_by": "line",
            "version": "$policy",
        },
    ),
    valid(
        "POST /staff/price-lists",
        {
            "id": "trade",
            "currency": "USD",
            "entries": [{"article": "mug.1", "price": 1199}],
        },
        save={"list": "version"},
    ),
    valid("GET /staff/price-lists"),
    valid("GET /staff/price-lists/{id}", id="trade"),
    valid(
        "PUT /staff/price-lists/{id}",
        {
            "currency": "USD",
            "entries": [{"article": "mug.1", "price": 1099}],
            "version": "$list",
        },
        id="trade",
    ),
    valid(
        "POST /staff/promotions",
        {
            "id": "spring",
            "title": "Spring",
            "effect": {"kind": "percent_off", "basis_points": 1000},
            "code_required": True,
        },
        save={"promotion": "version"},
    ),
    valid(
        "PUT /staff/promotions/{id}",
        {
            "title": "Spring sale",
            "effect": {"kind": "percent_off", "basis_points": 1500},
            "code_required": True,
            "version": "$promotion",
        },
        id="spring",
        save={"promotion": "version"},
    ),
    valid("GET /staff/promotions"),
    valid("GET /staff/promotions/{id}", id="spring"),
    valid(
        "POST /staff/promotions/{id}/schedule",
        {"version": "$promotion"},
        id="spring",
        save={"promotion": "version"},
    ),
    valid("POST /staff/coupons", {"id": "spring", "promotion_id": "spring"}),
    valid("POST /staff/coupons/{id}/codes", {"count": 2}, id="spring"),
    valid("GET /staff/coupons/{id}/codes", id="spring"),
    valid("POST /staff/checkout-simulations", {"lines": [{"item": "mug.1", "quantity": 1}]}),
    valid("GET /staff/price-history/{id}", id="mug.1"),
    valid("GET /staff/customers/{id}/groups", id=CUSTOMER),
    valid("PUT /staff/customers/{id}/groups", {"groups": ["trade"], "version": 0}, id=CUSTOMER),
    valid("POST /staff/promotions/{id}/end", {"version": "$promotion"}, id="spring"),
)

SETTINGS = (
    valid("GET /staff/tax-rates"),
    valid(
        "PUT /staff/tax-rates/{country}",
        {"rates": [{"rate": 190000, "tax_class": "standard", "name": "USt."}], "version": 0},
        country="BO",
    ),
    valid("GET /staff/tax-rates/{country}", country="BO"),
    valid("GET /staff/shipping", save={"shipping": "version"}),
    valid(
        "PUT /staff/shipping",
        {
            "zones": [{"id": "us", "countries": ["US"]}],
            "methods": [
                {
                    "id": "us-standard",
                    "zone": "us",
                    "title": "Standard",
                    "carrier": "ups",
                    "flat": [{"amount": 0, "currency": "USD"}],
                    "days": [2, 5],
                }
            ],
            "version": "$shipping",
        },
    ),
    valid("GET /staff/shipping/history"),
    valid(
        "POST /staff/shipping/try",
        {
            "to": {"country": "US", "region": "IL", "postal_code": "62701"},
            "items": [{"quantity": 1}],
            "value": {"amount": 1299, "currency": "USD"},
        },
    ),
    valid("GET /staff/switches"),
    valid("PUT /staff/switches/{switch}", {"on": False, "reason": "Maintenance"}, switch="catalog"),
    valid("PUT /staff/switches/{switch}", {"on": True, "reason": "Done"}, switch="catalog"),
    valid("GET /staff/switch-changes"),
    valid("GET /staff/waiting-rooms"),
)

CREDITS = (
    valid(
        "POST /staff/gift-cards",
        {"amount": 5000, "currency": "USD", "reason": "Goodwill"},
        save={"gift_card": "code"},
    ),
    valid("POST /gift-cards/balance", {"code": "$gift_card", "currency": "USD"}),
    valid(
        "POST /staff/gift-cards/void",
        {"code": "$gift_card", "currency": "USD", "reason": "Lost"},
    ),
    valid(
        "POST /staff/customers/{id}/credits",
        {"kind": "store_credit", "amount": 500, "currency": "USD", "reason": "Goodwill"},
        id=CUSTOMER,
    ),
    valid("GET /staff/customers/{id}/credits", id=CUSTOMER),
    valid("GET /account/credits"),
)

PURCHASE = (
    valid("POST /carts", {"line_items": lines(("mug.1", 1))}, save={"cart": "id"}),
    valid("GET /carts/{id}", id="$cart"),
    valid("PUT /carts/{id}", {"line_items": lines(("mug.1", 2))}, id="$cart"),
    valid("POST /carts/{id}/cancel", id="$cart"),
    valid("POST /carts", {"line_items": lines(("mug.1", 1))}, save={"cart": "id"}),
    valid("POST /checkout-sessions", checkout_body(("mug.1", 1)), save={"checkout": "id"}),
    valid("GET /checkout-sessions/{id}", id="$checkout"),
    valid("PUT /checkout-sessions/{id}", checkout_body(("mug.1", 2)), id="$checkout"),
    valid(
        "POST /checkout-sessions/{id}/complete",
        {
            "payment": {
                "instruments": [
                    {
                        "id": "1",
                        "handler_id": "sandbox",
                        "type": "token",
                        "credential": {"type": "token", "token": "tok_success"},
                    }
                ]
            }
        },
        id="$checkout",
        save={"order": "order.id"},
    ),
    valid("GET /orders/{id}", id="$order"),
    valid("POST /checkout-sessions", checkout_body(("mug.1", 1)), save={"checkout": "id"}),
    valid(
        "POST /checkout-sessions/{id}/complete",
        {
            "payment": {
                "instruments": [
                    {
                        "id": "1",
                        "handler_id": "sandbox",
                        "type": "token",
                        "credential": {"type": "token", "token": "tok_challenge"},
                    }
                ]
            }
        },
        id="$checkout",
        save={"challenge": "continue_url"},
    ),
    valid("GET /sandbox/challenges/{reference}", reference="$challenge"),
    valid("POST /sandbox/challenges/{reference}", {"approved": True}, reference="$challenge"),
    valid("POST /checkout-sessions", checkout_body(("mug.1", 1)), save={"checkout": "id"}),
    valid("POST /checkout-sessions/{id}/cancel", id="$checkout"),
    valid("POST /checkout-sessions", checkout_body(("mug.1", 1)), save={"checkout": "id"}),
    valid("GET /account/orders"),
)

ORDERS = (
    valid("GET /staff/orders"),
    valid("GET /staff/orders/{id}", id="ord_1"),
    valid(
        "POST /staff/orders/{id}/parcels",
        {"carrier": "ups", "tracking_number": "1Z999AA10123456784"},
        id="ord_1",
    ),
    valid(
        "POST /staff/orders/{id}/parcels/{number}/events",
        {"status": "delivered"},
        id="ord_1",
        number="1Z999AA10123456784",
    ),
    valid(
        "POST /staff/orders/{id}/returns",
        {"lines": [{"id": "li_1", "quantity": 1}], "reason": "Wrong size"},
        id="ord_3",
    ),
    valid("POST /staff/orders/{id}/cancel", {"reason": "Ordered twice"}, id="ord_2"),
    valid("GET /staff/parked-events"),
)

PEAK = (
    valid(
        "POST /staff/promotions",
        {
            "id": "flash",
            "title": "Flash sale",
            "effect": {"kind": "flash_sale", "basis_points": 5000, "quota": 64},
        },
        save={"flash": "version"},
    ),
    valid(
        "POST /staff/promotions/{id}/schedule",
        {"version": "$flash"},
        id="flash",
    ),
    valid(
        "PUT /staff/waiting-rooms/{id}",
        {"admissions_per_second": 50, "reason": "Flash sale"},
        id="flash",
    ),
    valid("GET /waiting-rooms/{id}", id="flash"),
    valid(
        "POST /waiting-rooms/{id}/tickets",
        {"checkout_id": "$checkout"},
        id="flash",
        save={"ticket": "ticket"},
    ),
    valid("POST /waiting-rooms/{id}/turns", {"ticket": "$ticket"}, id="flash"),
    valid("DELETE /staff/waiting-rooms/{id}", id="flash"),
    valid(
        "POST /staff/promotions",
        {
            "id": "together",
            "title": "Together",
            "code_required": True,
            "effect": {
                "kind": "group_price",
                "price": [{"amount": 999, "currency": "USD"}],
                "size": 2,
                "hours": 1,
            },
        },
        save={"together": "version"},
    ),
    valid("POST /staff/promotions/{id}/schedule", {"version": "$together"}, id="together"),
    valid("POST /group-buys", {"promotion_id": "together"}, save={"group_buy": "id"}),
    valid("GET /group-buys/{id}", id="$group_buy"),
)

OTHERS = (
    valid("GET /.well-known/ucp"),
    valid("GET /openapi.json"),
    valid("GET /docs"),
    valid("GET /status"),
    valid("GET /sandbox"),
    valid("GET /mcp"),
    valid("POST /mcp", {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}),
    valid(
        "POST /webhooks/carriers/{carrier}",
        {
            "id": "evt_1",
            "tracking_number": "1Z999AA10123456784",
            "status": "in_transit",
            "occurred_at": datetime.now(UTC).isoformat(),
        },
        carrier="ups",
    ),
    valid("POST /webhooks/payments/sandbox", {"reference": "pay_1"}),
    valid(
        "POST /webhooks/payments/stripe",
        {"object": "event", "type": "payment_intent.succeeded"},
    ),
)

REQUESTS = (
    *CATALOG,
    *STOCK,
    *PRICING,
    *SETTINGS,
    *CREDITS,
    *PURCHASE,
    *ORDERS,
    *PEAK,
    *OTHERS,
)


def prepare_shop() -> None:
    """Put what no route creates into the empty shop: goods on sale, and orders of today."""
    publish_with_stock(mug(), pieces=1_000)
    fixture = order_fixture()
    for order_id in ("ord_1", "ord_2"):
        fixture.place_allocated(order_placed_today(order_id))
    fixture.ship(fixture.place_allocated(order_placed_today("ord_3")))
    fixture.track("delivered")
    complete_order("ord_3", at=fixture.now, orders=fixture.orders)


def clear_caches() -> None:
    """Let the next request read what another Lambda wrote a moment ago."""
    rule_set_cache(tax_table_cache()).clear()
    switch_cache().clear()
    level_cache().clear()
    counter_level_cache().clear()
    locations_cache().clear()
    waiting_rooms().clear()
    shipping_table_cache().forget()


@contextmanager
def prepared_shop() -> Iterator[HttpApi]:
    """Yield the API over moto, with the tables, queues, secrets and goods of a shop."""
    with mock_aws(), TemporaryDirectory() as directory:
        create_tables()
        create_queues()
        put_all_secrets()
        clear_caches()
        prepare_shop()
        write_reference(Path(directory))
        get_openapi.document_of_stage.cache_clear()
        get_reference.read.cache_clear()
        with (
            patch.object(get_openapi, "FILES", Path(directory)),
            patch.object(get_reference, "FILES", Path(directory)),
        ):
            yield HttpApi()
        get_openapi.document_of_stage.cache_clear()
        get_reference.read.cache_clear()
    clear_caches()


def send_all(api: HttpApi) -> Iterator[tuple[ValidRequest, ApiResponse, Mapping[str, Any]]]:
    """Send every request; yield it with its response and the values saved so far."""
    values: dict[str, Any] = {}
    for request in REQUESTS:
        response = send(api, request, values)
        for name, where in request.save.items():
            values[name] = _saved(response, where)
        yield request, response, values
        clear_caches()


def send(api: HttpApi, request: ValidRequest, values: Mapping[str, Any]) -> ApiResponse:
    """Send one request with the saved values in place of their names."""
    body = request.body
    content = body if isinstance(body, str) else json.dumps(_filled(body, values))
    return api.send(
        request.method,
        path_of(request, values),
        query=urlencode(request.query),
        headers={
            "content-type": "application/json",
            "accept": "application/json",
            "idempotency-key": str(uuid.uuid4()),
            **_filled(request.headers, values),
        },
        body=b"" if body is None else content.encode(),
    )


def path_of(request: ValidRequest, values: Mapping[str, Any]) -> str:
    return request.route.partition(" ")[2].format(**path_values(request, values))


def path_values(request: ValidRequest, values: Mapping[str, Any]) -> dict[str, str]:
    """Return the path parameters of a request."""
    filled: dict[str, str] = _filled(request.path, values)
    return filled


def _saved(response: ApiResponse, where: str) -> Any:
    if where in response.headers:
        return response.headers[where]
    value = response.json
    for name in where.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    # The page of a challenge ends with the reference of its payment.
    return value.rpartition("/")[2] if where == "continue_url" and value else value


def _filled(node: Any, values: Mapping[str, Any]) -> Any:
    if isinstance(node, Mapping):
        return {name: _filled(value, values) for name, value in node.items()}
    if isinstance(node, list):
        return [_filled(item, values) for item in node]
    if isinstance(node, str) and re.fullmatch(r"\$\w+", node):
        return values[node[1:]]
    return node
