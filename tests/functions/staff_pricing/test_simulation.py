"""Simulations give the same result as the checkout of the same basket."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from functions.checkout import create_checkout
from functions.credits import issue_gift_card
from functions.staff_pricing import (
    create_coupon,
    create_price_list,
    create_promotion,
    publish_promotion,
    set_customer_groups,
    simulate_checkout,
)
from shop.checkout.store import DynamoCheckoutSessionRepository
from shop.pricing.schemas.simulation import SimulatedCheckoutView
from shop.pricing.store.rule_set_cache import rule_set_cache
from shop.tax.store.cache import tax_table_cache
from tests.functions.checkout.test_customer_prices import ANN, ANN_ID
from tests.functions.staff_pricing.test_promotions import CLAIMS
from tests.kit.products import ADDRESS, checkout_body, mug, publish_with_stock
from tests.kit.shop import ApiResponse, call

pytestmark = pytest.mark.usefixtures("cloud")

TENTH: dict[str, Any] = {
    "id": "tenth",
    "title": "A tenth off",
    "effect": {"kind": "order_percent", "off_ppm": 100_000},
}
LINES = [{"item": "mug.1", "quantity": 3}, {"item": "mug.2", "quantity": 1}]


@pytest.fixture(autouse=True)
def _goods(cloud: None) -> None:
    publish_with_stock(mug(), pieces=50)


def as_staff(function: Any, route: str, body: Any, **options: Any) -> ApiResponse:
    """Call a staff endpoint, and drop the cached rules."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ACCESS", "staff")
        patch.setenv("ACCESS_GROUPS", "staff,catalog")
        response = call(function.handler, route, body, claims=CLAIMS, **options)
    rule_set_cache(tax_table_cache()).clear()
    return response


def create_and_publish(**fields: Any) -> None:
    created = as_staff(create_promotion, "POST /staff/promotions", fields)
    assert created.status == 201, created.text
    route = "POST /staff/promotions/{id}/schedule"
    assert as_staff(publish_promotion, route, {"version": 1}, id=fields["id"]).status == 200


def simulate(**fields: Any) -> ApiResponse:
    return as_staff(
        simulate_checkout, "POST /staff/checkout-simulations", {"lines": LINES, **fields}
    )


def simulated(**fields: Any) -> dict[str, Any]:
    response = simulate(**fields)
    assert response.status == 200, response.text
    result: dict[str, Any] = response.json
    return result


def set_up_varied_rules() -> None:
    """Prices, promotions and a code that depend on customer, place, channel and shipping."""
    entries = [{"article": "mug", "price": 1111}]
    prices = {"id": "euro", "currency": "EUR", "markets": ["EU"], "entries": entries}
    assert as_staff(create_price_list, "POST /staff/price-lists", prices).status == 201
    half = {"kind": "percent_off", "off_ppm": 500_000}
    create_and_publish(id="gold", title="Gold", effect=half, conditions={"groups": ["gold"]})
    tenth = {"kind": "order_percent", "off_ppm": 100_000}
    create_and_publish(id="first", title="First", effect=tenth, conditions={"first_order": True})
    create_and_publish(id="app", title="App", effect=tenth, conditions={"channels": ["app"]})
    create_and_publish(
        id="code", title="Code", effect=tenth, code_required=True, stacking={"group": "codes"}
    )
    coupon = {"id": "spring", "promotion_id": "code", "code": "SPRING", "per_customer": 1}
    assert as_staff(create_coupon, "POST /staff/coupons", coupon).status == 201
    free = {"kind": "shipping_off", "off_ppm": 500_000, "methods": ["us-express"]}
    create_and_publish(id="ship", title="Half", effect=free)
    route, body = "PUT /staff/customers/{id}/groups", {"groups": ["gold"], "version": 0}
    assert as_staff(set_customer_groups, route, body, id=ANN_ID).status == 200


