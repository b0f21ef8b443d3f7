"""The pricing policy through the staff endpoints, and its effect on carts and orders."""

from datetime import UTC, datetime
from typing import Any

import pytest

from functions.cart import create_cart
from functions.checkout import complete_checkout, create_checkout
from functions.staff_pricing import end_promotion, get_policy, update_policy
from shop.checkout.store import DynamoCheckoutSessionRepository
from shop.orders.store import DynamoOrderRepository
from tests.functions.staff_pricing.test_promotions import CLAIMS
from tests.functions.staff_pricing.test_simulation import (
    as_staff,
    create_and_publish,
    simulate,
    simulated,
)
from tests.kit.products import (
    address_in,
    checkout_body,
    lines,
    mug,
    payment_body,
    publish_with_stock,
)
from tests.kit.shop import ApiResponse, call

pytestmark = pytest.mark.usefixtures("cloud")

ROUTE = "/staff/pricing-policy"
DEFAULT: dict[str, Any] = {"groups": [], "rounding": "half_even", "tax_by": "line"}


def put(version: int | None, **fields: Any) -> ApiResponse:
    based_on = {} if version is None else {"version": version}
    return as_staff(update_policy, f"PUT {ROUTE}", {**DEFAULT, **based_on, **fields})


def set_policy(version: int, **fields: Any) -> None:
    response = put(version, **fields)
    assert (response.status, response.json["version"]) == (200, version + 1), response.text


def read(query: str = "") -> ApiResponse:
    return as_staff(get_policy, f"GET {ROUTE}", None, query=query)


def totals(body: dict[str, Any]) -> dict[str, int]:
    return {t["type"]: t["amount"] for t in body["totals"]}


def cart_total() -> int:
    created = call(create_cart.handler, "POST /carts", {"line_items": lines(("mug.1", 1))})
    return totals(created.json)["total"]


def checkout(*items: tuple[str, int], region: str = "IL") -> dict[str, Any]:
    body = checkout_body(*items)
    body["fulfillment"]["methods"][0]["destinations"] = [address_in(region)]
    created = call(create_checkout.handler, "POST /checkout-sessions", body)
    assert created.status == 201, created.text
    session: dict[str, Any] = created.json
    return session


def publish_two_of_one_group() -> None:
    """10.00 off, then 20 % off: in one group, which is not declared yet."""
    ten = {"kind": "amount_off", "amount": [{"amount": 1000, "currency": "USD"}]}
    fifth = {"kind": "percent_off", "off_ppm": 200_000}
    create_and_publish(id="ten", title="10.00", effect=ten, stacking={"group": "g", "priority": 1})
    create_and_publish(
        id="fifth", title="A fifth", effect=fifth, stacking={"group": "g", "priority": 2}
    )


def test_stacking_mode_decides_the_total_of_cart_and_checkout() -> None:
    publish_with_stock(mug(price=10_000), pieces=5)
    publish_two_of_one_group()
    assert cart_total() == 8_000, "best is the default mode"
    for version, (mode, total) in enumerate([("all", 7_200), ("first", 9_000), ("best", 8_000)]):
        set_policy(version, groups=[{"id": "g", "mode": mode}])
        assert cart_total() == total, mode
        assert totals(checkout(("mug.1", 1)))["items_discount"] == total - 10_000
        result = simulated(lines=[{"item": "mug.1", "quantity": 1}])
        assert result["before"]["total"] == total


def test_policy_is_simulated_before_it_is_in_force() -> None:
    publish_with_stock(mug(price=10_000), pieces=5)
    publish_two_of_one_group()
    request: dict[str, Any] = {"lines": [{"item": "mug.1", "quantity": 1}]}
    adding = {**read().json, "groups": [{"id": "g", "mode": "all"}]}
    result = simulated(**request, policy=adding)
    assert (result["before"]["total"], result["after"]["total"]) == (8_000, 7_200)
    set_policy(0, groups=adding["groups"])
    assert cart_total() == 7_200
    repeated = {**DEFAULT, "groups": [{"id": "g"}, {"id": "g"}]}
    rejected = simulate(**request, policy=repeated)
    assert (rejected.status, rejected.json["errors"][0]["path"]) == (400, "$.policy.groups[1].id")


def test_group_with_the_lower_priority_number_comes_first() -> None:
    publish_with_stock(mug(price=10_000), pieces=5)
    ten = {"kind": "amount_off", "amount": [{"amount": 1000, "currency": "USD"}]}
    create_and_publish(id="ten", title="10.00", effect=ten, stacking={"group": "a"})
    fifth = {"kind": "percent_off", "off_ppm": 200_000}
    create_and_publish(id="fifth", title="A fifth", effect=fifth, stacking={"group": "b"})
    assert cart_total() == 7_200
    set_policy(0, groups=[{"id": "b", "priority": 1}])
    assert cart_total() == 7_000


