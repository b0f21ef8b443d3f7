"""DynamoDB calls of each handler that shoppers use, and the read units of one order.

Kill switches and the rule set are cached, as in a Lambda that served a request within the last
three seconds.
"""

from datetime import UTC, datetime
from typing import Any

import pytest

from functions.cart import create_cart, get_cart, update_cart
from functions.checkout import complete_checkout, create_checkout, get_checkout, update_checkout
from functions.orders import get_order
from functions.webhooks import apply_payment_event
from shop.pricing.store.rule_set_cache import rule_set_cache
from shop.tax.store.cache import tax_table_cache
from tests.functions.checkout.test_customer_prices import FIRST, asking
from tests.functions.checkout.test_discounts import run
from tests.kit.aws_call_counter import Call, Calls, count_calls
from tests.kit.order_fixtures import messages, order_fixture, order_placed_today
from tests.kit.products import checkout_body, lines, mug, payment_body, publish_with_stock
from tests.kit.shop import Context, call

pytestmark = pytest.mark.usefixtures("cloud")

READ_UNITS = 6
"""Budget of an order of two lines, from creating the checkout to the payment."""
BODY = {"line_items": lines(("mug.1", 2), ("mug.2", 1))}
CHECKOUT = checkout_body(("mug.1", 2), ("mug.2", 1))


@pytest.fixture(autouse=True)
def _warm_caches(cloud: None) -> None:
    publish_with_stock(mug(), pieces=50)
    publish_with_stock(mug("other"), pieces=50)
    warm()


def warm() -> None:
    call(create_cart.handler, "POST /carts", BODY)
    call(create_checkout.handler, "POST /checkout-sessions", CHECKOUT)


def shop_calls(calls: Calls) -> list[str]:
    """Return all calls but those of the sandbox provider, which stands for an external one."""
    return [name.removeprefix("dynamodb.") for name in calls.names if "sandbox_" not in name]


def read_units(call_made: Call) -> float:
    """Return the units of a call: 1 per consistent read of up to 4 KB, else 0.5."""
    parameters = call_made.parameters
    if call_made.operation == "GetItem":
        return 1.0 if parameters.get("ConsistentRead") else 0.5
    reading = parameters["RequestItems"].values() if call_made.operation == "BatchGetItem" else ()
    return sum(len(a["Keys"]) * (1.0 if a.get("ConsistentRead") else 0.5) for a in reading)


def test_cart_write_is_one_transaction_and_only_get_reads_stock() -> None:
    with count_calls() as creating:
        cart = call(create_cart.handler, "POST /carts", BODY).json["id"]
    with count_calls() as updating:
        call(update_cart.handler, "PUT /carts/{id}", BODY, id=cart)
    with count_calls() as looking:
        call(get_cart.handler, "GET /carts/{id}", id=cart)
    assert shop_calls(creating) == ["BatchGetItem catalog", "TransactWriteItems sessions"]
    assert shop_calls(updating) == ["BatchGetItem catalog+sessions", "TransactWriteItems sessions"]
    assert shop_calls(looking) == [
        "GetItem sessions",
        "BatchGetItem catalog",
        "BatchGetItem inventory",
    ]


def test_removed_cart_lines_are_read_once_for_price_comparison() -> None:
    both = {"line_items": lines(("mug.1", 1), ("other.1", 1))}
    cart = call(create_cart.handler, "POST /carts", both).json["id"]
    with count_calls() as adding:
        call(update_cart.handler, "PUT /carts/{id}", both, id=cart)
    with count_calls() as taking_out:
        call(update_cart.handler, "PUT /carts/{id}", BODY, id=cart)
    write = "TransactWriteItems sessions"
    assert shop_calls(adding) == ["BatchGetItem catalog+sessions", write]
    assert shop_calls(taking_out) == [
        "BatchGetItem catalog+sessions",
        "BatchGetItem catalog",
        write,
    ]


