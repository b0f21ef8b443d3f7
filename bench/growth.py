"""What a request costs in a small shop and in a large one: DynamoDB calls and units must not grow.

``python -m bench.growth`` fills an emulated shop with 1,000 products and orders, counts calls and
consumed units (as DynamoDB reports them) of each request, fills it up to ``--most`` (10,000, or
100,000 for those who have time) and counts again; it exits with 1 where a request costs more.
``--broken`` counts a search that reads every product, which must be found out: then 1 is right.
"""

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch

from verification.emulator import emulated_aws

SMALL, LARGE = 1_000, 10_000
AT_ONCE = 25
ROUNDS = 3
DAYS = 5
"""Orders are spread over so many; those of one day are what the staff's list of it reads from."""
ROOM = 1.1
"""Units may differ a little: a page of other products is a little longer or shorter."""
COLOURS = ("red", "blue", "green", "white", "black", "amber", "teal", "plum", "olive", "sand")
JANE = "jane"


@dataclass
class Used:
    """What a request asked of DynamoDB."""

    calls: int = 0
    reads: float = 0.0
    writes: float = 0.0

    def grown(self, before: "Used") -> bool:
        """Whether it is more than before."""
        return (
            self.calls > before.calls
            or self.reads > before.reads * ROOM
            or self.writes > before.writes * ROOM
        )

    def __str__(self) -> str:
        return f"{self.calls} calls, {self.reads:g} read units, {self.writes:g} write units"


@contextmanager
def metered() -> Iterator[Used]:
    """Units as the answers tell them; of a transaction, twice an item's."""
    from botocore.client import BaseClient

    used = Used()
    send = BaseClient._make_api_call  # type: ignore[attr-defined]

    def metering(client: Any, operation: str, parameters: dict[str, Any]) -> Any:
        if client.meta.service_model.service_name != "dynamodb":
            return send(client, operation, parameters)
        answer = send(client, operation, {**parameters, "ReturnConsumedCapacity": "TOTAL"})
        told = answer.get("ConsumedCapacity", [])
        units = sum(one["CapacityUnits"] for one in (told if isinstance(told, list) else [told]))
        if operation == "BatchGetItem" and not units:
            units = _batch_units(parameters["RequestItems"], answer["Responses"])
        used.calls += 1
        if operation in ("GetItem", "BatchGetItem", "Query", "Scan", "TransactGetItems"):
            used.reads += units
        else:
            used.writes += units
        return answer

    with patch.object(BaseClient, "_make_api_call", metering):
        yield used


