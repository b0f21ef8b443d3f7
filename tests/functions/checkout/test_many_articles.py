"""Buying more different articles than one transaction of the database can write."""

from dataclasses import replace
from typing import Any
from unittest.mock import patch

import pytest

from functions.checkout import cancel_checkout, complete_checkout, create_checkout, get_checkout
from functions.orders import get_order
from shop.catalog.model import Product, Variant
from shop.inventory.model import Demand
from shop.inventory.store import DynamoStockRepository
from shop.kernel.errors import Unavailable
from shop.kernel.ids import derived_id
from shop.kernel.money import Money
from shop.orders.model import OrderStatus
from shop.orders.store import DynamoOrderRepository
from shop.storage.connection import connection
from shop.storage.transactions import DynamoUnitOfWork
from tests.kit.aws_call_counter import count_calls
from tests.kit.products import checkout_body, mug, payment_body, publish_with_stock
from tests.kit.shop import ApiResponse, call
from tests.kit.ucp_validator import assert_valid_ucp

pytestmark = [pytest.mark.usefixtures("cloud"), pytest.mark.slow]

COMPLETE = "POST /checkout-sessions/{id}/complete"
ARTICLES = 120


def shelf(number: int = ARTICLES) -> list[tuple[str, int]]:
    """So many articles on sale, three of each; and two of each are wanted, the first twice."""
    template = mug("many")
    for start in range(0, number, 60):
        variants = tuple(
            Variant(
                id=f"many{start}.{n + 1}",
                sku=f"MANY-{start + n:04d}",
                title=f"Number {start + n}",
                price=Money(100, "USD"),
                weight_g=10,
            )
            for n in range(min(60, number - start))
        )
        name = f"many{start}"
        product: Product = replace(template, id=name, handle=name, variants=variants)
        publish_with_stock(product, pieces=3)
    wanted = [(f"many{n // 60 * 60}.{n % 60 + 1}", 2) for n in range(number)]
    return [(wanted[0][0], 1), *wanted]


def begin(wanted: list[tuple[str, int]]) -> dict[str, Any]:
    answer = call(create_checkout.handler, "POST /checkout-sessions", checkout_body(*wanted))
    assert answer.status == 201, answer.text
    checkout: dict[str, Any] = answer.json
    return checkout


def pay(
    checkout: dict[str, Any], token: str = "tok_success", key: str | None = None
) -> ApiResponse:
    return call(
        complete_checkout.handler, COMPLETE, payment_body(token), key=key, id=checkout["id"]
    )


def order_id(checkout: dict[str, Any], attempt: int = 1) -> str:
    return derived_id("ord", checkout["id"], str(attempt))


def left() -> set[int]:
    levels = DynamoStockRepository().levels([f"MANY-{n:04d}" for n in range(1, ARTICLES)])
    return {level.available for level in levels.values()}


def _take(stock: DynamoStockRepository, writes: Any, holds: Any) -> None:
    stock.reserve(writes, holds)


def short(answer: ApiResponse) -> list[str]:
    return [m["path"] for m in answer.json.get("messages", ()) if m["code"] == "out_of_stock"]


def test_an_order_of_many_articles_is_bought_like_any_other() -> None:
    checkout = begin(shelf())
    assert checkout["status"] == "ready_for_complete"
    with count_calls() as calls:
        answer = pay(checkout, key="one")
    assert_valid_ucp("checkout", answer.json)
    assert (answer.status, answer.json["status"]) == (200, "completed")
    order = DynamoOrderRepository().get("guest", answer.json["order"]["id"])
    assert order.status is OrderStatus.CONFIRMED
    assert sum(hold.quantity for hold in order.reservations) == 2 * ARTICLES + 1
    assert left() == {1}
    ours = [made for made in calls.made if made.operation == "TransactWriteItems"]
    assert len(ours) == 4, "put down, two batches, placed"
    assert all(len(made.parameters["TransactItems"]) <= 100 for made in ours)
    assert pay(checkout, key="one").text == answer.text
    shown = call(get_order.handler, "GET /orders/{id}", id=order.id)
    assert shown.status == 200


