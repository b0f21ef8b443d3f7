"""Buying through the checkout's doors."""

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


def begin(*wanted: tuple[str, int], **more: Any) -> dict[str, Any]:
    answer = call(create_checkout.handler, CREATE, checkout_body(*wanted, **more))
    assert answer.status == 201, answer.text
    checkout: dict[str, Any] = answer.json
    return checkout


def pay(
    checkout: dict[str, Any], token: str = "tok_success", key: str | None = None
) -> ApiResponse:
    return call(
        complete_checkout.handler, COMPLETE, payment_body(token), key=key, id=checkout["id"]
    )


def look(checkout: dict[str, Any]) -> dict[str, Any]:
    shown: dict[str, Any] = call(get_checkout.handler, GET, id=checkout["id"]).json
    return shown


def available(sku: str) -> int:
    return DynamoStockRepository().level(sku).available


def codes(answer: ApiResponse) -> list[tuple[str, str | None]]:
    return [(m["code"], m.get("path")) for m in answer.json.get("messages", [])]


def total(checkout: dict[str, Any], kind: str = "total") -> int:
    amount: int = next(t["amount"] for t in checkout["totals"] if t["type"] == kind)
    return amount


def test_a_guest_buys_with_an_email_and_an_address() -> None:
    publish_with_stock(mug(), pieces=5)
    checkout = begin(("mug.1", 2), ("mug.2", 1))
    assert checkout["status"] == "ready_for_complete"
    answer = pay(checkout)
    assert (answer.status, answer.json["status"]) == (200, "completed")
    order = DynamoOrderRepository().get("guest", answer.json["order"]["id"])
    assert order.status is OrderStatus.CONFIRMED
    assert order.total == total(checkout) == 2 * 1299 + 1399 + 599
    assert (available("MUG-RED"), available("MUG-BLUE")) == (3, 4)


def test_totals_add_up_to_the_total() -> None:
    publish_with_stock(mug(), pieces=5)
    checkout = begin(("mug.1", 3), option="us-express")
    parts = [t["amount"] for t in checkout["totals"] if t["type"] != "total"]
    assert sum(parts) == total(checkout)
    assert total(checkout, "fulfillment") == 1999


def test_a_checkout_says_what_it_still_needs_and_where() -> None:
    publish_with_stock(mug(), pieces=5)
    answer = call(create_checkout.handler, CREATE, {"line_items": lines(("mug.1", 1))})
    assert answer.json["status"] == "incomplete"
    assert codes(answer) == [
        ("missing", "$.buyer.email"),
        ("missing", "$.fulfillment.methods[0].destinations"),
    ]
    refused = pay(answer.json)
    assert (refused.status, refused.json["status"]) == (200, "incomplete")
    assert available("MUG-RED") == 5


def test_an_address_that_lacks_something_is_asked_for_it() -> None:
    publish_with_stock(mug(), pieces=5)
    body = checkout_body(("mug.1", 1))
    body["fulfillment"]["methods"][0]["destinations"] = [{"address_country": "US"}]
    answer = call(create_checkout.handler, CREATE, body)
    where = "$.fulfillment.methods[0].destinations[0]"
    assert [path for _, path in codes(answer)] == [
        f"{where}.street_address",
        f"{where}.address_locality",
        f"{where}.postal_code",
    ]


