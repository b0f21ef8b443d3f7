"""Countries and regions as texts: carts, checkouts and simulations compute with their codes."""

from typing import Any

import pytest

from functions.cart import create_cart, get_cart
from functions.checkout import complete_checkout, create_checkout, get_checkout, update_checkout
from functions.orders import get_order
from functions.staff_pricing import simulate_checkout
from functions.staff_shipping import simulate_shipping
from tests.functions.staff_shipping.test_shipping_table import method, put, table, usd
from tests.functions.staff_tax.test_tax_rates import as_staff
from tests.kit.products import ADDRESS, checkout_body, lines, mug, payment_body, publish_with_stock
from tests.kit.shop import ApiResponse, call
from tests.kit.ucp_validator import assert_valid_ucp

pytestmark = pytest.mark.usefixtures("cloud")

CREATE, ONE = "POST /checkout-sessions", "/checkout-sessions/{id}"
ADDRESS_PATH = "$.fulfillment.methods[0].destinations[0]"
TEXAN_TAX = 81
"""6.25 % of a mug of 12.99."""
TEXAN_TAX_WITH_SHIPPING = TEXAN_TAX + 37
"""6.25 % of shipping for 5.99, too."""


@pytest.fixture(autouse=True)
def _goods(cloud: None) -> None:
    publish_with_stock(mug(), pieces=50)


def body_to(**address: Any) -> dict[str, Any]:
    body = checkout_body(("mug.1", 1))
    merged = {**ADDRESS, **address}
    destination = {name: text for name, text in merged.items() if text is not None}
    body["fulfillment"]["methods"][0]["destinations"] = [destination]
    return body


def checkout_to(**address: Any) -> dict[str, Any]:
    response = call(create_checkout.handler, CREATE, body_to(**address))
    assert response.status == 201, response.text
    assert_valid_ucp("checkout", response.json)
    checkout: dict[str, Any] = response.json
    return checkout


def cart_in(**context: str) -> dict[str, Any]:
    body = {"line_items": lines(("mug.1", 1)), "context": context}
    response = call(create_cart.handler, "POST /carts", body)
    assert response.status == 201, response.text
    assert_valid_ucp("cart", response.json)
    cart: dict[str, Any] = response.json
    return cart


def simulate(**fields: Any) -> ApiResponse:
    body = {"lines": [{"item": "mug.1", "quantity": 1}], **fields}
    return as_staff(simulate_checkout, "POST /staff/checkout-simulations", body)


def try_shipping(**to: Any) -> ApiResponse:
    body = {"items": [{"quantity": 1}], "value": {"amount": 1299, "currency": "USD"}, "to": to}
    return as_staff(simulate_shipping, "POST /staff/shipping/try", body)


def amount_of(document: dict[str, Any], kind: str) -> int | None:
    amounts = [total["amount"] for total in document["totals"] if total["type"] == kind]
    return amounts[0] if amounts else None


def messages_of(document: dict[str, Any]) -> list[tuple[str, str, str]]:
    return [(m["type"], m["code"], m["path"]) for m in document.get("messages", [])]


def shown_address(checkout: dict[str, Any]) -> dict[str, Any]:
    address: dict[str, Any] = checkout["fulfillment"]["methods"][0]["destinations"][0]
    return address


AUSTIN, UNASSIGNED = "78701", "00001"
"""A ZIP code of Texas, and one that no state has."""
TEXAS = ["TX", "texas", "Texas", "US-TX", "us-tx", " TX ", "Tex.", "State of Texas"]


@pytest.mark.parametrize("region", TEXAS)
@pytest.mark.parametrize("country", ["US", "usa", "United States"])
def test_every_text_for_texas_pays_texan_tax(country: str, region: str) -> None:
    checkout = checkout_to(address_country=country, address_region=region, postal_code=AUSTIN)
    assert checkout["status"] == "ready_for_complete"
    assert amount_of(checkout, "tax") == TEXAN_TAX_WITH_SHIPPING
    address = shown_address(checkout)
    assert (address["address_country"], address["address_region"]) == ("US", "TX")


@pytest.mark.parametrize("region", TEXAS)
def test_cart_and_simulations_read_the_same_texts(region: str) -> None:
    cart = cart_in(address_country="USA", address_region=region)
    assert amount_of(cart, "tax") == TEXAN_TAX
    assert cart["context"] == {"address_country": "US", "address_region": "TX"}
    destination = {"address_country": "USA", "address_region": region}
    located = simulate(country="USA", region=region)
    assert located.json["before"]["tax"] == TEXAN_TAX
    shipped = simulate(destination=destination)
    assert shipped.json["before"]["tax"] == TEXAN_TAX_WITH_SHIPPING
    assert try_shipping(country="USA", region=region).status == 200