def _batch_units(asked: Mapping[str, Any], found: Mapping[str, Any]) -> float:
    """Of a batch the emulator tells nothing: an item, found or not, is read by begun 4 KB."""
    units = 0.0
    for table, keys in asked.items():
        sizes = [len(str(item)) for item in found.get(table, ())]
        begun = sum(-(-size // 4096) for size in sizes) + len(keys["Keys"]) - len(sizes)
        units += begun if keys.get("ConsistentRead") else begun / 2
    return units


def fill(products: range, orders: range) -> None:
    """Products by way of an import; orders as copies of one that was bought."""
    from shop.catalog.store import DynamoProductCatalog
    from tests.kit.products import mug

    catalogue = DynamoProductCatalog()
    for start in range(products.start, products.stop, 500):
        some = []
        for n in range(start, min(start + 500, products.stop)):
            title = f"{COLOURS[n % 10].title()} Mug {n}"
            some.append(replace(mug(f"mug{n}"), title=title))
        refused = catalogue.save_many(some)
        if refused:
            raise RuntimeError(
                f"{len(refused)} products were refused: {next(iter(refused.items()))}"
            )
    _copied("inventory", _stock_of, products)
    _copied("orders", _order_of, orders)


def _stock_of(n: int) -> dict[str, Any]:
    return {**_one["inventory"], "PK": {"S": f"SKU#MUG{n}-RED"}}


def _order_of(n: int) -> dict[str, Any]:
    placed = datetime.now(UTC) - timedelta(days=n % DAYS, microseconds=n)
    moment = f"{int(placed.timestamp()) * 1_000_000 + placed.microsecond:016d}"
    owner = JANE if n % 2 else f"customer{n}"
    return {
        **_one["orders"],
        "PK": {"S": f"ORDER#ord_copy{n}"},
        "SK": {"S": f"HEAD#{owner}"},
        "owner_key": {"S": owner},
        "day_key": {"S": f"{placed:%Y-%m-%d}#{n % 16:02d}"},
        "placed_key": {"S": f"{moment}#ord_copy{n}"},
    }


_one: dict[str, dict[str, Any]] = {}
"""A row of each table that others are copied from."""


def _copied(table: str, make: Callable[[int], dict[str, Any]], numbers: range) -> None:
    import boto3

    client: Any = boto3.client("dynamodb")
    for start in range(numbers.start, numbers.stop, AT_ONCE):
        puts = [
            {"PutRequest": {"Item": make(n)}}
            for n in range(start, min(start + AT_ONCE, numbers.stop))
        ]
        client.batch_write_item(RequestItems={table: puts})


def _example() -> None:
    """Buy one order, and keep its rows."""
    import boto3

    from bench.handlers import doors, stocked

    stocked(2)
    said: Any = None
    for ask in doors().values():
        said = ask(said)
    client: Any = boto3.client("dynamodb")
    (_one["orders"],) = [
        item
        for item in client.scan(TableName="orders")["Items"]
        if item["SK"]["S"].startswith("HEAD#")
    ]
    key = {"PK": {"S": "SKU#MUG0-RED"}, "SK": {"S": "LOC#main"}}
    _one["inventory"] = client.get_item(TableName="inventory", Key=key)["Item"]


def requests() -> dict[str, Callable[[], Any]]:
    """Shoppers' requests, and the lists that get longer."""
    import os

    from bench.handlers import doors
    from functions.orders import list_my_orders
    from functions.staff_catalog import list_products
    from functions.staff_orders import list_orders
    from tests.kit.shop import call
    from verification.purchase_driver import STAFF

    way = doors()
    last: list[Any] = [None]

    def following(ask: Callable[[Any], Any]) -> Callable[[], Any]:
        def asked() -> None:
            last[0] = ask(last[0])

        return asked

    def listed(access: str, groups: str, ask: Callable[[], Any]) -> Callable[[], Any]:
        def asked() -> None:
            with patch.dict(os.environ, ACCESS=access, ACCESS_GROUPS=groups):
                answer = ask()
            if answer.status != 200:
                raise RuntimeError(f"{answer.status} {answer.text[:300]}")

        return asked

    jane = {**STAFF, "sub": JANE, "username": JANE, "cognito:groups": "[]"}
    return {
        **{name: following(ask) for name, ask in way.items()},
        "my orders": listed(
            "customer",
            "",
            lambda: call(list_my_orders.handler, "GET /account/orders", claims=jane),
        ),
        "orders of a day": listed(
            "staff",
            "staff",
            lambda: call(list_orders.handler, "GET /staff/orders", claims=STAFF),
        ),
        "products, for staff": listed(
            "staff",
            "staff",
            lambda: call(list_products.handler, "GET /staff/products", claims=STAFF),
        ),
    }


def counted(everything: bool) -> dict[str, Used]:
    """What each request costs a warm Lambda; ``everything`` adds a search by scanning."""
    import boto3

    from shop.inventory.store import level_cache

    asks = requests()
    if everything:
        client: Any = boto3.client("dynamodb")
        pages = client.get_paginator("scan").paginate
        asks["search by looking through all"] = lambda: list(pages(TableName="catalog"))
    for ask in asks.values():
        ask()
    found: dict[str, Used] = {}
    # The cheapest of a few: what a Lambda keeps in memory for seconds is renewed now and then.
    for _ in range(ROUNDS):
        for name, ask in asks.items():
            level_cache().clear()
            with metered() as used:
                ask()
            if name not in found or used.calls < found[name].calls:
                found[name] = used
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--most", type=int, default=LARGE)
    parser.add_argument("--broken", action="store_true", help="with a search that reads everything")
    told = parser.parse_args()
    with emulated_aws():
        _example()
        fill(range(2, SMALL), range(SMALL))
        before = counted(told.broken)
        fill(range(SMALL, told.most), range(SMALL, told.most))
        after = counted(told.broken)
    grown = [name for name, used in after.items() if used.grown(before[name])]
    sizes = f"with {SMALL:,} and with {told.most:,} products and orders"
    for name, used in after.items():
        line = f"{name}: {used} {sizes}"
        if name in grown:
            line = f"{name}: GROWN to {used} from {before[name]}, {sizes}"
        print(line)
    print(f"{len(after)} requests, {len(grown)} of them cost more in the larger shop")
    return 1 if grown else 0


if __name__ == "__main__":
    sys.exit(main())
