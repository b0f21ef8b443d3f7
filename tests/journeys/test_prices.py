"""Prices and credits over HTTP, from the schedule to the order and its cancellation."""

import base64
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from local.cloud import Cloud
from local.demo import payment_body
from local.http_actors import Carrier, HttpClient, sign_in, sign_up, wait_until
from tests.journeys.conftest import PASSWORD
from tests.kit.products import checkout_body
from tests.kit.ucp_validator import assert_valid_ucp

pytestmark = pytest.mark.journey

Sell = Callable[..., dict[str, Any]]
CODES = 10_000


def schedule_promotion(staff: HttpClient, id_: str, **fields: Any) -> None:
    staff.post("/staff/promotions", {"id": id_, "title": id_, **fields})
    staff.post(f"/staff/promotions/{id_}/schedule", {"version": 1})


def look_up(buyer: HttpClient, goods: dict[str, Any]) -> dict[str, Any]:
    found = buyer.post("/catalog/lookup", {"ids": [goods["variant"]]})
    assert_valid_ucp("catalog_lookup", found)
    variant: dict[str, Any] = found["products"][0]["variants"][0]
    return variant


def begin(buyer: HttpClient, goods: dict[str, Any], code: str) -> dict[str, Any]:
    body = {**checkout_body((goods["variant"], 3)), "discounts": {"codes": [code]}}
    checkout: dict[str, Any] = buyer.post("/checkout-sessions", body)
    assert_valid_ucp("checkout", checkout)
    return checkout


def discounts(checkout: dict[str, Any]) -> dict[str, int]:
    return {d["title"]: d["amount"] for d in checkout["discounts"]["applied"]}


def messages(checkout: dict[str, Any]) -> list[str]:
    return [m["code"] for m in checkout.get("messages", [])]


def subject(visitor: HttpClient) -> str:
    """Return the subject of a visitor's token."""
    payload = str(visitor.token).split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return str(claims["sub"])


def test_flash_sale_tiers_and_codes_apply_and_are_released_on_cancellation(
    staff: HttpClient, jane: HttpClient, mallory: HttpClient, sell: Sell
) -> None:
    # Given a flash sale, a spend tier, and a coupon with 10,000 codes for the same goods
    goods = sell(pieces=50, price=10_000)
    selection, name = {"variants": [goods["variant"]]}, goods["sku"].lower()
    now = datetime.now(UTC)
    window = {
        "starts": (now - timedelta(minutes=1)).isoformat(),
        "ends": (now + timedelta(hours=1)).isoformat(),
    }
    schedule_promotion(
        staff,
        f"flash-{name}",
        goods=selection,
        conditions={"window": window},
        effect={"kind": "flash_sale", "off_ppm": 250_000, "quota": 4, "per_customer": 2},
    )
    usd = {"currency": "USD"}
    tiers = [
        {"spend": {"amount": 20_000, **usd}, "save": {"amount": 1_000, **usd}},
        {"spend": {"amount": 24_000, **usd}, "save": {"amount": 2_000, **usd}},
    ]
    schedule_promotion(
        staff, f"tiers-{name}", goods=selection, effect={"kind": "spend_save", "tiers": tiers}
    )
    schedule_promotion(
        staff,
        f"coupon-{name}",
        goods=selection,
        code_required=True,
        stacking={"group": "coupons"},
        effect={"kind": "order_amount", "amount": [{"amount": 500, **usd}]},
    )
    staff.post("/staff/coupons", {"id": f"batch-{name}", "promotion_id": f"coupon-{name}"})
    path = f"/staff/coupons/batch-{name}/codes"
    issued = staff.post(path, {"count": CODES, "prefix": "FLASH"})
    assert issued["issued"] == CODES
    codes = staff.get(path)["codes"]
    assert len(set(codes)) == 1_000
    code = codes[0]

    # When a customer looks at the product and buys three with a code
    variant = wait_until(lambda: look_up(jane, goods), lambda v: v["price"]["amount"] == 7_500)
    assert variant["list_price"]["amount"] == 10_000
    assert variant["metadata"] == {
        "lowest_price_30_days": {"amount": 10_000, "currency": "USD"},
        "reduction_ppm": 250_000,
    }

    checkout = begin(jane, goods, code)
    # Two at 75.00, one at 100.00, 5.00 off by the code, then 20.00 by the second tier.
    reduced = {f"flash-{name}": 5_000, f"tiers-{name}": 2_000, f"coupon-{name}": 500}
    assert discounts(checkout) == reduced
    path = f"/checkout-sessions/{checkout['id']}/complete"
    done = jane.post(path, payment_body("tok_success"))
    assert_valid_ucp("checkout", done)
    order_id = done["order"]["id"]

    # Then the order stores every discount
    stored = staff.get(f"/staff/orders/{order_id}")
    assert stored["total"] == done["totals"][-1]["amount"]
    (line,) = stored["pricing"]["lines"]
    assert {d["promotion_id"]: d["amount"] for d in line["discounts"]} == reduced
    assert {e["rule"] for e in stored["pricing"]["trace"] if e["applied"]} >= set(reduced)
    order = jane.get(f"/orders/{order_id}")
    assert_valid_ucp("order", order)
    (total,) = (t for t in order["totals"] if t["type"] == "items_discount")
    assert {-line["amount"] for line in total["lines"]} == set(reduced.values())

    # And the limits count: Jane has bought her two and used the code, two units remain for others
    spent = begin(jane, goods, code)
    assert discounts(spent) == {f"tiers-{name}": 2_000}
    assert messages(spent) == ["discount_code_exhausted"]
    assert discounts(begin(mallory, goods, codes[1])) == reduced

    # When the order is cancelled, its usage is released
    staff.post(f"/staff/orders/{order_id}/cancel", {"reason": "changed mind"})
    again = begin(jane, goods, code)
    assert discounts(again) == reduced
    # The sale is for two units per customer, and she asks for three.
    assert messages(again) == ["discount_partial"]

    # When the sale ends, the price and its history follow
    staff.post(f"/staff/promotions/flash-{name}/end", {"version": 2})
    wait_until(lambda: look_up(jane, goods), lambda v: v["price"]["amount"] == 10_000)
    history = staff.get(f"/staff/price-history/{goods['variant']}")
    assert [point["price"] for point in history["points"]] == [10_000, 7_500, 10_000]


