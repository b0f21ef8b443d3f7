"""A stock runs low: staff set when to be told, and are told once per crossing, by one letter."""

import base64
import json
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from moto.core import DEFAULT_ACCOUNT_ID  # type: ignore[attr-defined]
from moto.ses import ses_backends  # type: ignore[attr-defined]

from functions.event_handlers import detect_low_stock, publish_stock, send_low_stock_alert
from functions.event_handlers.manifest import FEATURE
from functions.scheduled import check_low_stock
from functions.staff_stock import list_low_stock, set_threshold
from shop.inventory.model import Demand, Reservation
from shop.inventory.store import DynamoStockRepository
from shop.kernel.errors import Unavailable
from shop.storage.connection import connection
from shop.storage.transactions import DynamoUnitOfWork
from tests.functions.staff_stock.test_staff_stock import ask, errors, move, sells, shelf
from tests.kit.shop import ApiResponse, Context
from tests.unit.inventory.stock_fixture import StockFixture

SET = "PUT /staff/stock-thresholds"
LOW = "GET /staff/low-stock"


class Bus:
    """EventBridge, as far as it is spoken to."""

    def __init__(self) -> None:
        self.told: list[dict[str, Any]] = []

    def put_events(self, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803
        self.told += Entries
        return {"Entries": [{"EventId": "1"} for _ in Entries]}


class House:
    """The shop around the inventory table: its stream's readers, the bus, the letters."""

    def __init__(self, bus: Bus, post: list[Any]) -> None:
        self.bus, self.post = bus, post
        self.room = StockFixture(
            DynamoStockRepository(sleep=lambda seconds: None), DynamoUnitOfWork(connection())
        )
        self.seen = self._items()
        self.records: list[dict[str, Any]] = []

    def _items(self) -> dict[tuple[str, str], Any]:
        rows = boto3.client("dynamodb").scan(TableName="inventory")["Items"]
        return {(row["PK"]["S"], row["SK"]["S"]): row for row in rows}

    def changed(self) -> list[dict[str, Any]]:
        """What changed since somebody asked last, as the stream shows it."""
        before, self.seen = self.seen, self._items()
        records: list[dict[str, Any]] = []
        for name in {**before, **self.seen}:
            old, new = before.get(name), self.seen.get(name)
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

    def settle(self, times: int = 1) -> None:
        """Everybody hears of everything, so many times."""
        while records := self.changed():
            self.records = records
            for _ in range(times):
                detect_low_stock.handler({"Records": records}, Context())
                publish_stock.handler({"Records": records}, Context())
        told, self.bus.told = self.bus.told, []
        for entry in told:
            for _ in range(times):
                self.deliver(entry)

    def deliver(self, entry: dict[str, Any]) -> None:
        event = {"detail-type": entry["DetailType"], "detail": json.loads(entry["Detail"])}
        line = next(
            x for x in FEATURE.functions if x.module == "event_handlers.send_low_stock_alert"
        )
        assert entry["DetailType"] in line.event_types  # type: ignore[attr-defined]
        send_low_stock_alert.handler(event, Context())

    @property
    def letters(self) -> list[str]:
        return [letter.subject for letter in self.post]


def _json(image: dict[str, Any]) -> dict[str, Any]:
    return {
        name: {"B": base64.b64encode(value["B"]).decode()} if "B" in value else value
        for name, value in image.items()
    }


@pytest.fixture
def low_stock_shop(cloud: None, as_stock_staff: None, monkeypatch: pytest.MonkeyPatch) -> House:
    bus = Bus()
    monkeypatch.setattr(publish_stock.publisher, "_client", bus)
    boto3.client("sesv2").create_email_identity(EmailIdentity="shop@shop.test")
    sells("CAP-S")
    move("receive", units=10)
    return House(bus, ses_backends[DEFAULT_ACCOUNT_ID]["us-east-1"].sent_messages)


def threshold(low_at: int | None, version: int = 1, **more: Any) -> ApiResponse:
    body = {"sku": "CAP-S", "low_at": low_at, "version": version, **more}
    return ask(set_threshold, SET, body)


def low(query: str = "") -> Any:
    return ask(list_low_stock, LOW, query=query).json["low"]


def buy(house: House, units: int) -> tuple[Reservation, ...]:
    return house.room.buy(Demand("CAP-S", units))


def test_one_letter_per_crossing_however_often_everybody_hears_of_it(low_stock_shop: House) -> None:
    set_ = threshold(3)
    assert (set_.status, set_.json["low_at"], set_.headers["ETag"]) == (200, 3, '"2"')
    buy(low_stock_shop, 6)
    low_stock_shop.settle(times=2)
    assert (low_stock_shop.letters, low()) == ([], [])
    buy(low_stock_shop, 1)
    low_stock_shop.settle(times=2)
    assert low_stock_shop.letters == ["Low stock: 3 of CAP-S left at main"]
    assert low_stock_shop.post[0].destinations["ToAddresses"] == ["staff@shop.test"]
    (one,) = low()
    assert (one["sku"], one["available"], one["low_at"], one["version"]) == ("CAP-S", 3, 3, 2)
    buy(low_stock_shop, 2)
    low_stock_shop.settle()
    assert len(low_stock_shop.letters) == 1
    move("receive", units=20)
    low_stock_shop.settle(times=2)
    assert (len(low_stock_shop.letters), low()) == (1, [])
    buy(low_stock_shop, 18)
    low_stock_shop.settle(times=2)
    assert low_stock_shop.letters[1:] == ["Low stock: 3 of CAP-S left at main"]


def test_what_staff_take_away_is_told_as_well(low_stock_shop: House) -> None:
    threshold(3)
    move("write_off", units=8, reason="flood")
    low_stock_shop.settle()
    assert low_stock_shop.letters == ["Low stock: 2 of CAP-S left at main"]
    assert shelf("CAP-S").json["low"]


def test_an_order_called_off_arms_the_alarm_again(low_stock_shop: House) -> None:
    threshold(3)
    for _ in range(2):
        holds = buy(low_stock_shop, 8)
        low_stock_shop.settle()
        low_stock_shop.room.release(holds)
        low_stock_shop.settle()
    assert len(low_stock_shop.letters) == 2


def test_a_watcher_that_crashed_leaves_the_crossing_to_the_clock(
    low_stock_shop: House,
) -> None:
    threshold(3)
    buy(low_stock_shop, 8)
    low_stock_shop.changed()  # the stream's reader gave this up
    assert low_stock_shop.letters == []
    assert check_low_stock.handler({}, Context()) == {"checked": 1, "detected": 1}
    low_stock_shop.settle()
    assert check_low_stock.handler({}, Context()) == {"checked": 1, "detected": 0}
    low_stock_shop.settle()
    assert len(low_stock_shop.letters) == 1


def test_a_letter_that_did_not_leave_is_not_taken_for_sent(
    low_stock_shop: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    threshold(3)
    buy(low_stock_shop, 8)
    with monkeypatch.context() as broken:
        broken.setattr(send_low_stock_alert.email_sender, "send", _down)
        with pytest.raises(Unavailable):
            low_stock_shop.settle()
    (row,) = [row for row in low_stock_shop._items().values() if row["PK"]["S"].startswith("TOLD#")]
    assert "sent_at" not in row
    assert low_stock_shop.letters == []


def _down(to: str, letter: Any) -> None:
    raise Unavailable("the mail service takes no letters just now")


def test_an_article_split_over_bins_is_watched_as_a_whole(low_stock_shop: House) -> None:
    threshold(3)
    low_stock_shop.room.stock.reshard("CAP-S", 4)
    low_stock_shop.settle()
    for _ in range(6):
        buy(low_stock_shop, 1)
        low_stock_shop.settle()
    assert low_stock_shop.letters == []
    buy(low_stock_shop, 1)
    low_stock_shop.settle()
    assert low_stock_shop.letters == ["Low stock: 3 of CAP-S left at main"]


def test_who_sells_without_a_threshold_wakes_nobody(
    low_stock_shop: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    low_stock_shop.room.stock.reshard("CAP-S", 4)
    buy(low_stock_shop, 9)
    monkeypatch.setattr(detect_low_stock, "stock", None)
    monkeypatch.setattr(
        detect_low_stock, "check_low_stock", lambda places, **more: list(places) and 1 / 0
    )
    low_stock_shop.settle()
    assert low_stock_shop.letters == []


def test_what_was_noted_already_is_seen_in_the_row_itself(
    low_stock_shop: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    threshold(3)
    buy(low_stock_shop, 8)
    low_stock_shop.settle()
    buy(low_stock_shop, 1)
    monkeypatch.setattr(detect_low_stock, "alerts", None)
    low_stock_shop.settle()
    assert len(low_stock_shop.letters) == 1


def test_a_threshold_that_is_cleared_tells_nothing_more(low_stock_shop: House) -> None:
    threshold(3)
    buy(low_stock_shop, 8)
    low_stock_shop.settle()
    assert threshold(None, 2).status == 200
    assert (low(), "low_at" in shelf("CAP-S").json) == ([], False)
    low_stock_shop.room.release(low_stock_shop.room.stock.pick_shards([Demand("CAP-S", 8)]))
    buy(low_stock_shop, 9)
    low_stock_shop.settle()
    assert len(low_stock_shop.letters) == 1
    assert check_low_stock.handler({}, Context()) == {"checked": 0, "detected": 0}


@pytest.mark.parametrize(
    ("body", "status", "problem"),
    [
        ({"low_at": 3, "version": 0}, 409, ("stale", None)),
        ({"low_at": 3, "version": 9}, 409, ("stale", None)),
        ({"low_at": 3, "version": 0, "sku": "NOBODYS"}, 404, ("stock_unknown", "$.sku")),
        ({"low_at": -1, "version": 1}, 400, ("out_of_range", "$.low_at")),
        ({"low_at": "3", "version": 1}, 400, ("wrong_type", "$.low_at")),
        ({"version": 1}, 400, ("missing", "$.low_at")),
        ({"low_at": 3}, 400, ("missing", "$.version")),
        ({"low_at": 3, "version": 1, "location": "A B"}, 400, ("format_invalid", "$.location")),
    ],
)
def test_a_threshold_that_makes_no_sense_is_refused(
    low_stock_shop: House, body: Any, status: int, problem: Any
) -> None:
    answer = ask(set_threshold, SET, {"sku": "CAP-S", **body})
    assert (answer.status, errors(answer)) == (status, [problem])
    assert shelf("CAP-S").json["version"] == 1


def test_what_runs_low_is_listed_page_by_page(low_stock_shop: House) -> None:
    stock = low_stock_shop.room.stock
    for n in range(3):
        sku = f"X/{n}#1"
        stock.create_levels({sku: 1}, actor="w", reason="opening", at=datetime.now(UTC))
        assert ask(set_threshold, SET, {"sku": sku, "low_at": 1, "version": 1}).status == 200
    low_stock_shop.settle()
    first = ask(list_low_stock, LOW, query="limit=2").json
    rest = ask(list_low_stock, LOW, query=f"limit=2&cursor={first['cursor']}").json
    assert [one["sku"] for one in first["low"] + rest["low"]] == ["X/0#1", "X/1#1", "X/2#1"]
    assert "cursor" not in rest
    forged = ask(list_low_stock, LOW, query="cursor=eyJhZnRlciI6IngifQ")
    assert (forged.status, errors(forged)) == (400, [("cursor_invalid", "cursor")])
