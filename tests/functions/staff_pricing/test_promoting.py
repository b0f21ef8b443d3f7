"""Promotions and coupons through the staff's doors."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from functions.staff_pricing import (
    ask_what_if,
    change_promotion,
    create_coupon,
    create_promotion,
    end_promotion,
    get_promotion,
    issue_codes,
    list_codes,
    list_promotions,
    schedule_promotion,
)
from tests.kit.goods import mug, put_on_sale
from tests.kit.shop import Response, call

CLAIMS = {
    "token_use": "access",
    "iss": "http://issuer.test",
    "client_id": "shop-client",
    "sub": "staff-1",
    "cognito:groups": "[staff]",
}
TENTH: dict[str, Any] = {
    "id": "tenth",
    "title": "A tenth off",
    "effect": {"kind": "order_percent", "basis_points": 1000},
}

pytestmark = pytest.mark.usefixtures("cloud")


@pytest.fixture(autouse=True)
def _as_staff(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACCESS", "staff")
    monkeypatch.setenv("ACCESS_GROUPS", "staff,catalogue")


def ask(door: Any, route: str, body: Any = None, **more: Any) -> Response:
    return call(door.handler, route, body, claims=CLAIMS, **more)


def create(**more: Any) -> Response:
    return ask(create_promotion, "POST /staff/promotions", {**TENTH, **more})


def schedule(id_: str = "tenth") -> Response:
    return ask(schedule_promotion, "POST /staff/promotions/{id}/schedule", id=id_)


def test_a_promotion_is_drafted_changed_scheduled_and_ended() -> None:
    assert (create().status, create().status) == (201, 409)
    later = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    changed = ask(
        change_promotion,
        "PUT /staff/promotions/{id}",
        {**TENTH, "title": "Ten percent", "conditions": {"window": {"starts": later}}},
        id="tenth",
    )
    assert (changed.json["title"], changed.json["status"]) == ("Ten percent", "draft")
    assert schedule().json["status"] == "scheduled"
    assert schedule().status == 409
    ended = ask(end_promotion, "POST /staff/promotions/{id}/end", id="tenth")
    assert ended.json["status"] == "ended"
    shown = ask(get_promotion, "GET /staff/promotions/{id}", id="tenth").json
    assert (shown["status"], shown["version"]) == ("ended", 4)
    listed = ask(list_promotions, "GET /staff/promotions", query="limit=5").json
    assert [p["id"] for p in listed["promotions"]] == ["tenth"]


def test_what_runs_keeps_its_terms() -> None:
    create()
    assert schedule().json["status"] == "running"
    other = {**TENTH, "effect": {"kind": "order_percent", "basis_points": 2000}}
    refused = ask(change_promotion, "PUT /staff/promotions/{id}", other, id="tenth")
    assert (refused.status, refused.json["code"]) == (409, "running_promotion")


@pytest.mark.parametrize(
    ("change", "code", "path"),
    [
        (
            {"effect": {"kind": "order_percent", "basis_points": 10_001}},
            "percent_invalid",
            "$.effect.basis_points",
        ),
        ({"effect": {"kind": "magic"}}, "kind_unknown", "$.effect.kind"),
        ({"goods": {"products": ["nothing"]}}, "product_unknown", "$.goods.products[0]"),
        (
            {"effect": {"kind": "order_amount", "amount": [{"amount": 1, "currency": "XXY"}]}},
            "currency_unknown",
            "$.effect.amount[0].currency",
        ),
        (
            {
                "conditions": {
                    "window": {"starts": "2026-12-02T00:00:00Z", "ends": "2026-12-01T00:00:00Z"}
                }
            },
            "ends_before_start",
            "$.conditions.window.ends",
        ),
        ({"cupon": 1}, "field_unknown", "$.cupon"),
    ],
)
def test_a_promotion_that_makes_no_sense_is_refused_with_field_and_reason(
    change: dict[str, Any], code: str, path: str | None
) -> None:
    refused = create(**change)
    assert refused.status == 400
    assert refused.json["errors"][0]["code"] == code
    if path is not None:
        assert refused.json["errors"][0]["path"] == path


def test_codes_are_issued_and_downloaded() -> None:
    create(code_required=True)
    made = ask(create_coupon, "POST /staff/coupons", {"id": "spring", "promotion_id": "tenth"})
    assert made.status == 201, made.text
    route = "POST /staff/coupons/{id}/codes"
    wish = {"count": 120, "prefix": "SPRING"}
    told = ask(issue_codes, route, wish, id="spring", key="once")
    assert ask(issue_codes, route, wish, id="spring", key="once").json == told.json
    other = ask(issue_codes, route, {"count": 7}, id="spring", key="once")
    assert (other.status, other.json["code"]) == (409, "idempotency_key_reused")
    assert ask(issue_codes, route, wish, id="spring", key="").status == 400
    assert (told.status, told.json["issued"]) == (201, 120)
    assert told.json["examples"][0].startswith("SPRING-")
    codes = ask(list_codes, "GET /staff/coupons/{id}/codes", id="spring").json["codes"]
    assert len(set(codes)) == 120
    refused = ask(issue_codes, route, {"count": 10_001}, id="spring")
    assert (refused.status, refused.json["errors"][0]["path"]) == (400, "$.count")


def test_a_coupon_needs_a_promotion_that_asks_for_a_code() -> None:
    create()
    made = ask(create_coupon, "POST /staff/coupons", {"id": "spring", "promotion_id": "tenth"})
    assert (made.status, made.json["code"]) == (400, "promotion_needs_no_code")


def test_what_if_tells_what_a_draft_would_change_and_why() -> None:
    put_on_sale(mug(), pieces=1)
    asked = {"lines": [{"item": "mug.1", "quantity": 2}], "promotion": TENTH}
    told = ask(ask_what_if, "POST /staff/what-if", asked)
    assert told.status == 200, told.text
    assert told.json["difference"]["sums"] == {"discount": [0, 260], "total": [2598, 2338]}
    assert told.json["difference"]["rules"] == {"order:tenth": ["not tried", "applied 260"]}
    assert told.json["after"]["trace"][0]["rule"] == "tenth"


def test_what_if_of_goods_that_are_not_sold_says_which() -> None:
    refused = ask(ask_what_if, "POST /staff/what-if", {"lines": [{"item": "no.1", "quantity": 1}]})
    assert (refused.status, refused.json["code"]) == (400, "item_unavailable")