@pytest.mark.parametrize(
    ("region", "code"),
    [
        ("Texsas", "region_unknown"),
        ("ZZ", "region_unknown"),
        ("CA-TX", "region_unknown"),
        (None, "missing"),
        ("", "missing"),
        ("  ", "missing"),
    ],
)
def test_region_without_a_code_leaves_the_checkout_incomplete(
    region: str | None, code: str
) -> None:
    checkout = checkout_to(address_region=region, postal_code=UNASSIGNED)
    assert checkout["status"] == "incomplete"
    assert messages_of(checkout) == [("error", code, f"{ADDRESS_PATH}.address_region")]
    assert amount_of(checkout, "tax") is None
    assert "groups" not in checkout["fulfillment"]["methods"][0], "no price at an unknown distance"
    typed = region if region and region.strip() else None
    assert shown_address(checkout).get("address_region") == typed, "as the buyer typed it"
    # And it cannot be completed
    answer = call(
        complete_checkout.handler,
        f"POST {ONE}/complete",
        payment_body("tok_success"),
        id=checkout["id"],
    )
    assert (answer.status, answer.json["status"]) == (200, "incomplete")
    assert messages_of(answer.json) == messages_of(checkout)
    # And a read reports the same
    shown = call(get_checkout.handler, f"GET {ONE}", id=checkout["id"]).json
    assert messages_of(shown) == messages_of(checkout)


def test_corrected_region_makes_the_checkout_ready() -> None:
    checkout = checkout_to(address_region="Texsas", postal_code=AUSTIN)
    corrected = body_to(address_region="Texas", postal_code=AUSTIN)
    fixed = call(update_checkout.handler, f"PUT {ONE}", corrected, id=checkout["id"]).json
    assert fixed["status"] == "ready_for_complete"
    assert amount_of(fixed, "tax") == TEXAN_TAX_WITH_SHIPPING
    completed = call(
        complete_checkout.handler,
        f"POST {ONE}/complete",
        payment_body("tok_success"),
        id=checkout["id"],
    ).json
    order = call(get_order.handler, "GET /orders/{id}", id=completed["order"]["id"]).json
    assert "TX" in str(order["fulfillment"])
    assert "Texas" not in str(order["fulfillment"])


@pytest.mark.parametrize("country", ["ZZ", "EU", "Narnia"])
def test_country_without_a_code_leaves_the_checkout_incomplete(country: str) -> None:
    checkout = checkout_to(address_country=country)
    assert checkout["status"] == "incomplete"
    path = f"{ADDRESS_PATH}.address_country"
    assert messages_of(checkout) == [("error", "country_unknown", path)]
    assert shown_address(checkout)["address_country"] == country


@pytest.mark.parametrize("country", ["AU", "BR", "CA", "CN", "IN", "MX", "US"])
def test_countries_with_required_regions_ask_for_one(country: str) -> None:
    checkout = checkout_to(address_country=country, address_region=None, postal_code=UNASSIGNED)
    assert ("error", "missing", f"{ADDRESS_PATH}.address_region") in messages_of(checkout)


@pytest.mark.parametrize("region", [None, "Oberbayern", "Bayern", "BY"])
def test_region_that_changes_nothing_is_free(region: str | None) -> None:
    address = {"address_country": "Germany", "postal_code": "80331", "address_region": region}
    checkout = checkout_to(**address)
    assert checkout["status"] == "ready_for_complete"
    shown = {None: None, "Oberbayern": "Oberbayern"}.get(region, "BY")
    assert shown_address(checkout).get("address_region") == shown


def test_zone_by_region_makes_the_region_required() -> None:
    hamburg = {"id": "hh", "countries": ["DE"], "regions": ["HH"]}
    put(table(method(), method(id="hh", zone="hh", flat=[{"amount": 500, "currency": "EUR"}]),
              zones=[{"id": "us", "countries": ["US"]}, hamburg]))  # fmt: skip
    germany = {"address_country": "DE", "postal_code": "20095"}
    missing = checkout_to(**germany, address_region=None)
    assert messages_of(missing) == [("error", "missing", f"{ADDRESS_PATH}.address_region")]
    unknown = checkout_to(**germany, address_region="Hambrug")
    assert messages_of(unknown) == [("error", "region_unknown", f"{ADDRESS_PATH}.address_region")]
    elsewhere = checkout_to(**germany, address_region="Bayern")
    assert messages_of(elsewhere) == [("error", "address_undeliverable", ADDRESS_PATH)]
    assert try_shipping(country="DE", region="Hamburg").json["zone"] == "hh"


