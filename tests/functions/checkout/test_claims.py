"""A customer claims a guest's cart or checkout by its id, and is its only owner afterwards."""

from collections.abc import Callable
from typing import Any

import pytest

from functions.cart import cancel_cart, create_cart, get_cart, update_cart
from functions.checkout import (
    cancel_checkout,
    complete_checkout,
    create_checkout,
    get_checkout,
    update_checkout,
)
from functions.mcp import handle_mcp
from functions.orders import get_order
from shop.checkout.actions.claim import MAX_ATTEMPTS, Claims
from shop.entrypoints import authorization, ucp
from shop.entrypoints.mcp import build_mcp_handler
from shop.orders.store import DynamoOrderRepository
from tests.functions.checkout.test_customer_prices import ANN, FIRST, set_groups
from tests.functions.checkout.test_usage_limits import coupon as limited_coupon
from tests.functions.checkout.test_usage_limits import run
from tests.kit.agent import in_process, use
from tests.kit.aws_call_counter import count_calls
from tests.kit.platform import platform
from tests.kit.products import ADDRESS, checkout_body, lines, mug, payment_body, publish_with_stock
from tests.kit.shop import ApiResponse, call
from tests.kit.ucp_validator import assert_valid_ucp

BOB: dict[str, Any] = {**ANN, "sub": "b0b00000-0000-4000-8000-00000000b0b0"}
BUYER = {"email": "jane@example.com"}
CART_BODY = {"line_items": lines(("mug.1", 2)), "buyer": BUYER}
TO_ADDRESS = {"fulfillment": {"methods": [{"type": "shipping", "destinations": [ADDRESS]}]}}

Body = dict[str, Any]
Who = dict[str, Any] | None
GUEST: Who = None


@pytest.fixture(autouse=True)
def _goods_on_sale(cloud: None) -> None:
    publish_with_stock(mug(), pieces=50)


def ask(who: Who, module: Any, route: str, body: Any = None, **options: Any) -> ApiResponse:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ACCESS", "shopper" if who is None else "customer")
        return call(module.handler, route, body, claims=who, **options)


def read_cart(who: Who, cart: Body) -> ApiResponse:
    return ask(who, get_cart, "GET /carts/{id}", id=cart["id"])


def change_cart(who: Who, cart: Body, body: Body = CART_BODY, **more: Any) -> ApiResponse:
    return ask(who, update_cart, "PUT /carts/{id}", body, id=cart["id"], **more)


def read(who: Who, checkout: Body) -> ApiResponse:
    return ask(who, get_checkout, "GET /checkout-sessions/{id}", id=checkout["id"])


def change(who: Who, checkout: Body, *wanted: tuple[str, int]) -> ApiResponse:
    body = checkout_body(*(wanted or (("mug.1", 2),)))
    return ask(who, update_checkout, "PUT /checkout-sessions/{id}", body, id=checkout["id"])


def complete(
    who: Who, checkout: Body, token: str = "tok_success", key: str | None = None
) -> ApiResponse:
    route = "POST /checkout-sessions/{id}/complete"
    return ask(who, complete_checkout, route, payment_body(token), key=key, id=checkout["id"])


def cancel(who: Who, checkout: Body) -> ApiResponse:
    return ask(who, cancel_checkout, "POST /checkout-sessions/{id}/cancel", id=checkout["id"])


def new_cart(who: Who = GUEST, **more: Any) -> Body:
    made = ask(who, create_cart, "POST /carts", {**CART_BODY, **more})
    assert made.status == 201, made.text
    return dict(made.json)


def new_checkout(who: Who = GUEST, body: Body | None = None, **more: Any) -> Body:
    made = ask(
        who, create_checkout, "POST /checkout-sessions", body or checkout_body(("mug.1", 2)), **more
    )
    assert made.status == 201, made.text
    return dict(made.json)


def check_out(who: Who, cart: Body) -> ApiResponse:
    body = {"cart_id": cart["id"], **TO_ADDRESS}
    return ask(who, create_checkout, "POST /checkout-sessions", body)


def codes(answer: ApiResponse) -> list[str]:
    return [message["code"] for message in answer.json.get("messages", [])]


