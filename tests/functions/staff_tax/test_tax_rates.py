"""Tax rates through the handlers of staff, and their effect on a checkout."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch
from zoneinfo import ZoneInfo

import pytest

from functions.checkout import create_checkout
from functions.staff_tax import get_tax_rates, list_tax_countries, set_tax_rates
from shop.checkout.store import DynamoCheckoutSessionRepository
from shop.kernel.money import Money
from shop.pricing.store.rule_set_cache import rule_set_cache
from shop.tax.store.cache import tax_table_cache
from tests.kit.order_fixtures import signed_in
from tests.kit.products import address_in, checkout_body, mug, publish_with_stock
from tests.kit.shop import ApiResponse, call

pytestmark = pytest.mark.usefixtures("cloud")

RATES, COUNTRIES = "/staff/tax-rates/{country}", "GET /staff/tax-rates"
STAFF = signed_in("staff-1", "staff")
NOW = datetime.now(UTC)


@pytest.fixture(autouse=True)
def _fixed_clock() -> Iterator[None]:
    """Let all requests arrive at one instant, so that no test runs past midnight."""
    with patch("shop.entrypoints.http.datetime") as clock:
        clock.now.return_value = NOW
        yield


def as_staff(function: Any, route: str, body: Any = None, **more: Any) -> ApiResponse:
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("ACCESS", "staff")
        environment.setenv("ACCESS_GROUPS", "staff,catalog")
        response = call(function.handler, route, body, claims=STAFF, **more)
    rule_set_cache(tax_table_cache()).clear()  # as after three seconds
    return response


def read_rates(country: str, **more: Any) -> dict[str, Any]:
    response = as_staff(get_tax_rates, f"GET {RATES}", country=country, **more)
    assert response.status == 200, response.text
    return dict(response.json)


def put_rates(country: str, body: Any, **more: Any) -> ApiResponse:
    return as_staff(set_tax_rates, f"PUT {RATES}", body, country=country, **more)


def today(zone: str = "America/New_York") -> str:
    """The day of the requests in a market."""
    return NOW.astimezone(ZoneInfo(zone)).date().isoformat()


def tax_of_checkout(country: str = "US", region: str = "NJ") -> int:
    """The tax of one mug, shipped there, in minor units."""
    body = checkout_body(("mug.1", 1))
    body["fulfillment"]["methods"][0]["destinations"] = [address_in(region, country)]
    response = call(create_checkout.handler, "POST /checkout-sessions", body)
    assert response.status == 201, response.text
    sessions = DynamoCheckoutSessionRepository()
    session = sessions.get("guest", response.json["id"], NOW)
    return session.offer.quote.tax.minor


def new_jersey(rate: int, tax_class: str = "standard") -> dict[str, Any]:
    return {"rate_ppm": rate, "region": "NJ", "tax_class": tax_class, "since": today()}


def test_new_rate_of_a_state_is_charged_by_the_next_checkout() -> None:
    # Given a mug of 100.00; from 75.00 on shipping is free
    publish_with_stock(mug(price=10_000), pieces=5)
    assert tax_of_checkout() == 0

    # When staff add a rate of 6.625 % to the rates that they read
    before = read_rates("US")
    assert before["version"] == 0
    body = {**before, "rates": [*before["rates"], new_jersey(66_250)], "reason": "nexus"}
    changed = put_rates("US", body)
    assert (changed.status, changed.json["version"]) == (200, 1)
    assert changed.json["actor"] == STAFF["username"]

    # Then the next checkout charges it, half to even, and other states keep their rates
    assert tax_of_checkout() == 663
    assert tax_of_checkout(region="CA") == 725


def test_staff_register_in_a_state_with_the_rate_that_the_shop_knows() -> None:
    # Given a mug of 100.00 that Hawaii does not tax, because nobody added its rate
    publish_with_stock(mug(price=10_000), pieces=5)
    before = read_rates("US")
    states = {one["state"]: one for one in before["states"]}
    assert len(states) == 51
    assert (states["HI"]["rate_ppm"], states["HI"]["shipping"]) == (40_000, "taxed")
    assert states["CA"]["rates"] == []
    assert tax_of_checkout(region="HI") == 0

    # When staff add the rates of Hawaii, and send the rest back as they read it
    body = {**before, "rates": [*before["rates"], *states["HI"]["rates"]], "reason": "registered"}
    changed = put_rates("US", body)

    # Then the next checkout charges it
    assert changed.status == 200, changed.text
    assert tax_of_checkout(region="HI") == 400
    after = read_rates("US")
    assert [one["rates"] for one in after["states"] if one["state"] == "HI"] == [[]]


def test_states_are_shown_with_the_current_rates_of_the_us_only() -> None:
    assert read_rates("DE").get("states") is None
    assert read_rates("US", query="version=0").get("states") is None


def test_every_version_of_the_rates_may_be_read() -> None:
    before = read_rates("US")
    body = {"rates": [*before["rates"], new_jersey(66_250)], "version": 0, "reason": "nexus"}
    changed = put_rates("US", body)

    assert read_rates("US")["rates"] == changed.json["rates"]
    assert read_rates("US", query="version=0")["rates"] == before["rates"]
    assert read_rates("US", query="version=1")["reason"] == "nexus"


def test_countries_with_rates_are_listed_in_pages() -> None:
    rates = [*read_rates("US")["rates"], new_jersey(66_250)]
    put_rates("US", {"rates": rates, "version": 0})

    listed = as_staff(list_tax_countries, COUNTRIES).json["countries"]
    assert {"country": "US", "version": 1, "rates": len(rates)} in listed
    assert {"country": "DK", "version": 0, "rates": 1} in listed

    first = as_staff(list_tax_countries, COUNTRIES, query="limit=2").json
    rest = as_staff(list_tax_countries, COUNTRIES, query=f"limit=200&cursor={first['cursor']}").json
    assert [*first["countries"], *rest["countries"]] == listed
    assert rest.get("cursor") is None


def test_tax_class_of_the_goods_decides_their_rate() -> None:
    product = mug(price=10_000)
    clothes = tuple(replace(v, tax_class="clothes") for v in product.variants)
    publish_with_stock(replace(product, variants=clothes), pieces=5)

    rates = [*read_rates("US")["rates"], new_jersey(66_250), new_jersey(0, "clothes")]
    assert put_rates("US", {"rates": rates, "version": 0}).status == 200

    assert tax_of_checkout() == 0
    assert tax_of_checkout(region="CA") == 725, "without a rate of the class, standard applies"


def test_prices_with_tax_contain_the_changed_rate() -> None:
    # Given a mug of 119.00 that contains 19 %
    product = mug(price=11_900)
    in_euros = tuple(replace(v, price=Money(11_900, "EUR")) for v in product.variants)
    publish_with_stock(replace(product, variants=in_euros), pieces=5)
    assert tax_of_checkout("DE", "") == 1_900

    # When the rate is 25 % from today on
    rates = read_rates("DE")["rates"]
    present = next(r for r in rates if r["tax_class"] == "standard" and "until" not in r)
    present["until"] = today("Europe/Berlin")
    rates.append({"rate_ppm": 250_000, "since": today("Europe/Berlin")})
    assert put_rates("DE", {"rates": rates, "version": 0}).status == 200

    # Then the same price contains 25 %
    assert tax_of_checkout("DE", "") == 2_380


def test_change_needs_the_version_that_was_read() -> None:
    rates = read_rates("US")["rates"]

    assert put_rates("US", {"rates": rates}).json["code"] == "version_missing"
    assert put_rates("US", {"rates": rates, "version": 3}).status == 409
    assert put_rates("US", {"rates": rates}, headers={"if-match": '"0"'}).status == 200
    outdated = put_rates("US", {"rates": rates, "version": 0})
    assert (outdated.status, outdated.json["code"]) == (409, "stale")
    assert read_rates("US")["version"] == 1


def test_change_of_past_rates_is_rejected_with_its_path() -> None:
    rates = read_rates("US")["rates"]

    removed = put_rates("US", {"rates": rates[1:], "version": 0})
    assert (removed.status, removed.json["errors"][0]["code"]) == (400, "rate_past")
    two_days_ago = (NOW - timedelta(days=2)).date().isoformat()
    late = {**new_jersey(1), "since": two_days_ago}
    added = put_rates("US", {"rates": [*rates, late], "version": 0})
    assert [(e["code"], e["path"]) for e in added.json["errors"]] == [
        ("rate_past", f"$.rates[{len(rates)}]")
    ]
    assert read_rates("US")["version"] == 0


def test_unknown_countries_versions_and_values_are_rejected() -> None:
    assert put_rates("XX", {"rates": [], "version": 0}).status == 404
    assert put_rates("US", {"rates": "all", "version": 0}).status == 400
    assert put_rates("US", {"rates": [None], "version": 0}).status == 400
    unknown = as_staff(get_tax_rates, f"GET {RATES}", country="US", query="version=7")
    assert unknown.status == 404


@pytest.mark.parametrize("reason", ["", " ", "\u200b"])
def test_reason_to_sell_without_tax_is_visible(reason: str) -> None:
    body = {**read_rates("US"), "untaxed": [{"region": "OR", "reason": reason}]}
    rejected = put_rates("US", body)
    assert (rejected.status, rejected.json["errors"][0]["path"]) == (400, "$.untaxed[0].reason")


def test_only_staff_may_change_rates() -> None:
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("ACCESS", "staff")
        environment.setenv("ACCESS_GROUPS", "staff,catalog")
        body = {"rates": [], "version": 0}
        assert call(set_tax_rates.handler, f"PUT {RATES}", body, country="US").status == 401