def test_distance_by_region_uses_the_code() -> None:
    by_distance = {"kind": "by_distance", "bands": [{"up_to": 9000, "price": usd(1200)}]}
    hawaii = {"km": 7200, "countries": ["US"], "regions": ["HI"]}
    near = {"km": 10_000, "countries": ["US"]}
    put(table(method(charges=[by_distance]), distances=[hawaii, near]))
    checkout = checkout_to(address_region="Hawaiʻi", postal_code="96813")
    assert checkout["status"] == "ready_for_complete"
    assert try_shipping(country="US", region="hawaii").json["options"] != []
    assert try_shipping(country="US", region="Ohio").json["options"] == []


def test_military_mail_is_a_region_by_its_city() -> None:
    checkout = checkout_to(
        address_locality="APO", address_region=None, postal_code="09012", street_address="PSC 1"
    )
    assert shown_address(checkout)["address_region"] == "AE"
    # The default table does not ship to military mail.
    assert messages_of(checkout) == [("error", "address_undeliverable", ADDRESS_PATH)]
    unclear = checkout_to(address_locality="FPO", address_region=None, postal_code="10001")
    assert messages_of(unclear) == [("error", "missing", f"{ADDRESS_PATH}.address_region")]


def test_location_hint_without_a_code_is_reported_and_shown() -> None:
    cart = cart_in(address_country="US", address_region="Texsas")
    assert messages_of(cart) == [("warning", "region_unknown", "$.context.address_region")]
    assert cart["context"]["address_region"] == "Texsas"
    shown = call(get_cart.handler, "GET /carts/{id}", id=cart["id"]).json
    assert messages_of(shown) == messages_of(cart)
    nowhere = cart_in(address_country="Narnia")
    assert messages_of(nowhere) == [("warning", "country_unknown", "$.context.address_country")]
    assert nowhere["context"]["address_country"] == "Narnia"
    early = cart_in(address_country="US")
    assert messages_of(early) == [("info", "missing", "$.context.address_region")]


def test_checkout_of_a_cart_takes_its_codes() -> None:
    cart = cart_in(address_country="USA", address_region="texas")
    body = {"cart_id": cart["id"], "buyer": {"email": "jane@example.com"}}
    checkout = call(create_checkout.handler, CREATE, body).json
    assert amount_of(checkout, "tax") == TEXAN_TAX


@pytest.mark.parametrize(
    ("fields", "code", "path"),
    [
        ({"country": "US"}, "missing", "$.region"),
        ({"country": "US", "region": "Texsas"}, "region_unknown", "$.region"),
        ({"country": "DE", "region": "Oberbayern"}, "region_unknown", "$.region"),
        ({"country": "Narnia"}, "country_unknown", "$.country"),
        ({"destination": {"address_country": "US"}}, "missing", "$.destination.address_region"),
        (
            {"destination": {"address_country": "US", "address_region": "Texsas"}},
            "region_unknown",
            "$.destination.address_region",
        ),
        (
            {"destination": {"address_country": "Narnia"}},
            "country_unknown",
            "$.destination.address_country",
        ),
    ],
)
def test_simulation_rejects_a_place_without_codes(
    fields: dict[str, Any], code: str, path: str
) -> None:
    response = simulate(**fields)
    assert response.status == 400, response.text
    assert [(e["code"], e["path"]) for e in response.json["errors"]] == [(code, path)]


@pytest.mark.parametrize(
    ("to", "code", "path"),
    [
        ({"country": "US"}, "missing", "$.to.region"),
        ({"country": "US", "region": "Texsas"}, "region_unknown", "$.to.region"),
        ({"country": "FR", "region": "Texas"}, "region_unknown", "$.to.region"),
        ({"country": "ZZ"}, "country_unknown", "$.to.country"),
    ],
)
def test_shipping_trial_rejects_a_place_without_codes(
    to: dict[str, Any], code: str, path: str
) -> None:
    response = try_shipping(**to)
    assert response.status == 400, response.text
    assert [(e["code"], e["path"]) for e in response.json["errors"]] == [(code, path)]