def lines_of(cart: Body) -> list[Body]:
    """Return the lines of a cart without their availability, which only a read states."""
    return [{k: v for k, v in line.items() if k != "availability"} for line in cart["line_items"]]


def total(view: Body) -> int:
    return next(int(each["amount"]) for each in view["totals"] if each["type"] == "total")


def gold_customers_pay_half() -> None:
    effect = {"kind": "order_percent", "off_ppm": 500_000}
    run(id="gold", effect=effect, conditions={"groups": ["gold"]})
    set_groups(["gold"])


def test_customer_takes_over_a_guest_s_cart_and_the_guest_loses_it() -> None:
    cart = new_cart()
    claimed = read_cart(ANN, cart)
    assert (claimed.status, lines_of(claimed.json)) == (200, cart["line_items"])
    assert_valid_ucp("cart", claimed.json)
    assert [read_cart(who, cart).status for who in (GUEST, BOB, ANN, ANN)] == [404, 404, 200, 200]
    assert change_cart(GUEST, cart).status == 404
    assert change_cart(ANN, cart).status == 200


@pytest.mark.parametrize(
    "request_of",
    [
        read_cart,
        change_cart,
        check_out,
        lambda who, cart: ask(who, cancel_cart, "POST /carts/{id}/cancel", id=cart["id"]),
    ],
    ids=["get", "update", "check out", "cancel"],
)
def test_every_request_with_a_token_claims_the_cart(
    request_of: Callable[[Who, Body], ApiResponse],
) -> None:
    cart = new_cart()
    assert request_of(ANN, cart).status in (200, 201)
    assert [read_cart(who, cart).status for who in (GUEST, BOB)] == [404, 404]


@pytest.mark.parametrize("request_of", [read, change, complete, cancel])
def test_every_request_with_a_token_claims_the_checkout(
    request_of: Callable[[Who, Body], ApiResponse],
) -> None:
    checkout = new_checkout()
    assert request_of(ANN, checkout).status == 200
    assert [read(who, checkout).status for who in (GUEST, BOB, ANN)] == [404, 404, 200]


def test_cart_of_a_customer_cannot_be_claimed() -> None:
    cart, checkout = new_cart(ANN), new_checkout(ANN)
    assert [read_cart(who, cart).status for who in (GUEST, BOB, ANN)] == [404, 404, 200]
    assert [read(who, checkout).status for who in (GUEST, BOB, ANN)] == [404, 404, 200]


@pytest.mark.parametrize("request_of", [read_cart, read])
def test_unknown_id_is_not_found_by_a_customer(
    request_of: Callable[[Who, Body], ApiResponse],
) -> None:
    answer = request_of(ANN, {"id": "cart_none"})
    assert (answer.status, codes(answer)) == (404, ["not_found"])


# ------------------------------------------------------------- the cart and its open checkout


@pytest.mark.parametrize("claim", ["cart", "checkout"])
def test_cart_and_its_open_checkout_move_together(claim: str) -> None:
    cart = new_cart()
    checkout = check_out(GUEST, cart).json
    claimed = read_cart(ANN, cart) if claim == "cart" else read(ANN, checkout)
    assert claimed.status == 200
    for who in (GUEST, BOB):
        assert (read_cart(who, cart).status, read(who, checkout).status) == (404, 404)
    resumed = check_out(ANN, cart)
    assert (resumed.json["id"], codes(resumed)) == (checkout["id"], ["checkout_resumed"])
    assert complete(ANN, checkout).json["status"] == "completed"


def test_cart_with_a_newer_checkout_stays_when_the_canceled_one_is_read() -> None:
    cart = new_cart()
    old = check_out(GUEST, cart).json
    assert cancel(GUEST, old).status == 200
    new = check_out(GUEST, cart).json
    assert read(ANN, old).json["status"] == "canceled"
    assert (read_cart(GUEST, cart).status, read(GUEST, new).status) == (200, 200)
    assert (read(ANN, new).status, read_cart(GUEST, cart).status) == (200, 404)


# ----------------------------------------------------------------------------------- prices


