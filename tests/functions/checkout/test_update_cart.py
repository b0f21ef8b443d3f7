"""A cart and the goods it will hold are read together, each time anew."""

from dataclasses import replace
from typing import Any

import pytest

from functions.cart import create_cart, get_cart, update_cart
from shop.catalog.store import DynamoProductCatalog
from shop.kernel.money import Money
from shop.kernel.unit_of_work import WriteOperation
from shop.storage.transactions import DynamoUnitOfWork
from tests.functions.checkout.test_customers import asking
from tests.kit.products import lines, mug, publish_with_stock
from tests.kit.shop import ApiResponse, call

pytestmark = pytest.mark.usefixtures("cloud")

ROUTE = "PUT /carts/{id}"
RED = {"line_items": lines(("mug.1", 2))}
BLUE = {"line_items": lines(("mug.2", 1))}


@pytest.fixture
def cart() -> str:
    publish_with_stock(mug(), pieces=50)
    return str(call(create_cart.handler, "POST /carts", RED).json["id"])


def changed(cart: str, body: dict[str, Any] = BLUE, **more: Any) -> ApiResponse:
    return call(update_cart.handler, ROUTE, body, id=cart, **more)


def dearer() -> None:
    catalogue = DynamoProductCatalog()
    before = catalogue.get("mug")
    variants = tuple(replace(each, price=Money(5000, "USD")) for each in before.variants)
    catalogue.save(replace(before, variants=variants), expected_version=before.version)


class Overtaken(DynamoUnitOfWork):
    """Somebody else changes the cart, and the shop its prices, between reading and writing."""

    def __init__(self, cart: str) -> None:
        super().__init__()
        self.cart = cart

    def commit(self, *parts: WriteOperation) -> None:
        update_cart.uow = DynamoUnitOfWork()
        assert changed(self.cart, RED).status == 200
        dearer()
        super().commit(*parts)


def test_who_was_overtaken_and_tries_again_is_answered_with_what_is_true_by_then(
    cart: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(update_cart, "uow", Overtaken(cart))
    assert changed(cart, key="mine").status == 409
    again = changed(cart, key="mine")
    assert again.status == 200
    assert again.json["line_items"][0]["item"]["price"] == 5000
    shown = call(get_cart.handler, "GET /carts/{id}", id=cart).json
    assert [line["item"]["id"] for line in shown["line_items"]] == ["mug.2"]


def test_the_next_change_sees_the_prices_of_its_own_moment(cart: str) -> None:
    assert changed(cart).json["line_items"][0]["item"]["price"] == 1399
    dearer()
    assert changed(cart).json["line_items"][0]["item"]["price"] == 5000


def test_a_change_asked_for_twice_is_answered_as_the_first_time(cart: str) -> None:
    first = changed(cart, key="mine")
    dearer()
    assert changed(cart, key="mine").text == first.text


def test_another_owners_cart_and_none_at_all_are_not_found(cart: str) -> None:
    theirs = asking(update_cart, ROUTE, BLUE, ann=True, id=cart)
    assert (theirs.status, changed("cart_none").status) == (404, 404)


def test_goods_that_are_not_sold_are_refused_line_by_line(cart: str) -> None:
    answer = changed(cart, {"line_items": lines(("mug.1", 1), ("none.1", 1))})
    assert "none.1" in answer.text
    shown = call(get_cart.handler, "GET /carts/{id}", id=cart).json
    assert [line["item"]["id"] for line in shown["line_items"]] == ["mug.1"]