@pytest.mark.parametrize(
    ("country", "postal_code", "is_taxed"),
    [
        ("Monaco", "98000", True),
        ("Spain", "28001", True),
        ("Spain", "35001", False),
        ("España", "38 001", False),
        ("Åland Islands", "22100", False),
    ],
)
def test_postal_code_decides_the_tax_area(country: str, postal_code: str, is_taxed: bool) -> None:
    checkout = checkout_to(address_country=country, address_region=None, postal_code=postal_code)
    assert checkout["status"] == "ready_for_complete"
    assert ("includes tax" in checkout["totals"][-1]["display_text"]) is is_taxed


VENICE = {"address_region": "OR", "postal_code": "90291", "address_locality": "Venice"}


@pytest.mark.parametrize(
    ("region", "postal_code"),
    [("OR", "90291"), ("Oregon", "90291-4321"), ("NV", "94110"), ("us-de", "10001")],
)
def test_another_state_than_that_of_the_zip_code_avoids_no_tax(
    region: str, postal_code: str
) -> None:
    checkout = checkout_to(address_region=region, postal_code=postal_code)
    assert checkout["status"] == "incomplete"
    code = "region_contradicts_postal_code"
    assert messages_of(checkout) == [("error", code, f"{ADDRESS_PATH}.address_region")]
    assert amount_of(checkout, "tax") is None
    assert "groups" not in checkout["fulfillment"]["methods"][0]
    assert shown_address(checkout)["address_region"] == region, "as the buyer typed it"
    answer = call(
        complete_checkout.handler,
        f"POST {ONE}/complete",
        payment_body("tok_success"),
        id=checkout["id"],
    )
    assert (answer.status, answer.json["status"]) == (200, "incomplete")
    assert messages_of(answer.json) == messages_of(checkout)


@pytest.mark.parametrize("postal_code", ["00001", "9029", "9O291", "M5V 3L9"])
def test_zip_code_of_no_state_leaves_the_checkout_incomplete(postal_code: str) -> None:
    checkout = checkout_to(address_region="OR", postal_code=postal_code)
    assert checkout["status"] == "incomplete"
    assert messages_of(checkout) == [
        ("error", "postal_code_unknown", f"{ADDRESS_PATH}.postal_code")
    ]


def test_missing_state_follows_from_the_zip_code() -> None:
    checkout = checkout_to(address_region=None, postal_code=AUSTIN)
    assert checkout["status"] == "ready_for_complete"
    assert shown_address(checkout)["address_region"] == "TX"
    assert amount_of(checkout, "tax") == TEXAN_TAX_WITH_SHIPPING
    cart = cart_in(address_country="US", postal_code=AUSTIN)
    assert cart["context"]["address_region"] == "TX"
    assert amount_of(cart, "tax") == TEXAN_TAX
    assert simulate(country="US", postal_code=AUSTIN).json["before"]["tax"] == TEXAN_TAX
    assert try_shipping(country="US", postal_code=AUSTIN).status == 200


def test_corrected_state_makes_the_checkout_ready() -> None:
    checkout = checkout_to(**VENICE)
    corrected = body_to(**{**VENICE, "address_region": "CA"})
    fixed = call(update_checkout.handler, f"PUT {ONE}", corrected, id=checkout["id"]).json
    assert fixed["status"] == "ready_for_complete"
    assert amount_of(fixed, "tax") == 94, "7.25 % of a mug of 12.99"


def test_hint_that_contradicts_itself_is_reported_and_untaxed() -> None:
    cart = cart_in(address_country="US", address_region="OR", postal_code="90291")
    code = "region_contradicts_postal_code"
    assert messages_of(cart) == [("warning", code, "$.context.address_region")]
    assert amount_of(cart, "tax") is None
    part = cart_in(address_country="US", address_region="TX", postal_code="787")
    assert amount_of(part, "tax") == TEXAN_TAX, "a part of a ZIP code is no contradiction"


@pytest.mark.parametrize(
    ("place", "code", "field"),
    [
        (("OR", "90291"), "region_contradicts_postal_code", "region"),
        (("OR", "00001"), "postal_code_unknown", "postal_code"),
    ],
)
def test_staff_may_not_contradict_the_zip_code_either(
    place: tuple[str, str], code: str, field: str
) -> None:
    region, postal_code = place
    address = {
        "address_country": "US",
        "address_region": region,
        "postal_code": postal_code,
    }
    path = field if field == "postal_code" else "address_region"
    simulated = simulate(destination=address)
    located = simulate(country="US", region=region, postal_code=postal_code)
    tried = try_shipping(country="US", region=region, postal_code=postal_code)
    for response, expected in (
        (simulated, f"$.destination.{path}"),
        (located, f"$.{field}"),
        (tried, f"$.to.{field}"),
    ):
        assert response.status == 400, response.text
        assert [(e["code"], e["path"]) for e in response.json["errors"]] == [(code, expected)]


