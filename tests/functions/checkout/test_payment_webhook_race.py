"""The payment webhook arrives while the provider's answer is still on its way.

``record_payment`` runs twice for one payment: in the webhook's consumer and in the request that
completes the checkout. Either may be first.
"""

import json
from collections.abc import Callable
from typing import Any

import pytest

from functions.checkout import complete_checkout, create_checkout, update_checkout
from functions.webhooks import apply_payment_event
from shop.kernel.errors import Unavailable
from shop.kernel.ids import derived_id
from shop.orders.model import OrderStatus
from shop.orders.store import DynamoOrderRepository
from shop.payments.gateway.sandbox import SandboxProvider
from shop.payments.model import ProviderPaymentState
from shop.storage.idempotency import DynamoIdempotencyStore
from tests.kit.products import checkout_body, mug, payment_body, publish_with_stock
from tests.kit.shop import ApiResponse, Context, call

CREATE = "POST /checkout-sessions"
COMPLETE = "POST /checkout-sessions/{id}/complete"

UPDATED = checkout_body(("mug.1", 1))
WITHOUT_BUYER = {**UPDATED, "buyer": {}}

pytestmark = pytest.mark.usefixtures("cloud")

authorize = SandboxProvider.authorize


def create() -> dict[str, Any]:
    checkout: dict[str, Any] = call(
        create_checkout.handler, CREATE, checkout_body(("mug.1", 1))
    ).json
    return checkout


def complete(checkout: dict[str, Any], token: str, key: str) -> ApiResponse:
    return call(
        complete_checkout.handler, COMPLETE, payment_body(token), key=key, id=checkout["id"]
    )


def deliver_webhook(state: ProviderPaymentState) -> None:
    body = {"provider": "sandbox", "reference": state.reference}
    batch = {"Records": [{"messageId": "m0", "body": json.dumps(body), "attributes": {}}]}
    assert apply_payment_event.handler(batch, Context())["batchItemFailures"] == []


@pytest.fixture
def webhook_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """The webhook is applied, twice, before the provider answers."""

    def overtaken(*args: Any, **options: Any) -> ProviderPaymentState:
        state = authorize(*args, **options)
        deliver_webhook(state)
        deliver_webhook(state)
        return state

    monkeypatch.setattr(SandboxProvider, "authorize", overtaken)


