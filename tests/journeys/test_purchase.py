"""Purchases over HTTP, through the stacks that are deployed to AWS.

The stacks contain gateway, Lambdas, tables, streams, queues and the workflow.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from local.cloud import Cloud
from local.demo import payment_body, workflow_states
from local.demo import sent_email_subjects as emails
from local.http_actors import Carrier, HttpClient, is_allocated, wait_until
from tests.kit.products import ADDRESS, checkout_body
from tests.kit.ucp_validator import assert_valid_ucp

pytestmark = pytest.mark.journey

Sell = Callable[..., dict[str, Any]]


def stock(staff: HttpClient, sku: str) -> dict[str, Any]:
    level: dict[str, Any] = staff.get(f"/staff/stock/{sku}")
    return level


def begin(buyer: HttpClient, goods: dict[str, Any], quantity: int = 1) -> dict[str, Any]:
    checkout: dict[str, Any] = buyer.post(
        "/checkout-sessions", checkout_body((goods["variant"], quantity))
    )
    assert_valid_ucp("checkout", checkout)
    assert checkout["status"] == "ready_for_complete"
    return checkout


def complete(buyer: HttpClient, checkout: dict[str, Any], token: str) -> dict[str, Any]:
    answer: dict[str, Any] = buyer.post(
        f"/checkout-sessions/{checkout['id']}/complete", payment_body(token)
    )
    assert_valid_ucp("checkout", answer)
    return answer


def get_checkout(buyer: HttpClient, checkout: dict[str, Any]) -> dict[str, Any]:
    current: dict[str, Any] = buyer.get(f"/checkout-sessions/{checkout['id']}")
    assert_valid_ucp("checkout", current)
    return current


@pytest.fixture(scope="module", autouse=True)
def unpaid(cloud: Cloud, staff: HttpClient, sell: Sell) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return goods and the checkout of an order that is never paid.

    It begins before the other journeys of this module, so that its payment window passes meanwhile.
    The window is long enough for every other payment, however busy the machine is.
    """
    guest, goods = HttpClient(cloud.url), sell(pieces=1)
    checkout = begin(guest, goods)
    assert complete(guest, checkout, "tok_never")["status"] == "complete_in_progress"
    assert stock(staff, goods["sku"])["available"] == 0
    return goods, checkout


def ship(staff: HttpClient, order_id: str) -> str:
    """Ship an order once it is allocated; return the tracking number."""
    wait_until(lambda: staff.get(f"/staff/orders/{order_id}"), is_allocated)
    number = f"T{order_id[-12:].upper()}"
    staff.post(
        f"/staff/orders/{order_id}/parcels",
        {"carrier": "parcelpost", "tracking_number": number},
    )
    return number


