"""What each shopper's door asks of DynamoDB, call by call, and what an order costs in read units.

Boards and books are warm, as in a Lambda that answered somebody within the last three seconds.
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
from tests.functions.checkout.test_customers import FIRST, asking
from tests.functions.checkout.test_discounts import run
from tests.kit.aws_call_counter import Call, Calls, count_calls
from tests.kit.order_fixtures import messages, order_fixture, order_placed_today
from tests.kit.products import checkout_body, lines, mug, payment_body, publish_with_stock
from tests.kit.shop import Context, call

pytestmark = pytest.mark.usefixtures("cloud")

READ_UNITS = 6
"""Of an order of two lines, from its checkout to being paid."""
BODY = {"line_items": lines(("mug.1", 2), ("mug.2", 1))}
CHECKOUT = checkout_body(("mug.1", 2), ("mug.2", 1))


@pytest.fixture(autouse=True)
def _warm(cloud: None) -> None:
    publish_with_stock(mug(), pieces=50)
    publish_with_stock(mug("other"), pieces=50)
    warm()


def warm() -> None:
    call(create_cart.handler, "POST /carts", BODY)
    call(create_checkout.handler, "POST /checkout-sessions", CHECKOUT)


def ours(calls: Calls) -> list[str]:
    """Without the sandbox's own table: a real provider is not in this DynamoDB."""
    return [name.removeprefix("dynamodb.") for name in calls.names if "sandbox_" not in name]


def read_units(made: Call) -> float:
    """A consistent read of up to 4 KB is one unit, another half of one."""
    parameters = made.parameters
    if made.operation == "GetItem":
        return 1.0 if parameters.get("ConsistentRead") else 0.5
    asked = parameters["RequestItems"].values() if made.operation == "BatchGetItem" else ()
    return sum(len(a["Keys"]) * (1.0 if a.get("ConsistentRead") else 0.5) for a in asked)


def test_a_cart_is_written_in_one_transaction_and_reads_stock_only_when_looked_at() -> None:
    with count_calls() as creating:
        cart = call(create_cart.handler, "POST /carts", BODY).json["id"]
    with count_calls() as updating:
        call(update_cart.handler, "PUT /carts/{id}", BODY, id=cart)
    with count_calls() as looking:
        call(get_cart.handler, "GET /carts/{id}", id=cart)
    assert ours(creating) == ["BatchGetItem catalog", "TransactWriteItems sessions"]
    assert ours(updating) == ["BatchGetItem catalog+sessions", "TransactWriteItems sessions"]
    assert ours(looking) == ["GetItem sessions", "BatchGetItem catalog", "BatchGetItem inventory"]


def test_what_is_taken_out_of_a_cart_is_read_once_more_to_tell_whether_its_price_changed() -> None:
    both = {"line_items": lines(("mug.1", 1), ("other.1", 1))}
    cart = call(create_cart.handler, "POST /carts", both).json["id"]
    with count_calls() as adding:
        call(update_cart.handler, "PUT /carts/{id}", both, id=cart)
    with count_calls() as taking_out:
        call(update_cart.handler, "PUT /carts/{id}", BODY, id=cart)
    write = "TransactWriteItems sessions"
    assert ours(adding) == ["BatchGetItem catalog+sessions", write]
    assert ours(taking_out) == ["BatchGetItem catalog+sessions", "BatchGetItem catalog", write]


def test_a_checkout_is_priced_anew_only_where_the_rules_are_others_than_when_it_was_offered() -> (
    None
):
    checkout = call(create_checkout.handler, "POST /checkout-sessions", CHECKOUT).json["id"]
    run(id="sale", effect={"kind": "percent_off", "basis_points": 1000})
    rule_set_cache(tax_table_cache()).rules(datetime.now(UTC))
    with count_calls() as looking:
        call(get_checkout.handler, "GET /checkout-sessions/{id}", id=checkout)
    read = ["GetItem sessions", "BatchGetItem catalog"]
    assert ours(looking) == [*read, "TransactWriteItems sessions"]
    with count_calls() as looking:
        call(get_checkout.handler, "GET /checkout-sessions/{id}", id=checkout)
    assert ours(looking) == read[:1]


def test_a_quote_takes_three_calls_placing_and_paying_three_and_an_order_is_one_read() -> None:
    with count_calls() as creating:
        checkout = call(create_checkout.handler, "POST /checkout-sessions", CHECKOUT).json["id"]
    with count_calls() as updating:
        call(update_checkout.handler, "PUT /checkout-sessions/{id}", CHECKOUT, id=checkout)
    with count_calls() as looking:
        call(get_checkout.handler, "GET /checkout-sessions/{id}", id=checkout)
    with count_calls() as buying:
        route = "POST /checkout-sessions/{id}/complete"
        bought = call(
            complete_checkout.handler, route, payment_body("tok_success"), id=checkout
        ).json
    with count_calls() as asked:
        call(get_order.handler, "GET /orders/{id}", id=bought["order"]["id"])
    quote = ["BatchGetItem catalog", "BatchGetItem inventory", "TransactWriteItems sessions"]
    assert ours(creating) == quote
    assert ours(updating) == ["GetItem sessions", quote[0], quote[2]]
    assert ours(looking) == ["GetItem sessions"]
    assert bought["status"] == "completed"
    assert ours(buying) == [
        "GetItem sessions",
        "TransactWriteItems inventory+orders+sessions",
        "PutItem orders",
    ]
    assert ours(asked) == ["GetItem orders"]
    units = sum(read_units(made) for made in creating.made + updating.made + buying.made)
    assert units <= READ_UNITS


def test_a_payment_told_late_is_one_read_and_one_write() -> None:
    room = order_fixture()
    reference = room.pay(room.place(order_placed_today()), "tok_pending").payment.reference
    room.provider.settle(reference)
    event = messages({"provider": "sandbox", "reference": reference})
    with count_calls() as calls:
        assert apply_payment_event.handler(event, Context()) == {"batchItemFailures": []}
    assert ours(calls) == ["Query orders", "PutItem orders"]


ORDERS = "Query orders"
COUNTS = "BatchGetItem pricing"


def carted(*, ann: bool = True) -> list[str]:
    warm()
    with count_calls() as calls:
        assert asking(create_cart, "POST /carts", BODY, ann=ann).status == 201
    return ours(calls)


def test_earlier_orders_are_read_where_a_first_order_has_a_price_of_its_own() -> None:
    run(**FIRST)
    assert carted() == [
        "BatchGetItem catalog",
        COUNTS,
        ORDERS,
        "TransactWriteItems sessions",
    ]
    assert ORDERS not in carted(ann=False)


@pytest.mark.parametrize(
    "elsewhere",
    [
        {
            "effect": {"kind": "percent_off", "basis_points": 1000},
            "goods": {"products": ["other"]},
        },
        {"code_required": True},
    ],
    ids=["about other goods", "behind a code that nobody entered"],
)
def test_earlier_orders_are_not_read_for_a_first_order_that_is_not_this_carts(
    elsewhere: dict[str, Any],
) -> None:
    run(**{**FIRST, **elsewhere})
    assert carted() == ["BatchGetItem catalog", "TransactWriteItems sessions"]
