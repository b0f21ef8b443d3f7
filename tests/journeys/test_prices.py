"""Prices over HTTP: what staff schedule, what shoppers see, what the order keeps and gives back."""

import base64
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from local.demo import payment_body
from local.http_actors import Carrier, HttpClient, wait_until
from tests.kit.products import checkout_body
from tests.kit.ucp_validator import assert_valid_ucp

pytestmark = pytest.mark.journey

Sell = Callable[..., dict[str, Any]]
CODES = 10_000


def put_on_the_calendar(staff: HttpClient, id_: str, **fields: Any) -> None:
    staff.post("/staff/promotions", {"id": id_, "title": id_, **fields})
    staff.post(f"/staff/promotions/{id_}/schedule", {"version": 1})


def announced(buyer: HttpClient, goods: dict[str, Any]) -> dict[str, Any]:
    found = buyer.post("/catalog/lookup", {"ids": [goods["variant"]]})
    assert_valid_ucp("catalog_lookup", found)
    variant: dict[str, Any] = found["products"][0]["variants"][0]
    return variant


def begin(buyer: HttpClient, goods: dict[str, Any], code: str) -> dict[str, Any]:
    body = {**checkout_body((goods["variant"], 3)), "discounts": {"codes": [code]}}
    checkout: dict[str, Any] = buyer.post("/checkout-sessions", body)
    assert_valid_ucp("checkout", checkout)
    return checkout


def taken_off(checkout: dict[str, Any]) -> dict[str, int]:
    return {d["title"]: d["amount"] for d in checkout["discounts"]["applied"]}


def messages(checkout: dict[str, Any]) -> list[str]:
    return [m["code"] for m in checkout.get("messages", [])]


def subject(visitor: HttpClient) -> str:
    """Whom a visitor's token is about."""
    payload = str(visitor.token).split(".")[1]
    told = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return str(told["sub"])


def test_a_flash_sale_tiers_and_a_batch_of_codes_from_the_calendar_to_the_order_and_back(
    staff: HttpClient, jane: HttpClient, mallory: HttpClient, sell: Sell
) -> None:
    goods = sell(pieces=50, price=10_000)
    mine, name = {"variants": [goods["variant"]]}, goods["sku"].lower()
    now = datetime.now(UTC)
    window = {
        "starts": (now - timedelta(minutes=1)).isoformat(),
        "ends": (now + timedelta(hours=1)).isoformat(),
    }
    put_on_the_calendar(
        staff,
        f"flash-{name}",
        goods=mine,
        conditions={"window": window},
        effect={"kind": "flash_sale", "basis_points": 2500, "quota": 4, "per_customer": 2},
    )
    usd = {"currency": "USD"}
    tiers = [
        {"spend": {"amount": 20_000, **usd}, "save": {"amount": 1_000, **usd}},
        {"spend": {"amount": 24_000, **usd}, "save": {"amount": 2_000, **usd}},
    ]
    put_on_the_calendar(
        staff, f"tiers-{name}", goods=mine, effect={"kind": "spend_save", "tiers": tiers}
    )
    put_on_the_calendar(
        staff,
        f"coupon-{name}",
        goods=mine,
        code_required=True,
        stacking={"group": "coupons"},
        effect={"kind": "order_amount", "amount": [{"amount": 500, **usd}]},
    )
    staff.post("/staff/coupons", {"id": f"batch-{name}", "promotion_id": f"coupon-{name}"})
    path, began = f"/staff/coupons/batch-{name}/codes", datetime.now(UTC)
    issued = staff.post(path, {"count": CODES, "prefix": "FLASH"})
    print(f"{CODES} codes in {(datetime.now(UTC) - began).total_seconds():.1f} s")
    assert issued["issued"] == CODES
    codes = staff.get(path)["codes"]
    assert len(set(codes)) == 1_000
    code = codes[0]

    shown = wait_until(lambda: announced(jane, goods), lambda v: v["price"]["amount"] == 7_500)
    assert shown["list_price"]["amount"] == 10_000
    assert shown["metadata"] == {
        "lowest_price_30_days": {"amount": 10_000, "currency": "USD"},
        "reduction_percent": 25,
    }

    checkout = begin(jane, goods, code)
    # Two at 75.00, one at 100.00, 5.00 off by the code, then 20.00 by the second tier.
    reduced = {f"flash-{name}": 5_000, f"tiers-{name}": 2_000, f"coupon-{name}": 500}
    assert taken_off(checkout) == reduced
    path = f"/checkout-sessions/{checkout['id']}/complete"
    done = jane.post(path, payment_body("tok_success"))
    assert_valid_ucp("checkout", done)
    order_id = done["order"]["id"]

    kept = staff.get(f"/staff/orders/{order_id}")
    assert kept["total"] == done["totals"][-1]["amount"]
    (line,) = kept["pricing"]["lines"]
    assert {d["promotion_id"]: d["amount"] for d in line["discounts"]} == reduced
    assert {e["rule"] for e in kept["pricing"]["trace"] if e["applied"]} >= set(reduced)
    seen = jane.get(f"/orders/{order_id}")
    assert_valid_ucp("order", seen)
    (off,) = (t for t in seen["totals"] if t["type"] == "items_discount")
    assert {-told["amount"] for told in off["lines"]} == set(reduced.values())

    # Jane had her two, and the code is spent; for Mallory there are two left.
    spent = begin(jane, goods, code)
    assert taken_off(spent) == {f"tiers-{name}": 2_000}
    assert messages(spent) == ["discount_code_exhausted"]
    assert taken_off(begin(mallory, goods, codes[1])) == reduced

    staff.post(f"/staff/orders/{order_id}/cancel", {"reason": "changed mind"})
    again = begin(jane, goods, code)
    assert taken_off(again) == reduced
    assert messages(again) == []

    staff.post(f"/staff/promotions/flash-{name}/end", {"version": 2})
    wait_until(lambda: announced(jane, goods), lambda v: v["price"]["amount"] == 10_000)
    history = staff.get(f"/staff/price-history/{goods['variant']}")
    assert [point["price"] for point in history["points"]] == [10_000, 7_500, 10_000]


