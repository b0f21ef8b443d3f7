"""PATCH of every resource of staff that has a PUT with a version."""

import pkgutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import pytest

from functions.manifest import Access, Endpoint
from shop.composition import staff_resources
from shop.entrypoints.merge_patch import EditableResource
from tests.kit.api_requests import clear_caches, prepared_shop, send
from tests.kit.aws_call_counter import count_calls
from tests.kit.http_api import CUSTOMER, ENDPOINTS, HttpApi
from tests.kit.openapi_contract import problems_of
from tests.kit.shop import ApiResponse
from tests.kit.valid_request import ValidRequest, valid
from tests.kit.valid_settings_requests import (
    BOLIVIAN_RATE,
    CATALOG,
    NEXT_YEAR,
    PRICING,
    SETTINGS,
    STOCK,
)

SETUP = ("POST", "PUT")
END_OF_LIFE = ("POST /staff/coupons/{id}/end", "POST /staff/promotions/{id}/end")


@dataclass(frozen=True)
class Case:
    """One resource: how it is read, and a change of one field."""

    path: str
    parameters: Mapping[str, str]
    field: str
    value: Any
    required: str | None
    """A field without which the resource is invalid."""
    read_only: str
    calls: int
    """AWS calls of a change with empty caches: those of the read, and those of the PUT."""
    member: str = ""
    """The part of the GET's response that is the resource."""
    unknown: Mapping[str, str] | None = None
    """Path parameters of a resource that does not exist."""

    @property
    def route(self) -> str:
        return f"PATCH {self.path}"


CASES = (
    Case(
        "/staff/products/{id}",
        {"id": "$product"},
        "brand",
        "Emaille",
        "title",
        "status",
        4,
        unknown={"id": "prod_unknown"},
    ),
    Case(
        "/staff/promotions/{id}",
        {"id": "spring"},
        "title",
        "Spring days",
        "effect",
        "status",
        5,
        unknown={"id": "unknown"},
    ),
    Case(
        "/staff/price-lists/{id}",
        {"id": "trade"},
        "title",
        "Trade",
        "currency",
        "created_at",
        6,
        unknown={"id": "unknown"},
    ),
    Case(
        "/staff/coupons/{id}",
        {"id": "spring"},
        "quantity",
        3_000,
        "promotion_id",
        "ended_at",
        3,
        unknown={"id": "unknown"},
    ),
    Case("/staff/pricing-policy", {}, "rounding", "half_even", "groups", "actor", 5),
    Case("/staff/markets", {}, "markets", "$changed_markets", "markets", "warnings", 10),
    Case(
        "/staff/customers/{id}/groups", {"id": CUSTOMER}, "groups", ["b2b"], None, "customer_id", 3
    ),
    Case(
        "/staff/shipping",
        {},
        "zones",
        [{"id": "us", "countries": ["US", "CA"]}],
        "methods",
        "bundled",
        5,
    ),
    Case(
        "/staff/locations/{name}",
        {"name": "boston"},
        "priority",
        3,
        "country",
        "name",
        3,
        member="locations",
        unknown={"name": "nowhere"},
    ),
    Case("/staff/allocation-policy", {}, "max_parcels", 2, "preferences", "", 3, member="policy"),
    Case(
        "/staff/stock-terms/{sku}",
        {"sku": "MUG-BLUE"},
        "limit",
        7,
        "kind",
        "backordered",
        9,
        unknown={"sku": "UNKNOWN"},
    ),
    Case(
        "/staff/kits/{sku}",
        {"sku": "BOWL"},
        "parts",
        [{"sku": "MUG-RED", "quantity": 4}],
        "parts",
        "available",
        9,
        unknown={"sku": "UNKNOWN"},
    ),
    Case(
        "/staff/tax-rates/{country}",
        {"country": "BO"},
        "rates",
        [{**BOLIVIAN_RATE, "rate_ppm": 120_000}],
        "rates",
        "country",
        9,
        unknown={"country": "XX"},
    ),
)
OTHERS = {
    "/staff/switches/{switch}": "has no version, so a patch could undo another change",
    "/staff/waiting-rooms/{id}": "has no version, so a patch could undo another change",
    "/staff/stock/{sku+}": "records a count, which is whole or none",
    "/staff/stock-thresholds": "has one field",
    "/staff/local-tax-rates/{state}": "is a file",
}
"""PUT of staff without a PATCH, and why."""


