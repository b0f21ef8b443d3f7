"""Product administration through the handlers."""

from typing import Any

import pytest

from functions.catalog import get_product as show_product
from functions.staff_catalog import (
    create_product,
    get_product,
    list_products,
    set_product_status,
    update_product,
)
from shop.catalog.store import DynamoProductCatalog
from tests.kit.aws_call_counter import count_calls
from tests.kit.shop import ApiResponse, call

pytestmark = pytest.mark.usefixtures("cloud")

USD = {"currency": "USD"}
CAP: dict[str, Any] = {
    "id": "cap",
    "title": "Wool Cap",
    "description": "Warm.",
    "brand": "Acme",
    "categories": ["Apparel > Hats", {"value": "173", "taxonomy": "google_product_category"}],
    "tags": ["winter"],
    "media": [{"url": "https://cdn.example/cap.jpg", "alt_text": "A cap"}],
    "variants": [
        {
            "sku": "CAP-S",
            "price": {"amount": 2500, **USD},
            "list_price": {"amount": 3000, **USD},
            "options": [{"name": "Size", "label": "S"}],
            "weight_g": 90,
            "length_mm": 250,
            "width_mm": 200,
            "height_mm": 120,
            "tax_class": "reduced",
            "barcode": "4006381333931",
        },
        {
            "sku": "CAP-M",
            "price": {"amount": 2600, **USD},
            "options": [{"name": "Size", "label": "M"}],
        },
    ],
}


def create(body: Any = None, **fields: Any) -> ApiResponse:
    return call(create_product.handler, "POST /staff/products", body or CAP, **fields)


def numbered(n: int) -> dict[str, Any]:
    """Return one of several caps, with its own SKUs."""
    variants = [{**v, "sku": f"{v['sku']}-{n}"} for v in CAP["variants"]]
    return {**CAP, "id": f"cap{n}", "variants": variants}


def read(product_id: str) -> ApiResponse:
    return call(get_product.handler, "GET /staff/products/{id}", id=product_id)


def change(product_id: str, body: Any, if_match: str | None = None) -> ApiResponse:
    headers = {"if-match": if_match} if if_match is not None else None
    route = "PUT /staff/products/{id}"
    return call(update_product.handler, route, body, headers=headers, id=product_id)


def set_status(product_id: str, body: Any) -> ApiResponse:
    return call(set_product_status.handler, "POST /staff/products/{id}/status", body, id=product_id)


def listed(query: str = "") -> ApiResponse:
    return call(list_products.handler, "GET /staff/products", query=query)


def errors(response: ApiResponse) -> list[tuple[str, str | None]]:
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.json["status"] == response.status
    return [(e["code"], e.get("path")) for e in response.json["errors"]]


def test_a_new_product_is_a_draft_and_is_read_back_unchanged() -> None:
    response = create()
    assert response.status == 201, response.text
    assert response.headers["ETag"] == '"1"'
    assert response.headers["Location"] == "/staff/products/cap"
    created = response.json
    assert (created["status"], created["version"], created["handle"]) == ("draft", 1, "wool-cap")
    assert created["options"] == [{"name": "Size", "values": ["S", "M"]}]
    assert [v["id"] for v in created["variants"]] == ["cap.1", "cap.2"]
    sent_variant = CAP["variants"][0]
    assert {name: created["variants"][0][name] for name in sent_variant} == sent_variant
    assert read("cap").json == created


def test_a_product_can_be_sent_back_unchanged() -> None:
    create()
    seen = read("cap")
    response = change("cap", seen.json, seen.headers["ETag"])
    assert response.status == 200, response.text
    before, after = seen.json, response.json
    assert after.pop("version") == before.pop("version") + 1
    assert after.pop("updated_at") >= before.pop("updated_at")
    assert after == before


def test_without_an_id_a_product_gets_one_and_a_retry_does_not_make_two() -> None:
    body = {k: v for k, v in CAP.items() if k != "id"}
    other = {k: v for k, v in numbered(1).items() if k != "id"}
    third = {k: v for k, v in numbered(2).items() if k != "id"}
    first = create(body, key="the-same-key")
    assert first.status == 201
    again = create(body, key="the-same-key")
    assert (again.status, errors(again)) == (409, [("id_taken", "$.id")])
    assert create(other, key="another-key").json["id"] != first.json["id"]
    assert create(third, key="").status == 201


def test_a_change_needs_the_version_that_was_read() -> None:
    create()
    changed = {**CAP, "title": "Felt Cap"}
    assert errors(change("cap", changed)) == [("version_missing", "If-Match")]
    assert change("cap", changed, '"7"').status == 409
    assert change("cap", {**changed, "version": 1}).status == 200
    stale = change("cap", {**changed, "title": "Tweed Cap"}, "1")
    assert (stale.status, stale.json["code"]) == (409, "stale")
    assert read("cap").json["title"] == "Felt Cap"
    assert change("cap", changed, 'W/"2"').status == 200
    for nonsense in ("x", '"0"', "1.5", '"1", "2"'):
        assert change("cap", changed, nonsense).status == 400, nonsense


