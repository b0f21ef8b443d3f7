"""A cart has one open checkout: a second request for it returns the first one's checkout."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch

import pytest

from functions.cart import create_cart, get_cart, update_cart
from functions.checkout import (
    cancel_checkout,
    complete_checkout,
    create_checkout,
    get_checkout,
    update_checkout,
)
from shop.cart.model import Cart
from shop.cart.store import DynamoCartRepository
from shop.entrypoints import http
from tests.functions.checkout.test_customer_prices import asking
from tests.functions.checkout.test_discounts import coupon, run
from tests.kit.products import ADDRESS, checkout_body, lines, mug, payment_body, publish_with_stock
from tests.kit.shop import ApiResponse, call
from tests.kit.ucp_validator import assert_valid_ucp

CREATE = "POST /checkout-sessions"
GET = "GET /checkout-sessions/{id}"
UPDATE = "PUT /checkout-sessions/{id}"
COMPLETE = "POST /checkout-sessions/{id}/complete"
CANCEL = "POST /checkout-sessions/{id}/cancel"
CART = "PUT /carts/{id}"

EMPTY_TO = {"fulfillment": {"methods": [{"type": "shipping", "destinations": [ADDRESS]}]}}
BUYER = {"email": "jane@example.com"}

Body = dict[str, Any]


@pytest.fixture(autouse=True)
def _goods_on_sale(cloud: None) -> None:
    publish_with_stock(mug(), pieces=50)


def new_cart(*wanted: tuple[str, int], **more: Any) -> Body:
    body = {"line_items": lines(*(wanted or (("mug.1", 2),))), "buyer": BUYER, **more}
    cart = call(create_cart.handler, "POST /carts", body)
    assert cart.status == 201, cart.text
    return dict(cart.json)


def change_cart(cart: Body, *wanted: tuple[str, int], **more: Any) -> None:
    body = {"line_items": lines(*wanted), "buyer": BUYER, **more}
    assert call(update_cart.handler, CART, body, id=cart["id"]).status == 200


def check_out(cart: Body, key: str | None = None, **more: Any) -> Body:
    answer = call(
        create_checkout.handler, CREATE, {"cart_id": cart["id"], **EMPTY_TO, **more}, key=key
    )
    assert answer.status == 201, answer.text
    assert_valid_ucp("checkout with fulfillment", answer.json)
    return dict(answer.json)


def complete(checkout: Body, token: str = "tok_success") -> ApiResponse:
    return call(complete_checkout.handler, COMPLETE, payment_body(token), id=checkout["id"])


def goods(checkout: Body) -> list[tuple[str, int]]:
    return [(line["item"]["id"], line["quantity"]) for line in checkout["line_items"]]


def total(checkout: Body) -> int:
    return next(int(each["amount"]) for each in checkout["totals"] if each["type"] == "total")


def codes(answer: Body) -> list[str]:
    return [message["code"] for message in answer.get("messages", [])]


def test_second_request_for_a_cart_returns_its_open_checkout() -> None:
    # Given a cart with an open checkout
    cart = new_cart()
    first = check_out(cart)
    assert codes(first) == []
    # When another tab checks the cart out, with a key and an address of its own
    second = check_out(cart, fulfillment={"methods": []})
    # Then it gets the open checkout, unchanged, and is told so
    assert (second["id"], codes(second)) == (first["id"], ["checkout_resumed"])
    assert second["fulfillment"] == first["fulfillment"]
    assert second["status"] == "ready_for_complete"
    assert complete(first).json["status"] == "completed"


def between_read_and_write(monkeypatch: pytest.MonkeyPatch, other: Callable[[], object]) -> None:
    """Run ``other`` once, after the next request has read its cart and before it writes."""
    read = DynamoCartRepository.get

    def read_then_run(self: Any, owner: str, cart_id: str, at: datetime) -> Cart:
        cart = read(self, owner, cart_id, at)
        monkeypatch.setattr(DynamoCartRepository, "get", read)
        other()
        return cart

    monkeypatch.setattr(DynamoCartRepository, "get", read_then_run)


def test_two_requests_at_the_same_moment_get_one_checkout(monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a request that creates the checkout between another's read and its write
    cart, winners = new_cart(), list[Body]()
    between_read_and_write(monkeypatch, lambda: winners.append(check_out(cart)))
    # When that other request goes on
    loser = check_out(cart)
    # Then both have the same checkout, and the buyer pays once
    assert loser["id"] == winners[0]["id"]
    assert complete(winners[0]).json["status"] == "completed"
    paid_twice = complete(loser)
    assert (paid_twice.status, codes(paid_twice.json)) == (409, ["checkout_completed"])


def test_cart_that_changes_during_the_request_is_checked_out_as_changed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cart = new_cart(("mug.1", 2))
    between_read_and_write(monkeypatch, lambda: change_cart(cart, ("mug.2", 3)))
    assert goods(check_out(cart)) == [("mug.2", 3)]


def test_retry_with_the_same_key_repeats_the_first_response() -> None:
    cart = new_cart()
    first = check_out(cart, key="tab")
    change_cart(cart, ("mug.2", 1))
    assert check_out(cart, key="tab") == first


def test_checkout_of_other_lines_is_not_joined() -> None:
    body = checkout_body(("mug.1", 1))
    first, second = (call(create_checkout.handler, CREATE, body).json for _ in range(2))
    assert first["id"] != second["id"]
    assert check_out(new_cart())["id"] != check_out(new_cart())["id"]


def _complete(checkout: Body) -> None:
    assert complete(checkout).json["status"] == "completed"


def _cancel(checkout: Body) -> None:
    assert call(cancel_checkout.handler, CANCEL, id=checkout["id"]).status == 200


@pytest.mark.parametrize("end", [_complete, _cancel], ids=["completed", "canceled"])
def test_cart_of_an_ended_checkout_gets_a_new_one(end: Callable[[Body], None]) -> None:
    cart = new_cart()
    first = check_out(cart)
    end(first)
    second = check_out(cart)
    assert (second["id"] != first["id"], codes(second)) == (True, [])
    assert check_out(cart)["id"] == second["id"]


def test_cart_of_an_expired_checkout_gets_a_new_one() -> None:
    cart = new_cart()
    first = check_out(cart)
    later = datetime.now(UTC) + timedelta(hours=6, seconds=1)
    with patch.object(http, "datetime") as clock:
        clock.now.return_value = later
        second = check_out(cart)
        assert (second["id"] != first["id"], codes(second)) == (True, [])
        assert check_out(cart)["id"] == second["id"]


@pytest.mark.parametrize(
    ("token", "status"),
    [("tok_never", "complete_in_progress"), ("tok_challenge", "requires_escalation")],
)
def test_checkout_that_is_being_paid_is_returned_and_locked(token: str, status: str) -> None:
    # Given a checkout whose payment is under way, and a cart that changes meanwhile
    cart = new_cart(("mug.1", 2))
    first = check_out(cart)
    assert complete(first, token).json["status"] == status
    change_cart(cart, ("mug.2", 1))
    # When the cart is checked out again
    second = check_out(cart)
    # Then the response shows the purchase that is under way and says that the cart differs
    assert (second["id"], second["status"]) == (first["id"], status)
    assert goods(second) == [("mug.1", 2)]
    assert codes(second)[-2:] == ["checkout_resumed", "cart_changed"]


def test_declined_payment_leaves_the_checkout_open() -> None:
    cart = new_cart(("mug.1", 2))
    first = check_out(cart)
    assert complete(first, "tok_declined").json["status"] == "incomplete"
    second = check_out(cart)
    assert (second["id"], second["status"]) == (first["id"], "incomplete")
    assert codes(second) == ["payment_failed", "checkout_resumed"]
    change_cart(cart, ("mug.2", 1))
    third = check_out(cart)
    assert (third["id"], third["status"]) == (first["id"], "ready_for_complete")
    assert goods(third) == [("mug.2", 1)]
    assert complete(third).json["status"] == "completed"


def test_changed_cart_replaces_the_lines_of_its_open_checkout() -> None:
    # Given a checkout with an address and an express option, and a cart that changed since
    cart = new_cart(("mug.1", 2))
    express = {"destinations": [ADDRESS], "groups": [{"selected_option_id": "us-express"}]}
    first = check_out(cart, fulfillment={"methods": [{"type": "shipping", **express}]})
    change_cart(cart, ("mug.1", 1), ("mug.2", 3))
    # When it is checked out again
    second = check_out(cart)
    # Then the checkout has the cart's lines, keeps the delivery, and says what changed
    assert second["id"] == first["id"]
    assert goods(second) == [("mug.1", 1), ("mug.2", 3)]
    group = second["fulfillment"]["methods"][0]["groups"][0]
    assert group["selected_option_id"] == "us-express"
    assert codes(second) == ["checkout_resumed", "cart_changed"]
    assert second["status"] == "ready_for_complete"
    # And the stored checkout is the one shown, once: the next request changes nothing
    shown = call(get_checkout.handler, GET, id=first["id"]).json
    assert (goods(shown), shown["totals"]) == (goods(second), second["totals"])
    assert codes(check_out(cart)) == ["checkout_resumed"]


def test_only_the_part_of_the_cart_that_changed_replaces_the_checkout_s() -> None:
    # Given a buyer who changed the quantity in the checkout, and then adds a code to the cart
    coupon("SAVE-10")
    cart = new_cart(("mug.1", 2))
    first = check_out(cart)
    changed = checkout_body(("mug.1", 5))
    assert call(update_checkout.handler, UPDATE, changed, id=first["id"]).status == 200
    change_cart(cart, ("mug.1", 2), discounts={"codes": ["SAVE-10"]})
    # When the cart is checked out again
    second = check_out(cart)
    # Then the code is taken over, and the quantity of the checkout stays
    assert goods(second) == [("mug.1", 5)]
    assert second["discounts"]["codes"] == ["SAVE-10"]


def test_new_prices_of_the_cart_are_no_change_of_the_buyer() -> None:
    cart = new_cart(("mug.1", 2))
    first = check_out(cart)
    run(id="sale", effect={"kind": "percent_off", "off_ppm": 100_000})
    reading = call(get_cart.handler, "GET /carts/{id}", id=cart["id"])
    assert "total_changed" in codes(reading.json)
    second = check_out(cart)
    assert (second["id"], "cart_changed" in codes(second)) == (first["id"], False)
    assert total(second) < total(first)


def test_resumed_checkout_is_shown_at_current_prices() -> None:
    cart = new_cart(("mug.1", 2))
    first = check_out(cart)
    with patch.object(http, "datetime") as clock:
        clock.now.return_value = datetime.now(UTC) + timedelta(minutes=20)
        second = check_out(cart)
        assert (second["id"], second["totals"]) == (first["id"], first["totals"])
        assert complete(second).json["status"] == "completed"


def test_cart_change_beyond_the_stock_is_reported_by_its_checkout() -> None:
    cart = new_cart(("mug.1", 2))
    check_out(cart)
    change_cart(cart, ("mug.1", 51))
    second = check_out(cart)
    assert second["status"] == "incomplete"
    assert codes(second) == ["out_of_stock", "checkout_resumed", "cart_changed"]


def test_checkout_of_another_owner_is_never_returned() -> None:
    cart = new_cart()
    claimed = asking(create_checkout, CREATE, {"cart_id": cart["id"], **EMPTY_TO})
    assert (claimed.status, codes(claimed.json)) == (201, [])
    answer = call(create_checkout.handler, CREATE, {"cart_id": cart["id"]})
    assert (answer.status, codes(answer.json)) == (404, ["not_found"])
    again = asking(create_checkout, CREATE, {"cart_id": cart["id"]})
    assert again.json["id"] == claimed.json["id"]