HOME = {n: ADDRESS[n] for n in ("address_country", "address_region", "postal_code")}
FRANCE = {"address_country": "FR", "postal_code": "75001"}
CASES: list[tuple[dict[str, Any], bool]] = [
    ({"destination": HOME, "option": "us-express", "codes": ["SPRING"], "channel": "app"}, True),
    (
        {
            "destination": {**HOME, "address_region": "CA", "postal_code": "94107"},
            "codes": ["nothing"],
        },
        True,
    ),
    ({"destination": HOME, "option": "us-express", "codes": ["SPRING"]}, False),
    ({"destination": FRANCE, "currency": "EUR"}, False),
    ({"destination": FRANCE, "tax_id": "FR40303265045"}, False),
    ({"country": "DE", "currency": "EUR", "channel": "app"}, True),
    ({"country": "US", "region": "NY", "currency": "SEK"}, False),
]


@pytest.mark.parametrize(("case", "signed_in"), CASES)
def test_simulation_equals_the_checkout_of_that_customer(
    case: dict[str, Any], signed_in: bool
) -> None:
    # Given: a checkout of this case
    set_up_varied_rules()
    body = checkout_body(option=case.get("option"))
    body["line_items"] = [
        {"item": {"id": line["item"]}, "quantity": line["quantity"]} for line in LINES
    ]
    if "tax_id" in case:
        body["buyer"]["tax_id"] = case["tax_id"]
    if "destination" in case:
        body["fulfillment"]["methods"][0]["destinations"] = [case["destination"]]
    else:
        del body["fulfillment"]
    names = {"country": "address_country", "region": "address_region", "currency": "currency"}
    body["context"] = {name: case[key] for key, name in names.items() if key in case}
    body["discounts"] = {"codes": case.get("codes", [])}
    app = {"shop-channel": "app"} if case.get("channel") == "app" else {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ACCESS", "customer" if signed_in else "shopper")
        claims = ANN if signed_in else None
        route = "POST /checkout-sessions"
        created = call(create_checkout.handler, route, body, claims=claims, headers=app)
    assert created.status == 201, created.text
    offer = (
        DynamoCheckoutSessionRepository()
        .get(ANN_ID if signed_in else "guest", created.json["id"], now())
        .offer
    )
    checkout: dict[str, Any] = {"options": [], "messages": [], "credits": [], "due": 0}
    view = SimulatedCheckoutView.from_quote(offer.quote, **checkout)
    expected = view.model_dump(mode="json", exclude_none=True, exclude=set(checkout))

    # When: staff simulate the same case
    customer: dict[str, Any] = {"id": ANN_ID} if signed_in else {"email": "jane@example.com"}
    if "tax_id" in case:
        customer["tax_id"] = case["tax_id"]
    fields = {name: value for name, value in case.items() if name != "tax_id"}
    before = simulated(**fields, customer=customer)["before"]

    # Then: quote, options, messages and total are the same, except for time and explanations
    for variable in ("at", "trace"):
        expected.pop(variable), before.pop(variable)
    assert {name: before[name] for name in expected} == expected
    assert before.get("option") == offer.option_id
    assert [option["id"] for option in before["options"]] == [option.id for option in offer.options]
    codes = [m["code"] for m in created.json.get("messages", []) if m["type"] != "error"]
    assert [m["code"] for m in before["messages"]] == codes
    assert before["total"] == created.json["totals"][-1]["amount"] == before["due"]


def now() -> datetime:
    return datetime.now(UTC)


def test_simulation_compares_customers_instants_and_drafts() -> None:
    set_up_varied_rules()
    other = simulated(customer={"id": "bob"}, other_customer={"id": ANN_ID})
    assert other["difference"]["rules"]["lines:gold"][1] == "applied 2648"
    assumed = simulated(other_customer={"groups": ["gold"]})
    assert assumed["after"]["total"] == other["after"]["total"] + 265  # a guest has no first order
    later = (now() + timedelta(days=2)).isoformat()
    window = {"starts": (now() + timedelta(days=1)).isoformat()}
    create_and_publish(
        id="soon",
        title="Soon",
        effect={"kind": "percent_off", "off_ppm": 100_000},
        conditions={"window": window},
    )
    assert simulated(compare_at_time=later)["difference"]["rules"]["lines:soon"] == [
        "not_started",
        "applied 530",
    ]
    assert simulated(compare_at_time=later, at=later)["difference"] == {
        "currency": "USD",
        "sums": {},
        "lines": {},
        "rules": {},
    }


@pytest.mark.parametrize("fields", [{}, {"code_required": True}])
def test_draft_is_simulated_alike_whether_stored_or_not(fields: dict[str, Any]) -> None:
    draft = {**TENTH, **fields}
    written = simulated(promotion=draft)
    assert written["difference"]["sums"]["discount"] == [0, 530]
    assert as_staff(create_promotion, "POST /staff/promotions", draft).status == 201
    stored = simulated(promotion_id="tenth")
    assert stored["difference"] == written["difference"]


@pytest.mark.parametrize(
    ("fields", "code", "path"),
    [
        (
            {"promotion": {**TENTH, "goods": {"products": ["mug", "no"]}}},
            "product_unknown",
            "$.promotion.goods.products[1]",
        ),
        (
            {"promotion": {**TENTH, "effect": {"kind": "gift", "variant": "mug.9"}}},
            "variant_unknown",
            "$.promotion.effect.variant",
        ),
        (
            {"promotion": {**TENTH, "effect": {"kind": "gift", "sku": "MUG-RED"}}},
            "missing",
            "$.promotion.effect.variant",
        ),
        (
            {"promotion": {**TENTH, "conditions": {"markets": ["MARS"]}}},
            "market_unknown",
            "$.promotion.conditions.markets[0]",
        ),
        (
            {"promotion": {**TENTH, "effect": {"kind": "order_percent", "off_ppm": 0}}},
            "percent_invalid",
            "$.promotion.effect.off_ppm",
        ),
        ({"promotion": TENTH, "promotion_id": "tenth"}, "value_contradiction", "$.promotion_id"),
        (
            {"lines": [LINES[0], {"item": "no.1", "quantity": 1}]},
            "item_unavailable",
            "$.lines[1].item",
        ),
        ({"destination": HOME, "option": "mule"}, "option_unknown", "$.option"),
        ({"option": "us-express"}, "missing", "$.destination"),
        (
            {"credits": [{"type": "gift_card", "code": "NOSUCHCARD"}]},
            "gift_card_unknown",
            "$.credits[0]",
        ),
        ({"credits": [{"type": "store_credit"}]}, "sign_in_required", "$.credits[0]"),
        ({"other_customer": {"tax_id": "FR1"}}, "vat_id_invalid", "$.other_customer.tax_id"),
    ],
)
def test_invalid_simulation_is_rejected_with_its_path(
    fields: dict[str, Any], code: str, path: str
) -> None:
    rejected = simulate(**fields)
    assert rejected.status == 400, rejected.text
    first = rejected.json["errors"][0]
    assert (first["code"], first["path"]) == (code, path)


def test_simulation_of_an_unknown_promotion_is_not_found() -> None:
    assert simulate(promotion_id="nothing").status == 404


def test_simulation_shows_the_amount_that_credits_pay() -> None:
    route = "POST /staff/gift-cards"
    card = as_staff(
        issue_gift_card, route, {"amount": 500, "currency": "USD", "reason": "for a friend"}
    )
    credit = {"type": "gift_card", "code": card.json["code"]}
    before = simulated(credits=[credit])["before"]
    assert (before["credits"], before["due"]) == ([500], before["total"] - 500)


def test_simulation_of_two_currencies_is_rejected() -> None:
    entries = [{"article": "mug", "price": 900}]
    prices = {"id": "euro", "currency": "EUR", "groups": ["gold"], "entries": entries}
    assert as_staff(create_price_list, "POST /staff/price-lists", prices).status == 201
    rejected = simulate(currency="EUR", other_customer={"groups": ["gold"]})
    assert (rejected.status, rejected.json["errors"][0]["path"]) == (400, "$.currency")
