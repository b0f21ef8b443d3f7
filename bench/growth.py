"""DynamoDB calls and units of each request in a small and in a large shop: they must not grow.

``python -m bench.growth`` fills an emulated shop with 1,000 products and orders, and counts calls
and consumed units (as DynamoDB reports them) of each request. It then fills the shop up to
``--most`` (10,000 by default, 100,000 for a longer run) and counts again. The exit code is 1 if a
request costs more. ``--broken`` adds a search that reads every product, which must be detected.

The clocks of the shop's caches stop while requests are counted: how many caches expire between two
requests would depend on the speed of the machine.
"""

import argparse
import importlib
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any
from unittest.mock import patch

from verification.emulator import emulated_aws

SMALL, LARGE = 1_000, 10_000
BATCH_SIZE = 25
"""Items of one BatchWriteItem."""
PRODUCTS_PER_IMPORT = 500
LIBRARIES = ("boto3", "pydantic", "pynamodb.models", "aws_lambda_powertools")
"""Imported before the shop, so that only the shop gets the clocks of its caches."""
ROUNDS = 3
DAYS = 5
"""Days over which the orders are spread. The staff list reads the orders of one day."""
TOLERANCE = 1.1
"""Allowed growth of the units: a page of other products is a little longer or shorter."""
COLOURS = ("red", "blue", "green", "white", "black", "amber", "teal", "plum", "olive", "sand")
CUSTOMER = "jane"


class CacheClock:
    """A clock that can be stopped."""

    def __init__(self, read: Callable[[], float]) -> None:
        self._read = read
        self._stopped_at: float | None = None

    def __call__(self) -> float:
        return self._read() if self._stopped_at is None else self._stopped_at

    @contextmanager
    def stopped(self) -> Iterator[None]:
        self._stopped_at = self._read()
        try:
            yield
        finally:
            self._stopped_at = None


MONOTONIC, WALL = CacheClock(time.monotonic), CacheClock(time.time)


def _import_handlers() -> None:
    """Import all handlers, whose caches take their clock from ``time`` when they are imported."""
    for library in LIBRARIES:
        importlib.import_module(library)
    with patch.object(time, "monotonic", MONOTONIC), patch.object(time, "time", WALL):
        requests()