def test_claimed_cart_has_the_customer_s_prices_and_reports_changes() -> None:
    cart = new_cart()
    gold_customers_pay_half()
    claimed = read_cart(ANN, cart)
    assert (total(cart), total(claimed.json)) == (2598, 1299)
    assert "total_changed" in codes(claimed)
    assert codes(read_cart(ANN, cart)) == []


@pytest.mark.parametrize("request_of", [read, change])
def test_claimed_checkout_has_the_customer_s_prices_and_reports_changes(
    request_of: Callable[[Who, Body], ApiResponse],
) -> None:
    checkout = new_checkout()
    gold_customers_pay_half()
    claimed = request_of(ANN, checkout)
    assert (total(checkout) - total(claimed.json), claimed.status) == (1299, 200)
    assert "total_changed" in codes(claimed)
    done = complete(ANN, checkout)
    assert (done.json["status"], total(done.json)) == ("completed", total(claimed.json))


def test_completion_that_claims_shows_the_new_total_before_it_charges() -> None:
    checkout = new_checkout()
    gold_customers_pay_half()
    shown = complete(ANN, checkout)
    assert (shown.json["status"], codes(shown)) == ("incomplete", ["price_changed"])
    assert total(shown.json) == total(checkout) - 1299
    assert complete(ANN, checkout).json["status"] == "completed"


def one_use_per_customer() -> Body:
    """Publish a code with one use per customer; return the body of a checkout with it."""
    limited_coupon(per_customer=1)
    return checkout_body(("mug.1", 1), discounts={"codes": ["SAVE10"]})


def test_customer_who_used_a_code_has_no_further_use_as_the_guest_of_before() -> None:
    body = one_use_per_customer()
    assert complete(ANN, new_checkout(ANN, body)).json["status"] == "completed"
    checkout = new_checkout(GUEST, body)
    claimed = read(ANN, checkout)
    assert total(claimed.json) == total(checkout) + 130
    assert {"discount_code_user_ineligible", "total_changed"} <= set(codes(claimed))
    done = complete(ANN, checkout)
    assert (done.json["status"], total(done.json)) == ("completed", total(claimed.json))


def test_use_of_a_code_is_counted_for_the_claimer() -> None:
    body = one_use_per_customer()
    checkout = new_checkout(GUEST, body)
    done = complete(ANN, checkout).json
    assert (done["status"], total(done)) == ("completed", total(checkout))
    assert total(new_checkout(ANN, body)) == total(checkout) + 130
    # The guest's email address has its use still.
    assert total(new_checkout(GUEST, body)) == total(checkout)


def test_claimer_gets_the_price_of_a_first_order() -> None:
    run(**FIRST)
    checkout = new_checkout()
    claimed = read(ANN, checkout)
    assert total(claimed.json) == total(checkout) - 260
    assert complete(ANN, checkout).json["status"] == "completed"


# --------------------------------------------------------------------- payment and its states


@pytest.mark.parametrize(
    ("token", "status"),
    [
        ("tok_never", "complete_in_progress"),
        ("tok_challenge", "requires_escalation"),
        ("tok_success", "completed"),
    ],
)
def test_checkout_with_a_payment_stays_the_guest_s_and_is_readable(token: str, status: str) -> None:
    checkout = new_checkout()
    paid = complete(GUEST, checkout, token)
    assert paid.json["status"] == status
    for who in (ANN, BOB, GUEST):
        seen = read(who, checkout)
        assert (seen.status, seen.json["status"]) == (200, status)
    changed, again = change(ANN, checkout), complete(ANN, checkout)
    expected = (409, "checkout_completed") if status == "completed" else (200, None)
    assert [changed.status, again.status] == [expected[0]] * 2
    assert codes(again)[-1] == (expected[1] or "complete_in_progress")
    order_id = DynamoOrderRepository().get("guest", order_of(checkout)).id
    assert ask(ANN, get_order, "GET /orders/{id}", id=order_id).status == 200


def order_of(checkout: Body) -> str:
    from shop.kernel.ids import derived_id

    return derived_id("ord", checkout["id"], "1")


