"""A waiting room from the staff's door to the till, as UCP clients and plain ones see it."""

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
    create_ticket.admission_keys._keys, create_ticket.admission_keys._refresh_at = (), 0.0
    create_ticket.dispenser._ranges.clear()  # numbers that were drawn for the room of another test
    check_turn.admission_keys._keys, check_turn.admission_keys._refresh_at = (), 0.0
    complete_checkout.admission_keys._keys, complete_checkout.admission_keys._refresh_at = (), 0.0
    publish_with_stock(mug(), pieces=5)
    publish_with_stock(mug("cup"), pieces=5)


def as_staff(
    monkeypatch: pytest.MonkeyPatch, door: Any, route: str, body: Any = None, **path: Any
) -> ApiResponse:
    with monkeypatch.context() as staff:
        staff.setenv("ACCESS", "staff")
        staff.setenv("ACCESS_GROUPS", "staff,admin")
        said = call(door.handler, route, body, claims=CLAIMS, **path)
    waiting_rooms().clear()
    return said


def opened(monkeypatch: pytest.MonkeyPatch, pace: int = 0, **more: Any) -> ApiResponse:
    """The flash sale of the red mug with its waiting room."""
    body = {
        "id": "friday",
        "title": "Friday",
        "effect": {"kind": "flash_sale", "basis_points": 5000},
        "goods": {"variants": ["mug.1"]},
    }
    as_staff(monkeypatch, create_promotion, "POST /staff/promotions", body)
    route = "POST /staff/promotions/{id}/schedule"
    as_staff(monkeypatch, publish_promotion, route, {"version": 1}, id="friday")
    room = {"admissions_per_second": pace, "reason": "everybody wants one", **more}
    route = "PUT /staff/waiting-rooms/{id}"
    said = as_staff(monkeypatch, set_waiting_room, route, room, id="friday")
    assert said.status == 200, said.text
    return said


def begin(*wanted: tuple[str, int]) -> dict[str, Any]:
    said = call(create_checkout.handler, "POST /checkout-sessions", checkout_body(*wanted))
    assert said.status == 201, said.text
    checkout: dict[str, Any] = said.json
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


def joined(checkout: dict[str, Any]) -> Any:
    said = call(create_ticket.handler, TICKETS, {"checkout_id": checkout["id"]}, id="friday")
    assert said.status == 201, said.text
    return said.json


def test_checkout_completes_after_admission_and_writes_nothing_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    opened(monkeypatch)
    checkout = begin(("mug.1", 1))
    assert "waiting_room" in [message["code"] for message in checkout["messages"]]
    with count_calls() as calls:
        held = buy(checkout)
    assert not {"PutItem", "UpdateItem", "TransactWriteItems"} & set(calls.operations)
    said = assert_valid_ucp("checkout", held.json)
    assert (held.status, said["status"]) == (200, "requires_escalation")
    assert said["continue_url"] == "http://shop.test/waiting-rooms/friday"
    (message,) = said["messages"]
    assert (message["code"], message["severity"]) == ("waiting_room", "requires_buyer_review")
    assert DynamoStockRepository().level("MUG-RED").available == 5

    place = joined(checkout)
    assert (place["admitted"], place["poll_after"], place.get("seconds")) == (False, 30, None)
    opened(monkeypatch, pace=1000)
    turn = call(check_turn.handler, TURNS, {"ticket": place["ticket"]}, id="friday")
    while not turn.json["admitted"]:
        turn = call(check_turn.handler, TURNS, {"ticket": place["ticket"]}, id="friday")
    bought = buy(checkout, turn.json["admission"])
    assert bought.json["status"] == "completed", bought.text
    assert DynamoStockRepository().level("MUG-RED").available == 4


