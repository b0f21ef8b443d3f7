"""The checkout use cases, called through their HTTP handlers."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from functions.cart import create_cart
from functions.checkout import (
    cancel_checkout,
    complete_checkout,
    create_checkout,
    get_checkout,
    update_checkout,
)
from shop.catalog.store import DynamoProductCatalog
from shop.inventory.store import DynamoStockRepository
from shop.kernel.errors import NotFound
from shop.kernel.ids import derived_id
from shop.orders.actions.payments import record_payment
from shop.orders.model import Order, OrderStatus
from shop.orders.store import DynamoOrderRepository
from shop.payments.gateway.sandbox import SandboxProvider
from shop.payments.model import PaymentStatus, ProviderPaymentState
from tests.kit.order_fixtures import order_fixture
from tests.kit.products import checkout_body, lines, mug, payment_body, publish_with_stock
from tests.kit.shop import ApiResponse, call

CREATE = "POST /checkout-sessions"
GET = "GET /checkout-sessions/{id}"
UPDATE = "PUT /checkout-sessions/{id}"
COMPLETE = "POST /checkout-sessions/{id}/complete"
CANCEL = "POST /checkout-sessions/{id}/cancel"

pytestmark = pytest.mark.usefixtures("cloud")


def create(*wanted: tuple[str, int], **changes: Any) -> dict[str, Any]:
    answer = call(create_checkout.handler, CREATE, checkout_body(*wanted, **changes))
    assert answer.status == 201, answer.text
    checkout: dict[str, Any] = answer.json
    return checkout


def complete(
    checkout: dict[str, Any], token: str = "tok_success", key: str | None = None
) -> ApiResponse:
    return call(
        complete_checkout.handler, COMPLETE, payment_body(token), key=key, id=checkout["id"]
    )


def get(checkout: dict[str, Any]) -> dict[str, Any]:
    shown: dict[str, Any] = call(get_checkout.handler, GET, id=checkout["id"]).json
    return shown


def available(sku: str) -> int:
    return DynamoStockRepository().level(sku).available


def message_codes(answer: ApiResponse) -> list[tuple[str, str | None]]:
    return [(m["code"], m.get("path")) for m in answer.json.get("messages", [])]


def total(checkout: dict[str, Any], kind: str = "total") -> int:
    amount: int = next(t["amount"] for t in checkout["totals"] if t["type"] == kind)
    return amount


def test_guest_completes_checkout_with_email_and_address() -> None:
    publish_with_stock(mug(), pieces=5)
    checkout = create(("mug.1", 2), ("mug.2", 1))
    assert checkout["status"] == "ready_for_complete"
    answer = complete(checkout)
    assert (answer.status, answer.json["status"]) == (200, "completed")
    order = DynamoOrderRepository().get("guest", answer.json["order"]["id"])
    assert order.status is OrderStatus.CONFIRMED
    assert order.total == total(checkout) == 2 * 1299 + 1399 + 599
    assert (available("MUG-RED"), available("MUG-BLUE")) == (3, 4)


def test_totals_entries_sum_to_the_total() -> None:
    publish_with_stock(mug(), pieces=5)
    checkout = create(("mug.1", 3), option="us-express")
    amounts = [t["amount"] for t in checkout["totals"] if t["type"] != "total"]
    assert sum(amounts) == total(checkout)
    assert total(checkout, "fulfillment") == 1999


def test_incomplete_checkout_names_missing_fields_with_paths() -> None:
    publish_with_stock(mug(), pieces=5)
    answer = call(create_checkout.handler, CREATE, {"line_items": lines(("mug.1", 1))})
    assert answer.json["status"] == "incomplete"
    assert message_codes(answer) == [
        ("missing", "$.buyer.email"),
        ("missing", "$.fulfillment.methods[0].destinations"),
    ]
    rejected = complete(answer.json)
    assert (rejected.status, rejected.json["status"]) == (200, "incomplete")
    assert available("MUG-RED") == 5


def test_incomplete_address_names_its_missing_fields() -> None:
    publish_with_stock(mug(), pieces=5)
    body = checkout_body(("mug.1", 1))
    body["fulfillment"]["methods"][0]["destinations"] = [{"address_country": "US"}]
    answer = call(create_checkout.handler, CREATE, body)
    address_path = "$.fulfillment.methods[0].destinations[0]"
    assert [path for _, path in message_codes(answer)] == [
        f"{address_path}.street_address",
        f"{address_path}.address_locality",
        f"{address_path}.postal_code",
        f"{address_path}.address_region",
    ]


@pytest.mark.parametrize(
    "blank", ["", "   ", "\u200b", "\u00a0\u2060", "\u3164", "\u2800"], ids=ascii
)
@pytest.mark.parametrize("field", ["street_address", "address_locality", "postal_code"])
def test_blank_part_of_an_address_is_missing(field: str, blank: str) -> None:
    publish_with_stock(mug(), pieces=5)
    body = checkout_body(("mug.1", 1))
    (method,) = body["fulfillment"]["methods"]
    method["destinations"] = [{**method["destinations"][0], field: blank}]
    answer = call(create_checkout.handler, CREATE, body)
    assert (answer.status, answer.json["status"]) == (201, "incomplete")
    address_path = "$.fulfillment.methods[0].destinations[0]"
    assert [path for _, path in message_codes(answer)] == [f"{address_path}.{field}"]


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"address_country": "U\0S"}, "address_country"),
        ({"address_region": "I\nL"}, "address_region"),
        ({"street_address": "1 Main\0St"}, "street_address"),
        ({"street_address": "1 Main St\nBcc: all"}, "street_address"),
        ({"full_name": "Jane\x1bDoe"}, "full_name"),
        ({"first_name": "Jane\r\nDoe"}, "first_name"),
        ({"postal_code": "627\t01"}, "postal_code"),
        ({"phone_number": "call me"}, "phone_number"),
        ({"phone_number": "1"}, "phone_number"),
        ({"phone_number": "+1234567890123456"}, "phone_number"),
    ],
)
def test_invalid_address_is_rejected_with_path(changes: dict[str, Any], path: str) -> None:
    publish_with_stock(mug(), pieces=5)
    body = checkout_body(("mug.1", 1))
    address = {**body["fulfillment"]["methods"][0]["destinations"][0], **changes}
    body["fulfillment"]["methods"][0]["destinations"] = [address]
    answer = call(create_checkout.handler, CREATE, body)
    assert answer.status == 400
    assert [p for _, p in message_codes(answer)] == [
        f"$.fulfillment.methods[0].destinations[0].{path}"
    ]


@pytest.mark.parametrize(
    ("buyer", "path"),
    [
        ({"email": "jane"}, "email"),
        ({"email": "jane@localhost"}, "email"),
        ({"email": "jane\x7f@example.com"}, "email"),
        ({"email": "jane@exa mple.com"}, "email"),
        ({"email": "jane@example..com"}, "email"),
        ({"email": "a..b@example.com"}, "email"),
        ({"email": ".a@example.com"}, "email"),
        ({"email": "jane@-x.com"}, "email"),
        ({"email": "jörg@example.com"}, "email"),
        ({"email": "\u200b"}, "email"),
        ({"phone_number": "0"}, "phone_number"),
        ({"last_name": "Doe\n"}, "last_name"),
    ],
)
def test_invalid_buyer_is_rejected_with_path(buyer: dict[str, str], path: str) -> None:
    publish_with_stock(mug(), pieces=5)
    body = {**checkout_body(("mug.1", 1)), "buyer": {"email": "jane@example.com", **buyer}}
    for handler, route in ((create_checkout.handler, CREATE), (create_cart.handler, "POST /carts")):
        arguments = body if route == CREATE else {k: body[k] for k in ("line_items", "buyer")}
        answer = call(handler, route, arguments)
        assert answer.status == 400
        assert [p for _, p in message_codes(answer)] == [f"$.buyer.{path}"]


def test_total_beyond_json_safe_integers_is_rejected() -> None:
    publish_with_stock(mug(price=10**12), pieces=5)
    for handler, route in ((create_checkout.handler, CREATE), (create_cart.handler, "POST /carts")):
        body: dict[str, Any] = {"line_items": lines(("mug.1", 10_000))}
        answer = call(handler, route, body)
        assert (answer.status, message_codes(answer)) == (
            400,
            [("amount_out_of_range", "$.line_items")],
        )
        assert call(handler, route, {"line_items": lines(("mug.1", 9_000))}).status == 201


def test_address_outside_shipping_zones_is_reported() -> None:
    publish_with_stock(mug(), pieces=5)
    body = checkout_body(("mug.1", 1))
    body["fulfillment"]["methods"][0]["destinations"][0] = {
        "street_address": "1",
        "address_locality": "Pyongyang",
        "address_country": "KP",
    }
    answer = call(create_checkout.handler, CREATE, body)
    assert message_codes(answer) == [
        ("address_undeliverable", "$.fulfillment.methods[0].destinations[0]")
    ]


def test_cart_content_has_precedence_over_line_items_sent() -> None:
    publish_with_stock(mug(), pieces=5)
    cart = call(create_cart.handler, "POST /carts", {"line_items": lines(("mug.2", 3))}).json
    body = {**checkout_body(("mug.1", 1)), "cart_id": cart["id"]}
    checkout = call(create_checkout.handler, CREATE, body).json
    assert [(n["item"]["id"], n["quantity"]) for n in checkout["line_items"]] == [("mug.2", 3)]


def test_every_short_line_is_reported_and_no_stock_reserved() -> None:
    publish_with_stock(mug(), pieces=2)
    checkout = create(("mug.1", 2), ("mug.2", 2))
    other_checkout = create(("mug.1", 1), ("mug.2", 1))
    assert complete(other_checkout).json["status"] == "completed"
    answer = complete(checkout)
    assert (answer.status, answer.json["status"]) == (200, "incomplete")
    assert message_codes(answer) == [
        ("out_of_stock", "$.line_items[0].quantity"),
        ("out_of_stock", "$.line_items[1].quantity"),
    ]
    assert (available("MUG-RED"), available("MUG-BLUE")) == (1, 1)


def test_lines_of_one_sku_share_its_stock() -> None:
    publish_with_stock(mug(), pieces=3)
    answer = call(create_checkout.handler, CREATE, checkout_body(("mug.1", 2), ("mug.1", 2)))
    assert answer.json["status"] == "incomplete"
    assert [code for code, _ in message_codes(answer)] == ["out_of_stock", "out_of_stock"]
    assert complete(create(("mug.1", 2), ("mug.1", 1))).json["status"] == "completed"
    assert available("MUG-RED") == 0


def test_released_stock_can_be_bought_without_an_update() -> None:
    publish_with_stock(mug(), pieces=1)
    first, second = create(("mug.1", 1)), create(("mug.1", 1))
    assert complete(first, "tok_pending").json["status"] == "complete_in_progress"
    assert complete(second).json["status"] == "incomplete"
    assert call(cancel_checkout.handler, CANCEL, id=first["id"]).json["status"] == "canceled"
    assert complete(second).json["status"] == "completed"


@pytest.mark.parametrize("token", ["tok_declined", "tok_insufficient_funds"])
def test_declined_payment_releases_stock_and_allows_another(token: str) -> None:
    publish_with_stock(mug(), pieces=1)
    checkout = create(("mug.1", 1))
    answer = complete(checkout, token, key="first")
    assert (answer.status, answer.json["status"]) == (200, "incomplete")
    assert message_codes(answer) == [("payment_failed", "$.payment.instruments[0]")]
    assert available("MUG-RED") == 1
    assert complete(checkout, key="second").json["status"] == "completed"
    assert available("MUG-RED") == 0
    retry = complete(checkout, token, key="first")
    assert retry.json == answer.json


def test_repeated_key_places_one_order_and_repeats_the_response() -> None:
    publish_with_stock(mug(), pieces=5)
    checkout = create(("mug.1", 2))
    first, second = complete(checkout, key="once"), complete(checkout, key="once")
    assert first.text == second.text
    assert available("MUG-RED") == 3


def test_key_reused_with_another_body_is_rejected() -> None:
    publish_with_stock(mug(), pieces=5)
    checkout = create(("mug.1", 2))
    assert complete(checkout, "tok_success", key="once").status == 200
    rejected = complete(checkout, "tok_declined", key="once")
    assert (rejected.status, rejected.json["messages"][0]["code"]) == (
        409,
        "idempotency_key_reused",
    )
    assert available("MUG-RED") == 3


def test_key_is_scoped_to_one_operation_on_one_checkout() -> None:
    publish_with_stock(mug(), pieces=5)
    assert complete(create(("mug.1", 1)), key="once").json["status"] == "completed"
    assert complete(create(("mug.1", 1)), key="once").json["status"] == "completed"
    assert available("MUG-RED") == 3


def test_completed_checkout_rejects_update_complete_and_cancel() -> None:
    publish_with_stock(mug(), pieces=5)
    checkout = create(("mug.1", 1))
    complete(checkout)
    for answer in (
        complete(checkout),
        call(update_checkout.handler, UPDATE, checkout_body(("mug.1", 2)), id=checkout["id"]),
        call(cancel_checkout.handler, CANCEL, id=checkout["id"]),
    ):
        assert (answer.status, answer.json["messages"][0]["code"]) == (409, "checkout_completed")
    assert available("MUG-RED") == 4


def test_pending_payment_holds_stock_and_locks_the_checkout() -> None:
    publish_with_stock(mug(), pieces=1)
    checkout = create(("mug.1", 1))
    assert complete(checkout, "tok_never", key="one").json["status"] == "complete_in_progress"
    assert available("MUG-RED") == 0
    other_key = complete(checkout, key="two")
    assert (other_key.status, other_key.json["status"]) == (200, "complete_in_progress")
    assert ("complete_in_progress", None) in message_codes(other_key)
    changed = call(update_checkout.handler, UPDATE, checkout_body(("mug.1", 1)), id=checkout["id"])
    assert (changed.status, changed.json["status"]) == (200, "complete_in_progress")
    assert "order" not in get(checkout)


def test_payment_challenge_escalates_to_the_buyer() -> None:
    publish_with_stock(mug(), pieces=1)
    answer = complete(create(("mug.1", 1)), "tok_challenge")
    assert answer.json["status"] == "requires_escalation"
    assert answer.json["continue_url"].startswith("http://shop.test/sandbox/challenges/")
    assert answer.json["messages"][0]["severity"] == "requires_buyer_review"


def test_provider_outage_is_503_and_a_retry_resumes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    publish_with_stock(mug(), pieces=1)
    checkout = create(("mug.1", 1))
    answer = complete(checkout, "tok_down", key="one")
    assert (answer.status, answer.headers["Retry-After"]) == (503, "5")
    assert get(checkout)["status"] == "complete_in_progress"
    assert available("MUG-RED") == 0
    from shop.payments.gateway import sandbox

    monkeypatch.setitem(sandbox.TOKENS, "tok_down", sandbox.TOKENS["tok_success"])
    monkeypatch.setattr(
        sandbox.SandboxProvider,
        "authorize",
        _authorize_any_token(sandbox.SandboxProvider.authorize),
    )
    retry = complete(checkout, "tok_down", key="one")
    assert (retry.status, retry.json["status"]) == (200, "completed")


def _authorize_any_token(authorize: Any) -> Any:
    from dataclasses import replace

    def patched(self: Any, order_id: str, amount: Any, credential: Any, *, key: str) -> Any:
        valid = replace(credential, token="tok_success")
        return authorize(self, order_id, amount, valid, key=key)

    return patched


def test_cancel_during_pending_payment_releases_stock() -> None:
    publish_with_stock(mug(), pieces=1)
    checkout = create(("mug.1", 1))
    complete(checkout, "tok_never")
    answer = call(cancel_checkout.handler, CANCEL, id=checkout["id"])
    assert (answer.status, answer.json["status"]) == (200, "canceled")
    assert available("MUG-RED") == 1
    assert complete(checkout).status == 409


def test_changed_price_is_reported_and_not_charged() -> None:
    product = publish_with_stock(mug(), pieces=5)
    checkout = create(("mug.1", 1))
    session = _make_offer_older(checkout["id"], timedelta(minutes=20))
    assert session
    from dataclasses import replace

    more_expensive = replace(mug(price=1500), version=product.version)
    DynamoProductCatalog().save(more_expensive, expected_version=product.version)
    answer = complete(checkout)
    assert answer.status == 200
    assert answer.json["status"] != "completed"
    assert ("price_changed", "$.totals") in message_codes(answer)
    assert total(answer.json) == 1500 + 599
    assert available("MUG-RED") == 5
    assert complete(checkout).json["status"] == "completed"


def _make_offer_older(session_id: str, by: timedelta) -> bool:
    """Move a session's offer into the past, as if the buyer had been away."""
    from dataclasses import replace

    from shop.checkout.store import DynamoCheckoutSessionRepository
    from shop.storage.transactions import DynamoUnitOfWork

    sessions = DynamoCheckoutSessionRepository()
    session = sessions.get("guest", session_id, datetime.now(UTC))
    quote = replace(session.offer.quote, at=session.offer.quote.at - by)
    older = replace(session, offer=replace(session.offer, quote=quote))
    DynamoUnitOfWork().commit(sessions.update_op(session, older))
    return True


