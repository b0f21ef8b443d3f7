"""Fixtures for handler tests over moto: stored orders, secrets, queue messages and claims."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3

from shop.credits.store.repository import DynamoCreditAccountRepository
from shop.orders.model import Order
from tests.kit.orders import WINDOW, make_order
from tests.kit.shop import ENVIRONMENT
from tests.unit.orders.order_fixture import OrderFixture

WEBHOOK_KEY = "MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz"
"""A signing key in base64, as the stages generate them."""
NEW_KEY = "bmV3bmV3bmV3bmV3bmV3bmV3bmV3bmV3bmV3"
OLD_KEY = "b2xkb2xkb2xkb2xkb2xkb2xkb2xkb2xkb2xk"
"""Both keys of a carrier that is rotating its key."""


def order_fixture() -> OrderFixture:
    """Return a fixture over the DynamoDB stores and the sandbox provider, at the current time."""
    from shop.inventory.store import DynamoStockRepository, counter_shards
    from shop.orders.store import DynamoOrderEmails, DynamoOrderRepository, DynamoWorkflowTokens
    from shop.orders.store.parked_events import DynamoParkedEvents
    from shop.payments.gateway.sandbox import SandboxProvider
    from shop.pricing.store.usage_counters import DynamoUsageCounters
    from shop.storage.connection import connection
    from shop.storage.transactions import DynamoUnitOfWork

    return OrderFixture(
        DynamoOrderRepository(),
        DynamoStockRepository(),
        DynamoUnitOfWork(connection()),
        DynamoUsageCounters(counter_shards(), DynamoCreditAccountRepository()),
        DynamoWorkflowTokens(),
        DynamoOrderEmails(),
        provider=SandboxProvider(
            shop_url="http://shop.test", schedule_settlement=lambda reference: None
        ),
        now=datetime.now(UTC),
        parked_events=DynamoParkedEvents(),
    )


def order_placed_today(
    order_id: str = "ord_1", pieces: tuple[int, ...] = (2, 1), **changes: Any
) -> Order:
    """Return an order that was placed a minute ago."""
    at = datetime.now(UTC) - timedelta(minutes=1)
    return make_order(order_id, pieces, placed_at=at, pay_by=at + WINDOW, **changes)


def put_secrets() -> None:
    """Store the signing secrets under the names in the environment."""
    client = boto3.client("secretsmanager", region_name="us-east-1")
    carriers = json.dumps({"ups": WEBHOOK_KEY, "dhl": [NEW_KEY, OLD_KEY]})
    for name, value in (("SANDBOX", WEBHOOK_KEY), ("CARRIER", carriers)):
        client.create_secret(Name=ENVIRONMENT[f"SECRET_{name}_WEBHOOK"], SecretString=value)
    client.create_secret(Name=ENVIRONMENT["SECRET_ORDER_INDEX"], SecretString=WEBHOOK_KEY)


def receive_all(name: str) -> list[dict[str, Any]]:
    """Receive and delete all messages of a queue; ``name`` is the setting with its URL."""
    client = boto3.client("sqs", region_name="us-east-1")
    bodies: list[dict[str, Any]] = []
    while True:
        response = client.receive_message(QueueUrl=ENVIRONMENT[name], MaxNumberOfMessages=10)
        if "Messages" not in response:
            return bodies
        bodies += [json.loads(message["Body"]) for message in response["Messages"]]
        for message in response["Messages"]:
            client.delete_message(
                QueueUrl=ENVIRONMENT[name], ReceiptHandle=message["ReceiptHandle"]
            )


def messages(*bodies: dict[str, Any]) -> dict[str, Any]:
    """Return the event with which Lambda invokes a queue's consumer."""
    return {
        "Records": [
            {"messageId": f"m{n}", "body": json.dumps(body), "attributes": {}}
            for n, body in enumerate(bodies)
        ]
    }


def signed_in(customer: str, *groups: str, client: str = "shop-client") -> dict[str, Any]:
    """Return the claims of an access token, as the HTTP API passes them on."""
    return {
        "sub": customer,
        "username": customer,
        "token_use": "access",
        "iss": ENVIRONMENT["TOKEN_ISSUER"],
        "client_id": client,
        "cognito:groups": f"[{' '.join(groups)}]",
    }
