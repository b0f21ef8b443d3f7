"""The payment provider does not answer: another instrument pays within a minute, and only one pays.

The first request fails at one of several points. The buyer then sends another card under a new key.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch

import pytest

from functions.checkout import (
    cancel_checkout,
    complete_checkout,
    create_checkout,
    get_checkout,
    update_checkout,
)
from functions.webhooks import apply_payment_event
from shop.entrypoints import http
from shop.kernel.errors import Unavailable
from shop.kernel.ids import derived_id
from shop.orders.actions.payments import refund_excess_payment
from shop.orders.model import Order, OrderStatus
from shop.orders.store import DynamoOrderRepository
from shop.payments.gateway.sandbox import SandboxProvider
from shop.payments.model import PaymentStatus, ProviderPaymentState
from shop.payments.ports import PaymentProvider
from tests.kit.order_fixtures import order_fixture
from tests.kit.products import checkout_body, mug, payment_body, publish_with_stock
from tests.kit.shop import ApiResponse, Context, call
from tests.kit.ucp_validator import assert_valid_ucp

COMPLETE = "POST /checkout-sessions/{id}/complete"
MINUTE = timedelta(seconds=46)
authorize = SandboxProvider.authorize

Body = dict[str, Any]


@pytest.fixture(autouse=True)
def _one_mug_in_stock(cloud: None) -> None:
    publish_with_stock(mug(), pieces=1)


def create() -> Body:
    body = checkout_body(("mug.1", 1))
    return dict(call(create_checkout.handler, "POST /checkout-sessions", body).json)


def complete(checkout: Body, token: str, key: str) -> ApiResponse:
    answer = call(
        complete_checkout.handler, COMPLETE, payment_body(token), key=key, id=checkout["id"]
    )
    if answer.status == 200:
        assert_valid_ucp("checkout", answer.json)
    return answer


def read(checkout: Body) -> Body:
    route = "GET /checkout-sessions/{id}"
    return dict(call(get_checkout.handler, route, id=checkout["id"]).json)


@contextmanager
def later(by: timedelta = MINUTE) -> Iterator[None]:
    """Receive requests after that time."""
    now = datetime.now(UTC) + by
    with patch.object(http, "datetime") as clock:
        clock.now.return_value = now
        yield


def order(checkout: Body, attempt: int) -> Order:
    order_id = derived_id("ord", checkout["id"], str(attempt))
    return DynamoOrderRepository().get_by_id(order_id)


def money_at(order: Order) -> ProviderPaymentState | None:
    provider: PaymentProvider = order_fixture().provider
    return provider.find_by_order(order.id, order.amount)


def codes(answer: ApiResponse) -> list[str]:
    return [message["code"] for message in answer.json.get("messages", [])]


def unanswered(monkeypatch: pytest.MonkeyPatch, *, arrives: bool) -> None:
    """Let the next authorization have no answer; ``arrives`` is whether the provider got it."""

    def lost(*args: Any, **options: Any) -> ProviderPaymentState:
        monkeypatch.setattr(SandboxProvider, "authorize", authorize)
        if arrives:
            authorize(*args, **options)
        raise Unavailable("The payment provider does not respond.", code="payment_provider_down")

    monkeypatch.setattr(SandboxProvider, "authorize", lost)


def test_answer_to_an_outage_names_the_next_step() -> None:
    answer = complete(create(), "tok_down", "one")
    assert (answer.status, answer.headers["Retry-After"]) == (503, "5")
    (message,) = answer.json["messages"]
    assert message["code"] == "payment_provider_down"
    assert "another instrument" in message["content"]
    assert "45 seconds" in message["content"]


def test_request_that_never_arrived_is_replaced_by_another_card() -> None:
    # Given a payment that did not reach the provider
    checkout = create()
    assert complete(checkout, "tok_down", "one").status == 503
    waiting = read(checkout)
    assert waiting["status"] == "complete_in_progress"
    assert [each["code"] for each in waiting["messages"]] == ["payment_unanswered"]
    # When the buyer sends another card at once, then the answer names the time to wait
    early = complete(checkout, "tok_success", "two")
    assert (early.status, codes(early)[-1]) == (200, "complete_in_progress")
    assert "in 45 seconds" in early.json["messages"][-1]["content"]
    # And after that time the same request buys
    with later():
        done = complete(checkout, "tok_success", "two")
    assert (done.json["status"], done.json["order"]["id"]) == ("completed", order(checkout, 2).id)
    first = order(checkout, 1)
    assert (first.status, first.cancel_reason) == (OrderStatus.CANCELLED, "payment_unanswered")
    assert (first.reservations, money_at(first)) == ((), None)
    # The retry of the first request buys nothing more.
    again = complete(checkout, "tok_down", "one")
    assert (again.status, codes(again)) == (409, ["checkout_completed"])


def test_charge_whose_answer_was_lost_is_the_purchase(monkeypatch: pytest.MonkeyPatch) -> None:
    checkout = create()
    unanswered(monkeypatch, arrives=True)
    assert complete(checkout, "tok_success", "one").status == 503
    with later():
        other = complete(checkout, "tok_success", "two")
        assert (other.status, codes(other)) == (409, ["checkout_completed"])
        assert read(checkout)["status"] == "completed"
        assert complete(checkout, "tok_success", "one").json["status"] == "completed"
    assert order(checkout, 1).payment.status is PaymentStatus.AUTHORIZED
    assert len(DynamoOrderRepository().list_overdue(datetime(2100, 1, 1, tzinfo=UTC), 10)) == 0


def test_decline_whose_answer_was_lost_frees_the_checkout(monkeypatch: pytest.MonkeyPatch) -> None:
    checkout = create()
    unanswered(monkeypatch, arrives=True)
    assert complete(checkout, "tok_declined", "one").status == 503
    with later():
        assert complete(checkout, "tok_success", "two").json["status"] == "completed"
    assert order(checkout, 1).cancel_reason == "card_declined"


@pytest.mark.parametrize(
    ("token", "status"),
    [("tok_never", "complete_in_progress"), ("tok_challenge", "requires_escalation")],
)
def test_payment_that_the_provider_processes_is_not_abandoned(
    token: str, status: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkout = create()
    unanswered(monkeypatch, arrives=True)
    assert complete(checkout, token, "one").status == 503
    with later():
        other = complete(checkout, "tok_success", "two")
        assert (other.status, other.json["status"]) == (200, status)
        assert codes(other)[-1] == "complete_in_progress"
    assert order(checkout, 1).status is OrderStatus.PLACED


def test_provider_that_is_still_down_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def down(*_: Any) -> None:
        raise Unavailable("The payment provider does not respond.", code="payment_provider_down")

    checkout = create()
    assert complete(checkout, "tok_down", "one").status == 503
    with later(), monkeypatch.context() as outage:
        outage.setattr(SandboxProvider, "find_by_order", down)
        answer = complete(checkout, "tok_success", "two")
        assert (answer.status, answer.headers["Retry-After"]) == (503, "5")
        assert codes(answer) == ["payment_provider_down"]
    assert order(checkout, 1).status is OrderStatus.PLACED
    with later():
        assert complete(checkout, "tok_success", "two").json["status"] == "completed"


def before_authorization(monkeypatch: pytest.MonkeyPatch, other: Callable[[], Any]) -> list[Any]:
    """Run something while the next request is on its way to the provider."""
    results: list[Any] = []

    def overtaken(*args: Any, **options: Any) -> ProviderPaymentState:
        monkeypatch.setattr(SandboxProvider, "authorize", authorize)
        results.append(other())
        return authorize(*args, **options)

    monkeypatch.setattr(SandboxProvider, "authorize", overtaken)
    return results


def test_charge_that_arrives_after_it_was_abandoned_is_voided(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Given a retry of the first request that is on its way while another card pays
    checkout = create()
    unanswered(monkeypatch, arrives=False)
    assert complete(checkout, "tok_success", "one").status == 503

    def pay_with_another_card() -> ApiResponse:
        with later():
            return complete(checkout, "tok_success", "two")

    others = before_authorization(monkeypatch, pay_with_another_card)
    # When it is charged after all
    late = complete(checkout, "tok_success", "one")
    # Then the other card has the purchase, and the late charge is an event that voids it
    assert others[0].json["status"] == "completed"
    assert late.json["status"] != "completed"
    first, second = order(checkout, 1), order(checkout, 2)
    assert (first.status, second.status) == (OrderStatus.CANCELLED, OrderStatus.CONFIRMED)
    assert first.payment.status is PaymentStatus.AUTHORIZED
    fixture = order_fixture()
    refund_excess_payment(
        first.id, at=datetime.now(UTC), orders=fixture.orders, provider=fixture.provider
    )
    voided, other = money_at(first), money_at(second)
    assert voided is not None
    assert other is not None
    assert (voided.status, other.status) == (PaymentStatus.CANCELLED, PaymentStatus.AUTHORIZED)


def test_webhook_of_a_charge_that_was_abandoned_publishes_its_refund(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    checkout = create()
    unanswered(monkeypatch, arrives=False)
    assert complete(checkout, "tok_success", "one").status == 503
    with later():
        assert complete(checkout, "tok_success", "two").json["status"] == "completed"
    first, provider = order(checkout, 1), order_fixture().provider
    state = provider.authorize(first.id, first.amount, _card(), key=first.id)
    body = {"provider": "sandbox", "reference": state.reference}
    batch = {"Records": [{"messageId": "m0", "body": json.dumps(body), "attributes": {}}]}
    assert apply_payment_event.handler(batch, Context())["batchItemFailures"] == []
    first = order(checkout, 1)
    assert (first.status, first.settled) == (OrderStatus.CANCELLED, False)
    assert order(checkout, 2).status is OrderStatus.CONFIRMED


def _card() -> Any:
    from shop.payments.model import Credential

    return Credential("sandbox", "token", "tok_success")


def test_two_cards_at_the_same_moment_place_one_order(monkeypatch: pytest.MonkeyPatch) -> None:
    checkout = create()
    assert complete(checkout, "tok_down", "one").status == 503
    find, others = SandboxProvider.find_by_order, list[ApiResponse]()

    def overtaken(provider: SandboxProvider, *args: Any) -> Any:
        monkeypatch.setattr(SandboxProvider, "find_by_order", find)
        others.append(complete(checkout, "tok_success", "two"))
        return find(provider, *args)

    monkeypatch.setattr(SandboxProvider, "find_by_order", overtaken)
    with later():
        third = complete(checkout, "tok_success", "three")
    assert others[0].json["status"] == "completed"
    assert (third.status, codes(third)) == (409, ["checkout_completed"])
    assert order(checkout, 2).status is OrderStatus.CONFIRMED


def test_payment_opened_at_the_provider_is_cancelled_there_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Stripe opens a payment before it is confirmed; an opened one could be paid later."""
    cancelled: list[str] = []

    def opened(self: Any, order_id: str, amount: Any) -> ProviderPaymentState:
        return ProviderPaymentState(f"pi_{order_id}", PaymentStatus.CREATED)

    def cancel(self: Any, reference: str, *, key: str) -> ProviderPaymentState:
        cancelled.append(reference)
        assert order(checkout, 1).status is OrderStatus.PLACED
        return ProviderPaymentState(reference, PaymentStatus.CANCELLED)

    checkout = create()
    assert complete(checkout, "tok_down", "one").status == 503
    monkeypatch.setattr(SandboxProvider, "find_by_order", opened)
    monkeypatch.setattr(SandboxProvider, "cancel", cancel)
    with later():
        assert complete(checkout, "tok_success", "two").json["status"] == "completed"
    first = order(checkout, 1)
    assert cancelled == [f"pi_{first.id}"]
    assert (first.status, first.cancel_reason) == (OrderStatus.CANCELLED, "payment_unanswered")


def test_buyer_may_cancel_a_checkout_without_an_answer() -> None:
    checkout = create()
    assert complete(checkout, "tok_down", "one").status == 503
    route = "POST /checkout-sessions/{id}/cancel"
    assert call(cancel_checkout.handler, route, id=checkout["id"]).json["status"] == "canceled"


def test_change_during_an_outage_changes_nothing_and_the_retry_pays() -> None:
    checkout = create()
    assert complete(checkout, "tok_down", "one").status == 503
    route, body = "PUT /checkout-sessions/{id}", checkout_body(("mug.2", 1))
    changed = call(update_checkout.handler, route, body, id=checkout["id"])
    assert codes(changed)[-1] == "complete_in_progress"
    with later():
        done = complete(checkout, "tok_success", "two")
    assert [each["item"]["id"] for each in done.json["line_items"]] == ["mug.1"]