def test_price_list_of_a_customer_group_applies_to_its_members_only(
    staff: HttpClient, jane: HttpClient, guest: HttpClient, sell: Sell
) -> None:
    goods = sell(pieces=50, price=10_000)
    entry = {"article": goods["variant"], "price": 6_000}
    body = {"id": f"list-{goods['sku']}", "currency": "USD", "entries": [entry]}
    staff.post("/staff/price-lists", {**body, "groups": [goods["sku"]]})
    lines = {"line_items": [{"item": {"id": goods["variant"]}, "quantity": 1}]}
    cart = jane.post("/carts", lines)
    assert_valid_ucp("cart", cart)
    assert cart["totals"][-1]["amount"] == 10_000
    path = f"/staff/customers/{subject(jane)}/groups"
    version = staff.get(path)["version"]
    staff.put(path, {"groups": [goods["sku"]], "version": version})

    def price() -> int:
        current = jane.get(f"/carts/{cart['id']}")
        assert_valid_ucp("cart", current)
        amount: int = current["totals"][-1]["amount"]
        return amount

    assert wait_until(price, lambda amount: amount == 6_000) == 6_000
    assert guest.post("/carts", lines)["totals"][-1]["amount"] == 10_000


def credit(type_: str, token: str | None = None) -> dict[str, Any]:
    """Return a payment instrument of credits; ``token`` is a gift card's code."""
    fields: dict[str, Any] = {"id": type_, "handler_id": "credits", "type": type_}
    return fields if token is None else {**fields, "credential": {"type": type_, "token": token}}


def pay(buyer: HttpClient, checkout: dict[str, Any], *credits_: dict[str, Any]) -> dict[str, Any]:
    """Pay with credits first, and with another instrument for the rest."""
    body = payment_body("tok_success")
    body["payment"]["instruments"][:0] = credits_
    done: dict[str, Any] = buyer.post(f"/checkout-sessions/{checkout['id']}/complete", body)
    assert_valid_ucp("checkout", done)
    return done


def paid(done: dict[str, Any]) -> dict[str, int]:
    """Return the amount that each instrument paid."""
    return {i["id"]: i.get("amount", 0) for i in done["payment"]["instruments"]}


def issue_card(staff: HttpClient, amount: int) -> str:
    body = {"amount": amount, "currency": "USD", "reason": "test"}
    code: str = staff.post("/staff/gift-cards", body)["code"]
    return code


def balance(visitor: HttpClient, code: str) -> int:
    body = {"code": code, "currency": "USD"}
    amount: int = visitor.post("/gift-cards/balance", body)["balance"]
    return amount