def test_cart_of_a_checkout_with_a_payment_moves_alone() -> None:
    cart = new_cart()
    checkout = check_out(GUEST, cart).json
    assert complete(GUEST, checkout, "tok_challenge").json["status"] == "requires_escalation"
    assert read_cart(ANN, cart).status == 200
    resumed = check_out(ANN, cart)
    assert (resumed.json["id"], resumed.json["status"]) == (checkout["id"], "requires_escalation")
    assert [read(who, checkout).status for who in (GUEST, ANN)] == [200, 200]


def test_declined_checkout_is_claimed_and_bought_under_a_new_order() -> None:
    checkout = new_checkout()
    first = complete(GUEST, checkout, "tok_declined", key="guest-key-of-128-random-bits")
    assert first.json["status"] == "incomplete"
    claimed = read(ANN, checkout)
    assert (claimed.json["status"], read(GUEST, checkout).status) == ("ready_for_complete", 404)
    done = complete(ANN, checkout)
    assert done.json["status"] == "completed"
    assert done.json["order"]["id"] != order_of(checkout)
    # The guest's retry repeats the response of before, and changes nothing.
    retry = complete(GUEST, checkout, "tok_declined", key="guest-key-of-128-random-bits")
    assert retry.text == first.text
    assert complete(GUEST, checkout).status == 404


def test_customer_cancels_the_checkout_that_a_guest_is_paying() -> None:
    checkout = new_checkout()
    assert complete(GUEST, checkout, "tok_challenge").json["status"] == "requires_escalation"
    assert cancel(ANN, checkout).json["status"] == "canceled"
    assert read(GUEST, checkout).json["status"] == "canceled"


def test_guest_s_retry_of_a_change_repeats_its_response_after_the_claim() -> None:
    cart, key = new_cart(), "guest-key-of-128-random-bits"
    first = change_cart(GUEST, cart, key=key)
    assert read_cart(ANN, cart).status == 200
    assert change_cart(GUEST, cart, key=key).text == first.text
    assert change_cart(GUEST, cart).status == 404


# ------------------------------------------------------------------------------------- races


@pytest.fixture
def before_claim(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[Any]]:
    """Run something after the next claims have read their rows and before they write them."""

    def arrange(other: Callable[[], Any], times: int = 1) -> list[Any]:
        results: list[Any] = []
        commit = Claims._commit

        def overtaken(claims: Claims, writes: Any) -> bool:
            if len(results) < times:
                results.append(None)
                results[-1] = other()
            return commit(claims, writes)

        monkeypatch.setattr(Claims, "_commit", overtaken)
        return results

    return arrange


@pytest.mark.parametrize("what", ["cart", "checkout"])
def test_of_two_claimers_exactly_one_gets_it(
    what: str, before_claim: Callable[..., list[Any]]
) -> None:
    thing = new_cart() if what == "cart" else new_checkout()
    look = read_cart if what == "cart" else read
    faster = before_claim(lambda: look(BOB, thing))
    assert (look(ANN, thing).status, faster[0].status) == (404, 200)
    assert [look(who, thing).status for who in (BOB, ANN, GUEST)] == [200, 404, 404]


@pytest.mark.parametrize("what", ["cart", "checkout"])
def test_two_claims_of_one_customer_both_succeed(
    what: str, before_claim: Callable[..., list[Any]]
) -> None:
    thing = new_cart() if what == "cart" else new_checkout()
    look = read_cart if what == "cart" else read
    faster = before_claim(lambda: look(ANN, thing))
    assert (look(ANN, thing).status, faster[0].status) == (200, 200)


def test_cart_and_its_checkout_are_not_split_between_two_claimers(
    before_claim: Callable[..., list[Any]],
) -> None:
    cart = new_cart()
    checkout = check_out(GUEST, cart).json
    faster = before_claim(lambda: read(BOB, checkout))
    assert (read_cart(ANN, cart).status, faster[0].status) == (404, 200)
    assert (read_cart(BOB, cart).status, read(BOB, checkout).status) == (200, 200)


def test_claim_takes_the_change_that_was_faster(before_claim: Callable[..., list[Any]]) -> None:
    cart = new_cart()
    three = {**CART_BODY, "line_items": lines(("mug.2", 3))}
    faster = before_claim(lambda: change_cart(GUEST, cart, three))
    claimed = read_cart(ANN, cart)
    assert (claimed.status, faster[0].status) == (200, 200)
    assert [line["quantity"] for line in claimed.json["line_items"]] == [3]


