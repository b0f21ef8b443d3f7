"""Updating a cart: the cart and its new variants are prefetched in one call, per attempt."""

from dataclasses import replace
from typing import Any

import pytest

from functions.cart import create_cart, get_cart, update_cart
from shop.catalog.store import DynamoProductCatalog
from shop.kernel.money import Money
from shop.kernel.unit_of_work import WriteOperation
from shop.storage.transactions import DynamoUnitOfWork
from tests.functions.checkout.test_customer_prices import asking
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


def update(cart: str, body: dict[str, Any] = BLUE, **more: Any) -> ApiResponse:
    return call(update_cart.handler, ROUTE, body, id=cart, **more)


def raise_prices() -> None:
    catalog = DynamoProductCatalog()
    before = catalog.get("mug")
    variants = tuple(replace(each, price=Money(5000, "USD")) for each in before.variants)
    catalog.save(replace(before, variants=variants), expected_version=before.version)


class OvertakenUnitOfWork(DynamoUnitOfWork):
    """A unit of work that is overtaken: the cart and the prices change before it commits."""

    def __init__(self, cart: str) -> None:
        super().__init__()
        self.cart = cart

    def commit(self, *parts: WriteOperation) -> None:
        update_cart.uow = DynamoUnitOfWork()
        assert update(self.cart, RED).status == 200
        raise_prices()
        super().commit(*parts)


def test_retry_after_version_conflict_sees_current_prices(
    cart: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(update_cart, "uow", OvertakenUnitOfWork(cart))
    assert update(cart, key="mine").status == 409
    retry = update(cart, key="mine")
    assert retry.status == 200
    assert retry.json["line_items"][0]["item"]["price"] == 5000
    stored_cart = call(get_cart.handler, "GET /carts/{id}", id=cart).json
    assert [line["item"]["id"] for line in stored_cart["line_items"]] == ["mug.2"]


def test_next_update_sees_current_prices(cart: str) -> None:
    assert update(cart).json["line_items"][0]["item"]["price"] == 1399
    raise_prices()
    assert update(cart).json["line_items"][0]["item"]["price"] == 5000


def test_repeated_key_repeats_the_first_response(cart: str) -> None:
    first = update(cart, key="mine")
    raise_prices()
    assert update(cart, key="mine").text == first.text


def test_cart_of_another_owner_and_unknown_cart_are_404(cart: str) -> None:
    assert asking(get_cart, "GET /carts/{id}", ann=True, id=cart).status == 200
    other_owner = asking(update_cart, ROUTE, BLUE, ann=False, id=cart)
    assert (other_owner.status, update("cart_none").status) == (404, 404)


def test_unknown_variants_are_rejected_by_name(cart: str) -> None:
    answer = update(cart, {"line_items": lines(("mug.1", 1), ("none.1", 1))})
    assert "none.1" in answer.text
    stored_cart = call(get_cart.handler, "GET /carts/{id}", id=cart).json
    assert [line["item"]["id"] for line in stored_cart["line_items"]] == ["mug.1"]


@pytest.mark.parametrize("channel", ["shop", "\x84", "\x85web", "web app"])
def test_unknown_channel_is_rejected_in_a_repeated_request_too(cart: str, channel: str) -> None:
    body = {"line_items": lines(("mug.1", 1))}
    first = call(create_cart.handler, "POST /carts", body, key="k", headers={"shop-channel": "web"})
    assert first.status == 201
    again = call(
        create_cart.handler, "POST /carts", body, key="k", headers={"shop-channel": channel}
    )
    assert (again.status, again.json["messages"][0]["code"]) == (400, "channel_unknown")
