"""The shop in one process, over moto: its tables, and calls of its handlers.

moto checks mapping and validation only. Concurrency is tested on the emulator (verification/).
"""

import copy
import functools
import json
import os
import uuid
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

import boto3

from functions.all import FEATURES
from functions.manifest import Endpoint

_QUEUES = "https://sqs.us-east-1.amazonaws.com/123456789012"

ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "STAGE": "test",
    "RELEASE": "test",
    "SHOP_URL": "http://shop.test",
    "TERMS_URL": "http://shop.test/sandbox",
    "TIME_ZONE": "UTC",
    "PRIVACY_URL": "http://shop.test/sandbox",
    "LOG_LEVEL": "ERROR",
    "POWERTOOLS_SERVICE_NAME": "shop",
    "POWERTOOLS_METRICS_NAMESPACE": "Doorbuster",
    "ACCESS": "shopper",
    "ACCESS_GROUPS": "",
    "TOKEN_ISSUER": "http://issuer.test",
    "TOKEN_KEYS": "http://issuer.test/keys",
    "TOKEN_CLIENTS": "shop-client",
    "WRITES": (
        "catalog,credits,customers,inventory,jobs,order_index,orders,peak,pricing,sessions,tax"
    ),
    "TABLE_CATALOG": "catalog",
    "TABLE_INVENTORY": "inventory",
    "TABLE_SESSIONS": "sessions",
    "TABLE_ORDERS": "orders",
    "TABLE_ORDER_INDEX": "order_index",
    "TABLE_PRICING": "pricing",
    "TABLE_TAX": "tax",
    "TABLE_CREDITS": "credits",
    "TABLE_CUSTOMERS": "customers",
    "TABLE_PEAK": "peak",
    "TABLE_JOBS": "jobs",
    "TABLE_SANDBOX_PAYMENTS": "sandbox_payments",
    "PAYMENT_PROVIDER": "sandbox",
    "PAYMENT_WINDOW_SECONDS": "1800",
    "QUEUE_SANDBOX_SETTLEMENTS": f"{_QUEUES}/settlements",
    "QUEUE_PAYMENT_EVENTS": f"{_QUEUES}/payments",
    "QUEUE_CARRIER_EVENTS": f"{_QUEUES}/carriers",
    "SECRET_SANDBOX_WEBHOOK": "sandbox-webhook",
    "SECRET_CARRIER_WEBHOOK": "carrier-webhook",
    "SECRET_WAITING_ROOM": "waiting-room",
    "SECRET_ORDER_INDEX": "order-index",
    "BUS_NAME": "shop",
    "PEAK_FUNCTIONS": '{"complete": 0.5}',
    "PEAK_ALIAS": "live",
    "PEAK_TABLE_QUOTA": "40000",
    "CLOCK_GROUP": "default",
    "CLOCK_TARGET": "arn:aws:lambda:us-east-1:123456789012:function:prepare_peak",
    "CLOCK_ROLE": "arn:aws:iam::123456789012:role/clock",
    "CLOCK_DEAD_LETTERS": "arn:aws:sqs:us-east-1:123456789012:prepare_peak-dead",
    "MAIL_FROM": "shop@shop.test",
    "STAFF_MAIL": "staff@shop.test",
    "ORDER_DIGEST_MINUTES": "15",
    "WORKFLOW_EXPORT": "arn:aws:states:us-east-1:123456789012:stateMachine:exports",
    "WORKFLOW_IMPORT": "arn:aws:states:us-east-1:123456789012:stateMachine:imports",
    "FILES_BUCKET": "shop-files",
    "WORKFLOW_ARN": "arn:aws:states:us-east-1:123456789012:stateMachine:orders",
}
"""A Lambda's environment as the template sets it, with names for tests."""

_KEYS: dict[str, dict[str, Any]] = {
    "catalog": {"keys": ("PK", "SK")},
    "inventory": {"keys": ("PK", "SK")},
    "sessions": {"keys": ("PK",)},
    "pricing": {"keys": ("PK", "SK")},
    "tax": {"keys": ("PK", "SK")},
    "credits": {"keys": ("PK", "SK")},
    "customers": {"keys": ("PK", "SK")},
    "peak": {"keys": ("PK", "SK")},
    "order_index": {"keys": ("PK", "SK")},
    "jobs": {"keys": ("PK", "SK")},
    "sandbox_payments": {"keys": ("PK",)},
    "orders": {
        "keys": ("PK", "SK"),
        "indexes": {
            "by_owner": ("owner_key", "placed_key"),
            "by_day": ("day_key", "placed_key"),
        },
    },
}


def mock_aws() -> AbstractContextManager[Any]:
    """Return moto's emulation of AWS, empty at its start."""
    from moto import mock_aws  # lazy: see tests/conftest.py

    return mock_aws()


