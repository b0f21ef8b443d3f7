"""A waiting room from its opening by staff to the checkout, for UCP and plain clients."""

from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest

from functions.checkout import complete_checkout, create_checkout, get_checkout
from functions.staff_peak import delete_waiting_room, list_waiting_rooms, set_waiting_room
from functions.staff_pricing import create_promotion, end_promotion, publish_promotion
from functions.waiting_room import check_turn, create_ticket, get_waiting_room
from shop.inventory.store import DynamoStockRepository
from shop.peak.actions.room_expiry import close_expired_rooms
from shop.peak.store.waiting_rooms import DynamoWaitingRoomRepository, WaitingRoomRow, waiting_rooms
from shop.pricing.store.promotions import DynamoPromotionRepository
from shop.pricing.store.rule_set_cache import rule_set_cache
from shop.tax.store.cache import tax_table_cache
from tests.kit.aws_call_counter import count_calls
from tests.kit.products import checkout_body, mug, payment_body, publish_with_stock
from tests.kit.shop import ApiResponse, call
from tests.kit.ucp_validator import assert_valid_ucp

CLAIMS = {
    "token_use": "access",
    "iss": "http://issuer.test",
    "client_id": "shop-client",
    "sub": "staff-1",
    "username": "ada",
    "cognito:groups": "[staff admin]",
}
COMPLETE = "POST /checkout-sessions/{id}/complete"
TICKETS, TURNS = "POST /waiting-rooms/{id}/tickets", "POST /waiting-rooms/{id}/turns"


@pytest.fixture(autouse=True)
def _sale(cloud: None) -> None:
    boto3.client("secretsmanager").create_secret(Name="waiting-room", SecretString="k" * 44)
    for keys in (
        create_ticket.admission_keys,
        check_turn.admission_keys,
        complete_checkout.admission_keys,
    ):
        keys._keys, keys._refresh_at = (), 0.0
    create_ticket.dispenser._ranges.clear()  # numbers that another test drew
    publish_with_stock(mug(), pieces=5)
    publish_with_stock(mug("cup"), pieces=5)


def as_staff(
    monkeypatch: pytest.MonkeyPatch, handler: Any, route: str, body: Any = None, **path: Any
) -> ApiResponse:
    with monkeypatch.context() as staff:
        staff.setenv("ACCESS", "staff")
        staff.setenv("ACCESS_GROUPS", "staff,admin")
        response = call(handler.handler, route, body, claims=CLAIMS, **path)
    waiting_rooms().clear()
    return response


def open_room(monkeypatch: pytest.MonkeyPatch, rate: int = 0, **more: Any) -> ApiResponse:
    """Publish a flash sale of the red mug and open its waiting room."""
    body = {
        "id": "friday",
        "title": "Friday",
        "effect": {"kind": "flash_sale", "off_ppm": 500_000},
        "goods": {"variants": ["mug.1"]},
    }
    as_staff(monkeypatch, create_promotion, "POST /staff/promotions", body)
    route = "POST /staff/promotions/{id}/schedule"
    as_staff(monkeypatch, publish_promotion, route, {"version": 1}, id="friday")
    room = {"admissions_per_second": rate, "reason": "high demand", **more}
    route = "PUT /staff/waiting-rooms/{id}"
    response = as_staff(monkeypatch, set_waiting_room, route, room, id="friday")
    assert response.status == 200, response.text
    return response


def begin(*wanted: tuple[str, int]) -> dict[str, Any]:
    response = call(create_checkout.handler, "POST /checkout-sessions", checkout_body(*wanted))
    assert response.status == 201, response.text
    checkout: dict[str, Any] = response.json
    return checkout


def buy(
    checkout: dict[str, Any], admission: str | None = None, key: str | None = None
) -> ApiResponse:
    headers = {} if admission is None else {"Waiting-Room-Admission": admission}
    return call(
        complete_checkout.handler,
        COMPLETE,
        payment_body("tok_success"),
        id=checkout["id"],
        headers=headers,
        key=key,
    )


def get_ticket(checkout: dict[str, Any]) -> Any:
    response = call(create_ticket.handler, TICKETS, {"checkout_id": checkout["id"]}, id="friday")
    assert response.status == 201, response.text
    return response.json