def test_rounding_follows_the_policy_and_orders_keep_theirs() -> None:
    publish_with_stock(mug(price=125), pieces=5)
    create_and_publish(
        id="ten", title="A tenth", effect={"kind": "percent_off", "off_ppm": 100_000}
    )
    assert cart_total() == 113, "12.5 goes to 12"
    set_policy(0, rounding="half_up")
    assert cart_total() == 112
    session = checkout(("mug.1", 1))
    paid = totals(session)["total"]
    route = "POST /checkout-sessions/{id}/complete"
    completed = call(
        complete_checkout.handler, route, payment_body("tok_success"), id=session["id"]
    )
    order_id = completed.json["order"]["id"]
    set_policy(1, rounding="half_down", tax_by="unit")
    assert cart_total() == 113
    quote = DynamoOrderRepository().get("guest", order_id).placed_quote
    assert quote is not None
    assert quote.rounding.to_dict() == {"mode": "half_up", "tax_by": "line"}
    assert (quote.total.minor, quote.discount.minor) == (paid, 13)


def test_tax_has_a_rounding_of_its_own() -> None:
    # 40 cents at 6.25 % are 2.5 cents of tax
    publish_with_stock(mug(price=40), pieces=9)

    def tax_of_goods() -> int:
        created = checkout(("mug.1", 1), region="TX")
        session = DynamoCheckoutSessionRepository().get("guest", created["id"], datetime.now(UTC))
        return session.offer.quote.lines[0].tax.amount.minor

    assert read().json["tax_rounding"] == "half_up"
    assert tax_of_goods() == 3
    set_policy(0, tax_rounding="half_even")
    assert read().json["tax_rounding"] == "half_even"
    assert tax_of_goods() == 2
    # And without a rounding of its own, tax is rounded like other amounts
    set_policy(1, rounding="half_up")
    assert read().json["tax_rounding"] == "half_up"
    assert tax_of_goods() == 3
    set_policy(2)
    assert (read().json["rounding"], read().json["tax_rounding"]) == ("half_even", "half_even")
    assert read("version=0").json["tax_rounding"] == "half_up"
    assert read("version=1").json["tax_rounding"] == "half_even"


def test_tax_is_rounded_by_line_or_by_unit() -> None:
    publish_with_stock(mug(price=33), pieces=9)

    def tax() -> int:
        created = checkout(("mug.1", 3), region="CA")
        quote = (
            DynamoCheckoutSessionRepository()
            .get("guest", created["id"], datetime.now(UTC))
            .offer.quote
        )
        return sum(line.tax.amount.minor for line in quote.lines)

    assert tax() == 7, "7.25 % of 0.99"
    set_policy(0, tax_by="unit")
    assert tax() == 6, "three times 7.25 % of 0.33"


def test_policy_update_requires_the_current_version_and_keeps_all() -> None:
    before = read()
    assert (before.status, before.json["version"], before.headers["ETag"]) == (200, 0, '"0"')
    assert {name: before.json[name] for name in DEFAULT} == DEFAULT
    assert put(None).json["code"] == "version_missing"
    assert put(3).status == 409
    created = as_staff(update_policy, f"PUT {ROUTE}", {**before.json, "rounding": "half_up"})
    assert (created.status, created.json["version"], created.json["actor"]) == (
        200,
        1,
        CLAIMS["sub"],
    )
    stale = put(0)
    assert (stale.status, stale.json["code"]) == (409, "stale")
    groups = [{"id": "g", "mode": "all", "priority": 7}]
    body, tag = {**DEFAULT, "groups": groups}, {"if-match": '"1"'}
    after = as_staff(update_policy, f"PUT {ROUTE}", body, headers=tag)
    assert (after.status, after.headers["ETag"]) == (200, '"2"')
    assert read().json == after.json
    assert read("version=1").json == created.json
    assert read("version=0").json["rounding"] == "half_even"
    assert (read("version=7").status, read("version=x").status) == (404, 400)


@pytest.mark.parametrize(
    ("fields", "path"),
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
def test_invalid_policy_is_rejected_with_its_path(fields: dict[str, Any], path: str) -> None:
    rejected = put(0, **fields)
    assert rejected.status == 400, rejected.text
    assert rejected.json["errors"][0]["path"] == path
    assert read().json["version"] == 0


def test_policy_update_requires_every_field() -> None:
    rejected = as_staff(update_policy, f"PUT {ROUTE}", {"groups": [], "version": 0})
    assert [e["path"] for e in rejected.json["errors"]] == ["$.rounding", "$.tax_by"]


def test_group_in_use_is_removed_only_after_its_promotions_end() -> None:
    publish_with_stock(mug(price=10_000), pieces=5)
    set_policy(0, groups=[{"id": "g", "mode": "all"}, {"id": "unused"}])
    publish_two_of_one_group()
    rejected = put(1, groups=[{"id": "unused"}])
    assert (rejected.status, rejected.json["code"]) == (409, "group_in_use")
    assert cart_total() == 7_200
    set_policy(1, groups=[{"id": "g", "mode": "all"}])
    route = "POST /staff/promotions/{id}/end"
    for name in ("ten", "fifth"):
        assert as_staff(end_promotion, route, {"version": 2}, id=name).status == 200
    set_policy(2)


def test_policy_requires_staff_credentials() -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ACCESS", "staff")
        patch.setenv("ACCESS_GROUPS", "staff,catalog")
        body = {**DEFAULT, "version": 0}
        assert call(update_policy.handler, f"PUT {ROUTE}", body).status == 401
        assert call(get_policy.handler, f"GET {ROUTE}").status == 401
