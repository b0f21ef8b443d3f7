"""Gift cards, store credit and points, through the doors."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from functions.checkout import complete_checkout, create_checkout, get_checkout
from functions.credits import (
    adjust_credits,
    expire_credits,
    get_credits,
    get_gift_card_balance,
    get_my_credits,
    issue_gift_card,
    settle_order_credits,
    void_gift_card,
)
from functions.orders import get_order
from functions.staff_orders import cancel_order
from shop.orders.model import OrderStatus
from shop.orders.store import DynamoOrderRepository
from shop.pricing.model.loyalty import gift_card_account, points_account
from shop.pricing.store.credit_accounts import DynamoCreditAccountRepository
from shop.pricing.store.rows import PricingRow
from tests.functions.checkout.test_customer_prices import ANN, ANN_ID, asking, staff
from tests.functions.checkout.test_discounts import totals
from tests.kit.products import checkout_body, mug, publish_with_stock
from tests.kit.shop import ApiResponse, Context, call
from tests.kit.ucp_validator import assert_valid_ucp

pytestmark = pytest.mark.usefixtures("cloud")

GRANT = "POST /staff/customers/{id}/credits"
COMPLETE = "POST /checkout-sessions/{id}/complete"


@pytest.fixture(autouse=True)
def _goods(cloud: None) -> None:
    publish_with_stock(mug(), pieces=50)


def by_staff(door: Any, route: str, body: Any = None, key: str | None = None, **path: str) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ACCESS", "staff")
        patch.setenv("ACCESS_GROUPS", "staff")
        claims = {**ANN, "sub": "staff-1", "cognito:groups": "[staff]"}
        return call(door.handler, route, body, key=key, claims=claims, headers=None, **path)


def grant(amount: int, kind: str = "points", key: str | None = None, **more: Any) -> Any:
    body = {"kind": kind, "amount": amount, "reason": "goodwill", **more}
    return by_staff(adjust_credits, GRANT, body, key=key, id=ANN_ID)


def card(amount: int, currency: str = "USD") -> str:
    body = {"amount": amount, "currency": currency, "reason": "sold at the counter"}
    answer = by_staff(issue_gift_card, "POST /staff/gift-cards", body)
    assert answer.status == 201, answer.text
    code: str = answer.json["code"]
    return code


def balance(code: str, currency: str = "USD") -> int:
    body = {"code": code, "currency": currency}
    answer = call(get_gift_card_balance.handler, "POST /gift-cards/balance", body)
    found: int = answer.json["balance"]
    return found


def credit(type_: str, token: str | None = None, **more: Any) -> dict[str, Any]:
    told: dict[str, Any] = {"id": f"i-{type_}", "handler_id": "credits", "type": type_, **more}
    if token is not None:
        told["credential"] = {"type": type_, "token": token}
    return told


def money(token: str = "tok_success", **more: Any) -> dict[str, Any]:
    credential = {"type": "token", "token": token}
    return {
        "id": "money",
        "handler_id": "sandbox",
        "type": "token",
        "credential": credential,
        **more,
    }


def begin(ann: bool = True) -> dict[str, Any]:
    body = checkout_body(("mug.1", 2))
    made: dict[str, Any] = asking(create_checkout, "POST /checkout-sessions", body, ann=ann).json
    assert_valid_ucp("checkout", made)
    return made


def pay(session: dict[str, Any], *instruments: dict[str, Any], ann: bool = True) -> ApiResponse:
    body = {"payment": {"instruments": list(instruments)}}
    return asking(complete_checkout, COMPLETE, body, ann=ann, id=session["id"])


def paid(answer: ApiResponse) -> dict[str, int | None]:
    return {i["id"]: i.get("amount") for i in answer.json["payment"]["instruments"]}


def happen(kind: str, order_id: str) -> None:
    detail = {"id": "e", "subject": order_id, "at": "2026-11-22T12:00:00+00:00", "data": {}}
    settle_order_credits.handler({"detail-type": kind, "detail": detail}, Context())


def points() -> int:
    return DynamoCreditAccountRepository().get(points_account(ANN_ID)).available(datetime.now(UTC))


TOTAL = 2 * 1299 + 599


def test_staff_give_and_take_with_a_reason_and_the_customer_sees_it() -> None:
    first = grant(500, key="one")
    assert (first.status, first.json["available"]) == (201, 500)
    assert grant(500, key="one").json["available"] == 500
    assert grant(501, key="one").json["code"] == "posting_differs"
    assert grant(-200).json["available"] == 300
    refused = grant(-301)
    assert (refused.status, refused.json["code"]) == (409, "credit_insufficient")
    assert grant(0).status == 400
    assert grant(1000, "store_credit").json["errors"][0]["path"] == "$.currency"
    grant(1000, "store_credit", currency="EUR")
    seen = asking(get_my_credits, "GET /account/credits").json
    assert seen["points"]["available"] == 300
    assert [(m["kind"], m["amount"]) for m in seen["points"]["movements"]] == [
        ("withdraw", -200),
        ("grant", 500),
    ]
    assert {m["reference"] for m in seen["points"]["movements"]} == {""}
    ((currency, euro),) = seen["store_credit"].items()
    assert (currency, euro["available"], euro["currency"]) == ("EUR", 1000, "EUR")
    told = by_staff(get_credits, "GET /staff/customers/{id}/credits", id=ANN_ID).json
    assert {m["reference"] for m in told["points"]["movements"]} == {"goodwill (by staff-1)"}
    for account in (told["points"], told["store_credit"]["EUR"]):
        for movement in account["movements"]:
            movement["reference"] = ""
    assert told == seen


def test_nothing_is_given_to_who_cannot_be_a_customer_or_in_a_way_that_says_two_things() -> None:
    body = {"kind": "points", "amount": 500, "reason": "goodwill"}
    for nobody in ("ann", "guest", ANN_ID.upper(), f"{ANN_ID}0", "00000000-0000-4000-8000"):
        for door, route, asked in (
            (adjust_credits, GRANT, body),
            (get_credits, "GET /staff/customers/{id}/credits", None),
        ):
            refused = by_staff(door, route, asked, id=nobody)
            assert (refused.status, refused.json["code"]) == (404, "customer_unknown")
    past = (datetime.now(UTC) - timedelta(days=1)).isoformat()
    for more, path in (({"currency": "USD"}, "$.currency"), ({"expires": past}, "$.expires")):
        refused = grant(500, **more)
        assert (refused.status, refused.json["errors"][0]["path"]) == (400, path)
    old = {"amount": 500, "currency": "USD", "reason": "sold", "expires": past}
    refused = by_staff(issue_gift_card, "POST /staff/gift-cards", old)
    assert (refused.status, refused.json["errors"][0]["path"]) == (400, "$.expires")
    assert points() == 0


def test_a_gift_card_is_told_to_who_holds_the_key_and_kept_as_a_digest() -> None:
    body = {"amount": 5000, "currency": "USD", "reason": "sold"}
    made = by_staff(issue_gift_card, "POST /staff/gift-cards", body, key="once")
    code = made.json["code"]
    assert len(code.replace("-", "")) == 16
    again = by_staff(issue_gift_card, "POST /staff/gift-cards", body, key="once")
    assert (again.status, again.json) == (201, made.json)
    for other in ({"amount": 4999}, {"currency": "EUR"}, {"reason": "lost"}):
        refused = by_staff(issue_gift_card, "POST /staff/gift-cards", {**body, **other}, key="once")
        assert (refused.status, refused.json["code"]) == (409, "idempotency_key_reused")
    assert by_staff(issue_gift_card, "POST /staff/gift-cards", body).json["code"] != code
    assert balance(code.lower().replace("-", " ")) == 5000
    kept = [row.pk for row in PricingRow.scan()] + [str(row.doc) for row in PricingRow.scan()]
    assert not any(code in text or code.replace("-", "") in text for text in kept)
    route = "POST /gift-cards/balance"
    for number in range(10):
        wrong = {"code": f"0000-0000-0000-{number:04d}", "currency": "USD"}
        assert call(get_gift_card_balance.handler, route, wrong).status == 404
    refused = call(get_gift_card_balance.handler, route, {"code": code, "currency": "USD"})
    assert (refused.status, refused.json["errors"][0]["path"]) == (429, "$.code")


def test_two_answers_to_one_key_at_the_same_moment_are_one_card() -> None:
    body = {"amount": 5000, "currency": "USD", "reason": "sold"}
    made = by_staff(issue_gift_card, "POST /staff/gift-cards", body, key="once").json
    looks = iter([None])
    seed_of = DynamoCreditAccountRepository.seed_of

    def late(self: DynamoCreditAccountRepository, command: str) -> bytes | None:
        return next(looks, seed_of(self, command))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DynamoCreditAccountRepository, "seed_of", late)
        again = by_staff(issue_gift_card, "POST /staff/gift-cards", body, key="once")
    assert (again.status, again.json) == (201, made)


def void(code: str, key: str | None = None, reason: str = "stolen") -> ApiResponse:
    body = {"code": code, "currency": "USD", "reason": reason}
    answer: ApiResponse = by_staff(void_gift_card, "POST /staff/gift-cards/void", body, key=key)
    return answer


def test_staff_void_a_gift_card_with_a_reason() -> None:
    code = card(5_000)
    done = pay(begin(ann=False), credit("gift_card", code, amount=1_000), money(), ann=False)
    assert done.json["status"] == "completed", done.text
    for _ in range(2):
        voided = void(code, key="void")
        assert (voided.status, voided.json["voided"], voided.json["balance"]) == (200, 4_000, 0)
    assert void(code, key="more").json["voided"] == 0
    book = DynamoCreditAccountRepository().get(gift_card_account(code, "USD"))
    assert book.balances() == {"shop": -1_000, book.account: 0, "orders": 1_000}
    assert book.entries[-1].reference == "stolen (by staff-1)"
    route = "POST /staff/orders/{id}/cancel"
    staff(cancel_order, route, {"reason": "changed mind"}, id=done.json["order"]["id"])
    assert void(code, key="void").json == {"voided": 4_000, "balance": 1_000, "currency": "USD"}
    assert void(code, key="again").json["voided"] == 1_000
    assert void("0000-0000-0000-0000").json["code"] == "gift_card_unknown"
    assert void(code, reason="x").status == 400


def test_a_gift_card_pays_in_part_and_keeps_the_rest() -> None:
    code, small = card(10_000), card(1_000)
    made = begin(ann=False)
    assert totals(made)["total"] == TOTAL
    done = pay(made, {**credit("gift_card", small), "id": "small"}, money(), ann=False)
    assert_valid_ucp("checkout", done.json)
    assert done.json["status"] == "completed", done.text
    assert paid(done) == {"small": 1_000, "money": TOTAL - 1_000}
    order = DynamoOrderRepository().get("guest", done.json["order"]["id"])
    assert (order.total, order.amount.minor) == (TOTAL, TOTAL - 1_000)
    assert order.payment.total_of("authorised") == TOTAL - 1_000
    assert (balance(small), balance(code)) == (0, 10_000)
    whole = pay(begin(ann=False), credit("gift_card", code), ann=False)
    assert_valid_ucp("checkout", whole.json)
    assert whole.json["status"] == "completed", whole.text
    assert paid(whole) == {"i-gift_card": TOTAL}
    assert balance(code) == 10_000 - TOTAL
    order = DynamoOrderRepository().get("guest", whole.json["order"]["id"])
    assert (order.status, order.amount.minor, order.paid) == (OrderStatus.CONFIRMED, 0, True)
    route = "GET /orders/{id}"
    shown = asking(get_order, route, ann=False, id=order.id)
    assert_valid_ucp("order", shown.json)


def test_what_a_split_left_for_the_other_instrument_is_said() -> None:
    code = card(1_000)
    done = pay(begin(ann=False), credit("gift_card", code), money(), ann=False)
    assert_valid_ucp("checkout", done.json)
    (message,) = done.json["messages"]
    assert (message["type"], message["code"]) == ("info", "payment_split")
    assert "10.00 USD" in message["content"]
    assert f"{(TOTAL - 1_000) / 100:.2f} USD" in message["content"]
    alone = pay(begin(ann=False), money(), ann=False)
    assert "messages" not in alone.json


def test_nobodys_money_pays_in_place_of_a_card_that_is_empty() -> None:
    code = card(1_000)
    first, second, third = begin(ann=False), begin(ann=False), begin(ann=False)
    assert pay(first, credit("gift_card", code), money(), ann=False).json["status"] == "completed"
    refused = pay(second, credit("gift_card", code), money(), ann=False)
    assert_valid_ucp("error", refused.json)
    (message,) = refused.json["messages"]
    assert (refused.status, message["code"]) == (400, "payment_failed")
    assert (message["path"], "nothing is left" in message["content"]) == (
        "$.payment.instruments[0]",
        True,
    )
    code, of = card(1_000), DynamoCreditAccountRepository.get

    def spent_meanwhile(self: DynamoCreditAccountRepository, account: str) -> Any:
        book = of(self, account)
        patch.setattr(DynamoCreditAccountRepository, "get", of)
        also = pay(second, credit("gift_card", code, amount=400), money(), ann=False)
        assert also.json["status"] == "completed", also.text
        return book

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DynamoCreditAccountRepository, "get", spent_meanwhile)
        refused = pay(third, credit("gift_card", code), money(), ann=False)
    assert (refused.status, refused.json["messages"][0]["code"]) == (400, "payment_failed")
    assert balance(code) == 600
    assert pay(third, money(), ann=False).json["status"] == "completed"


def test_what_was_spent_comes_back_when_the_order_is_called_off() -> None:
    code = card(1_000)
    grant(700)
    made = begin()
    done = pay(made, credit("loyalty"), credit("gift_card", code), money())
    assert done.json["status"] == "completed", done.text
    assert paid(done) == {"i-loyalty": 700, "i-gift_card": 1_000, "money": TOTAL - 1_700}
    assert (points(), balance(code)) == (0, 0)
    route = "POST /staff/orders/{id}/cancel"
    for _ in range(2):
        staff(cancel_order, route, {"reason": "changed mind"}, id=done.json["order"]["id"])
    assert (points(), balance(code)) == (700, 1_000)
    moved = asking(get_my_credits, "GET /account/credits").json["points"]["movements"]
    assert [m["reference"] for m in moved] == [*[done.json["order"]["id"]] * 2, ""]


def test_a_declined_card_gives_the_credit_back_at_once() -> None:
    code = card(1_000)
    made = begin(ann=False)
    declined = pay(made, credit("gift_card", code), money("tok_declined"), ann=False)
    assert declined.json["status"] == "incomplete"
    assert [m["code"] for m in declined.json["messages"]] == ["payment_failed"]
    assert paid(declined) == {"i-gift_card": None, "money": None}
    assert balance(code) == 1_000
    done = pay(made, credit("gift_card", code), money(), ann=False)
    assert paid(done) == {"i-gift_card": 1_000, "money": TOTAL - 1_000}


def test_credits_that_do_not_come_to_the_total_place_nothing() -> None:
    code = card(1_000)
    made = begin()
    short = pay(made, credit("gift_card", code))
    assert short.json["status"] == "incomplete"
    assert "payment_failed" in [m["code"] for m in short.json["messages"]]
    assert (balance(code), DynamoOrderRepository().has_ordered(ANN_ID)) == (1_000, False)
    wrong = pay(made, credit("gift_card", code), money(amount=TOTAL))
    assert "payment_failed" in [m["code"] for m in wrong.json["messages"]]
    right = pay(made, credit("gift_card", code, amount=400), money(amount=TOTAL - 400))
    assert paid(right) == {"i-gift_card": 400, "money": TOTAL - 400}
    assert balance(code) == 600


@pytest.mark.parametrize(
    ("instruments", "ann"),
    [
        ([credit("gift_card", "0000-0000-0000-0000"), money()], True),
        ([credit("gift_card", "CARD", amount=1_001), money()], True),
        ([credit("gift_card", "CARD"), {**credit("gift_card", "card"), "id": "b"}, money()], True),
        ([credit("loyalty"), money()], False),
        ([credit("bitcoin"), money()], True),
        ([money(), credit("gift_card", "CARD")], True),
        ([money(), {**money(), "id": "other"}], True),
        ([credit("gift_card"), money()], True),
    ],
)
def test_what_cannot_pay_is_refused_and_takes_nothing(
    instruments: list[dict[str, Any]], ann: bool
) -> None:
    code = card(1_000)
    sent = []
    for one in instruments:
        told = {**one, **({"credential": {**one["credential"]}} if "credential" in one else {})}
        if "credential" in told and told["credential"]["token"].upper() == "CARD":
            lower = told["credential"]["token"] == "card"
            told["credential"]["token"] = code.lower() if lower else code
        sent.append(told)
    made = begin(ann=ann)
    refused = pay(made, *sent, ann=ann)
    assert refused.status == 400
    assert_valid_ucp("error", refused.json)
    assert refused.json["messages"][0]["code"] == "payment_failed"
    assert balance(code) == 1_000
    shown = asking(get_checkout, "GET /checkout-sessions/{id}", ann=ann, id=made["id"]).json
    assert shown["status"] == "ready_for_complete"


def test_guessing_gift_cards_at_the_checkout_is_limited_as_guessing_codes_is() -> None:
    code, made = card(10_000), begin(ann=False)
    for number in range(9):
        guess = pay(made, credit("gift_card", f"0000-0000-0000-{number:04d}"), ann=False)
        assert (guess.status, guess.json["messages"][0]["code"]) == (400, "payment_failed")
        short = pay(made, credit("gift_card", code, amount=1), money(amount=1), ann=False)
        assert short.json["status"] == "incomplete", "a card that there is is no guess"
    body = {**checkout_body(("mug.1", 1)), "discounts": {"codes": ["GUESS"]}}
    assert asking(create_checkout, "POST /checkout-sessions", body, ann=False).status == 201
    refused = pay(made, credit("gift_card", code), ann=False)
    assert_valid_ucp("error", refused.json)
    (message,) = refused.json["messages"]
    assert (refused.status, message["code"]) == (429, "too_many_codes")
    assert message["path"] == "$.payment.instruments[0]"
    assert (
        DynamoCreditAccountRepository()
        .get(gift_card_account(code, "USD"))
        .available(datetime.now(UTC))
        == 10_000
    )
    assert pay(begin(), credit("gift_card", code)).json["status"] == "completed", "ann guessed none"
    assert pay(made, money(), ann=False).json["status"] == "completed", "money is no guess"


def test_expired_credit_pays_nothing_swept_or_not() -> None:
    soon = (datetime.now(UTC) + timedelta(seconds=0.3)).isoformat()
    grant(700, expires=soon)
    assert points() == 700
    while points():
        pass
    refused = pay(begin(), credit("loyalty"), money())
    assert (refused.status, refused.json["messages"][0]["code"]) == (400, "payment_failed")
    assert expire_credits.handler({"time": soon}, Context())["swept"] == 1
    book = DynamoCreditAccountRepository().get(points_account(ANN_ID))
    assert book.balances() == {"shop": -700, points_account(ANN_ID): 0, "expired": 700}
    assert expire_credits.handler({"time": soon}, Context())["swept"] == 0


def test_points_are_earned_when_the_order_is_complete_and_go_with_what_comes_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = begin()
    (program,) = made["loyalty"].values()
    assert program["rewards"][0]["earning_forecast"] == {"amount": 25}
    order_id = pay(made, money()).json["order"]["id"]
    order = DynamoOrderRepository().get(ANN_ID, order_id)

    def tell(status: OrderStatus, returned: int = 0) -> None:
        lines = tuple(replace(line, returned=returned) for line in order.lines)
        then = replace(order, status=status, lines=lines)
        monkeypatch.setattr(DynamoOrderRepository, "get_by_id", lambda self, order_id: then)
        happen("OrderCompleted", order_id)

    tell(OrderStatus.CONFIRMED)
    assert points() == 0
    for _ in range(2):
        tell(OrderStatus.COMPLETED)
    assert points() == 25
    for _ in range(2):
        tell(OrderStatus.COMPLETED, returned=1)
    assert points() == 12
    tell(OrderStatus.RETURNED, returned=2)
    assert points() == 0


def test_a_return_gives_money_back_first_and_then_the_credit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    code = card(2_500)
    done = pay(begin(), credit("gift_card", code), money())
    order = DynamoOrderRepository().get(ANN_ID, done.json["order"]["id"])
    assert order.due == TOTAL - 2_500
    one = replace(order, lines=tuple(replace(n, shipped=2, returned=1) for n in order.lines))
    assert (one.due, one.credits_over) == (
        0,
        ((gift_card_account(code, "USD"), 2_500 + 1_299 - TOTAL),),
    )
    monkeypatch.setattr(DynamoOrderRepository, "get_by_id", lambda self, order_id: one)
    for _ in range(2):
        happen("OrderReturned", order.id)
    assert balance(code) == 2_500 + 1_299 - TOTAL
