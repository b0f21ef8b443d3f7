"""Goods that staff take off sale are not sold to a checkout that was opened before."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from functions.checkout import complete_checkout, create_checkout, get_checkout, update_checkout
from shop.catalog.actions.product_admin import set_product_status
from shop.catalog.model import ProductStatus, VariantStatus
from shop.catalog.store import DynamoProductCatalog
from shop.checkout.store import DynamoCheckoutSessionRepository
from shop.inventory.store import DynamoStockRepository
from shop.kernel.ids import derived_id
from shop.orders.actions.payments import record_payment
from shop.orders.model import OrderStatus
from shop.orders.store import DynamoOrderRepository
from shop.payments.gateway import sandbox
from shop.payments.gateway.sandbox import SandboxProvider
from shop.payments.model import PaymentStatus, ProviderPaymentState
from shop.storage.transactions import DynamoUnitOfWork
from tests.functions.checkout.test_discounts import run
from tests.kit.order_fixtures import order_fixture
from tests.kit.products import checkout_body, mug, payment_body, publish_with_stock
from tests.kit.shop import ApiResponse, call

CREATE = "POST /checkout-sessions"
GET = "GET /checkout-sessions/{id}"
UPDATE = "PUT /checkout-sessions/{id}"
COMPLETE = "POST /checkout-sessions/{id}/complete"

Body = dict[str, Any]


@pytest.fixture(autouse=True)
def _goods_on_sale(cloud: None) -> None:
    publish_with_stock(mug(), pieces=5)
    publish_with_stock(mug("cup"), pieces=5)


@pytest.fixture
def charged(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the orders that the provider is asked to charge."""
    orders = list[str]()
    authorize = SandboxProvider.authorize

    def recorded(self: Any, order_id: str, *arguments: Any, **more: Any) -> Any:
        orders.append(order_id)
        return authorize(self, order_id, *arguments, **more)

    monkeypatch.setattr(SandboxProvider, "authorize", recorded)
    return orders


def archive(product_id: str = "mug") -> None:
    set_product_status(
        product_id,
        ProductStatus.ARCHIVED,
        expected_version=None,
        catalog=DynamoProductCatalog(),
        at=datetime.now(UTC),
    )


def publish(product_id: str = "mug") -> None:
    catalog = DynamoProductCatalog()
    product = catalog.get(product_id)
    published = replace(product, status=ProductStatus.PUBLISHED)
    catalog.save(published, expected_version=product.version)


def discontinue(variant_id: str) -> None:
    catalog = DynamoProductCatalog()
    product = catalog.get(variant_id.partition(".")[0])
    variants = tuple(
        replace(each, status=VariantStatus.DISCONTINUED) if each.id == variant_id else each
        for each in product.variants
    )
    catalog.save(replace(product, variants=variants), expected_version=product.version)


def new_checkout(*wanted: tuple[str, int]) -> Body:
    return dict(call(create_checkout.handler, CREATE, checkout_body(*wanted)).json)


def complete(checkout: Body, key: str | None = None, token: str = "tok_success") -> ApiResponse:
    return call(
        complete_checkout.handler, COMPLETE, payment_body(token), key=key, id=checkout["id"]
    )


def get(checkout: Body) -> Body:
    return dict(call(get_checkout.handler, GET, id=checkout["id"]).json)


def goods(checkout: Body) -> list[str]:
    return [line["item"]["id"] for line in checkout["line_items"]]


def errors(answer: Body) -> list[tuple[str, str | None]]:
    found = [each for each in answer.get("messages", []) if each["type"] == "error"]
    return [(each["code"], each.get("path")) for each in found]


def available(sku: str) -> int:
    return DynamoStockRepository().level(sku).available


WITHDRAWN = [("item_unavailable", "$.line_items")]


@pytest.mark.parametrize(
    "withdraw",
    [archive, lambda: discontinue("mug.1")],
    ids=["archived product", "discontinued variant"],
)
def test_goods_off_sale_are_neither_charged_nor_reserved(
    withdraw: Callable[[], None], charged: list[str]
) -> None:
    # Given an open checkout of a product that staff take off sale
    checkout = new_checkout(("mug.1", 2), ("cup.1", 1))
    withdraw()
    # When the buyer completes it
    answer = complete(checkout, key="once")
    # Then nothing is bought, and the checkout offers the rest
    assert (answer.status, answer.json["status"]) == (200, "incomplete")
    assert errors(answer.json) == WITHDRAWN
    assert "Enamel Mug" in answer.json["messages"][-1]["content"]
    assert goods(answer.json) == ["cup.1"]
    assert charged == []
    assert (available("MUG-RED"), available("CUP-RED")) == (5, 5)
    order = DynamoOrderRepository().get("guest", derived_id("ord", checkout["id"], "1"))
    assert (order.status, order.cancel_reason) == (OrderStatus.CANCELLED, "item_unavailable")
    # And the rest can be bought
    shown = get(checkout)
    assert (goods(shown), shown["status"]) == (["cup.1"], "ready_for_complete")
    assert complete(checkout, key="twice").json["status"] == "completed"
    assert (available("MUG-RED"), available("CUP-RED")) == (5, 4)
    # And the first request keeps its response
    assert complete(checkout, key="once").json == answer.json


def test_checkout_without_any_goods_on_sale_reports_it(charged: list[str]) -> None:
    checkout = new_checkout(("mug.1", 2))
    archive()
    answer = complete(checkout, key="once")
    assert (answer.status, answer.json["status"], errors(answer.json)) == (
        200,
        "incomplete",
        WITHDRAWN,
    )
    assert errors(get(checkout)) == WITHDRAWN
    assert complete(checkout, key="once").json == answer.json
    # It can be completed with other goods, or when the product is back
    other = checkout_body(("cup.1", 1))
    changed = call(update_checkout.handler, UPDATE, other, id=checkout["id"])
    assert (changed.json["status"], charged) == ("ready_for_complete", [])
    assert complete(checkout).json["status"] == "completed"