def test_checkout_completes_after_admission_and_writes_nothing_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Given a room that admits no checkout
    open_room(monkeypatch)
    checkout = begin(("mug.1", 1))
    assert "waiting_room" in [message["code"] for message in checkout["messages"]]
    # When the checkout is completed, it is referred to the room and writes nothing
    with count_calls() as calls:
        blocked = buy(checkout)
    assert not {"PutItem", "UpdateItem", "TransactWriteItems"} & set(calls.operations)
    response = assert_valid_ucp("checkout", blocked.json)
    assert (blocked.status, response["status"]) == (200, "requires_escalation")
    assert response["continue_url"] == "http://shop.test/waiting-rooms/friday"
    (message,) = response["messages"]
    assert (message["code"], message["severity"]) == ("waiting_room", "requires_buyer_review")
    assert DynamoStockRepository().level("MUG-RED").available == 5
    # Then it completes with the admission of its ticket
    ticket = get_ticket(checkout)
    assert (ticket["admitted"], ticket["poll_after_seconds"], ticket.get("wait_seconds")) == (
        False,
        30,
        None,
    )
    open_room(monkeypatch, rate=1000)
    turn = call(check_turn.handler, TURNS, {"ticket": ticket["ticket"]}, id="friday")
    while not turn.json["admitted"]:
        turn = call(check_turn.handler, TURNS, {"ticket": ticket["ticket"]}, id="friday")
    bought = buy(checkout, turn.json["admission"])
    assert bought.json["status"] == "completed", bought.text
    assert DynamoStockRepository().level("MUG-RED").available == 4