@dataclass
class Shop:
    """The API with one object of each kind."""

    api: HttpApi
    values: dict[str, Any]

    def patch(self, case: Case, body: Any, **headers: str) -> ApiResponse:
        clear_caches()
        request = valid(case.route, body, headers=headers, **case.parameters)
        return send(self.api, request, self.values)

    def current(self, case: Case) -> dict[str, Any]:
        """Return the resource as staff read it."""
        clear_caches()
        path = "/staff/locations" if case.member else case.path
        response = send(self.api, valid(f"GET {path}", **case.parameters), self.values)
        found: Any = response.json
        if case.member == "policy":
            found = found["policy"]
        if case.member == "locations":
            (found,) = (each for each in found["locations"] if each["name"] == "boston")
        assert isinstance(found, dict)
        return found


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    """Create one object of each kind, by the valid requests of their routes."""
    values: dict[str, Any] = {}
    with prepared_shop() as api:
        for request in (*CATALOG, *STOCK, *PRICING, *SETTINGS):
            if request.route in END_OF_LIFE or request.route.startswith("PATCH"):
                continue
            _remember(request, send(api, request, values), values)
            clear_caches()
        (*markets, last) = values["markets"]
        values["changed_markets"] = [*markets, {**last, "zone": "Asia/Hong_Kong"}]
        values["other_markets"] = [*markets, {**last, "zone": "Asia/Tokyo"}]
        yield Shop(api, values)


def _remember(request: ValidRequest, response: ApiResponse, values: dict[str, Any]) -> None:
    for name, where in request.save.items():
        values[name] = response.headers.get(where) or response.json.get(where)


def every(case: Case) -> str:
    return case.path


each_resource = pytest.mark.parametrize("case", CASES, ids=every)


def changing(document: Mapping[str, Any], field: str) -> dict[str, Any]:
    """Return the fields that no change of ``field`` may change."""
    derived = {"version", "at", "actor", "reason", "updated_at", "revisions", "available"}
    return {n: value for n, value in document.items() if n not in (*derived, field)}


def test_every_versioned_put_of_staff_has_a_patch() -> None:
    staff = [entry for entry in ENDPOINTS if entry.access is Access.STAFF]
    puts = {entry.path for entry in staff if entry.method == "PUT"}
    patches = {entry.path for entry in staff if entry.method == "PATCH"}
    assert patches == {case.path.replace("{sku}", "{sku+}") for case in CASES}
    assert puts - patches == set(OTHERS)


def test_patch_rejects_every_field_that_only_the_shop_sets() -> None:
    resources = {
        module.name: resource
        for module in pkgutil.iter_modules(staff_resources.__path__)
        for resource in vars(import_module(f"{staff_resources.__name__}.{module.name}")).values()
        if isinstance(resource, EditableResource)
    }
    assert len(resources) == len(CASES)
    # A field typed ReadOnly may be sent back by a PUT, and has the type Any.
    accepted = {
        (name, field)
        for name, resource in resources.items()
        for field, info in resource.schema.model_fields.items()
        if info.annotation is Any and field not in resource.read_only
    }
    assert accepted == set()


@each_resource
def test_patch_changes_its_field_only(case: Case, shop: Shop) -> None:
    before = shop.current(case)
    response = shop.patch(case, {case.field: case.value, "version": before["version"]})
    assert response.status == 200, response.text
    assert list(problems_of(entry_of(case), response)) == []
    after = shop.current(case)
    assert after["version"] == response.json["version"] > before["version"]
    assert changing(after, case.field) == changing(before, case.field)
    assert after.get(case.field) != before.get(case.field)


@each_resource
def test_patch_that_changes_nothing_writes_nothing(case: Case, shop: Shop) -> None:
    before = shop.current(case)
    same = {case.field: before[case.field]} if case.field in before else {}
    response = shop.patch(case, same, **{"if-match": f'"{before["version"]}"'})
    assert response.status == 200, response.text
    assert list(problems_of(entry_of(case), response)) == []
    assert response.json["version"] == before["version"]
    assert shop.current(case) == before


@each_resource
def test_patch_of_another_version_is_stale(case: Case, shop: Shop) -> None:
    before = shop.current(case)
    response = shop.patch(case, {case.field: case.value, "version": before["version"] + 1})
    assert (response.status, response.json["code"]) == (409, "stale"), response.text
    assert shop.current(case) == before


@each_resource
def test_patch_without_a_version_is_rejected(case: Case, shop: Shop) -> None:
    before = shop.current(case)
    response = shop.patch(case, {case.field: case.value})
    assert (response.status, response.json["code"]) == (400, "version_missing"), response.text
    assert shop.current(case) == before


@each_resource
def test_invalid_patches_are_rejected_at_their_field(case: Case, shop: Shop) -> None:
    before = shop.current(case)
    invalid: list[tuple[dict[str, Any], str]] = [
        ({"colour": "red"}, "unknown_field"),
        ({"colour": None}, "unknown_field"),
        ({case.field: {"colour": None}}, ""),
    ]
    if case.read_only:
        invalid.append(({case.read_only: "x"}, "field_read_only"))
    if case.required:
        invalid.append(({case.required: None}, "missing"))
    for patch, code in invalid:
        response = shop.patch(case, {**patch, "version": before["version"]})
        (name,) = patch
        assert response.status == 400, (patch, response.text)
        problems = {(each["code"], each["path"]) for each in response.json["errors"]}
        if code:
            assert (code, f"$.{name}") in problems, response.text
        else:
            assert all(path.startswith(f"$.{name}") for _, path in problems), response.text
        assert list(problems_of(entry_of(case), response)) == []
    assert shop.current(case) == before


