"""Publishers of tables whose writes carry events: what a write stores is put on the bus once."""

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from types import ModuleType
from typing import Any

import boto3
import pytest

from functions.event_handlers import publish_customer_groups, publish_tax_rates
from shop.customers.actions import set_customer_groups
from shop.customers.store import DynamoCustomerSegmentRepository
from shop.tax.actions import set_tax_rates
from shop.tax.model.country_rates import RatesChange
from shop.tax.model.rates import TaxRate
from shop.tax.store.repository import DynamoTaxRateRepository
from tests.kit.shop import ENVIRONMENT, Context
from tests.kit.stream_pump import record

pytestmark = pytest.mark.usefixtures("cloud")

NOW, TODAY = datetime(2026, 11, 22, tzinfo=UTC), date(2026, 11, 22)
ANN = "a2b9c1de-0000-4000-8000-00000000a001"


class RecordingBus:
    """EventBridge's client, which records the type and subject of each event."""

    def __init__(self) -> None:
        self.published: list[tuple[str, str]] = []

    def put_events(self, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803
        assert {entry["EventBusName"] for entry in Entries} == {ENVIRONMENT["BUS_NAME"]}
        self.published += [
            (entry["DetailType"], json.loads(entry["Detail"])["subject"]) for entry in Entries
        ]
        return {"Entries": [{"EventId": "1"} for _ in Entries]}


def change_tax_rates() -> None:
    set_tax_rates(
        "BR",
        RatesChange((TaxRate("BR", 170_000, since=TODAY),)),
        expected_version=0,
        actor="ann",
        repository=DynamoTaxRateRepository(),
        today=TODAY,
        at=NOW,
    )


def change_customer_groups() -> None:
    customers = DynamoCustomerSegmentRepository()
    set_customer_groups(ANN, ["gold"], [], customers=customers, at=NOW, actor="ann")


@pytest.mark.parametrize(
    ("publisher", "table", "change", "published"),
    [
        (publish_tax_rates, "tax", change_tax_rates, ("TaxRatesChanged", "BR")),
        (
            publish_customer_groups,
            "customers",
            change_customer_groups,
            ("CustomerGroupsChanged", ANN),
        ),
    ],
    ids=["tax rates", "customer groups"],
)
def test_event_of_a_write_is_published_once(
    monkeypatch: pytest.MonkeyPatch,
    publisher: ModuleType,
    table: str,
    change: Callable[[], None],
    published: tuple[str, str],
) -> None:
    # Given the stream records of a change, and of a later write that stores the same events
    bus = RecordingBus()
    monkeypatch.setattr(publisher.publisher, "_client", bus)
    change()
    items = boto3.resource("dynamodb").Table(table).scan()["Items"]
    written = [record(n, str(item["PK"]), None, item) for n, item in enumerate(items)]
    rewritten = [
        record(100 + n, str(item["PK"]), item, {**item, "version": 9})
        for n, item in enumerate(items)
    ]

    # When they are read
    response = publisher.handler({"Records": [*written, *rewritten]}, Context())

    # Then the event is published once
    assert response == {"batchItemFailures": []}
    assert bus.published == [published]