def test_goods_that_are_back_on_sale_are_sold() -> None:
    checkout = new_checkout(("mug.1", 2))
    archive()
    assert errors(complete(checkout).json) == WITHDRAWN
    publish()
    assert complete(checkout).json["status"] == "completed"


def test_goods_that_leave_sale_during_the_completion_are_not_charged(
    monkeypatch: pytest.MonkeyPatch, charged: list[str]
) -> None:
    # Given a product that is archived after the completion has read its checkout
    checkout = new_checkout(("mug.1", 2))
    read = DynamoCheckoutSessionRepository.get

    def read_then_archive(self: Any, owner: str, session_id: str, at: datetime) -> Any:
        session = read(self, owner, session_id, at)
        monkeypatch.setattr(DynamoCheckoutSessionRepository, "get", read)
        archive()
        return session

    monkeypatch.setattr(DynamoCheckoutSessionRepository, "get", read_then_archive)
    assert errors(complete(checkout).json) == WITHDRAWN
    assert (charged, available("MUG-RED")) == ([], 5)


def test_goods_that_leave_sale_right_before_the_order_is_written_are_not_charged(
    monkeypatch: pytest.MonkeyPatch, charged: list[str]
) -> None:
    checkout = new_checkout(("mug.1", 2))
    commit = DynamoUnitOfWork.commit

    def archive_then_commit(self: DynamoUnitOfWork, *writes: Any) -> None:
        monkeypatch.setattr(DynamoUnitOfWork, "commit", commit)
        archive()
        commit(self, *writes)

    monkeypatch.setattr(DynamoUnitOfWork, "commit", archive_then_commit)
    assert errors(complete(checkout).json) == WITHDRAWN
    assert (charged, available("MUG-RED")) == ([], 5)


def test_retry_after_a_crash_does_not_charge_goods_off_sale(
    monkeypatch: pytest.MonkeyPatch, charged: list[str]
) -> None:
    # Given a request that crashed after the order was placed
    checkout = new_checkout(("mug.1", 2))
    with monkeypatch.context() as patch:
        patch.setattr(DynamoProductCatalog, "get_variants", _crash)
        assert complete(checkout, key="once").status == 500
    assert available("MUG-RED") == 3
    # When it is repeated after the product was archived
    archive()
    answer = complete(checkout, key="once")
    # Then the order is cancelled unpaid
    assert (errors(answer.json), charged, available("MUG-RED")) == (WITHDRAWN, [], 5)


def _crash(*_: Any, **__: Any) -> Any:
    raise RuntimeError("the process ends here")


def test_retry_after_an_unknown_payment_result_cancels_the_order(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Given a payment whose result is unknown, because the provider did not answer
    checkout = new_checkout(("mug.1", 2))
    assert complete(checkout, key="once", token="tok_down").status == 503
    archive()
    # When the same request is repeated
    monkeypatch.setitem(sandbox.TOKENS, "tok_down", sandbox.TOKENS["tok_success"])
    answer = complete(checkout, key="once", token="tok_down")
    # Then the order is cancelled: a payment that arrives later is refunded by its event
    assert (errors(answer.json), available("MUG-RED")) == (WITHDRAWN, 5)


def test_payment_that_is_confirmed_first_keeps_its_order(monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a payment of an earlier attempt, whose webhook arrives while the goods are checked
    checkout = new_checkout(("mug.1", 2))
    order_id = derived_id("ord", checkout["id"], "1")

    def confirm_then_find_nothing(*_: Any, **__: Any) -> dict[str, Any]:
        monkeypatch.undo()
        total = DynamoOrderRepository().get_by_id(order_id).total
        paid = ProviderPaymentState("pay_1", PaymentStatus.AUTHORIZED, authorized=total)
        writes = order_fixture().writes
        record_payment(order_id, paid, at=datetime.now(UTC), actor="sandbox", writes=writes)
        return {}

    monkeypatch.setattr(DynamoProductCatalog, "get_variants", confirm_then_find_nothing)
    # When the request goes on
    answer = complete(checkout)
    # Then the order that was paid stands, for staff to decide
    assert (answer.json["status"], available("MUG-RED")) == ("completed", 3)


def test_goods_that_leave_sale_after_the_purchase_stay_bought() -> None:
    checkout = new_checkout(("mug.1", 2))
    bought = complete(checkout, key="once")
    archive()
    assert complete(checkout, key="once").json == bought.json
    assert get(checkout)["status"] == "completed"


def test_free_order_of_goods_off_sale_is_not_placed() -> None:
    run(id="all", effect={"kind": "order_percent", "off_ppm": 1_000_000})
    run(id="free", effect={"kind": "shipping_off", "off_ppm": 1_000_000})
    checkout = new_checkout(("mug.1", 2))
    archive()
    answer = call(complete_checkout.handler, COMPLETE, {}, id=checkout["id"])
    assert (answer.json["status"], errors(answer.json)) == ("incomplete", WITHDRAWN)
    assert available("MUG-RED") == 5


def test_edited_product_is_sold_to_an_open_checkout() -> None:
    checkout = new_checkout(("mug.1", 1))
    catalog = DynamoProductCatalog()
    product = catalog.get("mug")
    edited = replace(product, title="Tin Mug", updated_at=datetime.now(UTC))
    catalog.save(edited, expected_version=product.version)
    assert complete(checkout).json["status"] == "completed"