def test_same_request_completes_with_an_admission(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A held purchase keeps no answer: the retry under the same key is judged anew."""
    opened(monkeypatch, pace=1000)
    checkout = begin(("mug.1", 1))
    key = "one-key-for-one-purchase"
    assert buy(checkout, key=key).json["status"] == "requires_escalation"
    admission = joined(checkout)["admission"]
    first = buy(checkout, admission, key=key)
    assert first.json["status"] == "completed"
    # and the answer that was kept is given without an admission: nothing is bought by it
    assert buy(checkout, key=key).json == first.json


def test_foreign_forged_or_replayed_admission_is_rejected(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    opened(monkeypatch, pace=1000)
    mine, yours = begin(("mug.1", 1)), begin(("mug.1", 1))
    admission = joined(mine)["admission"]
    for bad, code in (
        (admission[:-3] + "abc", "admission_forged"),
        ("nonsense", "admission_forged"),
        (joined(mine)["ticket"], "admission_forged"),
    ):
        refused = buy(mine, bad)
        assert (refused.status, refused.json["messages"][0]["code"]) == (403, code)
    foreign = buy(yours, admission)
    assert (foreign.status, foreign.json["messages"][0]["code"]) == (403, "admission_foreign")
    assert buy(mine, admission).json["status"] == "completed"
    again = buy(mine, admission)  # a checkout is bought once, whatever it shows
    assert again.status == 409
    assert DynamoStockRepository().level("MUG-RED").available == 4


def test_other_goods_need_no_waiting_room(monkeypatch: pytest.MonkeyPatch) -> None:
    opened(monkeypatch)
    checkout = begin(("cup.1", 1), ("mug.2", 1))
    assert not checkout.get("messages")
    assert buy(checkout).json["status"] == "completed"


def ended(monkeypatch: pytest.MonkeyPatch) -> None:
    route = "POST /staff/promotions/{id}/end"
    said = as_staff(monkeypatch, end_promotion, route, {"version": 2}, id="friday")
    assert said.status == 200, said.text
    rule_set_cache(tax_table_cache()).clear()  # as five seconds later


def test_room_does_not_block_after_its_promotion(monkeypatch: pytest.MonkeyPatch) -> None:
    opened(monkeypatch)
    checkout = begin(("mug.1", 1))
    assert buy(checkout).json["status"] == "requires_escalation"
    ended(monkeypatch)
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
        "effect": {"kind": "flash_sale", "basis_points": 5000},
        "goods": {"variants": ["mug.1"]},
    }
    if window:
        starts = (datetime.now(UTC) + timedelta(hours=window)).isoformat()
        body["conditions"] = {"window": {"starts": starts}}
    as_staff(monkeypatch, create_promotion, "POST /staff/promotions", body)
    if window:
        route = "POST /staff/promotions/{id}/schedule"
        as_staff(monkeypatch, publish_promotion, route, {"version": 1}, id="friday")
    room = {"admissions_per_second": 0, "reason": "everybody wants one"}
    as_staff(monkeypatch, set_waiting_room, "PUT /staff/waiting-rooms/{id}", room, id="friday")
    assert buy(begin(("mug.1", 1))).json["status"] == status


def test_waiting_checkouts_complete_after_the_promotion(monkeypatch: pytest.MonkeyPatch) -> None:
    opened(monkeypatch)
    ticket = {"ticket": joined(begin(("mug.1", 1)))["ticket"]}
    book, known = DynamoWaitingRoomRepository(), DynamoPromotionRepository()
    assert close_expired_rooms(promotions=known, repository=book, at=datetime.now(UTC)) == []
    ended(monkeypatch)
    assert close_expired_rooms(promotions=known, repository=book, at=datetime.now(UTC)) == [
        "friday"
    ]
    waiting_rooms().clear()
    assert call(check_turn.handler, TURNS, ticket, id="friday").status == 404


def test_turn_check_reads_and_writes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    opened(monkeypatch)
    monkeypatch.setattr(
        "shop.peak.store.waiting_rooms.ROOMS_CACHE_TTL", timedelta(hours=1)
    )  # however slow this machine is
    ticket = joined(begin(("mug.1", 1)))["ticket"]
    body = {"ticket": ticket}
    call(check_turn.handler, TURNS, body, id="friday")
    with count_calls() as calls:
        for _ in range(5):
            assert call(check_turn.handler, TURNS, body, id="friday").json["ahead"] == 1
    assert calls.names == []


def test_closed_room_is_not_found_and_checkouts_complete(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    opened(monkeypatch)
    checkout = begin(("mug.1", 1))
    shown = call(get_waiting_room.handler, "GET /waiting-rooms/{id}", id="friday")
    assert shown.json == {
        "promotion_id": "friday",
        "admissions_per_second": 0,
        "join": "http://shop.test/waiting-rooms/friday/tickets",
    }
    route = "GET /staff/waiting-rooms"
    (room,) = as_staff(monkeypatch, list_waiting_rooms, route).json["waiting_rooms"]
    assert (room["actor"], room["reason"]) == ("ada", "everybody wants one")
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
    opened(monkeypatch, pace=1, outage_policy=blind)
    checkout = begin(("mug.1", 1))
    waiting_rooms().list_open(datetime.now(UTC))
    monkeypatch.setattr(WaitingRoomRow.Meta, "table_name", "nowhere")
    monkeypatch.setattr(WaitingRoomRow, "_connection", None)
    said = call(create_ticket.handler, TICKETS, {"checkout_id": checkout["id"]}, id="friday")
    assert said.status == status, said.text
    if blind == "open":
        assert buy(checkout, said.json["admission"]).json["status"] == "completed"
    else:
        assert said.headers["Retry-After"]
    assert buy(begin(("mug.1", 1))).json["status"] == "requires_escalation"  # what was known holds


def test_invalid_input_is_rejected(monkeypatch: pytest.MonkeyPatch) -> None:
    opened(monkeypatch)
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
    assert as_staff(monkeypatch, set_waiting_room, route, good, id="nobody").status == 404


def test_checkout_announces_its_waiting_room(monkeypatch: pytest.MonkeyPatch) -> None:
    opened(monkeypatch)
    checkout = assert_valid_ucp("checkout", begin(("mug.1", 1)))
    seen = call(get_checkout.handler, "GET /checkout-sessions/{id}", id=checkout["id"]).json
    (message,) = assert_valid_ucp("checkout", seen)["messages"]
    assert (message["type"], message["code"]) == ("info", "waiting_room")