def test_a_product_is_reviewed_published_and_archived() -> None:
    create()
    unseen = set_status("cap", {"status": "published"})
    assert (unseen.status, errors(unseen)) == (409, [("status_not_allowed", "$.status")])
    assert set_status("cap", {"status": "in_review"}).json["status"] == "in_review"
    published = set_status("cap", {"status": "published", "version": 2})
    assert (published.json["status"], published.json["version"]) == ("published", 3)
    assert set_status("cap", {"status": "draft", "version": 2}).status == 409
    assert set_status("cap", {"status": "archived"}).json["status"] == "archived"
    rejected = set_status("cap", {"status": "published"})
    assert (rejected.status, errors(rejected)) == (409, [("status_not_allowed", "$.status")])
    assert set_status("cap", {"status": "sold"}).status == 400
    assert set_status("nothing", {"status": "draft"}).status == 404


def test_a_variant_missing_from_an_update_is_discontinued() -> None:
    create()
    only = {**CAP, "variants": CAP["variants"][1:], "version": 1}
    after = change("cap", only).json
    assert [(v["sku"], v["status"]) for v in after["variants"]] == [
        ("CAP-S", "discontinued"),
        ("CAP-M", "active"),
    ]
    assert after["options"] == [{"name": "Size", "values": ["M"]}]
    sent_back = change("cap", after)
    assert sent_back.status == 200, sent_back.text
    assert sent_back.json["variants"] == after["variants"]


def test_skus_of_another_product_are_rejected_by_name() -> None:
    create()
    other = {**CAP, "id": "beanie", "variants": CAP["variants"][::-1]}
    response = create(other)
    assert (response.status, response.json["code"]) == (409, "sku_taken")
    assert sorted(errors(response)) == [
        ("sku_taken", "$.variants[0].sku"),
        ("sku_taken", "$.variants[1].sku"),
    ]
    assert {e["detail"] for e in response.json["errors"]} == {
        "Product cap already sells SKU CAP-M. Choose another SKU.",
        "Product cap already sells SKU CAP-S. Choose another SKU.",
    }
    assert read("beanie").status == 404
    own = {**CAP, "id": "beanie", "variants": [{**CAP["variants"][0], "sku": "B-S"}]}
    assert create(own).status == 201
    grown = {**own, "variants": [CAP["variants"][1], *own["variants"]], "version": 1}
    rejected = change("beanie", grown)
    assert (rejected.status, errors(rejected)) == (409, [("sku_taken", "$.variants[0].sku")])


def test_a_restored_product_whose_sku_is_taken_is_rejected() -> None:
    create()
    set_status("cap", {"status": "archived"})
    assert create({**CAP, "id": "beanie"}).status == 201
    rejected = set_status("cap", {"status": "draft"})
    assert (rejected.status, rejected.json["code"]) == (409, "sku_taken")
    assert {path for _, path in errors(rejected)} == {"$.status"}
    assert read("cap").json["status"] == "archived"


def test_the_list_is_paged_and_filtered_by_status() -> None:
    for n in range(7):
        assert create(numbered(n)).status == 201
    set_status("cap3", {"status": "in_review"})
    set_status("cap3", {"status": "published"})

    seen: list[str] = []
    cursor = ""
    for _ in range(20):
        response = listed(f"limit=2{cursor}")
        assert response.status == 200, response.text
        seen += [p["id"] for p in response.json["products"]]
        if "cursor" not in response.json:
            break
        cursor = f"&cursor={response.json['cursor']}"
    assert sorted(seen) == [f"cap{n}" for n in range(7)]

    (published,) = listed("status=published").json["products"]
    assert published == {
        "id": "cap3",
        "title": "Wool Cap",
        "handle": "wool-cap",
        "status": "published",
        "version": 3,
        "variants": 2,
        "lowest_price": {"amount": 2500, "currency": "USD"},
        "highest_price": {"amount": 2600, "currency": "USD"},
    }

    assert errors(listed("status=sold")) == [("value_unknown", "status")]
    for query in ("status=sold", "limit=0", "limit=x", "limit=-1", "cursor=garbage", "cursor="):
        assert listed(query).status == 400, query