def test_order_keeps_titles_and_prices_of_an_archived_product() -> None:
    product = publish_with_stock(mug(), pieces=5)
    answer = complete(create(("mug.1", 1)))
    from dataclasses import replace

    from shop.catalog.model import ProductStatus as ProductStatus

    DynamoProductCatalog().save(
        replace(product, status=ProductStatus.ARCHIVED), expected_version=product.version
    )
    order = DynamoOrderRepository().get("guest", answer.json["order"]["id"])
    assert (order.lines[0].title, order.lines[0].unit_price) == ("Enamel Mug – Red", 1299)


def test_order_of_another_owner_is_not_found() -> None:
    publish_with_stock(mug(), pieces=5)
    answer = complete(create(("mug.1", 1)))
    with pytest.raises(NotFound):
        DynamoOrderRepository().get("somebody-else", answer.json["order"]["id"])


def test_update_keeps_line_ids_and_selects_shipping_option() -> None:
    publish_with_stock(mug(), pieces=5)
    checkout = create(("mug.1", 1))
    body = checkout_body(("mug.2", 1), ("mug.1", 2), option="us-express")
    answer = call(update_checkout.handler, UPDATE, body, id=checkout["id"])
    assert answer.status == 200
    assert [(n["id"], n["item"]["id"]) for n in answer.json["line_items"]] == [
        ("li_2", "mug.2"),
        ("li_1", "mug.1"),
    ]
    assert total(answer.json, "fulfillment") == 1999