def test_get_checkout_prices_again_only_under_other_rules() -> None:
    checkout = call(create_checkout.handler, "POST /checkout-sessions", CHECKOUT).json["id"]
    run(id="sale", effect={"kind": "percent_off", "off_ppm": 100_000})
    rule_set_cache(tax_table_cache()).rules(datetime.now(UTC))
    with count_calls() as looking:
        call(get_checkout.handler, "GET /checkout-sessions/{id}", id=checkout)
    read = ["GetItem sessions", "BatchGetItem catalog"]
    assert shop_calls(looking) == [*read, "TransactWriteItems sessions"]
    with count_calls() as looking:
        call(get_checkout.handler, "GET /checkout-sessions/{id}", id=checkout)
    assert shop_calls(looking) == read[:1]


def test_quote_takes_three_calls_and_completing_four() -> None:
    # When a checkout is created, updated, read and completed, and its order read
    with count_calls() as creating:
        checkout = call(create_checkout.handler, "POST /checkout-sessions", CHECKOUT).json["id"]
    with count_calls() as updating:
        call(update_checkout.handler, "PUT /checkout-sessions/{id}", CHECKOUT, id=checkout)
    with count_calls() as looking:
        call(get_checkout.handler, "GET /checkout-sessions/{id}", id=checkout)
    with count_calls() as buying:
        route = "POST /checkout-sessions/{id}/complete"
        completed = call(
            complete_checkout.handler, route, payment_body("tok_success"), id=checkout
        ).json
    with count_calls() as reading:
        call(get_order.handler, "GET /orders/{id}", id=completed["order"]["id"])
    # Then each request makes these calls and no others
    quote = ["BatchGetItem catalog", "BatchGetItem inventory", "TransactWriteItems sessions"]
    assert shop_calls(creating) == quote
    assert shop_calls(updating) == ["GetItem sessions", quote[0], quote[2]]
    assert shop_calls(looking) == ["GetItem sessions"]
    assert completed["status"] == "completed"
    assert shop_calls(buying) == [
        "GetItem sessions",
        "TransactWriteItems inventory+orders+sessions",
        "BatchGetItem catalog",
        "PutItem orders",
    ]
    assert shop_calls(reading) == ["GetItem orders"]
    units = sum(read_units(call_made) for call_made in creating.made + updating.made + buying.made)
    assert units <= READ_UNITS


def test_late_payment_event_is_one_read_and_one_write() -> None:
    fixture = order_fixture()
    reference = fixture.pay(fixture.place(order_placed_today()), "tok_pending").payment.reference
    fixture.provider.settle(reference)
    event = messages({"provider": "sandbox", "reference": reference})
    with count_calls() as calls:
        assert apply_payment_event.handler(event, Context()) == {"batchItemFailures": []}
    assert shop_calls(calls) == ["Query orders", "PutItem orders"]


ORDERS_QUERY = "Query orders"
COUNTS = "BatchGetItem pricing"


def calls_of_create_cart(*, ann: bool = True) -> list[str]:
    warm()
    with count_calls() as calls:
        assert asking(create_cart, "POST /carts", BODY, ann=ann).status == 201
    return shop_calls(calls)


def test_order_history_is_read_for_a_first_order_promotion() -> None:
    run(**FIRST)
    assert calls_of_create_cart() == [
        "BatchGetItem catalog",
        COUNTS,
        ORDERS_QUERY,
        "TransactWriteItems sessions",
    ]
    assert ORDERS_QUERY not in calls_of_create_cart(ann=False)


@pytest.mark.parametrize(
    "changes",
    [
        {
            "effect": {"kind": "percent_off", "off_ppm": 100_000},
            "goods": {"products": ["other"]},
        },
        {"code_required": True},
    ],
    ids=["other products", "code not entered"],
)
def test_order_history_is_not_read_if_the_promotion_cannot_apply(
    changes: dict[str, Any],
) -> None:
    run(**{**FIRST, **changes})
    assert calls_of_create_cart() == ["BatchGetItem catalog", "TransactWriteItems sessions"]
