"""DynamoDB write units of an order of two lines, from the calls that its handlers make.

One unit pays for 1 KB of an item, rounded up; a transaction costs twice that. An index entry costs
one more unit when it is created or one of its attributes changes.
"""

from typing import Any

import boto3
import pytest

from functions.checkout import complete_checkout, create_checkout
from tests.kit.aws_call_counter import Call, count_calls
from tests.kit.products import checkout_body, mug, payment_body, publish_with_stock
from tests.kit.shop import call

pytestmark = pytest.mark.usefixtures("cloud")

BUDGET = 14


def bytes_of(typed: dict[str, Any]) -> int:
    ((kind, value),) = typed.items()
    if kind == "N":
        return len(value) // 2 + 2
    if kind == "L":
        return 3 + sum(1 + bytes_of(each) for each in value)
    if kind == "M":
        return 3 + sum(1 + len(name) + bytes_of(each) for name, each in value.items())
    if kind in ("BOOL", "NULL"):
        return 1
    return len(value if isinstance(value, bytes) else str(value).encode())


def item_units(table: str, key: dict[str, Any]) -> int:
    item: dict[str, Any] = dict(boto3.client("dynamodb").get_item(TableName=table, Key=key)["Item"])
    size = sum(len(name) + bytes_of(value) for name, value in item.items())
    return -(-size // 1024)


def index_entries(table: str, item: dict[str, Any]) -> int:
    return len({"owner_key", "day_key"} & set(item)) if table == "orders" else 0


def units(made: Call) -> int:
    """Return the write units of a call, from the items as they are after it."""
    if made.operation == "TransactWriteItems":
        return sum(
            2 * item_units(action["TableName"], _key(action))
            + index_entries(action["TableName"], action.get("Item", {}))
            for each in made.parameters["TransactItems"]
            for action in each.values()
        )
    if made.operation in ("PutItem", "UpdateItem"):
        parameters = made.parameters
        table = parameters["TableName"]
        return item_units(table, _key(parameters)) + index_entries(
            table, parameters.get("Item", {})
        )
    return 0


def _key(action: dict[str, Any]) -> dict[str, Any]:
    item = action.get("Key") or action["Item"]
    return {name: item[name] for name in ("PK", "SK") if name in item}


def test_placing_and_paying_two_lines_stays_within_the_budget() -> None:
    publish_with_stock(mug(), pieces=5)
    checkout = call(
        create_checkout.handler,
        "POST /checkout-sessions",
        checkout_body(("mug.1", 2), ("mug.2", 1)),
    ).json
    with count_calls() as calls:
        answer = call(
            complete_checkout.handler,
            "POST /checkout-sessions/{id}/complete",
            payment_body("tok_success"),
            id=checkout["id"],
        )
    assert answer.json["status"] == "completed"
    counted = [made for made in calls.made if "sandbox_payments" not in made.table]
    placing, paying_for = (made for made in counted if units(made))
    assert (placing.operation, paying_for.operation) == ("TransactWriteItems", "PutItem")
    assert len(placing.parameters["TransactItems"]) == 5
    assert [units(placing), units(paying_for)] == [11, 2]
    assert units(placing) + units(paying_for) <= BUDGET