def create_queues() -> None:
    """Create the queues that the environment names, in moto's memory instead of by calls."""
    from moto.core.models import DEFAULT_ACCOUNT_ID
    from moto.sqs.models import sqs_backends

    backend = sqs_backends[DEFAULT_ACCOUNT_ID]["us-east-1"]
    for name, url in ENVIRONMENT.items():
        if name.startswith("QUEUE_"):
            backend.create_queue(url.rsplit("/", 1)[1])


def create_tables() -> None:
    """Create the tables. A contract test compares their keys with the template's.

    The first call of a process creates them in ten calls of moto. Later calls put copies of the
    empty tables into moto's memory, which takes a millisecond.
    """
    # Lazy: tests on doubles import this module too, and moto takes half a second.
    from moto.core.config import default_user_config
    from moto.core.models import DEFAULT_ACCOUNT_ID
    from moto.dynamodb.models import dynamodb_backends

    from tests.kit.moto_transactions import copy_only_touched_items

    copy_only_touched_items()
    # A new session for each test would read botocore's service models from disk again.
    default_user_config["core"]["reset_boto3_session"] = False
    backend = dynamodb_backends[DEFAULT_ACCOUNT_ID]["us-east-1"]
    if not _EMPTY_TABLES:
        _create_tables()
        _EMPTY_TABLES.update(copy.deepcopy(backend.tables))
    backend.tables.update(copy.deepcopy(_EMPTY_TABLES))


@functools.cache
def aws_client(service: str) -> Any:
    """Return the client of a service that all tests of a process share."""
    return boto3.client(service, region_name="us-east-1")  # type: ignore[call-overload]


_EMPTY_TABLES: dict[str, Any] = {}


def _create_tables() -> None:
    client = aws_client("dynamodb")
    for name, spec in _KEYS.items():
        indexes = spec.get("indexes", {})
        attributes = {*spec["keys"], *(key for keys in indexes.values() for key in keys)}
        secondary: dict[str, Any] = {}
        if indexes:
            secondary["GlobalSecondaryIndexes"] = [
                {
                    "IndexName": index,
                    "KeySchema": _schema(keys),
                    "Projection": {"ProjectionType": "ALL"},
                }
                for index, keys in indexes.items()
            ]
        client.create_table(
            TableName=name,
            KeySchema=_schema(spec["keys"]),
            AttributeDefinitions=[
                {"AttributeName": a, "AttributeType": "S"} for a in sorted(attributes)
            ],
            BillingMode="PAY_PER_REQUEST",
            **secondary,
        )


def _schema(keys: tuple[str, ...]) -> Any:
    return [
        {"AttributeName": key, "KeyType": kind}
        for key, kind in zip(keys, ("HASH", "RANGE"), strict=False)
    ]


class Context:
    """The context object of an invocation."""

    function_name = "test"
    memory_limit_in_mb = 512
    invoked_function_arn = "arn:aws:lambda:us-east-1:123456789012:function:test"
    aws_request_id = "00000000-0000-0000-0000-000000000000"

    def get_remaining_time_in_millis(self) -> int:
        return 10_000


@dataclass(frozen=True)
class ApiResponse:
    """A handler's response, as the HTTP API sends it."""

    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)


@functools.cache
def _query_names() -> dict[str, str]:
    """Return the setting ``QUERY`` of every route."""
    return {
        entry.route: ",".join(parameter.name for parameter in entry.query)
        for feature in FEATURES
        for entry in feature.functions
        if isinstance(entry, Endpoint)
    }


def call(
    handler: Any,
    route: str,
    body: Any = None,
    *,
    raw: str | None = None,
    key: str | None = None,
    headers: Mapping[str, str] | None = None,
    claims: Mapping[str, Any] | None = None,
    query: str = "",
    **path: str,
) -> ApiResponse:
    """Call a handler as the HTTP API does.

    ``key`` is the idempotency key: a new one by default, none for ``""``.
    """
    method, template = route.split(" ", 1)
    url = template.replace("+}", "}").format(**path)
    all_headers = {"content-type": "application/json", **(headers or {})}
    if key != "" and method != "GET":
        all_headers["idempotency-key"] = key or str(uuid.uuid4())
    text = raw if raw is not None else (None if body is None else json.dumps(body))
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": route,
        "rawPath": url,
        "rawQueryString": query,
        "headers": all_headers,
        "requestContext": {
            "requestId": str(uuid.uuid4()),
            "http": {"method": method, "path": url, "sourceIp": "127.0.0.1"},
        },
        "body": text,
        "isBase64Encoded": False,
    }
    if path:
        event["pathParameters"] = {name: v.replace("%", "%25") for name, v in path.items()}
    if claims is not None:
        event["requestContext"]["authorizer"] = {"jwt": {"claims": dict(claims)}}
    # Only a request with a query needs the setting of its route: the environment belongs to all
    # threads, and patch.dict() empties it for a moment.
    if query and route in _query_names():
        with patch.dict(os.environ, {"QUERY": _query_names()[route]}):
            response = handler(event, Context())
    else:
        response = handler(event, Context())
    return ApiResponse(response["statusCode"], response["headers"], response["body"])
