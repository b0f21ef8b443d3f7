"""POST /staff/orders/{id}/parcels/{number}/events: parcels that staff ship and report by hand."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from functions.orders import get_order as get_own_order
from functions.staff_orders import create_shipment, report_shipment
from shop.orders.store import DynamoOrderRepository
from tests.kit.order_fixtures import order_fixture, order_placed_today, put_secrets, signed_in
from tests.kit.shop import ApiResponse, call
from tests.kit.ucp_validator import assert_valid_ucp

SHIP = "POST /staff/orders/{id}/parcels"
REPORT = "POST /staff/orders/{id}/parcels/{number}/events"
WANDA = signed_in("wanda", "fulfilment")

pytestmark = pytest.mark.usefixtures("cloud")


@pytest.fixture(autouse=True)
def _as_staff(cloud: None, monkeypatch: pytest.MonkeyPatch) -> None:
    put_secrets()
    create_shipment.secret._read_at = None
    monkeypatch.setenv("ACCESS", "staff")
    monkeypatch.setenv("ACCESS_GROUPS", "staff,fulfilment")
    order_fixture().place_allocated(order_placed_today())


def ship(number: str, carrier: str = "manual", **fields: Any) -> ApiResponse:
    body = {"carrier": carrier, "tracking_number": number, **fields}
    return call(create_shipment.handler, SHIP, body, claims=WANDA, key="", id="ord_1")


def report(
    number: str, body: Any, *, key: str | None = None, claims: Any = WANDA, order: str = "ord_1"
) -> ApiResponse:
    return call(
        report_shipment.handler, REPORT, body, claims=claims, key=key, id=order, number=number
    )


def stored_version() -> int:
    return DynamoOrderRepository().get_by_id("ord_1").version


def test_manual_parcel_needs_no_carrier_and_is_delivered_by_a_report() -> None:
    # Given a parcel that a courier on a bicycle takes
    link = "https://courier.example/track?n=BIKE-1"
    shipped = ship("BIKE-1", tracking_url=link)
    assert (shipped.status, shipped.json["parcels"][0]["tracking_url"]) == (201, link)
    # When staff report its delivery
    body = {"status": "delivered", "description": "Left with <b>the neighbour</b>"}
    answer = report("BIKE-1", body)
    # Then it has arrived, and the buyer reads the text without markup
    assert answer.status == 201, answer.text
    parcel = answer.json["parcels"][0]
    assert (parcel["status"], parcel["tracking"][0]["text"]) == (
        "delivered",
        "Left with the neighbour",
    )
    assert all(line["delivered"] == line["quantity"] for line in answer.json["lines"])
    assert answer.json["history"][-1]["actor"] == "staff wanda"


def test_report_with_the_same_key_counts_once() -> None:
    ship("BIKE-1")
    body = {"status": "in_transit"}
    first = report("BIKE-1", body, key="k1")
    version = stored_version()
    again = report("BIKE-1", body, key="k1")
    assert (first.status, again.status, stored_version()) == (201, 201, version)
    assert len(again.json["parcels"][0]["tracking"]) == 1
    assert len(report("BIKE-1", body, key="k2").json["parcels"][0]["tracking"]) == 2


@pytest.mark.parametrize(
    "other",
    [
        {"status": "lost"},
        {"status": "in_transit", "description": "another text"},
        {
            "status": "in_transit",
            "occurred_at": (datetime.now(UTC) - timedelta(hours=1)).isoformat(),
        },
    ],
)
def test_key_of_a_report_belongs_to_one_report(other: dict[str, Any]) -> None:
    ship("BIKE-1")
    first = report("BIKE-1", {"status": "in_transit"}, key="k1")
    assert first.status == 201, first.text
    again = report("BIKE-1", other, key="k1")
    assert (again.status, again.json["code"]) == (409, "idempotency_key_reused")
    assert report("BIKE-1", {"status": "in_transit"}, key="k1").status == 201


def test_report_counts_by_its_own_time_and_lost_may_follow_delivered() -> None:
    ship("BIKE-1")
    now = datetime.now(UTC)
    report("BIKE-1", {"status": "delivered"})
    earlier = {"status": "in_transit", "occurred_at": (now - timedelta(hours=1)).isoformat()}
    assert report("BIKE-1", earlier).json["parcels"][0]["status"] == "delivered"
    assert report("BIKE-1", {"status": "lost"}).json["parcels"][0]["status"] == "lost"


def test_parcel_of_a_reporting_carrier_may_be_reported_by_hand_too() -> None:
    ship("1Z0001", "ups")
    assert report("1Z0001", {"status": "delivered"}).json["parcels"][0]["status"] == "delivered"


@pytest.mark.parametrize("typed", ["1Z 0001", "1Z\u00a00001", "１Ｚ０００１", "\u200e1Z0001 "])
def test_parcel_is_reported_by_its_number_as_on_the_label(typed: str) -> None:
    ship("1Z0001", "ups")
    assert report(typed, {"status": "delivered"}).json["parcels"][0]["status"] == "delivered"


def test_number_of_two_carriers_is_rejected() -> None:
    ship("NUMBER-1", lines=[{"id": "li_1", "quantity": 1}])
    ship("NUMBER-1", "ups")
    answer = report("NUMBER-1", {"status": "delivered"})
    assert (answer.status, answer.json["code"]) == (409, "several_parcels")


@pytest.mark.parametrize(
    ("body", "code", "path"),
    [
        ({"status": "arrived"}, "value_unknown", "$.status"),
        ({}, "missing", "$.status"),
        ({"status": "delivered", "extra": 1}, "unknown_field", "$.extra"),
        ({"status": "delivered", "occurred_at": "2026-11-30T09:15:00"}, None, "$.occurred_at"),
        ({"status": "delivered", "occurred_at": "yesterday"}, None, "$.occurred_at"),
        (
            {"status": "delivered", "occurred_at": "2019-01-01T00:00:00Z"},
            "event_time_implausible",
            "$.occurred_at",
        ),
        ({"status": "lost", "description": "a\u202eb"}, "text_invalid", "$.description"),
        ({"status": "lost", "description": "x" * 301}, "text_invalid", "$.description"),
    ],
)
def test_invalid_report_is_rejected_and_changes_nothing(
    body: Any, code: str | None, path: str
) -> None:
    ship("BIKE-1")
    version = stored_version()
    answer = report("BIKE-1", body)
    assert answer.status == 400, answer.text
    (error,) = answer.json["errors"]
    assert error["path"] == path
    assert code is None or error["code"] == code
    assert stored_version() == version


def test_unknown_parcel_and_order_return_404_and_a_missing_key_400() -> None:
    ship("BIKE-1")
    body = {"status": "delivered"}
    assert report("BIKE-2", body).status == 404
    assert report("BIKE-1", body, order="ord_2").status == 404
    missing = report("BIKE-1", body, key="")
    assert (missing.status, missing.json["code"]) == (400, "idempotency_key_missing")


@pytest.mark.parametrize(("claims", "status"), [(None, 401), (signed_in("jane"), 403)])
def test_only_staff_may_report(claims: Any, status: int) -> None:
    ship("BIKE-1")
    assert report("BIKE-1", {"status": "delivered"}, claims=claims).status == status


def test_buyer_sees_the_tracking_link_of_a_manual_parcel(monkeypatch: pytest.MonkeyPatch) -> None:
    ship("BIKE-1", tracking_url="https://courier.example/track?n=BIKE-1")
    report("BIKE-1", {"status": "out_for_delivery"})
    monkeypatch.setenv("ACCESS", "shopper")
    shown = call(get_own_order.handler, "GET /orders/{id}", key="", id="ord_1")
    assert_valid_ucp("order", shown.json)
    assert "https://courier.example/track?n=BIKE-1" in shown.text