def test_response_body_is_accepted_as_update() -> None:
    publish_with_stock(mug(), pieces=5)
    checkout = create(("mug.1", 1))
    answer = call(update_checkout.handler, UPDATE, checkout, id=checkout["id"])
    assert answer.status == 200, answer.text
    assert answer.json["totals"] == checkout["totals"]


INVALID_BODIES: list[tuple[str, Any, int]] = [
    ("no body", None, 400),
    ("not JSON", "{", 400),
    ("a list", "[]", 400),
    ("no lines", {"line_items": []}, 400),
    ("nothing", {}, 400),
    ("unknown field", {"line_items": lines(("mug.1", 1)), "cupon": "x"}, 400),
    ("unknown item", {"line_items": lines(("nothing.1", 1))}, 400),
    ("zero", {"line_items": lines(("mug.1", 0))}, 400),
    ("negative", {"line_items": lines(("mug.1", -1))}, 400),
    ("huge", {"line_items": lines(("mug.1", 10**12))}, 400),
    ("a float", {"line_items": [{"item": {"id": "mug.1"}, "quantity": 1.5}]}, 400),
    ("a string", {"line_items": [{"item": {"id": "mug.1"}, "quantity": "1"}]}, 400),
    ("a boolean", {"line_items": [{"item": {"id": "mug.1"}, "quantity": True}]}, 400),
    ("null", {"line_items": None}, 400),
    ("bad email", {"line_items": lines(("mug.1", 1)), "buyer": {"email": "jane"}}, 400),
    ("no such cart", {"cart_id": "cart_nothing"}, 404),
    (
        "bad country",
        {"line_items": lines(("mug.1", 1)), "context": {"address_country": "u\ns"}},
        400,
    ),
]