def test_listing_never_scans() -> None:
    create()
    with count_calls() as calls:
        listed()
    assert set(calls.operations) == {"Query"}


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"title": ""}, "$.title"),
        ({"title": None}, "$.title"),
        ({"title": "x" * 256}, "$.title"),
        ({"colour": "red"}, "$.colour"),
        ({"id": "has space"}, "$.id"),
        ({"id": "has.dot"}, "$.id"),
        ({"variants": []}, "$.variants"),
        ({"variants": [{}]}, "$.variants[0].price"),
        ({"variants": [{"price": {"amount": "5", **USD}}]}, "$.variants[0].price.amount"),
        ({"variants": [{"price": {"amount": -5, **USD}}]}, "$.variants[0].price.amount"),
        ({"variants": [{"price": {"amount": 5.5, **USD}}]}, "$.variants[0].price.amount"),
        ({"variants": [{"price": {"amount": 10**13, **USD}}]}, "$.variants[0].price.amount"),
        ({"variants": [{"price": {"amount": 5, "currency": "$"}}]}, "$.variants[0].price.currency"),
        ({"variants": [{"price": {"amount": 5, **USD}, "sku": "  "}]}, "$.variants[0].sku"),
        ({"variants": [{"price": {"amount": 5, **USD}, "weight_g": -1}]}, "$.variants[0].weight_g"),
        ({"variants": [{"price": {"amount": 5, **USD}, "width_mm": 0}]}, "$.variants[0].width_mm"),
        (
            {"variants": [{"price": {"amount": 5, **USD}, "height_mm": 10**6}]},
            "$.variants[0].height_mm",
        ),
        (
            {"variants": [{"price": {"amount": 5, **USD}, "tax_class": "Super!"}]},
            "$.variants[0].tax_class",
        ),
        ({"variants": [{"price": {"amount": 5, **USD}, "id": "cap.5"}]}, "$.variants[0].id"),
        (
            {"variants": [{"price": {"amount": 5, **USD}}, {"price": {"amount": 5, **USD}}]},
            "$.variants[1].options",
        ),
        ({"media": [{"url": "ftp://x"}]}, "$.media[0].url"),
        ({"media": [{"url": "https://x/", "type": "song"}]}, "$.media[0].type"),
        ({"options": [{"name": "Size", "values": []}]}, "$.options[0].values"),
        (
            {"variants": [{"price": {"amount": 5, "currency": "ZZZ"}}]},
            "$.variants[0].price.currency",
        ),
        ({"title": "Wool\0Cap"}, "$.title"),
        ({"brand": "Ac\x1bme"}, "$.brand"),
        ({"media": [{"url": "https://cdn.example/\0.jpg"}]}, "$.media[0].url"),
        ({"media": [{"url": 'https://cdn.example/"onload="x'}]}, "$.media[0].url"),
        ({"categories": [{"value": "Hats", "taxonomy": "<b>"}]}, "$.categories[0].taxonomy"),
        ({"title": "Wool <b>Cap</b>"}, "$.title"),
        ({"title": "<script>alert(1)</script>"}, "$.title"),
        ({"tags": ["<img src=x onerror=alert(1)>"]}, "$.tags[0]"),
        (
            {
                "variants": [
                    {"price": {"amount": 5, **USD}, "options": [{"name": "A", "label": "<i>"}]}
                ]
            },
            "$.options[0].values[0]",
        ),
        ({"tags": "winter"}, "$.tags"),
        ({"tags": [""]}, "$.tags[0]"),
    ],
)
def test_an_invalid_field_is_reported_with_its_path(fields: dict[str, Any], path: str) -> None:
    response = create({**CAP, **fields})
    assert response.status == 400, response.text
    assert path in [error_path for _, error_path in errors(response)]
    assert DynamoProductCatalog().get_many(["cap"]) == {}


def test_descriptions_are_sanitized_on_input() -> None:
    html = '<p onclick="x()">Warm <b>wool</b>.<script>alert(1)</script></p>'
    html += '<a href="javascript:x">y</a>'
    create({**CAP, "html": html, "description": "<p>Warm<script>alert(1)</script></p>"})
    created = read("cap").json
    assert created["html"] == (
        '<p>Warm <b>wool</b>.</p><a rel="noopener noreferrer nofollow">y</a>'
    )
    assert created["description"] == "Warm"
    again = change("cap", created, '"1"').json
    assert (again["html"], again["description"]) == (created["html"], created["description"])
    set_status("cap", {"status": "in_review"})
    set_status("cap", {"status": "published"})
    shown = call(show_product.handler, "POST /catalog/product", {"id": "cap"}, key="").json
    assert shown["product"]["description"] == {"plain": "Warm", "html": created["html"]}


def test_an_unknown_product_is_not_found() -> None:
    assert read("nothing").status == 404
    assert change("nothing", CAP, '"1"').status == 404


@pytest.mark.parametrize("sku", ["/A", "A/", "A//B", ".", "..", "../A", "A/./B", "A/.."])
def test_a_sku_that_breaks_urls_is_rejected(sku: str) -> None:
    response = create({**CAP, "variants": [{**CAP["variants"][0], "sku": sku}]})
    assert (response.status, errors(response)) == (400, [("id_invalid", "$.variants[0].sku")])


def test_only_members_of_staff_groups_are_authorized(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACCESS", "staff")
    monkeypatch.setenv("ACCESS_GROUPS", "staff,catalog")
    assert create().status == 401
    claims = {
        "token_use": "access",
        "client_id": "shop-client",
        "sub": "someone",
        "iss": "http://issuer.test",
        "cognito:groups": "[fulfilment]",
    }
    assert create(claims=claims).status == 403
    assert create(claims={**claims, "cognito:groups": "[catalog]"}).status == 201
