"""Staff manage stock over HTTP, and get one email each time it runs low."""

from typing import Any

import pytest

from local.cloud import Cloud
from local.demo import sent_email_subjects as emails
from local.http_actors import HttpClient, wait_until
from tests.journeys.test_purchase import Sell, begin, complete

pytestmark = pytest.mark.journey


def buy(buyer: HttpClient, goods: dict[str, Any], quantity: int) -> None:
    done = complete(buyer, begin(buyer, goods, quantity), "tok_success")
    assert done["status"] == "completed"


def test_staff_get_one_email_each_time_stock_runs_low(
    cloud: Cloud, guest: HttpClient, staff: HttpClient, sell: Sell
) -> None:
    goods = sell(pieces=5)
    sku = goods["sku"]

    def alerts() -> list[str]:
        return emails(cloud, f"of {sku} available at main")

    def low() -> list[Any]:
        return [each for each in staff.get("/staff/low-stock")["low"] if each["sku"] == sku]

    # Given five pieces with a threshold of two
    level = staff.put(
        "/staff/stock-thresholds", {"sku": sku, "low_stock_threshold": 2, "version": 1}
    )
    assert (level["low_stock_threshold"], level["low"]) == (2, False)
    # When sales reach the threshold, then staff get one email, and no second one below it
    buy(guest, goods, 1)
    buy(guest, goods, 2)
    assert wait_until(alerts, bool) == [f"Low stock: 2 units of {sku} available at main"]
    assert [(each["available"], each["low_stock_threshold"]) for each in low()] == [(2, 2)]
    buy(guest, goods, 1)

    # When a delivery is recorded, and its request is repeated
    delivery = {"kind": "receive", "sku": sku, "units": 6, "version": level["version"]}
    answers = [
        staff.request("POST /staff/stock-movements", delivery, key=f"delivery {sku}")
        for _ in range(2)
    ]
    assert [answer.status for answer in answers] == [201, 201]
    assert answers[0].body == answers[1].body
    # Then the alert ends, and the next low stock sends a second email
    wait_until(low, lambda found: not found)
    assert len(alerts()) == 1
    buy(guest, goods, 5)
    wait_until(alerts, lambda found: len(found) > 1)
    wait_until(low, bool)
    assert alerts()[1:] == [f"Low stock: 2 units of {sku} available at main"]


def test_transfer_between_locations_is_in_the_journal_step_by_step(
    staff: HttpClient, sell: Sell
) -> None:
    # Given ten pieces, and a location that does not ship
    sku = sell(pieces=10)["sku"]
    place = f"to-{sku.lower()}"
    staff.put(f"/staff/locations/{place}", {"country": "US", "ships": False, "version": 0})
    # When six leave, five arrive and one is lost, and one piece is set aside as damaged
    step = {"sku": sku, "target": place}
    dispatch = {**step, "kind": "dispatch", "source": "main", "units": 6, "version": 1}
    staff.post("/staff/stock-transfers", dispatch)
    arrival = {**step, "kind": "receive", "units": 5, "lost": 1, "version": 1, "reason": "crushed"}
    staff.post("/staff/stock-transfers", arrival)
    set_aside = {
        "kind": "set_aside",
        "sku": sku,
        "units": 1,
        "unavailable_reason": "damaged",
        "version": 2,
    }
    staff.post("/staff/stock-movements", set_aside)
    # Then the levels add up, and the journal has every step
    levels = staff.get(f"/staff/stock-levels?sku={sku}")
    assert (levels["total"]["on_hand"], levels["total"]["available"]) == (9, 8)
    by_location = {each["location"]: each["on_hand"] for each in levels["locations"]}
    assert by_location == {"main": 4, place: 5}
    page = staff.get(f"/staff/stock-journal?sku={sku}&limit=4")
    rest = staff.get(f"/staff/stock-journal?sku={sku}&limit=4&cursor={page['cursor']}")
    kinds = [line["kind"] for line in page["movements"] + rest["movements"]]
    assert sorted(kinds) == [
        "counted",
        "expected",
        "set_aside",
        "transferred",
        "transferred",
        "written_off",
    ]
    # And an invalid cursor and a repeated change are rejected
    assert staff.request(f"GET /staff/stock-journal?sku={sku}&cursor=e30").status == 400
    assert staff.request("POST /staff/stock-movements", set_aside).status == 409