@pytest.mark.parametrize(
    ("case", "body", "status"), INVALID_BODIES, ids=[n[0] for n in INVALID_BODIES]
)
def test_invalid_body_is_a_4xx_with_code_and_content(case: str, body: Any, status: int) -> None:
    publish_with_stock(mug(), pieces=5)
    raw = body if isinstance(body, str) else None
    answer = call(create_checkout.handler, CREATE, None if raw else body, raw=raw)
    assert answer.status == status, answer.text
    assert answer.json["ucp"]["status"] == "error"
    first = answer.json["messages"][0]
    assert first["type"] == "error"
    assert first["code"]
    assert first["content"]


def test_unknown_shipping_option_names_those_offered() -> None:
    publish_with_stock(mug(), pieces=5)
    answer = call(create_checkout.handler, CREATE, checkout_body(("mug.1", 1), option="drone"))
    assert answer.status == 400
    assert "us-standard" in answer.json["messages"][0]["content"]


@pytest.mark.parametrize("handler", [create_checkout.handler, create_cart.handler])
def test_write_without_idempotency_key_is_rejected(handler: Any) -> None:
    publish_with_stock(mug(), pieces=5)
    answer = call(handler, CREATE, {"line_items": lines(("mug.1", 1))}, key="")
    assert (answer.status, answer.json["messages"][0]["code"]) == (400, "idempotency_key_missing")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (payment_body("tok_of_another"), "payment_token_unknown"),
        ({"payment": {"instruments": []}}, "payment_failed"),
        ({"payment": {}}, "payment_failed"),
        ({}, "payment_failed"),
    ],
)
def test_unusable_payment_is_rejected_before_any_write(body: dict[str, Any], code: str) -> None:
    publish_with_stock(mug(), pieces=5)
    checkout = create(("mug.1", 1))
    answer = call(complete_checkout.handler, COMPLETE, body, id=checkout["id"])
    (message,) = answer.json["messages"]
    assert (answer.status, message["code"]) == (400, code)
    if code == "payment_failed":
        assert message["path"] == "$.payment.instruments"
        assert "18.98 USD is due" in message["content"]
    assert get(checkout)["status"] == "ready_for_complete"
    assert available("MUG-RED") == 5