def test_a_price_list_of_a_customer_group_is_theirs_alone(
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
    who = subject(jane)
    known = staff.get(f"/staff/customers/{who}/groups")
    mine = {"groups": [goods["sku"]], "version": known["version"]}
    staff.put(f"/staff/customers/{who}/groups", mine)

    def price() -> int:
        shown = jane.get(f"/carts/{cart['id']}")
        assert_valid_ucp("cart", shown)
        amount: int = shown["totals"][-1]["amount"]
        return amount

    assert wait_until(price, lambda amount: amount == 6_000) == 6_000
    assert guest.post("/carts", lines)["totals"][-1]["amount"] == 10_000


def credit(type_: str, token: str | None = None) -> dict[str, Any]:
    told: dict[str, Any] = {"id": type_, "handler_id": "credits", "type": type_}
    return told if token is None else {**told, "credential": {"type": type_, "token": token}}


def pay(buyer: HttpClient, checkout: dict[str, Any], *first: dict[str, Any]) -> dict[str, Any]:
    body = payment_body("tok_success")
    body["payment"]["instruments"][:0] = first
    done: dict[str, Any] = buyer.post(f"/checkout-sessions/{checkout['id']}/complete", body)
    assert_valid_ucp("checkout", done)
    return done


def paid(done: dict[str, Any]) -> dict[str, int]:
    return {i["id"]: i.get("amount", 0) for i in done["payment"]["instruments"]}


def issue(staff: HttpClient, amount: int) -> str:
    body = {"amount": amount, "currency": "USD", "reason": "a journey"}
    code: str = staff.post("/staff/gift-cards", body)["code"]
    return code


def balance(visitor: HttpClient, code: str) -> int:
    asked = {"code": code, "currency": "USD"}
    held: int = visitor.post("/gift-cards/balance", asked)["balance"]
    return held


def test_points_and_a_gift_card_pay_in_part_and_come_back_with_the_order(
    staff: HttpClient, jane: HttpClient, sell: Sell
) -> None:
    goods, code = sell(pieces=50, price=10_000), issue(staff, 2_500)
    path = f"/staff/customers/{subject(jane)}/credits"
    staff.post(path, {"kind": "points", "amount": 700, "reason": "a journey"})
    before = jane.get("/account/credits")["points"]["available"]
    made = jane.post("/checkout-sessions", checkout_body((goods["variant"], 1)))
    assert_valid_ucp("checkout", made)
    done = pay(jane, made, credit("loyalty"), credit("gift_card", code))
    assert done["status"] == "completed"
    total = made["totals"][-1]["amount"]
    rest = total - before - 2_500
    instruments = paid(done)
    assert (instruments["loyalty"], instruments["gift_card"]) == (before, 2_500)
    assert sum(instruments.values()) == total
    assert rest in instruments.values()
    assert (jane.get("/account/credits")["points"]["available"], balance(jane, code)) == (0, 0)
    staff.post(f"/staff/orders/{done['order']['id']}/cancel", {"reason": "changed mind"})
    assert jane.get("/account/credits")["points"]["available"] == before
    assert balance(jane, code) == 2_500


def test_points_are_earned_with_what_arrived_and_go_with_what_is_sent_back(
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
    # A point for every full dollar of the goods.
    assert wait_until(points, lambda held: held == before + 200) == before + 200
    back = {"lines": [{"id": "li_1", "quantity": 1}], "reason": "too small"}
    order = staff.post(f"{path}/returns", back)
    assert wait_until(points, lambda held: held == before + 100) == before + 100
    paid_back = wait_until(
        lambda: staff.get(path)["payment"]["refunded"], lambda amount: amount == 10_000
    )
    assert order["due"] == order["total"] - paid_back


def test_customers_who_share_a_gift_card_exhaust_it(
    staff: HttpClient, guest: HttpClient, sell: Sell
) -> None:
    # Given a card that holds three orders and a half, and five customers who are ready to pay
    goods = sell(pieces=50, price=1_000)
    body = checkout_body((goods["variant"], 1))
    checkouts = [guest.post("/checkout-sessions", body) for _ in range(5)]
    total = checkouts[0]["totals"][-1]["amount"]
    held = 3 * total + total // 2
    code = issue(staff, held)

    def buy(checkout: dict[str, Any]) -> int:
        """Pay with the card first, as long as it has a balance; return the card's share."""
        while balance(guest, code):
            reply = guest.request(
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
            assert (reply.status, message["code"]) == (400, "payment_failed")
            assert message["path"] == "$.payment.instruments[0]"
        return 0

    # When all pay at once
    with ThreadPoolExecutor(len(checkouts)) as customers:
        shares = list(customers.map(buy, checkouts))
    # Then the card paid exactly what it held, and the last customer pays without it
    assert sorted(shares) == [0, total // 2, total, total, total]
    assert sum(shares) == held
    assert balance(guest, code) == 0
    rejected = checkouts[shares.index(0)]
    refused = guest.request(f"POST /checkout-sessions/{rejected['id']}/complete", with_card(code))
    assert (refused.status, refused.body["messages"][0]["code"]) == (400, "payment_failed")
    assert pay(guest, rejected)["status"] == "completed"


def with_card(code: str) -> dict[str, Any]:
    """A payment by gift card, and by another instrument for the rest."""
    body = payment_body("tok_success")
    body["payment"]["instruments"].insert(0, credit("gift_card", code))
    return body
