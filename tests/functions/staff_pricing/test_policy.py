"""The pricing policy through the staff's doors, and what carts, checkouts and orders make of it."""

from datetime import UTC, datetime
from typing import Any

import pytest

from functions.cart import create_cart
from functions.checkout import complete_checkout, create_checkout
from functions.staff_pricing import end_promotion, get_policy, update_policy
from shop.checkout.store import DynamoCheckoutSessionRepository
from shop.orders.store import DynamoOrderRepository
from tests.functions.staff_pricing.test_promotions_publish import CLAIMS
from tests.functions.staff_pricing.test_simulation import ask, run, staff, told
from tests.kit.products import ADDRESS, checkout_body, lines, mug, payment_body, publish_with_stock
from tests.kit.shop import ApiResponse, call

pytestmark = pytest.mark.usefixtures("cloud")

ROUTE = "/staff/pricing-policy"
USUAL: dict[str, Any] = {"groups": [], "rounding": "half_even", "tax_by": "line"}


def put(version: int | None, **more: Any) -> ApiResponse:
    said = {} if version is None else {"version": version}
    return staff(update_policy, f"PUT {ROUTE}", {**USUAL, **said, **more})


def set_policy(version: int, **more: Any) -> None:
    made = put(version, **more)
    assert (made.status, made.json["version"]) == (200, version + 1), made.text


def read(query: str = "") -> ApiResponse:
    return staff(get_policy, f"GET {ROUTE}", None, query=query)


def totals(body: dict[str, Any]) -> dict[str, int]:
    return {t["type"]: t["amount"] for t in body["totals"]}


def cart_total() -> int:
    made = call(create_cart.handler, "POST /carts", {"line_items": lines(("mug.1", 1))})
    return totals(made.json)["total"]


def checkout(*wanted: tuple[str, int], region: str = "IL") -> dict[str, Any]:
    body = checkout_body(*wanted)
    place = {**ADDRESS, "address_region": region}
    body["fulfillment"]["methods"][0]["destinations"] = [place]
    made = call(create_checkout.handler, "POST /checkout-sessions", body)
    assert made.status == 201, made.text
    session: dict[str, Any] = made.json
    return session


def two_in_a_group() -> None:
    """10.00 off goes first, then a fifth: in one group, which nobody has declared yet."""
    ten = {"kind": "amount_off", "amount": [{"amount": 1000, "currency": "USD"}]}
    fifth = {"kind": "percent_off", "basis_points": 2000}
    run(id="ten", title="10.00", effect=ten, stacking={"group": "g", "priority": 1})
    run(id="fifth", title="A fifth", effect=fifth, stacking={"group": "g", "priority": 2})


def test_what_a_group_declares_decides_what_a_cart_and_a_checkout_cost() -> None:
    publish_with_stock(mug(price=10_000), pieces=5)
    two_in_a_group()
    assert cart_total() == 8_000, "best is the usual"
    for version, (mode, total) in enumerate([("all", 7_200), ("first", 9_000), ("best", 8_000)]):
        set_policy(version, groups=[{"id": "g", "mode": mode}])
        assert cart_total() == total, mode
        assert totals(checkout(("mug.1", 1)))["items_discount"] == total - 10_000
        asked = told(lines=[{"item": "mug.1", "quantity": 1}])
        assert asked["before"]["total"] == total


def test_a_policy_is_tried_before_it_holds() -> None:
    publish_with_stock(mug(price=10_000), pieces=5)
    two_in_a_group()
    asked: dict[str, Any] = {"lines": [{"item": "mug.1", "quantity": 1}]}
    added = {**read().json, "groups": [{"id": "g", "mode": "all"}]}
    found = told(**asked, policy=added)
    assert (found["before"]["total"], found["after"]["total"]) == (8_000, 7_200)
    set_policy(0, groups=added["groups"])
    assert cart_total() == 7_200
    twice = {**USUAL, "groups": [{"id": "g"}, {"id": "g"}]}
    refused = ask(**asked, policy=twice)
    assert (refused.status, refused.json["errors"][0]["path"]) == (400, "$.policy.groups[1].id")


def test_the_group_of_the_lower_number_goes_first() -> None:
    publish_with_stock(mug(price=10_000), pieces=5)
    ten = {"kind": "amount_off", "amount": [{"amount": 1000, "currency": "USD"}]}
    run(id="ten", title="10.00", effect=ten, stacking={"group": "a"})
    fifth = {"kind": "percent_off", "basis_points": 2000}
    run(id="fifth", title="A fifth", effect=fifth, stacking={"group": "b"})
    assert cart_total() == 7_200
    set_policy(0, groups=[{"id": "b", "priority": 1}])
    assert cart_total() == 7_000