def test_zone_of_an_island_cannot_be_avoided_by_another_province() -> None:
    islands = {"id": "islands", "countries": ["ES"], "regions": ["CN"]}
    mainland = {"id": "mainland", "countries": ["ES"], "excluded_regions": ["CN"]}
    far = method(
        id="far",
        zone="islands",
        flat=[{"amount": 2500, "currency": code} for code in ("EUR", "USD")],
    )
    near = method(
        id="near",
        zone="mainland",
        flat=[{"amount": 500, "currency": code} for code in ("EUR", "USD")],
    )
    saved = put(table(far, near, zones=[islands, mainland]))
    assert saved.status == 200, saved.text
    tenerife = {"address_country": "ES", "postal_code": "38001"}
    contradiction = checkout_to(**tenerife, address_region="Madrid")
    assert [message[1] for message in messages_of(contradiction)] == [
        "region_contradicts_postal_code"
    ]
    for region in (None, "Canarias", "Santa Cruz de Tenerife"):
        checkout = checkout_to(**tenerife, address_region=region)
        assert amount_of(checkout, "fulfillment") == 2500
    assert amount_of(checkout_to(address_country="ES", postal_code="28001",
                                 address_region=None), "fulfillment") == 500  # fmt: skip


@pytest.mark.parametrize(
    ("address", "postal_code", "tax", "status"),
    [
        ({"address_country": "GB"}, "BT1 5GS", True, "ready_for_complete"),
        ({"address_country": "GB"}, "XI-BT1 5GS", True, "ready_for_complete"),
        ({"address_country": "GB"}, "NI BT1 5GS", True, "ready_for_complete"),
        ({"address_country": "Northern Ireland"}, "n/a", True, "ready_for_complete"),
        ({"address_country": "GB", "address_region": "NIR"}, "0000", True, "ready_for_complete"),
        ({"address_country": "GB"}, "\u0412\u04221 5GS", False, "incomplete"),
        ({"address_country": "GB"}, "n/a", False, "incomplete"),
        ({"address_country": "GB"}, "SW1A 1AA", False, "ready_for_complete"),
    ],
)
def test_belfast_pays_tax_whatever_spelling_its_postal_code_has(
    address: dict[str, str], postal_code: str, tax: bool, status: str
) -> None:
    stated = {"address_region": None, **address, "postal_code": postal_code}
    checkout = checkout_to(**stated)
    assert checkout["status"] == status
    assert ("includes tax" in checkout["totals"][-1].get("display_text", "")) is tax
    if status == "incomplete":
        assert messages_of(checkout) == [
            ("error", "postal_code_unknown", f"{ADDRESS_PATH}.postal_code")
        ]


@pytest.mark.parametrize("country", ["Northern Ireland", " northern ireland "])
def test_simulation_taxes_a_part_of_a_country_as_the_checkout_does(country: str) -> None:
    destinations = [
        {"address_country": country},
        {"address_country": country, "postal_code": "n/a"},
        {"address_country": "GB", "address_region": "NIR"},
        {"address_country": "GB", "postal_code": "BT1 5GS"},
    ]
    taxes = [simulate(destination=one).json["before"]["tax"] for one in destinations]
    assert len(set(taxes)) == 1
    assert taxes[0] > 0
    located = [simulate(country=country), simulate(country="GB", region="NIR")]
    assert [one.json["before"]["tax"] > 0 for one in located] == [True, True]
    assert simulate(country="Scotland").json["before"]["tax"] == 0
    assert simulate(destination={"address_country": "GB"}).json["before"]["tax"] == 0


def test_shipping_trial_reads_a_part_of_a_country_as_the_checkout_does() -> None:
    # Given a method to Scotland only
    scotland = {"id": "sct", "countries": ["GB"], "regions": ["SCT"]}
    zones = [{"id": "us", "countries": ["US"]}, scotland]
    stored = put(table(method(), method(id="post", zone="sct"), zones=zones))
    assert stored.status == 200, stored.text

    # When staff name Scotland as the country, or as the region
    for to in ({"country": "Scotland"}, {"country": "GB", "region": "Scotland"}):
        response = try_shipping(**to)

        # Then the method is offered
        assert response.status == 200, response.text
        assert response.json["zone"] == "sct"
        assert [one["id"] for one in response.json["options"]] == ["post"]
    assert try_shipping(country="Northern Ireland").json["options"] == []