@pytest.mark.parametrize(
    ("more", "path"),
    [
        ({"address_country": "ZZ"}, "address_country"),
        ({"address_country": "EU"}, "address_country"),
        ({"address_country": "us"}, "address_country"),
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
def test_an_address_that_cannot_be_is_refused_with_its_place(
    more: dict[str, Any], path: str
) -> None:
    publish_with_stock(mug(), pieces=5)
    body = checkout_body(("mug.1", 1))
    address = {**body["fulfillment"]["methods"][0]["destinations"][0], **more}
    body["fulfillment"]["methods"][0]["destinations"] = [address]
    answer = call(create_checkout.handler, CREATE, body)
    assert answer.status == 400
    assert [p for _, p in codes(answer)] == [f"$.fulfillment.methods[0].destinations[0].{path}"]


@pytest.mark.parametrize(
    ("buyer", "path"),
    [
        ({"email": "jane"}, "email"),
        ({"email": "jane@localhost"}, "email"),
        ({"email": "jane\x7f@example.com"}, "email"),
        ({"email": "jane@exa mple.com"}, "email"),
        ({"email": "jane@example..com"}, "email"),
        ({"phone_number": "0"}, "phone_number"),
        ({"last_name": "Doe\n"}, "last_name"),
    ],
)
def test_a_buyer_who_cannot_be_reached_is_refused_with_the_place(
    buyer: dict[str, str], path: str
) -> None:
    publish_with_stock(mug(), pieces=5)
    body = {**checkout_body(("mug.1", 1)), "buyer": {"email": "jane@example.com", **buyer}}
    for handler, route in ((create_checkout.handler, CREATE), (create_cart.handler, "POST /carts")):
        asked = body if route == CREATE else {k: body[k] for k in ("line_items", "buyer")}
        answer = call(handler, route, asked)
        assert answer.status == 400
        assert [p for _, p in codes(answer)] == [f"$.buyer.{path}"]


def test_a_total_that_no_reader_of_json_would_get_right_is_refused() -> None:
    publish_with_stock(mug(price=10**12), pieces=5)
    for handler, route in ((create_checkout.handler, CREATE), (create_cart.handler, "POST /carts")):
        body: dict[str, Any] = {"line_items": lines(("mug.1", 10_000))}
        answer = call(handler, route, body)
        assert (answer.status, codes(answer)) == (400, [("amount_out_of_range", "$.line_items")])
        assert call(handler, route, {"line_items": lines(("mug.1", 9_000))}).status == 201


def test_where_the_shop_does_not_deliver_it_says_so() -> None:
    publish_with_stock(mug(), pieces=5)
    body = checkout_body(("mug.1", 1))
    body["fulfillment"]["methods"][0]["destinations"][0] = {
        "street_address": "1",
        "address_locality": "Pyongyang",
        "address_country": "KP",
    }
    answer = call(create_checkout.handler, CREATE, body)
    assert codes(answer) == [("address_undeliverable", "$.fulfillment.methods[0].destinations[0]")]


def test_a_cart_becomes_a_checkout_and_outranks_what_is_sent_beside_it() -> None:
    publish_with_stock(mug(), pieces=5)
    cart = call(create_cart.handler, "POST /carts", {"line_items": lines(("mug.2", 3))}).json
    body = {**checkout_body(("mug.1", 1)), "cart_id": cart["id"]}
    checkout = call(create_checkout.handler, CREATE, body).json
    assert [(n["item"]["id"], n["quantity"]) for n in checkout["line_items"]] == [("mug.2", 3)]


def test_every_short_line_is_told_and_nothing_is_taken() -> None:
    publish_with_stock(mug(), pieces=2)
    checkout = begin(("mug.1", 2), ("mug.2", 2))
    other = begin(("mug.1", 1), ("mug.2", 1))
    assert pay(other).json["status"] == "completed"
    answer = pay(checkout)
    assert (answer.status, answer.json["status"]) == (200, "incomplete")
    assert codes(answer) == [
        ("out_of_stock", "$.line_items[0].quantity"),
        ("out_of_stock", "$.line_items[1].quantity"),
    ]
    assert (available("MUG-RED"), available("MUG-BLUE")) == (1, 1)


def test_several_lines_of_one_sku_are_added_up() -> None:
    publish_with_stock(mug(), pieces=3)
    answer = call(create_checkout.handler, CREATE, checkout_body(("mug.1", 2), ("mug.1", 2)))
    assert answer.json["status"] == "incomplete"
    assert [code for code, _ in codes(answer)] == ["out_of_stock", "out_of_stock"]
    assert pay(begin(("mug.1", 2), ("mug.1", 1))).json["status"] == "completed"
    assert available("MUG-RED") == 0


def test_stock_that_came_back_can_be_bought_without_an_update() -> None:
    publish_with_stock(mug(), pieces=1)
    first, second = begin(("mug.1", 1)), begin(("mug.1", 1))
    assert pay(first, "tok_pending").json["status"] == "complete_in_progress"
    assert pay(second).json["status"] == "incomplete"
    assert call(cancel_checkout.handler, CANCEL, id=first["id"]).json["status"] == "canceled"
    assert pay(second).json["status"] == "completed"


@pytest.mark.parametrize("token", ["tok_declined", "tok_insufficient_funds"])
def test_a_declined_payment_gives_the_stock_back_and_another_may_be_tried(token: str) -> None:
    publish_with_stock(mug(), pieces=1)
    checkout = begin(("mug.1", 1))
    answer = pay(checkout, token, key="first")
    assert (answer.status, answer.json["status"]) == (200, "incomplete")
    assert codes(answer) == [("payment_failed", "$.payment.instruments[0]")]
    assert available("MUG-RED") == 1
    assert pay(checkout, key="second").json["status"] == "completed"
    assert available("MUG-RED") == 0
    again = pay(checkout, token, key="first")
    assert again.json == answer.json


def test_the_same_key_buys_once_and_gets_the_same_answer() -> None:
    publish_with_stock(mug(), pieces=5)
    checkout = begin(("mug.1", 2))
    first, second = pay(checkout, key="once"), pay(checkout, key="once")
    assert first.text == second.text
    assert available("MUG-RED") == 3


def test_the_same_key_with_another_body_is_refused() -> None:
    publish_with_stock(mug(), pieces=5)
    checkout = begin(("mug.1", 2))
    assert pay(checkout, "tok_success", key="once").status == 200
    refused = pay(checkout, "tok_declined", key="once")
    assert (refused.status, refused.json["messages"][0]["code"]) == (409, "idempotency_key_reused")
    assert available("MUG-RED") == 3


def test_a_key_speaks_for_one_operation_on_one_checkout() -> None:
    publish_with_stock(mug(), pieces=5)
    assert pay(begin(("mug.1", 1)), key="once").json["status"] == "completed"
    assert pay(begin(("mug.1", 1)), key="once").json["status"] == "completed"
    assert available("MUG-RED") == 3


def test_a_completed_checkout_cannot_be_changed_paid_again_or_cancelled() -> None:
    publish_with_stock(mug(), pieces=5)
    checkout = begin(("mug.1", 1))
    pay(checkout)
    for answer in (
        pay(checkout),
        call(update_checkout.handler, UPDATE, checkout_body(("mug.1", 2)), id=checkout["id"]),
        call(cancel_checkout.handler, CANCEL, id=checkout["id"]),
    ):
        assert (answer.status, answer.json["messages"][0]["code"]) == (409, "checkout_completed")
    assert available("MUG-RED") == 4


def test_a_payment_that_takes_its_time_keeps_the_stock_and_freezes_the_checkout() -> None:
    publish_with_stock(mug(), pieces=1)
    checkout = begin(("mug.1", 1))
    assert pay(checkout, "tok_never", key="one").json["status"] == "complete_in_progress"
    assert available("MUG-RED") == 0
    other_key = pay(checkout, key="two")
    assert (other_key.status, other_key.json["status"]) == (200, "complete_in_progress")
    assert ("complete_in_progress", None) in codes(other_key)
    changed = call(update_checkout.handler, UPDATE, checkout_body(("mug.1", 1)), id=checkout["id"])
    assert (changed.status, changed.json["status"]) == (200, "complete_in_progress")
    assert "order" not in look(checkout)


def test_a_challenge_hands_the_buyer_over() -> None:
    publish_with_stock(mug(), pieces=1)
    answer = pay(begin(("mug.1", 1)), "tok_challenge")
    assert answer.json["status"] == "requires_escalation"
    assert answer.json["continue_url"].startswith("http://shop.test/sandbox/challenges/")
    assert answer.json["messages"][0]["severity"] == "requires_buyer_review"


def test_a_provider_that_is_down_is_a_503_and_the_same_request_goes_on_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    publish_with_stock(mug(), pieces=1)
    checkout = begin(("mug.1", 1))
    answer = pay(checkout, "tok_down", key="one")
    assert (answer.status, answer.headers["Retry-After"]) == (503, "5")
    assert look(checkout)["status"] == "complete_in_progress"
    assert available("MUG-RED") == 0
    from shop.payments.gateway import sandbox

    monkeypatch.setitem(sandbox.TOKENS, "tok_down", sandbox.TOKENS["tok_success"])
    monkeypatch.setattr(
        sandbox.SandboxProvider,
        "authorise",
        _authorise_whatever(sandbox.SandboxProvider.authorise),
    )
    again = pay(checkout, "tok_down", key="one")
    assert (again.status, again.json["status"]) == (200, "completed")


def _authorise_whatever(authorise: Any) -> Any:
    from dataclasses import replace

    def patched(self: Any, order_id: str, amount: Any, credential: Any, *, key: str) -> Any:
        good = replace(credential, token="tok_success")
        return authorise(self, order_id, amount, good, key=key)

    return patched


def test_cancelling_while_a_payment_is_pending_gives_the_stock_back() -> None:
    publish_with_stock(mug(), pieces=1)
    checkout = begin(("mug.1", 1))
    pay(checkout, "tok_never")
    answer = call(cancel_checkout.handler, CANCEL, id=checkout["id"])
    assert (answer.status, answer.json["status"]) == (200, "canceled")
    assert available("MUG-RED") == 1
    assert pay(checkout).status == 409


def test_a_price_that_changed_is_said_and_not_charged() -> None:
    product = publish_with_stock(mug(), pieces=5)
    checkout = begin(("mug.1", 1))
    session = _age(checkout["id"], timedelta(minutes=20))
    assert session
    from dataclasses import replace

    dearer = replace(mug(price=1500), version=product.version)
    DynamoProductCatalog().save(dearer, expected_version=product.version)
    answer = pay(checkout)
    assert answer.status == 200
    assert answer.json["status"] != "completed"
    assert ("price_changed", "$.totals") in codes(answer)
    assert total(answer.json) == 1500 + 599
    assert available("MUG-RED") == 5
    assert pay(checkout).json["status"] == "completed"


def _age(session_id: str, by: timedelta) -> bool:
    """Make a session's offer as old as this, as if the buyer had been away."""
    from dataclasses import replace

    from shop.checkout.store import DynamoCheckoutSessionRepository
    from shop.storage.transactions import DynamoUnitOfWork

    sessions = DynamoCheckoutSessionRepository()
    session = sessions.get("guest", session_id, datetime.now(UTC))
    quote = replace(session.offer.quote, at=session.offer.quote.at - by)
    older = replace(session, offer=replace(session.offer, quote=quote))
    DynamoUnitOfWork().commit(sessions.update_op(session, older))
    return True


def test_an_order_keeps_its_names_and_prices_when_the_product_goes() -> None:
    product = publish_with_stock(mug(), pieces=5)
    answer = pay(begin(("mug.1", 1)))
    from dataclasses import replace

    from shop.catalog.model import ProductStatus as ProductStatus

    DynamoProductCatalog().save(
        replace(product, status=ProductStatus.ARCHIVED), expected_version=product.version
    )
    order = DynamoOrderRepository().get("guest", answer.json["order"]["id"])
    assert (order.lines[0].title, order.lines[0].unit_price) == ("Enamel Mug – Red", 1299)


def test_a_stranger_does_not_find_somebody_elses_order() -> None:
    publish_with_stock(mug(), pieces=5)
    answer = pay(begin(("mug.1", 1)))
    with pytest.raises(NotFound):
        DynamoOrderRepository().get("somebody-else", answer.json["order"]["id"])


def test_an_update_keeps_line_ids_and_takes_the_way_of_shipping_chosen() -> None:
    publish_with_stock(mug(), pieces=5)
    checkout = begin(("mug.1", 1))
    body = checkout_body(("mug.2", 1), ("mug.1", 2), option="us-express")
    answer = call(update_checkout.handler, UPDATE, body, id=checkout["id"])
    assert answer.status == 200
    assert [(n["id"], n["item"]["id"]) for n in answer.json["line_items"]] == [
        ("li_2", "mug.2"),
        ("li_1", "mug.1"),
    ]
    assert total(answer.json, "fulfillment") == 1999


def test_what_is_shown_may_be_sent_back_whole() -> None:
    publish_with_stock(mug(), pieces=5)
    checkout = begin(("mug.1", 1))
    answer = call(update_checkout.handler, UPDATE, checkout, id=checkout["id"])
    assert answer.status == 200, answer.text
    assert answer.json["totals"] == checkout["totals"]


NEVER: list[tuple[str, Any, int]] = [
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
        {"line_items": lines(("mug.1", 1)), "context": {"address_country": "usa"}},
        400,
    ),
]


@pytest.mark.parametrize(("said", "body", "status"), NEVER, ids=[n[0] for n in NEVER])
def test_bad_input_is_a_clear_4xx(said: str, body: Any, status: int) -> None:
    publish_with_stock(mug(), pieces=5)
    raw = body if isinstance(body, str) else None
    answer = call(create_checkout.handler, CREATE, None if raw else body, raw=raw)
    assert answer.status == status, answer.text
    assert answer.json["ucp"]["status"] == "error"
    first = answer.json["messages"][0]
    assert first["type"] == "error"
    assert first["code"]
    assert first["content"]


def test_an_unknown_option_names_those_there_are() -> None:
    publish_with_stock(mug(), pieces=5)
    answer = call(create_checkout.handler, CREATE, checkout_body(("mug.1", 1), option="drone"))
    assert answer.status == 400
    assert "us-standard" in answer.json["messages"][0]["content"]


@pytest.mark.parametrize("handler", [create_checkout.handler, create_cart.handler])
def test_a_change_without_a_key_is_refused(handler: Any) -> None:
    publish_with_stock(mug(), pieces=5)
    answer = call(handler, CREATE, {"line_items": lines(("mug.1", 1))}, key="")
    assert (answer.status, answer.json["messages"][0]["code"]) == (400, "idempotency_key_missing")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (payment_body("tok_of_another"), "payment_token_unknown"),
        ({"payment": {"instruments": []}}, "missing"),
        ({"payment": {}}, "missing"),
        ({}, "missing"),
    ],
)
def test_what_cannot_be_paid_with_is_refused_before_anything_is_set_in_motion(
    body: dict[str, Any], code: str
) -> None:
    publish_with_stock(mug(), pieces=5)
    checkout = begin(("mug.1", 1))
    answer = call(complete_checkout.handler, COMPLETE, body, id=checkout["id"])
    assert (answer.status, answer.json["messages"][0]["code"]) == (400, code)
    assert look(checkout)["status"] == "ready_for_complete"