def test_halves_are_decided_as_staff_say_and_an_order_keeps_what_it_was_made_under() -> None:
    publish_with_stock(mug(price=125), pieces=5)
    run(id="ten", title="A tenth", effect={"kind": "percent_off", "basis_points": 1000})
    assert cart_total() == 113, "12.5 goes to 12"
    set_policy(0, rounding="half_up")
    assert cart_total() == 112
    session = checkout(("mug.1", 1))
    bought = totals(session)["total"]
    route = "POST /checkout-sessions/{id}/complete"
    done = call(complete_checkout.handler, route, payment_body("tok_success"), id=session["id"])
    order_id = done.json["order"]["id"]
    set_policy(1, rounding="half_down", tax_by="unit")
    assert cart_total() == 113
    quote = DynamoOrderRepository().get("guest", order_id).quote
    assert quote["rounding"] == {"mode": "half_up", "tax_by": "line"}
    assert (quote["total"], quote["discount"]) == (bought, 13)


def test_tax_is_rounded_by_line_or_by_unit() -> None:
    publish_with_stock(mug(price=33), pieces=9)

    def tax() -> int:
        made = checkout(("mug.1", 3), region="CA")
        quote = (
            DynamoCheckoutSessionRepository()
            .get("guest", made["id"], datetime.now(UTC))
            .offer.quote
        )
        return sum(line.tax.amount.minor for line in quote.lines)

    assert tax() == 7, "7.25 % of 0.99"
    set_policy(0, tax_by="unit")
    assert tax() == 6, "three times 7.25 % of 0.33"


def test_a_change_starts_from_the_version_that_was_read_and_every_version_is_kept() -> None:
    before = read()
    assert (before.status, before.json["version"], before.headers["ETag"]) == (200, 0, '"0"')
    assert {name: before.json[name] for name in USUAL} == USUAL
    assert put(None).json["code"] == "version_missing"
    assert put(3).status == 409
    made = staff(update_policy, f"PUT {ROUTE}", {**before.json, "rounding": "half_up"})
    assert (made.status, made.json["version"], made.json["actor"]) == (200, 1, CLAIMS["sub"])
    stale = put(0)
    assert (stale.status, stale.json["code"]) == (409, "stale")
    groups = [{"id": "g", "mode": "all", "priority": 7}]
    body, tag = {**USUAL, "groups": groups}, {"if-match": '"1"'}
    after = staff(update_policy, f"PUT {ROUTE}", body, headers=tag)
    assert (after.status, after.headers["ETag"]) == (200, '"2"')
    assert read().json == after.json
    assert read("version=1").json == made.json
    assert read("version=0").json["rounding"] == "half_even"
    assert (read("version=7").status, read("version=x").status) == (404, 400)


@pytest.mark.parametrize(
    ("wrong", "path"),
    [
        ({"groups": [{"id": "g"}, {"id": "h"}, {"id": "g"}]}, "$.groups[2].id"),
        ({"groups": [{"id": "g", "mode": "worst"}]}, "$.groups[0].mode"),
        ({"groups": [{"id": "g" * 65}]}, "$.groups[0].id"),
        ({"groups": [{"id": "g\n"}]}, "$.groups[0].id"),
        ({"groups": [{"id": ""}]}, "$.groups[0].id"),
        ({"groups": [{"mode": "all"}]}, "$.groups[0].id"),
        ({"groups": [{"id": "g", "priority": -1}]}, "$.groups[0].priority"),
        ({"groups": [{"id": "g", "priority": True}]}, "$.groups[0].priority"),
        ({"groups": [{"id": "g", "more": 1}]}, "$.groups[0].more"),
        ({"groups": [{"id": f"g{n}"} for n in range(101)]}, "$.groups"),
        ({"groups": "all"}, "$.groups"),
        ({"groups": None}, "$.groups"),
        ({"rounding": "up"}, "$.rounding"),
        ({"tax_by": "order"}, "$.tax_by"),
        ({"surplus": 1}, "$.surplus"),
    ],
)
def test_what_is_no_policy_is_refused_with_its_place(wrong: dict[str, Any], path: str) -> None:
    refused = put(0, **wrong)
    assert refused.status == 400, refused.text
    assert refused.json["errors"][0]["path"] == path
    assert read().json["version"] == 0


def test_all_of_a_policy_is_said() -> None:
    refused = staff(update_policy, f"PUT {ROUTE}", {"groups": [], "version": 0})
    assert [e["path"] for e in refused.json["errors"]] == ["$.rounding", "$.tax_by"]


def test_a_group_that_a_promotion_is_in_stays_until_that_has_ended() -> None:
    publish_with_stock(mug(price=10_000), pieces=5)
    set_policy(0, groups=[{"id": "g", "mode": "all"}, {"id": "unused"}])
    two_in_a_group()
    refused = put(1, groups=[{"id": "unused"}])
    assert (refused.status, refused.json["code"]) == (409, "group_in_use")
    assert cart_total() == 7_200
    set_policy(1, groups=[{"id": "g", "mode": "all"}])
    route = "POST /staff/promotions/{id}/end"
    for name in ("ten", "fifth"):
        assert staff(end_promotion, route, {"version": 2}, id=name).status == 200
    set_policy(2)


def test_only_staff_may() -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ACCESS", "staff")
        patch.setenv("ACCESS_GROUPS", "staff,catalogue")
        body = {**USUAL, "version": 0}
        assert call(update_policy.handler, f"PUT {ROUTE}", body).status == 401
        assert call(get_policy.handler, f"GET {ROUTE}").status == 401
