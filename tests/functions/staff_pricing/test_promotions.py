"""Promotions, coupons and simulations through the staff endpoints."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from functions.staff_pricing import (
    create_codes,
    create_coupon,
    create_promotion,
    end_promotion,
    get_promotion,
    list_codes,
    list_price_lists,
    list_promotions,
    patch_promotion,
    publish_promotion,
    simulate_checkout,
    update_promotion,
)
from shop.catalog.model import Category
from shop.kernel.pagination import to_cursor
from shop.pricing.store.rule_set_cache import rule_set_cache
from shop.tax.store.cache import tax_table_cache
from tests.kit.products import mug, publish_with_stock
from tests.kit.shop import ApiResponse, call

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
    "effect": {"kind": "order_percent", "off_ppm": 100_000},
}
SPRING = {"id": "spring", "promotion_id": "tenth"}
COUPONS = "POST /staff/coupons"
CODES = "POST /staff/coupons/{id}/codes"
SIMULATE = "POST /staff/checkout-simulations"
UNSUPPORTED_INSTANTS = [
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-14:00",
    "1999-12-31T00:00:00Z",
]

pytestmark = pytest.mark.usefixtures("cloud")


@pytest.fixture(autouse=True)
def _staff_access(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACCESS", "staff")
    monkeypatch.setenv("ACCESS_GROUPS", "staff,catalog")


def as_staff(function: Any, route: str, body: Any = None, **options: Any) -> ApiResponse:
    return call(function.handler, route, body, claims=CLAIMS, **options)


def create(**fields: Any) -> ApiResponse:
    return as_staff(create_promotion, "POST /staff/promotions", {**TENTH, **fields})


def publish(version: int = 1) -> ApiResponse:
    route = "POST /staff/promotions/{id}/schedule"
    return as_staff(publish_promotion, route, {"version": version}, id="tenth")


@pytest.mark.parametrize("channels", [["app"], ["agent"], ["web", "app"]])
def test_promotion_for_some_channels_warns_staff(channels: list[str]) -> None:
    created = create(conditions={"channels": channels, "groups": ["club"]})
    assert created.status == 201
    (warning,) = created.json["warnings"]
    assert (warning["code"], warning["path"]) == ("channel_unproved", "$.conditions.channels")
    for part in ("nothing proves it", "groups, segments or a code"):
        assert part in warning["content"]
    read = as_staff(get_promotion, "GET /staff/promotions/{id}", id="tenth").json
    assert read["warnings"] == [warning]
    assert "warnings" not in read["revisions"][0]["content"]
    # As it was read, it can be sent back.
    route = "PUT /staff/promotions/{id}"
    body = {name: value for name, value in read.items() if name != "revisions"}
    assert as_staff(update_promotion, route, body, id="tenth").json["warnings"] == [warning]
    assert publish(2).json["warnings"] == [warning]
    listed = as_staff(list_promotions, "GET /staff/promotions").json["promotions"]
    assert [promotion["warnings"] for promotion in listed] == [[warning]]


@pytest.mark.parametrize("channels", [[], ["agent", "web", "app"]])
def test_promotion_for_every_channel_has_no_warning(channels: list[str]) -> None:
    assert create(conditions={"channels": channels}).json["warnings"] == []


def test_promotion_is_drafted_updated_published_and_ended() -> None:
    # Given: a draft, whose id is taken from then on
    assert (create().status, create().status) == (201, 409)

    # When: staff update, publish and end it
    later = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    changed = as_staff(
        update_promotion,
        "PUT /staff/promotions/{id}",
        {
            **TENTH,
            "title": "Ten percent",
            "conditions": {"window": {"starts": later}},
            "version": 1,
        },
        id="tenth",
    )
    assert (changed.json["title"], changed.json["status"]) == ("Ten percent", "draft")
    assert publish(2).json["status"] == "scheduled"
    assert publish(3).json["code"] == "not_draft"
    ended = as_staff(end_promotion, "POST /staff/promotions/{id}/end", {"version": 3}, id="tenth")
    assert ended.json["status"] == "ended"

    # Then: every version is stored with its change and its author
    stored = as_staff(get_promotion, "GET /staff/promotions/{id}", id="tenth").json
    assert (stored["status"], stored["version"]) == ("ended", 4)
    listed = as_staff(list_promotions, "GET /staff/promotions", query="limit=5").json
    assert [p["id"] for p in listed["promotions"]] == ["tenth"]
    assert [(r["version"], r["change"], r["actor"]) for r in stored["revisions"]] == [
        (4, "PromotionEnded", "staff-1"),
        (3, "PromotionPublished", "staff-1"),
        (2, "PromotionChanged", "staff-1"),
        (1, "PromotionDrafted", "staff-1"),
    ]
    assert [r["content"]["title"] for r in stored["revisions"]][-2:] == [
        "Ten percent",
        "A tenth off",
    ]


def test_promotion_update_with_another_id_is_rejected() -> None:
    create()
    route = "PUT /staff/promotions/{id}"
    rejected = as_staff(update_promotion, route, {**TENTH, "id": "other", "version": 1}, id="tenth")
    assert (rejected.status, rejected.json["code"]) == (400, "id_differs")
    assert rejected.json["errors"][0]["path"] == "$.id"
    same = as_staff(update_promotion, route, {**TENTH, "id": "tenth", "version": 1}, id="tenth")
    assert same.status == 200, same.text


WRITES = [
    (update_promotion, "PUT /staff/promotions/{id}", {**TENTH, "title": "Mine"}),
    (publish_promotion, "POST /staff/promotions/{id}/schedule", None),
    (end_promotion, "POST /staff/promotions/{id}/end", None),
]


@pytest.mark.parametrize(("function", "route", "body"), WRITES, ids=["update", "publish", "end"])
def test_promotion_change_requires_the_current_version(
    function: Any, route: str, body: Any
) -> None:
    create()
    other_update = {**TENTH, "title": "Theirs", "version": 1}
    assert (
        as_staff(update_promotion, "PUT /staff/promotions/{id}", other_update, id="tenth").status
        == 200
    )
    without_version = as_staff(function, route, body, id="tenth")
    assert (without_version.status, without_version.json["code"]) == (400, "version_missing")
    assert without_version.json["errors"][0]["path"] == "If-Match"
    for header in ("x", '"0"', "*"):
        rejected = as_staff(function, route, body, id="tenth", headers={"if-match": header})
        assert (rejected.status, rejected.json["errors"][0]["path"]) == (400, "If-Match")
    for invalid in ("2", 0, True, 2.5, [2]):
        rejected = as_staff(function, route, {**(body or {}), "version": invalid}, id="tenth")
        assert (rejected.status, rejected.json["errors"][0]["path"]) == (400, "$.version"), invalid
    stale = as_staff(function, route, {**(body or {}), "version": 1}, id="tenth")
    assert (stale.status, stale.json["code"]) == (409, "stale")
    stored = as_staff(get_promotion, "GET /staff/promotions/{id}", id="tenth")
    assert (stored.json["title"], stored.json["status"]) == ("Theirs", "draft")
    done = as_staff(function, route, body, id="tenth", headers={"if-match": stored.headers["ETag"]})
    assert (done.status, done.json["version"], done.headers["ETag"]) == (200, 3, '"3"')


USD_500 = [{"amount": 500, "currency": "USD"}]


@pytest.mark.parametrize(
    ("sent", "defaults"),
    [
        ({"kind": "amount_off", "amount": USD_500}, {"per": "unit"}),
        ({"kind": "amount_off", "amount": USD_500, "per": "line"}, {}),
        ({"kind": "order_amount", "amount": USD_500}, {}),
        ({"kind": "percent_off", "off_ppm": 100_000}, {"up_to": []}),
        (
            {"kind": "buy_get", "buy_quantity": 2, "get_quantity": 1},
            {"off_ppm": 1_000_000},
        ),
        ({"kind": "group_price", "price": USD_500}, {"size": 2, "hours": 24}),
        (
            {"kind": "shipping_off", "off_ppm": 1_000_000},
            {"amount": [], "price": [], "methods": []},
        ),
    ],
)
def test_answer_shows_the_effect_with_its_defaults(
    sent: dict[str, Any], defaults: dict[str, Any]
) -> None:
    # An amount off each unit looks like one off the order, if `per` is not shown.
    code = {"code_required": True} if sent["kind"] == "group_price" else {}
    created = create(effect=sent, **code)
    assert created.status == 201, created.text
    assert created.json["effect"] == {**sent, **defaults}
    read = as_staff(get_promotion, "GET /staff/promotions/{id}", id="tenth").json
    assert read["effect"] == created.json["effect"]
    # and it may be sent as it was read
    again = as_staff(update_promotion, "PUT /staff/promotions/{id}", read, id="tenth")
    assert (again.status, again.json["effect"]) == (200, read["effect"]), again.text


def test_parts_of_a_bundle_show_their_quantity() -> None:
    publish_with_stock(mug(), pieces=5)
    parts = [{"goods": {"variants": ["mug.1"]}}]
    effect = {"kind": "bundle", "parts": parts, "price": USD_500}
    created = create(effect=effect).json
    assert created["effect"]["parts"] == [{**parts[0], "quantity": 1}]


def test_patch_of_the_kind_drops_defaults_of_the_former_kind() -> None:
    create(effect={"kind": "amount_off", "amount": USD_500})
    path = "PATCH /staff/promotions/{id}"
    kind = {"effect": {"kind": "order_amount"}, "version": 1}
    headers = {"content-type": "application/merge-patch+json"}
    changed = as_staff(patch_promotion, path, kind, id="tenth", headers=headers)
    assert changed.status == 200, changed.text
    assert changed.json["effect"] == {"kind": "order_amount", "amount": USD_500}
    # A default that the patch itself states is not dropped in silence
    wrong = {"effect": {"kind": "order_amount", "per": "unit"}, "version": 2}
    rejected = as_staff(patch_promotion, path, wrong, id="tenth", headers=headers)
    assert rejected.status == 400


def test_promotions_of_one_status_are_listed_page_by_page() -> None:
    for id_ in ("a", "b", "c", "tenth"):
        create(id=id_)
    publish()
    route = "GET /staff/promotions"
    first = as_staff(list_promotions, route, query="status=draft&limit=2").json
    rest = as_staff(list_promotions, route, query=f"status=draft&cursor={first['cursor']}").json
    assert [p["id"] for p in (*first["promotions"], *rest["promotions"])] == ["a", "b", "c"]
    assert rest.get("cursor") is None
    running = as_staff(list_promotions, route, query="status=running").json
    assert [(p["id"], p["status"]) for p in running["promotions"]] == [("tenth", "running")]
    assert as_staff(list_promotions, route, query="status=ended").json["promotions"] == []
    rejected = as_staff(list_promotions, route, query="status=dead")
    assert (rejected.status, rejected.json["errors"][0]["path"]) == (400, "status")


def test_running_promotion_keeps_its_terms() -> None:
    create()
    assert publish().json["status"] == "running"
    other = {**TENTH, "effect": {"kind": "order_percent", "off_ppm": 200_000}, "version": 2}
    route = "PUT /staff/promotions/{id}"
    rejected = as_staff(update_promotion, route, other, id="tenth")
    assert (rejected.status, rejected.json["code"]) == (409, "running_promotion")
    assert [e["path"] for e in rejected.json["errors"]] == ["$.effect"]
    terms = {"goods": {"products": []}, "conditions": {"groups": ["gold"], "min_quantity": 2}}
    rejected = as_staff(update_promotion, route, {**TENTH, **terms, "version": 2}, id="tenth")
    assert [e["path"] for e in rejected.json["errors"]] == [
        "$.conditions.groups",
        "$.conditions.min_quantity",
    ]


@pytest.mark.parametrize(
    ("fields", "code", "path"),
    [
        (
            {"effect": {"kind": "order_percent", "off_ppm": 1_000_001}},
            "percent_invalid",
            "$.effect.off_ppm",
        ),
        ({"effect": {"kind": "magic"}}, "value_unknown", "$.effect.kind"),
        ({"goods": {"products": ["nothing"]}}, "product_unknown", "$.goods.products[0]"),
        ({"goods": {"products": ["x" * 3000]}}, "product_unknown", "$.goods.products[0]"),
        ({"goods": {"variants": ["x" * 3000 + ".1"]}}, "variant_unknown", "$.goods.variants[0]"),
        ({"goods": {"categories": ["x" * 3000]}}, "category_unknown", "$.goods.categories[0]"),
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
        (
            {"goods": {"not_categories": ["Mugs", "mugs"]}},
            "category_unknown",
            "$.goods.not_categories[1]",
        ),
        (
            {"conditions": {"min_quantity": 2, "of": {"categories": ["Mugs > Blu"]}}},
            "category_unknown",
            "$.conditions.of.categories[0]",
        ),
        (
            {
                "effect": {
                    "kind": "buy_get",
                    "buy_quantity": 1,
                    "get_quantity": 1,
                    "get": {"variants": ["mug.1", "mug.9"]},
                }
            },
            "variant_unknown",
            "$.effect.get.variants[1]",
        ),
        ({"conditions": {"markets": ["EU", "eu"]}}, "market_unknown", "$.conditions.markets[1]"),
        ({"conditions": {"channels": ["fax"]}}, "channel_unknown", "$.conditions.channels[0]"),
        (
            {"effect": {"kind": "shipping_off", "off_ppm": 100, "methods": ["us-mule"]}},
            "method_unknown",
            "$.effect.methods[0]",
        ),
        (
            {"capacity": {"orders_per_second": 9, "skus": ["MUG-RED", "MUG-GREEN"]}},
            "sku_unknown",
            "$.capacity.skus[1]",
        ),
        (
            {"effect": {"kind": "gift", "variant": "mug.9"}},
            "variant_unknown",
            "$.effect.variant",
        ),
        (
            {"goods": {"products": [f"p{n}" for n in range(1001)]}},
            "too_many",
            "$.goods",
        ),
        ({"cupon": 1}, "unknown_field", "$.cupon"),
        ({"title": "<b>A tenth</b>"}, "markup_not_allowed", "$.title"),
        (
            {"effect": {"kind": "gift", "sku": "M", "variant": "mug.1", "title": "<script>"}},
            "markup_not_allowed",
            "$.effect.title",
        ),
        ({"effect": {"kind": []}}, "value_unknown", "$.effect.kind"),
        ({"effect": {"kind": {}}}, "value_unknown", "$.effect.kind"),
        (
            {"effect": {"kind": "order_amount", "amount": [{"amount": 1, "currency": []}]}},
            "currency_unknown",
            "$.effect.amount[0].currency",
        ),
        (
            {"conditions": {"window": {"starts": "0001-01-01T00:00:00+14:00"}}},
            "time_invalid",
            "$.conditions.window.starts",
        ),
        (
            {"conditions": {"window": {"ends": "9999-12-31T23:59:59-14:00"}}},
            "time_invalid",
            "$.conditions.window.ends",
        ),
        (
            {"conditions": {"window": {"hours": ["10:00:00+02:00", "12:00:00"]}}},
            "time_invalid",
            "$.conditions.window.hours[0]",
        ),
    ],
)
def test_invalid_promotion_is_rejected_with_code_and_field(
    fields: dict[str, Any], code: str, path: str | None
) -> None:
    publish_with_stock(replace(mug(), categories=(Category("Mugs > Enamel"),)), pieces=1)
    rejected = create(**fields)
    assert rejected.status == 400, rejected.text
    assert rejected.json["errors"][0]["code"] == code
    if path is not None:
        assert rejected.json["errors"][0]["path"] == path


def test_existing_references_are_accepted_and_applied() -> None:
    publish_with_stock(replace(mug(), categories=(Category("Mugs > Enamel"),)), pieces=1)
    publish_with_stock(mug("plain"), pieces=1)
    created = create(
        goods={"categories": ["Mugs", "Mugs > Enamel"], "not_variants": ["mug.2"]},
        effect={"kind": "percent_off", "off_ppm": 500_000},
        conditions={"markets": ["US", "WORLD"], "channels": ["web", "app", "agent"]},
        capacity={"orders_per_second": 9, "skus": ["MUG-RED"]},
    )
    assert created.status == 201, created.text
    publish()
    rule_set_cache(tax_table_cache()).clear()
    request = {"lines": [{"item": name, "quantity": 1} for name in ("mug.1", "mug.2", "plain.1")]}
    quote = as_staff(simulate_checkout, SIMULATE, request).json["before"]
    reduced = {line["id"]: line.get("discounts", ()) for line in quote["lines"]}
    assert {id_: bool(discounts) for id_, discounts in reduced.items()} == {
        "li_1": True,
        "li_2": False,
        "li_3": False,
    }


def test_groups_and_segments_are_free_but_valid_names() -> None:
    rejected = create(conditions={"groups": ["gold", "no group!"], "segments": ["", "x" * 65]})
    assert [(e["code"], e["path"]) for e in rejected.json["errors"]] == [
        ("id_invalid", "$.conditions.groups[1]"),
        ("id_invalid", "$.conditions.segments[0]"),
        ("id_invalid", "$.conditions.segments[1]"),
    ]
    assert create(conditions={"groups": ["no-members-yet"], "segments": ["vip"]}).status == 201


def test_codes_are_issued_and_downloaded() -> None:
    create(code_required=True)
    created = as_staff(create_coupon, COUPONS, SPRING)
    assert created.status == 201, created.text
    route = CODES
    batch = {"count": 120, "prefix": "SPRING"}
    response = as_staff(create_codes, route, batch, id="spring", key="once")
    assert as_staff(create_codes, route, batch, id="spring", key="once").json == response.json
    other = as_staff(create_codes, route, {"count": 7}, id="spring", key="once")
    assert (other.status, other.json["code"]) == (409, "idempotency_key_reused")
    assert as_staff(create_codes, route, batch, id="spring", key="").status == 400
    assert (response.status, response.json["issued"]) == (201, 120)
    assert response.json["examples"][0].startswith("SPRING-")
    codes = as_staff(list_codes, "GET /staff/coupons/{id}/codes", id="spring").json["codes"]
    assert len(set(codes)) == 120
    rejected = as_staff(create_codes, route, {"count": 10_001}, id="spring")
    assert (rejected.status, rejected.json["errors"][0]["path"]) == (400, "$.count")


def test_coupon_requires_a_promotion_with_codes() -> None:
    create()
    created = as_staff(create_coupon, COUPONS, SPRING)
    assert (created.status, created.json["code"]) == (400, "promotion_needs_no_code")


def test_simulation_shows_the_effect_of_a_draft() -> None:
    publish_with_stock(mug(), pieces=1)
    request = {"lines": [{"item": "mug.1", "quantity": 2}], "promotion": TENTH}
    response = as_staff(simulate_checkout, SIMULATE, request)
    assert response.status == 200, response.text
    assert response.json["difference"]["sums"] == {"discount": [0, 260], "total": [2598, 2338]}
    assert response.json["difference"]["rules"] == {"order:tenth": ["not tried", "applied 260"]}
    assert response.json["after"]["trace"][0]["rule"] == "tenth"


def test_simulation_accepts_existing_countries_only() -> None:
    publish_with_stock(mug(), pieces=1)
    request = {"lines": [{"item": "mug.1", "quantity": 2}]}
    response = as_staff(simulate_checkout, SIMULATE, {**request, "country": "DE"})
    assert response.status == 200, response.text
    assert response.json["before"]["tax_included"]
    rejected = as_staff(simulate_checkout, SIMULATE, {**request, "country": "ZZ"})
    assert (rejected.status, rejected.json["errors"][0]["path"]) == (400, "$.country")


@pytest.mark.parametrize("at", UNSUPPORTED_INSTANTS)
@pytest.mark.parametrize("name", ["at", "compare_at_time"])
def test_simulation_rejects_instants_outside_the_supported_years(name: str, at: str) -> None:
    publish_with_stock(mug(), pieces=1)
    request = {"lines": [{"item": "mug.1", "quantity": 2}], name: at}
    rejected = as_staff(simulate_checkout, SIMULATE, request)
    assert (rejected.status, rejected.json["errors"][0]["path"]) == (400, f"$.{name}"), (
        rejected.text
    )


@pytest.mark.parametrize("at", UNSUPPORTED_INSTANTS)
@pytest.mark.parametrize("name", ["starts", "ends"])
def test_coupon_rejects_instants_outside_the_supported_years(name: str, at: str) -> None:
    create(code_required=True)
    body = {"id": "spring", "promotion_id": "tenth", name: at}
    rejected = as_staff(create_coupon, COUPONS, body)
    assert (rejected.status, rejected.json["errors"][0]["path"]) == (400, f"$.{name}"), (
        rejected.text
    )


@pytest.mark.parametrize(
    "key",
    [
        {"after": 5},
        {"after": ""},
        {"after": "BATCH#"},
        {"after": "CODES#~~"},
        {"after": None},
        {"pk": "x"},
        {"after": "tenth", "more": 1},
    ],
)
def test_forged_cursor_is_rejected(key: dict[str, Any]) -> None:
    create(code_required=True)
    as_staff(create_coupon, COUPONS, SPRING)
    as_staff(create_codes, CODES, {"count": 2}, id="spring", key="once")
    forged = f"cursor={to_cursor(key)}"
    for function, route in (
        (list_codes, "GET /staff/coupons/{id}/codes"),
        (list_promotions, "GET /staff/promotions"),
        (list_price_lists, "GET /staff/price-lists"),
    ):
        rejected = as_staff(function, route, id="spring", query=forged)
        assert (rejected.status, rejected.json.get("code")) == (400, "cursor_invalid"), route


def test_codes_and_promotions_continue_on_the_next_page() -> None:
    create(code_required=True)
    create(id="zenith")
    page = as_staff(list_promotions, "GET /staff/promotions", query="limit=1").json
    next_page = f"limit=1&cursor={page['cursor']}"
    rest = as_staff(list_promotions, "GET /staff/promotions", query=next_page).json
    assert [p["id"] for p in (*page["promotions"], *rest["promotions"])] == ["tenth", "zenith"]
    as_staff(create_coupon, COUPONS, SPRING)
    batch = {"count": 1_200, "prefix": "Spring-1"}
    response = as_staff(create_codes, CODES, batch, id="spring", key="once")
    assert response.status == 201, response.text
    route = "GET /staff/coupons/{id}/codes"
    first = as_staff(list_codes, route, id="spring").json
    second = as_staff(list_codes, route, id="spring", query=f"cursor={first['cursor']}").json
    assert len({*first["codes"], *second["codes"]}) == 1_200
    assert "cursor" not in second or second["cursor"] is None


def test_simulation_of_unknown_goods_is_rejected() -> None:
    rejected = as_staff(
        simulate_checkout,
        SIMULATE,
        {"lines": [{"item": "no.1", "quantity": 1}]},
    )
    assert (rejected.status, rejected.json["code"]) == (400, "item_unavailable")