@contextmanager
def _stopped_clocks() -> Iterator[None]:
    import shop.entrypoints.http as http

    now = datetime.now(UTC)

    class StoppedDatetime(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            return now

    with ExitStack() as stack:
        stack.enter_context(MONOTONIC.stopped())
        stack.enter_context(WALL.stopped())
        stack.enter_context(patch.object(http, "datetime", StoppedDatetime))
        yield


@dataclass
class Usage:
    """DynamoDB calls and units of one request."""

    calls: int = 0
    reads: float = 0.0
    writes: float = 0.0

    def exceeds(self, before: "Usage") -> bool:
        """Return whether this is more than before, by a call or by a tenth of the units."""
        return (
            self.calls > before.calls
            or self.reads > before.reads * TOLERANCE
            or self.writes > before.writes * TOLERANCE
        )

    def __str__(self) -> str:
        return f"{self.calls} calls, {self.reads:g} read units, {self.writes:g} write units"


@contextmanager
def metered() -> Iterator[Usage]:
    """Count calls, and the units in their responses; a transaction costs twice the units."""
    from botocore.client import BaseClient

    usage = Usage()
    send = BaseClient._make_api_call  # type: ignore[attr-defined]

    def meter(client: Any, operation: str, parameters: dict[str, Any]) -> Any:
        if client.meta.service_model.service_name != "dynamodb":
            return send(client, operation, parameters)
        answer = send(client, operation, {**parameters, "ReturnConsumedCapacity": "TOTAL"})
        capacity = answer.get("ConsumedCapacity", [])
        by_table = capacity if isinstance(capacity, list) else [capacity]
        units = sum(each["CapacityUnits"] for each in by_table)
        if operation == "BatchGetItem" and not units:
            units = _batch_units(parameters["RequestItems"], answer["Responses"])
        usage.calls += 1
        if operation in ("GetItem", "BatchGetItem", "Query", "Scan", "TransactGetItems"):
            usage.reads += units
        else:
            usage.writes += units
        return answer

    with patch.object(BaseClient, "_make_api_call", meter):
        yield usage


def _batch_units(requested: Mapping[str, Any], found: Mapping[str, Any]) -> float:
    """Return the read units of a batch, which the emulator does not report.

    Each item costs a unit per started 4 KB, also if it does not exist.
    """
    units = 0.0
    for table, keys in requested.items():
        sizes = [len(str(item)) for item in found.get(table, ())]
        started = sum(-(-size // 4096) for size in sizes) + len(keys["Keys"]) - len(sizes)
        units += started if keys.get("ConsistentRead") else started / 2
    return units


def fill(products: range, orders: range) -> None:
    """Add products through the import, and orders as copies of one that was bought."""
    from shop.catalog.store import DynamoProductCatalog
    from tests.kit.products import mug

    catalog = DynamoProductCatalog()
    for start in range(products.start, products.stop, PRODUCTS_PER_IMPORT):
        batch = []
        for n in range(start, min(start + PRODUCTS_PER_IMPORT, products.stop)):
            title = f"{COLOURS[n % 10].title()} Mug {n}"
            batch.append(replace(mug(f"mug{n}"), title=title))
        rejected = catalog.save_many(batch)
        if rejected:
            first = next(iter(rejected.items()))
            raise RuntimeError(f"{len(rejected)} products were rejected: {first}")
    _copy_rows("inventory", _stock_row, products)
    _copy_rows("orders", _order_row, orders)


def _stock_row(n: int) -> dict[str, Any]:
    return {**_templates["inventory"], **_stock_key(n)}


def _stock_key(n: int) -> dict[str, Any]:
    from shop.inventory.model import MAIN_LOCATION
    from shop.inventory.store.rows import shard_key

    pk, sk = shard_key(f"MUG{n}-RED", MAIN_LOCATION)
    return {"PK": {"S": pk}, "SK": {"S": sk}}


def _order_row(n: int) -> dict[str, Any]:
    placed = datetime.now(UTC) - timedelta(days=n % DAYS, microseconds=n)
    instant = f"{int(placed.timestamp()) * 1_000_000 + placed.microsecond:016d}"
    owner = CUSTOMER if n % 2 else f"customer{n}"
    return {
        **_templates["orders"],
        "PK": {"S": f"ORDER#ord_copy{n}"},
        "SK": {"S": f"HEAD#{owner}"},
        "owner_key": {"S": owner},
        "day_key": {"S": f"{placed:%Y-%m-%d}#{n % 16:02d}"},
        "placed_key": {"S": f"{instant}#ord_copy{n}"},
    }


_templates: dict[str, dict[str, Any]] = {}
"""By table, the row that is copied."""


def _copy_rows(table: str, make: Callable[[int], dict[str, Any]], numbers: range) -> None:
    import boto3

    client: Any = boto3.client("dynamodb")
    for start in range(numbers.start, numbers.stop, BATCH_SIZE):
        puts = [
            {"PutRequest": {"Item": make(n)}}
            for n in range(start, min(start + BATCH_SIZE, numbers.stop))
        ]
        client.batch_write_item(RequestItems={table: puts})


def _buy_template() -> None:
    """Buy one order, and store its rows as templates."""
    import boto3

    from bench.handlers import publish_mugs
    from bench.handlers import requests as order_requests

    publish_mugs(2)
    response: Any = None
    for send in order_requests().values():
        response = send(response)
    client: Any = boto3.client("dynamodb")
    (_templates["orders"],) = [
        item
        for item in client.scan(TableName="orders")["Items"]
        if item["SK"]["S"].startswith("HEAD#")
    ]
    stored = client.get_item(TableName="inventory", Key=_stock_key(0))
    _templates["inventory"] = stored["Item"]


def requests() -> dict[str, Callable[[], Any]]:
    """Return the requests of an order, and the lists that become longer."""
    import os

    from bench.handlers import requests as order_requests
    from functions.orders import list_my_orders
    from functions.staff_catalog import list_products
    from functions.staff_orders import list_orders
    from tests.kit.shop import call
    from verification.purchase_driver import STAFF

    previous: list[Any] = [None]

    def chained(send: Callable[[Any], Any]) -> Callable[[], Any]:
        def request() -> None:
            previous[0] = send(previous[0])

        return request

    def behind(access: str, groups: str, send: Callable[[], Any]) -> Callable[[], Any]:
        """Send in the environment of a Lambda behind this authorizer."""

        def request() -> None:
            with patch.dict(os.environ, ACCESS=access, ACCESS_GROUPS=groups):
                answer = send()
            if answer.status != 200:
                raise RuntimeError(f"{answer.status} {answer.text[:300]}")

        return request

    customer = {**STAFF, "sub": CUSTOMER, "username": CUSTOMER, "cognito:groups": "[]"}
    return {
        **{name: chained(send) for name, send in order_requests().items()},
        "orders of a customer": behind(
            "customer",
            "",
            lambda: call(list_my_orders.handler, "GET /account/orders", claims=customer),
        ),
        "orders of a day": behind(
            "staff",
            "staff",
            lambda: call(list_orders.handler, "GET /staff/orders", claims=STAFF),
        ),
        "products, for staff": behind(
            "staff",
            "staff",
            lambda: call(list_products.handler, "GET /staff/products", claims=STAFF),
        ),
    }


def count_usage(*, broken: bool) -> dict[str, Usage]:
    """Return the usage of each request in a warm Lambda; ``broken`` adds a search by scanning."""
    import boto3

    from shop.inventory.store import level_cache

    sent = requests()
    if broken:
        client: Any = boto3.client("dynamodb")
        pages = client.get_paginator("scan").paginate
        sent["search by scanning"] = lambda: list(pages(TableName="catalog"))
    found: dict[str, Usage] = {}
    with _stopped_clocks():
        # The first round fills the caches, as in a warm Lambda.
        for send in sent.values():
            send()
        for _ in range(ROUNDS):
            for name, send in sent.items():
                level_cache().clear()
                with metered() as usage:
                    send()
                if name not in found or usage.calls < found[name].calls:
                    found[name] = usage
    return found


def main() -> int:
    """Compare both sizes of the shop; return 1 if a request costs more in the larger one."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--most", type=int, default=LARGE, help="products and orders at the end")
    parser.add_argument("--broken", action="store_true", help="add a search that reads everything")
    arguments = parser.parse_args()
    with emulated_aws():
        _import_handlers()
        _buy_template()
        fill(range(2, SMALL), range(SMALL))
        before = count_usage(broken=arguments.broken)
        fill(range(SMALL, arguments.most), range(SMALL, arguments.most))
        after = count_usage(broken=arguments.broken)
    grown = [name for name, usage in after.items() if usage.exceeds(before[name])]
    sizes = f"with {SMALL:,} and with {arguments.most:,} products and orders"
    for name, usage in after.items():
        line = f"{name}: {usage} {sizes}"
        if name in grown:
            line = f"{name}: GROWN to {usage} from {before[name]}, {sizes}"
        print(line)
    print(f"{len(after)} requests, {len(grown)} of them cost more in the larger shop")
    return 1 if grown else 0


if __name__ == "__main__":
    sys.exit(main())
