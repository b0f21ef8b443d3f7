"""moto's tables after a transaction are the same with and without copies of whole tables."""

import copy
from typing import Any

import boto3
import pytest
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.dynamodb.models import dynamodb_backends


def put(table: str, key: str, value: str, **more: Any) -> dict[str, Any]:
    item = {"PK": {"S": key}, "SK": {"S": "row"}, "value": {"S": value}}
    return {"Put": {"TableName": table, "Item": item, **more}}


def contents() -> Any:
    tables = dynamodb_backends[DEFAULT_ACCOUNT_ID]["us-east-1"].tables
    return {
        name: sorted(str(item.to_json()) for item in table.all_items())
        for name, table in tables.items()
    }


@pytest.fixture
def client(cloud: None) -> Any:
    client: Any = boto3.client("dynamodb")
    for table in ("catalog", "inventory"):
        client.transact_write_items(
            TransactItems=[put(table, key, "old") for key in ("kept", "changed", "deleted")]
        )
    session = {"PK": {"S": "session"}, "value": {"S": "old"}}
    client.put_item(TableName="sessions", Item=session)
    return client


def writes() -> list[dict[str, Any]]:
    key = {"PK": {"S": "changed"}, "SK": {"S": "row"}}
    update = {
        "TableName": "catalog",
        "Key": key,
        "UpdateExpression": "SET #v = :v",
        "ExpressionAttributeNames": {"#v": "value"},
        "ExpressionAttributeValues": {":v": {"S": "new"}},
    }
    return [
        {"Update": update},
        {"Delete": {"TableName": "catalog", "Key": {**key, "PK": {"S": "deleted"}}}},
        put("inventory", "added", "new"),
        put("inventory", "changed", "new"),
        {
            "Update": {
                **update,
                "TableName": "sessions",
                "Key": {"PK": {"S": "session"}},
            }
        },
    ]


def test_a_failed_transaction_leaves_every_item_as_it_was(client: Any) -> None:
    before = copy.deepcopy(contents())
    refused = put("inventory", "kept", "new", ConditionExpression="attribute_not_exists(PK)")
    with pytest.raises(client.exceptions.TransactionCanceledException) as error:
        client.transact_write_items(TransactItems=[*writes(), refused])
    codes = [reason["Code"] for reason in error.value.response["CancellationReasons"]]
    assert codes == ["None"] * 5 + ["ConditionalCheckFailed"]
    assert contents() == before
    client.transact_write_items(TransactItems=writes())  # and the tables stay usable
    assert contents() != before


def test_a_transaction_that_succeeds_writes_all_its_items(client: Any) -> None:
    client.transact_write_items(TransactItems=writes())
    after = contents()
    assert len(after["catalog"]) == 2
    assert len(after["inventory"]) == 4
    assert "'new'" in str(after["catalog"])
    assert "'new'" in str(after["sessions"])
    assert str(after["inventory"]).count("'new'") == 2