def test_a_buyer_is_handed_over_to_the_shops_page_where_there_is_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from dataclasses import replace

    publish_with_stock(mug(), pieces=5)
    items = {"line_items": lines(("mug.1", 1))}
    assert "continue_url" not in begin(("mug.1", 1))
    assert "continue_url" not in call(create_cart.handler, "POST /carts", items).json
    page = "https://shop.example.com/{kind}/{id}"
    monkeypatch.setattr(create_checkout, "settings", replace(create_checkout.settings, page=page))
    monkeypatch.setattr(create_cart, "page", page)
    checkout = begin(("mug.1", 1))
    cart = call(create_cart.handler, "POST /carts", items).json
    assert checkout["continue_url"] == f"https://shop.example.com/checkout/{checkout['id']}"
    assert cart["continue_url"] == f"https://shop.example.com/cart/{cart['id']}"


def test_a_checkout_that_is_not_there_is_a_404() -> None:
    for handler, route, body in (
        (get_checkout.handler, GET, None),
        (update_checkout.handler, UPDATE, checkout_body(("mug.1", 1))),
        (complete_checkout.handler, COMPLETE, payment_body("tok_success")),
        (cancel_checkout.handler, CANCEL, None),
    ):
        answer = call(handler, route, body, id="chk_nothing")
        assert (answer.status, answer.json["messages"][0]["code"]) == (404, "not_found")