def test_continue_url_is_set_only_with_a_shop_page(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from dataclasses import replace

    publish_with_stock(mug(), pieces=5)
    items = {"line_items": lines(("mug.1", 1))}
    assert "continue_url" not in create(("mug.1", 1))
    assert "continue_url" not in call(create_cart.handler, "POST /carts", items).json
    page = "https://shop.example.com/{kind}/{id}"
    monkeypatch.setattr(create_checkout, "settings", replace(create_checkout.settings, page=page))
    monkeypatch.setattr(create_cart, "page", page)
    checkout = create(("mug.1", 1))
    cart = call(create_cart.handler, "POST /carts", items).json
    assert checkout["continue_url"] == f"https://shop.example.com/checkout/{checkout['id']}"
    assert cart["continue_url"] == f"https://shop.example.com/cart/{cart['id']}"


def test_unknown_checkout_is_404() -> None:
    for handler, route, body in (
        (get_checkout.handler, GET, None),
        (update_checkout.handler, UPDATE, checkout_body(("mug.1", 1))),
        (complete_checkout.handler, COMPLETE, payment_body("tok_success")),
        (cancel_checkout.handler, CANCEL, None),
    ):
        answer = call(handler, route, body, id="chk_nothing")
        assert (answer.status, answer.json["messages"][0]["code"]) == (404, "not_found")


def test_two_money_instruments_are_rejected() -> None:
    publish_with_stock(mug(), pieces=5)
    checkout = create(("mug.1", 1))
    body = payment_body("tok_success")
    body["payment"]["instruments"] *= 2
    answer = call(complete_checkout.handler, COMPLETE, body, id=checkout["id"])
    (message,) = answer.json["messages"]
    assert (answer.status, message["code"]) == (400, "payment_instruments_invalid")
    assert available("MUG-RED") == 5


def test_unreadable_payment_releases_stock_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from shop.kernel.errors import InvalidRequest
    from shop.payments.gateway.sandbox import SandboxProvider

    def unreadable(*_: Any, **__: Any) -> Any:
        raise InvalidRequest("no such payment method", code="payment_method_unknown")

    publish_with_stock(mug(), pieces=1)
    checkout = create(("mug.1", 1))
    with monkeypatch.context() as patch:
        patch.setattr(SandboxProvider, "authorize", unreadable)
        answer = complete(checkout)
        assert (answer.status, answer.json["messages"][0]["code"]) == (
            400,
            "payment_method_unknown",
        )
    assert available("MUG-RED") == 1
    assert complete(checkout).json["status"] == "completed"


def test_payment_confirmed_during_cancel_keeps_the_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Given a payment that is confirmed after the cancellation has read the order
    publish_with_stock(mug(), pieces=1)
    checkout = create(("mug.1", 1))
    assert complete(checkout, "tok_pending").json["status"] == "complete_in_progress"
    get_order = DynamoOrderRepository.get

    def get_then_pay(self: DynamoOrderRepository, owner: str, order_id: str) -> Order:
        order = get_order(self, owner, order_id)
        monkeypatch.undo()
        confirmed_payment = ProviderPaymentState(
            "pay_1", PaymentStatus.AUTHORIZED, authorized=order.total
        )
        orders = order_fixture()
        record_payment(
            order_id, confirmed_payment, at=datetime.now(UTC), actor="sandbox", writes=orders.writes
        )
        return order

    # When the buyer cancels the checkout
    monkeypatch.setattr(DynamoOrderRepository, "get", get_then_pay)
    answer = call(cancel_checkout.handler, CANCEL, id=checkout["id"])
    assert (answer.status, answer.json["messages"][0]["code"]) == (409, "checkout_completed")
    # Then the cancellation is rejected and the order stands
    shown = get(checkout)
    assert shown["status"] == "completed"
    order = DynamoOrderRepository().get("guest", shown["order"]["id"])
    assert (order.status, available("MUG-RED")) == (OrderStatus.CONFIRMED, 0)


def test_payment_for_a_canceled_checkout_confirms_no_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    publish_with_stock(mug(), pieces=1)
    checkout = create(("mug.1", 1))
    authorize = SandboxProvider.authorize

    def authorize_after_cancel(
        self: SandboxProvider, *arguments: Any, **changes: Any
    ) -> ProviderPaymentState:
        report = authorize(self, *arguments, **changes)
        canceled = call(cancel_checkout.handler, CANCEL, id=checkout["id"])
        assert canceled.json["status"] == "canceled"
        return report

    monkeypatch.setattr(SandboxProvider, "authorize", authorize_after_cancel)
    answer = complete(checkout)
    assert (answer.json["status"], answer.json["messages"][0]["code"]) == (
        "incomplete",
        "payment_failed",
    )
    assert get(checkout)["status"] == "canceled"
    order = DynamoOrderRepository().get("guest", derived_id("ord", checkout["id"], "1"))
    assert (order.status, available("MUG-RED")) == (OrderStatus.CANCELLED, 1)
    assert not order.was_confirmed
    assert order.payment.total_of("authorized") == order.total  # refunded by the event