def test_points_and_gift_card_pay_in_part_and_are_reversed_on_cancellation(
    staff: HttpClient, jane: HttpClient, sell: Sell
) -> None:
    goods, code = sell(pieces=50, price=10_000), issue_card(staff, 2_500)
    path = f"/staff/customers/{subject(jane)}/credits"
    staff.post(path, {"kind": "points", "amount": 700, "reason": "test"})
    before = jane.get("/account/credits")["points"]["available"]
    checkout = jane.post("/checkout-sessions", checkout_body((goods["variant"], 1)))
    assert_valid_ucp("checkout", checkout)
    done = pay(jane, checkout, credit("loyalty"), credit("gift_card", code))
    assert done["status"] == "completed"
    total = checkout["totals"][-1]["amount"]
    rest = total - before - 2_500
    instruments = paid(done)
    assert (instruments["loyalty"], instruments["gift_card"]) == (before, 2_500)
    assert sum(instruments.values()) == total
    assert rest in instruments.values()
    assert (jane.get("/account/credits")["points"]["available"], balance(jane, code)) == (0, 0)
    staff.post(f"/staff/orders/{done['order']['id']}/cancel", {"reason": "changed mind"})
    assert jane.get("/account/credits")["points"]["available"] == before
    assert balance(jane, code) == 2_500


def test_points_are_earned_on_delivery_and_reversed_on_return(
    staff: HttpClient, jane: HttpClient, carrier: Carrier, sell: Sell
) -> None:
    goods = sell(pieces=5, price=10_000)

    def points() -> int:
        available: int = jane.get("/account/credits")["points"]["available"]
        return available

    before = points()
    done = pay(jane, jane.post("/checkout-sessions", checkout_body((goods["variant"], 2))))
    path, number = f"/staff/orders/{done['order']['id']}", f"P{goods['sku']}"
    staff.post(f"{path}/parcels", {"carrier": "parcelpost", "tracking_number": number})
    at = datetime.now(UTC).isoformat()
    assert carrier.report_status(number, "delivered", at=at).status == 202
    # One point per full dollar of the goods
    assert wait_until(points, lambda available: available == before + 200) == before + 200
    returned = {"lines": [{"id": "li_1", "quantity": 1}], "reason": "too small"}
    order = staff.post(f"{path}/returns", returned)
    assert wait_until(points, lambda available: available == before + 100) == before + 100
    refunded = wait_until(
        lambda: staff.get(path)["payment"]["refunded"], lambda amount: amount == 10_000
    )
    assert order["due"] == order["total"] - refunded


def test_customers_who_share_a_gift_card_exhaust_it(
    cloud: Cloud, staff: HttpClient, sell: Sell
) -> None:
    # Given a card that holds three orders and a half, and five customers who are ready to pay.
    # They are signed in: guests of one address share a limit on attempts with codes.
    goods = sell(pieces=50, price=1_000)
    body = checkout_body((goods["variant"], 1))
    customers = [new_customer(cloud, f"shares.card.{n}@example.com") for n in range(5)]
    checkouts = [customer.post("/checkout-sessions", body) for customer in customers]
    total = checkouts[0]["totals"][-1]["amount"]
    held = 3 * total + total // 2
    code = issue_card(staff, held)

    def buy(customer: HttpClient, checkout: dict[str, Any]) -> int:
        """Pay with the card first, as long as it has a balance; return the card's share."""
        while balance(customer, code):
            reply = customer.request(
                f"POST /checkout-sessions/{checkout['id']}/complete", with_card(code)
            )
            if reply.status == 200:
                assert_valid_ucp("checkout", reply.body)
                assert reply.body["status"] == "completed"
                instruments = paid(reply.body)
                assert sum(instruments.values()) == total
                return instruments["gift_card"]
            # Another customer used the card at that moment, so the shop asks to look again.
            (message,) = reply.body["messages"]
            assert (reply.status, message["code"]) == (400, "credit_insufficient")
            assert message["path"] == "$.payment.instruments[0]"
        return 0

    # When all pay at once
    with ThreadPoolExecutor(len(customers)) as pool:
        shares = list(pool.map(buy, customers, checkouts))
    # Then the card paid exactly what it held, and the last customer pays without it
    assert sorted(shares) == [0, total // 2, total, total, total]
    assert sum(shares) == held
    assert balance(customers[0], code) == 0
    last = shares.index(0)
    customer, rejected = customers[last], checkouts[last]
    refused = customer.request(
        f"POST /checkout-sessions/{rejected['id']}/complete", with_card(code)
    )
    assert (refused.status, refused.body["messages"][0]["code"]) == (400, "credit_insufficient")
    assert pay(customer, rejected)["status"] == "completed"


def new_customer(cloud: Cloud, email: str) -> HttpClient:
    sign_up(cloud, email, PASSWORD)
    return HttpClient(cloud.url, sign_in(cloud, email, PASSWORD))


def with_card(code: str) -> dict[str, Any]:
    """Return a payment by gift card, and by another instrument for the rest."""
    body = payment_body("tok_success")
    body["payment"]["instruments"].insert(0, credit("gift_card", code))
    return body