def test_claim_that_is_always_overtaken_changes_nothing(
    before_claim: Callable[..., list[Any]],
) -> None:
    cart = new_cart()
    before_claim(lambda: change_cart(GUEST, cart), times=MAX_ATTEMPTS)
    rejected = read_cart(ANN, cart)
    assert (rejected.status, codes(rejected)) == (409, ["stale"])
    assert read_cart(GUEST, cart).status == 200


def test_purchase_that_is_faster_than_the_claim_stays_the_guest_s(
    before_claim: Callable[..., list[Any]],
) -> None:
    checkout = new_checkout()
    faster = before_claim(lambda: complete(GUEST, checkout))
    second = complete(ANN, checkout)
    assert faster[0].json["status"] == "completed"
    assert (second.status, codes(second)) == (409, ["checkout_completed"])
    assert DynamoOrderRepository().get("guest", order_of(checkout)).owner == "guest"


def test_claim_during_a_purchase_makes_the_purchase_fail_before_it_charges(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Given a guest whose completion has read the checkout and not yet placed its order
    from shop.storage.transactions import DynamoUnitOfWork

    checkout, commit, seen = new_checkout(), DynamoUnitOfWork.commit, list[ApiResponse]()

    def overtaken(uow: DynamoUnitOfWork, *writes: Any) -> None:
        monkeypatch.setattr(DynamoUnitOfWork, "commit", commit)
        seen.append(read(ANN, checkout))
        commit(uow, *writes)

    monkeypatch.setattr(DynamoUnitOfWork, "commit", overtaken)
    # When the claim comes first, then the guest buys nothing and the customer does
    late = complete(GUEST, checkout)
    assert (seen[0].status, late.status, codes(late)) == (200, 404, ["not_found"])
    done = complete(ANN, checkout).json
    assert (done["status"], done["order"]["id"]) == ("completed", order_of(checkout))


# ------------------------------------------------------------------------------ agents, calls


def test_buyer_continues_an_agent_s_cart() -> None:
    with platform() as agent:
        ucp._profiles.cache_clear()
        headers = agent.as_agent
        made = ask(GUEST, create_cart, "POST /carts", CART_BODY, headers=headers)
        assert made.status == 201, made.text
        taken = read_cart(ANN, made.json)
        assert (taken.status, lines_of(taken.json)) == (200, made.json["line_items"])
        late = ask(GUEST, get_cart, "GET /carts/{id}", headers=headers, id=made.json["id"])
        assert (late.status, codes(late)) == (404, ["not_found"])
        ucp._profiles.cache_clear()


def test_claim_over_mcp(monkeypatch: pytest.MonkeyPatch) -> None:
    server = build_mcp_handler(
        handle_mcp.TOOLS,
        name="doorbuster",
        instructions="",
        call=in_process,
        schema_of=handle_mcp.schema_of,
    )
    cart = use(server, "create_cart", {"cart": CART_BODY})["structuredContent"]
    monkeypatch.setattr(authorization, "_verified_claims", lambda header: ANN)
    monkeypatch.setenv("ACCESS", "shopper")
    signed_in = {"authorization": "Bearer token"}
    claimed = use(server, "get_cart", {"id": cart["id"]}, headers=signed_in)
    assert (claimed["isError"], claimed["structuredContent"]["id"]) == (False, cart["id"])
    assert read_cart(GUEST, cart).status == 404


def test_claim_costs_calls_only_when_it_happens() -> None:
    cart, checkout = new_cart(ANN), new_checkout(ANN)
    with count_calls() as own:
        read_cart(ANN, cart)
        read(ANN, checkout)
    sessions = [name for name in own.names if name.endswith("sessions")]
    assert sessions == ["dynamodb.GetItem sessions"] * 2
    guest = new_cart()
    with count_calls() as claiming:
        read_cart(ANN, guest)
    calls = [name.removeprefix("dynamodb.") for name in claiming.names if "sessions" in name]
    assert calls == ["GetItem sessions", "GetItem sessions", "TransactWriteItems sessions"]
