"""Low stock: staff set a threshold and get one email per crossing."""

import base64
import json
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from moto.core import DEFAULT_ACCOUNT_ID  # type: ignore[attr-defined]
from moto.ses import ses_backends  # type: ignore[attr-defined]

from functions.event_handlers import detect_low_stock, publish_stock, send_low_stock_alert
from functions.event_handlers.manifest import FEATURE, HAS_THRESHOLD, IS_SHARD
from functions.scheduled import check_low_stock
from functions.staff_stock import list_low_stock, set_threshold
from shop.inventory.model import Demand, Reservation
from shop.inventory.store import DynamoStockRepository
from shop.inventory.store.rows import ShardRow, shard_key
from shop.kernel.errors import Unavailable
from shop.storage.connection import connection
from shop.storage.transactions import DynamoUnitOfWork
from tests.functions.staff_stock.test_staff_stock import (
    call_as_staff,
    create_cap,
    enter_movement,
    list_errors,
    read_level,
)
from tests.kit.shop import ApiResponse, Context
from tests.unit.inventory.stock_fixture import StockFixture

SET_THRESHOLD = "PUT /staff/stock-thresholds"
LOW_STOCK = "GET /staff/low-stock"


class EventBus:
    """The part of EventBridge that the publisher uses."""

    def __init__(self) -> None:
        self.entries: list[dict[str, Any]] = []

    def put_events(self, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803
        self.entries += Entries
        return {"Entries": [{"EventId": "1"} for _ in Entries]}


class LowStockShop:
    """The inventory table with the readers of its stream, the event bus and the sent emails."""

    def __init__(self, bus: EventBus, sent: list[Any]) -> None:
        self.bus, self.sent = bus, sent
        self.fixture = StockFixture(
            DynamoStockRepository(sleep=lambda seconds: None), DynamoUnitOfWork(connection())
        )
        self.last_items = self._items()
        self.records: list[dict[str, Any]] = []

    def _items(self) -> dict[tuple[str, str], Any]:
        rows = boto3.client("dynamodb").scan(TableName="inventory")["Items"]
        return {(row["PK"]["S"], row["SK"]["S"]): row for row in rows}

    def stream_records(self) -> list[dict[str, Any]]:
        """Return the stream records of all changes since the last call."""
        before, self.last_items = self.last_items, self._items()
        records: list[dict[str, Any]] = []
        for name in {**before, **self.last_items}:
            old, new = before.get(name), self.last_items.get(name)
            if old != new:
                images: dict[str, Any] = {
                    "SequenceNumber": str(len(records)),
                    "Keys": {"PK": {"S": name[0]}},
                }
                images |= {
                    side: _json(image)
                    for side, image in (("OldImage", old), ("NewImage", new))
                    if image is not None
                }
                records.append({"dynamodb": images})
        return records

    def process_changes(self, deliveries: int = 1) -> None:
        """Run stream readers and event handlers, each ``deliveries`` times per change."""
        while records := self.stream_records():
            self.records = records
            for _ in range(deliveries):
                detect_low_stock.handler({"Records": records}, Context())
                publish_stock.handler({"Records": records}, Context())
        entries, self.bus.entries = self.bus.entries, []
        for entry in entries:
            for _ in range(deliveries):
                self.deliver(entry)

    def deliver(self, entry: dict[str, Any]) -> None:
        event = {"detail-type": entry["DetailType"], "detail": json.loads(entry["Detail"])}
        function = next(
            one for one in FEATURE.functions if one.module == "event_handlers.send_low_stock_alert"
        )
        assert entry["DetailType"] in function.event_types  # type: ignore[attr-defined]
        send_low_stock_alert.handler(event, Context())

    @property
    def subjects(self) -> list[str]:
        return [email.subject for email in self.sent]


def _json(image: dict[str, Any]) -> dict[str, Any]:
    return {
        name: {"B": base64.b64encode(value["B"]).decode()} if "B" in value else value
        for name, value in image.items()
    }


@pytest.fixture
def low_stock_shop(
    cloud: None, as_stock_staff: None, monkeypatch: pytest.MonkeyPatch
) -> LowStockShop:
    bus = EventBus()
    monkeypatch.setattr(publish_stock.publisher, "_client", bus)
    boto3.client("sesv2").create_email_identity(EmailIdentity="shop@shop.test")
    create_cap("CAP-S")
    enter_movement("receive", units=10)
    return LowStockShop(bus, ses_backends[DEFAULT_ACCOUNT_ID]["us-east-1"].sent_messages)


def save_threshold(threshold: int | None, version: int = 1, **fields: Any) -> ApiResponse:
    body = {"sku": "CAP-S", "low_stock_threshold": threshold, "version": version, **fields}
    return call_as_staff(set_threshold, SET_THRESHOLD, body)


def low_levels(query: str = "") -> Any:
    return call_as_staff(list_low_stock, LOW_STOCK, query=query).json["low"]


def buy(shop: LowStockShop, units: int) -> tuple[Reservation, ...]:
    return shop.fixture.buy(Demand("CAP-S", units))


def test_one_email_per_crossing_despite_repeated_deliveries(low_stock_shop: LowStockShop) -> None:
    # Given a threshold of three and ten units
    response = save_threshold(3)
    assert (response.status, response.json["low_stock_threshold"], response.headers["ETag"]) == (
        200,
        3,
        '"2"',
    )
    buy(low_stock_shop, 6)
    low_stock_shop.process_changes(deliveries=2)
    assert (low_stock_shop.subjects, low_levels()) == ([], [])
    # When the available units fall to three, one email is sent
    buy(low_stock_shop, 1)
    low_stock_shop.process_changes(deliveries=2)
    assert low_stock_shop.subjects == ["Low stock: 3 units of CAP-S available at main"]
    assert low_stock_shop.sent[0].destinations["ToAddresses"] == ["staff@shop.test"]
    (one,) = low_levels()
    assert (one["sku"], one["available"], one["low_stock_threshold"], one["version"]) == (
        "CAP-S",
        3,
        3,
        2,
    )
    # A lower level sends none
    buy(low_stock_shop, 2)
    low_stock_shop.process_changes()
    assert len(low_stock_shop.subjects) == 1
    # After a recovery the next crossing sends another
    enter_movement("receive", units=20)
    low_stock_shop.process_changes(deliveries=2)
    assert (len(low_stock_shop.subjects), low_levels()) == (1, [])
    buy(low_stock_shop, 18)
    low_stock_shop.process_changes(deliveries=2)
    assert low_stock_shop.subjects[1:] == ["Low stock: 3 units of CAP-S available at main"]


def test_write_off_by_staff_triggers_an_alert(low_stock_shop: LowStockShop) -> None:
    save_threshold(3)
    enter_movement("write_off", units=8, reason="flood")
    low_stock_shop.process_changes()
    assert low_stock_shop.subjects == ["Low stock: 2 units of CAP-S available at main"]
    assert read_level("CAP-S").json["low"]


def test_cancelled_order_closes_the_alert(low_stock_shop: LowStockShop) -> None:
    save_threshold(3)
    for _ in range(2):
        reservations = buy(low_stock_shop, 8)
        low_stock_shop.process_changes()
        low_stock_shop.fixture.release(reservations)
        low_stock_shop.process_changes()
    assert len(low_stock_shop.subjects) == 2


def test_scheduled_check_finds_a_crossing_that_the_stream_missed(
    low_stock_shop: LowStockShop,
) -> None:
    save_threshold(3)
    buy(low_stock_shop, 8)
    low_stock_shop.stream_records()  # the stream reader failed for good
    assert low_stock_shop.subjects == []
    assert check_low_stock.handler({}, Context()) == {"checked": 1, "detected": 1}
    low_stock_shop.process_changes()
    assert check_low_stock.handler({}, Context()) == {"checked": 1, "detected": 0}
    low_stock_shop.process_changes()
    assert len(low_stock_shop.subjects) == 1


def test_failed_email_is_not_recorded_as_sent(
    low_stock_shop: LowStockShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_threshold(3)
    buy(low_stock_shop, 8)
    with monkeypatch.context() as outage:
        outage.setattr(send_low_stock_alert.email_sender, "send", _down)
        with pytest.raises(Unavailable):
            low_stock_shop.process_changes()
    (row,) = [
        row for row in low_stock_shop._items().values() if row["PK"]["S"].startswith("ALERT#")
    ]
    assert "sent_at" not in row
    assert low_stock_shop.subjects == []


def _down(to: str, email: Any) -> None:
    raise Unavailable("The email service is unavailable.")


def test_threshold_of_a_sharded_sku_applies_to_the_sum(low_stock_shop: LowStockShop) -> None:
    save_threshold(3)
    low_stock_shop.fixture.stock.reshard("CAP-S", 4)
    low_stock_shop.process_changes()
    for _ in range(6):
        buy(low_stock_shop, 1)
        low_stock_shop.process_changes()
    assert low_stock_shop.subjects == []
    buy(low_stock_shop, 1)
    low_stock_shop.process_changes()
    assert low_stock_shop.subjects == ["Low stock: 3 units of CAP-S available at main"]


def test_sale_without_a_threshold_checks_no_level(
    low_stock_shop: LowStockShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    low_stock_shop.fixture.stock.reshard("CAP-S", 4)
    buy(low_stock_shop, 9)
    monkeypatch.setattr(detect_low_stock, "stock", None)
    monkeypatch.setattr(
        detect_low_stock, "check_low_stock", lambda keys, **options: list(keys) and 1 / 0
    )
    low_stock_shop.process_changes()
    assert low_stock_shop.subjects == []


def test_row_with_an_open_alert_needs_no_read(
    low_stock_shop: LowStockShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_threshold(3)
    buy(low_stock_shop, 8)
    low_stock_shop.process_changes()
    buy(low_stock_shop, 1)
    monkeypatch.setattr(detect_low_stock, "alerts", None)
    low_stock_shop.process_changes()
    assert len(low_stock_shop.subjects) == 1


def test_cleared_threshold_sends_no_more_alerts(low_stock_shop: LowStockShop) -> None:
    save_threshold(3)
    buy(low_stock_shop, 8)
    low_stock_shop.process_changes()
    assert save_threshold(None, 2).status == 200
    assert (low_levels(), "low_stock_threshold" in read_level("CAP-S").json) == ([], False)
    low_stock_shop.fixture.release(low_stock_shop.fixture.stock.pick_shards([Demand("CAP-S", 8)]))
    buy(low_stock_shop, 9)
    low_stock_shop.process_changes()
    assert len(low_stock_shop.subjects) == 1
    assert check_low_stock.handler({}, Context()) == {"checked": 0, "detected": 0}


def test_stream_filters_name_attributes_and_keys_of_shard_rows() -> None:
    """A filter on a name that no row has would silently leave everything to the scheduled job."""
    attributes = json.loads(HAS_THRESHOLD)["dynamodb"]["NewImage"]
    stored = {attribute.attr_name for attribute in ShardRow.get_attributes().values()}
    assert set(attributes) <= stored
    (prefix,) = json.loads(IS_SHARD)["dynamodb"]["Keys"]["PK"]["S"]
    assert shard_key("CAP-S", "main", 1)[0].startswith(prefix["prefix"])
    assert not shard_key("CAP-S", "main")[0].startswith(prefix["prefix"])


@pytest.mark.parametrize(
    ("body", "status", "problem"),
    [
        ({"low_stock_threshold": 3, "version": 0}, 409, ("stale", None)),
        ({"low_stock_threshold": 3, "version": 9}, 409, ("stale", None)),
        (
            {"low_stock_threshold": 3, "version": 0, "sku": "UNKNOWN"},
            404,
            ("stock_unknown", "$.sku"),
        ),
        ({"low_stock_threshold": -1, "version": 1}, 400, ("out_of_range", "$.low_stock_threshold")),
        ({"low_stock_threshold": "3", "version": 1}, 400, ("wrong_type", "$.low_stock_threshold")),
        ({"version": 1}, 400, ("missing", "$.low_stock_threshold")),
        ({"low_stock_threshold": 3}, 400, ("missing", "$.version")),
        (
            {"low_stock_threshold": 3, "version": 1, "location": "A B"},
            400,
            ("id_invalid", "$.location"),
        ),
    ],
)
def test_invalid_threshold_is_rejected(
    low_stock_shop: LowStockShop, body: Any, status: int, problem: Any
) -> None:
    response = call_as_staff(set_threshold, SET_THRESHOLD, {"sku": "CAP-S", **body})
    assert (response.status, list_errors(response)) == (status, [problem])
    assert read_level("CAP-S").json["version"] == 1


def test_low_stock_is_paginated(low_stock_shop: LowStockShop) -> None:
    stock = low_stock_shop.fixture.stock
    for n in range(3):
        sku = f"X/{n}#1"
        stock.create_levels({sku: 1}, actor="w", reason="opening", at=datetime.now(UTC))
        assert (
            call_as_staff(
                set_threshold, SET_THRESHOLD, {"sku": sku, "low_stock_threshold": 1, "version": 1}
            ).status
            == 200
        )
    low_stock_shop.process_changes()
    first = call_as_staff(list_low_stock, LOW_STOCK, query="limit=2").json
    rest = call_as_staff(list_low_stock, LOW_STOCK, query=f"limit=2&cursor={first['cursor']}").json
    assert [one["sku"] for one in first["low"] + rest["low"]] == ["X/0#1", "X/1#1", "X/2#1"]
    assert "cursor" not in rest
    invalid = call_as_staff(list_low_stock, LOW_STOCK, query="cursor=eyJhZnRlciI6IngifQ")
    assert (invalid.status, list_errors(invalid)) == (400, [("cursor_invalid", "cursor")])