def test_every_short_line_is_told_before_anything_is_written() -> None:
    checkout = begin(shelf())
    stock, ledger = DynamoStockRepository(), DynamoUnitOfWork(connection())
    gone = stock.pick_shards([Demand(f"MANY-{n:04d}", 2) for n in (0, 5, 117)])
    ledger.commit(lambda writes: _take(stock, writes, gone))
    with count_calls() as calls:
        answer = pay(checkout)
    assert (answer.status, answer.json["status"]) == (200, "incomplete")
    assert short(answer) == [f"$.line_items[{n}].quantity" for n in (0, 1, 6, 118)]
    assert not [made for made in calls.made if made.operation == "TransactWriteItems"]
    ledger.commit(lambda writes: stock.release(writes, gone))
    assert pay(checkout).json["status"] == "completed"


def test_what_turns_out_short_half_way_gives_everything_back_and_the_answer_stands() -> None:
    checkout = begin(shelf())
    stock, ledger = DynamoStockRepository(), DynamoUnitOfWork(connection())
    gone = stock.pick_shards([Demand("MANY-0117", 2)])
    looked = DynamoStockRepository.shortages_from

    def taken_just_then(self: Any, error: Exception, demands: Any) -> Any:
        found = looked(self, error, demands)
        if not found and DynamoStockRepository().level("MANY-0117").available == 3:
            ledger.commit(lambda writes: _take(stock, writes, gone))
        return found

    with patch.object(DynamoStockRepository, "shortages_from", taken_just_then):
        answer = pay(checkout, key="one")
    assert (answer.json["status"], short(answer)) == ("incomplete", ["$.line_items[118].quantity"])
    order = DynamoOrderRepository().get_by_id(order_id(checkout))
    assert (order.status, order.cancel_reason) == (OrderStatus.CANCELLED, "out_of_stock")
    assert DynamoOrderRepository().list_batches(order.id) == (None, [])
    ledger.commit(lambda writes: stock.release(writes, gone))
    assert left() == {3}
    assert pay(checkout, key="one").text == answer.text
    assert call(get_order.handler, "GET /orders/{id}", id=order.id).status == 404
    assert pay(checkout, key="two").json["status"] == "completed"
    assert left() == {1}


def _cut_off(checkout: dict[str, Any], at: int) -> None:
    """The process that buys dies at one of its transactions."""
    commit, made = DynamoUnitOfWork.commit, iter(range(99))

    def dying(self: Any, *parts: Any) -> None:
        if next(made) == at:
            raise Unavailable("cut off")
        commit(self, *parts)

    with patch.object(DynamoUnitOfWork, "commit", dying):
        assert pay(checkout, key="one").status == 503


def test_the_same_request_goes_on_where_it_was_cut_off() -> None:
    checkout = begin(shelf())
    _cut_off(checkout, 2)
    shown = call(get_checkout.handler, "GET /checkout-sessions/{id}", id=checkout["id"]).json
    assert shown["status"] == "complete_in_progress"
    assert_valid_ucp("checkout", shown)
    other = pay(checkout, key="two")
    assert (other.status, other.json["status"]) == (200, "complete_in_progress")
    assert pay(checkout, key="one").json["status"] == "completed"
    assert left() == {1}


def test_leaving_half_way_gives_back_what_was_taken() -> None:
    checkout = begin(shelf())
    _cut_off(checkout, 2)
    route = "POST /checkout-sessions/{id}/cancel"
    answer = call(cancel_checkout.handler, route, id=checkout["id"])
    assert (answer.status, answer.json["status"]) == (200, "canceled")
    assert left() == {3}
    assert DynamoOrderRepository().list_batches(order_id(checkout)) == (None, [])


def test_a_declined_payment_gives_the_stock_of_many_articles_back() -> None:
    checkout = begin(shelf())
    assert pay(checkout, "tok_declined").json["status"] == "incomplete"
    assert left() == {3}
    assert DynamoOrderRepository().list_batches(order_id(checkout)) == (None, [])
    assert pay(checkout).json["status"] == "completed"