def test_guest_buys_and_the_order_is_delivered(
    cloud: Cloud, guest: HttpClient, staff: HttpClient, carrier: Carrier, sell: Sell
) -> None:
    # Given a product, discovered through the profile, the search and the lookup
    goods = sell(pieces=10)
    profile = guest.get("/.well-known/ucp")
    assert_valid_ucp("profile", profile)
    service = profile["ucp"]["services"]["dev.ucp.shopping"]
    assert {s["transport"]: s["endpoint"] for s in service}["rest"] == cloud.url

    found = guest.post("/catalog/search", {"query": f"journey {goods['sku'].split('-')[1]}"})
    assert_valid_ucp("catalog_search", found)
    assert goods["id"] in [p["id"] for p in found["products"]]
    assert_valid_ucp("catalog_lookup", guest.post("/catalog/lookup", {"ids": [goods["variant"]]}))
    assert_valid_ucp("catalog_product", guest.post("/catalog/product", {"id": goods["id"]}))

    # When a guest fills a cart, checks out and pays
    cart = guest.post("/carts", {"line_items": [{"item": {"id": goods["variant"]}, "quantity": 1}]})
    assert_valid_ucp("cart", cart)
    line = {"id": cart["line_items"][0]["id"], "item": {"id": goods["variant"]}, "quantity": 2}
    assert_valid_ucp("cart", guest.put(f"/carts/{cart['id']}", {"line_items": [line]}))
    assert_valid_ucp("cart", guest.get(f"/carts/{cart['id']}"))

    checkout = guest.post(
        "/checkout-sessions", {"cart_id": cart["id"], "buyer": {"email": "guest@example.com"}}
    )
    assert_valid_ucp("checkout", checkout)
    assert checkout["status"] == "incomplete"
    path = f"/checkout-sessions/{checkout['id']}"
    checkout = guest.put(
        path,
        {
            **checkout,
            "fulfillment": {
                "methods": [
                    {
                        "type": "shipping",
                        "destinations": [ADDRESS],
                        "groups": [{"id": "all", "selected_option_id": "us-express"}],
                    }
                ]
            },
        },
    )
    assert_valid_ucp("checkout", checkout)
    assert checkout["status"] == "ready_for_complete"
    assert checkout["totals"][-1]["amount"] == 2 * 1299 + 1999

    done = complete(guest, checkout, "tok_success")
    assert done["status"] == "completed"
    order_id = done["order"]["id"]
    order = guest.get(f"/orders/{order_id}")
    assert_valid_ucp("order", order)
    assert order["checkout_id"] == checkout["id"]
    level = stock(staff, goods["sku"])
    assert (level["on_hand"], level["reserved"], level["available"]) == (10, 2, 8)

    # And staff ship the order, and the carrier reports in any order
    number = ship(staff, order_id)
    now = datetime.now(UTC)
    for later, status in ((1, "in_transit"), (3, "delivered"), (2, "out_for_delivery")):
        at = (now + timedelta(milliseconds=later)).isoformat()
        assert carrier.report_status(number, status, at=at).status == 202
    # Then the order is completed, captured and out of stock, and three emails were sent
    final = wait_until(
        lambda: staff.get(f"/staff/orders/{order_id}"), lambda o: o["status"] == "completed"
    )
    assert final["payment"]["captured"] == order["totals"][-1]["amount"]

    order = guest.get(f"/orders/{order_id}")
    assert_valid_ucp("order", order)
    assert order["line_items"][0]["status"] == "fulfilled"
    kinds = [event["type"] for event in order["fulfillment"]["events"]]
    assert kinds[-1] == "delivered"
    assert "shipped" in kinds
    level = stock(staff, goods["sku"])
    assert (level["on_hand"], level["reserved"], level["available"]) == (8, 0, 8)
    assert workflow_states(cloud, order_id) == [
        "AwaitPayment",
        "AwaitShipment",
        "AwaitDelivery",
        "CompleteOrder",
        "succeeded",
    ]
    subjects = wait_until(lambda: emails(cloud, order_id), lambda found: len(found) == 3)
    assert sorted(subjects) == [
        "Your order for 45.97 USD is confirmed",
        "Your order has arrived",
        "Your order is on its way",
    ]


def test_declined_payment_releases_the_stock(
    guest: HttpClient, staff: HttpClient, sell: Sell
) -> None:
    goods = sell(pieces=1)
    checkout = begin(guest, goods)
    answer = complete(guest, checkout, "tok_declined")
    assert answer["status"] == "incomplete"
    assert answer["messages"][0]["code"] == "payment_failed"
    assert stock(staff, goods["sku"])["available"] == 1
    assert complete(guest, checkout, "tok_success")["status"] == "completed"
    assert stock(staff, goods["sku"])["available"] == 0


def test_pending_payment_is_confirmed_by_a_signed_webhook(guest: HttpClient, sell: Sell) -> None:
    checkout = begin(guest, sell(pieces=1))
    assert complete(guest, checkout, "tok_pending")["status"] == "complete_in_progress"
    done = wait_until(lambda: get_checkout(guest, checkout), lambda c: c["status"] == "completed")
    assert_valid_ucp("order", guest.get(f"/orders/{done['order']['id']}"))


def test_pending_payment_that_is_declined_releases_the_stock(
    guest: HttpClient, staff: HttpClient, sell: Sell
) -> None:
    goods = sell(pieces=1)
    checkout = begin(guest, goods)
    assert complete(guest, checkout, "tok_pending_declined")["status"] == "complete_in_progress"
    after = wait_until(
        lambda: get_checkout(guest, checkout), lambda c: c["status"] != "complete_in_progress"
    )
    assert after["messages"][0]["code"] == "payment_failed"
    assert stock(staff, goods["sku"])["available"] == 1


def test_buyer_approves_a_challenge(guest: HttpClient, sell: Sell) -> None:
    checkout = begin(guest, sell(pieces=1))
    answer = complete(guest, checkout, "tok_challenge")
    assert answer["status"] == "requires_escalation"
    path = answer["continue_url"].removeprefix(guest.url)
    guest.post(path, {"approved": True})
    wait_until(lambda: get_checkout(guest, checkout), lambda c: c["status"] == "completed")


def test_staff_cancel_an_order_and_the_payment_is_cancelled(
    guest: HttpClient, staff: HttpClient, sell: Sell
) -> None:
    goods = sell(pieces=1)
    order_id = complete(guest, begin(guest, goods), "tok_success")["order"]["id"]
    staff.post(f"/staff/orders/{order_id}/cancel", {"reason": "the buyer asked for it"})
    assert stock(staff, goods["sku"])["available"] == 1
    wait_until(
        lambda: staff.get(f"/staff/orders/{order_id}"),
        lambda o: o["payment"]["status"] == "cancelled",
    )
    order = guest.get(f"/orders/{order_id}")
    assert_valid_ucp("order", order)
    assert order["line_items"][0]["status"] == "removed"