@each_resource
def test_other_media_type_is_unsupported(case: Case, shop: Shop) -> None:
    before = shop.current(case)
    response = shop.patch(
        case,
        {case.field: case.value, "version": before["version"]},
        **{"content-type": "application/json-patch+json"},
    )
    assert (response.status, response.json["code"]) == (415, "content_type_unsupported")
    assert list(problems_of(entry_of(case), response)) == []


@pytest.mark.parametrize("case", [case for case in CASES if case.unknown], ids=every)
def test_missing_resource_is_not_found(case: Case, shop: Shop) -> None:
    request = valid(case.route, {case.field: case.value, "version": 1}, **(case.unknown or {}))
    response = send(shop.api, request, shop.values)
    assert response.status == 404, response.text
    assert list(problems_of(entry_of(case), response)) == []


@each_resource
def test_change_makes_the_calls_of_the_read_and_of_the_put(case: Case, shop: Shop) -> None:
    before = shop.current(case)
    changed = {case.field: OTHER_VALUES[case.field], "version": before["version"]}
    with count_calls() as calls:
        response = shop.patch(case, changed)
    assert response.status == 200, response.text
    assert len(calls) == case.calls, calls.names


OTHER_VALUES: Mapping[str, Any] = {
    "brand": "Blech",
    "title": "Another title",
    "quantity": 4_000,
    "rounding": "half_down",
    "markets": "$other_markets",
    "groups": ["retail"],
    "zones": [{"id": "us", "countries": ["US", "MX"]}],
    "priority": 4,
    "max_parcels": 4,
    "limit": 8,
    "parts": [{"sku": "MUG-RED", "quantity": 5}],
    "rates": [{**BOLIVIAN_RATE, "rate_ppm": 140_000}],
}


def entry_of(case: Case) -> Endpoint:
    (entry,) = (
        each
        for each in ENDPOINTS
        if each.method == "PATCH" and each.path.replace("+}", "}") == case.path
    )
    return entry


# ----------------------------------------------------------------------------- single resources


def by(path: str) -> Case:
    (case,) = (case for case in CASES if case.path == path)
    return case


def change(shop: Shop, path: str, patch: Mapping[str, Any]) -> dict[str, Any]:
    """Patch a resource at its current version, and return it as staff read it."""
    case = by(path)
    response = shop.patch(case, {**patch, "version": shop.current(case)["version"]})
    assert response.status == 200, response.text
    return shop.current(case)


def test_description_and_html_of_a_product_stay_equal(shop: Shop) -> None:
    path = "/staff/products/{id}"
    written = change(shop, path, {"html": "<p>Made of <b>steel</b>.</p>"})
    assert written["description"] == "Made of steel."
    unchanged = change(shop, path, {"description": "Made of steel.", "tags": ["steel"]})
    assert unchanged["html"] == "<p>Made of <b>steel</b>.</p>"
    plain = change(shop, path, {"description": "Made of iron."})
    assert (plain["description"], "steel" in str(plain.get("html"))) == ("Made of iron.", False)
    assert change(shop, path, {"description": None})["description"] == ""


def test_condition_of_a_promotion_is_added_and_removed(shop: Shop) -> None:
    path = "/staff/promotions/{id}"
    effect = shop.current(by(path))["effect"]
    added = change(shop, path, {"conditions": {"window": {"ends": f"{NEXT_YEAR}T00:00:00Z"}}})
    assert set(added["conditions"]) == {"window"}
    assert added["effect"] == effect
    assert change(shop, path, {"conditions": None}).get("conditions") in (None, {})


def test_limit_of_a_coupon_is_removed(shop: Shop) -> None:
    path = "/staff/coupons/{id}"
    assert change(shop, path, {"per_customer": 1})["per_customer"] == 1
    assert "per_customer" not in change(shop, path, {"per_customer": None})


def test_decisions_to_sell_untaxed_stay_unless_the_patch_names_them(shop: Shop) -> None:
    path = "/staff/tax-rates/{country}"
    decided = change(shop, path, {"untaxed": [{"reason": "Below the threshold"}]})
    unnamed = change(shop, path, {"rates": [], "reason": "Exempt"})
    assert unnamed["untaxed"] == decided["untaxed"] != []
    assert unnamed["reason"] == "Exempt"
    assert change(shop, path, {"untaxed": None})["untaxed"] == []


def test_location_that_was_never_described_needs_its_country(shop: Shop) -> None:
    request = valid("PATCH /staff/locations/{name}", {"priority": 2, "version": 0}, name="main")
    response = send(shop.api, request, shop.values)
    assert response.status == 400
    assert response.json["errors"][0]["path"] == "$.country"
