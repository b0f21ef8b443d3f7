"""Orders with more SKUs than one DynamoDB transaction can write."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch

import pytest

from functions.checkout import cancel_checkout, complete_checkout, create_checkout, get_checkout
from functions.orders import get_order
from shop.catalog.model import Product, Variant
from shop.entrypoints import http
from shop.inventory.model import Demand
from shop.inventory.store import DynamoStockRepository
from shop.kernel.errors import Unavailable
from shop.kernel.ids import derived_id
from shop.kernel.money import Money
from shop.orders.model import OrderStatus
from shop.orders.store import DynamoOrderRepository
from shop.payments.model import AUTHORIZATION_GRACE
from shop.storage.connection import connection
from shop.storage.transactions import DynamoUnitOfWork
from tests.kit.aws_call_counter import count_calls
from tests.kit.products import checkout_body, mug, payment_body, publish_with_stock
from tests.kit.shop import ApiResponse, call
from tests.kit.ucp_validator import assert_valid_ucp

pytestmark = [pytest.mark.usefixtures("cloud"), pytest.mark.slow]

COMPLETE = "POST /checkout-sessions/{id}/complete"
ARTICLES = 120


def publish_articles(number: int = ARTICLES) -> list[tuple[str, int]]:
    """Publish articles with a stock of 3 each; return lines for 2 of each, the first one twice."""
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


def create(wanted: list[tuple[str, int]]) -> dict[str, Any]:
    answer = call(create_checkout.handler, "POST /checkout-sessions", checkout_body(*wanted))
    assert answer.status == 201, answer.text
    checkout: dict[str, Any] = answer.json
    return checkout


def complete(
    checkout: dict[str, Any], token: str = "tok_success", key: str | None = None
) -> ApiResponse:
    return call(
        complete_checkout.handler, COMPLETE, payment_body(token), key=key, id=checkout["id"]
    )


def order_id(checkout: dict[str, Any], attempt: int = 1) -> str:
    return derived_id("ord", checkout["id"], str(attempt))


def available_quantities() -> set[int]:
    levels = DynamoStockRepository().levels([f"MANY-{n:04d}" for n in range(1, ARTICLES)])
    return {level.available for level in levels.values()}


def _reserve(stock: DynamoStockRepository, writes: Any, reservations: Any) -> None:
    stock.reserve(writes, reservations)


def short_paths(answer: ApiResponse) -> list[str]:
    return [m["path"] for m in answer.json.get("messages", ()) if m["code"] == "out_of_stock"]


def test_large_order_is_placed_in_four_transactions() -> None:
    checkout = create(publish_articles())
    assert checkout["status"] == "ready_for_complete"
    with count_calls() as calls:
        answer = complete(checkout, key="one")
    assert_valid_ucp("checkout", answer.json)
    assert (answer.status, answer.json["status"]) == (200, "completed")
    order = DynamoOrderRepository().get("guest", answer.json["order"]["id"])
    assert order.status is OrderStatus.CONFIRMED
    assert sum(hold.quantity for hold in order.reservations) == 2 * ARTICLES + 1
    assert available_quantities() == {1}
    ours = [made for made in calls.made if made.operation == "TransactWriteItems"]
    assert len(ours) == 4, "written as placing, two batches, placed"
    assert all(len(made.parameters["TransactItems"]) <= 100 for made in ours)
    assert complete(checkout, key="one").text == answer.text
    shown = call(get_order.handler, "GET /orders/{id}", id=order.id)
    assert shown.status == 200


def test_every_short_line_is_reported_before_any_write() -> None:
    checkout = create(publish_articles())
    stock, uow = DynamoStockRepository(), DynamoUnitOfWork(connection())
    reserved = stock.pick_shards([Demand(f"MANY-{n:04d}", 2) for n in (0, 5, 117)])
    uow.commit(lambda writes: _reserve(stock, writes, reserved))
    with count_calls() as calls:
        answer = complete(checkout)
    assert (answer.status, answer.json["status"]) == (200, "incomplete")
    assert short_paths(answer) == [f"$.line_items[{n}].quantity" for n in (0, 1, 6, 118)]
    assert not [made for made in calls.made if made.operation == "TransactWriteItems"]
    uow.commit(lambda writes: stock.release(writes, reserved))
    assert complete(checkout).json["status"] == "completed"


def test_shortage_during_batches_releases_all_and_is_repeated() -> None:
    # Given a buyer who takes the last units after this checkout has checked the stock
    checkout = create(publish_articles())
    stock, uow = DynamoStockRepository(), DynamoUnitOfWork(connection())
    reserved = stock.pick_shards([Demand("MANY-0117", 2)])
    shortages_from = DynamoStockRepository.shortages_from

    def reserve_after_check(self: Any, error: Exception | None, demands: Any) -> Any:
        shortages = shortages_from(self, error, demands)
        if not shortages and DynamoStockRepository().level("MANY-0117").available == 3:
            uow.commit(lambda writes: _reserve(stock, writes, reserved))
        return shortages

    # When the checkout is completed
    with patch.object(DynamoStockRepository, "shortages_from", reserve_after_check):
        answer = complete(checkout, key="one")
    # Then the shortage is reported, all batches are released, and a retry sees the same response
    assert (answer.json["status"], short_paths(answer)) == (
        "incomplete",
        ["$.line_items[118].quantity"],
    )
    order = DynamoOrderRepository().get_by_id(order_id(checkout))
    assert (order.status, order.cancel_reason) == (OrderStatus.CANCELLED, "out_of_stock")
    assert DynamoOrderRepository().list_batches(order.id) == (None, [])
    uow.commit(lambda writes: stock.release(writes, reserved))
    assert available_quantities() == {3}
    assert complete(checkout, key="one").text == answer.text
    assert call(get_order.handler, "GET /orders/{id}", id=order.id).status == 404
    assert complete(checkout, key="two").json["status"] == "completed"
    assert available_quantities() == {1}


def _crash_at_commit(checkout: dict[str, Any], at: int) -> None:
    """Complete a checkout in a process that dies before commit number ``at`` (from 0)."""
    commit, numbers = DynamoUnitOfWork.commit, iter(range(99))

    def failing_commit(self: Any, *parts: Any) -> None:
        if next(numbers) == at:
            raise Unavailable("cut off")
        commit(self, *parts)

    with patch.object(DynamoUnitOfWork, "commit", failing_commit):
        assert complete(checkout, key="one").status == 503


def test_retry_resumes_at_the_interrupted_batch() -> None:
    checkout = create(publish_articles())
    _crash_at_commit(checkout, 2)
    shown = call(get_checkout.handler, "GET /checkout-sessions/{id}", id=checkout["id"]).json
    assert shown["status"] == "complete_in_progress"
    assert_valid_ucp("checkout", shown)
    other = complete(checkout, key="two")
    assert (other.status, other.json["status"]) == (200, "complete_in_progress")
    assert complete(checkout, key="one").json["status"] == "completed"
    assert available_quantities() == {1}


def test_other_card_replaces_an_order_that_stopped_between_batches() -> None:
    checkout = create(publish_articles())
    _crash_at_commit(checkout, 2)
    later = datetime.now(UTC) + AUTHORIZATION_GRACE + timedelta(seconds=1)
    with patch.object(http, "datetime") as clock:
        clock.now.return_value = later
        assert complete(checkout, key="two").json["status"] == "completed"
    assert available_quantities() == {1}
    first = DynamoOrderRepository().get_by_id(order_id(checkout))
    assert (first.status, first.cancel_reason) == (OrderStatus.CANCELLED, "payment_unanswered")
    assert complete(checkout, key="one").status == 409


def test_cancel_during_batches_releases_stock() -> None:
    checkout = create(publish_articles())
    _crash_at_commit(checkout, 2)
    route = "POST /checkout-sessions/{id}/cancel"
    answer = call(cancel_checkout.handler, route, id=checkout["id"])
    assert (answer.status, answer.json["status"]) == (200, "canceled")
    assert available_quantities() == {3}
    assert DynamoOrderRepository().list_batches(order_id(checkout)) == (None, [])


def test_declined_payment_releases_stock_of_all_batches() -> None:
    checkout = create(publish_articles())
    assert complete(checkout, "tok_declined").json["status"] == "incomplete"
    assert available_quantities() == {3}
    assert DynamoOrderRepository().list_batches(order_id(checkout)) == (None, [])
    assert complete(checkout).json["status"] == "completed"


def test_requests_with_one_key_at_one_moment_place_one_large_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Given a checkout that takes most of its stock
    checkout = create(publish_articles())
    check = DynamoStockRepository.shortages_from
    responses: list[ApiResponse] = []

    def check_after_twin(*args: Any) -> Any:
        monkeypatch.setattr(DynamoStockRepository, "shortages_from", check)
        responses.append(complete(checkout, key="k1"))
        return check(*args)

    # When a request with the same key places the order just before the other checks the stock
    monkeypatch.setattr(DynamoStockRepository, "shortages_from", check_after_twin)
    response = complete(checkout, key="k1")
    # Then both get the one order
    assert [each.json["status"] for each in responses] == ["completed"]
    assert response.text == responses[0].text
