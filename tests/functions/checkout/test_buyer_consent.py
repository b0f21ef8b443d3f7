"""The consents of a buyer are kept, shown with a text, and stored with the order."""

from typing import Any

import pytest
from ucp_sdk.models.schemas.shopping import buyer_consent  # type: ignore[import-untyped]

from functions.cart import create_cart, get_cart
from functions.checkout import complete_checkout, create_checkout, get_checkout, update_checkout
from shop.orders.store import DynamoOrderRepository
from tests.kit.products import checkout_body, lines, mug, payment_body, publish_with_stock
from tests.kit.shop import ApiResponse, call

MARKETING = "dev.ucp.consent.marketing"
SENT: dict[str, Any] = {
    MARKETING: {
        "granted": False,
        "source": "platform",
        "segments": {f"{MARKETING}.email": {"granted": True, "source": "platform"}},
    },
    "com.example.loyalty_gold": {"granted": True, "source": "business"},
}
SHOWN: dict[str, Any] = {
    MARKETING: {
        "granted": False,
        "source": "platform",
        "description": "Promotional messages.",
        "segments": {
            f"{MARKETING}.email": {
                "granted": True,
                "source": "platform",
                "description": "Promotional emails.",
            }
        },
    },
    "com.example.loyalty_gold": {
        "granted": True,
        "source": "business",
        "description": "The purpose com.example.loyalty_gold.",
    },
}
JANE = {"email": "jane@example.com"}


@pytest.fixture(autouse=True)
def _goods_on_sale(cloud: None) -> None:
    publish_with_stock(mug(), pieces=5)


def create(consent: Any) -> ApiResponse:
    body = checkout_body(("mug.1", 1), buyer={**JANE, "consent": consent})
    return call(create_checkout.handler, "POST /checkout-sessions", body)


def test_consents_of_a_cart_are_stored_with_its_checkout_and_order() -> None:
    # Given a cart with consents
    body = {"line_items": lines(("mug.1", 1)), "buyer": {**JANE, "consent": SENT}}
    cart = call(create_cart.handler, "POST /carts", body).json
    read = call(get_cart.handler, "GET /carts/{id}", id=cart["id"]).json
    for view in (cart, read):
        assert view["buyer"]["consent"] == SHOWN
        buyer_consent.Cart.model_validate(view)
    # When it is checked out and bought
    sent = {**checkout_body(), "cart_id": cart["id"]}
    checkout = call(create_checkout.handler, "POST /checkout-sessions", sent).json
    shown = call(get_checkout.handler, "GET /checkout-sessions/{id}", id=checkout["id"]).json
    for view in (checkout, shown):
        assert view["buyer"]["consent"] == SHOWN
        buyer_consent.Checkout.model_validate(view)
    route = "POST /checkout-sessions/{id}/complete"
    bought = call(complete_checkout.handler, route, payment_body("tok_success"), id=checkout["id"])
    # Then the order has them
    assert bought.json["status"] == "completed", bought.text
    order = DynamoOrderRepository().get("guest", bought.json["order"]["id"])
    assert order.buyer.consent == SENT


def test_shown_consents_can_be_sent_back_and_withdrawn() -> None:
    checkout = create(SENT).json
    route = "PUT /checkout-sessions/{id}"
    for consent, expected in ((SHOWN, SHOWN), ({}, None), (None, None)):
        body = checkout_body(("mug.1", 1), buyer={**JANE, "consent": consent})
        changed = call(update_checkout.handler, route, body, id=checkout["id"])
        assert changed.status == 200, changed.text
        assert changed.json["buyer"].get("consent") == expected


@pytest.mark.parametrize(
    ("consent", "code", "path"),
    [
        ({"marketing": {"granted": True, "source": "platform"}}, "id_invalid", "marketing"),
        ({MARKETING: {"source": "platform"}}, "missing", f"{MARKETING}.granted"),
        ({MARKETING: {"granted": "yes", "source": "platform"}}, "wrong_type", "granted"),
        ({MARKETING: {"granted": True, "source": "somebody"}}, None, "source"),
        ({MARKETING: {"granted": True, "source": "platform", "x": 1}}, "unknown_field", "x"),
        ({f"a.b{n}": {"granted": True, "source": "platform"} for n in range(21)}, None, "consent"),
        ([], "wrong_type", "consent"),
    ],
)
def test_invalid_consent_is_rejected_with_path(consent: Any, code: str | None, path: str) -> None:
    answer = create(consent)
    (message,) = answer.json["messages"]
    assert answer.status == 400
    assert message["path"].removesuffix('"]').endswith(path.rpartition(".")[2])
    assert code in (None, message["code"])