def test_customer_sees_only_own_orders(
    guest: HttpClient, jane: HttpClient, mallory: HttpClient, sell: Sell
) -> None:
    order_id = complete(jane, begin(jane, sell(pieces=1)), "tok_success")["order"]["id"]
    assert_valid_ucp("order", jane.get(f"/orders/{order_id}"))
    mine = wait_until(lambda: jane.get("/account/orders"), lambda page: bool(page["orders"]))
    assert order_id in [o["id"] for o in mine["orders"]]
    assert guest.request(f"GET /orders/{order_id}").status == 404
    assert mallory.request(f"GET /orders/{order_id}").status == 404
    assert order_id not in [o["id"] for o in mallory.get("/account/orders")["orders"]]
    assert guest.request("GET /account/orders").status == 401


def test_customers_are_not_staff(jane: HttpClient, guest: HttpClient) -> None:
    for route in ("GET /staff/orders", "GET /staff/products", "GET /staff/stock/X"):
        assert guest.request(route).status == 401
        assert jane.request(route).status in (401, 403)


@pytest.mark.parametrize(
    ("kind", "token"),
    [
        ("garbage", "garbage"),
        (
            "alg none",
            "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4IiwidG9rZW5fdXNlIjoiYWNjZXNzIn0.",
        ),
    ],
)
def test_invalid_token_is_rejected_everywhere(cloud: Cloud, kind: str, token: str) -> None:
    visitor = HttpClient(cloud.url, token)
    for route in ("GET /staff/orders", "GET /account/orders", "GET /orders/ord_x"):
        assert visitor.request(route).status == 401, (kind, route)


def test_tampered_token_is_rejected(cloud: Cloud, jane: HttpClient) -> None:
    assert jane.token
    head, claims, signature = jane.token.split(".")
    flipped = ("A" if signature[5] != "A" else "B").join((signature[:5], signature[6:]))
    visitor = HttpClient(cloud.url, f"{head}.{claims}.{flipped}")
    for route in ("GET /account/orders", "GET /orders/ord_x"):
        assert visitor.request(route).status == 401


def test_forged_and_expired_webhooks_change_nothing(
    cloud: Cloud, guest: HttpClient, staff: HttpClient, carrier: Carrier, sell: Sell
) -> None:
    order_id = complete(guest, begin(guest, sell(pieces=1)), "tok_success")["order"]["id"]
    number = ship(staff, order_id)
    at = datetime.now(UTC).isoformat()
    assert carrier.report_status(number, "delivered", at=at, age=600).status == 401
    assert carrier.report_status(number, "delivered", at=at, age=-600).status == 401
    forged = guest.request(
        "POST /webhooks/carriers/parcelpost",
        {"id": "x", "tracking_number": number, "status": "delivered", "occurred_at": at},
        headers={
            "webhook-id": "x",
            "webhook-timestamp": str(int(datetime.now(UTC).timestamp())),
            "webhook-signature": "v1,AAAA",
        },
    )
    assert forged.status == 401
    assert guest.request("POST /webhooks/payments/unknown", {"x": 1}).status in (401, 404)
    assert staff.get(f"/staff/orders/{order_id}")["status"] == "confirmed"


def test_body_of_a_megabyte_is_rejected(guest: HttpClient) -> None:
    raw = b'{"line_items": "' + b"x" * 1_000_000 + b'"}'
    assert guest.request("POST /carts", raw=raw).status == 413


def test_repeated_request_creates_one_cart(guest: HttpClient, sell: Sell) -> None:
    body = {"line_items": [{"item": {"id": sell(pieces=1)["variant"]}, "quantity": 1}]}
    first, second = (
        guest.request("POST /carts", body, key="twice"),
        guest.request("POST /carts", body, key="twice"),
    )
    assert (first.status, first.body) == (second.status, second.body)
    other = guest.request(
        "POST /carts", {**body, "context": {"address_country": "DE"}}, key="twice"
    )
    assert other.status == 409


def test_unpaid_order_expires_and_releases_its_stock(
    guest: HttpClient, staff: HttpClient, unpaid: tuple[dict[str, Any], dict[str, Any]]
) -> None:
    goods, checkout = unpaid
    after = wait_until(lambda: get_checkout(guest, checkout), lambda c: c["status"] == "incomplete")
    assert "payment_expired" in after["messages"][0]["content"]
    assert stock(staff, goods["sku"])["available"] == 1
    assert complete(guest, checkout, "tok_success")["status"] == "completed"