def test_several_instruments_are_refused_since_payments_are_not_split() -> None:
    publish_with_stock(mug(), pieces=5)
    checkout = begin(("mug.1", 1))
    body = payment_body("tok_success")
    body["payment"]["instruments"] *= 2
    answer = call(complete_checkout.handler, COMPLETE, body, id=checkout["id"])
    assert (answer.status, answer.json["messages"][0]["code"]) == (400, "payment_failed")
    assert available("MUG-RED") == 5


def test_what_the_provider_cannot_read_gives_the_stock_back_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from shop.kernel.errors import InvalidRequest
    from shop.payments.gateway.sandbox import SandboxProvider

    def unreadable(*_: Any, **__: Any) -> Any:
        raise InvalidRequest("no such payment method", code="payment_method_unknown")

    publish_with_stock(mug(), pieces=1)
    checkout = begin(("mug.1", 1))
    with monkeypatch.context() as patch:
        patch.setattr(SandboxProvider, "authorise", unreadable)
        answer = pay(checkout)
        assert (answer.status, answer.json["messages"][0]["code"]) == (
            400,
            "payment_method_unknown",
        )
    assert available("MUG-RED") == 1
    assert pay(checkout).json["status"] == "completed"


def test_a_payment_that_is_certain_while_the_buyer_leaves_wins_and_the_order_stands(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    publish_with_stock(mug(), pieces=1)
    checkout = begin(("mug.1", 1))
    assert pay(checkout, "tok_pending").json["status"] == "complete_in_progress"
    read = DynamoOrderRepository.get

    def paid_after_it_was_read(self: DynamoOrderRepository, owner: str, order_id: str) -> Order:
        order = read(self, owner, order_id)
        monkeypatch.undo()
        sure = ProviderPaymentState("pay_1", PaymentStatus.AUTHORISED, authorised=order.total)
        room = order_fixture()
        record_payment(order_id, sure, at=datetime.now(UTC), actor="sandbox", writes=room.writes)
        return order

    monkeypatch.setattr(DynamoOrderRepository, "get", paid_after_it_was_read)
    answer = call(cancel_checkout.handler, CANCEL, id=checkout["id"])
    assert (answer.status, answer.json["messages"][0]["code"]) == (409, "checkout_completed")
    shown = look(checkout)
    assert shown["status"] == "completed"
    order = DynamoOrderRepository().get("guest", shown["order"]["id"])
    assert (order.status, available("MUG-RED")) == (OrderStatus.CONFIRMED, 0)


def test_money_for_a_checkout_that_was_left_meanwhile_is_not_a_purchase(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    publish_with_stock(mug(), pieces=1)
    checkout = begin(("mug.1", 1))
    authorise = SandboxProvider.authorise

    def left_before_the_money_came(
        self: SandboxProvider, *asked: Any, **more: Any
    ) -> ProviderPaymentState:
        report = authorise(self, *asked, **more)
        left = call(cancel_checkout.handler, CANCEL, id=checkout["id"])
        assert left.json["status"] == "canceled"
        return report

    monkeypatch.setattr(SandboxProvider, "authorise", left_before_the_money_came)
    assert pay(checkout).json["status"] != "completed"
    assert look(checkout)["status"] == "canceled"
    order = DynamoOrderRepository().get("guest", derived_id("ord", checkout["id"], "1"))
    assert (order.status, available("MUG-RED")) == (OrderStatus.CANCELLED, 1)
    assert not order.was_confirmed
    assert order.payment.total_of("authorised") == order.total  # its event gives it back
