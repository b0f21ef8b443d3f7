"""Tax rates through the staff's doors, and what a checkout makes of them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from functions.checkout import create_checkout
from functions.staff_tax import get_tax_rates, list_tax_countries, set_tax_rates
from shop.checkout.store import DynamoCheckoutSessionRepository
from shop.kernel.money import Money
from shop.pricing.store.rule_set_cache import rule_set_cache
from tests.functions.staff_pricing.test_promotions import CLAIMS
from tests.kit.products import ADDRESS, checkout_body, mug, publish_with_stock
from tests.kit.shop import ApiResponse, call

pytestmark = pytest.mark.usefixtures("cloud")

ROUTE = "/staff/tax-rates/{country}"


def ask(door: Any, route: str, body: Any = None, **more: Any) -> ApiResponse:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ACCESS", "staff")
        patch.setenv("ACCESS_GROUPS", "staff,catalogue")
        answer = call(door.handler, route, body, claims=CLAIMS, **more)
    rule_set_cache().clear()
    return answer


def read(country: str, **more: Any) -> dict[str, Any]:
    answer = ask(get_tax_rates, f"GET {ROUTE}", country=country, **more)
    assert answer.status == 200, answer.text
    told: dict[str, Any] = answer.json
    return told


def put(country: str, body: Any, **more: Any) -> ApiResponse:
    return ask(set_tax_rates, f"PUT {ROUTE}", body, country=country, **more)


def today(zone: str = "America/New_York") -> str:
    """The day that it is in the market."""
    return datetime.now(ZoneInfo(zone)).date().isoformat()


def taxes(country: str = "US", region: str = "NJ") -> int:
    body = checkout_body(("mug.1", 1))
    place = {**ADDRESS, "address_country": country, "address_region": region}
    body["fulfillment"]["methods"][0]["destinations"] = [place]
    answer = call(create_checkout.handler, "POST /checkout-sessions", body)
    assert answer.status == 201, answer.text
    session = DynamoCheckoutSessionRepository().get("guest", answer.json["id"], datetime.now(UTC))
    return session.offer.quote.tax.minor


def in_new_jersey(rate: int, tax_class: str = "standard") -> dict[str, Any]:
    return {"rate": rate, "region": "NJ", "tax_class": tax_class, "since": today()}


def test_staff_say_what_a_state_takes_and_the_next_checkout_takes_it() -> None:
    publish_with_stock(mug(price=10_000), pieces=5)
    assert taxes() == 0
    before = read("US")
    assert before["version"] == 0
    sent = {**before, "rates": [*before["rates"], in_new_jersey(66_250)], "reason": "nexus"}
    made = put("US", sent)
    assert (made.status, made.json["version"], made.json["actor"]) == (200, 1, CLAIMS["sub"])
    assert taxes() == 662, "6.625 % of 100.00, half to even; from 75.00 on shipping is free"
    assert taxes(region="CA") == 725
    assert read("US")["rates"] == made.json["rates"]
    assert read("US", query="version=0")["rates"] == before["rates"]
    assert read("US", query="version=1")["reason"] == "nexus"
    listed = ask(list_tax_countries, "GET /staff/tax-rates").json["countries"]
    assert {"country": "US", "version": 1, "rates": 6} in listed
    assert {"country": "DK", "version": 0, "rates": 1} in listed
    first = ask(list_tax_countries, "GET /staff/tax-rates", query="limit=2").json
    rest = ask(
        list_tax_countries, "GET /staff/tax-rates", query=f"limit=200&cursor={first['cursor']}"
    ).json
    assert [*first["countries"], *rest["countries"]] == listed
    assert rest.get("cursor") is None


def test_a_class_of_goods_has_a_rate_of_its_own() -> None:
    goods = mug(price=10_000)
    clothes = tuple(replace(v, tax_class="clothes") for v in goods.variants)
    publish_with_stock(replace(goods, variants=clothes), pieces=5)
    rates = [*read("US")["rates"], in_new_jersey(66_250), in_new_jersey(0, "clothes")]
    assert put("US", {"rates": rates, "version": 0}).status == 200
    assert taxes() == 0
    assert taxes(region="CA") == 725, "a class that a place has no rate for is standard there"


def test_prices_that_include_tax_hold_another_share_of_it() -> None:
    goods = mug(price=11_900)
    variants = tuple(replace(v, price=Money(11_900, "EUR")) for v in goods.variants)
    publish_with_stock(replace(goods, variants=variants), pieces=5)
    held = taxes("DE", "")
    rates = read("DE")["rates"]
    last = next(r for r in rates if r["tax_class"] == "standard" and "until" not in r)
    last["until"] = today("Europe/Berlin")
    rates.append({"rate": 250_000, "since": today("Europe/Berlin")})
    assert put("DE", {"rates": rates, "version": 0}).status == 200
    assert held == 1_900
    assert taxes("DE", "") == 2_380


def test_a_change_starts_from_the_version_that_was_read_and_keeps_what_held() -> None:
    rates = read("US")["rates"]
    assert put("US", {"rates": rates}).json["code"] == "version_missing"
    assert put("US", {"rates": rates, "version": 3}).status == 409
    assert put("US", {"rates": rates}, headers={"if-match": '"0"'}).status == 200
    stale = put("US", {"rates": rates, "version": 0})
    assert (stale.status, stale.json["code"]) == (409, "stale")
    past = put("US", {"rates": rates[1:], "version": 1})
    assert (past.status, past.json["errors"][0]["code"]) == (400, "rate_past")
    yesterday = (datetime.now(UTC) - timedelta(days=2)).date().isoformat()
    late = {**in_new_jersey(1), "since": yesterday}
    refused = put("US", {"rates": [*rates, late], "version": 1})
    assert [(e["code"], e["path"]) for e in refused.json["errors"]] == [
        ("rate_past", f"$.rates[{len(rates)}]")
    ]
    assert put("XX", {"rates": [], "version": 0}).status == 404
    assert put("US", {"rates": "all", "version": 1}).status == 400
    assert put("US", {"rates": [None], "version": 1}).status == 400
    assert ask(get_tax_rates, f"GET {ROUTE}", country="US", query="version=7").status == 404
    assert read("US")["version"] == 1


def test_only_staff_may() -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ACCESS", "staff")
        patch.setenv("ACCESS_GROUPS", "staff,catalogue")
        body = {"rates": [], "version": 0}
        assert call(set_tax_rates.handler, f"PUT {ROUTE}", body, country="US").status == 401
