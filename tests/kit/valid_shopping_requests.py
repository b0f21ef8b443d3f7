"""A valid request of every route for shoppers, orders and traffic peaks, and of all others."""

from datetime import UTC, datetime

from tests.kit.http_api import CUSTOMER
from tests.kit.products import checkout_body, lines
from tests.kit.valid_request import valid

CREDITS = (
    valid(
        "POST /staff/gift-cards",
        {"amount": 5000, "currency": "USD", "reason": "Goodwill"},
        save={"gift_card": "code"},
    ),
    valid("POST /gift-cards/balance", {"code": "$gift_card", "currency": "USD"}),
    valid(
        "POST /staff/gift-cards/void",
        {"code": "$gift_card", "currency": "USD", "reason": "Lost"},
    ),
    valid(
        "POST /staff/customers/{id}/credits",
        {"kind": "store_credit", "amount": 500, "currency": "USD", "reason": "Goodwill"},
        id=CUSTOMER,
    ),
    valid("GET /staff/customers/{id}/credits", id=CUSTOMER),
    valid("GET /account/credits"),
)

PURCHASE = (
    valid("POST /carts", {"line_items": lines(("mug.1", 1))}, save={"cart": "id"}),
    valid("GET /carts/{id}", id="$cart"),
    valid("PUT /carts/{id}", {"line_items": lines(("mug.1", 2))}, id="$cart"),
    valid("POST /carts/{id}/cancel", id="$cart"),
    valid("POST /carts", {"line_items": lines(("mug.1", 1))}, save={"cart": "id"}),
    valid("POST /checkout-sessions", checkout_body(("mug.1", 1)), save={"checkout": "id"}),
    valid("GET /checkout-sessions/{id}", id="$checkout"),
    valid("PUT /checkout-sessions/{id}", checkout_body(("mug.1", 2)), id="$checkout"),
    valid(
        "POST /checkout-sessions/{id}/complete",
        {
            "payment": {
                "instruments": [
                    {
                        "id": "1",
                        "handler_id": "sandbox",
                        "type": "token",
                        "credential": {"type": "token", "token": "tok_success"},
                    }
                ]
            }
        },
        id="$checkout",
        save={"order": "order.id"},
    ),
    valid("GET /orders/{id}", id="$order"),
    valid("POST /checkout-sessions", checkout_body(("mug.1", 1)), save={"checkout": "id"}),
    valid(
        "POST /checkout-sessions/{id}/complete",
        {
            "payment": {
                "instruments": [
                    {
                        "id": "1",
                        "handler_id": "sandbox",
                        "type": "token",
                        "credential": {"type": "token", "token": "tok_challenge"},
                    }
                ]
            }
        },
        id="$checkout",
        save={"challenge": "continue_url"},
    ),
    valid("GET /sandbox/challenges/{reference}", reference="$challenge"),
    valid("POST /sandbox/challenges/{reference}", {"approved": True}, reference="$challenge"),
    valid("POST /checkout-sessions", checkout_body(("mug.1", 1)), save={"checkout": "id"}),
    valid("POST /checkout-sessions/{id}/cancel", id="$checkout"),
    valid("POST /checkout-sessions", checkout_body(("mug.1", 1)), save={"checkout": "id"}),
    valid("GET /account/orders"),
)

ORDERS = (
    valid("GET /staff/orders"),
    valid("GET /staff/customers", query={"q": "jane@example.com"}),
    valid("GET /staff/customers/{id}", id="1d0a5f3e-0000-4000-8000-00000000000a"),
    valid("GET /staff/orders/{id}", id="ord_1"),
    valid(
        "POST /staff/orders/{id}/parcels",
        {"carrier": "ups", "tracking_number": "1Z999AA10123456784"},
        id="ord_1",
    ),
    valid(
        "POST /staff/orders/{id}/parcels/{number}/events",
        {"status": "delivered"},
        id="ord_1",
        number="1Z999AA10123456784",
    ),
    valid(
        "POST /staff/orders/{id}/returns",
        {"lines": [{"id": "li_1", "quantity": 1}], "reason": "Wrong size"},
        id="ord_3",
    ),
    valid(
        "POST /staff/orders/{id}/refunds",
        {"amount": 100, "reason": "Arrived late"},
        id="ord_3",
    ),
    valid("GET /staff/order-sums"),
    valid("POST /staff/orders/{id}/cancel", {"reason": "Ordered twice"}, id="ord_2"),
    valid("GET /staff/parked-events"),
)

PEAK = (
    valid(
        "POST /staff/promotions",
        {
            "id": "flash",
            "title": "Flash sale",
            "effect": {"kind": "flash_sale", "off_ppm": 500_000, "quota": 64},
        },
        save={"flash": "version"},
    ),
    valid(
        "POST /staff/promotions/{id}/schedule",
        {"version": "$flash"},
        id="flash",
    ),
    valid(
        "PUT /staff/waiting-rooms/{id}",
        {"admissions_per_second": 50, "reason": "Flash sale"},
        id="flash",
    ),
    valid("GET /waiting-rooms/{id}", id="flash"),
    valid(
        "POST /waiting-rooms/{id}/tickets",
        {"checkout_id": "$checkout"},
        id="flash",
        save={"ticket": "ticket"},
    ),
    valid("POST /waiting-rooms/{id}/turns", {"ticket": "$ticket"}, id="flash"),
    valid("DELETE /staff/waiting-rooms/{id}", id="flash"),
    valid(
        "POST /staff/promotions",
        {
            "id": "together",
            "title": "Together",
            "code_required": True,
            "effect": {
                "kind": "group_price",
                "price": [{"amount": 999, "currency": "USD"}],
                "size": 2,
                "hours": 1,
            },
        },
        save={"together": "version"},
    ),
    valid("POST /staff/promotions/{id}/schedule", {"version": "$together"}, id="together"),
    valid("POST /group-buys", {"promotion_id": "together"}, save={"group_buy": "id"}),
    valid("GET /group-buys/{id}", id="$group_buy"),
)

OTHERS = (
    valid("GET /.well-known/ucp"),
    valid("GET /openapi.json"),
    valid("GET /docs"),
    valid("GET /status"),
    valid("GET /sandbox"),
    valid("GET /mcp"),
    valid("POST /mcp", {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}),
    valid(
        "POST /webhooks/carriers/{carrier}",
        {
            "id": "evt_1",
            "tracking_number": "1Z999AA10123456784",
            "status": "in_transit",
            "occurred_at": datetime.now(UTC).isoformat(),
        },
        carrier="ups",
    ),
    valid("POST /webhooks/payments/sandbox", {"reference": "pay_1"}),
    valid(
        "POST /webhooks/payments/stripe",
        {"object": "event", "type": "payment_intent.succeeded"},
    ),
)