def test_same_request_completes_with_an_admission(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A blocked request stores no response: a retry with the same key is checked again."""
    open_room(monkeypatch, rate=1000)
    checkout = begin(("mug.1", 1))
    key = "one-key-for-one-purchase"
    assert buy(checkout, key=key).json["status"] == "requires_escalation"
    admission = get_ticket(checkout)["admission"]
    first = buy(checkout, admission, key=key)
    assert first.json["status"] == "completed"
    # The stored response needs no admission: it completes no further checkout.
    assert buy(checkout, key=key).json == first.json


def test_foreign_forged_or_replayed_admission_is_rejected(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    open_room(monkeypatch, rate=1000)
    mine, yours = begin(("mug.1", 1)), begin(("mug.1", 1))
    admission = get_ticket(mine)["admission"]
    for bad, code in (
        (admission[:-3] + "abc", "admission_forged"),
        ("nonsense", "admission_forged"),
        (get_ticket(mine)["ticket"], "admission_forged"),
    ):
        rejected = buy(mine, bad)
        assert (rejected.status, rejected.json["messages"][0]["code"]) == (403, code)
    foreign = buy(yours, admission)
    assert (foreign.status, foreign.json["messages"][0]["code"]) == (403, "admission_foreign")
    assert buy(mine, admission).json["status"] == "completed"
    repeated = buy(mine, admission)  # a checkout completes once, with any admission
    assert repeated.status == 409
    assert DynamoStockRepository().level("MUG-RED").available == 4


def test_other_goods_need_no_waiting_room(monkeypatch: pytest.MonkeyPatch) -> None:
    open_room(monkeypatch)
    checkout = begin(("cup.1", 1), ("mug.2", 1))
    assert not checkout.get("messages")
    assert buy(checkout).json["status"] == "completed"


def end_sale(monkeypatch: pytest.MonkeyPatch) -> None:
    route = "POST /staff/promotions/{id}/end"
    response = as_staff(monkeypatch, end_promotion, route, {"version": 2}, id="friday")
    assert response.status == 200, response.text
    rule_set_cache(tax_table_cache()).clear()  # as if five seconds had passed


def test_room_does_not_block_after_its_promotion(monkeypatch: pytest.MonkeyPatch) -> None:
    open_room(monkeypatch)
    checkout = begin(("mug.1", 1))
    assert buy(checkout).json["status"] == "requires_escalation"
    end_sale(monkeypatch)
    look = call(get_checkout.handler, "GET /checkout-sessions/{id}", id=checkout["id"]).json
    assert "waiting_room" not in [message["code"] for message in look.get("messages", ())]
    later = begin(("mug.1", 1))
    assert "waiting_room" not in [message["code"] for message in later.get("messages", ())]
    assert buy(later).json["status"] == "completed"


@pytest.mark.parametrize(("window", "status"), [(None, "completed"), (3, "requires_escalation")])
def test_room_blocks_for_scheduled_promotions_and_not_for_drafts(
    window: int | None, status: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    body: dict[str, Any] = {
        "id": "friday",
        "title": "Friday",
        "effect": {"kind": "flash_sale", "off_ppm": 500_000},
        "goods": {"variants": ["mug.1"]},
    }
    if window:
        starts = (datetime.now(UTC) + timedelta(hours=window)).isoformat()
        body["conditions"] = {"window": {"starts": starts}}
    as_staff(monkeypatch, create_promotion, "POST /staff/promotions", body)
    if window:
        route = "POST /staff/promotions/{id}/schedule"
        as_staff(monkeypatch, publish_promotion, route, {"version": 1}, id="friday")
    room = {"admissions_per_second": 0, "reason": "high demand"}
    as_staff(monkeypatch, set_waiting_room, "PUT /staff/waiting-rooms/{id}", room, id="friday")
    assert buy(begin(("mug.1", 1))).json["status"] == status


def test_waiting_checkouts_complete_after_the_promotion(monkeypatch: pytest.MonkeyPatch) -> None:
    open_room(monkeypatch)
    ticket = {"ticket": get_ticket(begin(("mug.1", 1)))["ticket"]}
    book, known = DynamoWaitingRoomRepository(), DynamoPromotionRepository()
    assert close_expired_rooms(promotions=known, repository=book, at=datetime.now(UTC)) == []
    end_sale(monkeypatch)
    assert close_expired_rooms(promotions=known, repository=book, at=datetime.now(UTC)) == [
        "friday"
    ]
    waiting_rooms().clear()
    assert call(check_turn.handler, TURNS, ticket, id="friday").status == 404


def test_turn_check_reads_and_writes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    open_room(monkeypatch)
    monkeypatch.setattr(
        "shop.peak.store.waiting_rooms.ROOMS_CACHE_TTL", timedelta(hours=1)
    )  # must not expire on a slow machine
    ticket = get_ticket(begin(("mug.1", 1)))["ticket"]
    body = {"ticket": ticket}
    call(check_turn.handler, TURNS, body, id="friday")
    with count_calls() as calls:
        for _ in range(5):
            assert call(check_turn.handler, TURNS, body, id="friday").json["ahead"] == 1
    assert calls.names == []


def test_closed_room_is_not_found_and_checkouts_complete(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    open_room(monkeypatch)
    checkout = begin(("mug.1", 1))
    shown = call(get_waiting_room.handler, "GET /waiting-rooms/{id}", id="friday")
    assert shown.json == {
        "promotion_id": "friday",
        "admissions_per_second": 0,
        "join": "http://shop.test/waiting-rooms/friday/tickets",
    }
    route = "GET /staff/waiting-rooms"
    (room,) = as_staff(monkeypatch, list_waiting_rooms, route).json["waiting_rooms"]
    assert (room["actor"], room["reason"]) == ("ada", "high demand")
    closing = "DELETE /staff/waiting-rooms/{id}"
    assert as_staff(monkeypatch, delete_waiting_room, closing, id="friday").status == 200
    assert as_staff(monkeypatch, delete_waiting_room, closing, id="friday").status == 404
    assert call(get_waiting_room.handler, "GET /waiting-rooms/{id}", id="friday").status == 404
    body = {"checkout_id": checkout["id"]}
    assert call(create_ticket.handler, TICKETS, body, id="friday").status == 404
    assert buy(checkout).json["status"] == "completed"


@pytest.mark.parametrize(("blind", "status"), [("open", 201), ("closed", 503)])
def test_table_outage_follows_the_outage_policy(
    blind: str, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_room(monkeypatch, rate=1, outage_policy=blind)
    checkout = begin(("mug.1", 1))
    waiting_rooms().list_open(datetime.now(UTC))
    monkeypatch.setattr(WaitingRoomRow.Meta, "table_name", "nowhere")
    monkeypatch.setattr(WaitingRoomRow, "_connection", None)
    response = call(create_ticket.handler, TICKETS, {"checkout_id": checkout["id"]}, id="friday")
    assert response.status == status, response.text
    if blind == "open":
        assert buy(checkout, response.json["admission"]).json["status"] == "completed"
    else:
        assert response.headers["Retry-After"]
    assert (
        buy(begin(("mug.1", 1))).json["status"] == "requires_escalation"
    )  # the cached room stays in force


def test_invalid_input_is_rejected(monkeypatch: pytest.MonkeyPatch) -> None:
    open_room(monkeypatch)
    bad: list[dict[str, Any]] = [{}, {"checkout_id": "cart_x"}]
    for body in (*bad, {"checkout_id": "chk_" + "a" * 26, "x": 1}):
        assert call(create_ticket.handler, TICKETS, body, id="friday").status == 400
    assert call(check_turn.handler, TURNS, {"ticket": "x"}, id="friday").status == 400
    forged = {"ticket": "x" * 40}
    assert call(check_turn.handler, TURNS, forged, id="friday").status == 403
    route = "PUT /staff/waiting-rooms/{id}"
    rooms: list[dict[str, Any]] = [
        {"admissions_per_second": -1, "reason": "x"},
        {"admissions_per_second": 1},
        {"admissions_per_second": 1, "reason": "x", "outage_policy": "perhaps"},
        {"admissions_per_second": 1, "reason": "x", "purchase_window_seconds": 5},
    ]
    for body in rooms:
        assert as_staff(monkeypatch, set_waiting_room, route, body, id="friday").status == 400
    good = {"admissions_per_second": 1, "reason": "x"}
    assert as_staff(monkeypatch, set_waiting_room, route, good, id="unknown").status == 404


def test_checkout_announces_its_waiting_room(monkeypatch: pytest.MonkeyPatch) -> None:
    open_room(monkeypatch)
    checkout = assert_valid_ucp("checkout", begin(("mug.1", 1)))
    read = call(get_checkout.handler, "GET /checkout-sessions/{id}", id=checkout["id"]).json
    (message,) = assert_valid_ucp("checkout", read)["messages"]
    assert (message["type"], message["code"]) == ("info", "waiting_room")