@pytest.fixture
def webhook_only(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """The webhook is applied, and the provider's answer is lost."""

    def lost(*args: Any, **options: Any) -> ProviderPaymentState:
        deliver_webhook(authorize(*args, **options))
        raise Unavailable("The payment provider does not respond. Try again later.")

    monkeypatch.setattr(SandboxProvider, "authorize", lost)
    return monkeypatch


def codes(answer: ApiResponse) -> list[str]:
    return [message["code"] for message in answer.json.get("messages", [])]


@pytest.mark.usefixtures("webhook_first")
def test_webhook_first_confirms_the_order_once() -> None:
    publish_with_stock(mug(), pieces=1)
    checkout = create()
    answer = complete(checkout, "tok_success", "k1")
    assert answer.json["status"] == "completed"
    order = DynamoOrderRepository().get_by_id(derived_id("ord", checkout["id"], "1"))
    assert order.status is OrderStatus.CONFIRMED
    assert [entry.kind for entry in order.payment.entries] == ["authorized"]
    assert complete(checkout, "tok_success", "k1").json == answer.json


@pytest.mark.usefixtures("webhook_first")
def test_declined_response_is_repeated_after_another_payment() -> None:
    publish_with_stock(mug(), pieces=1)
    checkout = create()
    first = complete(checkout, "tok_declined", "k1")
    assert (first.json["status"], codes(first)) == ("incomplete", ["payment_failed"])
    assert complete(checkout, "tok_success", "k2").json["status"] == "completed"
    assert complete(checkout, "tok_declined", "k1").text == first.text


@pytest.mark.usefixtures("webhook_first")
def test_declined_response_is_repeated_after_another_decline() -> None:
    publish_with_stock(mug(), pieces=1)
    checkout = create()
    first = complete(checkout, "tok_declined", "k1")
    second = complete(checkout, "tok_insufficient_funds", "k2")
    assert complete(checkout, "tok_declined", "k1").text == first.text
    assert complete(checkout, "tok_insufficient_funds", "k2").text == second.text


def test_lost_answer_of_a_success_is_the_order_of_the_webhook(
    webhook_only: pytest.MonkeyPatch,
) -> None:
    # Given a payment that the webhook confirmed, and whose answer was lost
    publish_with_stock(mug(), pieces=1)
    checkout = create()
    assert complete(checkout, "tok_success", "k1").status == 503
    webhook_only.undo()
    order = DynamoOrderRepository().get_by_id(derived_id("ord", checkout["id"], "1"))
    assert (order.status, order.version) == (OrderStatus.CONFIRMED, 2)
    # Then another key buys nothing more, and the same key returns the purchase
    other = complete(checkout, "tok_success", "k2")
    assert (other.status, codes(other)) == (409, ["checkout_completed"])
    assert complete(checkout, "tok_success", "k1").json["status"] == "completed"
    assert DynamoOrderRepository().get_by_id(order.id) == order


def test_lost_answer_of_a_decline_is_derived_once_and_stored(
    webhook_only: pytest.MonkeyPatch,
) -> None:
    publish_with_stock(mug(), pieces=1)
    checkout = create()
    assert complete(checkout, "tok_declined", "k1").status == 503
    webhook_only.undo()
    first = complete(checkout, "tok_declined", "k1")
    assert (first.json["status"], codes(first)) == ("incomplete", ["payment_failed"])
    assert complete(checkout, "tok_success", "k2").json["status"] == "completed"
    assert complete(checkout, "tok_declined", "k1").text == first.text


def test_unanswered_decline_before_another_decline_is_answered(
    webhook_only: pytest.MonkeyPatch,
) -> None:
    publish_with_stock(mug(), pieces=1)
    checkout = create()
    assert complete(checkout, "tok_declined", "k1").status == 503
    webhook_only.undo()
    complete(checkout, "tok_insufficient_funds", "k2")
    first = complete(checkout, "tok_declined", "k1")
    assert (first.status, first.json["status"]) == (200, "incomplete")
    assert codes(first) == ["payment_failed"]
    assert complete(checkout, "tok_declined", "k1").text == first.text
    # Another key still buys it.
    assert complete(checkout, "tok_success", "k3").json["status"] == "completed"


def test_unanswered_decline_after_a_purchase_reports_the_purchase(
    webhook_only: pytest.MonkeyPatch,
) -> None:
    publish_with_stock(mug(), pieces=1)
    checkout = create()
    assert complete(checkout, "tok_declined", "k1").status == 503
    webhook_only.undo()
    assert complete(checkout, "tok_success", "k2").json["status"] == "completed"
    late = complete(checkout, "tok_declined", "k1")
    assert (late.status, codes(late)) == (409, ["checkout_completed"])


def test_response_is_repeated_after_an_update_of_the_checkout() -> None:
    publish_with_stock(mug(), pieces=1)
    checkout = create()
    first = complete(checkout, "tok_declined", "k1")
    route = "PUT /checkout-sessions/{id}"
    assert call(update_checkout.handler, route, UPDATED, id=checkout["id"]).status == 200
    assert complete(checkout, "tok_declined", "k1").text == first.text
    assert call(update_checkout.handler, route, WITHOUT_BUYER, id=checkout["id"]).status == 200
    assert complete(checkout, "tok_declined", "k1").text == first.text


@pytest.fixture
def twin_between_reads(monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], list[ApiResponse]]:
    """Run a request between the next request's read of the session and that of its key."""
    get = DynamoIdempotencyStore.get

    def arrange(twin: Callable[[], ApiResponse]) -> list[ApiResponse]:
        responses: list[ApiResponse] = []

        def get_after_twin(store: Any, request: Any) -> Any:
            monkeypatch.setattr(DynamoIdempotencyStore, "get", get)
            responses.append(twin())
            return get(store, request)

        monkeypatch.setattr(DynamoIdempotencyStore, "get", get_after_twin)
        return responses

    return arrange


@pytest.mark.parametrize("token", ["tok_success", "tok_challenge", "tok_insufficient_funds"])
def test_requests_with_one_key_get_one_response_after_a_decline(
    token: str, twin_between_reads: Callable[[Any], list[ApiResponse]]
) -> None:
    # Given a declined attempt under another key
    publish_with_stock(mug(), pieces=1)
    checkout = create()
    assert complete(checkout, "tok_declined", "k1").json["status"] == "incomplete"
    # When two requests have the same key, and one runs between two reads of the other
    responses = twin_between_reads(lambda: complete(checkout, token, "k2"))
    response = complete(checkout, token, "k2")
    # Then both get the response of the one order, and so does every retry
    assert [each.json["status"] for each in responses] == [response.json["status"]]
    assert codes(responses[0]) == codes(response)
    retry = complete(checkout, token, "k2")
    assert (retry.json["status"], codes(retry)) == (response.json["status"], codes(response))
    assert retry.json["status"] != "incomplete" or token == "tok_insufficient_funds"
